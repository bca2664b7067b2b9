"""Intervals and comparisons over runs, on scipy. Deterministic: the same runs give the same interval."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import stats

LEVEL = 0.95
RESAMPLES = 10_000

Values = Float[np.ndarray, " runs"]


@dataclass(frozen=True)
class Estimate:
    """A statistic with its 95 % bootstrap interval.

    Args:
        value: the statistic of all runs.
        low: the interval's lower end.
        high: the interval's upper end.
        n: runs, or pairs of runs, that it rests on.
    """

    value: float
    low: float
    high: float
    n: int


def bootstrap(values: Values, statistic: Callable[..., Float[np.ndarray, "..."]] = np.mean) -> Estimate:
    """A statistic of independent values, with the percentile interval.

    Args:
        values: one for each run, finite.
        statistic: takes the values and `axis`.

    Raises:
        ValueError: there are fewer than two values, or one is not finite.

    References:
        Efron and Tibshirani 1993, "An introduction to the bootstrap", chapter 13.
    """
    values = np.asarray(values, dtype=np.float64)
    if len(values) < 2:
        raise ValueError(f"an interval needs at least 2 runs, got {len(values)}")
    if not np.isfinite(values).all():
        raise ValueError(
            f"{(~np.isfinite(values)).sum()} of {len(values)} values are not finite (diverged runs?); "
            "compare with probability_of_superiority, which counts a diverged run as worst"
        )
    value = float(statistic(values, axis=0))
    if np.ptp(values) == 0:
        return Estimate(value, value, value, len(values))
    result = stats.bootstrap(
        (values,), statistic, confidence_level=LEVEL, n_resamples=RESAMPLES, method="percentile", rng=0
    )
    return Estimate(value, float(result.confidence_interval.low), float(result.confidence_interval.high), len(values))


def paired_difference(a: Values, b: Values) -> Estimate:
    """The mean of a - b over pairs, such as two runs from one seed.

    Args:
        a: one value a pair, finite.
        b: the partner of each, in the same order.

    Raises:
        ValueError: the lengths differ, or a value is not finite.
    """
    if len(a) != len(b):
        raise ValueError(f"pairs need equally many values on both sides, got {len(a)} and {len(b)}")
    return bootstrap(np.asarray(a) - np.asarray(b))


def probability_of_superiority(a: Values, b: Values) -> Estimate:
    """The share of pairs in which a is larger than b; a tie counts half, a NaN is smaller than any number.

    Args:
        a: one value a pair; NaN for a run that failed.
        b: the partner of each, in the same order.

    Raises:
        ValueError: the lengths differ.
    """
    if len(a) != len(b):
        raise ValueError(f"pairs need equally many values on both sides, got {len(a)} and {len(b)}")
    a, b = (np.where(np.isnan(side), -np.inf, side) for side in (a, b))
    return bootstrap(np.where(a == b, 0.5, a > b))
