"""The formulas in the scripts of the interactive figures, held against the package's."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from py_mini_racer import MiniRacer

from trainlab.experiments.quadratic_rates import CONDITIONS, DIRECTIONS
from trainlab.experiments.schedule_constants import SETTINGS
from trainlab.optimizers import Momentum
from trainlab.scheduled import STEPS
from trainlab.theory import best_gradient_descent, best_heavy_ball, heavy_ball, heavy_ball_roots

SCRIPTS = Path(__file__).parents[1] / "docs" / "assets" / "touch"

BEST = [(k, *best(1 / k, 1)[:2]) for k in CONDITIONS for best in (best_gradient_descent, best_heavy_ball)]
RATES = [(64, 1.2, 0.0), (64, 3.1, 0.6), (16, 0.4, 0.95), (256, 3.9, 0.9), (4, 2.5, 0.1), *BEST]

Call = Callable[..., Any]


@pytest.fixture(scope="module")
def call() -> Call:
    """Evaluates JavaScript, of which "quadratic" and "schedules" are the formulas; arguments and result go as JSON."""
    engine = MiniRacer()
    engine.eval("globalThis.Touch = {}")
    for name in ("quadratic", "schedules"):
        engine.eval((SCRIPTS / f"{name}.js").read_text(encoding="utf-8"))
    engine.eval("const { quadratic, schedules } = Touch")

    def run(function: str, *arguments: Any) -> Any:
        said = ", ".join(json.dumps(argument) for argument in arguments)
        return json.loads(str(engine.eval(f"JSON.stringify(({function})({said}))")))

    return run


@pytest.mark.parametrize(("condition", "lr", "momentum"), RATES)
def test_the_browser_makes_the_same_updates_as_the_optimizer(
    call: Call, condition: int, lr: float, momentum: float
) -> None:
    updates = 40
    found = call("quadratic.descend", call("quadratic.curvatures", condition, DIRECTIONS), lr, momentum, updates)
    curvatures = torch.from_numpy(np.geomspace(1 / condition, 1, DIRECTIONS))
    optimizer, w = Momentum(momentum=momentum), torch.ones(DIRECTIONS, dtype=torch.float64)
    state, path = optimizer.init(w), [w]
    for t in range(1, updates + 1):
        step, state = optimizer.update(curvatures * w, state, w, lr, t)
        w = w + step
        path.append(w)
    np.testing.assert_allclose(found, torch.stack(path), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("condition", "lr", "momentum"), RATES)
def test_the_closed_form_is_that_of_the_package_and_of_the_updates(
    call: Call, condition: int, lr: float, momentum: float
) -> None:
    t = np.arange(41)
    for curvature in np.geomspace(1 / condition, 1, 5):
        found = call("(l, r, m) => [...Array(41).keys()].map(quadratic.closed(l, r, m))", curvature, lr, momentum)
        path = np.ravel(call("quadratic.descend", [curvature], lr, momentum, 40))
        np.testing.assert_allclose(found, path, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(heavy_ball(t, curvature, lr, momentum), path, rtol=1e-5, atol=1e-7)
        size = max(abs(root) for root in heavy_ball_roots(curvature, lr, momentum))
        assert call("quadratic.factor", curvature, lr, momentum) == pytest.approx(size, rel=1e-9)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_best_constants_are_those_of_the_package(call: Call, condition: int) -> None:
    found = call("quadratic.best", condition)
    assert found["SGD"] == pytest.approx(best_gradient_descent(1 / condition, 1)[:2])
    assert found["Momentum"] == pytest.approx(best_heavy_ball(1 / condition, 1)[:2])


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda one: f"{one.family} {one.constants}")
def test_the_browser_draws_the_rate_that_the_run_had(call: Call, setting: Any) -> None:
    found = call("schedules.shape", setting.family, setting.constants, STEPS)
    wanted = [setting.schedule(step, STEPS) for step in range(STEPS)]
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)
