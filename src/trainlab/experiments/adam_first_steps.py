"""What is special about Adam's first steps?

Adam with the network of the figure above, over the first {=adam_first_steps.shown:.0f} updates. Top: how far a weight
moves at each update, as the root mean square over all weights, in units of the run's peak rate. Bottom: the training
loss; dashed is guessing. “none” starts at the rate {=adam_first_steps.lr:g}, “warm-up” rises to it over
{=adam_first_steps.rise:.0f} updates, “low rate” starts at {=adam_first_steps.low_lr:g}. Lines are medians over
{=adam_first_steps.seeds:.0f} seeds, bands reach from the lowest to the highest run. Heights are logarithmic.
"""

import math

import numpy as np
import torch
import xarray as xr

from trainlab import plots
from trainlab.claims import OWN, Claim, Comparison, by_seed, difference
from trainlab.data import MNIST1D
from trainlab.inits import He
from trainlab.models import MLP
from trainlab.optimizers import Adam
from trainlab.probes import Snapshot
from trainlab.runs import Run, grid
from trainlab.schedules import Constant, Warmup
from trainlab.stats import mean_interval
from trainlab.tuning import Train
from trainlab.types import Schedule, Tensors

SHOWN, RISE, LR, LOW_LR = 80, 50, 0.09, 0.009
GUESSING = math.log(10)
SEEDS = range(10)
STARTS: dict[str, tuple[float, Schedule]] = {
    "none": (LR, Constant()),
    "warm-up": (LR, Warmup(RISE)),
    "low rate": (LOW_LR, Constant()),
}
COLORS = {"none": plots.SERIES[7], "warm-up": plots.SERIES[2], "low rate": plots.SERIES[0]}
BASE = Run(
    data=MNIST1D(validation=100, test=100),
    model=MLP(inputs=40, outputs=10, depth=5, width=64),
    init=He(),
    optimizer=Adam(),
    lr=LR,
    batch_size=64,
    steps=SHOWN,
)


def step_size(snapshot: Snapshot) -> Tensors:
    """How far the update moves a weight.

    Returns:
        `step_size`, the root mean square of the update over all weights and biases.
    """
    return {"step_size": torch.cat([update.flatten() for update in snapshot.updates.values()]).square().mean().sqrt()}


def measure(train: Train) -> xr.Dataset:
    runs = [run for lr, start in STARTS.values() for run in grid(BASE, lr=[lr], schedule=[start], seed=SEEDS)]
    results = train(runs, [step_size], every=2)
    return results.assign_coords(start=("run", [name for name in STARTS for _ in SEEDS]))


def _of(results: xr.Dataset, start: str, variable: str) -> np.ndarray:
    """`[seeds, measurements]`."""
    return results[variable].values[results.start.values == start].astype(np.float64)


def _first(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: the first step over the median of those in the second half of what is shown."""
    steps = runs.step_size.values[:, :-1].astype(np.float64)
    return steps[:, 0] / np.median(steps[:, steps.shape[1] // 2 :], axis=1)


def _worst(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: log10 of the highest training loss; a loss that is not a number counts as 10^6."""
    return np.log10(np.nan_to_num(runs.train_loss.values, nan=1e6, posinf=1e6).clip(max=1e6).max(1))


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(SEEDS)), "shown": float(SHOWN), "rise": float(RISE), "guessing": GUESSING}
    out |= {"lr": LR, "low_lr": LOW_LR}
    for start, (lr, _) in STARTS.items():
        name = start.replace("-", "").replace(" ", "_")
        sizes = np.nanmedian(_of(results, start, "step_size"), axis=0) / lr
        out[f"{name}_first"], out[f"{name}_last"] = float(sizes[0]), float(sizes[-2])
        runs = results.isel(run=np.flatnonzero(results.start.values == start))
        out[f"{name}_ratio"] = float(_first(runs).mean()) if start != "warm-up" else float("nan")
        out[f"{name}_peak_loss"] = float(10 ** np.median(_worst(runs)))
        out[f"{name}_end_loss"] = float(np.median(runs.train_loss.values[:, -1]))
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 4.8)
    above, below = fig.subplots(2, 1, sharex=True)
    x = results.step.values
    for start, (lr, _) in STARTS.items():
        line = {"color": COLORS[start]}
        sizes = _of(results, start, "step_size")[:, :-1] / lr
        plots.curve(above, x[:-1] + 1, np.where(sizes > 0, sizes, np.nan), start, line)
        plots.curve(below, x, _of(results, start, "train_loss"), start, line)
    below.axhline(GUESSING, color=plots.INK["muted"], linewidth=1, linestyle=(0, (4, 2)), label="_guessing")
    above.set(yscale="log", ylabel="step / peak rate")
    below.set(yscale="log", ylabel="training loss", xlabel="updates", xlim=(0, x[-1]))
    plots.plain_ticks(above.yaxis, [0.01, 0.1, 1])
    plots.plain_ticks(below.yaxis, [1, 2, 5, 10])
    for ax in (above, below):
        plots.label_ends(ax)


def alt(numbers: dict[str, float]) -> str:
    return (
        f"Line plots over the first {numbers['shown']:.0f} updates. Median step of a weight at the first update and "
        f"at the end, in peak rates: {numbers['none_first']:.2f} and {numbers['none_last']:.2f} without a warm-up, "
        f"{numbers['low_rate_first']:.2f} and {numbers['low_rate_last']:.2f} at the low rate; with a warm-up it ends "
        f"at {numbers['warmup_last']:.2f}. Highest training loss, median: {numbers['none_peak_loss']:.2f} without, "
        f"{numbers['warmup_peak_loss']:.2f} with, {numbers['low_rate_peak_loss']:.2f} at the low rate."
    )


def _late(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: log10 of the median step of the second half of what is shown."""
    steps = runs.step_size.values[:, :-1].astype(np.float64)
    return np.log10(np.median(steps[:, steps.shape[1] // 2 :], axis=1))


CLAIMS = [
    Claim(
        id="the-first-step-is-the-longest",
        text="At the low rate too, Adam's first step is more than twice as long as its steps some fifty updates later.",
        source="Ma and Yarats 2021, On the adequacy of untuned warmup for adaptive optimization",
        url="https://arxiv.org/abs/1910.04209",
        statistic="root mean square of the first update over the median of that of updates 41 to 80",
        compare=Comparison("ratio", lambda results: mean_interval(by_seed(results, _first, start="low rate"))),
        region=(2.0, np.inf),
        expect="holds",
    ),
    Claim(
        id="the-loss-shoots-up",
        text="At the high rate the training loss rises higher without a warm-up than with one.",
        source=OWN,
        statistic="highest training loss, none over warm-up, in powers of ten",
        compare=difference(_worst, {"start": "none"}, {"start": "warm-up"}),
        expect="holds",
    ),
    Claim(
        id="the-explosion-is-remembered",
        text="Later, in updates 41 to 80, while the two rates are the same or nearly so, the steps without a warm-up "
        "are less than half as long as those with one.",
        source=OWN,
        statistic="median step of updates 41 to 80, warm-up over none, in powers of ten; 0.301 is a factor of 2",
        compare=difference(_late, {"start": "warm-up"}, {"start": "none"}),
        region=(math.log10(2), np.inf),
        expect="holds",
    ),
]
