"""Layers that stack safely: what a run computes never depends on the runs beside it."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from trainlab.random_bits import counter_bits, mask_key

SELU_LOW = -1.7580993408473766
"""The value that SELU approaches for very negative inputs."""


class Dropout(nn.Module):
    r"""Zeroes a share of its input at random and scales the rest by $1/(1-p)$, in training mode only.

    The mask depends on the seed, on the layer and on how many masks were drawn before, and on
    nothing else. `nn.Dropout` draws from one shared generator, so under `torch.func.vmap` the mask
    of a run would depend on its stack. The rate is a buffer, so that it may differ between runs. Where the
    buffers have an axis of runs, the input has it too, as its first.

    Args:
        rate: the probability p of zeroing an element, in [0, 1).
        layer: the position of this layer among the dropout layers of its network.

    Raises:
        ValueError: the rate is not in [0, 1).

    References:
        Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting".
    """

    rate: Tensor
    seed: Tensor
    step: Tensor

    def __init__(self, rate: float, layer: int = 0) -> None:
        if not 0 <= rate < 1:
            raise ValueError(f"dropout rate must be in [0, 1), got {rate}")
        super().__init__()
        self.layer = layer
        self.register_buffer("rate", torch.tensor(rate))
        self.register_buffer("seed", torch.zeros((), dtype=torch.int64))
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def key(self) -> Int[Tensor, "2 *runs"]:
        """What the next mask is drawn with."""
        return mask_key(self.seed, self.step, self.layer)

    def mask(self, shape: torch.Size) -> Bool[Tensor, "*shape"]:
        """True where an element survives.

        Args:
            shape: of what is to be masked.
        """
        bits = counter_bits(self.key(), shape[self.seed.ndim :].numel())
        # The first 24 bits are a number from 0 to 1 in steps of 2^-24; it is compared as an integer.
        least = (self.rate.double() * (1 << 24)).ceil() - (1 << 23)
        return (bits >= (least * 256).to(torch.int32).unsqueeze(-1)).view(shape)

    def _rate(self, x: Tensor) -> Tensor:
        """The rate in a shape that spreads over the input's."""
        return self.rate.view(*self.rate.shape, *(x.ndim - self.rate.ndim) * (1,))

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Zero some of `x` in training mode; return `x` itself in evaluation mode."""
        if not self.training:
            return x
        kept = self.mask(x.shape)
        self.step.add_(1)
        return x * kept / (1 - self._rate(x))


class AlphaDropout(Dropout):
    r"""Sets a share of its input to SELU's lowest value at random, then corrects mean and variance for it.

    With $q = 1 - p$ and SELU's limit $\alpha' \approx -1.758$: dropped units become $\alpha'$, and all are mapped by
    $a x + b$, $a = (q + \alpha'^2 q p)^{-1/2}$, $b = -a\, p\, \alpha'$. An input of mean 0 and variance 1 keeps both.

    Args:
        rate: the probability p of dropping an element, in [0, 1).
        layer: the position of this layer among the dropout layers of its network.

    Raises:
        ValueError: the rate is not in [0, 1).

    References:
        Klambauer et al. 2017, "Self-normalizing neural networks", https://arxiv.org/abs/1706.02515
    """

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Drop some of `x` in training mode; return `x` itself in evaluation mode."""
        if not self.training:
            return x
        kept = self.mask(x.shape)
        self.step.add_(1)
        rate = self._rate(x)
        scale = ((1 - rate) * (1 + rate * SELU_LOW**2)).rsqrt()
        return scale * (torch.where(kept, x, SELU_LOW) - rate * SELU_LOW)


class Residual(nn.Module):
    """x + branch(x).

    Args:
        branch: a network whose output has the shape of its input.
    """

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Add the branch to its input."""
        return x + self.branch(x)


class BranchEnd(nn.Linear):
    """The last linear layer of a residual branch, which `inits.ZeroBranches` starts at zero."""

    ends_branch = True


class ReLUSquared(nn.Module):
    r"""$\max(x, 0)^2$, whose derivative has no jump.

    References:
        So et al. 2021, "Primer: searching for efficient transformers", https://arxiv.org/abs/2109.08668
    """

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Square the positive part."""
        return x.relu().square()


class SwiGLU(nn.Module):
    r"""$\mathrm{SiLU}(V x + c) \odot (W x + b)$: one linear map opens and closes the other.

    Args:
        inputs: features of an example.
        units: outputs; the layer has two matrices of this many rows.

    References:
        Shazeer 2020, "GLU variants improve transformer", https://arxiv.org/abs/2002.05202
    """

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.gate = nn.Linear(inputs, units)
        self.value = nn.Linear(inputs, units)
        self.activation = nn.SiLU()

    def forward(self, x: Float[Tensor, "*batch inputs"]) -> Float[Tensor, "*batch units"]:
        """Gate the value."""
        return self.activation(self.gate(x)) * self.value(x)


def seed_dropout(network: nn.Module, seed: int) -> None:
    """Make every `Dropout` of the network draw the masks that belong to `seed`, from the first step on.

    Args:
        network: changed in place.
        seed: the run's.
    """
    for module in network.modules():
        if isinstance(module, Dropout):
            module.seed.fill_(seed)
            module.step.zero_()
