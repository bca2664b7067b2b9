"""The ledger: every claim of the book in one table, whatever its verdict."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter

from trainlab_press import filters
from trainlab_press.elements import add
from trainlab_press.evidence import Claim, basis, numbers, slug, source, verdict, why
from trainlab_press.press import Press

KINDS = {"holds": "Holds", "null": "Null", "reversed": "Reversed"}
COLUMNS = ("Verdict", "Claim", "Estimate", "95 % interval", "Seeds", "Chapter", "Source")
NOWHERE = "On no page"


def ledger(press: Press, parent: ET.Element) -> None:
    """Append the counts and the table.

    Args:
        press: Of this conversion.
        parent: Where they go.

    Raises:
        PressError: A claim's experiment has no results, or a sentence has a number that does not exist.
    """
    claims = press.live.claims()
    order = {claim_id: place for place, claim_id in enumerate(press.shown.claims)}
    claims = sorted(claims, key=lambda claim: (order.get(claim["id"], len(order)), claim["id"]))
    _counts(parent, claims, sum(claim["id"] not in order for claim in claims))
    chapters = Counter(_chapter(press, claim) for claim in claims)
    kinds = Counter(_kind(claim) for claim in claims)
    filters.choices(parent, {"Verdict": kinds, "Chapter": chapters}, len(claims))
    # A phone shows the cells of a row as a block, and browsers then forget that it is a table unless it says so.
    table = add(parent, "table", class_="ledger sortable", id="claims", role="table", aria_label="Every claim")
    head = add(add(table, "thead", role="rowgroup"), "tr", role="row")
    for column in COLUMNS:
        add(head, "th", column, scope="col", role="columnheader")
    body = add(table, "tbody", role="rowgroup")
    for claim in claims:
        _row(press, add(body, "tr", role="row", id=f"ledger-{slug(claim)}", data_verdict=claim["verdict"]), claim)


def _counts(parent: ET.Element, claims: list[Claim], nowhere: int) -> None:
    found = Counter(claim["verdict"] for claim in claims)
    counts = add(parent, "ul", class_="counts")
    for key, word in KINDS.items():
        item = add(counts, "li", data_verdict=key)
        add(item, "strong", str(found[key]))
        add(item, "span", f" {word.lower()}")
    if differ := sum("reference" in claim for claim in claims):
        add(add(counts, "li"), "strong", str(differ))
        add(counts[-1], "span", " otherwise on this processor than on the book's")
    if nowhere:
        add(add(counts, "li"), "strong", str(nowhere))
        add(counts[-1], "span", f" {NOWHERE[0].lower()}{NOWHERE[1:]} yet")


def _row(press: Press, row: ET.Element, claim: Claim) -> None:
    def cell(column: str, text: str = "", **attributes: str) -> ET.Element:
        return add(row, "td", text, role="cell", data_label=column, **attributes)

    badge = cell("Verdict", data_key=_kind(claim))
    add(badge, "strong", verdict(claim), class_="verdict")
    said = cell("Claim")
    press.fill(add(said, "span", class_="sentence"), claim["text"])
    why(press, said, claim)
    add(said, "span", basis(claim), class_="basis")
    estimate, interval = numbers(claim)
    cell("Estimate", estimate, data_sort=_sort(claim["estimate"]))
    cell("95 % interval", interval, data_sort=_sort(claim["low"]))
    cell("Seeds", str(claim["n"]))
    page = press.shown.claims.get(claim["id"])
    chapter = cell("Chapter", data_key=_chapter(press, claim))
    if page:
        add(chapter, "a", page.title, href=press.to(page.path, f"claim-{slug(claim)}"))
    else:
        add(chapter, "span", NOWHERE)
    name = claim.get("figure") or claim["experiment"]
    if drawn := press.shown.figures.get(name):
        title = press.live.experiment(name).get("question") or name
        add(chapter, "a", "Figure", href=press.to(drawn.path, f"fig-{name}"), class_="figure", title=title)
    source(cell("Source"), claim)


def _kind(claim: Claim) -> str:
    return KINDS.get(str(claim["verdict"]), str(claim["verdict"]))


def _chapter(press: Press, claim: Claim) -> str:
    page = press.shown.claims.get(claim["id"])
    return page.title if page else NOWHERE


def _sort(value: float | None) -> str:
    return "" if value is None else repr(value)
