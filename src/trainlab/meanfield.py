"""Signals and gradients in random networks of great width: numerical integrals and closed forms, nothing fitted.

In a wide layer a pre-activation is a sum of many independent terms, so over the draws of the weights it is
normal, and two examples give a pair of normal numbers. What a layer does to mean squares and to angles is then
an integral over a normal distribution. `theory.relu_layer` needs no great width; these do.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from trainlab.theory import Variances

Activation = Callable[[np.ndarray], np.ndarray]

# Evenly spaced, because a saturated sigmoid has its steps where Gauss-Hermite nodes are far apart.
_NODES = np.linspace(-10, 10, 2001)
_WEIGHTS = np.exp(-(_NODES**2) / 2) / np.exp(-(_NODES**2) / 2).sum()


def sigmoid(z: np.ndarray) -> np.ndarray:
    """The logistic function, without overflow.

    Args:
        z: pre-activations.
    """
    return 0.5 * (1 + np.tanh(z / 2))


def relu(z: np.ndarray) -> np.ndarray:
    """The larger of z and 0.

    Args:
        z: pre-activations.
    """
    return np.maximum(z, 0)


ACTIVATIONS: dict[str, Activation] = {"Sigmoid": sigmoid, "Tanh": np.tanh, "ReLU": relu}
"""By the names of PyTorch's modules."""


def normal_mean(function: Activation, variance: np.ndarray) -> np.ndarray:
    r"""$\mathbb{E} f(\sqrt v\, x)$ for x standard normal, as a sum over a fine grid.

    Args:
        function: elementwise.
        variance: v, any shape, >= 0.

    Returns:
        In the shape of `variance`.
    """
    return function(np.sqrt(np.asarray(variance))[..., None] * _NODES) @ _WEIGHTS


def signal_layer(
    second_moment: np.ndarray, activation: Activation, fan_in: int, weight_variance: float, bias_variance: float
) -> np.ndarray:
    r"""The second moment of a wide layer, given that of its inputs: $q' = \mathbb{E}\, \phi(\sqrt{v}\, x)^2$.

    Here $v = n \sigma_w^2 q + \sigma_b^2$ is the variance of a pre-activation, whatever the mean of the inputs.

    Args:
        second_moment: q, the mean square of the layer's inputs.
        activation: $\phi$, elementwise.
        fan_in: n, how many inputs a unit has.
        weight_variance: of each weight.
        bias_variance: of each bias.

    Returns:
        In the shape of `second_moment`.

    References:
        Poole et al. 2016, "Exponential expressivity in deep neural networks through transient chaos", equation 3,
        https://arxiv.org/abs/1606.05340
    """
    variance = fan_in * weight_variance * np.asarray(second_moment) + bias_variance
    return normal_mean(lambda z: activation(z) ** 2, variance)


def signal_net(
    second_moment: np.ndarray, activation: Activation, widths: list[int], variances: Variances
) -> np.ndarray:
    """The second moment of every layer of a wide net, from that of its inputs.

    Args:
        second_moment: `[...]`, mean square of the net's inputs.
        activation: elementwise, such as `ACTIVATIONS["Tanh"]`.
        widths: the number of inputs, then of the units of each hidden layer.
        variances: of the initialization, such as `theory.VARIANCES["He"]`.

    Returns:
        `[..., layers + 1]`, the inputs first.
    """
    moments = [np.asarray(second_moment)]
    for fan_in, fan_out in pairwise(widths):
        moments.append(signal_layer(moments[-1], activation, fan_in, *variances(fan_in, fan_out)))
    return np.stack(moments, -1)


def relu_cosine(cosine: np.ndarray) -> np.ndarray:
    r"""The cosine of the angle between two outputs of a wide ReLU layer without biases, from that of its inputs.

    $$\kappa(c) = \frac{\sqrt{1 - c^2} + (\pi - \arccos c)\, c}{\pi}$$

    Args:
        cosine: of the angle between two inputs, in [-1, 1].

    References:
        Cho and Saul 2009, "Kernel methods for deep learning", equation 6.
    """
    cosine = np.clip(cosine, -1, 1)
    return (np.sqrt(1 - cosine**2) + (np.pi - np.arccos(cosine)) * cosine) / np.pi


def both_active(cosine: np.ndarray) -> np.ndarray:
    r"""Of the inputs that make a ReLU unit active, the share whose partner does too: $1 - \arccos(c)/\pi$.

    Args:
        cosine: of the angle between two inputs, in [-1, 1].
    """
    return 1 - np.arccos(np.clip(cosine, -1, 1)) / np.pi


def gradient_cosine(cosine: np.ndarray, depth: int) -> np.ndarray:
    r"""The cosine between the gradients of one output with respect to two inputs of a wide ReLU net at He's scale.

    Each layer multiplies it by the share of units that are active for both inputs, and brings the inputs closer:
    $\prod_l (1 - \theta_l / \pi)$. It is for plain nets whose inputs have many dimensions. In a residual net without
    biases the gradient's part along the signal itself grows faster than the rest, and an independent sum over units
    misses it at any width in reach.

    Args:
        cosine: of the angle between the two inputs, any shape.
        depth: hidden layers, >= 1.

    Returns:
        In the shape of `cosine`.

    References:
        Balduzzi et al. 2017, "The shattered gradients problem", https://arxiv.org/abs/1702.08591, for the question;
        Jacot et al. 2018, "Neural tangent kernel", https://arxiv.org/abs/1806.07572, for the product.
    """
    cosine = np.asarray(cosine, dtype=np.float64)
    gradient = np.ones_like(cosine)
    for _ in range(depth):
        gradient, cosine = gradient * both_active(cosine), relu_cosine(cosine)
    return gradient
