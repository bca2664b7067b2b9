"""Does a deep ReLU network train when its initialization is too small?

Test accuracy of ReLU networks with 30 hidden layers of 40 units on MNIST-1D, after
{=init_by_optimizer.steps:.0f} updates. Each dot is one seed. For each seed, initialization and optimizer the rate was
chosen among {=init_by_optimizer.rates:.0f} by validation accuracy, and the test accuracy of that run is drawn. The
vertical line is the median of {=init_by_optimizer.seeds:.0f} seeds; the dashed one is guessing.
"""

from dataclasses import replace

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.claims import OWN, Claim, difference, within
from trainlab.data import MNIST1D
from trainlab.inits import Glorot, He
from trainlab.models import MLP
from trainlab.optimizers import Adam, Momentum, Optimizer
from trainlab.runs import Run, grid
from trainlab.tuning import Train

OPTIMIZERS: dict[str, tuple[Optimizer, tuple[float, ...]]] = {
    "Momentum": (Momentum(), (0.01, 0.03)),
    "Adam": (Adam(), (0.001, 0.003)),
}
INITS = {"He": He(), "Glorot": Glorot()}
SEEDS = range(10)
DEPTH = 30
CHANCE = 0.1
LEARNED = 0.2
"""Test accuracy from which a run counts as one that has learned something."""

TOLERANCE = 5.0
"""Percentage points by which the initializations may differ and still count as equally good."""

BASE = Run(
    data=MNIST1D(validation=500, test=2000),
    model=MLP(inputs=40, outputs=10, depth=DEPTH, width=40),
    lr=0.01,
    batch_size=64,
    steps=400,
)


def measure(train: Train) -> xr.Dataset:
    runs = [
        run
        for optimizer, rates in OPTIMIZERS.values()
        for run in grid(replace(BASE, optimizer=optimizer), init=INITS.values(), lr=rates, seed=SEEDS)
    ]
    return train(runs, every=BASE.steps)


def _chosen(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: the test accuracy in percent at the rate with the highest validation accuracy of the seed's own."""
    last = runs.isel(step=-1).sortby(["seed", "lr"])
    shape = (len(set(last.seed.values.tolist())), -1)
    validation = np.nan_to_num(last.validation_accuracy.values).reshape(shape)
    test = np.nan_to_num(last.test_accuracy.values).reshape(shape)  # a run that diverged has got nothing right
    return 100 * test[np.arange(shape[0]), validation.argmax(1)]


def _of(results: xr.Dataset, optimizer: str, init: str) -> np.ndarray:
    chosen = (results.optimizer.values == optimizer) & (results.init.values == init)
    return _chosen(results.isel(run=np.flatnonzero(chosen)))


def _glorot_minus_he(runs: xr.Dataset) -> np.ndarray:
    optimizer = runs.optimizer.values[0]
    return _of(runs, optimizer, "Glorot") - _of(runs, optimizer, "He")


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(SEEDS)), "steps": float(results.steps.values[0]), "depth": float(DEPTH)}
    out |= {"tolerance": TOLERANCE, "chance": 100 * CHANCE, "learned": 100 * LEARNED}
    for optimizer, (_, rates) in OPTIMIZERS.items():
        out["rates"] = float(len(rates))
        for init in INITS:
            values, key = _of(results, optimizer, init), f"{optimizer}_{init}".lower()
            out[f"{key}_median"], out[f"{key}_mean"] = float(np.median(values)), float(values.mean())
            out[f"{key}_learned"] = float((values > 100 * LEARNED).sum())
            mine = results.isel(run=(results.optimizer.values == optimizer) & (results.init.values == init))
            for rate in rates:
                accuracy = np.nan_to_num(mine.test_accuracy.values[mine.lr.values == rate])
                out[f"{key}_{rate:g}_learned"] = float((accuracy > LEARNED).sum())
            out[f"{key}_failed"] = float((np.nan_to_num(mine.test_accuracy.values) <= LEARNED).sum())
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 3.4)
    ax = fig.subplots()
    rows = [(optimizer, init) for optimizer in OPTIMIZERS for init in INITS]
    for row, (optimizer, init) in enumerate(reversed(rows)):
        values, color = _of(results, optimizer, init) / 100, plots.INIT_LINES[init]["color"]
        heights = row + np.linspace(-0.22, 0.22, len(values))
        ax.plot(values, heights, "o", color=color, markersize=5, alpha=0.75, label=f"{optimizer}, {init}")
        ax.plot([np.median(values)] * 2, [row - 0.36, row + 0.36], color=color, label=f"_median {optimizer} {init}")
    ax.plot(
        [CHANCE] * 2, [-0.6, len(rows) - 0.4], color=plots.INK["muted"], linewidth=1, linestyle="--", label="_guess"
    )
    ax.set_yticks(range(len(rows)), [f"{optimizer}, {init}" for optimizer, init in reversed(rows)])
    ax.tick_params(axis="y", length=0, labelcolor=plots.INK["text"])
    ax.grid(visible=False, axis="y")
    ax.set(xlabel="test accuracy", xlim=(0, None), ylim=(-0.6, len(rows) - 0.4))
    plots.percent(ax.xaxis)


def alt(numbers: dict[str, float]) -> str:
    said = ", ".join(
        f"{optimizer} with {init} {numbers[f'{optimizer}_{init}_median'.lower()]:.1f}"
        for optimizer in OPTIMIZERS
        for init in INITS
    )
    return (
        f"Dots for the test accuracy of each seed, in rows for optimizer and initialization. Medians in percent: "
        f"{said}. Guessing gives {numbers['chance']:.0f}."
    )


CLAIMS = [
    Claim(
        id="momentum-needs-he",
        text="Under SGD with momentum, at the rates that were tried, a ReLU network of 30 hidden layers learns with "
        "He's initialization and stalls with Glorot's.",
        source="He et al. 2015, Delving deep into rectifiers, section 2.2 and figure 3",
        url="https://arxiv.org/abs/1502.01852",
        statistic="test accuracy at the seed's chosen rate, He minus Glorot, percentage points; the sentence says that "
        "it is above 5",
        compare=difference(
            _chosen, {"optimizer": "Momentum", "init": "He"}, {"optimizer": "Momentum", "init": "Glorot"}
        ),
        region=(5.0, np.inf),
        expect="holds",
    ),
    Claim(
        id="adam-hides-it",
        text="With Glorot's initialization, the same network ends higher under Adam than under momentum.",
        source=OWN,
        statistic="test accuracy at the seed's chosen rate with Glorot's initialization, Adam minus momentum, "
        "percentage points; the sentence says that it is above 5",
        compare=difference(
            _chosen, {"optimizer": "Adam", "init": "Glorot"}, {"optimizer": "Momentum", "init": "Glorot"}
        ),
        region=(5.0, np.inf),
        expect="holds",
    ),
    Claim(
        id="adam-forgets-the-init",
        text="Under Adam, the network ends with about the same test accuracy from both initializations.",
        source=OWN,
        statistic="test accuracy at the seed's chosen rate, Glorot minus He, percentage points; the band is "
        f"±{TOLERANCE:g}",
        compare=within(_glorot_minus_he, TOLERANCE, optimizer="Adam"),
        expect="null",
        why="From Glorot's initialization Adam gets off the plateau early for some seeds, late or not at all for "
        "others, so the seeds scatter more than the band is wide.",
    ),
]
