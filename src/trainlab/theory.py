"""What theory predicts without a free parameter: formulas, and how far measurements are from them.

`plots.prediction` draws a prediction over the runs; `claims.within` holds a deviation against a tolerance.
"""

import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np


class Constants(NamedTuple):
    """The best constants of a method on a quadratic, and how fast it then is.

    Attributes:
        lr: the learning rate.
        momentum: in the convention of `Momentum`; 0 for gradient descent.
        rate: what the distance to the minimum is multiplied by at each update, in the long run.
        growth: the distance after t updates is at most (1 + growth t) rate^t times the first.
    """

    lr: float
    momentum: float
    rate: float
    growth: float

    def bound(self, t: np.ndarray) -> np.ndarray:
        """The largest distance that is possible after t updates, as a multiple of the first.

        Args:
            t: numbers of updates.
        """
        return (1 + self.growth * t) * self.rate**t

    def updates(self, shrinkage: float) -> int:
        """Updates until `rate^t` alone, without the growth, has fallen to `shrinkage`.

        Args:
            shrinkage: the distance that is left, as a share of the first, in (0, 1).
        """
        return math.ceil(math.log(shrinkage) / math.log(self.rate))


def _curvatures(smallest: float, largest: float) -> None:
    if not 0 < smallest < largest:
        raise ValueError(f"curvatures must be 0 < smallest < largest, got {smallest} and {largest}")


def best_gradient_descent(smallest: float, largest: float) -> Constants:
    r"""Gradient descent on a quadratic: rate $(\kappa-1)/(\kappa+1)$ where $\kappa$ is largest over smallest.

    Args:
        smallest: the smallest eigenvalue of the Hessian, > 0.
        largest: the largest.

    Raises:
        ValueError: the eigenvalues are not positive and in order.

    References:
        Polyak 1964, "Some methods of speeding up the convergence of iteration methods".
    """
    _curvatures(smallest, largest)
    return Constants(2 / (largest + smallest), 0.0, (largest - smallest) / (largest + smallest), 0.0)


def best_heavy_ball(smallest: float, largest: float) -> Constants:
    r"""The heavy ball on a quadratic, started at rest: rate $(\sqrt\kappa-1)/(\sqrt\kappa+1)$.

    At the best constants the two roots of the recursion coincide along the flattest and the steepest
    direction, so the distance there falls as t times rate^t, and not as rate^t.

    Args:
        smallest: the smallest eigenvalue of the Hessian, > 0.
        largest: the largest.

    Raises:
        ValueError: the eigenvalues are not positive and in order.

    References:
        Polyak 1964, "Some methods of speeding up the convergence of iteration methods".
    """
    _curvatures(smallest, largest)
    low, high = math.sqrt(smallest), math.sqrt(largest)
    rate = (high - low) / (high + low)
    return Constants(4 / (high + low) ** 2, rate**2, rate, 1 + rate)


def heavy_ball(t: np.ndarray, curvature: float, lr: float, momentum: float) -> np.ndarray:
    r"""What is left of a distance along one direction after t updates of the heavy ball, started at rest.

    $w_{t+1} = (1 + \mu - \eta\lambda)\, w_t - \mu\, w_{t-1}$ has the solution $A r_1^t + B r_2^t$, where the r are
    the roots of $r^2 = (1 + \mu - \eta\lambda)\, r - \mu$; two equal roots give $(1 + c t)\, r^t$. Momentum 0 is
    gradient descent.

    Args:
        t: numbers of updates, >= 0.
        curvature: $\lambda$, the second derivative along the direction.
        lr: $\eta$.
        momentum: $\mu$, in the convention of `Momentum`.

    Returns:
        In the shape of `t`; 1 for t = 0.

    References:
        Goh 2017, "Why momentum really works", https://distill.pub/2017/momentum/
    """
    first, (one, other) = 1 - lr * curvature, heavy_ball_roots(curvature, lr, momentum)
    if abs(one - other) < 1e-7:
        middle = (one + other) / 2
        growth = first / middle - 1 if middle else 0.0
        return np.real((1 + growth * t) * middle**t)
    return np.real(((first - other) * one**t + (one - first) * other**t) / (one - other))


def heavy_ball_roots(curvature: float, lr: float, momentum: float) -> tuple[complex, complex]:
    r"""The two numbers whose powers the heavy ball follows along one direction; the larger size is its rate.

    Args:
        curvature: of the quadratic along the direction, > 0.
        lr: the learning rate, > 0.
        momentum: in [0, 1).

    Returns:
        The roots of $r^2 - (1 + \mu - \eta h) r + \mu$, complex where the ball oscillates.
    """
    middle = (1 + momentum - lr * curvature) / 2
    half = np.emath.sqrt(middle**2 - momentum)
    return complex(middle + half), complex(middle - half)


def measured_rate(distances: np.ndarray, growth: float = 0.0) -> np.ndarray:
    """What the distance is multiplied by at each update, over the second half of each run.

    By then only the slowest directions are left.

    Args:
        distances: `[seeds, t]` from t = 0 on, at least two, in any norm, > 0.
        growth: the factor (1 + growth t) is divided out first, for it is no part of the rate.

    Returns:
        `[seeds]`.

    Raises:
        ValueError: there are fewer than two distances.
    """
    if distances.shape[-1] < 2:
        raise ValueError(f"a rate needs at least 2 distances of a run, got {distances.shape[-1]}; train it for longer")
    start, end = (distances.shape[-1] - 1) // 2, distances.shape[-1] - 1
    grown = np.log1p(growth * end) - np.log1p(growth * start)
    return np.exp((np.log(distances[..., end]) - np.log(distances[..., start]) - grown) / (end - start))


def updates_deviation(rates: np.ndarray, predicted: float) -> np.ndarray:
    """How many more updates than predicted a rate takes for each power of ten, as a share.

    Rates close to 1 look alike; the updates that they take do not.

    Args:
        rates: measured, `[seeds]`, in (0, 1).
        predicted: the rate of theory.

    Returns:
        Shares, `[seeds]`; 0.01 means 1 % more updates.
    """
    return math.log(predicted) / np.log(rates) - 1


Variances = Callable[[int, int], tuple[float, float]]
"""(fan_in, fan_out) -> the variance of a weight, and that of a bias."""

VARIANCES: Mapping[str, Variances] = {
    "He": lambda fan_in, fan_out: (2 / fan_in, 0.0),
    "Glorot": lambda fan_in, fan_out: (2 / (fan_in + fan_out), 0.0),
    "LeCun": lambda fan_in, fan_out: (1 / fan_in, 0.0),
    "PyTorchDefault": lambda fan_in, fan_out: (1 / (3 * fan_in), 1 / (3 * fan_in)),
}
"""As the papers and PyTorch's documentation give them; `trainlab.inits` draws the weights on its own."""


def relu_layer(second_moment: np.ndarray, fan_in: int, weight_variance: float, bias_variance: float) -> np.ndarray:
    """The expected second moment of a layer of ReLU units, given that of its inputs.

    The expectation is over weights and biases that are independent and symmetric about 0. It is
    exact at every width: half of the pre-activations are positive, whatever their distribution.

    Args:
        second_moment: mean square of the layer's inputs.
        fan_in: how many inputs a unit has.
        weight_variance: of each weight.
        bias_variance: of each bias.

    Returns:
        In the shape of `second_moment`.

    References:
        He et al. 2015, "Delving deep into rectifiers", section 2.2, https://arxiv.org/abs/1502.01852
    """
    return (fan_in * weight_variance * second_moment + bias_variance) / 2


def relu_net(second_moment: np.ndarray, widths: list[int], variances: Variances) -> np.ndarray:
    """The expected second moment of every layer of a ReLU net, from that of its inputs.

    Args:
        second_moment: `[...]`, mean square of the net's inputs.
        widths: the number of inputs, then of the units of each hidden layer.
        variances: of the initialization, such as `VARIANCES["He"]`.

    Returns:
        `[..., layers + 1]`, the inputs first.
    """
    moments = [second_moment]
    for fan_in, fan_out in pairwise(widths):
        moments.append(relu_layer(moments[-1], fan_in, *variances(fan_in, fan_out)))
    return np.stack(moments, -1)
