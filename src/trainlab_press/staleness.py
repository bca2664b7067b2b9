"""What is stale in an experiment, and why: asked of the store and of the code, without training."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
import xarray as xr

from trainlab import experiments
from trainlab.data import SPLITS
from trainlab.engine import available_jobs
from trainlab.probes import Probe
from trainlab.runs import Run, describe
from trainlab.store import Store
from trainlab.training import Stale, Trainer
from trainlab_press.project import Project
from trainlab_press.publish import why_redraw


class Inquiry:
    """Asks what an experiment would train and draw, by measuring it with a trainer that trains nothing."""

    def __init__(self, project: Project) -> None:
        torch.set_num_threads(1)  # tiny networks are sized here, and threads that wait for work take processor time
        self.project, self.seen = project, _Seen(Store(project.cache / "runs"))

    def __call__(self, name: str) -> tuple[int, float, str]:
        """The runs of an experiment, the seconds that they trained, and what is stale and why.

        Raises:
            ValueError: it declares runs that cannot be.
        """
        lookup = _Lookup(self.seen)
        module = experiments.load(name)
        try:
            with experiments.naming(name):
                module.measure(lookup)
            why = why_redraw(self.project, module, lookup.account)
            state = f"to be drawn: {some(why)}" if why else "fresh"
        except Stale as stale:
            state = f"stale: {stale.missing} of {stale.total} runs to train: {some(stale.why)}"
        return len(lookup.account.runs), lookup.account.seconds, state


def some(reasons: list[str], most: int = 4) -> str:
    """The first reasons, and how many more there are."""
    more = len(reasons) - most
    return ", ".join(reasons[:most]) + (f", and {more} more" if more > 0 else "")


@dataclass
class _Seen:
    """What the store says of runs, looked up once for all experiments that share them."""

    store: Store
    found: dict[str, tuple[Trainer, xr.Dataset | Stale]] = field(default_factory=dict)

    def look(
        self, runs: Sequence[Run], probes: Sequence[Probe], every: int | None, dtype: str, splits: Sequence[str]
    ) -> tuple[Trainer, xr.Dataset | Stale]:
        """A trainer that was asked for these runs alone, and what came of it."""
        described = [] if self.store.is_empty() else [[describe(run) for run in runs], [describe(p) for p in probes]]
        key = json.dumps([described, every, dtype, [*splits]])
        if key not in self.found or not described:  # where nothing is stored, the answer costs less than the key
            trainer = Trainer(store=self.store, jobs=available_jobs(), dry=True)
            try:
                self.found[key] = trainer, trainer(runs, probes, every=every, dtype=dtype, splits=splits)
            except Stale as stale:
                self.found[key] = trainer, stale
        return self.found[key]


class _Lookup:
    """Stands in for the trainer of one experiment, which trains nothing; `account` says what it handed out."""

    def __init__(self, seen: _Seen) -> None:
        self.seen, self.account = seen, Trainer(dry=True)
        self.spend = self.account.spend

    def __call__(
        self,
        runs: Sequence[Run],
        probes: Sequence[Probe] = (),
        *,
        every: int | None = None,
        dtype: str = "float32",
        splits: Sequence[str] = SPLITS,
    ) -> xr.Dataset:
        one, result = self.seen.look(runs, probes, every, dtype, splits)
        self.account.keys += one.keys
        self.account.sources += one.sources
        self.account.runs += one.runs
        self.account.seconds += one.seconds
        if isinstance(result, Stale):
            raise result
        return result.copy()
