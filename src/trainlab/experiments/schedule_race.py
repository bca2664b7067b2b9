"""Which schedule ends best, when each has the peak rate that suits it?

Twelve schedules on MNIST-1D with one network, {=schedule_race.steps:.0f} updates of Adam each. Every schedule tried
{=schedule_race.rates:.0f} peak rates on {=schedule_race.tuning_seeds:.0f} seeds; the one with the highest validation
accuracy at the end went into the race. Left: accuracy on the test split. Right: training loss. Small dots are the
runs of {=schedule_race.seeds:.0f} fresh seeds, the large dot is their mean, the line its 95 % interval (Student's).
Schedules are in the order of their mean test accuracy.
"""

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.claims import Claim, by_seed, difference, within
from trainlab.scheduled import (
    LINES,
    RATES,
    SCHEDULES,
    SEEDS,
    STEPS,
    TUNING_SEEDS,
    accuracies,
    key,
    peak,
    scheduled_race,
)
from trainlab.stats import mean_interval
from trainlab.tuning import Train

BAND = 1.0
"""Percentage points by which two schedules may differ and still count as equally good."""


def measure(train: Train) -> xr.Dataset:
    return scheduled_race(train)


def _losses(results: xr.Dataset, name: str) -> np.ndarray:
    """`[seeds]`: training loss after the last update."""
    return by_seed(results, "train_loss@100%", schedule_name=name)


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(SEEDS)), "steps": float(STEPS), "band": BAND}
    out |= {"rates": float(results.attrs["rates"]), "tuning_seeds": float(len(TUNING_SEEDS))}
    out |= {"lowest_rate": RATES[0], "highest_rate": RATES[-1]}
    for name in SCHEDULES:
        out[f"{key(name)}_accuracy"] = float(accuracies(results, name).mean())
        out[f"{key(name)}_loss"] = float(_losses(results, name).mean())
        out[f"{key(name)}_lr"] = peak(results, name)
    means = sorted((out[f"{key(name)}_accuracy"], name) for name in SCHEDULES)
    out |= {"worst": means[0][0], "best": means[-1][0], "spread": means[-1][0] - means[0][0]}
    above = [accuracy - out["constant_accuracy"] for accuracy, name in means if name != "constant"]
    out["warm_up_gain"] = out["warm_up_linear_accuracy"] - out["linear_accuracy"]
    return out | {"least_gain": min(above), "most_gain": max(above), "above_constant": float(sum(a > 0 for a in above))}


def _order(results: xr.Dataset) -> list[str]:
    return sorted(SCHEDULES, key=lambda name: accuracies(results, name).mean())


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    from matplotlib.ticker import MaxNLocator

    fig.set_size_inches(5.6, 4.4)
    left, right = fig.subplots(1, 2, sharey=True)
    for row, name in enumerate(_order(results)):
        color = LINES[name]["color"]
        for ax, values, what in (
            (left, accuracies(results, name) / 100, "accuracy"),
            (right, _losses(results, name), "loss"),
        ):
            values = values[np.isfinite(values)]
            ax.plot(values, np.full(len(values), row), ".", color=color, alpha=0.35, markersize=4, label=f"_{name}")
            if len(values) < 2:
                continue
            mean = mean_interval(values)
            ax.plot([mean.low, mean.high], [row, row], color=color, linewidth=1.6, label=f"_interval {name}")
            ax.plot([mean.value], [row], "o", color=color, markersize=6, label=f"{name}, {what}")
    left.set_yticks(np.arange(len(SCHEDULES)), _order(results))
    for ax in (left, right):
        ax.tick_params(axis="y", length=0, labelcolor=plots.INK["text"])
        ax.grid(visible=False, axis="y")
    left.set_xlabel("test accuracy")
    right.set_xlabel("training loss")
    plots.percent(left.xaxis)
    left.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))  # the labels are whole percents


def alt(numbers: dict[str, float]) -> str:
    said = ", ".join(
        f"{name} {numbers[f'{key(name)}_accuracy']:.1f} % and {numbers[f'{key(name)}_loss']:.2f}" for name in SCHEDULES
    )
    return f"Dot plots with a row for each schedule. Mean test accuracy and mean training loss: {said}."


def _linear_minus_cosine(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: percentage points."""
    return accuracies(runs, "linear") - accuracies(runs, "cosine")


CLAIMS = [
    Claim(
        id="one-cycle-beats-constant",
        text="1cycle ends with a higher test accuracy than the best constant rate.",
        source="Smith and Topin 2018, Super-convergence",
        url="https://arxiv.org/abs/1708.07120",
        statistic="test accuracy, 1cycle minus constant, percentage points",
        compare=difference("test_accuracy", {"schedule_name": "1cycle"}, {"schedule_name": "constant"}, unit=100),
        expect="holds",
    ),
    Claim(
        id="linear-as-good-as-cosine",
        text="The straight line to zero and the half cosine end with about the same test accuracy.",
        source="Bergsma et al. 2025, Straight to zero",
        url="https://arxiv.org/abs/2502.15938",
        statistic=f"test accuracy, linear minus cosine, percentage points; the band is ±{BAND:g}",
        compare=within(_linear_minus_cosine, BAND),
        expect="null",
        why="The line is ahead by about as much as the band allows, so neither likeness nor a gap beyond the band is "
        "shown.",
    ),
    Claim(
        id="restarts-beat-one-cosine",
        text="Warm restarts end with a higher test accuracy than one cosine over the whole run.",
        source="Loshchilov and Hutter 2017, SGDR",
        url="https://arxiv.org/abs/1608.03983",
        statistic="test accuracy, warm restarts minus cosine, percentage points",
        compare=difference("test_accuracy", {"schedule_name": "warm restarts"}, {"schedule_name": "cosine"}, unit=100),
        expect="null",
        why="A likely reason: the last period has a little more than half of the updates, and only its end counts.",
    ),
    Claim(
        id="inverse-root-below-linear",
        text="The inverse square root, which never comes near zero, ends with a lower test accuracy than the straight "
        "line.",
        source="Defazio et al. 2023, Optimal linear decay learning rate schedules and further refinements",
        url="https://arxiv.org/abs/2310.07831",
        statistic="test accuracy, linear minus inverse square root, percentage points",
        compare=difference("test_accuracy", {"schedule_name": "linear"}, {"schedule_name": "inverse root"}, unit=100),
        expect="holds",
    ),
]
