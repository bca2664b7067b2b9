"""The page of all snippets: what each shows, its code, what it prints, and its place in the book."""

from __future__ import annotations

import ast
import inspect
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from markdown.extensions.toc import slugify, unique
from markdown.util import AtomicString

from trainlab_press import filters
from trainlab_press.elements import add, highlighted
from trainlab_press.errors import PressError
from trainlab_press.press import Press
from trainlab_press.shown import Page

_LINE = re.compile(
    r'^[ \t]*(?:--8<-- "snippets/(?P<snippet>[\w-]+)\.py"'
    r"|(?P<fence>`{3,}|~{3,})[^\n`]*"
    r"|#{1,6}[ \t]+(?P<heading>.+?)[ \t]*(?:\{:?[^{}=]*?#(?P<id>[\w-]+)[^{}]*\})?[ \t]*#*)[ \t]*$",
    re.MULTILINE,
)
_MARKS = re.compile(r"\[(?P<text>[^\]]*)\]\([^)]*\)|[*`]|(?<!\w)_|_(?!\w)")


@dataclass(frozen=True)
class Place:
    """Where a snippet is shown.

    Args:
        page: The first page that does.
        heading: Of its part of that page.
        anchor: Of the heading.
    """

    page: Page
    heading: str
    anchor: str


def snippets(press: Press, parent: ET.Element) -> None:
    """Append every snippet, page after page in the order of the book.

    Args:
        press: Of this conversion.
        parent: Where they go.

    Raises:
        PressError: A snippet is on no page, says not what it shows, or has no recorded output.
    """
    places = _places(press)
    files = {file.stem: file for file in sorted((press.root / "snippets").glob("*.py"))}
    if lost := sorted(files.keys() - places.keys()):
        line = f'--8<-- "snippets/{lost[0]}.py"'
        raise PressError(f"!snippets: no page shows snippets/{lost[0]}.py; include it with {line}, or remove it")
    shown = [name for name in places if name in files]
    add(parent, "p", f"{len(shown)} scripts, in the order of the chapters.", class_="counted")
    filters.field(parent, "Find a snippet", len(shown))
    everything = add(parent, "div", class_="snippets")
    for page, group in groupby(shown, key=lambda name: places[name].page):
        section = add(everything, "section")
        add(add(section, "h2"), "a", page.title, href=press.to(page.path))
        cards = add(section, "ul")
        for name in group:
            _card(press, add(cards, "li", id=f"snippet-{name}"), files[name], places[name])


def _card(press: Press, card: ET.Element, file: Path, place: Place) -> None:
    code, output = file.read_text("utf-8"), press.live.folder / "snippets" / f"{file.stem}.txt"
    doc = ast.get_docstring(ast.parse(code), clean=False)
    if not doc:
        raise PressError(f"snippets/{file.name} has no docstring; its first line says what it shows")
    if not output.is_file():
        raise PressError(f"{output} is missing; `trainlab site` runs the snippet")
    first, *more = re.split(r"\n\s*\n", inspect.cleandoc(doc))
    add(add(card, "p", class_="name"), "code", file.name)
    _say(add(card, "p", class_="shows"), first)
    for paragraph in more:
        _say(add(card, "p"), paragraph)
    ways = add(card, "p", class_="ways")
    add(ways, "a", f"In its place: {place.heading}", href=press.to(place.page.path, place.anchor))
    ways[-1].tail = AtomicString(" · ")
    copy = press.href(f"snippets/{file.name}")
    add(ways, "a", "Download", href=copy, download="", aria_label=f"Download {file.name}")
    inside = add(card, "details", class_="script")
    add(add(inside, "summary", "Code and output of "), "code", file.name)
    add(inside, "div", press.md.htmlStash.store(highlighted(code, light=True)))
    add(inside, "p", "It prints:")
    # Without a button to copy it: what a reader takes along is the code.
    printed = add(inside, "div", class_="highlight no-copy")
    add(add(printed, "pre", tabindex="0"), "code", output.read_text("utf-8"))


def _say(parent: ET.Element, text: str) -> None:
    """Append a paragraph of a docstring, in which backticks mark code."""
    for number, piece in enumerate(" ".join(text.split()).split("`")):
        add(parent, "code" if number % 2 else "span", piece)


def _places(press: Press) -> dict[str, Place]:
    """Where each snippet is shown first, in the order of the book."""
    found: dict[str, Place] = {}
    for path, page in press.shown.pages.items():
        for name, heading, anchor in _includes((press.root / "docs" / path).read_text("utf-8")):
            found.setdefault(name, Place(page, heading, anchor))
    return found


def _includes(text: str) -> Iterator[tuple[str, str, str]]:
    """Each snippet that a page includes, with the heading that it stands below and the heading's anchor."""
    ids: set[str] = set()
    heading, anchor, inside = "", "", False
    for line in _LINE.finditer(text):
        if line["fence"]:
            inside = not inside
        elif line["snippet"]:
            yield line["snippet"], heading, anchor
        elif not inside:  # in code, a # begins a comment
            heading = _MARKS.sub(lambda mark: mark["text"] or "", line["heading"])
            anchor = unique(line["id"] or slugify(heading, "-"), ids)
