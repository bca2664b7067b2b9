"""Weight initialization, one class a paper.

Each is called with ONE layer (`nn.Linear` or a convolution) and a `torch.Generator`, and fills the
weight and the bias in place. Biases start at zero, except in `PyTorchDefault`.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from trainlab.types import Init

Distribution = Literal["normal", "uniform"]
Layer = nn.Linear | _ConvNd


class DataSpec(Protocol):
    """Names a data set and loads it."""

    def load(self) -> Any:
        """Something whose `train.x` holds the inputs of the training split."""
        ...


def initialize(network: nn.Module, init: Init, generator: torch.Generator) -> None:
    """Apply `init` to every linear and convolutional layer of the network, in forward order.

    Other layers (normalization, embeddings, recurrent cells) keep what their constructor gave them. An
    init that has a method `adjust` then gets the whole network, as `LSUV` needs it.

    Args:
        network: changed in place.
        init: called as `init(layer, generator)`.
        generator: the source of every random number.
    """
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, Layer):
                init(module, generator)
        if adjust := getattr(init, "adjust", None):
            adjust(network)


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

    Args:
        distribution: "uniform" or "normal"; the variance is the same.

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

    Args:
        distribution: "normal" or "uniform"; the variance is the same.

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

    Args:
        distribution: "normal" or "uniform"; the variance is the same.

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


@dataclass(frozen=True)
class Scaled:
    r"""Variance $g^2/n_{in}$ with a gain of your choice; `gains.right_gain` computes that of an activation.

    Args:
        gain: the factor, > 0; sqrt(2) is `He`, 1 is `LeCun`.
    """

    gain: float

    def __post_init__(self) -> None:
        if not self.gain > 0:
            raise ValueError(f"gain must be > 0, got {self.gain}")

    def __call__(self, layer: nn.Module, generator: torch.Generator) -> None:
        """Fill one layer in place."""
        _fill(layer, self.gain**2 / _fans(layer)[0], "normal", generator)


@dataclass(frozen=True)
class ZeroBranches:
    """The last layer of each residual branch zero, so that a deep net starts as the identity; the others by `base`.

    The last layers are those whose class says `ends_branch = True`, such as `layers.BranchEnd`.

    Args:
        base: fills all other layers.

    References:
        Zhang, Dauphin and Ma 2019, "Fixup initialization: residual learning without normalization",
        https://arxiv.org/abs/1901.09321, whose rescaling of the other layers and scalar parameters are left out.
    """

    base: Init = He()

    def __call__(self, layer: nn.Module, generator: torch.Generator) -> None:
        """Fill one layer in place."""
        self.base(layer, generator)  # also where zeros follow, so that the other layers draw the same numbers
        if getattr(layer, "ends_branch", False):
            Zeros()(layer, generator)


@dataclass(frozen=True)
class LSUV:
    """Orthogonal weights, then each layer in turn is divided by the standard deviation of its outputs on some rows.

    So every pre-activation has variance 1 at the start, whatever the activation is. The rows are the first of
    the training split.

    Args:
        data: the data set of the runs; its inputs are needed before training.
        rows: how many inputs to look at, >= 2.

    Raises:
        ValueError: `rows` is too small.

    References:
        Mishkin and Matas 2016, "All you need is a good init", https://arxiv.org/abs/1511.06422
    """

    data: DataSpec
    rows: int = 256

    def __post_init__(self) -> None:
        if self.rows < 2:
            raise ValueError(f"rows must be >= 2 for a variance, got {self.rows}")

    def __call__(self, layer: nn.Module, generator: torch.Generator) -> None:
        """Fill one layer in place; `adjust` completes the work."""
        Orthogonal()(layer, generator)

    def adjust(self, network: nn.Module) -> None:
        """Rescale the layers of a network in place, in forward order.

        Args:
            network: its layers have been filled already.

        Raises:
            ValueError: a layer's outputs do not vary, or are not finite.
        """
        inputs = self.data.load().train.x[: self.rows]
        training = network.training
        network.eval()  # no dropout, and no move of running statistics
        for name, layer in network.named_modules():
            if isinstance(layer, Layer):
                deviation = float(_outputs(network, layer, inputs).std())
                if not 0 < deviation < math.inf:
                    raise ValueError(
                        f"LSUV: the outputs of {name} have standard deviation {deviation}; take another init"
                    )
                layer.weight.div_(deviation)
        network.train(training)


def _outputs(network: nn.Module, layer: nn.Module, inputs: Tensor) -> Tensor:
    """What one layer of the network puts out."""
    found: list[Tensor] = []

    def keep(module: nn.Module, given: tuple[Any, ...], output: Tensor) -> None:
        found.append(output)

    hook = layer.register_forward_hook(keep)
    try:
        network(inputs)
    finally:
        hook.remove()
    if not found:
        raise ValueError(f"LSUV: the forward pass never calls {type(layer).__name__}; take another init")
    return found[0]
