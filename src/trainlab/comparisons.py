"""The statistics that claims rest on: from the results of runs to one estimate with its interval.

A seed is the unit. Each statistic is made of one number a seed, and seeds are what an interval resamples,
never the measurements inside a run.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from trainlab import stats
from trainlab.history import first_reach
from trainlab.stats import Estimate

Measure = str | Callable[[xr.Dataset], np.ndarray]
"""One number a seed: the name of a variable, as for `by_seed`, or a function of the chosen runs, which
come sorted by seed, that returns one number for each of their seeds."""

Curves = Callable[[xr.Dataset], tuple[np.ndarray, np.ndarray]]
"""A function of the chosen runs, sorted by seed, that returns x `[points]` and y `[seeds, points]`."""

Where = dict[str, Any]


@dataclass(frozen=True)
class Comparison:
    """A statistic of results, and where it has to lie for a sentence to hold.

    Args:
        kind: what the statistic is called.
        estimate: computes it with its interval.
        region: the ends of the open interval in which it must lie.
    """

    kind: str
    estimate: Callable[[xr.Dataset], Estimate]
    region: tuple[float, float] = (0.0, math.inf)

    def __call__(self, results: xr.Dataset) -> Estimate:
        """The statistic of these results."""
        return self.estimate(results)


def difference(measure: Measure, more: Where, less: Where, unit: float = 1.0) -> Comparison:
    """How much larger is a measure in one set of runs than in another? Paired by seed, with Student's interval.

    Args:
        measure: what is compared.
        more: coordinates of the runs that the sentence says have more.
        less: coordinates of the runs that it says have less.
        unit: what the difference is multiplied by; 100 turns shares into percentage points.

    Raises:
        ValueError: when it is called: the two sets have different seeds, or a value is not finite.
    """

    def estimate(results: xr.Dataset) -> Estimate:
        a, b = _pairs(results, measure, more, less)
        return stats.paired_difference(unit * a, unit * b)

    return Comparison("paired difference", estimate)


def superiority(measure: Measure, more: Where, less: Where) -> Comparison:
    """On what share of the seeds is a measure larger? A tie counts half, a NaN is worst; Wilson's interval.

    Args:
        measure: what is compared; larger is better.
        more: coordinates of the runs that the sentence says have more.
        less: coordinates of the runs that it says have less.

    Raises:
        ValueError: when it is called: the two sets have different seeds.
    """
    return Comparison(
        "probability of superiority",
        lambda results: stats.probability_of_superiority(*_pairs(results, measure, more, less)),
        region=(0.5, math.inf),
    )


def steps_ratio(variable: str, target: float, slow: Where, fast: Where, *, falling: bool = False) -> Comparison:
    """How many times as many updates does one set of runs need to a target, as a ratio of medians?

    A run that never gets there is counted as later than any other; see `stats.ratio_of_medians`.
    Steps are known to the measurement at which the target was first seen, not finer.

    Args:
        variable: what is measured along the run, such as "validation_accuracy".
        target: its value that counts as reached.
        slow: coordinates of the runs that the sentence says need more updates.
        fast: coordinates of the runs that it says need fewer.
        falling: whether the target is reached from above, as by a loss.

    Raises:
        ValueError: when it is called: the two sets have different seeds, or a run starts at the target.
    """

    def reached(runs: xr.Dataset) -> np.ndarray:
        values = runs[variable].transpose("run", "step").values
        return first_reach(values, runs.step.values, target, falling=falling)

    def estimate(results: xr.Dataset) -> Estimate:
        both = _pairs(results, reached, slow, fast)
        lasted = [_chosen(results, side).get("steps", results.step[-1]).min() for side in (slow, fast)]
        return stats.ratio_of_medians(*both, end=float(min(lasted)))

    return Comparison("ratio of steps to a target", estimate, region=(1.0, math.inf))


def within(deviation: Measure, tolerance: float, **where: Any) -> Comparison:
    """Is a measurement as close to a formula as the tolerance says? The mean deviation, with Student's interval.

    Holds where the whole interval lies within the tolerance on both sides of zero.

    Args:
        deviation: measurement minus prediction, absolute or relative; from a formula without a fitted number.
        tolerance: how large it may be, in the same unit, > 0.
        **where: coordinates of the runs; all by default.

    Raises:
        ValueError: the tolerance is not positive; when it is called: a deviation is not finite.
    """
    if not 0 < tolerance < math.inf:
        raise ValueError(f"tolerance must be > 0 and finite, got {tolerance}")
    return Comparison(
        "theory band",
        lambda results: stats.mean_interval(by_seed(results, deviation, **where)),
        region=(-tolerance, tolerance),
    )


def slope(curves: Curves, **where: Any) -> Comparison:
    """How steep is each seed's curve? The mean over seeds of the least-squares slope, with Student's interval.

    Args:
        curves: x and y of every seed's curve; take logarithms here for an exponent.
        **where: coordinates of the runs; all by default.

    Raises:
        ValueError: when it is called: the shapes do not fit, or a slope is not finite.
    """

    def steepness(runs: xr.Dataset) -> np.ndarray:
        x, y = (np.asarray(side, dtype=np.float64) for side in curves(runs))
        if x.ndim != 1 or y.ndim != 2 or y.shape[1] != len(x) or len(set(x.tolist())) < 2:
            raise ValueError(
                f"slope needs x [points], two of them different, and y [seeds, points]; got {x.shape}, {y.shape}"
            )
        centred = x - x.mean()
        return y @ centred / (centred @ centred)

    return Comparison("slope", lambda results: stats.mean_interval(by_seed(results, steepness, **where)))


def correlation(x: Measure, y: Measure, **where: Any) -> Comparison:
    """Do two measures rise together from seed to seed? Pearson's correlation, with Fisher's interval.

    Args:
        x: one number a seed.
        y: another of the same seed.
        **where: coordinates of the runs; all by default.

    Raises:
        ValueError: when it is called: a measure is the same for all seeds, or not finite.
    """
    return Comparison(
        "correlation",
        lambda results: stats.correlation(*(by_seed(results, side, **where) for side in (x, y))),
    )


def by_seed(results: xr.Dataset, measure: Measure, **where: Any) -> np.ndarray:
    """A measure of some runs, in the order of their seeds.

    Args:
        results: from `train`.
        measure: such as "test_accuracy"; "train_loss@10%" is its value after a tenth of the updates.
            Or a function, see `Measure`.
        **where: coordinates of `run` and their values, such as optimizer="Adam".

    Returns:
        float64, one value a seed.

    Raises:
        ValueError: no run has these coordinates, two runs have one seed, or a function does not return one
            number a seed.
    """
    runs = _chosen(results, where)
    seeds = len(set(runs.seed.values.tolist()))
    if isinstance(measure, str):
        name, _, share = measure.partition("@")
        if seeds < runs.sizes["run"]:
            raise ValueError(f"{where} chooses {runs.sizes['run']} runs of {seeds} seeds, which should be one a seed")
        values = (runs[name].isel(step=after(runs, int(share.rstrip("%")))) if share else runs[name]).values
    else:
        values = np.asarray(measure(runs))
    if values.shape != (seeds,):
        raise ValueError(
            f"{measure if isinstance(measure, str) else measure.__qualname__} has the shape {values.shape} for "
            f"{seeds} seeds; a statistic takes one number a seed"
        )
    return values.astype(np.float64)


def after(results: xr.Dataset, percent: int) -> int:
    """The index of the measurement that was taken after so many percent of the updates.

    Args:
        results: from `train`.
        percent: of the updates, 0 to 100.
    """
    return (results.sizes["step"] - 1) * percent // 100


def _chosen(results: xr.Dataset, where: Where) -> xr.Dataset:
    """The runs with these coordinates, sorted by seed."""
    chosen = np.ones(results.sizes["run"], dtype=bool)
    for field, value in where.items():
        chosen &= results[field].values == value
    if not chosen.any():
        raise ValueError(f"{where} chooses 0 runs, which should be one a seed")
    return results.isel(run=np.flatnonzero(chosen)).sortby("seed")


def _pairs(results: xr.Dataset, measure: Measure, *sides: Where) -> tuple[np.ndarray, ...]:
    """A measure of each side, one value a seed; the same seeds on all."""
    seeds = [sorted(set(_chosen(results, side).seed.values.tolist())) for side in sides]
    for side, some in zip(sides, seeds, strict=True):
        if some != seeds[0]:
            raise ValueError(f"{sides[0]} has the seeds {seeds[0]}, {side} has {some}; pairs need the same seeds")
    return tuple(by_seed(results, measure, **side) for side in sides)
