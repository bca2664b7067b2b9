"""From results to estimates: pairs by seed, one number a seed, censored runs counted."""

import math
from typing import Any

import numpy as np
import pytest
import xarray as xr

from trainlab.comparisons import by_seed, correlation, difference, slope, steps_ratio, superiority, within

STEPS = np.arange(0, 110, 10)


def results(seeds: dict[str, list[int]]) -> xr.Dataset:
    """Runs of named optimizers; each value is its optimizer's place in the alphabet, then its seed."""
    runs = [(name, seed) for name, some in seeds.items() for seed in some]
    accuracy = np.array([ord(name) * 100.0 + seed for name, seed in runs])
    loss = np.outer(accuracy, np.arange(11))
    return xr.Dataset(
        {"test_accuracy": ("run", accuracy), "train_loss": (("run", "step"), loss)},
        coords={
            "optimizer": ("run", [name for name, _ in runs]),
            "seed": ("run", [seed for _, seed in runs]),
            "step": STEPS,
        },
    )


A, B = {"optimizer": "A"}, {"optimizer": "B"}


# One number a seed


def test_values_come_in_the_order_of_their_seeds() -> None:
    found = results({"B": [2, 0, 1], "A": [1, 0, 2]})
    assert by_seed(found, "test_accuracy", optimizer="B").tolist() == [6600, 6601, 6602]
    assert by_seed(found, "train_loss@20%", optimizer="A").tolist() == [13000, 13002, 13004]
    assert by_seed(found, "train_loss@100%", optimizer="A", seed=1).tolist() == [65010]
    assert by_seed(results({"A": [1, 0]}), "test_accuracy").tolist() == [6500, 6501]


def test_a_function_may_make_one_number_of_a_seeds_runs() -> None:
    found = results({"B": [2, 0, 1], "A": [1, 0, 2]})
    spread = by_seed(found, lambda runs: by_seed(runs, "test_accuracy", **B) - by_seed(runs, "test_accuracy", **A))
    assert spread.tolist() == [100, 100, 100]


def test_choice_must_be_one_run_a_seed() -> None:
    found = results({"A": [0, 1], "B": [0, 1]})
    with pytest.raises(ValueError, match=r"\{'optimizer': 'C'\} chooses 0 runs"):
        by_seed(found, "test_accuracy", optimizer="C")
    with pytest.raises(ValueError, match="chooses 4 runs of 2 seeds, which should be one a seed"):
        by_seed(found, "test_accuracy")


def deviations(runs: xr.Dataset) -> np.ndarray:
    return runs.train_loss.values.ravel()


@pytest.mark.parametrize(("measure", "name"), [("train_loss", "train_loss"), (deviations, "deviations")])
def test_measurements_inside_a_run_are_no_seeds(measure: Any, name: str) -> None:
    with pytest.raises(ValueError, match=rf"{name} has the shape \(.*\) for 2 seeds; a statistic takes one number a"):
        by_seed(results({"A": [0, 1]}), measure)


# Differences and shares


def test_difference_pairs_by_seed() -> None:
    compare = difference("test_accuracy", B, A, unit=2)
    estimate = compare(results({"B": [2, 0, 1], "A": [1, 0, 2]}))
    assert (estimate.value, estimate.low, estimate.high, estimate.n) == (200, 200, 200, 3)
    assert compare.region == (0, math.inf)


@pytest.mark.parametrize(
    "compare", [difference("test_accuracy", B, A), superiority("test_accuracy", B, A), steps_ratio("x", 1.0, B, A)]
)
def test_pairs_need_the_same_seeds(compare: Any) -> None:
    with pytest.raises(ValueError, match=r"has the seeds \[0, 2\], .* has \[0, 1\]; pairs need the same seeds"):
        compare(results({"B": [2, 0], "A": [1, 0]}))


def test_superiority_counts_a_diverged_run_as_worst() -> None:
    found = results({"B": list(range(10)), "A": list(range(10))})
    found.test_accuracy[0] = math.nan
    compare = superiority("test_accuracy", B, A)
    assert compare(found).value == 0.9
    assert superiority("test_accuracy", A, B)(found).value == pytest.approx(0.1)
    assert (compare.kind, compare.region) == ("probability of superiority", (0.5, math.inf))


# Steps to a target


def race(slow: list[float], fast: list[float], last: int = 100) -> xr.Dataset:
    """Runs whose accuracy is 1 from the given step on, measured every 10 steps; the seeds are not in order."""
    steps = np.arange(0, last + 10, 10)
    starts = np.array([*slow, *fast[::-1]])
    seeds = [*range(len(slow)), *reversed(range(len(fast)))]
    reached = (steps >= starts[:, None]).astype(float)
    return xr.Dataset(
        {"accuracy": (("run", "step"), reached), "loss": (("run", "step"), 1 - reached)},
        coords={
            "optimizer": ("run", ["B"] * len(slow) + ["A"] * len(fast)),
            "seed": ("run", seeds),
            "step": steps,
            "steps": ("run", [last] * len(starts)),
        },
    )


NEVER = math.inf


def test_steps_are_those_of_the_first_measurement_at_the_target() -> None:
    estimate = steps_ratio("accuracy", 0.5, B, A)(race([41, 60, 60, 58], [20, 18, 20, 20]))
    assert (estimate.value, estimate.n, estimate.censored) == (3, 4, 0)
    falling = steps_ratio("loss", 0.5, B, A, falling=True)(race([41, 60, 60, 58], [20, 18, 20, 20]))
    assert falling == estimate


def test_runs_that_never_reach_the_target_are_counted_and_not_dropped() -> None:
    some = steps_ratio("accuracy", 0.5, B, A)(race([50, 50, 50, NEVER, NEVER, 60] * 2, [20] * 12))
    assert some.value == 55 / 20
    assert some.censored == 4
    most = steps_ratio("accuracy", 0.5, B, A)(race([NEVER] * 9 + [50] * 3, [20] * 12))
    assert (most.value, most.high, most.censored) == (math.inf, math.inf, 9)
    assert 50 / 20 <= most.low <= 100 / 20, "the runs lasted a hundred updates: more nobody knows"
    assert steps_ratio("accuracy", 0.5, B, A).region == (1, math.inf)


def test_a_diverged_run_never_reaches_the_target() -> None:
    found = race([50] * 10, [20] * 10)
    found.accuracy[:4] = math.nan
    assert steps_ratio("accuracy", 0.5, B, A)(found).censored == 4


def test_a_target_that_runs_start_at_is_refused() -> None:
    with pytest.raises(ValueError, match="take a target that no run meets at its start"):
        steps_ratio("accuracy", 0.0, B, A)(race([50] * 3, [20] * 3))


# Theory, slopes, correlations


def test_theory_band_is_about_the_mean_deviation_of_the_seeds() -> None:
    found = results({"A": list(range(10))})
    compare = within(lambda runs: runs.seed.values / 100 - 0.045, 0.05)
    estimate = compare(found)
    assert estimate.value == pytest.approx(0)
    assert estimate.n == 10
    assert (compare.kind, compare.region) == ("theory band", (-0.05, 0.05))
    both = results({"A": [0, 1], "B": [0, 1]})
    assert within(lambda runs: runs.test_accuracy.values, 1, optimizer="B")(both).value == 6600.5


@pytest.mark.parametrize("tolerance", [0.0, -0.1, math.nan, math.inf])
def test_tolerance_is_positive(tolerance: float) -> None:
    with pytest.raises(ValueError, match=f"tolerance must be > 0 and finite, got {tolerance}"):
        within("deviation", tolerance)


def test_slope_is_that_of_each_seeds_curve() -> None:
    found = results({"A": list(range(10))})
    estimate = slope(lambda runs: (STEPS, runs.train_loss.values), optimizer="A")(found)
    each = [np.polyfit(STEPS, row, 1)[0] for row in found.train_loss.values]
    assert estimate.value == pytest.approx(np.mean(each))
    assert estimate.n == 10


@pytest.mark.parametrize(
    ("x", "y"), [(STEPS[:-1], np.ones((2, 11))), (STEPS, np.ones(11)), (np.ones(11), np.ones((2, 11)))]
)
def test_slope_needs_curves(x: np.ndarray, y: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"slope needs x \[points\], two of them different, and y \[seeds, points\]"):
        slope(lambda runs: (x, y))(results({"A": [0, 1]}))


def test_correlation_is_across_seeds() -> None:
    found = results({"A": list(range(10))})
    wobble = lambda runs: runs.seed.values + np.sin(runs.seed.values)  # noqa: E731
    estimate = correlation(wobble, "test_accuracy")(found)
    assert estimate.value == pytest.approx(np.corrcoef(np.arange(10) + np.sin(np.arange(10)), np.arange(10))[0, 1])
    assert estimate.n == 10
    with pytest.raises(ValueError, match="is the same for all seeds"):
        correlation(lambda runs: np.ones(10), "test_accuracy")(found)
