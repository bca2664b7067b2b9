"""Mean-field theory: against closed forms, and against wide random networks that a plain loop draws."""

import numpy as np
import pytest

from trainlab.meanfield import (
    ACTIVATIONS,
    both_active,
    gradient_cosine,
    normal_mean,
    relu_cosine,
    sigmoid,
    signal_layer,
    signal_net,
)
from trainlab.theory import VARIANCES, relu_net


@pytest.mark.parametrize("variance", [0.0, 0.3, 7.0])
def test_normal_mean_knows_the_moments(variance: float) -> None:
    for power, factor in ((1, 0), (2, 1), (4, 3)):
        mean = normal_mean(lambda z, power=power: z**power, np.array(variance))
        assert mean == pytest.approx(factor * variance ** (power / 2), abs=1e-12)


@pytest.mark.parametrize("variance", [0.1, 2.0, 30.0])
def test_the_quadrature_is_fine_enough_for_sigmoid_and_tanh(variance: float) -> None:
    """Against a plain sum over a fine grid."""
    x = np.linspace(-12, 12, 200_001)
    weights = np.exp(-(x**2) / 2) / np.exp(-(x**2) / 2).sum()
    for activation in (sigmoid, np.tanh):
        expected = (activation(np.sqrt(variance) * x) ** 2 * weights).sum()
        assert normal_mean(lambda z, f=activation: f(z) ** 2, np.array(variance)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("init", VARIANCES)
def test_a_wide_relu_net_is_the_exact_one(init: str) -> None:
    widths, inputs = [40, 30, 30, 30], np.array([0.5, 2.0])
    found = signal_net(inputs, ACTIVATIONS["ReLU"], widths, VARIANCES[init])
    np.testing.assert_allclose(found, relu_net(inputs, widths, VARIANCES[init]), rtol=1e-12)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_layer_is_the_mean_over_many_drawn_units(name: str) -> None:
    rng = np.random.default_rng(0)
    inputs = rng.random(50)  # their mean is not 0, which makes no difference
    weights, biases = rng.normal(0, 0.3, (50_000, 50)), rng.normal(0, 0.5, 50_000)
    found = (ACTIVATIONS[name](weights @ inputs + biases) ** 2).mean()
    expected = signal_layer(np.array((inputs**2).mean()), ACTIVATIONS[name], 50, 0.3**2, 0.5**2)
    assert found == pytest.approx(expected, rel=0.02)


def test_sigmoid_is_stable_far_out() -> None:
    np.testing.assert_allclose(sigmoid(np.array([-1e6, 0.0, 1e6])), [0, 0.5, 1])


def test_cosines_at_the_ends() -> None:
    np.testing.assert_allclose(relu_cosine(np.array([1.0, 0.0, -1.0])), [1, 1 / np.pi, 0], atol=1e-12)
    np.testing.assert_allclose(both_active(np.array([1.0, 0.0, -1.0])), [1, 0.5, 0], atol=1e-12)
    assert gradient_cosine(np.array(1.0), 40) == pytest.approx(1)
    angles = np.linspace(0, 1, 20)
    assert (np.diff(gradient_cosine(np.cos(angles), 10)) < 0).all()


@pytest.mark.parametrize("depth", [1, 3])
def test_gradients_of_a_wide_net_have_the_cosine(depth: int) -> None:
    rng, cosine, width, fan_in = np.random.default_rng(1), np.cos(0.5), 1500, 400
    x = np.zeros((2, fan_in))
    x[0, 0], x[1, 0], x[1, 1] = 1, cosine, np.sin(0.5)
    weights, masks = [], []
    for _ in range(depth):
        weights.append(rng.normal(0, np.sqrt(2 / fan_in), (width, fan_in)))
        masks.append(x @ weights[-1].T > 0)
        x, fan_in = np.maximum(x @ weights[-1].T, 0), width
    found = []
    for _ in range(200):  # outputs
        gradient = np.tile(rng.normal(size=width), (2, 1))
        for weight, mask in zip(reversed(weights), reversed(masks), strict=True):
            gradient = (gradient * mask) @ weight
        found.append([gradient[0] @ gradient[1], gradient[0] @ gradient[0], gradient[1] @ gradient[1]])
    product, first, second = np.mean(found, 0)
    assert product / np.sqrt(first * second) == pytest.approx(gradient_cosine(np.array(cosine), depth), abs=0.03)
