"""The tables of the page Performance, as Markdown."""

from __future__ import annotations

from typing import Any

NETS = ("2x32", "3x100", "20x32", "20x100")
WORKERS = "sweep_two_workers"
"""The row whose reference is the same sweep on one worker; it has a table of its own."""
TIMES = "&nbsp;×&nbsp;"

Record = dict[str, Any]


def tables(record: Record) -> dict[str, str]:
    """Every table by name."""
    results = record["rows"]["results"]
    return {
        "trial": trial(record),
        "rows": rows(results),
        "workers": workers(results[WORKERS]),
        "profile": profile(record["profile"]["results"]),
        "setting": setting(record),
    }


def trial(record: Record) -> str:
    """A warning, where parts of the record are only a trial; else nothing."""
    quick = [section for section, measured in record.items() if measured["quick"]]
    if not quick:
        return ""
    said = f"The numbers of {', '.join(quick)} come from a trial and mean nothing. `make bench` measures them."
    return f'!!! warning "Not measured yet"\n\n    {said}\n'


def rows(results: Record) -> str:
    """One row a way to train: microseconds, and how many times as fast as the plain loop."""
    lines = [["", *(net.replace("x", TIMES) for net in NETS)]]
    for name, row in in_order(results):
        if name == WORKERS:
            continue
        if "missing" in row:
            lines.append([row["label"], row["missing"], *[""] * (len(NETS) - 1)])
        else:
            lines.append([row["label"], *(_cell(row["cells"].get(net)) for net in NETS)])
    return _table(lines)


def profile(results: Record) -> str:
    """One step of a stack, taken apart."""
    parts = ("total", "products", "batch", "forward", "loss", "backward", "update")
    heads = ["network", "one step", "products", "picking the batch", "forward", "loss", "backward", "update"]
    cells = (
        [net.replace("x", TIMES), *(f"{results[net]['microseconds'][part]:.1f}" for part in parts)] for net in NETS
    )
    return _table([heads, *cells])


def workers(row: Record) -> str:
    """A sweep on one worker and on two."""
    lines = [["network", "one worker", "two workers", "times as fast", "lowest to highest", "updates a run"]]
    for net in NETS:
        if cell := row["cells"].get(net):
            times = f"{cell['against']:.0f}&nbsp;µs", f"{cell['microseconds']:.0f}&nbsp;µs"
            spread = f"{cell['low']:.2f} to {cell['high']:.2f}"
            lines.append([net.replace("x", TIMES), *times, f"{cell['ratio']:.2f}", spread, str(cell["steps"])])
    return _table(lines)


def setting(record: Record) -> str:
    """Where, when and with what each section was measured."""
    lines = [["what", "machine", "date", "code", "load before", "seconds", "command"]]
    for section in sorted(record, key=lambda name: (name == "notebook", name)):
        measured = record[section]
        memory = f"{measured['memory_gib']:.0f} GiB"
        machine = f"{measured['processor']}, {measured['cores']} cores, {memory}, {measured['system']}"
        spent, load = f"{measured['seconds']:.0f}", f"{measured['load_before']:.2f}"
        code = f"`{measured['commit']}`" if measured["commit"] else "unknown"
        date = measured["date"].replace("-", "&#8209;")  # which do not end a line
        lines.append([section, machine, date, code, load, spent, f"`{measured['command']}`"])
    versions = dict(record["rows"]["versions"])
    versions |= {row["label"]: row["package"] for _, row in in_order(record["rows"]["results"]) if row.get("package")}
    said = f"Versions: {', '.join(f'{what} {version}' for what, version in versions.items())}.\n"
    return _table(lines) + "\n" + said


def in_order(results: Record) -> list[tuple[str, Any]]:
    """The rows as the benchmark lists them."""
    return sorted(results.items(), key=lambda item: item[1]["place"])


def _cell(cell: Record | None) -> str:
    if cell is None:
        return "not measured"
    time = f"{cell['microseconds']:.0f}" if cell["microseconds"] >= 10 else f"{cell['microseconds']:.1f}"
    return f"{time}&nbsp;µs<br>**{cell['ratio']:.2f}**<br>{cell['low']:.2f} to {cell['high']:.2f}"


def _table(lines: list[list[str]]) -> str:
    head, *body = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([head, f"|{'---|' * len(lines[0])}", *body]) + "\n"
