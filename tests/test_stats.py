"""Intervals that cover, comparisons that treat ties and failed runs as they say."""

import inspect
import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from trainlab.stats import (
    Estimate,
    bootstrap,
    correlation,
    mean_interval,
    paired_difference,
    probability_of_superiority,
    ratio_of_medians,
)

SEEDS = 10
"""The fewest that a claim may rest on."""

Draw = Callable[[np.random.Generator], Estimate]


def difference(rng: np.random.Generator) -> Estimate:
    shared = rng.normal(0, 3, SEEDS)
    return paired_difference(shared + rng.normal(2, 1, SEEDS), shared + rng.normal(0, 1, SEEDS))


def of_a_grid(rng: np.random.Generator) -> Estimate:
    """Differences that can only be multiples of a half, as those of rates on a grid."""
    return mean_interval(np.round(2 * rng.normal(0.3, 0.5, SEEDS)) / 2)


def ratio(end: float) -> Draw:
    """Times of 400 and 200 in the median, seen every 25 steps until the end."""

    def draw(rng: np.random.Generator) -> Estimate:
        shared = rng.normal(0, 0.2, SEEDS)
        times = [25 * np.ceil(m / 25 * np.exp(shared + rng.normal(0, 0.4, SEEDS))) for m in (400, 200)]
        return ratio_of_medians(*(np.where(side > end, np.inf, side) for side in times), end=end)

    return draw


def correlated(rho: float) -> Draw:
    def draw(rng: np.random.Generator) -> Estimate:
        x = rng.normal(size=SEEDS)
        return correlation(x, rho * x + math.sqrt(1 - rho**2) * rng.normal(size=SEEDS))

    return draw


COVERAGE: dict[str, tuple[Draw, float]] = {
    "mean, normal": (lambda rng: mean_interval(rng.normal(3, 2, SEEDS)), 3),
    "mean, heavy tails": (lambda rng: mean_interval(rng.laplace(0, 1, SEEDS)), 0),
    "mean, skewed": (lambda rng: mean_interval(rng.lognormal(0, 0.5, SEEDS)), math.exp(0.125)),
    "mean, on a grid": (of_a_grid, 0.3),
    "difference": (difference, 2),
    "correlation, none": (correlated(0), 0),
    "correlation, strong": (correlated(0.8), 0.8),
}


def covered(draw: Draw, truth: float, repeats: int) -> float:
    rng = np.random.default_rng(0)
    found = [draw(rng) for _ in range(repeats)]
    assert {estimate.n for estimate in found} == {SEEDS}
    return float(np.mean([estimate.low <= truth <= estimate.high for estimate in found]))


@pytest.mark.parametrize(("draw", "truth"), COVERAGE.values(), ids=COVERAGE)
def test_interval_of_ten_seeds_covers_the_truth_as_often_as_it_says(draw: Draw, truth: float) -> None:
    assert 0.90 <= covered(draw, truth, repeats=2000) <= 0.98


@pytest.mark.parametrize("end", [1e6, 600], ids=["nothing censored", "some censored"])
def test_interval_of_a_ratio_covers_the_truth_as_often_as_it_says(end: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainlab.stats.RESAMPLES", 1000)
    assert 0.90 <= covered(ratio(end), 2, repeats=300) <= 0.98


def test_interval_of_a_share_covers_the_truth_as_often_as_it_says() -> None:
    """Without chance: the sum over the eleven outcomes that there are. Between them the coverage jumps."""
    truths = np.linspace(0.5, 0.95, 46)
    shares = np.zeros_like(truths)
    for wins in range(SEEDS + 1):
        estimate = probability_of_superiority(np.repeat([1.0, -1.0], [wins, SEEDS - wins]), np.zeros(SEEDS))
        inside = (estimate.low <= truths) & (truths <= estimate.high)
        shares += stats.binom.pmf(wins, SEEDS, truths) * inside
    assert 0.93 <= shares.mean() <= 0.97
    assert 0.90 <= shares.min() <= shares.max() <= 0.985


def test_interval_with_a_censored_median_is_on_the_safe_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the slow runs end too early, so the ratio is known from one side only."""
    monkeypatch.setattr("trainlab.stats.RESAMPLES", 1000)
    assert covered(ratio(400), 2, repeats=100) >= 0.95


def test_bootstrap_of_a_mean_would_cover_less() -> None:
    """Why means have Student's interval; the docstring of the module gives both numbers."""
    assert covered(lambda rng: bootstrap(rng.normal(3, 2, SEEDS), np.mean), 3, repeats=300) < 0.91


@pytest.mark.parametrize("statistic", [np.mean, np.median])
def test_bootstrap_covers_when_there_are_more_values(statistic: Any) -> None:
    rng = np.random.default_rng(0)
    found = [bootstrap(rng.normal(3.0, 2.0, 40), statistic) for _ in range(60)]
    assert 0.84 <= np.mean([estimate.low <= 3 <= estimate.high for estimate in found]) <= 0.99


def test_interval_of_a_mean_is_that_of_scipy() -> None:
    values = np.random.default_rng(1).normal(0.0, 1.0, 12)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    estimate = mean_interval(values)
    assert (estimate.low, estimate.high) == pytest.approx((expected.low, expected.high), rel=1e-12)
    assert (estimate.value, estimate.n) == (pytest.approx(values.mean()), 12)


def test_interval_of_a_share_is_that_of_scipy() -> None:
    for wins in range(11):
        expected = stats.binomtest(wins, 10).proportion_ci(method="wilson")
        estimate = probability_of_superiority(np.repeat([1.0, -1.0], [wins, 10 - wins]), np.zeros(10))
        assert (estimate.low, estimate.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
        assert 0 <= estimate.low < estimate.high <= 1


def test_interval_of_a_correlation_is_that_of_scipy() -> None:
    x, y = np.random.default_rng(1).normal(size=(2, 12))
    expected: Any = stats.pearsonr(x, y)
    interval = expected.confidence_interval(0.95)
    estimate = correlation(x, y)
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx(
        (expected.statistic, interval.low, interval.high), rel=1e-9
    )


def test_same_runs_give_the_same_interval() -> None:
    values = np.random.default_rng(2).lognormal(size=10)
    assert bootstrap(values, np.median) == bootstrap(values.copy(), np.median)
    assert ratio_of_medians(values, values[::-1], 9.0) == ratio_of_medians(values.copy(), values[::-1].copy(), 9.0)


def test_equal_values_have_a_point_for_an_interval() -> None:
    same = np.full(10, 0.25)
    point = Estimate(0.25, 0.25, 0.25, 10)
    assert mean_interval(same) == bootstrap(same, np.mean) == paired_difference(same, np.zeros(10)) == point
    ratio = ratio_of_medians(same, 2 * same, 1.0)
    assert (ratio.low, ratio.value, ratio.high) == (pytest.approx(0.5), 0.5, pytest.approx(0.5))
    opposed = correlation(np.arange(10.0), -np.arange(10.0))
    assert (opposed.low, opposed.value, opposed.high) == pytest.approx((-1, -1, -1))


@pytest.mark.parametrize("interval", [mean_interval, lambda values: bootstrap(values, np.median)])
def test_interval_narrows_with_more_runs(interval: Callable[[np.ndarray], Estimate]) -> None:
    values = np.random.default_rng(3).normal(size=160)
    widths = [interval(values[:n]).high - interval(values[:n]).low for n in (10, 40, 160)]
    assert widths == sorted(widths, reverse=True)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(-(10**6), 10**6), min_size=2, max_size=12))
def test_interval_holds_its_statistic_and_stays_in_range(values: list[int]) -> None:
    estimate = bootstrap(np.array(values, dtype=float), np.median)
    ends = [min(values), estimate.low, estimate.value, estimate.high, max(values)]
    assert all(a <= b + 1e-6 for a, b in itertools.pairwise(ends))  # scipy interpolates with rounding
    student = mean_interval(np.array(values, dtype=float))
    assert student.low <= student.value <= student.high


@pytest.mark.parametrize("interval", [mean_interval, lambda values: bootstrap(values, np.median)])
def test_interval_needs_two_finite_values(interval: Callable[[np.ndarray], Estimate]) -> None:
    with pytest.raises(ValueError, match="an interval needs at least 2 runs, got 1"):
        interval(np.array([1.0]))
    with pytest.raises(ValueError, match=r"2 of 3 values are not finite .* probability_of_superiority"):
        interval(np.array([1.0, np.nan, np.inf]))


# Pairs


def test_pairs_remove_what_partners_share() -> None:
    rng = np.random.default_rng(4)
    shared = rng.normal(0, 10, 12)
    a, b = shared + 1 + rng.normal(0, 0.1, 12), shared + rng.normal(0, 0.1, 12)
    paired = paired_difference(a, b)
    assert 0.8 < paired.low < paired.value < paired.high < 1.2
    assert paired.n == 12
    assert mean_interval(a).high - mean_interval(a).low > 5


def test_difference_changes_sign_with_its_sides() -> None:
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=10), rng.normal(size=10)
    assert paired_difference(a, b).value == pytest.approx(-paired_difference(b, a).value)


@pytest.mark.parametrize(
    ("compare", "more"),
    [(paired_difference, ()), (probability_of_superiority, ()), (correlation, ()), (ratio_of_medians, (9.0,))],
)
def test_pairs_need_partners(compare: Any, more: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="equally many values on both sides, got 3 and 2"):
        inspect.unwrap(compare)(np.ones(3), np.ones(2), *more)  # as outside tests, where nobody checks shapes


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
    one, other = probability_of_superiority(a, b), probability_of_superiority(b, a)
    assert one.value + other.value == pytest.approx(1)
    assert (one.low + other.high, one.high + other.low) == (pytest.approx(1), pytest.approx(1))


# Times, some of which nobody saw


def times(*values: float) -> np.ndarray:
    return np.array(values, dtype=float)


SLOW, FAST = times(300, 350, 400, 450, 500, 400, 400, 350, 450, 400), times(*[200] * 5, *[190] * 5)


def test_ratio_is_that_of_the_medians() -> None:
    estimate = ratio_of_medians(SLOW, FAST, 1000)
    assert estimate.value == 400 / 195
    assert 350 / 200 <= estimate.low < estimate.value < estimate.high <= 450 / 190
    assert (estimate.n, estimate.censored) == (10, 0)


def test_runs_that_are_never_there_are_late_and_not_dropped() -> None:
    never = np.where(np.arange(10) < 3, np.inf, SLOW)
    estimate = ratio_of_medians(never, FAST, 1000)
    assert estimate.value == np.median(never) / 195 > np.median(never[3:]) / 195
    assert estimate.censored == 3
    assert estimate.high > ratio_of_medians(SLOW, FAST, 1000).high


def test_a_median_that_nobody_saw_leaves_a_bound() -> None:
    never = np.full(10, np.inf)
    slow = ratio_of_medians(never, FAST, 1000)
    assert (slow.value, slow.high, slow.censored) == (math.inf, math.inf, 10)
    assert 1000 / 200 <= slow.low <= 1000 / 190
    fast = ratio_of_medians(SLOW, never, 1000)
    assert (fast.value, fast.low, fast.censored) == (0, 0, 10)
    assert 0.35 <= fast.high <= 0.45
    both = ratio_of_medians(never, never, 1000)
    assert math.isnan(both.value)
    assert (both.low, both.high, both.censored) == (0, math.inf, 20)


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan])
def test_times_are_positive(bad: float) -> None:
    with pytest.raises(ValueError, match="times must be > 0"):
        ratio_of_medians(times(bad, 200), times(100, 200), 1000)
    with pytest.raises(ValueError, match="times must be > 0"):
        ratio_of_medians(times(100, 200), times(100, 200), bad)


def test_correlation_needs_something_that_varies() -> None:
    with pytest.raises(ValueError, match="is the same for all seeds"):
        correlation(np.ones(10), np.arange(10.0))
    with pytest.raises(ValueError, match="at least 4 pairs, got 3"):
        correlation(np.arange(3.0), np.arange(3.0) ** 2)
    with pytest.raises(ValueError, match="1 of 4 values are not finite"):
        correlation(times(1, 2, 3, math.nan), np.arange(4.0))


def test_estimate_says_itself_in_a_line() -> None:
    assert str(Estimate(1.23456, 1, math.inf, 10, censored=3)) == "1.23 [1, inf], n = 10, 3 runs never there"
    assert str(Estimate(-0.5, -1, 0.25, 12)) == "-0.5 [-1, 0.25], n = 12"
