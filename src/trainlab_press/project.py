"""Where things lie in a checkout."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trainlab_press.errors import PressError


@dataclass(frozen=True)
class Project:
    """A checkout of the book.

    Args:
        root: the folder with mkdocs.yml.
    """

    root: Path

    @classmethod
    def find(cls, start: Path) -> Project:
        """The checkout that a folder belongs to.

        Raises:
            PressError: neither the folder nor one above it has a mkdocs.yml.
        """
        for folder in (start, *start.parents):
            if (folder / "mkdocs.yml").is_file():
                return cls(folder)
        raise PressError(f"there is no mkdocs.yml in {start} or above it; run this inside a clone of the book")

    @property
    def live(self) -> Path:
        """Generated results, figures and notebooks."""
        return self.root / "docs" / "live"

    @property
    def cache(self) -> Path:
        """Stored runs and recorded outputs."""
        return self.root / ".cache"

    @property
    def site(self) -> Path:
        """The built site."""
        return self.root / "site"
