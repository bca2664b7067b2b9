"""Learning-rate schedules: (step, steps) -> multiplier of the peak learning rate.

The first of `steps` updates is step 0. Each equals the scheduler that its first line names in
`torch.optim.lr_scheduler`, stepped after every update. The one that watches the losses is in `feedback`.
"""

import math
from dataclasses import dataclass
from typing import Literal

from trainlab.feedback import Feedback
from trainlab.types import Schedule


def _check_fraction(owner: object, field: str) -> None:
    value = getattr(owner, field)
    if not 0 <= value <= 1:
        raise ValueError(f"{type(owner).__name__}: {field} must be in [0, 1], got {value}")


def _check_least(owner: object, field: str, least: float) -> None:
    if not (value := getattr(owner, field)) >= least:
        raise ValueError(f"{type(owner).__name__}: {field} must be >= {least:g}, got {value}")


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
        _check_least(self, "every", 1)
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
class Linear:
    """A straight line from 1 down to `final` (`LinearLR` with `start_factor=1`).

    Args:
        final: the multiplier that the line reaches after the last update, in [0, 1].

    References:
        Bergsma et al. 2025, "Straight to zero", https://arxiv.org/abs/2502.15938
    """

    final: float = 0.0

    def __post_init__(self) -> None:
        _check_fraction(self, "final")

    def __call__(self, step: int, steps: int) -> float:
        """The multiplier at a step."""
        return 1 - (1 - self.final) * step / steps


@dataclass(frozen=True)
class Polynomial:
    r"""A power of the share of updates that are left: $(1 - t/T)^p$ (`PolynomialLR`).

    Args:
        power: $p$, >= 0; 1 is `Linear`, more falls faster at first.
    """

    power: float = 2.0

    def __post_init__(self) -> None:
        _check_least(self, "power", 0)

    def __call__(self, step: int, steps: int) -> float:
        """The multiplier at a step."""
        return (1 - step / steps) ** self.power


@dataclass(frozen=True)
class InverseSqrt:
    r"""Fall with the square root of time: $\sqrt{W/(W+t)}$. It needs no number of updates in advance.

    `Warmup(W, after=InverseSqrt(W))` is the schedule of the paper, up to the peak.

    Args:
        timescale: $W$, updates, >= 1; the multiplier is 1/2 after 3W updates.

    References:
        Vaswani et al. 2017, "Attention is all you need", equation 3, https://arxiv.org/abs/1706.03762
    """

    timescale: int

    def __post_init__(self) -> None:
        _check_least(self, "timescale", 1)

    def __call__(self, step: int, steps: int) -> float:
        """The multiplier at a step."""
        return math.sqrt(self.timescale / (self.timescale + step))


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
        return _half_cosine(1.0, self.final, step / steps)


@dataclass(frozen=True)
class WarmRestarts:
    """Half a cosine down to `final`, then at full rate again, and so on (`CosineAnnealingWarmRestarts`).

    Args:
        period: updates before the first restart, >= 1.
        factor: each period is so many times as long as the one before, an integer >= 1.
        final: the multiplier that each half cosine falls to, in [0, 1].

    References:
        Loshchilov and Hutter 2017, "SGDR", https://arxiv.org/abs/1608.03983
    """

    period: int
    factor: int = 1
    final: float = 0.0

    def __post_init__(self) -> None:
        _check_least(self, "period", 1)
        _check_least(self, "factor", 1)
        _check_fraction(self, "final")

    def __call__(self, step: int, steps: int) -> float:
        """The multiplier at a step."""
        period = self.period
        if self.factor == 1:
            step %= period
        while step >= period:
            step -= period
            period *= self.factor
        return _half_cosine(1.0, self.final, step / period)


@dataclass(frozen=True)
class Warmup:
    """Rise in a straight line, then follow another schedule (`LinearLR`, then `SequentialLR`).

    Args:
        updates: how long the rise takes, >= 1; the update after it is the first at the full rate.
        start: the multiplier of the first update, in [0, 1].
        after: the schedule for the rest, which sees only the updates that are left; not one that
            watches the losses.

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
        if isinstance(self.after, Feedback):
            raise ValueError(f"Warmup: {self.after} watches the losses and cannot follow a rise; use it without Warmup")

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
        _check_least(self, "start_divisor", 1)
        _check_least(self, "final_divisor", 1)

    def __call__(self, step: int, steps: int) -> float:
        """The multiplier at a step."""
        start = 1 / self.start_divisor
        peak = self.rise * steps - 1
        if step < peak:
            return _half_cosine(start, 1.0, step / peak)
        return _half_cosine(1.0, start / self.final_divisor, (step - peak) / (steps - 1 - peak))


@dataclass(frozen=True)
class WSD:
    """Warm-up, stable, decay: rise in a straight line, stay at the peak, fall at the very end.

    Where the run is too short for all three, the lower of the rise and the fall counts.

    Args:
        warmup: updates of the rise, >= 0.
        decay: the share of all updates over which the rate falls, in (0, 1].
        shape: of the fall: "linear", or "1-sqrt", which is steep at first.
        final: the multiplier that the fall reaches after the last update, in [0, 1].

    References:
        Hu et al. 2024, "MiniCPM", section 4, https://arxiv.org/abs/2404.06395
        Hägele et al. 2024, "Scaling laws and compute-optimal training beyond fixed training
        durations" (the shapes), https://arxiv.org/abs/2405.18392
    """

    warmup: int = 0
    decay: float = 0.2
    shape: Literal["linear", "1-sqrt"] = "1-sqrt"
    final: float = 0.0

    def __post_init__(self) -> None:
        _check_least(self, "warmup", 0)
        if not 0 < self.decay <= 1:
            raise ValueError(f"WSD: decay must be in (0, 1], got {self.decay}")
        if self.shape not in ("linear", "1-sqrt"):
            raise ValueError(f"WSD: shape must be 'linear' or '1-sqrt', got {self.shape!r}")
        _check_fraction(self, "final")

    def __call__(self, step: int, steps: int) -> float:
        """The multiplier at a step."""
        rise = step / self.warmup if step < self.warmup else 1.0
        left = min(1.0, (steps - step) / (self.decay * steps))
        fall = left if self.shape == "linear" else 1 - math.sqrt(1 - left)
        return min(rise, self.final + (1 - self.final) * fall)


@dataclass(frozen=True)
class RangeTest:
    """Rise by the same factor at every update, up to the peak (`ExponentialLR` with a factor above 1).

    A short run shows from which rate on the loss falls, and at which it explodes. Smith raises the
    rate in a straight line; here each decade gets equally many updates.

    Args:
        start_divisor: the first rate is the peak divided by this, >= 1.

    References:
        Smith 2017, "Cyclical learning rates for training neural networks", section 3.3,
        https://arxiv.org/abs/1506.01186
    """

    start_divisor: float = 1e5

    def __post_init__(self) -> None:
        _check_least(self, "start_divisor", 1)

    def __call__(self, step: int, steps: int) -> float:
        """The multiplier at a step."""
        return self.start_divisor ** (step / max(steps - 1, 1) - 1)


def _half_cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
