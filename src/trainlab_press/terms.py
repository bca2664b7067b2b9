"""Links each term of the glossary from its first use in the running text of a chapter."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator

from markdown.treeprocessors import Treeprocessor

from trainlab_press import glossary
from trainlab_press.errors import naming_page, page_of
from trainlab_press.press import Press

RUNNING = frozenset({"p", "li", "dd"})
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
QUIET = frozenset({"a", "code", "pre", "figure", "table", "details", "svg", "data", "cite", "sup", "script", *HEADINGS})
QUIET_CLASSES = frozenset({"math", "admonition-title", "footnote", "notebook", "highlight", "listing"})
SOURCES = "Sources"


class Terms(Treeprocessor):
    """On a chapter, links terms to the glossary; on the glossary, gives each entry its anchor."""

    def __init__(self, press: Press) -> None:
        super().__init__()
        self.press = press

    def run(self, root: ET.Element) -> None:
        """Change one page.

        Args:
            root: Its elements, in which inline Markdown is done.
        """
        path = page_of(self.press.md)
        if path == glossary.PAGE:
            _anchors(root)
        elif (page := self.press.shown.pages.get(path)) and page.chapter:
            with naming_page(self.press.md):
                terms = [t for t in glossary.read(self.press.root) if not t.pages or path in t.pages]
                self.left = {term.name: term for term in terms}
                self.finder = glossary.Finder.of(self.left.values())
                self.walk(root, running=False)

    def walk(self, element: ET.Element, *, running: bool) -> None:
        """Link the terms inside an element in the order of the text, where it is running text."""
        running = running or element.tag in RUNNING
        at = 0
        if running:
            element.text, links = self.linked(element.text)
            for link in links:
                element.insert(at, link)
                at += 1
        while at < len(element):
            child = element[at]
            if child.tag == "h2" and "".join(child.itertext()).strip() == SOURCES:
                return
            if not _quiet(child):
                self.walk(child, running=running)
            at += 1
            if running:
                child.tail, links = self.linked(child.tail)
                for link in links:
                    element.insert(at, link)
                    at += 1

    def linked(self, text: str | None) -> tuple[str | None, list[ET.Element]]:
        """Split a text at the terms that are new in it: what comes before, and the links with their tails."""
        uses = [*self._first_uses(text or "")]
        if not text or not uses:
            return text, []
        links, ends = [], [*(use.start() for use, _ in uses[1:]), len(text)]
        for (use, term), end in zip(uses, ends, strict=True):
            address = self.press.to(glossary.PAGE, term.anchor)
            link = ET.Element("a", {"class": "term", "href": address, "title": term.definition})
            link.text, link.tail = use[0], text[use.end() : end]
            links.append(link)
        return text[: uses[0][0].start()], links

    def _first_uses(self, text: str) -> Iterator[tuple[re.Match[str], glossary.Term]]:
        for found, term in self.finder.find(text):
            if self.left.pop(term.name, None):
                yield found, term


def _quiet(element: ET.Element) -> bool:
    return element.tag in QUIET or not QUIET_CLASSES.isdisjoint(element.get("class", "").split())


def _anchors(root: ET.Element) -> None:
    for entry in root.iter("dt"):
        for mark in glossary.MARKS:  # for this book only; they are no HTML
            entry.attrib.pop(mark, None)
        entry.set("id", glossary.anchor("".join(entry.itertext())))
