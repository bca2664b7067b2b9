"""Learning-rate schedules that watch how a run is doing."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@runtime_checkable
class Feedback(Protocol):
    """A schedule whose multiplier depends on the losses measured so far, not on the step."""

    def watch(self, validation_losses: Sequence[float]) -> float:
        """The multiplier of the peak rate until the next measurement.

        Args:
            validation_losses: of one run, one a measurement, the oldest first.
        """
        ...


@dataclass(frozen=True)
class Plateau:
    """Multiply by a factor whenever the validation loss has stopped falling (`ReduceLROnPlateau`).

    A loss counts as an improvement when it is below (1 - threshold) times the best so far. A loss
    that is NaN or infinite is no improvement. Unlike in PyTorch, no drop is too small to be taken.

    Args:
        factor: what each drop multiplies the rate by, in [0, 1).
        patience: measurements in a row without improvement that pass before a drop at the next, >= 0.
        threshold: the relative improvement that counts, in [0, 1).
        cooldown: measurements after a drop that are not counted, >= 0.
        minimum: the multiplier below which it does not fall, in [0, 1].

    Raises:
        ValueError: a value is out of its range.
    """

    factor: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    cooldown: int = 0
    minimum: float = 0.0

    def __post_init__(self) -> None:
        for field in ("factor", "threshold"):
            if not 0 <= (value := getattr(self, field)) < 1:
                raise ValueError(f"Plateau: {field} must be in [0, 1), got {value}")
        for field in ("patience", "cooldown"):
            if (value := getattr(self, field)) < 0:
                raise ValueError(f"Plateau: {field} must be >= 0 measurements, got {value}")
        if not 0 <= self.minimum <= 1:
            raise ValueError(f"Plateau: minimum must be in [0, 1], got {self.minimum}")

    def watch(self, validation_losses: Sequence[float]) -> float:
        """The multiplier until the next measurement; 1 before the first.

        Args:
            validation_losses: all so far, the first one first.
        """
        multiplier, best, bad, cooling = 1.0, math.inf, 0, 0
        for loss in validation_losses:
            if loss < best * (1 - self.threshold):
                best, bad = loss, 0
            else:
                bad += 1
            if cooling:
                cooling, bad = cooling - 1, 0
            if bad > self.patience:
                multiplier = max(multiplier * self.factor, self.minimum)
                cooling, bad = self.cooldown, 0
        return multiplier

    def __call__(self, step: int, steps: int) -> float:
        """Refused: the step does not tell.

        Raises:
            ValueError: always.
        """
        raise ValueError(f"{self} needs the validation losses measured so far; call watch(losses), not ({step=})")
