"""Normalization layers in the papers' notation, which stack safely."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn


class BatchNorm(nn.Module):
    r"""Gives each unit mean 0 and variance 1 over the mini-batch, then a scale and a shift that are learned.

    $$y = \gamma\, \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta$$

    In training mode $\mu$ and $\sigma^2$ are those of the mini-batch. In evaluation mode they are running
    averages of what training has seen. It equals `nn.BatchNorm1d`, except that a mini-batch of one example,
    which PyTorch refuses, is let through: its variance is 0 and the output is $\beta$. Where parameters and buffers
    have an axis of runs, the input has it too, as its first.

    Args:
        units: features of an example.
        momentum: the weight of the newest mini-batch in the running averages, in (0, 1].
        eps: $\epsilon$, in the unit of the variance, > 0.

    Raises:
        ValueError: a number is out of its range.

    References:
        Ioffe and Szegedy 2015, "Batch normalization: accelerating deep network training by reducing internal
        covariate shift", algorithm 1, https://arxiv.org/abs/1502.03167
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, units: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        if units < 1:
            raise ValueError(f"BatchNorm: units must be >= 1, got {units}")
        if not 0 < momentum <= 1:
            raise ValueError(f"BatchNorm: momentum must be in (0, 1], got {momentum}")
        if not eps > 0:
            raise ValueError(f"BatchNorm: eps must be > 0, got {eps}")
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.weight = nn.Parameter(torch.ones(units))
        self.bias = nn.Parameter(torch.zeros(units))
        self.register_buffer("running_mean", torch.zeros(units))
        self.register_buffer("running_var", torch.ones(units))

    def forward(self, x: Float[Tensor, "*runs batch units"]) -> Float[Tensor, "*runs batch units"]:
        """Normalize each unit."""
        if self.training:
            mean, variance = x.mean(-2), x.var(-2, correction=0)
            self.remember(mean.detach(), variance.detach(), x.shape[-2])
        else:
            mean, variance = self.running_mean, self.running_var
        scale = self.weight / (variance + self.eps).sqrt()
        return (x - mean.unsqueeze(-2)) * scale.unsqueeze(-2) + self.bias.unsqueeze(-2)

    def remember(self, mean: Float[Tensor, "*runs units"], variance: Float[Tensor, "*runs units"], count: int) -> None:
        """Move the running averages towards a mini-batch, whose variance is first freed of its bias.

        Args:
            mean: of each unit over the mini-batch.
            variance: likewise, with the number of examples as the divisor.
            count: examples in the mini-batch.
        """
        unbiased = variance * (count / max(count - 1, 1))
        self.running_mean += self.momentum * (mean - self.running_mean)
        self.running_var += self.momentum * (unbiased - self.running_var)


@dataclass(frozen=True)
class Groups:
    """Builds a group norm: called with a number of units, it returns `nn.GroupNorm`.

    Each example is normalized alone, over groups of neighbouring units. One group is a layer norm.

    Args:
        count: groups, >= 1; must divide the number of units.

    Raises:
        ValueError: there is no group; when called: the groups do not divide the units.

    References:
        Wu and He 2018, "Group normalization", https://arxiv.org/abs/1803.08494
    """

    count: int

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"Groups: count must be >= 1, got {self.count}")

    def __call__(self, units: int) -> nn.Module:
        """The layer for so many units."""
        if units % self.count:
            raise ValueError(f"Groups: {self.count} groups do not divide {units} units; take a divisor")
        return nn.GroupNorm(self.count, units)
