"""Do rare classes slow SGD down, and not Adam?

Training loss against updates when the classes of MNIST-1D are made unequal: each of the ten has half as many
training examples as the one before, from {=rare_classes.most:.0f} down to {=rare_classes.least:.0f}. Solid:
all training examples, most of which are of the first classes. Dashed: those of the five rarest classes alone.
Each optimizer runs at the tuned rate that ends at the lowest loss over all examples. Lines are medians over
{=rare_classes.seeds:.0f} seeds, bands reach from the lowest to the highest run.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
import xarray as xr

from trainlab import plots
from trainlab.claims import Claim, difference
from trainlab.data import MNIST1D, Dataset, Split
from trainlab.optimizers import SGD, Adam, Momentum, Optimizer
from trainlab.runs import Run, grid
from trainlab.tuning import Train
from trainlab.workloads import RACE

MOST, CLASSES, RARE = 1024, 10, 5
COUNTS = [MOST // 2**k for k in range(CLASSES)]
STEPS, EVERY = 600, 30
METHODS: dict[str, Optimizer] = {"SGD": SGD(), "Momentum": Momentum(), "Adam": Adam()}
RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
TUNING_SEEDS, SEEDS = range(1000, 1002), range(10)


@dataclass(frozen=True)
class Imbalanced:
    """MNIST-1D whose class k keeps `COUNTS[k]` training examples.

    What the loop calls validation and test holds the training examples of the rarest classes, so that their
    loss is measured along the run. Nothing is chosen on it.

    Args:
        rows: of the balanced set that the examples are taken from.
    """

    rows: int = 12_000

    def load(self) -> Dataset:
        """The same examples for all runs."""
        return _load(self)


@lru_cache(maxsize=2)
def _load(spec: Imbalanced) -> Dataset:
    x, y = MNIST1D(rows=spec.rows, validation=10, test=10).load().train
    kept = torch.cat([torch.nonzero(y == k).flatten()[:count] for k, count in enumerate(COUNTS)])
    kept = kept[torch.randperm(len(kept), generator=torch.Generator().manual_seed(0))]
    train = Split(x[kept], y[kept])
    rare = train.y >= CLASSES - RARE
    rarest = Split(train.x[rare], train.y[rare])
    return Dataset("MNIST-1D, unequal classes", train, rarest, rarest, classes=CLASSES)


def _base(name: str) -> Run:
    return replace(RACE, data=Imbalanced(), optimizer=METHODS[name], steps=STEPS)


def measure(train: Train) -> xr.Dataset:
    if spend := getattr(train, "spend", None):
        spend(TUNING_SEEDS)
    runs, edges = [], []
    for name in METHODS:
        tried = train(grid(_base(name), lr=RATES, seed=TUNING_SEEDS), every=STEPS)
        ends = tried.train_loss.isel(step=-1).values.reshape(len(RATES), -1).mean(1)
        best = int(np.argmin(np.where(np.isfinite(ends), ends, np.inf)))
        if best in (0, len(RATES) - 1):
            edges.append(f"{name} (lr = {RATES[best]:g})")
        runs += grid(replace(_base(name), lr=RATES[best]), seed=SEEDS)
    return train(runs, every=EVERY).assign_attrs(at_edge=edges)


def _area(runs: xr.Dataset, variable: str) -> np.ndarray:
    """`[seeds]`: the loss, mean over the measurements after the start."""
    return runs[variable].transpose("run", "step").values[:, 1:].mean(1)


def _rare(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: the mean loss on the rarest classes along the run."""
    return _area(runs, "validation_loss")


def _gap(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: how much higher the loss is on the rarest classes than on all examples, along the run."""
    return _area(runs, "validation_loss") - _area(runs, "train_loss")


def numbers(results: xr.Dataset) -> dict[str, float]:
    rare = sum(COUNTS[CLASSES - RARE :])
    out = {"most": float(MOST), "least": float(COUNTS[-1]), "seeds": float(len(SEEDS)), "rare_rows": float(rare)}
    out |= {"rare_share": 100 * rare / sum(COUNTS), "steps": float(results.steps.values[0]), "rows": float(sum(COUNTS))}
    out |= {"rates": float(len(RATES)), "tuning_seeds": float(len(TUNING_SEEDS))}
    half = results.sizes["step"] // 2
    out["half"] = float(results.step.values[half])
    for name in METHODS:
        key, runs = name.lower(), results.isel(run=np.flatnonzero(results.optimizer.values == name))
        out[f"{key}_lr"] = float(runs.lr.values[0])
        for short, variable in (("all", "train_loss"), ("rare", "validation_loss")):
            out[f"{key}_{short}"] = float(runs[variable].isel(step=-1).mean())
            out[f"{key}_{short}_half"] = float(runs[variable].isel(step=half).mean())
            out[f"{key}_{short}_mean"] = float(_area(runs, variable).mean())
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 3.2)
    panels = fig.subplots(1, len(METHODS), sharey=True)
    for ax, name in zip(panels, METHODS, strict=True):
        runs = results.isel(run=np.flatnonzero(results.optimizer.values == name))
        color = plots.OPTIMIZER_LINES[name]["color"]
        for label, variable, style in (("all", "train_loss", "-"), ("rare", "validation_loss", (0, (4, 1.5)))):
            line = {"color": color, "linestyle": style}
            plots.curve(ax, runs.step.values, runs[variable].values, f"{name}, {label} classes", line)
        ax.set_title(name, color=color)
        ax.set(xlabel="updates", xlim=(0, runs.step.values[-1]), ylim=(0, 6))
        plots.plain_ticks(ax.xaxis, runs.step.values[-1] * np.array([0, 0.5, 1]))
    panels[0].set_ylabel("training loss")
    panels[0].text(0.95, 0.95, "dashed: 5 rarest\nsolid: all", transform=panels[0].transAxes, ha="right", va="top")


def alt(numbers: dict[str, float]) -> str:
    ends = "; ".join(
        f"{name} {numbers[f'{name.lower()}_all']:.2f} on all examples and {numbers[f'{name.lower()}_rare']:.2f} on the "
        f"rarest classes"
        for name in METHODS
    )
    return (
        f"Line plots of the training loss against updates, one for each optimizer, with a line for all examples and "
        f"one for the rarest classes. Mean loss after {numbers['steps']:.0f} updates: {ends}."
    )


_SOURCE = "Kunstner et al. 2024, Heavy-tailed class imbalance and why Adam outperforms gradient descent"
_URL = "https://arxiv.org/abs/2402.19449"

CLAIMS = [
    Claim(
        id="rare-classes-slow-sgd",
        text="Along the run, tuned SGD has a higher training loss on the five rarest classes than tuned Adam.",
        source=_SOURCE,
        url=_URL,
        statistic="training loss on the five rarest classes, mean over the run, SGD minus Adam, nats",
        compare=difference(_rare, {"optimizer": "SGD"}, {"optimizer": "Adam"}),
        expect="holds",
    ),
    Claim(
        id="momentum-does-not-help",
        text="Tuned SGD with momentum, too, has a higher training loss on the five rarest classes than tuned Adam.",
        source=_SOURCE,
        url=_URL,
        statistic="training loss on the five rarest classes, mean over the run, Momentum minus Adam, nats",
        compare=difference(_rare, {"optimizer": "Momentum"}, {"optimizer": "Adam"}),
        expect="holds",
    ),
    Claim(
        id="sgd-leaves-the-rare-behind",
        text="The loss on the rarest classes is further above that on all examples for SGD than for Adam.",
        source=_SOURCE,
        url=_URL,
        statistic="training loss on the five rarest classes minus that on all, mean over the run, SGD minus Adam, nats",
        compare=difference(_gap, {"optimizer": "SGD"}, {"optimizer": "Adam"}),
        expect="holds",
    ),
]
