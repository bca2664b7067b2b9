"""From the record of the benchmark to the files that its page quotes: numbers, tables and figures.

The record, docs/assets/performance.json, is a tracked file that `make bench` writes, because a build cannot measure
speed: it runs on any machine, next to anything. What is drawn from it is made at every build, like everything else.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import xarray as xr

from trainlab.files import write
from trainlab.fingerprint import digest, fingerprint
from trainlab_press import performance_figures, performance_tables
from trainlab_press.errors import PressError
from trainlab_press.figures import render
from trainlab_press.livefiles import MEASURED, LiveFiles
from trainlab_press.project import Project

RECORD = Path("docs", "assets", "performance.json")
SECTIONS = ("rows", "growth", "stacks")
"""Those that have a figure, in the order of `MEASURED`."""

Record = dict[str, Any]
Numbers = dict[str, float | None]


def read(project: Project) -> Record:
    """The record, section by section; empty where nothing was measured.

    Raises:
        PressError: the file is damaged, or a section that the page needs is not there.
    """
    path = project.root / RECORD
    if not path.exists():
        return {}
    try:
        record = json.loads(path.read_bytes())
        missing = [section for section in (*SECTIONS, "profile") if "results" not in record.get(section, {})]
    except (ValueError, TypeError, AttributeError) as error:
        raise PressError(
            f"{RECORD.as_posix()} is damaged ({error}); take it from git, or measure: make bench"
        ) from None
    if missing:
        raise PressError(f"{RECORD} lacks {', '.join(missing)}; make bench SECTIONS='{' '.join(missing)}'")
    return record


def publish(project: Project) -> None:
    """Write docs/live/performance*; nothing where there is no record."""
    record = read(project)
    if not record:
        return
    found = numbers(record)
    for section, name in zip(SECTIONS, MEASURED, strict=True):
        key = _key(record, section)
        if _is_current(project, name, key):
            continue
        for file, text in _figure(name, section, record[section], found[name], key).items():
            _write(project.live / file, text)
    for name, text in performance_tables.tables(record).items():
        _write(project.live / f"performance_{name}.md", text)


def _key(record: Record, section: str) -> str:
    """A digest of everything that a figure's files depend on."""
    figure = performance_figures.FIGURES[section]
    code = fingerprint([figure.draw, figure.alt, render, numbers])
    return digest(json.dumps([record, figure.question, figure.caption, code, version("matplotlib")], sort_keys=True))


def _is_current(project: Project, name: str, key: str) -> bool:
    try:
        old = LiveFiles(project.live).experiment(name)
        return old["key"] == key and all((project.live / old[kind]).is_file() for kind in ("svg", "csv"))
    except (PressError, KeyError, TypeError):
        return False


def _figure(name: str, section: str, measured: Record, found: Numbers, key: str) -> dict[str, str]:
    """The three files of a figure."""
    figure = performance_figures.FIGURES[section]
    alt = figure.alt(found)
    svg, csv = render(name, figure.question, alt, lambda fig, _: figure.draw(fig, measured["results"]), xr.Dataset())
    about: Record = {"name": name, "question": figure.question, "caption": figure.caption, "alt": alt}
    about |= _provenance(name, section, measured) | {"key": key} | {"numbers": found}
    record = json.dumps(about, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    return {about["svg"]: svg, about["csv"]: csv, f"{name}.json": record}


def numbers(record: Record) -> dict[str, Numbers]:
    """Every number that a page may quote, by name and key; None where it was not measured."""
    growth: Numbers = {
        f"{point}_{key}": result[key]
        for point, result in record["growth"]["results"].items()
        for key in ("microseconds", "plain", "megabytes")
    }
    rows = _rows(record["rows"]["results"]) | _notebook(record.get("notebook", {}).get("results"))
    rows |= _profile(record["profile"]["results"])
    return dict(zip(MEASURED, (rows, growth, _stacks(record["stacks"]["results"])), strict=True))


def _rows(results: Record) -> Numbers:
    out: Numbers = {"pairs": min(c["pairs"] for row in results.values() for c in row.get("cells", {}).values())}
    for name, row in results.items():
        for net in performance_tables.NETS:
            cell = row.get("cells", {}).get(net, {})
            out |= {f"{name}_{net}_{key}": cell.get(key) for key in ("microseconds", "ratio", "low", "high")}
    return out


def _profile(results: Record) -> Numbers:
    out: Numbers = {}
    for net, result in results.items():
        times = result["microseconds"]
        out |= {f"profile_{net}_{part}": value for part, value in times.items()}
        out |= {f"profile_{net}_{part}_share": value / times["total"] for part, value in times.items()}
    return out


def _notebook(results: Record | None) -> Numbers:
    keys = ("plain_minutes", "minutes", "ratio", "fair_minutes", "fair_plain_minutes", "fair_runs", "fair_share")
    values: list[float | None] = [None] * len(keys)
    if results:
        plain, own, fair = (results[name]["seconds"] / 60 for name in ("plain", "trainlab", "fair"))
        runs, share = results["fair"]["runs"], results["fair"]["measured_share"]
        values = [plain, own, plain / own, fair, plain * runs / len(results["plain"]["accuracy"]), runs, share]
    return {f"notebook_{key}": value for key, value in zip(keys, values, strict=True)}


def _stacks(results: Record) -> Numbers:
    out: Numbers = {}
    for width, result in results.items():
        times = {int(size): value for size, value in result["microseconds"].items()}
        best = min(times, key=times.__getitem__)
        out |= {f"{width}_size_{size}": value for size, value in times.items()}
        out |= {f"{width}_best": best, f"{width}_gain": times[1] / times[best]}
    return out


def _provenance(name: str, section: str, measured: Record) -> Record:
    results = measured["results"].values()
    return {
        # Only the figures of runs in a sweep count runs; in the table, most are not trainlab's.
        "runs": sum(result.get("runs", 0) for result in results),
        "training_steps": sum(result.get("steps", 0) for result in results),
        "seconds": measured["seconds"],
        "versions": measured["versions"],
        "measured": f"Measured on {measured['date']} in {measured['seconds']:.0f} s",
        "command": measured["command"],
        "source": f"src/trainlab_bench/{'rows' if section == 'rows' else 'growth'}.py",
        "svg": f"{name}.svg",
        "csv": f"{name}.csv",
    }


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_bytes() != text.encode():
        write(path, text.encode())
