"""Finds out which page shows a claim, a figure or the ledger, and which are chapters, from the text of the pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

NOT_TEXT = re.compile(
    r"<!--.*?-->"
    r"|^[ \t]*(?P<fence>`{3,}|~{3,}).*?(?:^[ \t]*(?P=fence)[`~]*[ \t]*$|\Z)"
    r"|(?<!`)(?P<tick>`+)(?!`).+?(?<!`)(?P=tick)(?!`)",
    re.DOTALL | re.MULTILINE,
)
MENTION = re.compile(
    r"^[ \t]*!claim[ \t]+(?P<claim>\S+)[ \t]*$|\]\(fig:(?P<figure>[^)\s]+)\)"
    r"|^[ \t]*!touch[ \t]+(?P<touched>\S+)[ \t]*$|^(?P<ledger>!ledger)[ \t]*$",
    re.MULTILINE,
)
CHAPTERS = "Chapters"
"""The section of the navigation that holds the chapters."""
TITLE = re.compile(r"^#[ \t]+(?P<title>.+?)[ \t]*(?:\{[^}]*\}[ \t]*)?$", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """A page of the book.

    Args:
        path: Relative to docs/.
        title: Its first heading, or its path where it has none.
        chapter: Whether the navigation has it among the chapters.
    """

    path: str
    title: str
    chapter: bool = False


@dataclass
class Shown:
    """What the pages show, each thing with the first page that does, in the order of the navigation.

    Args:
        claims: Claim's id -> page.
        figures: Experiment's name -> page. A chapter comes before the home page, which borrows its figure.
        ledger: The page of the ledger, where there is one.
        pages: Path -> page, of all pages.
    """

    claims: dict[str, Page] = field(default_factory=dict)
    figures: dict[str, Page] = field(default_factory=dict)
    ledger: Page | None = None
    pages: dict[str, Page] = field(default_factory=dict)


class Settings(yaml.SafeLoader):
    """Reads mkdocs.yml without what only MkDocs knows, such as !relative."""


Settings.add_multi_constructor("!", lambda loader, suffix, node: None)


def shown(root: Path, live: Path) -> Shown:
    """Look through the pages; what stands in code or in a comment does not count.

    Args:
        root: The folder with mkdocs.yml and, in docs, the pages.
        live: The folder of generated files, whose pages are parts of others.
    """
    found = Shown()
    nav = _navigation(root)
    chapters = {*_leaves([part[CHAPTERS] for part in nav if isinstance(part, dict) and CHAPTERS in part])}
    for path in _pages(root, live, nav):
        text = NOT_TEXT.sub("", (root / "docs" / path).read_text("utf-8"))
        title = TITLE.search(text)
        page = found.pages[path] = Page(path, title["title"] if title else path, path in chapters)
        for mention in MENTION.finditer(text):
            if mention["claim"]:
                found.claims.setdefault(mention["claim"], page)
            elif name := mention["figure"] or mention["touched"]:
                if name not in found.figures or _better(page, found.figures[name]):
                    found.figures.pop(name, None)  # or it would keep its place in the order
                    found.figures[name] = page
            else:
                found.ledger = found.ledger or page
    return found


def _better(page: Page, known: Page) -> bool:
    return page.chapter and not known.chapter


def _navigation(root: Path) -> list[Any]:
    settings = root / "mkdocs.yml"
    read: Any = yaml.load(settings.read_text("utf-8"), Settings) if settings.is_file() else None
    return (read or {}).get("nav") or []


def _pages(root: Path, live: Path, nav: list[Any]) -> list[str]:
    """The pages relative to docs/, as the navigation has them; those that it lacks follow by name."""
    place = {path: number for number, path in reversed([*enumerate(_leaves(nav))])}
    docs = root / "docs"
    found = [file.relative_to(docs).as_posix() for file in docs.rglob("*.md") if live not in file.parents]
    return sorted(found, key=lambda path: (place.get(path, len(place)), path))


def _leaves(nav: Any) -> Iterator[str]:
    """The paths in a navigation, through all of its sections."""
    if isinstance(nav, str):
        yield nav
    for part in nav.values() if isinstance(nav, dict) else nav if isinstance(nav, list) else ():
        yield from _leaves(part)
