"""The nets that the experiments on normalization share, each at the rate that reaches a target in the fewest updates.

Seeds: numbers from 1000 on choose rates, numbers below 500 report results.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import xarray as xr
from torch import nn

from trainlab.data import MNIST1D, REPORTS
from trainlab.history import first_reach
from trainlab.inits import Glorot, He
from trainlab.normnets import NormMLP
from trainlab.norms import BatchNorm
from trainlab.optimizers import Momentum
from trainlab.probes import Snapshot, axes
from trainlab.runs import Run, grid
from trainlab.tuning import Train
from trainlab.types import Tensors

TARGET = 0.4
"""The validation accuracy that counts as reached; guessing has a tenth."""

RATES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
TUNING_SEEDS = range(1000, 1002)
SEEDS = range(10)
DEPTH, WIDTH = 3, 50

_NET = NormMLP(inputs=40, outputs=10, depth=DEPTH, width=WIDTH, norm=None)
_BASE = Run(
    data=MNIST1D(validation=500, test=2000),
    model=_NET,
    init=He(),
    optimizer=Momentum(),
    lr=0.1,
    batch_size=64,
    steps=400,
)
_SIGMOID = replace(_BASE, model=replace(_NET, activation=nn.Sigmoid), init=Glorot())

NETS: dict[str, Run] = {
    "sigmoid": replace(_SIGMOID, steps=2400),
    "sigmoid, batch norm": replace(_SIGMOID, model=replace(_NET, activation=nn.Sigmoid, norm=BatchNorm), steps=900),
    "ReLU": _BASE,
    "ReLU, batch norm": replace(_BASE, model=replace(_NET, norm=BatchNorm)),
}
"""The nets with and without batch norm, with as many updates as each needs to pass the target at a good rate."""


@dataclass(frozen=True)
class Fewest:
    """A net at the rate that reached the target in the fewest updates.

    Args:
        run: at that rate.
        results: of the seeds that report; with the net's name as a coordinate `net`.
        at_edge: the rate, where it is the lowest or the highest that was tried.
    """

    run: Run
    results: xr.Dataset
    at_edge: list[str]


def every(run: Run) -> int:
    """Updates between two measurements of a run."""
    return 30 if run.steps > 1000 else 10


def updates_to_target(results: xr.Dataset) -> np.ndarray:
    """`[runs]`: updates until the target was first measured; infinite for never."""
    return first_reach(results.validation_accuracy.transpose("run", "step").values, results.step.values, TARGET)


def fewest_updates(train: Train, name: str, base: Run, seeds: Sequence[int] = SEEDS) -> Fewest:
    """Find a net's rate by the fewest updates to the target, and run it on fresh seeds.

    A run that never gets there counts as infinitely late. Where no rate gets there, the highest final validation
    accuracy decides.

    Args:
        train: trains a list of runs.
        name: of the net, for results and messages.
        base: its run, the rate still open.
        seeds: that report.
    """
    if spend := getattr(train, "spend", None):
        spend(TUNING_SEEDS)
    tried = train(grid(base, lr=RATES, seed=TUNING_SEEDS), every=every(base), splits=["validation"])
    updates = updates_to_target(tried).reshape(len(RATES), -1).mean(1)
    accuracy = np.nan_to_num(tried.validation_accuracy.isel(step=-1).values).reshape(len(RATES), -1).mean(1)
    best = int(np.lexsort((-accuracy, updates))[0])
    edge = [f"{name} (lr = {RATES[best]:g})"] if best in (0, len(RATES) - 1) and np.isfinite(updates[best]) else []
    run = replace(base, lr=RATES[best])
    fresh = train(grid(run, seed=seeds), [shift_by_update], every=every(base), splits=REPORTS)
    return Fewest(run, fresh.assign_coords(net=("run", [name] * len(seeds))), edge)


@axes("layer")
def shift_by_update(snapshot: Snapshot) -> Tensors:
    """How far one update moves what each hidden layer hands on, on the same mini-batch.

    The change of a unit's mean over the mini-batch, in its standard deviations, averaged over the units of a layer.
    Where the network draws noise, the second look has the noise of the next update.

    Returns:
        `shift`, one value a hidden layer.
    """
    _, left = snapshot.forward(snapshot.weights, snapshot.buffers, snapshot.inputs)
    weights = {name: weight + snapshot.updates[name] for name, weight in snapshot.weights.items()}
    moved = replace(snapshot, weights=weights, buffers=left).activations().values()
    before = snapshot.activations().values()
    shifts = [
        (b.mean(0) - a.mean(0)).abs().mean() / a.std(0).mean().clamp(min=1e-12)
        for a, b in zip(before, moved, strict=True)
    ]
    return {"shift": torch.stack(shifts)}


def joined(parts: Sequence[xr.Dataset]) -> xr.Dataset:
    """Results of runs of different lengths as one data set; NaN where one was not measured."""
    return xr.concat(parts, "run", data_vars="all", coords="minimal", compat="override", join="outer")


def of_net(results: xr.Dataset, name: str) -> xr.Dataset:
    """The runs of one net, with the measurements that were taken on it."""
    chosen = results.isel(run=np.flatnonzero(results.net.values == name))
    return chosen.dropna("step", how="all", subset=["validation_loss"])


def median_updates(results: xr.Dataset, name: str) -> float:
    """The median of the updates to the target; a run that never got there counts as if it did at its end."""
    runs = of_net(results, name)
    return float(np.median(np.minimum(updates_to_target(runs), runs.step.values[-1])))
