"""How sharp does the loss become under full-batch gradient descent?

Plain gradient descent on all {=edge_of_stability.rows:.0f} training examples of a part of MNIST-1D, network
40-{=edge_of_stability.width:.0f}-{=edge_of_stability.width:.0f}-10 with tanh. Top: the sharpness, which is the largest
eigenvalue of the Hessian of the training loss, under squared error at three learning rates. Dashed, in the same colour,
at the top and at the bottom: 2 over the rate, above which theory says that steps on a parabola diverge. Middle: the
loss of the same runs, on a logarithmic axis. Bottom: the sharpness with cross-entropy, at rate
{=edge_of_stability.cross_lr:g}. Lines are medians over {=edge_of_stability.seeds:.0f} seeds, bands reach from the
lowest to the highest run.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from trainlab import plots
from trainlab.claims import Claim, Comparison, by_seed, within
from trainlab.comparisons import Measure
from trainlab.data import MNIST1D
from trainlab.inits import Glorot
from trainlab.landscape import Sharpness
from trainlab.losses import CrossEntropy
from trainlab.models import MLP
from trainlab.optimizers import SGD
from trainlab.runs import Run, grid
from trainlab.stats import mean_interval
from trainlab.tuning import Train

ROWS, WIDTH, STEPS = 300, 32, 1000
RATES = (0.1, 0.2, 0.4)
CROSS_LR, CROSS_STEPS = 1.0, 500
SEEDS = range(10)
MARKS = 20
TOLERANCE = 0.15
"""How far from 2 / rate the sharpness may hover, as a share."""


@dataclass(frozen=True)
class OneHotError:
    """Half the squared distance between the outputs and 1 for the right class, 0 for the others."""

    def __call__(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """The loss of each example."""
        wanted = (labels[:, None] == torch.arange(outputs.shape[-1], device=labels.device)).to(outputs.dtype)
        return (outputs - wanted).square().sum(1) / 2


BASE = Run(
    data=MNIST1D(rows=ROWS, validation=100, test=100),
    model=MLP(inputs=40, outputs=10, depth=2, width=WIDTH, activation=nn.Tanh),
    init=Glorot(),
    optimizer=SGD(),
    lr=RATES[0],
    loss=OneHotError(),
    batch_size=ROWS,
    steps=STEPS,
)
CROSS = replace(BASE, loss=CrossEntropy(), lr=CROSS_LR, steps=CROSS_STEPS)


def measure(train: Train) -> xr.Dataset:
    parts = [
        train(grid(base, lr=rates, seed=SEEDS), [Sharpness(iterations=16)], every=base.steps // MARKS)
        for base, rates in ((BASE, RATES), (CROSS, (CROSS_LR,)))
    ]
    marked: list[xr.Dataset] = []
    for part in parts:
        marks = part.step.values
        part = part.drop_vars("update").rename(step="mark").assign_coords(mark=np.arange(len(marks)))
        part = part.assign(measured=(("run", "mark"), np.broadcast_to(marks, (part.sizes["run"], len(marks)))))
        marked.append(part.assign(rises=("run", _rises(part))).drop_vars("batch_loss"))
    return xr.concat(marked, "run", data_vars="all", coords="minimal", compat="override", join="outer")


def _rises(runs: xr.Dataset) -> np.ndarray:
    """`[runs]`: the share of the updates in the last half that raise the loss of the whole training set."""
    losses = runs.batch_loss.values.astype(np.float64)
    return (np.diff(losses[:, losses.shape[1] // 2 :], axis=1) > 0).mean(1)


def _of(results: xr.Dataset, lr: float) -> xr.Dataset:
    return results.isel(run=np.flatnonzero(results.lr.values == lr))


def _relative(runs: xr.Dataset) -> np.ndarray:
    """`[runs, measurements]`: the sharpness over 2 / rate."""
    return runs.sharpness.values.astype(np.float64) * runs.lr.values[:, None] / 2


def _late(runs: xr.Dataset) -> np.ndarray:
    """`[runs]`: the mean over the last half of the measurements."""
    relative = _relative(runs)
    return relative[:, relative.shape[1] // 2 :].mean(1)


def _deviation(runs: xr.Dataset) -> np.ndarray:
    return _late(runs) - 1


def _sharpened(runs: xr.Dataset) -> np.ndarray:
    """`[runs]`: the last sharpness over the lowest on the way."""
    return runs.sharpness.values[:, -1] / runs.sharpness.values.min(1)


def _progress(runs: xr.Dataset) -> np.ndarray:
    """`[runs]`: how far the training loss falls over the last half of the run, as a share."""
    losses = runs.train_loss.values.astype(np.float64)
    return 1 - losses[:, -1] / losses[:, losses.shape[1] // 2]


def _fallen(runs: xr.Dataset) -> np.ndarray:
    """`[runs]`: the last sharpness over the highest on the way."""
    return runs.sharpness.values[:, -1] / runs.sharpness.values.max(1)


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(SEEDS)), "rows": float(ROWS), "width": float(WIDTH), "steps": float(STEPS)}
    out |= {"tolerance": 100 * TOLERANCE, "residual": 100 * float(np.nanmax(results.sharpness_residual.values))}
    for name, lr in zip(("low", "middle", "high"), RATES, strict=True):
        runs = _of(results, lr)
        out[f"{name}_lr"], out[f"{name}_limit"] = lr, 2 / lr
        out[f"{name}_start"] = float(np.median(runs.sharpness.values[:, 0]))
        out[f"{name}_lowest"] = float(np.median(runs.sharpness.values.min(1)))
        out[f"{name}_end"] = float(np.median(runs.sharpness.values[:, -1]))
        out[f"{name}_late"] = float(_late(runs).mean())
        out[f"{name}_half_loss"] = float(np.median(runs.train_loss.values[:, runs.sizes["mark"] // 2]))
        out[f"{name}_end_loss"] = float(np.median(runs.train_loss.values[:, -1]))
        out[f"{name}_rises"] = 100 * float(runs.rises.mean())
    cross = _of(results, CROSS_LR)
    out |= {"cross_lr": CROSS_LR, "cross_limit": 2 / CROSS_LR, "cross_steps": float(CROSS_STEPS)}
    out["cross_start"] = float(np.median(cross.sharpness.values[:, 0]))
    out["cross_highest"] = float(np.median(cross.sharpness.values.max(1)))
    return out | {"cross_end": float(np.median(cross.sharpness.values[:, -1]))}


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 6.6)
    above, middle, below = fig.subplots(3, 1, gridspec_kw={"height_ratios": [5, 4, 4]})
    for lr, color in zip((*RATES, CROSS_LR), plots.SERIES, strict=False):
        runs, line, cross = _of(results, lr), {"color": color}, lr == CROSS_LR
        x, name = runs.measured.values[0], "cross-entropy" if cross else f"rate {lr:g}"
        ax = below if cross else above
        plots.curve(ax, x, runs.sharpness.values, name, line)
        ax.axhline(2 / lr, color=color, linewidth=1.1, linestyle=(0, (4, 2)), label=f"_2 / {lr:g}")
        if not cross:
            plots.curve(middle, x, runs.train_loss.values, name, line)
    above.set(ylim=(0, 2.1 / RATES[0]), ylabel="sharpness")
    middle.set(yscale="log", ylabel="training loss")
    below.set(ylim=(0, None), ylabel="sharpness", xlabel="updates")
    middle.set_xlabel("updates")
    for ax in (above, middle, below):
        ax.set_xlim(0, ax.lines[0].get_xdata()[-1])  # pyright: ignore[reportIndexIssue, reportArgumentType]
        plots.label_ends(ax)


def alt(numbers: dict[str, float]) -> str:
    said = "; ".join(
        f"rate {numbers[f'{name}_lr']:g}: {numbers[f'{name}_start']:.1f} at the start, {numbers[f'{name}_lowest']:.1f} "
        f"at the lowest, {numbers[f'{name}_end']:.1f} at the end, limit {numbers[f'{name}_limit']:.1f}"
        for name in ("low", "middle", "high")
    )
    return (
        f"Line plots of the sharpness and the training loss against updates. Median sharpness under squared error, "
        f"{said}. With cross-entropy: {numbers['cross_start']:.1f} at the start, {numbers['cross_highest']:.1f} at the "
        f"highest, {numbers['cross_end']:.1f} at the end, limit {numbers['cross_limit']:.1f}."
    )


def _mean(measure: Measure, lr: float, low: float, high: float = np.inf) -> Comparison:
    return Comparison("mean", lambda results: mean_interval(by_seed(results, measure, lr=lr)), (low, high))


_COHEN: dict[str, Any] = {
    "source": "Cohen et al. 2021, Gradient descent on neural networks typically occurs at the edge of stability",
    "url": "https://arxiv.org/abs/2103.00065",
}

CLAIMS = [
    *(
        Claim(
            id=f"hovers-at-the-edge-{name}",
            text=f"At the rate {lr:g}, the sharpness over the last half of the run is on average within "
            f"{100 * TOLERANCE:.0f} % of 2 over the rate.",
            statistic="mean of sharpness times rate over 2 in the last half of the run, minus 1; the band is "
            f"±{TOLERANCE:g}",
            compare=within(_deviation, TOLERANCE, lr=lr),
            expect="holds",
            **_COHEN,
        )
        for name, lr in (("middle", RATES[1]), ("high", RATES[2]))
    ),
    Claim(
        id="sharpens",
        text=f"At the rate {RATES[0]:g}, which leaves room, the sharpness rises: at the end it is more than 1.2 times "
        "the lowest on the way.",
        statistic="sharpness at the end over the lowest in the run",
        compare=_mean(_sharpened, RATES[0], 1.2),
        expect="null",
        why="It rises, but the interval reaches to just below the bound, which the whole interval of the draft seeds "
        "had met.",
        **_COHEN,
    ),
    Claim(
        id="the-loss-still-falls",
        text=f"At the edge the training loss goes on falling: over the last half of the run at the rate {RATES[1]:g} "
        "it falls by more than a tenth.",
        statistic="fall of the training loss over the last half of the run, as a share",
        compare=_mean(_progress, RATES[1], 0.1),
        expect="holds",
        **_COHEN,
    ),
    Claim(
        id="the-loss-often-rises",
        text=f"It does not fall at every update: in the last half of the run at the rate {RATES[2]:g}, more than a "
        "tenth of the updates raise the loss of the whole training set.",
        statistic="share of the updates of the last half that raise the full training loss",
        compare=_mean(lambda runs: runs.rises.values, RATES[2], 0.1),
        expect="holds",
        **_COHEN,
    ),
    Claim(
        id="cross-entropy-falls-back",
        text="With cross-entropy the sharpness does not stay at the edge: at the end it is less than half of the "
        "highest on the way.",
        statistic="sharpness at the end over the highest in the run, cross-entropy",
        compare=_mean(_fallen, CROSS_LR, -np.inf, 0.5),
        expect="holds",
        **_COHEN,
    ),
]
