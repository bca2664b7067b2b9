"""Spaces of hyperparameters: what is tried, what is refused, and what lies one step further out."""

from dataclasses import replace
from typing import Any

import pytest
from scipy.stats import loguniform

from trainlab.optimizers import L2, Adam, Momentum
from trainlab.runs import Run
from trainlab.spaces import beyond, setting, settings, spaces, with_settings

NAMES = ("SGD", "Adam")
RATES = (0.1, 0.01, 1.0)


def test_shared_rates_and_spaces_are_for_all_and_sorted() -> None:
    both = spaces(NAMES, RATES, {"model.dropout": (0.2, 0, 0.1), "optimizer": (Momentum(), Adam())})
    expected = {"lr": [0.01, 0.1, 1.0], "model.dropout": [0, 0.1, 0.2], "optimizer": [Momentum(), Adam()]}
    assert both == {"SGD": expected, "Adam": expected}
    assert list(both["SGD"]) == list(expected)


def test_a_grid_has_every_combination_the_last_path_fastest() -> None:
    grid = settings({"lr": [0.1, 1.0], "batch_size": [16, 32]})
    assert [(one["lr"], one["batch_size"]) for one in grid] == [(0.1, 16), (0.1, 32), (1.0, 16), (1.0, 32)]


@pytest.mark.parametrize(
    ("rates", "space", "message"),
    [
        ((0.1, 0.2), {}, r"tuning needs at least 3 different rates, got \[0.1, 0.2\]"),
        ((0.1, 0.1, 0.2), {}, "tuning needs at least 3 different rates, got"),
        ((), {}, r"tuning needs at least 3 different rates, got \[\]"),
        (RATES, {"model.dropout": (0, 0.1)}, r"at least 3 different values of model.dropout, got \[0, 0.1\]"),
        (RATES, {"optimizer": (Adam(),)}, "at least 2 different values of optimizer, got"),
        (RATES, {"lr": RATES}, "space has 'lr'; give the learning rates as `rates` only"),
        (RATES, {"seed": (1, 2, 3)}, "'seed' can't be tuned"),
        ({"SGD": RATES}, {}, "rates must be given for the contenders SGD, Adam, got SGD"),
        (RATES, {"Adam": {}, "SDG": {"x": RATES}}, "space must be given for the contenders SGD, Adam, got Adam, SDG"),
    ],
)
def test_what_is_refused(rates: Any, space: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        spaces(NAMES, rates, space)


def test_a_range_must_be_drawn_and_often_enough() -> None:
    with pytest.raises(ValueError, match="lr is to be drawn; say how many settings, as in draws=20"):
        settings({"lr": loguniform(1e-4, 1)})
    with pytest.raises(ValueError, match="draws must be >= 3, got 2"):
        settings({"lr": loguniform(1e-4, 1)}, draws=2)


def test_paths_lead_into_nested_parts(tiny: Run) -> None:
    run = replace(tiny, optimizer=L2(Momentum(), weight_decay=0.1))
    changed = with_settings(run, {"optimizer.optimizer.momentum": 0, "optimizer.weight_decay": 0.2, "model.width": 16})
    assert changed.optimizer == L2(Momentum(momentum=0.0), weight_decay=0.2)
    assert changed == replace(run, optimizer=changed.optimizer, model=replace(tiny.model, width=16))  # pyright: ignore[reportArgumentType, reportCallIssue]
    assert type(changed.optimizer.optimizer.momentum) is float
    assert setting(changed, "optimizer.optimizer.momentum") == 0
    assert setting(changed, "optimizer.beta1") is None


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("optimizer.mu", "'mu' is no field of Momentum; it has momentum"),
        ("widht", "'widht' is no field of Run"),
        ("lr.peak", "'peak' is no field of 0.1; it has none"),
    ],
)
def test_a_path_that_leads_nowhere_is_named(tiny: Run, path: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        with_settings(replace(tiny, optimizer=Momentum()), {path: 1})


@pytest.mark.parametrize(
    ("values", "below", "above"),
    [
        ([0.001, 0.01, 0.1], 0.0001, 1.0),
        ([0.0003, 0.001, 0.003], 0.00009, 0.009),
        ([0.2, 0.3, 0.4], 0.1, 0.5),
        ([0.1, 0.3, 0.5], 0, 0.7),
        ([0, 0.1, 0.2], 0, 0.3),
        ([0, 0.001, 0.01], 0, 0.1),
        ([16, 32, 64], 8, 128),
        ([1, 2, 3], 0, 4),
        ([-2.0, -1.0, 0.0], -3.0, 1.0),
        ([0.5, 0.9, 0.99], 0.1, 1.08),
    ],
)
def test_one_step_further_out(values: list[Any], below: float, above: float) -> None:
    for side, expected in ((-1, below), (1, above)):
        found = beyond(values, side)
        assert found == pytest.approx(expected)
        assert isinstance(found, int) == isinstance(values[1], int)
