"""How this build of the book was made: where, with what, when, and what it cost, chapter by chapter."""

from __future__ import annotations

import datetime as dt
import os
import re
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainlab_press.elements import add
from trainlab_press.ledger import KINDS
from trainlab_press.machine import commit
from trainlab_press.press import Press
from trainlab_press.shown import Page

SNIPPET = re.compile(r'--8<-- "snippets/(?P<name>[\w-]+)\.py')
LAB = re.compile(r"^!notebook[ \t]+(?P<name>\S+)", re.MULTILINE)
COLUMNS = {"figures": "Figures", "runs": "Runs", "training_steps": "Training steps", "seconds": "Seconds", **KINDS}
COLUMNS |= {"snippets": "Snippets", "labs": "Labs"}


@dataclass
class Share:
    """What a page has of the book.

    Args:
        title: Of the page.
        path: Of the page, or "" for all pages together.
        counts: By the keys of `COLUMNS`.
    """

    title: str
    path: str
    counts: Counter[str] = field(default_factory=Counter)


def making(press: Press, parent: ET.Element) -> None:
    """Append the facts of this build, and the table.

    Args:
        press: Of this conversion.
        parent: Where they go.

    Raises:
        PressError: There is no index of the experiments.
    """
    index = press.live.index()
    _facts(press, parent, index)
    add(parent, "h2", "Chapter by chapter")
    shares = collect(press, index)
    _table(press, parent, [*shares, _all(press, index, shares)])
    totals = index["totals"]
    if again := totals["runs_asked_for"] - totals["runs"]:
        add(parent, "p", f"The last row counts each run once: {again:,} of those above serve more than one purpose.")


def _facts(press: Press, parent: ET.Element, index: dict[str, Any]) -> None:
    facts = add(parent, "dl", class_="facts making")

    def fact(name: str, said: str) -> ET.Element:
        add(facts, "dt", name)
        return add(facts, "dd", said)

    now = _now()
    fact("Built", f"{now.day} {now:%B %Y, %H:%M} UTC")
    made = fact("From", "")
    if not (said := commit(press.root)):
        made.text = "files outside of git"
    elif press.repo:
        add(made, "a", f"commit {said}", href=f"{press.repo.rstrip('/')}/commit/{said.rstrip('+')}")
    else:
        add(made, "span", f"commit {said}")
    if said.endswith("+"):
        add(made, "span", ", with changes that are not committed")
    on = index["machine"]
    memory = f", {on['memory_gib']} GiB of memory" if on["memory_gib"] else ""
    fact("Machine", f"{on['processor']}, {on['cores']} cores{memory}")
    fact("System", on["system"])
    fact("Trained with", ", ".join(f"{what} {version}" for what, version in index["versions"].items()))
    fact("Drawn and set with", ", ".join(f"{what} {version}" for what, version in index["libraries"].items()))


def _now() -> dt.datetime:
    """The time of the build; SOURCE_DATE_EPOCH sets it, so that a build can be repeated to the byte."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    return dt.datetime.fromtimestamp(int(epoch), dt.UTC) if epoch else dt.datetime.now(dt.UTC)


def collect(press: Press, index: dict[str, Any]) -> list[Share]:
    """What each page has that has any figure of an experiment, claim, snippet or lab, in the order of the book."""
    shown = press.shown
    shares = {path: Share(page.title, path) for path, page in shown.pages.items()}
    nowhere = Share("On no page", "")

    def of(page: Page | None) -> Counter[str]:
        return (shares[page.path] if page else nowhere).counts

    for experiment in index["experiments"]:
        counts = of(shown.figures.get(experiment["name"]))
        counts["figures"] += 1
        counts.update({part: experiment[part] for part in ("runs", "training_steps", "seconds")})
    for claim in press.live.claims():
        of(shown.claims.get(claim["id"]))[claim["verdict"]] += 1
    for path, share in shares.items():
        text = (press.root / "docs" / path).read_text("utf-8")
        if shown.pages[path].chapter:
            share.counts["snippets"] += len({found["name"] for found in SNIPPET.finditer(text)})
            share.counts["labs"] += len({found["name"] for found in LAB.finditer(text)})
    return [share for share in (*shares.values(), nowhere) if share.counts.total()]


def _all(press: Press, index: dict[str, Any], shares: list[Share]) -> Share:
    """The last row: each run once, each snippet and each lab once, wherever they are shown."""
    total = Share("The whole book", "", sum((share.counts for share in shares), Counter()))
    for part in ("runs", "training_steps", "seconds"):
        total.counts[part] = index["totals"][part]
    total.counts["snippets"] = _files(press.root / "snippets")
    total.counts["labs"] = _files(press.root / "docs" / "labs")
    return total


def _files(folder: Path) -> int:
    return len([*folder.glob("*.py")])


def _table(press: Press, parent: ET.Element, shares: list[Share]) -> None:
    label = "What each chapter is made of"
    scroll = add(parent, "section", class_="scroll", tabindex="0", aria_label=label)
    table = add(scroll, "table", class_="runs making")
    head = add(add(table, "thead"), "tr")
    for column in ("Chapter", *COLUMNS.values()):
        add(head, "th", column, scope="col")
    body = add(table, "tbody")
    for share in shares:
        row = add(body, "tr")
        name = add(row, "th", scope="row")
        if share.path:
            add(name, "a", share.title, href=press.to(share.path))
        else:
            add(name, "span", share.title)
        for key in COLUMNS:
            add(row, "td", f"{share.counts[key]:,.0f}")
