"""What does a test cost if the net is left in train mode?

Test accuracy of one kind of net, a ReLU net with batch norm, after {=norm_train_mode_test.steps:.0f} updates on
MNIST-1D, against the number of test examples in a batch. In train mode batch norm uses the statistics of that batch:
once with the examples in random order, once sorted by class. In evaluation mode, drawn as a horizontal line, an example
is judged alone. Lines are medians over {=norm_train_mode_test.seeds:.0f} seeds, bands reach from the lowest to the
highest.
"""

from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from trainlab import plots
from trainlab.claims import OWN, Claim, Comparison, by_seed, within
from trainlab.comparisons import Measure
from trainlab.data import MNIST1D
from trainlab.inits import He
from trainlab.normnets import NormMLP
from trainlab.optimizers import Momentum
from trainlab.probes import Snapshot
from trainlab.runs import Run, grid
from trainlab.stats import mean_interval
from trainlab.tuning import Train
from trainlab.types import Tensors

SEEDS = range(10)
SIZES = (2, 5, 10, 25, 100, 500)
"""Test examples in a batch; each class has 100 of them."""

DATA = MNIST1D(validation=500, test=1000)
BASE = Run(
    data=DATA,
    model=NormMLP(inputs=40, outputs=10, depth=3, width=50),
    init=He(),
    optimizer=Momentum(),
    lr=0.1,
    batch_size=64,
    steps=400,
)
ORDERS = {"shuffled": "random order", "sorted": "sorted by class"}
LINES = {"shuffled": {"color": plots.SERIES[0]}, "sorted": {"color": plots.SERIES[3]}}
TOLERANCE = 2.0
"""Percentage points that count as no difference."""


@dataclass(frozen=True)
class AccuracyByBatch:
    """The test accuracy with the network left in train mode, for batches of several sizes.

    Args:
        data: its test split is looked at.
        sizes: examples in a batch; each must divide the number of test rows.
    """

    data: MNIST1D
    sizes: tuple[int, ...]

    axes = ("size",)

    def __call__(self, snapshot: Snapshot) -> Tensors:
        """Measure.

        Returns:
            `shuffled` and `sorted`, shares in [0, 1], one value a size.
        """
        test = self.data.load().test
        order = torch.argsort(test.y, stable=True)
        return {
            "shuffled": torch.stack([_accuracy(snapshot, test.x, test.y, size) for size in self.sizes]),
            "sorted": torch.stack([_accuracy(snapshot, test.x[order], test.y[order], size) for size in self.sizes]),
        }


def _accuracy(snapshot: Snapshot, x: Tensor, y: Tensor, size: int) -> Tensor:
    right = [
        (snapshot.forward(snapshot.weights, snapshot.buffers, inputs)[0].argmax(-1) == targets).float().mean()
        for inputs, targets in zip(x.split(size), y.split(size), strict=True)
    ]
    return torch.stack(right).mean()


def measure(train: Train) -> xr.Dataset:
    return train(grid(BASE, seed=SEEDS), [AccuracyByBatch(DATA, SIZES)], every=BASE.steps)


def _table(runs: xr.Dataset, order: str) -> np.ndarray:
    """`[seeds, sizes]` after the last update, in percent."""
    return 100 * runs.sortby("seed")[order].isel(step=-1).transpose("run", "size").values.astype(np.float64)


def _lost(order: str, size: int, runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: percentage points below the accuracy in evaluation mode."""
    return 100 * by_seed(runs, "test_accuracy") - _table(runs, order)[:, SIZES.index(size)]


def _lost_sorted(runs: xr.Dataset) -> np.ndarray:
    return _lost("sorted", 100, runs)


def _lost_in_pairs(runs: xr.Dataset) -> np.ndarray:
    return _lost("shuffled", 2, runs)


def _lost_in_hundreds(runs: xr.Dataset) -> np.ndarray:
    return _lost("shuffled", 100, runs)


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(SEEDS)), "steps": float(results.steps.values[0]), "tolerance": TOLERANCE}
    out["eval"] = 100 * float(by_seed(results, "test_accuracy").mean())
    out |= {f"size_{size}": float(size) for size in SIZES}
    for order in ORDERS:
        for size, value in zip(SIZES, _table(results, order).mean(0), strict=True):
            out[f"{order}_{size}"] = float(value)
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    ax = fig.subplots()
    sizes = np.array(SIZES)
    for order, label in ORDERS.items():
        plots.curve(ax, sizes, _table(results, order) / 100, label, LINES[order] | {"marker": "o"})
    alone = np.repeat(by_seed(results, "test_accuracy")[:, None], len(sizes), 1)
    plots.curve(ax, sizes, alone, "evaluation mode", {"color": plots.INK["text"], "linestyle": (0, (5, 2))})
    ax.set(xscale="log", ylim=(0, None), xlabel="test examples in a batch", ylabel="test accuracy")
    ax.set_xlim(sizes[0] / 1.1, sizes[-1] * 1.1)
    plots.plain_ticks(ax.xaxis, sizes)
    plots.percent(ax.yaxis)
    plots.label_ends(ax, {"evaluation mode": "evaluation\nmode", "sorted by class": "sorted\nby class"}, gap=24)


def alt(numbers: dict[str, float]) -> str:
    said = "; ".join(
        f"{label} " + ", ".join(f"{numbers[f'size_{size}']:.0f}: {numbers[f'{order}_{size}']:.1f}" for size in SIZES)
        for order, label in ORDERS.items()
    )
    return (
        f"Line plot of test accuracy against the size of test batches. In evaluation mode the mean is "
        f"{numbers['eval']:.1f} percent. In train mode, by batch size: {said}."
    )


def _mean(measure: Measure) -> Comparison:
    return Comparison("mean difference", lambda results: mean_interval(by_seed(results, measure)))


_STATISTIC = "test accuracy in evaluation mode minus train mode, {}, percentage points"

CLAIMS = [
    Claim(
        id="sorted-batches-ruin-it",
        text="In train mode, on batches of 100 that hold one class each, the net loses more than 10 points.",
        source=OWN,
        statistic=_STATISTIC.format("batches of 100 of one class") + "; the sentence says that it is above 10",
        compare=_mean(_lost_sorted),
        region=(10.0, np.inf),
        expect="holds",
    ),
    Claim(
        id="pairs-ruin-it",
        text="In train mode, on random pairs of test examples, it loses more than 10 points.",
        source=OWN,
        statistic=_STATISTIC.format("random batches of 2") + "; the sentence says that it is above 10",
        compare=_mean(_lost_in_pairs),
        region=(10.0, np.inf),
        expect="holds",
    ),
    Claim(
        id="large-random-batches-hide-it",
        text="In train mode, on random batches of 100, the mistake stays hidden: less than 2 points.",
        source=OWN,
        statistic=_STATISTIC.format("random batches of 100") + f"; the band is ±{TOLERANCE:g}",
        compare=within(_lost_in_hundreds, TOLERANCE),
        expect="null",
        why="What is lost is small, but the interval reaches beyond two points.",
    ),
]
