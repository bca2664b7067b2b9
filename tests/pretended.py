"""A stand-in for training, for tests of what is done with results."""

from collections.abc import Callable, Sequence
from math import log10

import numpy as np
import xarray as xr

from trainlab.runs import Run


class Pretended:
    """Trains nothing: the accuracies are a function of the run, and what was asked for is kept."""

    def __init__(self, accuracy: Callable[[Run], float]) -> None:
        self.accuracy, self.calls, self.spent, self.every = accuracy, [], [], []

    def __call__(self, runs: Sequence[Run], *, every: int | None = None, splits: Sequence[str] = ()) -> xr.Dataset:
        self.calls.append(list(runs))
        self.every.append(every)
        steps = sorted({0, *(run.steps for run in runs)})
        accuracy = np.array([[self.accuracy(run)] * len(steps) for run in runs])
        return xr.Dataset(
            {
                "validation_accuracy": (("run", "step"), accuracy),
                "validation_loss": (("run", "step"), -accuracy),
                "test_accuracy": ("run", 1 - accuracy[:, 0]),  # so that choosing by it is seen
            },
            {"step": steps, "steps": ("run", [run.steps for run in runs])},
        )

    def spend(self, seeds: Sequence[int]) -> None:
        self.spent.append((list(seeds), len(self.calls)))

    @property
    def runs(self) -> list[Run]:
        return [run for call in self.calls for run in call]


def best_at(**rates: float) -> Pretended:
    """The accuracy of an optimizer falls with the distance to its best rate, in powers of ten."""
    return Pretended(lambda run: 0.9 - 0.1 * abs(log10(run.lr / rates[type(run.optimizer).__name__])))
