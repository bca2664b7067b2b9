"""Theory: every formula against another way to the same number, and that runs which break it are told apart."""

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise, product

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from trainlab import inits
from trainlab.claims import Claim, Comparison, Verdict, within
from trainlab.data import MNIST1D
from trainlab.experiments import quadratic_rates, signal_by_depth
from trainlab.models import MLP
from trainlab.runs import Run, grid
from trainlab.stack import build
from trainlab.theory import (
    VARIANCES,
    Constants,
    best_gradient_descent,
    best_heavy_ball,
    measured_rate,
    relu_layer,
    relu_net,
    updates_deviation,
)
from trainlab.training import Trainer, train
from trainlab.types import Init

Best = Callable[[float, float], Constants]

CONDITIONS = [1.5, 10.0, 400.0]
BEST = {"gradient descent": best_gradient_descent, "heavy ball": best_heavy_ball}


def spectral_radius(lr: float, momentum: float, curvatures: np.ndarray) -> float:
    """The slowest rate of w - lr h w + momentum (w - last w), from the eigenvalues of one update's matrix."""
    matrices = [np.array([[1 + momentum - lr * h, -momentum], [1, 0]]) for h in curvatures]
    return max(abs(np.linalg.eigvals(matrix)).max() for matrix in matrices)


@pytest.mark.parametrize("best", BEST.values(), ids=BEST)
@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("scale", [0.01, 7.0])
def test_rates_are_spectral_radii_and_no_other_constants_are_better(best: Best, condition: float, scale: float) -> None:
    curvatures = np.linspace(scale, scale * condition, 9)
    found = best(curvatures[0], curvatures[-1])
    # A double root is known to the square root of the rounding error.
    assert spectral_radius(found.lr, found.momentum, curvatures) == pytest.approx(found.rate, rel=1e-6)
    momenta = [0] if best is best_gradient_descent else [-0.01, 0, 0.01]
    for share, step in set(product([0.98, 1, 1.02], momenta)) - {(1, 0)}:
        assert spectral_radius(share * found.lr, found.momentum + step, curvatures) > found.rate + 1e-5


@pytest.mark.parametrize("condition", [16.0, 64.0, 256.0])
def test_rates_are_the_textbook_formulas(condition: float) -> None:
    root = math.sqrt(condition)
    assert best_gradient_descent(1, condition).rate == pytest.approx((condition - 1) / (condition + 1), rel=1e-12)
    assert best_heavy_ball(1, condition).rate == pytest.approx((root - 1) / (root + 1), rel=1e-12)


@pytest.mark.parametrize("best", BEST.values())
@pytest.mark.parametrize(("smallest", "largest"), [(0, 1), (-1, 1), (2, 2), (3, 2), (math.nan, 1)])
def test_curvatures_out_of_order_are_refused(best: Best, smallest: float, largest: float) -> None:
    with pytest.raises(ValueError, match=f"0 < smallest < largest, got {smallest} and {largest}"):
        best(smallest, largest)


def distances(constants: Constants, curvatures: np.ndarray, updates: int) -> np.ndarray:
    """`[directions, t]`: how far from 0 each direction is that starts at 1 and at rest."""
    w = last = np.ones(len(curvatures))
    out = [w]
    for _ in range(updates):
        w, last = w - constants.lr * curvatures * w + constants.momentum * (w - last), w
        out.append(w)
    return np.abs(np.stack(out, 1))


@settings(max_examples=30)
@given(st.floats(1.01, 1000), st.lists(st.floats(0, 1), max_size=5), st.sampled_from([*BEST.values()]))
def test_no_direction_is_further_than_the_bound(condition: float, between: list[float], best: Best) -> None:
    curvatures = np.array([1.0, condition, *(condition**share for share in between)])
    constants = best(1.0, condition)
    far = distances(constants, curvatures, 60)
    assert (far <= constants.bound(np.arange(61)) * (1 + 1e-7) + 1e-12).all()


@pytest.mark.parametrize("best", BEST.values(), ids=BEST)
def test_the_bound_is_reached_in_the_steepest_direction(best: Best) -> None:
    constants = best(1.0, 30.0)
    far = distances(constants, np.array([30.0]), 40)[0]
    np.testing.assert_allclose(far, constants.bound(np.arange(41)), rtol=1e-5)


def test_updates_are_those_after_which_the_rate_has_shrunk_so_far() -> None:
    constants = best_heavy_ball(1, 64)
    updates = constants.updates(1e-10)
    assert constants.rate**updates <= 1e-10 < constants.rate ** (updates - 1)


def test_a_rate_is_measured_over_the_second_half_with_the_growth_divided_out() -> None:
    t = np.arange(81)
    early = np.where(t < 30, 1 + 5.0 * 0.6**t, 1)  # whatever happens before
    runs = np.stack([3.0 * 0.9**t * early, 0.8**t * (1 + 1.9 * t)])
    assert measured_rate(runs[:1]) == pytest.approx([0.9], rel=1e-12)
    assert measured_rate(runs[1:], growth=1.9) == pytest.approx([0.8], rel=1e-12)
    assert measured_rate(runs[1:])[0] > 0.81


def test_a_rate_needs_two_distances() -> None:
    with pytest.raises(ValueError, match="at least 2 distances of a run, got 1"):
        measured_rate(np.ones((3, 1)))


def test_updates_deviation_counts_updates() -> None:
    """0.99 takes twice the updates of 0.9801."""
    np.testing.assert_allclose(updates_deviation(np.array([0.99, 0.9801]), 0.9801), [1, 0], atol=1e-12)


# Signals


@pytest.mark.parametrize("fan_in", [1, 2, 3])
def test_relu_layer_is_the_mean_over_all_signs(fan_in: int) -> None:
    """With weights and a bias that are each plus or minus something, the expectation is a finite sum."""
    x = np.array([0.3, 1.7, 0.9])[:fan_in]
    weight, bias = 0.7, 0.4
    signs = np.array(list(product([-1, 1], repeat=fan_in + 1)))
    outputs = np.maximum(signs @ np.append(weight * x, bias), 0)
    expected = relu_layer((x**2).mean(), fan_in, weight**2, bias**2)
    assert (outputs**2).mean() == pytest.approx(expected, rel=1e-12)


def test_relu_net_goes_layer_by_layer_from_many_inputs_at_once() -> None:
    inputs, widths = np.array([1.0, 3.0]), [40, 20, 20, 20]
    np.testing.assert_allclose(relu_net(inputs, widths, VARIANCES["He"]), np.repeat(inputs[:, None], 4, 1))
    glorot = relu_net(inputs, widths, VARIANCES["Glorot"])
    np.testing.assert_allclose(glorot[0], [1, 2 / 3, 1 / 3, 1 / 6])
    default = relu_net(np.array(1.0), [40, 20, 20], VARIANCES["PyTorchDefault"])
    np.testing.assert_allclose(default, [1, 1 / 6 + 1 / 240, (1 / 6 + 1 / 240) / 6 + 1 / 120])


def test_the_floor_of_the_default_is_a_fifth_of_one_over_the_width() -> None:
    moments = relu_net(np.array(1.0), [50] * 40, VARIANCES["PyTorchDefault"])
    assert moments[-1] == pytest.approx(1 / (5 * 50), rel=1e-12)


@pytest.mark.parametrize("name", VARIANCES)
def test_variances_are_those_that_inits_draw(name: str) -> None:
    layer = nn.Linear(600, 300)
    with torch.no_grad():
        getattr(inits, name)()(layer, torch.Generator().manual_seed(0))
    weight, bias = VARIANCES[name](600, 300)
    assert layer.weight.var().item() == pytest.approx(weight, rel=0.02)
    assert layer.bias.var(correction=0).item() == pytest.approx(bias, rel=0.2)


# What the claims make of runs that keep to theory, and of runs that do not


def verdict(results: xr.Dataset, compare: Comparison) -> Verdict:
    claim = Claim(id="a", text="A.", statistic="a", source="B 2000", compare=compare, expect="holds")
    return claim.judge(results)[1]


NARROW = [40] + 8 * [48]


@pytest.mark.parametrize(("init", "expected"), [(inits.He(), "holds"), (inits.LeCun(), "reversed")])
def test_a_wrong_gain_leaves_the_band(monkeypatch: pytest.MonkeyPatch, init: Init, expected: Verdict) -> None:
    base = Run(
        data=MNIST1D(rows=32, validation=10, test=10),
        model=MLP(inputs=40, outputs=10, depth=len(NARROW) - 1, width=NARROW[1]),
        init=init,
        lr=0.001,
        batch_size=32,
        steps=1,
    )
    results = train(grid(base, seed=range(12)), [signal_by_depth.signal]).assign_coords(init=("run", ["He"] * 12))
    monkeypatch.setattr(signal_by_depth, "WIDTHS", NARROW)
    assert verdict(results, within(signal_by_depth._step_deviation, 0.1, init="He")) == expected


@pytest.fixture(scope="module", autouse=True)
def _one_module() -> Iterator[None]:
    """The experiments as imported above, where tests of checkouts have imported them anew."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (quadratic_rates, signal_by_depth):
            patch.setitem(sys.modules, module.__name__, module)
        yield


@pytest.fixture(scope="module")
def quadratics() -> xr.Dataset:
    """The experiment's smallest problem, in full."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quadratic_rates, "CONDITIONS", (16,))
        return quadratic_rates.measure(Trainer())


def test_runs_stay_below_the_bound(quadratics: xr.Dataset) -> None:
    for method, best in (("SGD", best_gradient_descent), ("Momentum", best_heavy_ball)):
        far = quadratic_rates._distances(quadratics, method, 16)
        assert far.shape == (10, best(1 / 16, 1).updates(1e-10))
        bound = best(1 / 16, 1).bound(np.arange(far.shape[1]))
        assert (far / far[:, :1] <= bound * (1 + 1e-9)).all()
        assert far[:, -1].max() / far[:, 0].max() < 1e-8


def test_the_loss_is_the_quadratic_that_the_page_says(quadratics: xr.Dataset) -> None:
    """From the weights that the seeds draw: the sum of curvature times weight squared."""
    run = quadratic_rates._runs("SGD", 16)[3]
    weights = next(build(run).parameters()).detach().double().numpy()[0]
    distance = math.sqrt((np.geomspace(1 / 16, 1, 16) * weights**2).sum())
    assert quadratic_rates._distances(quadratics, "SGD", 16)[3, 0] == pytest.approx(distance, rel=1e-6)


@pytest.mark.parametrize(("error", "expected"), [(0.0, "holds"), (0.02, "reversed")])
def test_a_slower_heavy_ball_leaves_the_band(
    monkeypatch: pytest.MonkeyPatch, quadratics: xr.Dataset, error: float, expected: Verdict
) -> None:
    """Distances that fall a little less than the formula says."""
    monkeypatch.setattr(quadratic_rates, "CONDITIONS", (16,))
    losses = quadratics.batch_loss * (1 / 0.6) ** (2 * error * np.arange(quadratics.sizes["update"]))
    compare = within(quadratic_rates._worst_deviation, quadratic_rates.TOLERANCE, method="Momentum")
    assert verdict(quadratics.assign(batch_loss=losses), compare) == expected


def test_layers_of_the_experiment_are_those_of_its_network() -> None:
    asked: list[Run] = []

    def note(runs: Sequence[Run], probes: object) -> xr.Dataset:
        asked.extend(runs)
        return xr.Dataset()

    signal_by_depth.measure(note)
    layers = [module for module in asked[0].model().modules() if isinstance(module, nn.Linear)]
    assert [(m.in_features, m.out_features) for m in layers[:-1]] == [*pairwise(signal_by_depth.WIDTHS)]
    assert len({run.seed for run in asked}) == 10
