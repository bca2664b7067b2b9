"""Fair tuning: every contender gets the same trials, and only the validation split decides."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from trainlab.feedback import Feedback
from trainlab.runs import Run, grid

Train = Callable[..., xr.Dataset]
"""`train.train`, or anything that takes the same arguments."""


@dataclass(frozen=True)
class Tuned:
    """What tuning found.

    Args:
        best: contender -> its run at the best rate.
        trials: every trial, with axes (contender, lr, seed); no test results.
        at_edge: contenders whose best rate is the lowest or the highest that was tried.
    """

    best: dict[str, Run]
    trials: xr.Dataset
    at_edge: list[str]

    def fresh(self, seeds: Iterable[int]) -> list[Run]:
        """The tuned runs of all contenders, on seeds that tuning never saw.

        Raises:
            ValueError: a seed took part in the tuning.
        """
        seeds = list(seeds)
        if used := sorted(set(seeds) & set(self.trials.seed.values.tolist())):
            raise ValueError(f"seeds {used} chose the learning rates, so they can't report results; take others")
        return [run for best in self.best.values() for run in grid(best, seed=seeds)]


def tune(train: Train, contenders: Mapping[str, Run], rates: Sequence[float], seeds: Iterable[int]) -> Tuned:
    """Find each contender's learning rate on one grid, with one budget for all.

    The rate with the highest mean validation accuracy after the last update wins. A run that
    diverged counts as accuracy 0.

    Args:
        train: trains a list of runs.
        contenders: name -> run, of which `lr` and `seed` are replaced.
        rates: the learning rates that every contender tries, at least 3.
        seeds: the seeds on which each rate is tried.

    Raises:
        ValueError: there are fewer than three rates, or one is given twice.
    """
    rates, seeds = sorted(rates), list(seeds)
    if len(rates) < 3 or len(set(rates)) < len(rates):
        raise ValueError(f"tuning needs at least 3 different rates, got {rates}")
    runs = [run for contender in contenders.values() for run in grid(contender, lr=rates, seed=seeds)]
    # Only the last measurement counts, unless a schedule watches them all.
    watched = any(isinstance(run.schedule, Feedback) for run in runs)
    results = train(runs, every=None if watched else max((run.steps for run in runs), default=1))
    last = results.sel(step=results.steps)  # of each run; contenders may differ in their number of updates
    names = ["validation_loss", "validation_accuracy"]
    shape = (len(contenders), len(rates), len(seeds))
    trials = xr.Dataset(
        {name: (("contender", "lr", "seed"), last[name].values.reshape(shape)) for name in names},
        coords={"contender": list(contenders), "lr": rates, "seed": seeds},
    )
    score = trials.validation_accuracy.fillna(0).mean("seed").values
    winner = np.argmax(score, axis=1)
    best = {name: replace(run, lr=rates[w]) for (name, run), w in zip(contenders.items(), winner, strict=True)}
    edge = [name for name, w in zip(contenders, winner, strict=True) if w in (0, len(rates) - 1)]
    return Tuned(best, trials, edge)
