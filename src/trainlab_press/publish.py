"""From an experiment to the files that pages quote: numbers, claims, a figure and its data."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from trainlab import experiments
from trainlab.claims import distinct
from trainlab.engine import available_jobs
from trainlab.files import alone
from trainlab.fingerprint import digest, fingerprint, refuse_changed
from trainlab.store import versions
from trainlab.training import Trainer
from trainlab_press import reference
from trainlab_press.errors import PressError
from trainlab_press.figures import render
from trainlab_press.freshness import (
    BY_DEFAULT,
    LIBRARIES,
    PREVIEW,
    caption_digest,
    drawn,
    is_current,
    made_of,
    preview_has,
    publisher,
    settings,
    unchanged,
)
from trainlab_press.livefiles import LiveFiles
from trainlab_press.machine import machine
from trainlab_press.project import Project
from trainlab_press.recordings import write
from trainlab_press.runtable import Watched, table
from trainlab_press.shown import Shown
from trainlab_press.totals import totals, trained
from trainlab_press.verdicts import chapter_of, judge, unquotable

if TYPE_CHECKING:
    import xarray as xr

INDEXED = ("name", "question", "claims", "runs", "seeds", "training_steps", "seconds", "key", "source", "svg", "csv")
SITE = ("mkdocs", "mkdocs-material", "mkdocs-jupyter")
"""What makes pages of the files."""

log = logging.getLogger("trainlab")


@dataclass(frozen=True)
class Published:
    """What publishing one experiment did.

    Args:
        name: the experiment's.
        drawn: whether the figure was drawn again.
        trained: runs that were trained for it.
        problems: what makes the build fail, one line each.
    """

    name: str
    drawn: bool
    trained: int
    problems: list[str]


def publish(project: Project, name: str, trainer: Trainer) -> Published:
    """Measure one experiment and write its files under docs/live.

    Args:
        project: the checkout.
        name: the experiment's.
        trainer: a fresh one; it says afterwards what the experiment cost.

    Raises:
        ValueError: there is no such experiment, or it does not fit its runs.
        RuntimeError: its code was edited since it was read.
    """
    module = experiments.load(name)
    with experiments.naming(name):
        distinct(module.CLAIMS)  # before anything is trained
        watched = Watched(trainer)
        results = module.measure(watched)
        numbers = module.numbers(results)
        claims, problems = judge(project, module, results, trainer)
    if trainer.smoke:
        problems = []
    elif edge := results.attrs.get("at_edge"):
        found = f"{name}: {', '.join(edge)} tuned best at the edge of the grid"
        if entry := reference.elsewhere(project, name):
            log.warning("%s on this processor, and not on the book's, %s", found, entry["processor"])
        else:
            problems.append(f"{found}; widen it")
    parts = figure_parts(module, trainer)
    record = {
        "name": name,
        "question": experiments.question(module),
        "caption": experiments.caption(module),
        "alt": module.alt(numbers),
        # JSON has neither NaN nor infinity; null is the value that no run reached.
        "numbers": {key: float(value) if math.isfinite(value) else None for key, value in numbers.items()},
        "claims": [claim["id"] for claim in claims],
        "runs": len(trainer.runs),
        "seeds": len({run.seed for run in trainer.runs}),
        "training_steps": sum(run.steps for run in trainer.runs),
        "seconds": round(trainer.seconds, 1),
        "table": table(watched.ends, trainer.tuning_seeds),
        "versions": versions(),
        "key": digest(json.dumps(parts)),
        "source": f"src/trainlab/experiments/{name}.py",
        "svg": f"{name}.svg",
        "csv": f"{name}.csv",
        "touch": f"touch/{name}.json" if hasattr(module, experiments.TOUCH) else None,
        "parts": parts,
        "made_of": made_of(trainer),
        "stacks": dict(sorted(trainer.costs.items())),
        "problems": problems,
    }
    if name == PREVIEW[0]:
        record["preview"] = _preview_mark(trainer, parts)
    refuse_changed(parts)
    current = is_current(project, record)
    if not current:
        svg, csv = render(name, record["question"], record["alt"], module.draw, results)
        write(project.live / record["csv"], csv)
        write(project.live / record["svg"], svg)
        _write_touch(project, record, module, results)
        record["drawn"] = drawn(project, record)
    else:
        record["drawn"] = LiveFiles(project.live).experiment(name)["drawn"]
    if not trainer.smoke:
        problems += unquotable(project, name, record["numbers"], claims)
    record["seal"] = _seal(project, record, claims)
    _write_json(project.live / f"{name}.json", record)
    _merge_claims(project, name, claims)
    if name == PREVIEW[0] and not trainer.smoke:
        _write_preview(project, record["preview"])
    return Published(name, not current, trainer.trained, problems)


def as_before(project: Project, name: str, trainer: Trainer, pages: Shown) -> Published | None:
    """What publishing would do, where nothing has changed and every stored result is sound; else None.

    Args:
        project: the checkout.
        name: the experiment's.
        trainer: the one that would be asked, whose settings tell whether it trains in any case.
        pages: what they show now.
    """
    if trainer.store is None or trainer.force or settings(trainer) != BY_DEFAULT:
        return None
    record = unchanged(project, name, trainer.store.names())
    if record is None or record["made_of"].get("publisher") != publisher():
        return None
    try:
        claims = [claim for claim in read_claims(project) if claim["experiment"] == name]
        placed = all(claim["chapter"] == chapter_of(pages, claim["id"]) for claim in claims)
        sealed = record["seal"] == _seal(project, record, claims)
    except (PressError, KeyError):
        return None
    if not placed or not sealed:
        return None
    if not all(trainer.store.is_sound(key) for key in record["stacks"]):
        return None
    return Published(name, drawn=False, trained=0, problems=record["problems"])


def figure_parts(module: ModuleType, trainer: Trainer) -> dict[str, str]:
    """Everything that an experiment's files depend on, by name."""
    name = module.__name__
    written = [part for part in (*experiments.PARTS, experiments.TOUCH) if hasattr(module, part)]
    code = fingerprint([*((name, part) for part in written), render])
    libraries = {library: version(library) for library in LIBRARIES}
    return {"runs": digest(json.dumps(trainer.keys)), "caption": caption_digest(module.__doc__), **libraries, **code}


def why_redraw(project: Project, module: ModuleType, trainer: Trainer) -> list[str]:
    """What has changed since an experiment's files were written; nothing where they are current."""
    name = module.__name__.rpartition(".")[2]
    try:
        record = LiveFiles(project.live).experiment(name)
        old = dict(record["parts"])
    except (PressError, KeyError, TypeError):
        return ["never drawn"]
    new = figure_parts(module, trainer)
    changed = sorted(part for part in {*old, *new} if old.get(part) != new.get(part))
    if not changed and not is_current(project, record):
        return ["its files were changed or deleted"]
    if not changed and name == PREVIEW[0] and not preview_has(project, _preview_mark(trainer, new)):
        return [f"{PREVIEW[1].as_posix()}, which the README shows, is older than the runs"]
    return [f"{part.removeprefix('trainlab.')} changed" for part in changed]


def write_index(project: Project, names: Iterable[str]) -> dict[str, Any]:
    """Write docs/live/index.json, and remove the files of experiments that are gone."""
    names = list(names)
    live = LiveFiles(project.live)
    for stem in set(live.names()) - set(names):
        for file in (f"{stem}.json", f"{stem}.svg", f"{stem}.csv", f"touch/{stem}.json"):
            (project.live / file).unlink(missing_ok=True)
        _merge_claims(project, stem, [])
    records = [live.experiment(name) for name in names]
    index = {
        "versions": versions(),
        "libraries": {name: version(name) for name in (*LIBRARIES, *SITE)},
        "machine": machine(available_jobs()),
        "totals": totals(project, records, read_claims(project)),
        "trained": trained(project, records),
        "experiments": [{key: record[key] for key in INDEXED} for record in records],
    }
    _write_json(project.live / "index.json", index)
    return index


def read_claims(project: Project) -> list[dict[str, Any]]:
    """Every claim with its evidence, as docs/live/claims.json has it; nothing before the first build.

    Raises:
        PressError: the file is damaged.
    """
    path = project.live / "claims.json"
    try:
        claims = json.loads(path.read_bytes())
        if not isinstance(claims, list):
            raise TypeError("not a list")
        for claim in claims:
            _ = claim["id"], claim["experiment"]
        return claims
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, KeyError) as error:
        raise PressError(f"{path} is damaged ({error}); `trainlab run` writes it again") from None


def _seal(project: Project, record: dict[str, Any], claims: list[dict[str, Any]]) -> str:
    """A digest of what is written about an experiment and of the verdicts it was held against, which shows an edit."""
    written = {part: value for part, value in record.items() if part != "seal"}
    known = reference.read(project).get(record["name"])
    return digest(json.dumps([written, sorted(claims, key=lambda claim: claim["id"]), known], sort_keys=True))


def _merge_claims(project: Project, name: str, claims: list[dict[str, Any]]) -> None:
    with alone(project.live):  # or two commands at once would each leave the other's claims out
        try:
            others = [claim for claim in read_claims(project) if claim["experiment"] != name]
        except PressError as error:
            log.warning("%s", error)
            others = []
        _write_json(project.live / "claims.json", sorted(others + claims, key=lambda claim: claim["id"]))


def _write_touch(project: Project, record: dict[str, Any], module: ModuleType, results: xr.Dataset) -> None:
    """Write the data of the interactive figure in as few characters as JSON allows; remove what a former one left."""
    path = project.live / "touch" / f"{record['name']}.json"
    if record["touch"] is None:
        path.unlink(missing_ok=True)
        return
    said = {"question": record["question"], **getattr(module, experiments.TOUCH)(results)}
    write(path, json.dumps(said, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n")


def _write_preview(project: Project, mark: str) -> None:
    """Write the README's figure where the runs or the drawing have changed since."""
    if not preview_has(project, mark):
        write(project.root / PREVIEW[1], mark + (project.live / f"{PREVIEW[0]}.svg").read_text(encoding="utf-8"))


def _preview_mark(trainer: Trainer, parts: dict[str, str]) -> str:
    """The first line of the README's figure. It leaves versions out: a rebuild elsewhere leaves the file alone."""
    plain = {part: value for part, value in parts.items() if part.startswith("trainlab") or part == "caption"}
    return f"<!-- runs and drawing: {digest(json.dumps([trainer.sources, plain]))} -->\n"


def _write_json(path: Path, value: Any) -> None:
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    if not path.exists() or path.read_bytes() != text.encode():
        write(path, text)
