r"""Which gain an activation needs: integrals over a normal pre-activation, without a free parameter.

Weights of variance $g^2/n_{in}$ give a unit a pre-activation of variance $v' = g^2\, \mathbb{E}\, \varphi(z)^2$,
where z is normal with mean 0 and the variance v of the layer before. The gain g that keeps v at 1 is the right one.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

Activation = Callable[[Tensor], Tensor]

REACH, POINTS = 12.0, 4800
"""Standard deviations on each side of the mean; points of the trapezoidal rule, a jump at 0 midway between two."""


def normal_moments(activation: Activation, mean: float = 0.0, variance: float = 1.0) -> tuple[float, float]:
    r"""Mean and mean square of an activation of a normal number.

    $$\mathbb{E}\, \varphi(z), \quad \mathbb{E}\, \varphi(z)^2, \quad z \sim \mathcal{N}(\mu, v)$$

    Args:
        activation: elementwise, on float64.
        mean: of the pre-activation.
        variance: of the pre-activation, >= 0.

    Raises:
        ValueError: the variance is negative or not a number.
    """
    if not variance >= 0:
        raise ValueError(f"variance must be >= 0, got {variance}")
    z = torch.linspace(-REACH, REACH, POINTS, dtype=torch.float64)
    weight = torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi)
    with torch.no_grad():
        y = activation(mean + math.sqrt(variance) * z)
    return float(torch.trapezoid(weight * y, z)), float(torch.trapezoid(weight * y.square(), z))


def second_moment(activation: Activation, variance: float = 1.0, *, gated: bool = False) -> float:
    """The mean square of a layer's outputs whose pre-activations are normal with mean 0.

    Args:
        activation: elementwise.
        variance: of the pre-activations.
        gated: the output is the activation of one pre-activation times another one.
    """
    return normal_moments(activation, 0.0, variance)[1] * (variance if gated else 1.0)


def right_gain(activation: Activation, *, gated: bool = False) -> float:
    r"""The gain that keeps pre-activations at variance 1: $g = 1 / \sqrt{\mathbb{E}\, \varphi(z)^2}$.

    Args:
        activation: elementwise.
        gated: see `second_moment`.

    Returns:
        sqrt(2) for ReLU, as in He et al. 2015; 1 for SELU, as in Klambauer et al. 2017.

    References:
        He et al. 2015, "Delving deep into rectifiers", https://arxiv.org/abs/1502.01852
    """
    return 1 / math.sqrt(second_moment(activation, gated=gated))


def sensitivity(activation: Activation, *, gated: bool = False) -> float:
    r"""How much of a relative error of the variance one layer passes on, at variance 1 and the right gain.

    $$\frac{d \ln v'}{d \ln v}$$

    Below 1 the layers repair a wrong variance, above 1 they make it worse, and at 1 they keep it.

    Args:
        activation: elementwise.
        gated: see `second_moment`.
    """
    step = 1e-3
    up, down = (math.log(second_moment(activation, math.exp(s), gated=gated)) for s in (step, -step))
    return (up - down) / (2 * step)


def second_moments(
    activation: Activation, gain: float, inputs: float, layers: int, *, gated: bool = False
) -> np.ndarray:
    """The mean square of the outputs of every layer of a wide net, from that of its inputs.

    Args:
        activation: elementwise.
        gain: weights have variance gain^2 / fan_in, biases are 0.
        inputs: mean square of the net's inputs.
        layers: how many.
        gated: see `second_moment`.

    Returns:
        `[layers + 1]`, the inputs first.

    References:
        Poole et al. 2016, "Exponential expressivity in deep neural networks through transient chaos",
        https://arxiv.org/abs/1606.05340
    """
    moments = [inputs]
    for _ in range(layers):
        moments.append(second_moment(activation, gain**2 * moments[-1], gated=gated))
    return np.array(moments)


def settled(activation: Activation, gain: float, inputs: float = 1.0, *, layers: int = 300) -> float:
    """The variance of the pre-activations at which the layers of a wide net settle.

    Args:
        activation: elementwise.
        gain: weights have variance gain^2 / fan_in, biases are 0.
        inputs: mean square of the net's inputs.
        layers: when to stop; near a critical gain it takes many.

    Returns:
        0 or infinity where the signal dies out or explodes; for ReLU at its critical gain, what it started with.
    """
    variance = gain**2 * inputs
    for _ in range(layers):
        following = gain**2 * second_moment(activation, variance)
        if abs(following - variance) <= 1e-12 * variance or not 1e-30 < following < 1e30:
            return following if 1e-30 < following < 1e30 else (0.0 if following <= 1e-30 else math.inf)
        variance = following
    return variance


def gradient_factor(activation: Activation, gain: float, inputs: float = 1.0) -> float:
    r"""What one layer of a wide net makes of the mean square of the gradient, on its way back.

    $$\chi = g^2\, \mathbb{E}\, \varphi'(z)^2$$

    It is taken where the layers settle. At 1 the gain is critical: gradients neither vanish nor explode.

    Args:
        activation: elementwise, differentiable by autograd.
        gain: weights have variance gain^2 / fan_in, biases are 0.
        inputs: mean square of the net's inputs.

    References:
        Schoenholz et al. 2017, "Deep information propagation", https://arxiv.org/abs/1611.01232
    """
    variance = min(max(settled(activation, gain, inputs), 1e-12), 1e12)
    return gain**2 * normal_moments(lambda z: derivative(activation, z), 0.0, variance)[1]


def derivative(activation: Activation, z: Tensor) -> Tensor:
    """The slope of an activation at some points, in the shape of `z`.

    Args:
        activation: an elementwise function.
        z: where the slope is taken.
    """
    with torch.enable_grad():
        x = z.detach().requires_grad_()
        (slope,) = torch.autograd.grad(activation(x).sum(), x)
    return slope
