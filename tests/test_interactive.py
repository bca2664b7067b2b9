"""What experiments hand to their interactive figures."""

import json
from itertools import pairwise

import numpy as np
import pytest

from trainlab import experiments, plots
from trainlab.interactive import quantised, series, window_means, windows

TOUCHED = [name for name in experiments.names() if hasattr(experiments.load(name), experiments.TOUCH)]


def test_numbers_are_multiples_of_the_unit_and_null_where_there_is_none() -> None:
    found = quantised(np.array([[0.126, np.nan], [np.inf, -0.02]]), 0.01)
    assert found == {"unit": 0.01, "values": [[13, None], [None, -2]]}
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_a_number_is_at_most_half_a_unit_off() -> None:
    values = np.random.default_rng(0).normal(size=(3, 4, 5))
    found = quantised(values, 0.02)
    np.testing.assert_allclose(np.array(found["values"]) * found["unit"], values, atol=0.01 + 1e-12)


@pytest.mark.parametrize("unit", [0, -1.0, float("nan")])
def test_a_unit_that_is_none_is_refused(unit: float) -> None:
    with pytest.raises(ValueError, match="unit must be > 0, got"):
        quantised(np.zeros(2), unit)


def test_series_have_the_colours_and_the_dashes_of_the_still_figures() -> None:
    sgd, free, zeros = series(
        {**plots.OPTIMIZER_LINES, "Zeros": plots.INIT_LINES["Zeros"]},
        ["SGD", "ScheduleFreeAdamW", "Zeros"],
        plots.SHORT_NAMES,
    )
    assert sgd == {"name": "SGD", "label": "SGD", "color": 1}
    assert free == {"name": "ScheduleFreeAdamW", "label": "Schedule-Free", "color": 1, "dash": [4, 1.5]}
    assert zeros["color"] == "muted"


def test_a_colour_of_no_house_is_refused() -> None:
    with pytest.raises(ValueError, match=r"the colour #123456 of Own is none of plots\.SERIES"):
        series({"Own": {"color": "#123456"}}, ["Own"])


@pytest.mark.parametrize("updates", [1, 2, 12, 500])
def test_windows_cut_a_run_into_whole_updates(updates: int) -> None:
    edges = windows(updates, 24)
    assert edges[0] == 0
    assert edges[-1] == updates
    assert (np.diff(edges) >= 1).all()
    assert len(edges) <= 25
    losses = np.random.default_rng(1).normal(size=(2, updates))
    means = window_means(losses, edges)
    for at, (start, end) in enumerate(pairwise(edges)):
        np.testing.assert_allclose(means[:, at], losses[:, start:end].mean(1))


def test_a_window_with_a_loss_that_is_no_number_is_none() -> None:
    means = window_means(np.array([1.0, 2.0, np.nan, 4.0]), np.array([0, 2, 3, 4]))
    np.testing.assert_array_equal(means, [1.5, np.nan, 4.0])


def test_some_experiments_can_be_touched() -> None:
    assert {"lr_sensitivity", "signal_and_gradient", "schedule_constants", "quadratic_rates"} == set(TOUCHED)
