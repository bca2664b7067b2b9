"""Weight initialization, one class a paper.

Each is called with ONE layer (`nn.Linear` or a convolution) and a `torch.Generator`, and fills the
weight and the bias in place. Biases start at zero, except in `PyTorchDefault`.
"""

import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd

from trainlab.types import Init

Distribution = Literal["normal", "uniform"]
Layer = nn.Linear | _ConvNd


def initialize(network: nn.Module, init: Init, generator: torch.Generator) -> None:
    """Apply `init` to every linear and convolutional layer of the network, in forward order.

    Other layers (normalization, embeddings, recurrent cells) keep what their constructor gave them.

    Args:
        network: changed in place.
        init: called as `init(layer, generator)`.
        generator: the source of every random number.
    """
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, Layer):
                init(module, generator)


def _fans(layer: nn.Module) -> tuple[int, int]:
    assert isinstance(layer, Layer)
    return nn.init._calculate_fan_in_and_fan_out(layer.weight)


def _fill(layer: nn.Module, variance: float, distribution: Distribution, generator: torch.Generator) -> None:
    """Draw the weight with mean 0 and the given variance; zero the bias."""
    assert isinstance(layer, Layer)
    if distribution == "uniform":
        bound = math.sqrt(3 * variance)
        layer.weight.uniform_(-bound, bound, generator=generator)
    else:
        layer.weight.normal_(0, math.sqrt(variance), generator=generator)
    if layer.bias is not None:
        layer.bias.zero_()


def _check_distribution(distribution: str) -> None:
    if distribution not in get_args(Distribution):
        raise ValueError(f"distribution must be 'normal' or 'uniform', got {distribution!r}")


@dataclass(frozen=True)
class PyTorchDefault:
    r"""What `nn.Linear` does when nobody asks: weight and bias uniform in $\pm 1/\sqrt{n_{in}}$.

    The variance of a weight is $1/(3 n_{in})$, a sixth of He's. The source calls Kaiming's uniform
    with `a=sqrt(5)`, which gives this bound.
    """

    def __call__(self, layer: nn.Module, generator: torch.Generator) -> None:
        """Fill one layer in place."""
        fan_in, _ = _fans(layer)
        _fill(layer, 1 / (3 * fan_in), "uniform", generator)
        bound = 1 / math.sqrt(fan_in)
        if isinstance(layer.bias, torch.Tensor):
            layer.bias.uniform_(-bound, bound, generator=generator)


@dataclass(frozen=True)
class Zeros:
    """Every weight and bias zero: all units of a layer stay equal for ever."""

    def __call__(self, layer: nn.Module, generator: torch.Generator) -> None:
        """Fill one layer in place."""
        for parameter in layer.parameters(recurse=False):
            parameter.zero_()


@dataclass(frozen=True)
class Normal:
    """Weights normal with one standard deviation in every layer, whatever its size.

    Args:
        std: the standard deviation, > 0.
    """

    std: float

    def __post_init__(self) -> None:
        if not self.std > 0:
            raise ValueError(f"std must be > 0, got {self.std}; for all zeros use Zeros()")

    def __call__(self, layer: nn.Module, generator: torch.Generator) -> None:
        """Fill one layer in place."""
        _fill(layer, self.std**2, "normal", generator)


@dataclass(frozen=True)
class Glorot:
    r"""Variance $2/(n_{in} + n_{out})$: a compromise between keeping signals and keeping gradients.

    References:
        Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural
        networks", equation 12.
    """

    distribution: Distribution = "uniform"

    def __post_init__(self) -> None:
        _check_distribution(self.distribution)

    def __call__(self, layer: nn.Module, generator: torch.Generator) -> None:
        """Fill one layer in place."""
        fan_in, fan_out = _fans(layer)
        _fill(layer, 2 / (fan_in + fan_out), self.distribution, generator)


@dataclass(frozen=True)
class He:
    r"""Variance $2/n_{in}$: a ReLU halves the second moment, and the 2 gives it back.

    References:
        He et al. 2015, "Delving deep into rectifiers", equation 10, https://arxiv.org/abs/1502.01852
    """

    distribution: Distribution = "normal"

    def __post_init__(self) -> None:
        _check_distribution(self.distribution)

    def __call__(self, layer: nn.Module, generator: torch.Generator) -> None:
        """Fill one layer in place."""
        _fill(layer, 2 / _fans(layer)[0], self.distribution, generator)


@dataclass(frozen=True)
class LeCun:
    r"""Variance $1/n_{in}$: a linear layer keeps the second moment of its input.

    References:
        LeCun et al. 1998, "Efficient BackProp", section 4.6.
    """

    distribution: Distribution = "normal"

    def __post_init__(self) -> None:
        _check_distribution(self.distribution)

    def __call__(self, layer: nn.Module, generator: torch.Generator) -> None:
        """Fill one layer in place."""
        _fill(layer, 1 / _fans(layer)[0], self.distribution, generator)


@dataclass(frozen=True)
class Orthogonal:
    """A random matrix whose singular values all equal the gain.

    Args:
        gain: the common singular value, > 0; sqrt(2) for ReLU.

    References:
        Saxe, McClelland and Ganguli 2014, "Exact solutions to the nonlinear dynamics of learning in
        deep linear neural networks", https://arxiv.org/abs/1312.6120
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        if not self.gain > 0:
            raise ValueError(f"gain must be > 0, got {self.gain}")

    def __call__(self, layer: nn.Module, generator: torch.Generator) -> None:
        """Fill one layer in place."""
        assert isinstance(layer, Layer)
        nn.init.orthogonal_(layer.weight, self.gain, generator=generator)
        if layer.bias is not None:
            layer.bias.zero_()
