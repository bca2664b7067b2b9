"""The bibliography: every source of the book once, with the chapters and the claims that rest on it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter

from markdown.util import AtomicString

from trainlab_press import citations, filters
from trainlab_press.citations import Note, Work
from trainlab_press.elements import add
from trainlab_press.evidence import OBSERVATION, slug, verdict
from trainlab_press.ledger import KINDS
from trainlab_press.press import Press
from trainlab_press.shown import Page

SOURCES = "sources"
"""The anchor of the section in a page."""


def bibliography(press: Press, parent: ET.Element) -> None:
    """Append the works, and after them what has no author and year.

    Args:
        press: Of this conversion.
        parent: Where they go.

    Raises:
        PressError: A source is not understood.
    """
    works, notes = collect(press)
    add(parent, "p", f"{len(works)} works, in the order of their first authors.", class_="counted")
    filters.field(parent, "Find a source", len(works))
    listed = add(parent, "ul", class_="works")
    for work in works:
        _entry(press, add(listed, "li", id=f"source-{work.anchor}"), work)
    if notes:
        add(parent, "h2", "Documentation and more")
        others = add(parent, "ul", class_="works")
        for said, pages in notes.items():
            item = add(others, "li")
            add(item, "span").text = said  # Markdown, which the converter still reads
            _used(press, item, dict.fromkeys(pages, SOURCES))


def collect(press: Press) -> tuple[list[Work], dict[str, list[Page]]]:
    """Every work, and every other line among the sources with the pages that have it.

    Raises:
        PressError: A source is not understood.
    """
    found: list[Work] = []
    notes: dict[str, list[Page]] = {}
    for path, page in press.shown.pages.items():
        for source in citations.in_page(page, (press.root / "docs" / path).read_text("utf-8")):
            if isinstance(source, Note):
                notes.setdefault(source.said, []).append(page)
            else:
                found.append(source)
    order = {claim_id: place for place, claim_id in enumerate(press.shown.claims)}
    claims = [claim for claim in press.live.claims() if claim["source"] not in ("", OBSERVATION)]
    claims.sort(key=lambda claim: (order.get(claim["id"], len(order)), claim["id"]))
    return citations.merged([*found, *map(citations.of_claim, claims)]), notes


def _entry(press: Press, item: ET.Element, work: Work) -> None:
    add(item, "span", f"{work.authors} ({work.year}). ", class_="authors")
    if work.url:
        add(item, "a", work.title, href=work.url)
    else:
        add(item, "cite", work.title)
    item[-1].tail = AtomicString("" if work.title.endswith("?") else ".")
    places = dict.fromkeys(work.pages, SOURCES)
    for claim in work.claims:
        if page := press.shown.claims.get(claim["id"]):
            places.setdefault(page, f"claim-{slug(claim)}")
    _used(press, item, places)
    if work.claims:
        _claims(press, item, work)


def _used(press: Press, item: ET.Element, places: dict[Page, str]) -> None:
    """Append links to the pages that use a source, each to a place on it, in the order of the book."""
    if not places:
        return
    used = add(item, "span", "Used in ", class_="used")
    for page in press.shown.pages.values():
        if page in places:
            if len(used):
                used[-1].tail = AtomicString(", ")
            add(used, "a", page.title, href=press.to(page.path, places[page]))


def _claims(press: Press, item: ET.Element, work: Work) -> None:
    """Append the claims that rest on a work, folded, with what the runs say of each."""
    found = Counter(claim["verdict"] for claim in work.claims)
    counts = ", ".join(f"{found[kind]} {word}" for kind, word in KINDS.items() if found[kind])
    box = add(item, "details", class_="provenance")
    number = len(work.claims)
    add(box, "summary", f"{number} claim{'' if number == 1 else 's'} tested here: {counts.lower()}")
    listed = add(box, "ul")
    for claim in work.claims:
        line = add(listed, "li", data_verdict=claim["verdict"])
        sentence: dict[str, str] = {}
        if ledger := press.shown.ledger:
            sentence["href"] = press.to(ledger.path, f"ledger-{slug(claim)}")
        press.fill(add(line, "a" if sentence else "span", **sentence), claim["text"])
        line[-1].tail = AtomicString(" ")
        add(line, "strong", verdict(claim))
