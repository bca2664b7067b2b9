"""How sharp does the loss become under full-batch gradient descent?

The largest eigenvalue of the Hessian of the training loss, times half the learning rate, against updates. Plain gradient descent on all {=edge_of_stability.rows:.0f} training examples of a part of
MNIST-1D, network 40-{=edge_of_stability.width:.0f}-{=edge_of_stability.width:.0f}-10 with tanh,
{=edge_of_stability.seeds:.0f} seeds. At 1, dashed, theory for a parabola says that the steps begin to diverge. Top: the
three rates; lines are medians, bands reach from the lowest to the highest run. Bottom: the training loss.
"""

import numpy as np
import xarray as xr
from torch import nn

from trainlab import plots
from trainlab.claims import Claim, Comparison, by_seed, within
from trainlab.data import MNIST1D
from trainlab.inits import Glorot
from trainlab.landscape import Sharpness
from trainlab.models import MLP
from trainlab.optimizers import SGD
from trainlab.runs import Run, grid
from trainlab.stats import mean_interval
from trainlab.tuning import Train

ROWS, WIDTH, STEPS = 300, 32, 600
RATES = (0.1, 0.2, 0.4)
SEEDS = range(10)
EVERY = STEPS // 20
TOLERANCE = 0.2
"""How far from 2 / rate the sharpness may hover, as a share."""

BASE = Run(
    data=MNIST1D(rows=ROWS, validation=100, test=100),
    model=MLP(inputs=40, outputs=10, depth=2, width=WIDTH, activation=nn.Tanh),
    init=Glorot(),
    optimizer=SGD(),
    lr=RATES[0],
    batch_size=ROWS,
    steps=STEPS,
)


def measure(train: Train) -> xr.Dataset:
    return train(grid(BASE, lr=RATES, seed=SEEDS), [Sharpness(iterations=16)], every=EVERY)


def _of(results: xr.Dataset, lr: float) -> xr.Dataset:
    return results.isel(run=np.flatnonzero(results.lr.values == lr))


def _relative(runs: xr.Dataset) -> np.ndarray:
    """`[seeds, measurements]`: the sharpness over 2 / rate."""
    return runs.sharpness.values.astype(np.float64) * runs.lr.values[:, None] / 2


def _late(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: the mean over the last half of the measurements."""
    relative = _relative(runs)
    return relative[:, relative.shape[1] // 2 :].mean(1)


def _deviation(runs: xr.Dataset) -> np.ndarray:
    return _late(runs) - 1


def _start(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: at the start, before the first update."""
    return _relative(runs)[:, 0]


def _progress(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: how far the training loss falls over the last half of the run, as a share."""
    losses = runs.train_loss.values.astype(np.float64)
    return 1 - losses[:, -1] / losses[:, losses.shape[1] // 2]


def _rises(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: the share of the updates of the last half after which the loss of the whole training set was higher."""
    losses = runs.batch_loss.values.astype(np.float64)
    late = losses[:, losses.shape[1] // 2 :]
    return (np.diff(late, axis=1) > 0).mean(1)


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(SEEDS)), "rows": float(ROWS), "width": float(WIDTH), "steps": float(STEPS)}
    out |= {"tolerance": 100 * TOLERANCE, "residual": float(results.sharpness_residual.max())}
    for index, lr in enumerate(RATES):
        runs = _of(results, lr)
        out[f"lr_{index}"], out[f"limit_{index}"] = lr, 2 / lr
        out[f"start_{index}"] = float(np.median(runs.sharpness.values[:, 0]))
        out[f"late_{index}"] = float(_late(runs).mean())
        out[f"late_sharpness_{index}"] = float(_late(runs).mean() * 2 / lr)
        out[f"end_loss_{index}"] = float(np.median(runs.train_loss.values[:, -1]))
        out[f"half_loss_{index}"] = float(np.median(runs.train_loss.values[:, runs.sizes["step"] // 2]))
        out[f"rises_{index}"] = 100 * float(_rises(runs).mean())
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 5.0)
    above, below = fig.subplots(2, 1, sharex=True)
    for lr, color in zip(RATES, plots.SERIES, strict=False):
        runs, line = _of(results, lr), {"color": color}
        plots.curve(above, results.step.values, _relative(runs), f"rate {lr:g}", line)
        plots.curve(below, results.step.values, runs.train_loss.values, f"rate {lr:g}", line)
    above.axhline(1, color=plots.INK["text"], linewidth=1, linestyle=(0, (4, 2)), label="_edge")
    above.set(ylim=(0, None), ylabel="sharpness × rate / 2")
    below.set(yscale="log", ylabel="training loss", xlabel="updates", xlim=(0, results.step.values[-1]))
    for ax in (above, below):
        plots.label_ends(ax)


def alt(numbers: dict[str, float]) -> str:
    said = "; ".join(
        f"rate {numbers[f'lr_{index}']:g}: at the start {numbers[f'start_{index}']:.1f}, later "
        f"{numbers[f'late_sharpness_{index}']:.1f}, limit {numbers[f'limit_{index}']:.1f}"
        for index in range(len(RATES))
    )
    return f"Line plots of the sharpness and the training loss against updates, for three rates. Sharpness: {said}."


_COHEN = {
    "source": "Cohen et al. 2021, Gradient descent on neural networks typically occurs at the edge of stability",
    "url": "https://arxiv.org/abs/2103.00065",
}

CLAIMS = [
    *(
        Claim(
            id=f"hovers-at-the-edge-{name}",
            text=f"At the {name} rate, the sharpness over the last half of the run stays within "
            f"{100 * TOLERANCE:.0f} % of 2 over the rate.",
            statistic="mean of sharpness times rate over 2 in the last half of the run, minus 1; the band is "
            f"±{TOLERANCE:g}",
            compare=within(_deviation, TOLERANCE, lr=lr),
            expect="holds",
            **_COHEN,
        )
        for name, lr in zip(("low", "middle", "high"), RATES, strict=True)
    ),
    Claim(
        id="starts-below",
        text="At the lowest rate, the sharpness starts below half of 2 over the rate, so it must rise to get there.",
        statistic="sharpness times rate over 2 before the first update",
        compare=Comparison("mean", lambda results: mean_interval(by_seed(results, _start, lr=RATES[0]))),
        region=(-np.inf, 0.5),
        expect="holds",
        **_COHEN,
    ),
    Claim(
        id="the-loss-still-falls",
        text="At the edge, the training loss goes on falling: over the last half of the run at the middle rate it falls "
        "by more than a tenth.",
        statistic="fall of the training loss over the last half of the run, as a share",
        compare=Comparison("mean", lambda results: mean_interval(by_seed(results, _progress, lr=RATES[1]))),
        region=(0.1, np.inf),
        expect="holds",
        **_COHEN,
    ),
    Claim(
        id="the-loss-rises-often",
        text="It does not fall at every update: in the last half of the run at the middle rate, more than a tenth of "
        "the updates raise the loss of the whole training set.",
        statistic="share of the updates of the last half after which the full training loss was higher",
        compare=Comparison("mean", lambda results: mean_interval(by_seed(results, _rises, lr=RATES[1]))),
        region=(0.1, np.inf),
        expect="holds",
        **_COHEN,
    ),
]
