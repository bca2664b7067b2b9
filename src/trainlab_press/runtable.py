"""Notes how every run behind an experiment ended, and puts runs of one setting into one row."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import xarray as xr

from trainlab.runs import Run
from trainlab.training import Trainer

SETTING = tuple(f.name for f in fields(Run) if f.name not in ("seed", "steps"))
ENDS = ("validation_accuracy", "validation_loss", "test_accuracy", "test_loss")

End = dict[str, Any]
"""The fields of a run and what it measured after its last update."""


@dataclass
class Watched:
    """A trainer that also notes how its runs ended.

    Args:
        trainer: does everything.
        ends: of every run so far.
    """

    trainer: Trainer
    ends: list[End] = field(default_factory=list)

    def __call__(self, *arguments: Any, **options: Any) -> xr.Dataset:
        """Train; see `trainlab.train`."""
        results = self.trainer(*arguments, **options)
        measured = [name for name in ENDS if name in results]
        last = results[measured].sel(step=results.steps)  # of each run; they may differ in length
        columns = {name: results[name].values.tolist() for name in ("seed", "steps", *SETTING)}
        columns |= {name: last[name].values.astype(np.float64).tolist() for name in measured}
        self.ends += [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        return results

    def __getattr__(self, name: str) -> Any:
        return getattr(self.trainer, name)


def table(ends: Sequence[End], tuning_seeds: Collection[int]) -> dict[str, Any]:
    """One row for each setting, and apart from it one for the same setting on seeds that chose hyperparameters.

    Args:
        ends: of every run.
        tuning_seeds: seeds that chose hyperparameters, whose test results are left out.

    Returns:
        `same`, fields that are equal in all runs, and `varying`, names of those that are not; `measure`,
        "accuracy" or "loss"; `seeds` and `tuning_seeds` as ranges; and `rows` in the order of the runs, each with
        `values` of the varying fields, `tuning`, `seeds`, `runs`, `updates`, mean `validation` and `test` results of
        the runs that did not diverge (None where there are none), and how many `diverged`.
    """
    varying = [name for name in SETTING if len({end[name] for end in ends}) > 1]
    measure = "accuracy" if any(math.isfinite(end["validation_accuracy"]) for end in ends) else "loss"
    groups: dict[Any, list[End]] = {}
    for end in ends:
        tuning = end["seed"] in tuning_seeds
        groups.setdefault((*(end[name] for name in varying), end["steps"], tuning), []).append(end)
    seeds = {end["seed"] for end in ends}
    return {
        "same": {name: _plain(ends[0][name]) for name in SETTING if ends and name not in varying},
        "varying": varying,
        "measure": measure,
        "seeds": ranges(seeds - {*tuning_seeds}),
        "tuning_seeds": ranges(seeds & {*tuning_seeds}),
        "rows": [_row(list(key[: len(varying)]), key[-1], members, measure) for key, members in groups.items()],
    }


def ranges(numbers: Iterable[int]) -> str:
    """Write whole numbers as ranges: "0–9, 12"."""
    ordered = sorted(set(numbers))
    runs = [[n for _, n in group] for _, group in itertools.groupby(enumerate(ordered), lambda pair: pair[1] - pair[0])]
    return ", ".join(f"{run[0]}–{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def _row(values: list[Any], tuning: bool, members: list[End], measure: str) -> dict[str, Any]:
    return {
        "values": values,
        "tuning": tuning,
        "seeds": ranges(end["seed"] for end in members),
        "runs": len(members),
        "updates": members[0]["steps"],
        "validation": _mean([end[f"validation_{measure}"] for end in members]),
        "test": None if tuning else _mean([end[f"test_{measure}"] for end in members]),
        "diverged": sum(not math.isfinite(end.get("test_loss", end["validation_loss"])) for end in members),
    }


def _mean(values: list[float]) -> float | None:
    finite = [value for value in values if math.isfinite(value)]
    return float(f"{np.mean(finite):.6g}") if finite else None


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
