"""Finds out which page shows a claim, a figure or the ledger, from the text of the pages."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

NOT_TEXT = re.compile(
    r"<!--.*?-->"
    r"|^[ \t]*(?P<fence>`{3,}|~{3,}).*?(?:^[ \t]*(?P=fence)[`~]*[ \t]*$|\Z)"
    r"|(?<!`)(?P<tick>`+)(?!`).+?(?<!`)(?P=tick)(?!`)",
    re.DOTALL | re.MULTILINE,
)
MENTION = re.compile(
    r"^[ \t]*!claim[ \t]+(?P<claim>\S+)[ \t]*$|\]\(fig:(?P<figure>[^)\s]+)\)|^(?P<ledger>!ledger)[ \t]*$",
    re.MULTILINE,
)
TITLE = re.compile(r"^#[ \t]+(?P<title>.+?)[ \t]*(?:\{[^}]*\}[ \t]*)?$", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """A page of the book.

    Args:
        path: Relative to docs/.
        title: Its first heading, or its path where it has none.
    """

    path: str
    title: str


@dataclass
class Shown:
    """What the pages show, each thing with the first page that does, in the order of the pages.

    Args:
        claims: Claim's id -> page.
        figures: Experiment's name -> page.
        ledger: The page of the ledger, where there is one.
    """

    claims: dict[str, Page] = field(default_factory=dict)
    figures: dict[str, Page] = field(default_factory=dict)
    ledger: Page | None = None


def shown(docs: Path, live: Path) -> Shown:
    """Look through the pages; what stands in code or in a comment does not count.

    Args:
        docs: The folder of the pages.
        live: The folder of generated files, whose pages are parts of others.
    """
    found = Shown()
    for file in sorted(docs.rglob("*.md")):
        if live in file.parents:
            continue
        text = NOT_TEXT.sub("", file.read_text("utf-8"))
        path = file.relative_to(docs).as_posix()
        title = TITLE.search(text)
        page = Page(path, title["title"] if title else path)
        for mention in MENTION.finditer(text):
            if mention["claim"]:
                found.claims.setdefault(mention["claim"], page)
            elif mention["figure"]:
                found.figures.setdefault(mention["figure"], page)
            else:
                found.ledger = found.ledger or page
    return found
