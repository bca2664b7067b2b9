"""Early stopping and steps to a target: by hand, and against a loop that a person would write."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from trainlab.history import early_stop, first_reach
from trainlab.runs import Run, grid
from trainlab.training import train

NAN, INF = np.nan, np.inf

# Few different values, so that ties happen often.
values = st.sampled_from([NAN, INF, -INF, -1.0, 0.0, 0.4, 0.5, 0.9, 1.0, 1.05]) | st.floats(-1e6, 1e6)
histories = arrays(np.float64, array_shapes(min_dims=1, max_dims=3, max_side=12), elements=values)


@pytest.mark.parametrize(
    ("losses", "patience", "kept", "stopped"),
    [
        ([3, 2, 1], 1, 2, 2),  # never worse
        ([3, 2, 2.5, 1], 1, 1, 2),  # impatient: misses the 1
        ([3, 2, 2.5, 1], 2, 3, 3),  # patient: finds it
        ([3, 2, 2.5, 2.5, 1], 2, 1, 3),
        ([1, 2, 3, 4], 2, 0, 2),  # the first was the best
        ([1, 1, 1], 2, 0, 2),  # a tie is no improvement
        ([1, 2, 3], 5, 0, 2),  # over before the patience is
        ([7], 1, 0, 0),
        ([3, 2, NAN, NAN, 1], 2, 1, 3),  # diverged: no improvement
        ([3, NAN, 2], 2, 2, 2),
        ([NAN, 2, 3, 4], 2, 1, 3),
        ([NAN, NAN, NAN, 0], 2, 0, 2),
        ([INF, 1, INF], 1, 1, 2),
        ([1, -INF, 0], 1, 1, 2),
    ],
)
def test_early_stop_by_hand(losses: list[float], patience: int, kept: int, stopped: int) -> None:
    found = early_stop(losses, patience)
    assert (found.kept, found.stopped) == (kept, stopped)


def test_an_improvement_must_exceed_the_least_difference_from_the_best_that_counted() -> None:
    falling = [1.0, 0.95, 0.91, 0.85, 0.80]
    assert early_stop(falling, 2).kept == 4
    assert early_stop(falling, 3, min_delta=0.1).kept == 3  # 0.85 is the first below 0.9
    assert (early_stop(falling, 2, min_delta=0.1).kept, early_stop(falling, 2, min_delta=0.1).stopped) == (0, 2)
    assert early_stop([1.0, 0.5], 1, min_delta=0.5).kept == 0


def naive_stop(losses: list[float], patience: int, min_delta: float) -> tuple[int, int]:
    """One run, with a counter."""
    best, kept, waited = losses[0] if losses[0] == losses[0] else INF, 0, 0
    for index, loss in enumerate(losses[1:], start=1):
        if loss < best - min_delta:
            best, kept, waited = loss, index, 0
        else:
            waited += 1
        if waited == patience:
            return kept, index
    return kept, len(losses) - 1


@given(histories, st.integers(1, 5), st.sampled_from([0.0, 0.1, 2.0]))
def test_early_stop_equals_a_loop_over_the_runs(losses: np.ndarray, patience: int, min_delta: float) -> None:
    found = early_stop(losses, patience, min_delta)
    assert found.kept.shape == found.stopped.shape == losses.shape[:-1]
    for run in np.ndindex(losses.shape[:-1]):
        expected = naive_stop(losses[run].tolist(), patience, min_delta)
        assert (found.kept[run], found.stopped[run]) == expected


@given(histories, st.integers(1, 5))
def test_what_is_kept_is_the_best_before_the_end(losses: np.ndarray, patience: int) -> None:
    found = early_stop(losses, patience)
    for run in np.ndindex(losses.shape[:-1]):
        seen = losses[run][: found.stopped[run] + 1]
        assert 0 <= found.stopped[run] - found.kept[run] <= patience
        assert np.isnan(seen).all() or losses[run][found.kept[run]] == np.nanmin(seen) or np.nanmin(seen) == INF


@pytest.mark.parametrize(
    ("history", "target", "falling", "step"),
    [
        ([0.1, 0.5, 0.7], 0.6, False, 20),
        ([0.1, 0.6, 0.5], 0.6, False, 10),  # met counts; lost again does not matter
        ([0.9, 0.1, 0.1], 0.6, False, 0),
        ([0.1, 0.2, 0.3], 0.6, False, INF),
        ([NAN, NAN, 0.7], 0.6, False, 20),
        ([NAN, NAN, NAN], 0.6, False, INF),
        ([2.0, 1.0, 0.5], 1.0, True, 10),
        ([2.0, NAN, NAN], 1.0, True, INF),
        ([-INF, 0.0, 0.0], 1.0, True, 0),
    ],
)
def test_first_reach_by_hand(history: list[float], target: float, falling: bool, step: float) -> None:
    assert first_reach(history, [0, 10, 20], target, falling=falling) == step


@given(histories, values, st.booleans())
def test_first_reach_equals_a_loop_over_the_runs(history: np.ndarray, target: float, falling: bool) -> None:
    steps = 7 * np.arange(history.shape[-1])
    found = first_reach(history, steps, target, falling=falling)
    assert found.shape == history.shape[:-1]
    for run in np.ndindex(history.shape[:-1]):
        there = [s for s, v in zip(steps, history[run], strict=True) if (v <= target if falling else v >= target)]
        assert found[run] == (there[0] if there else INF)


def test_results_of_training_go_in_as_they_are(tiny: Run) -> None:
    results = train(grid(tiny, lr=[0.1, 1e38], seed=[0, 1]), every=3)
    diverged = ~np.isfinite(results.validation_loss.values[:, -1])
    assert diverged.tolist() == [False, False, True, True]
    stop = early_stop(results.validation_loss, patience=2)
    best = results.validation_loss.isel(step=xr.DataArray(stop.kept, dims="run")).values
    assert np.isfinite(best).all()
    assert (best <= results.validation_loss.values[:, 0]).all()
    halfway = float(results.train_loss.values[:2].mean())
    steps = first_reach(results.train_loss, results.step, halfway, falling=True)
    assert set(steps[:2]) <= set(results.step.values[1:])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: early_stop([], 1),
            "early_stop needs at least one measurement on the last axis, got the shape (0,)",
        ),
        (lambda: early_stop(1.0, 1), "early_stop needs at least one measurement on the last axis, got the shape ()"),
        (lambda: early_stop([1.0], 0), "early_stop: patience must be >= 1 measurements, got 0"),
        (lambda: early_stop([1.0], 1, -0.1), "early_stop: min_delta must be >= 0 and finite, got -0.1"),
        (lambda: early_stop([1.0], 1, NAN), "early_stop: min_delta must be >= 0 and finite, got nan"),
        (
            lambda: first_reach([1.0, 2.0], [0], 1.0),
            "first_reach needs one step for each measurement on the last axis, got shapes (2,) and (1,)",
        ),
        (
            lambda: first_reach([], [], 1.0),
            "first_reach needs one step for each measurement on the last axis, got shapes (0,) and (0,)",
        ),
    ],
)
def test_a_bad_value_is_named(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        call()
