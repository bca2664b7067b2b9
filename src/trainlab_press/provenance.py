"""What a figure opens to: the runs behind it, its code, its files, and the command that makes it again."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

from markdown.util import AtomicString

from trainlab_press.elements import add, highlighted, say
from trainlab_press.press import Press

Record = dict[str, Any]
"""Of an experiment, as docs/live/NAME.json has it."""

MOST_ROWS = 100
"""Settings on a page; the record has them all."""

NONE = "–"


def provenance(press: Press, figure: ET.Element, record: Record) -> None:
    """Append the line that says which runs, or which measurement, are behind a figure, opening to all of it.

    Args:
        press: Of this conversion.
        figure: Where it goes.
        record: The experiment's.
    """
    box = add(figure, "details", class_="provenance", data_search_exclude="")
    if not (summary := record.get("measured")):
        seeds = f"{record['seeds']} seed{'' if record['seeds'] == 1 else 's'}"
        summary = f"{record['runs']:,} runs, {seeds}, trained in {say(record['seconds'])} s"
    add(box, "summary", summary)
    _facts(box, record)
    if record.get("table", {}).get("rows"):
        _runs(box, record)
    _code(press, box, record)
    command = record.get("command") or f"trainlab run {record['name']}"
    add(box, "p", "Make this figure again:", class_="again")
    add(add(add(box, "div", class_="highlight"), "pre"), "code", command)


def _facts(box: ET.Element, record: Record) -> None:
    table, facts = record.get("table", {}), add(box, "dl", class_="facts")

    def fact(name: str, said: str) -> ET.Element:
        add(facts, "dt", name)
        return add(facts, "dd", said)

    if question := record.get("question"):
        fact("Question", question)
    uses = [("seeds", "for results"), ("tuning_seeds", "for tuning")]
    if seeds := [f"{table[key]} {use}" for key, use in uses if table.get(key)]:
        fact("Seeds", ", ".join(seeds))
    if record["training_steps"]:
        fact("Training", f"{record['training_steps']:,} training steps in {say(record['seconds'])} s")
    if table.get("rows"):
        same = [f"{name} {value}" for name, value in table["same"].items() if value != "None"]
        fact("In all runs", ", ".join(same + ([f"{n:,} updates"] if (n := _updates(table)) else [])))
    fact("Versions", ", ".join(f"{what} {version}" for what, version in record["versions"].items()))
    add(fact("Key", ""), "code", record["key"])


def _runs(box: ET.Element, record: Record) -> None:
    """A table with a row for each setting."""
    table = record["table"]
    rows = table["rows"]
    inner = add(box, "details", class_="provenance part", data_part=f"{record['name']}-runs")
    add(inner, "summary", f"The runs: {len(rows):,} {'setting' if len(rows) == 1 else 'settings'}")
    if table.get("tuning_seeds"):
        add(inner, "p", "Runs for tuning choose by their validation results; their test results are not looked at.")
    label = f"The runs behind {record['name']}"
    scroll = add(inner, "section", class_="scroll", tabindex="0", aria_label=label)
    grid = add(scroll, "table", class_="runs sortable")
    head = add(add(grid, "thead"), "tr")
    lost = any(row["diverged"] for row in rows)
    columns = _columns(table, lost)
    for column in columns:
        add(head, "th", column, scope="col")
    body = add(grid, "tbody")
    for row in rows[:MOST_ROWS]:
        line = add(body, "tr")
        for read in columns.values():
            add(line, "td", read(row))
    notes = [f"Means over the runs{' that did not diverge' if lost else ''}, after the last update."]
    if len(rows) > MOST_ROWS:
        notes.append(f"The first {MOST_ROWS} settings are shown, and the record below has all {len(rows):,}.")
    add(inner, "p", " ".join(notes))


def _columns(table: Record, lost: bool) -> dict[str, Callable[[Record], str]]:
    """The heading of each column, and what a row says there; a script sorts by the numbers in the words."""

    def setting(place: int) -> Callable[[Record], str]:
        return lambda row: f"{v:g}" if isinstance(v := row["values"][place], float) else str(v)

    def end(split: str) -> Callable[[Record], str]:
        return lambda row: _said(row[split], table["measure"])

    columns = {name: setting(place) for place, name in enumerate(table["varying"])}
    if table["tuning_seeds"]:
        columns["for"] = lambda row: "tuning" if row["tuning"] else "results"
    columns |= {"seeds": lambda row: row["seeds"], "runs": lambda row: f"{row['runs']:,}"}
    if _updates(table) is None:
        columns["updates"] = lambda row: f"{row['updates']:,}"
    columns |= {f"{split} {table['measure']}": end(split) for split in ("validation", "test")}
    if lost:
        columns["diverged"] = lambda row: str(row["diverged"])
    return columns


def _updates(table: Record) -> int | None:
    """The updates of a run, where all runs have as many."""
    found = {row["updates"] for row in table["rows"]}
    return found.pop() if len(found) == 1 else None


def _said(value: float | None, measure: str) -> str:
    if value is None:
        return NONE
    return f"{100 * value:.1f} %" if measure == "accuracy" else f"{value:.3g}"


def _code(press: Press, box: ET.Element, record: Record) -> None:
    """The experiment's source, folded, and the files."""
    file = press.root / record["source"]
    if file.is_file():
        inner = add(box, "details", class_="provenance part", data_part=f"{record['name']}-code")
        add(inner, "summary", "The code that trained and drew it")
        add(inner, "div", press.md.htmlStash.store(highlighted(file.read_text("utf-8"), light=True)))
    files = add(box, "p")
    for text, live in (("Data (CSV)", record["csv"]), ("Figure (SVG)", record["svg"])):
        add(files, "a", text, href=press.href(live)).tail = AtomicString(" · ")
    add(files, "a", "Record (JSON)", href=press.href(f"{record['name']}.json")).tail = AtomicString(" · ")
    press.code_link(files, record["source"])
