"""The problem on which the regularizers are compared, and their tuning by equal budgets.

A network with far more weights than examples, trained for long enough to fit every one of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from trainlab.data import MNIST1D
from trainlab.history import early_stop
from trainlab.inits import He
from trainlab.loop import AT_END
from trainlab.losses import CrossEntropy
from trainlab.models import MLP
from trainlab.optimizers import L2, Adam, DecoupledDecay
from trainlab.optimizers.penalties import L1, MaxNorm, SoftThreshold
from trainlab.predictions import Held, Predictions
from trainlab.probes import Probe
from trainlab.runs import Run, grid
from trainlab.spaces import setting
from trainlab.tuning import Train, Tuned, scores, tune
from trainlab.weights import weight_percentiles, weight_sizes

ROWS, WIDTH, STEPS = 1000, 128, 500
FRESH_SEEDS = range(20, 30)
"""Others than the twenty that showed, in two rounds, that the grids were too short."""
TUNING_SEEDS = range(1000, 1002)
OTHER_TUNING_SEEDS = range(1000, 1001)
"""With other numbers of examples."""

RATES = (0.001, 0.003, 0.01, 0.03)
PASSES = 20
"""Of Monte Carlo dropout."""


def data(rows: int = ROWS) -> MNIST1D:
    """MNIST-1D with so many training examples."""
    return MNIST1D(rows=rows, validation=1000, test=5000)


NET = MLP(inputs=40, outputs=10, depth=2, width=WIDTH)

PROBLEM = Run(
    data=data(),
    model=NET,
    init=He(),
    optimizer=Adam(),
    lr=0.003,
    batch_size=32,
    steps=STEPS,
)
"""40-128-128-10, ReLU, under Adam, on 1000 examples of MNIST-1D."""


@dataclass(frozen=True)
class Method:
    """A regularizer: a run that has it, where its strength is, and which strengths are tried.

    Args:
        run: with any strength.
        path: of the strength, as `spaces.setting` takes it.
        strengths: ascending, as many for every method.
        large_is_weak: whether the last of them changes the network least, and not the first.
    """

    run: Run
    path: str
    strengths: tuple[float, ...]
    large_is_weak: bool = False

    @property
    def weakest(self) -> float:
        """The strength that changes the network least."""
        return self.strengths[-1 if self.large_is_weak else 0]


METHODS: Mapping[str, Method] = {
    "dropout": Method(replace(PROBLEM, model=replace(NET, dropout=0.1)), "model.dropout", (0.02, 0.05, 0.15, 0.4, 0.6)),
    "L1": Method(replace(PROBLEM, optimizer=L1(Adam())), "optimizer.penalty", (3e-5, 1e-4, 3e-4, 1e-3, 3e-3)),
    "soft threshold": Method(
        replace(PROBLEM, optimizer=SoftThreshold(Adam())), "optimizer.penalty", (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
    ),
    "L2": Method(replace(PROBLEM, optimizer=L2(Adam())), "optimizer.weight_decay", (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)),
    "decoupled decay": Method(
        replace(PROBLEM, optimizer=DecoupledDecay(Adam())), "optimizer.weight_decay", (0.1, 0.3, 1.0, 3.0, 10.0)
    ),
    "max-norm": Method(replace(PROBLEM, optimizer=MaxNorm(Adam())), "optimizer.limit", (0.5, 1.0, 1.5, 2.0, 3.0), True),
    "label smoothing": Method(
        replace(PROBLEM, loss=CrossEntropy(0.1)), "loss.label_smoothing", (0.02, 0.05, 0.1, 0.3, 0.6)
    ),
}
"""The regularizers that have a strength."""

TRIALS = len(RATES) * len(METHODS["dropout"].strengths)
MANY_RATES = tuple(float(f"{rate:.3g}") for rate in np.geomspace(0.0003, 0.03, TRIALS))
"""As many rates as the others have trials, for networks that have nothing else to tune."""

NONE, MORE = "none", "twice the data"


def tune_at(train: Train, rows: int, methods: tuple[str, ...]) -> Tuned:
    """Rate and strength of some methods, with as many trials for each.

    The weakest strength is no edge of its grid: the next weaker is no regularizer, which is a contender of its own.

    Args:
        train: trains a list of runs.
        rows: training examples.
        methods: of `METHODS`, or `NONE` and `MORE`, which have a rate only.
    """
    runs = {name: replace(METHODS[name].run if name in METHODS else PROBLEM, data=data(rows)) for name in methods}
    if MORE in methods:
        runs[MORE] = replace(PROBLEM, data=data(2 * rows))
    rates = {name: RATES if name in METHODS else MANY_RATES for name in methods}
    space = {name: {METHODS[name].path: METHODS[name].strengths} if name in METHODS else {} for name in methods}
    tuned = tune(train, runs, rates, TUNING_SEEDS if rows == ROWS else OTHER_TUNING_SEEDS, space)
    weakest = {f"{name} ({METHODS[name].path} = {METHODS[name].weakest:g})" for name in methods if name in METHODS}
    return replace(tuned, at_edge=[edge for edge in tuned.at_edge if edge not in weakest])


def tune_all(train: Train) -> Tuned:
    """Every method on the problem."""
    return tune_at(train, ROWS, (NONE, MORE, *METHODS))


def at_each_strength(tuned: Tuned, name: str) -> list[Run]:
    """For each strength that was tried, the run at the rate that is best for it on the validation split."""
    mean = scores(tuned.trials).sel(contender=name).values
    best: dict[float, int] = {}
    for trial, run in enumerate(tuned.tried[name]):
        strength = setting(run, METHODS[name].path)
        if strength not in best or mean[trial] > mean[best[strength]]:
            best[strength] = trial
    return [tuned.tried[name][best[strength]] for strength in sorted(best)]


def fresh(train: Train, tuned: Tuned, name: str, rows: int = ROWS, every_strength: bool = True) -> xr.Dataset:
    """A method on fresh seeds: at each of its strengths, each at its best rate; a method without one at its best rate.

    Args:
        train: trains a list of runs.
        tuned: from `tune_at`.
        name: of the method.
        rows: training examples, as in `tune_at`.
        every_strength: False runs only the one that tuning chose.

    Returns:
        Results with the coordinates `method`, `rows`, `strength` and `best` (whether tuning chose it) on `run`, at
        the end of the runs only.
    """
    runs = at_each_strength(tuned, name) if name in METHODS and every_strength else [tuned.best[name]]
    all_runs = [run for one in runs for run in grid(one, seed=FRESH_SEEDS)]
    results = train(all_runs, probes_of(name) if rows == ROWS else [], every=AT_END).isel(step=-1, drop=True)
    strengths = [strength_of(run, name) for run in all_runs]
    chosen = strength_of(tuned.best[name], name)
    labels = {
        "method": ("run", [name] * len(all_runs)),
        "rows": ("run", [rows] * len(all_runs)),
        "strength": ("run", strengths),
        "best": ("run", [strength == chosen for strength in strengths]),
    }
    return results.drop_vars(["batch_loss", "update"], errors="ignore").assign_coords(labels)


STOPPING, STOPPING_EVERY = "early stopping", 20
"""Measurements for early stopping come so many updates apart."""

PATIENCES = (1, 2, 4, 8)
"""In measurements."""


def early_stopped(train: Train) -> tuple[xr.Dataset, int]:
    """The network without a regularizer that is stopped early: rate and patience tuned by as many trials as the rest.

    Training stops when the validation loss has not improved for so many measurements, and the best one is kept.

    Returns:
        Results on fresh seeds, along the runs, with what `Held` measures on the test split; and the patience.
    """
    if spend := getattr(train, "spend", None):
        spend(TUNING_SEEDS)
    tried = train(grid(PROBLEM, lr=RATES, seed=TUNING_SEEDS), every=STOPPING_EVERY)
    found = {}
    for rate in RATES:
        runs = of(tried, lr=rate)
        for patience in PATIENCES:
            kept = early_stop(runs.validation_loss.values, patience).kept
            accuracies = np.take_along_axis(runs.validation_accuracy.values, kept[:, None], 1)
            found[rate, patience] = float(finite(accuracies).mean())
    rate, patience = max(found, key=lambda setting: found[setting])
    runs = grid(replace(PROBLEM, lr=rate), seed=FRESH_SEEDS)
    return train(runs, [Held(data())], every=STOPPING_EVERY), patience


def strength_of(run: Run, name: str) -> float:
    """The strength of a method in a run; 0 where it has none."""
    return float(setting(run, METHODS[name].path)) if name in METHODS else 0.0


def probes_of(name: str) -> list[Probe]:
    """What the figures want to know of a method's runs beside losses and accuracies."""
    if name == "dropout":
        return [*_predictions(), Predictions(data(), passes=1), Predictions(data(), passes=PASSES)]
    if name == "label smoothing":
        return _predictions()
    if name == NONE:
        return [*_predictions(), weight_percentiles, weight_sizes]
    return [] if name == MORE else [weight_percentiles, weight_sizes]


def _predictions() -> list[Probe]:
    return [Predictions(data()), Predictions(data(), "validation", rows=1000)]


def joined(parts: list[xr.Dataset]) -> xr.Dataset:
    """Several results as one; what some of them lack is NaN there."""
    return xr.concat(parts, "run", data_vars="all", coords="minimal", compat="override", join="outer")


def of(results: xr.Dataset, **where: object) -> xr.Dataset:
    """The runs with these coordinates."""
    chosen = np.ones(results.sizes["run"], dtype=bool)
    for name, value in where.items():
        chosen &= results[name].values == value
    return results.isel(run=np.flatnonzero(chosen)).sortby("seed")


def finite(values: np.ndarray) -> np.ndarray:
    """Accuracies, where a run that diverged has 0."""
    return np.nan_to_num(values.astype(np.float64))
