"""The claims of an experiment, judged by its results: what claims.json says of them, and what fails a build."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import xarray as xr
from markdown import Markdown

from trainlab import experiments
from trainlab.claims import Claim, Verdict, distinct, refuse_spent
from trainlab.stats import Estimate
from trainlab.training import Trainer
from trainlab_press import reference
from trainlab_press.errors import PressError
from trainlab_press.livefiles import LiveFiles
from trainlab_press.press import NUMBER, Press
from trainlab_press.project import Project
from trainlab_press.shown import Shown, shown

Records = list[dict[str, Any]]


def judge(project: Project, module: ModuleType, results: xr.Dataset, trainer: Trainer) -> tuple[Records, list[str]]:
    """Judge every claim of an experiment.

    Args:
        project: the checkout, whose pages say where a claim is shown.
        module: the experiment.
        results: what it measured.
        trainer: what it measured with, which knows the seeds that chose hyperparameters.

    Returns:
        A record a claim, and a line for each that must fail the build. A verdict that differs on another
        processor than the book's does not: its record has what was measured when the book was written.

    Raises:
        ValueError: a claim cannot be judged, or rests on seeds that report nothing.
    """
    name = module.__name__.rpartition(".")[2]
    distinct(module.CLAIMS)
    if module.CLAIMS:
        refuse_spent(results, trainer.tuning_seeds)
    records, problems = [], []
    entry = None if trainer.smoke else reference.elsewhere(project, name)
    pages = shown(project.root, project.live)
    for claim in module.CLAIMS:
        estimate, verdict = claim.judge(results)
        records.append(record := _record(pages, name, claim, estimate, verdict))
        if math.isnan(estimate.value):
            problems.append(
                f"claim {name}/{claim.id}: the statistic is not a number: {estimate}; take one that these runs have, "
                "such as a target that half of them reach"
            )
        elif verdict == claim.expect:
            continue
        elif known := reference.differing(entry, claim.id, claim.expect, estimate.low, estimate.high):
            record["reference"] = known
        else:
            problems.append(
                f"claim {name}/{claim.id}: the book says {claim.expect}, the runs say {verdict}: {estimate}; "
                "correct the sentence or what it expects"
            )
    return records, problems


def pilot(project: Project, name: str, trainer: Trainer) -> Records:
    """Judge an experiment's claims on the seeds for drafts, and write nothing.

    Args:
        project: the checkout.
        name: the experiment's.
        trainer: a fresh one that trains pilot seeds.

    Returns:
        A record a claim, whose sentences quote the pilot's own numbers, and name each number that there is not yet.

    Raises:
        ValueError: as for `judge`, or the trainer would train the reported seeds.
    """
    if not trainer.pilot:
        raise ValueError("a pilot needs a trainer for drafts; make it with pilot=True")
    module = experiments.load(name)
    with experiments.naming(name):
        results = module.measure(trainer)
        numbers = module.numbers(results)
        records = judge(project, module, results, trainer)[0]
    live = _Drafted(project.live, name, numbers)
    return [record | {part: _draft(project, live, record[part]) for part in ("text", "why")} for record in records]


@dataclass(frozen=True)
class _Drafted(LiveFiles):
    """The generated results, but of one experiment the numbers that it has now."""

    name: str
    numbers: dict[str, float]

    def experiment(self, name: str) -> dict[str, Any]:
        return {"numbers": self.numbers} if name == self.name else super().experiment(name)


def _draft(project: Project, live: LiveFiles, text: str) -> str:
    """A sentence with its numbers filled in, as far as they are there."""

    def said(number: re.Match[str]) -> str:
        try:
            return _filled(project, live, number[0])
        except PressError:
            return f"[no number yet: {number[1].strip()}]"

    return re.sub(NUMBER, said, text)


def plain(project: Project, text: str) -> str:
    """A sentence with its {=...} filled in, as a page shows it.

    Raises:
        PressError: there is no such number.
    """
    return _filled(project, LiveFiles(project.live), text)


def _filled(project: Project, live: LiveFiles, text: str) -> str:
    line = ET.Element("span")
    Press(Markdown(), project.root, live, "").fill(line, text)
    return "".join(line.itertext())


def unquotable(project: Project, name: str, numbers: dict[str, Any], records: Records) -> list[str]:
    """A line for each number in a claim that its own experiment does not have.

    Numbers of other experiments may come later; the page that shows the claim looks for those.

    Args:
        project: the checkout.
        name: the experiment's.
        numbers: of the experiment, as its record has them.
        records: of its claims.
    """
    live, problems = _Drafted(project.live, name, numbers), []
    for record in records:
        for found in re.finditer(NUMBER, f"{record['text']} {record['why']}"):
            number = found[0]
            other = re.match(r"\{=\s*(\w+)\.", number)
            if other and other[1] != name:
                continue
            try:
                _filled(project, live, number)
            except PressError as error:
                problems.append(f"claim {record['id']}: {error}")
    return problems


def chapter_of(pages: Shown, claim_id: str) -> str | None:
    """The page that shows a claim, relative to docs/; the first of the navigation, where several do."""
    page = pages.claims.get(claim_id)
    return page.path if page else None


def _record(pages: Shown, name: str, claim: Claim, estimate: Estimate, verdict: Verdict) -> dict[str, Any]:
    """A claim as claims.json has it. JSON has neither NaN nor infinity: null is the end that an interval lacks."""
    claim_id = f"{name}/{claim.id}"
    low, high = claim.held_in
    return {
        "id": claim_id,
        "experiment": name,
        "figure": name,
        "chapter": chapter_of(pages, claim_id),
        **{part: getattr(claim, part) for part in ("text", "why", "source", "url", "statistic", "kind")},
        "null": _finite(low) if high == math.inf else None,
        "region": [_finite(low), _finite(high)],
        "estimate": _finite(estimate.value),
        "low": _finite(estimate.low),
        "high": _finite(estimate.high),
        "n": estimate.n,
        "censored": estimate.censored,
        "expected": claim.expect,
        "verdict": verdict,
    }


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
