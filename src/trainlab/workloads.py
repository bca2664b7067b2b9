"""The standard problems that several experiments share, so that their results can be compared.

Seeds: numbers from 1000 on choose hyperparameters, numbers below 1000 report results.
"""

from dataclasses import replace

import xarray as xr

from trainlab.data import MNIST1D
from trainlab.inits import He
from trainlab.models import MLP
from trainlab.optimizers import SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, Optimizer, RMSProp
from trainlab.runs import Run, grid
from trainlab.tuning import Train, Tuned, tune

TUNING_SEEDS = range(1000, 1003)
FRESH_SEEDS = range(10)

RATES = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
"""Two a decade; wide enough that no optimizer of the race is best at an end."""

OPTIMIZERS: dict[str, Optimizer] = {
    "SGD": SGD(),
    "Momentum": Momentum(),
    "Nesterov": Nesterov(),
    "AdaGrad": AdaGrad(),
    "RMSProp": RMSProp(),
    "Adam": Adam(),
    "AdamW": AdamW(),
}

RACE = Run(
    data=MNIST1D(), model=MLP(inputs=40, outputs=10, depth=2, width=64), init=He(), lr=0.01, batch_size=128, steps=1000
)
"""The net of the optimizer race: 40-64-64-10, ReLU, on MNIST-1D."""


RACE_EVERY = 25
"""Updates between two measurements in a race."""


def race_contenders() -> dict[str, Run]:
    """The race's run for each optimizer, the rate still open."""
    return {name: replace(RACE, optimizer=optimizer) for name, optimizer in OPTIMIZERS.items()}


def fixed_rate_race(train: Train, lr: float) -> xr.Dataset:
    """The race with one learning rate for all, on the same seeds."""
    runs = [run for contender in race_contenders().values() for run in grid(contender, lr=[lr], seed=FRESH_SEEDS)]
    return train(runs, every=RACE_EVERY)


def tune_race(train: Train) -> Tuned:
    """Each optimizer's rate on the race's net: 9 rates x 3 seeds for every one."""
    return tune(train, race_contenders(), RATES, TUNING_SEEDS)


def tuned_race(train: Train) -> tuple[Tuned, xr.Dataset]:
    """The race at tuned rates, on fresh seeds."""
    tuned = tune_race(train)
    return tuned, train(tuned.fresh(FRESH_SEEDS), every=RACE_EVERY)


def race_sweep(train: Train) -> tuple[Tuned, xr.DataArray]:
    """The race's tuning, and the test accuracy of all its settings on fresh seeds: the runs of `lr_sensitivity`."""
    tuned = tune_race(train)
    return tuned, tuned.sweep(train, FRESH_SEEDS)
