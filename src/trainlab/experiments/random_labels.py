"""Can the same network learn labels that mean nothing?

Training accuracy by update, for the network of this chapter on {=random_labels.rows:.0f} examples of MNIST-1D with
their true labels, and with labels drawn at random. The dashed lines have random labels and dropout at the rate
{=random_labels.dropout:g}, or decoupled decay of the strength {=random_labels.decay:g}. The learning rate,
{=random_labels.lr:g}, is the same for all. Lines are medians over {=random_labels.seeds:.0f} seeds, bands reach from
the lowest to the highest. The dotted line is guessing.
"""

from dataclasses import replace

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.claims import Claim, Comparison, difference
from trainlab.comparisons import by_seed
from trainlab.data import RandomLabels
from trainlab.history import first_reach
from trainlab.optimizers import Adam, DecoupledDecay
from trainlab.overfitting import FRESH_SEEDS, NET, PROBLEM, ROWS, data, joined
from trainlab.runs import Run, grid
from trainlab.stats import mean_interval
from trainlab.tuning import Train

STEPS, EVERY, BATCH, LR = 1000, 50, 50, 0.003
DROPOUT, DECAY = 0.1, 1.0
RANDOM = RandomLabels(data=data())
BASE = replace(PROBLEM, lr=LR, batch_size=BATCH, steps=STEPS)
KINDS: dict[str, Run] = {
    "true labels": BASE,
    "random labels": replace(BASE, data=RANDOM),
    "random, dropout": replace(BASE, data=RANDOM, model=replace(NET, dropout=DROPOUT)),
    "random, decay": replace(BASE, data=RANDOM, optimizer=DecoupledDecay(Adam(), weight_decay=DECAY)),
}
LINES = {
    "true labels": {"color": plots.SERIES[2]},
    "random labels": {"color": plots.SERIES[1]},
    "random, dropout": {"color": plots.SERIES[0], "linestyle": (0, (4, 1.5))},
    "random, decay": {"color": plots.SERIES[3], "linestyle": (0, (4, 1.5))},
}
FITTED = 0.999


def measure(train: Train) -> xr.Dataset:
    parts = []
    for kind, run in KINDS.items():
        results = train(grid(run, seed=FRESH_SEEDS), every=EVERY).drop_vars(["batch_loss", "update"])
        parts.append(results.assign_coords(kind=("run", [kind] * len(FRESH_SEEDS))))
    return joined(parts)


def _curves(results: xr.Dataset, kind: str) -> np.ndarray:
    """`[seeds, steps]`: training accuracy."""
    runs = results.isel(run=np.flatnonzero(results.kind.values == kind))
    return runs.train_accuracy.transpose("run", "step").values.astype(np.float64)


def _key(kind: str) -> str:
    return kind.replace(", ", "_").replace(" ", "_")


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"rows": float(ROWS), "lr": LR, "seeds": float(len(FRESH_SEEDS)), "steps": float(STEPS)}
    out |= {"dropout": DROPOUT, "decay": DECAY, "batch": float(BATCH), "epochs": float(STEPS * BATCH / ROWS)}
    labels = RANDOM.load().train.y
    out["unchanged"] = 100 * float((labels == data().load().train.y).double().mean())
    for kind in KINDS:
        test = by_seed(results, "test_accuracy", kind=kind)
        out[f"{_key(kind)}_train"] = 100 * float(_curves(results, kind)[:, -1].mean())
        out[f"{_key(kind)}_test"] = 100 * float(test.mean())
        reached = first_reach(_curves(results, kind), results.step.values, FITTED)
        out[f"{_key(kind)}_fitted"] = float(np.median(reached)) if np.isfinite(np.median(reached)) else float("nan")
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    ax = fig.subplots()
    for kind in KINDS:
        plots.curve(ax, results.step.values, _curves(results, kind), kind, LINES[kind])
    ax.axhline(0.1, color=plots.INK["muted"], linewidth=1, linestyle=(0, (1, 2)))
    ax.set(xlabel="updates", ylabel="training accuracy", xlim=(0, results.step.values[-1]), ylim=(0, 1.03))
    plots.percent(ax.yaxis)
    plots.label_ends(ax)


def alt(numbers: dict[str, float]) -> str:
    said = "; ".join(
        f"{kind} {numbers[f'{_key(kind)}_train']:.1f} % in training and {numbers[f'{_key(kind)}_test']:.1f} % in test"
        for kind in KINDS
    )
    return f"Line plot of training accuracy against updates. Mean accuracy at the end: {said}."


def _train_accuracy(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`, in percent."""
    return 100 * runs.train_accuracy.isel(step=-1).values.astype(np.float64)


_SOURCE = "Zhang et al. 2017, Understanding deep learning requires rethinking generalization"
_URL = "https://arxiv.org/abs/1611.03530"

CLAIMS = [
    Claim(
        id="fits-random-labels",
        text="The network fits random labels: more than 99 % of the training examples get theirs.",
        source=_SOURCE,
        url=_URL,
        statistic="training accuracy on random labels at the end, percent",
        compare=Comparison(
            "mean",
            lambda results: mean_interval(by_seed(results, _train_accuracy, kind="random labels")),
            (99.0, np.inf),
        ),
        expect="holds",
    ),
    Claim(
        id="learns-nothing-from-them",
        text="What it learned is worth little: on test examples it is within two points of guessing.",
        source=_SOURCE,
        url=_URL,
        statistic="test accuracy minus that of guessing one of ten classes, percentage points; the band is ±2",
        compare=Comparison(
            "mean",
            lambda results: mean_interval(100 * by_seed(results, "test_accuracy", kind="random labels") - 10),
            (-2.0, 2.0),
        ),
        expect="holds",
    ),
    Claim(
        id="true-labels-are-fitted-sooner",
        text="After a fifth of the run, more of the true labels are fitted than of the random ones.",
        source="Arpit et al. 2017, A closer look at memorization in deep networks",
        url="https://arxiv.org/abs/1706.05394",
        statistic="training accuracy after a fifth of the run, true minus random labels, percentage points",
        compare=difference("train_accuracy@20%", {"kind": "true labels"}, {"kind": "random labels"}, unit=100),
        expect="holds",
    ),
]
