"""Renders pages again and again with MkDocs in one process, so that imports and TeX are paid for once."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from trainlab_press.errors import PressError
from trainlab_press.project import Project
from trainlab_press.site import environment, finish

_PARTIAL = "A 'dirty' build is being performed"
"""Starts what MkDocs says whenever it renders some pages only, which is the point here."""


class Renderer:
    """The pages of a preview.

    A page that is rendered alone does not check the links that others have to it, and is found by its former words.
    The whole build does all of it.

    Args:
        project: the checkout.
        folder: where the pages go.
    """

    def __init__(self, project: Project, folder: Path) -> None:
        self.project, self.folder = project, folder
        self.busy = Lock()
        self.complete = False
        os.environ.update(environment(project))

    def all(self) -> list[str]:
        """Render every page.

        Returns:
            What MkDocs warns of, a line each.

        Raises:
            PressError: a page is wrong; the line names it.
        """
        self.complete = False
        warnings = self._build(partly=False)
        self.complete = True
        return warnings

    def some(self, pages: Collection[str]) -> list[str]:
        """Render these pages, and copy files that pages load; everything where not all was rendered before.

        Args:
            pages: relative to docs/.

        Returns:
            As `all`.

        Raises:
            PressError: a page is wrong; the line names it. Pages stay as they were.
        """
        if not self.complete:
            return self.all()
        for page in pages:
            if (old := self.folder / address(page).strip("/") / "index.html").is_file():
                os.utime(old, (0, 0))  # older than its source
        index = self.folder / "search" / "search_index.json"
        words = index.read_bytes() if index.is_file() else b""
        try:
            return self._build(partly=True)
        finally:
            if words:
                index.write_bytes(words)  # MkDocs would leave the words of these pages alone

    def _build(self, *, partly: bool) -> list[str]:
        from mkdocs.commands.build import build
        from mkdocs.config import load_config
        from mkdocs.exceptions import MkDocsException

        with self.busy, _listening() as said:
            try:
                config = load_config(str(self.project.root / "mkdocs.yml"), site_dir=str(self.folder))
                config.plugins.on_startup(command="serve", dirty=partly)
                build(config, dirty=partly)
            except (MkDocsException, SystemExit) as error:
                lines = [line for line in said if not line.startswith(("Error reading page", "Error building page"))]
                raise PressError("\n".join(lines or [str(error)])) from None
            finish(self.project, self.folder)
        return said


def address(page: str) -> str:
    """Where a page is, below the site's own address.

    Args:
        page: its source, relative to docs/.
    """
    stem = page.rpartition(".")[0]
    return "/" if stem == "index" else f"/{stem.removesuffix('/index')}/"


@contextmanager
def _listening() -> Iterator[list[str]]:
    """Collect what MkDocs complains about, instead of printing it."""
    said: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if not (text := record.getMessage()).startswith(_PARTIAL):
                said.append(" ".join(text.split()))

    log, collector = logging.getLogger("mkdocs"), Collector(logging.WARNING)
    before, log.propagate = log.propagate, False
    log.addHandler(collector)
    try:
        yield said
    finally:
        log.removeHandler(collector)
        log.propagate = before
