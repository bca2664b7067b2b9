"""The one error of the press: a line that names the value, the place and the remedy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown import Markdown

    _Base = Exception
else:
    try:  # MkDocs prints its own errors as one line and any other as a traceback
        from mkdocs.exceptions import BuildError as _Base
    except ImportError:
        _Base = ValueError


class PressError(_Base):
    """A page, a result or a notebook is wrong, and the message says how to mend it.

    Args:
        message: One line: the value, where it stands (as far as known), the remedy.
    """


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Say which known names are close to one that does not exist.

    Args:
        name: The unknown name.
        known: The names that exist.

    Returns:
        "; did you mean a, b?", or "" when nothing is close.
    """
    close = get_close_matches(name, list(known), n=3)
    return f"; did you mean {', '.join(close)}?" if close else ""


def page_of(md: Markdown) -> str:
    """Name the page that is being converted.

    Args:
        md: The running converter, to which MkDocs adds a tree processor that knows the page.

    Returns:
        Its path relative to docs/, or "" outside of MkDocs.
    """
    if "relpath" not in md.treeprocessors:
        return ""
    return getattr(getattr(md.treeprocessors["relpath"], "file", None), "src_uri", "")


@contextmanager
def naming_page(md: Markdown) -> Iterator[None]:
    """Put the page's name before the message of any PressError raised inside.

    Args:
        md: The running converter.

    Raises:
        PressError: The same error with the page named.
    """
    try:
        yield
    except PressError as error:
        page = page_of(md)
        raise PressError(f"{page}: {error}" if page else str(error)) from None
