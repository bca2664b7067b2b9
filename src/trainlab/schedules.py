"""Learning-rate schedules: (step, steps) -> multiplier of the peak learning rate.

The first of `steps` updates is step 0. Each equals the scheduler of the same name in
`torch.optim.lr_scheduler`, stepped after every update.
"""

import math
from dataclasses import dataclass

from trainlab.types import Schedule


def _check_fraction(owner: object, field: str) -> None:
    value = getattr(owner, field)
    if not 0 <= value <= 1:
        raise ValueError(f"{type(owner).__name__}: {field} must be in [0, 1], got {value}")


@dataclass(frozen=True)
class Constant:
    """The peak rate throughout."""

    def __call__(self, step: int, steps: int) -> float:
        """The multiplier at a step."""
        return 1.0


@dataclass(frozen=True)
class StepDecay:
    """Multiply by a factor after every so many updates (`StepLR`).

    Args:
        every: updates between two drops, >= 1.
        factor: what each drop multiplies the rate by, in [0, 1].
    """

    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"StepDecay: every must be >= 1 updates, got {self.every}")
        _check_fraction(self, "factor")

    def __call__(self, step: int, steps: int) -> float:
        """The multiplier at a step."""
        return self.factor ** (step // self.every)


@dataclass(frozen=True)
class Exponential:
    """Multiply by a factor after every update (`ExponentialLR`).

    Args:
        factor: what each update multiplies the rate by, in [0, 1].
    """

    factor: float

    def __post_init__(self) -> None:
        _check_fraction(self, "factor")

    def __call__(self, step: int, steps: int) -> float:
        """The multiplier at a step."""
        return self.factor**step


@dataclass(frozen=True)
class Cosine:
    """Half a cosine from 1 down to `final` (`CosineAnnealingLR`).

    Args:
        final: the multiplier that the curve reaches after the last update, in [0, 1].

    References:
        Loshchilov and Hutter 2017, "SGDR", equation 5, https://arxiv.org/abs/1608.03983
    """

    final: float = 0.0

    def __post_init__(self) -> None:
        _check_fraction(self, "final")

    def __call__(self, step: int, steps: int) -> float:
        """The multiplier at a step."""
        return self.final + (1 - self.final) * (1 + math.cos(math.pi * step / steps)) / 2


@dataclass(frozen=True)
class Warmup:
    """Rise in a straight line, then follow another schedule (`LinearLR`, then `SequentialLR`).

    Args:
        updates: how long the rise takes, >= 1; the update after it is the first at the full rate.
        start: the multiplier of the first update, in [0, 1].
        after: the schedule for the rest, which sees only the updates that are left.

    References:
        Goyal et al. 2017, "Accurate, large minibatch SGD", section 2.2, https://arxiv.org/abs/1706.02677
    """

    updates: int
    start: float = 0.0
    after: Schedule = Constant()

    def __post_init__(self) -> None:
        if self.updates < 1:
            raise ValueError(f"Warmup: updates must be >= 1, got {self.updates}; for none leave Warmup out")
        _check_fraction(self, "start")

    def __call__(self, step: int, steps: int) -> float:
        """The multiplier at a step."""
        if step < self.updates:
            return self.start + (1 - self.start) * step / self.updates
        return self.after(step - self.updates, max(steps - self.updates, 1))


@dataclass(frozen=True)
class OneCycle:
    """Up and down on two half cosines, ending far below the start (`OneCycleLR`).

    The momentum stays as it is: only the rate cycles.

    Args:
        rise: the share of the updates before the peak, in (0, 1).
        start_divisor: the first rate is the peak divided by this, >= 1.
        final_divisor: the last rate is the first one divided by this, >= 1.

    References:
        Smith and Topin 2018, "Super-convergence", https://arxiv.org/abs/1708.07120
    """

    rise: float = 0.3
    start_divisor: float = 25.0
    final_divisor: float = 1e4

    def __post_init__(self) -> None:
        if not 0 < self.rise < 1:
            raise ValueError(f"OneCycle: rise must be in (0, 1), got {self.rise}")
        for field in ("start_divisor", "final_divisor"):
            if not (value := getattr(self, field)) >= 1:
                raise ValueError(f"OneCycle: {field} must be >= 1, got {value}")

    def __call__(self, step: int, steps: int) -> float:
        """The multiplier at a step."""
        start = 1 / self.start_divisor
        peak = self.rise * steps - 1
        if step < peak:
            return _half_cosine(start, 1.0, step / peak)
        return _half_cosine(1.0, start / self.final_divisor, (step - peak) / (steps - 1 - peak))


def _half_cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
