"""Intervals that cover, comparisons that treat ties and failed runs as they say."""

import inspect
import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from trainlab.stats import LEVEL, Estimate, bootstrap, paired_difference, probability_of_superiority


def coverage(n: int, repeats: int, statistic: Any, truth: float) -> float:
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(repeats):
        estimate = bootstrap(rng.normal(3.0, 2.0, n), statistic)
        hits += estimate.low <= truth <= estimate.high
    return hits / repeats


@pytest.mark.parametrize("statistic", [np.mean, np.median])
def test_interval_covers_the_truth_as_often_as_it_says(statistic: Any) -> None:
    """Within four standard deviations of a count of hits; a percentile interval of 40 values is a little short."""
    repeats = 150
    share = coverage(40, repeats, statistic, truth=3.0)
    spread = 4 * math.sqrt(LEVEL * (1 - LEVEL) / repeats)
    assert LEVEL - 0.02 - spread <= share <= min(LEVEL + spread, 0.999)


def test_interval_of_a_mean_is_near_the_classical_one() -> None:
    values = np.random.default_rng(1).normal(0.0, 1.0, 200)
    estimate = bootstrap(values)
    half = stats.norm.ppf(0.5 + LEVEL / 2) * values.std() / math.sqrt(len(values))
    assert estimate.value == pytest.approx(values.mean(), abs=1e-12)
    assert (estimate.low, estimate.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.02)
    assert estimate.n == 200


def test_same_runs_give_the_same_interval() -> None:
    values = np.random.default_rng(2).normal(size=10)
    assert bootstrap(values) == bootstrap(values.copy())


def test_equal_values_have_a_point_for_an_interval() -> None:
    assert bootstrap(np.full(10, 0.25)) == Estimate(0.25, 0.25, 0.25, 10)


def test_interval_narrows_with_more_runs() -> None:
    values = np.random.default_rng(3).normal(size=160)
    widths = [bootstrap(values[:n]).high - bootstrap(values[:n]).low for n in (10, 40, 160)]
    assert widths == sorted(widths, reverse=True)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(-(10**6), 10**6), min_size=2, max_size=12))
def test_interval_holds_its_statistic_and_stays_in_range(values: list[int]) -> None:
    estimate = bootstrap(np.array(values, dtype=float), np.median)
    ends = [min(values), estimate.low, estimate.value, estimate.high, max(values)]
    assert all(a <= b + 1e-6 for a, b in itertools.pairwise(ends))  # scipy interpolates with rounding


def test_interval_needs_two_finite_values() -> None:
    with pytest.raises(ValueError, match="an interval needs at least 2 runs, got 1"):
        bootstrap(np.array([1.0]))
    with pytest.raises(ValueError, match=r"2 of 3 values are not finite .* probability_of_superiority"):
        bootstrap(np.array([1.0, np.nan, np.inf]))


def test_pairs_remove_what_partners_share() -> None:
    rng = np.random.default_rng(4)
    shared = rng.normal(0, 10, 12)
    a, b = shared + 1 + rng.normal(0, 0.1, 12), shared + rng.normal(0, 0.1, 12)
    paired = paired_difference(a, b)
    assert 0.8 < paired.low < paired.value < paired.high < 1.2
    assert paired.n == 12
    assert bootstrap(a).high - bootstrap(a).low > 5


def test_difference_changes_sign_with_its_sides() -> None:
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=10), rng.normal(size=10)
    assert paired_difference(a, b).value == pytest.approx(-paired_difference(b, a).value)


@pytest.mark.parametrize("compare", [paired_difference, probability_of_superiority])
def test_pairs_need_partners(compare: Any) -> None:
    with pytest.raises(ValueError, match="equally many values on both sides, got 3 and 2"):
        inspect.unwrap(compare)(np.zeros(3), np.zeros(2))  # as outside tests, where nobody checks shapes


def test_difference_refuses_a_diverged_run() -> None:
    with pytest.raises(ValueError, match="1 of 2 values are not finite"):
        paired_difference(np.array([1.0, np.nan]), np.array([1.0, 2.0]))


@pytest.mark.parametrize(
    ("a", "b", "share"),
    [
        ([1, 2, 3], [0, 1, 2], 1.0),
        ([0, 1, 2], [1, 2, 3], 0.0),
        ([1, 2, 3], [1, 2, 3], 0.5),
        ([1, 2, 3, 4], [1, 1, 9, 9], 1.5 / 4),
        ([np.nan, 1], [0, 0], 0.5),
        ([np.nan, np.nan], [np.nan, 0], 0.25),
        ([1, 1], [np.nan, np.nan], 1.0),
        ([np.nan, 1], [-np.inf, np.inf], 0.25),
    ],
)
def test_superiority_counts_ties_half_and_nan_as_worst(a: list[float], b: list[float], share: float) -> None:
    estimate = probability_of_superiority(np.array(a, dtype=float), np.array(b, dtype=float))
    assert estimate.value == share
    assert 0 <= estimate.low <= share <= estimate.high <= 1
    assert estimate.n == len(a)


values = st.lists(st.one_of(st.integers(-3, 3).map(float), st.just(math.nan)), min_size=8, max_size=8).map(np.array)


@settings(max_examples=15, deadline=None)
@given(values, values)
def test_superiority_of_either_side_adds_up_to_one(a: np.ndarray, b: np.ndarray) -> None:
    assert probability_of_superiority(a, b).value + probability_of_superiority(b, a).value == pytest.approx(1)
