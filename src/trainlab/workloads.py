"""The standard problems that several experiments share, so that their results can be compared.

Seeds: numbers from 1000 on choose hyperparameters, numbers below 1000 report results.
"""

from dataclasses import replace

import xarray as xr

from trainlab.data import MNIST1D, REPORTS, FashionMNIST
from trainlab.inits import He
from trainlab.models import MLP
from trainlab.optimizers import (
    SGD,
    Adadelta,
    AdaGrad,
    Adam,
    AdaMax,
    AdamW,
    AMSGrad,
    Lion,
    Momentum,
    Muon,
    NAdam,
    Nesterov,
    Optimizer,
    RMSProp,
    ScheduleFreeAdamW,
)
from trainlab.runs import Run, grid
from trainlab.tuning import Train, Tuned, tune

TUNING_SEEDS = range(1000, 1003)
FASHION_TUNING_SEEDS = range(1000, 1001)
"""One, because the networks there are more than ten times as large."""

FRESH_SEEDS = range(10)

RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
"""Two a decade; wide enough that no optimizer of the race is best at an end."""

OPTIMIZERS: dict[str, Optimizer] = {
    "SGD": SGD(),
    "Momentum": Momentum(),
    "Nesterov": Nesterov(),
    "AdaGrad": AdaGrad(),
    "RMSProp": RMSProp(),
    "Adadelta": Adadelta(),
    "Adam": Adam(),
    "AdaMax": AdaMax(),
    "NAdam": NAdam(),
    "AdamW": AdamW(),
    "AMSGrad": AMSGrad(),
    "Lion": Lion(),
    "Muon": Muon(),
    "ScheduleFreeAdamW": ScheduleFreeAdamW(),
}
"""Those of the race, under the names that results have for them."""

CLASSIC = ("SGD", "Momentum", "Nesterov", "AdaGrad", "RMSProp", "Adam", "AdaMax", "NAdam", "AdamW")
"""The nine that popular notebooks compare."""

RACE = Run(
    data=MNIST1D(), model=MLP(inputs=40, outputs=10, depth=2, width=64), init=He(), lr=0.01, batch_size=64, steps=500
)
"""The net of the optimizer race: 40-64-64-10, ReLU, on MNIST-1D."""

RACE_EVERY = 20
"""Updates between two measurements in a race."""

FASHION = Run(
    data=FashionMNIST(),
    model=MLP(inputs=784, outputs=10, depth=3, width=100),
    init=He(),
    lr=0.01,
    batch_size=32,
    steps=300,
)
"""The net of a popular notebook, 784-100-100-100-10, for one pass over the packaged images."""

FASHION_EVERY = 30

FASHION_RATES = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
"""As many and as dense as `RATES`, a power of ten lower, for the same reason."""


def race_contenders() -> dict[str, Run]:
    """The race's run for each optimizer, the rate still open."""
    return {name: replace(RACE, optimizer=optimizer) for name, optimizer in OPTIMIZERS.items()}


def tune_race(train: Train) -> Tuned:
    """Each optimizer's rate on the race's net: 10 rates x 3 seeds for every one."""
    return tune(train, race_contenders(), RATES, TUNING_SEEDS)


def tuned_race(train: Train) -> tuple[Tuned, xr.Dataset]:
    """The race at tuned rates, on fresh seeds."""
    tuned = tune_race(train)
    return tuned, train(tuned.fresh(FRESH_SEEDS), every=RACE_EVERY)


def race_sweep(train: Train) -> tuple[Tuned, xr.DataArray]:
    """The race's tuning, and the test accuracy of all its settings on fresh seeds: the runs of `lr_sensitivity`."""
    tuned = tune_race(train)
    return tuned, tuned.sweep(train, FRESH_SEEDS)


def fashion_contenders() -> dict[str, Run]:
    """The run of each optimizer on images, the rate still open."""
    return {name: replace(FASHION, optimizer=optimizer) for name, optimizer in OPTIMIZERS.items()}


def tuned_fashion_race(train: Train) -> tuple[Tuned, xr.Dataset]:
    """The race on images: 10 rates x 1 seed for every optimizer, then fresh seeds."""
    tuned = tune(train, fashion_contenders(), FASHION_RATES, FASHION_TUNING_SEEDS)
    return tuned, train(tuned.fresh(FRESH_SEEDS), every=FASHION_EVERY, splits=REPORTS)


def fixed_fashion_race(train: Train, lr: float) -> xr.Dataset:
    """The nine classic optimizers on images with one learning rate for all, on the same seeds."""
    contenders = fashion_contenders()
    runs = [run for name in CLASSIC for run in grid(contenders[name], lr=[lr], seed=FRESH_SEEDS)]
    return train(runs, every=FASHION_EVERY, splits=REPORTS)
