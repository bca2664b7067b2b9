"""Gains against what is known in closed form, and against random numbers."""

import math

import pytest
import torch
from torch import nn

from trainlab import gains
from trainlab.activations import ACTIVATIONS
from trainlab.layers import ReLUSquared


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        (nn.Identity(), 1.0),
        (nn.ReLU(), math.sqrt(2)),
        (nn.LeakyReLU(math.sqrt(5)), 1 / math.sqrt(3)),
        (nn.SELU(), 1.0),
        (ReLUSquared(), math.sqrt(2 / 3)),
        (torch.sin, 1 / math.sqrt((1 - math.exp(-2)) / 2)),
    ],
)
def test_right_gain_in_closed_form(activation: nn.Module, expected: float) -> None:
    assert gains.right_gain(activation) == pytest.approx(expected, rel=1e-6)


def test_moments_of_a_selu_are_its_fixed_point() -> None:
    mean, second = gains.normal_moments(nn.SELU())
    assert mean == pytest.approx(0, abs=1e-6)
    assert second == pytest.approx(1, abs=1e-6)


def test_moments_take_mean_and_variance() -> None:
    assert gains.normal_moments(nn.Identity(), 2.0, 9.0) == pytest.approx((2, 13), rel=1e-9)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_against_random_numbers(name: str) -> None:
    kind = ACTIVATIONS[name]
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 200_000, generator=generator, dtype=torch.float64)
    y = kind.activation()(a) * (b if kind.gated else 1)
    values = y.square()
    assert abs(float(values.mean()) - kind.gain**-2) < 5 * float(values.std()) / math.sqrt(len(values))


@pytest.mark.parametrize(
    ("activation", "gated", "power"), [(nn.ReLU(), False, 1), (ReLUSquared(), False, 2), (nn.Identity(), True, 2)]
)
def test_sensitivity_of_homogeneous_units_is_their_degree(activation: nn.Module, gated: bool, power: float) -> None:
    assert gains.sensitivity(activation, gated=gated) == pytest.approx(power, abs=1e-6)


def test_a_saturating_unit_repairs_and_gelu_does_not() -> None:
    assert gains.sensitivity(nn.Tanh()) < 1 < gains.sensitivity(nn.GELU())


def test_the_recursion_of_a_relu_is_a_power() -> None:
    found = gains.second_moments(nn.ReLU(), 1.0, 3.0, 4)
    assert found == pytest.approx([3, 3 / 2, 3 / 4, 3 / 8, 3 / 16], rel=1e-6)


def test_gradients_of_a_relu_have_its_critical_gain() -> None:
    assert gains.gradient_factor(nn.ReLU(), math.sqrt(2)) == pytest.approx(1, rel=1e-3)
    assert gains.gradient_factor(nn.ReLU(), 1.0) == pytest.approx(0.5, rel=1e-3)


@pytest.mark.parametrize(("gain", "low", "high"), [(0.8, 0.63, 0.65), (1.0, 0.9, 1.0), (1.5, 1.05, 1.5)])
def test_gradients_of_tanh_are_critical_at_gain_1(gain: float, low: float, high: float) -> None:
    assert low < gains.gradient_factor(nn.Tanh(), gain) <= high


def test_where_the_layers_settle() -> None:
    assert gains.settled(nn.ReLU(), 1.0) == 0
    assert gains.settled(nn.ReLU(), 2.0) == math.inf
    settled = gains.settled(nn.Tanh(), 1.5)
    assert 1.5**2 * gains.second_moment(nn.Tanh(), settled) == pytest.approx(settled, rel=1e-9)


def test_the_slope_is_that_of_the_function() -> None:
    z = torch.tensor([-1.0, 0.5, 2.0], dtype=torch.float64)
    torch.testing.assert_close(gains.derivative(torch.sin, z), z.cos())


def test_a_negative_variance_is_refused() -> None:
    with pytest.raises(ValueError, match=r"variance must be >= 0, got -1.0"):
        gains.normal_moments(nn.ReLU(), 0.0, -1.0)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_builds_its_net(name: str) -> None:
    network = ACTIVATIONS[name].model(inputs=5, depth=2, width=6)()
    assert network(torch.zeros(3, 5)).shape == (3, 10)
    assert len([m for m in network.modules() if isinstance(m, nn.Linear)]) == (5 if name == "SwiGLU" else 3)
