"""A claim: a sentence, a statistic over runs, and the verdict that the book reports."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import xarray as xr

from trainlab.stats import Estimate, paired_difference

Verdict = Literal["holds", "null", "reversed"]

LEAST_SEEDS = 10


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A sentence that runs can contradict.

    Args:
        id: short name, unique within the experiment, with hyphens.
        text: one sentence that says that the statistic is above `null`.
        source: who says so, as a citation; "" for our own observation.
        url: where to read the source; "".
        statistic: what `compare` estimates, with its unit.
        compare: takes the experiment's results, returns the estimate.
        expect: the verdict that the book reports.
        null: the value of the statistic when there is no difference.
    """

    id: str
    text: str
    statistic: str
    compare: Callable[[xr.Dataset], Estimate]
    expect: Verdict
    source: str = ""
    url: str = ""
    null: float = 0.0

    def judge(self, results: xr.Dataset) -> tuple[Estimate, Verdict]:
        """The estimate, and what it says of the sentence.

        Returns:
            The verdict is "holds" where the whole interval lies above `null`, "reversed" where it
            lies below, and otherwise "null": no difference that this experiment can see.

        Raises:
            ValueError: the estimate rests on fewer than 10 seeds, or its interval is NaN.
        """
        estimate = self.compare(results)
        if estimate.n < LEAST_SEEDS:
            raise ValueError(f"claim {self.id} rests on {estimate.n} seeds; a claim needs at least {LEAST_SEEDS}")
        if math.isnan(estimate.low + estimate.high):
            raise ValueError(f"claim {self.id}: the estimate is {estimate}; let its statistic deal with diverged runs")
        if estimate.low > self.null:
            return estimate, "holds"
        return estimate, "reversed" if estimate.high < self.null else "null"


def by_seed(results: xr.Dataset, variable: str, **where: Any) -> np.ndarray:
    """The values of some runs, in the order of their seeds.

    Args:
        results: from `train`.
        variable: such as "test_accuracy"; "train_loss@10%" is its value after a tenth of the updates.
        **where: coordinates of `run` and their values, such as optimizer="Adam".

    Raises:
        ValueError: no run has these coordinates, or two of them have one seed.
    """
    name, _, share = variable.partition("@")
    chosen = np.ones(results.sizes["run"], dtype=bool)
    for field, value in where.items():
        chosen &= results[field].values == value
    runs = results.isel(run=np.flatnonzero(chosen)).sortby("seed")
    if len(runs.run) == 0 or len(set(runs.seed.values.tolist())) < len(runs.run):
        raise ValueError(f"{where} chooses {len(runs.run)} runs, which should be at least one, and one a seed")
    return runs[name].isel(step=after(runs, int(share.rstrip("%")))).values if share else runs[name].values


def after(results: xr.Dataset, percent: int) -> int:
    """The index of the measurement that was taken after so many percent of the updates."""
    return (results.sizes["step"] - 1) * percent // 100


def difference(
    variable: str, more: dict[str, Any], less: dict[str, Any], unit: float = 1.0
) -> Callable[[xr.Dataset], Estimate]:
    """Compare two sets of runs, paired by seed: how much larger is the variable in the first?

    Args:
        variable: as for `by_seed`.
        more: coordinates of the runs that the sentence says have more.
        less: coordinates of the runs that it says have less.
        unit: what the difference is multiplied by; 100 turns shares into percentage points.

    Raises:
        ValueError: when it is called: the two sets have different seeds.
    """

    def compare(results: xr.Dataset) -> Estimate:
        seeds = [by_seed(results, "seed", **side).tolist() for side in (more, less)]
        if seeds[0] != seeds[1]:
            raise ValueError(f"{more} has the seeds {seeds[0]}, {less} has {seeds[1]}; pairs need the same seeds")
        pair = (by_seed(results, variable, **more), by_seed(results, variable, **less))
        return paired_difference(unit * pair[0], unit * pair[1])

    return compare
