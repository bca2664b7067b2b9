"""Does it matter how the learning rate falls, or that it falls at all? And can averaging the weights replace it?

Test accuracy on MNIST-1D after {=decay_or_average.steps:.0f} updates of Adam. Grey: a constant rate, as it is and with
the weights averaged: by an exponential moving average (EMA) with the decay that is named, or by the plain mean of the
second half of the run (SWA). Coloured: rates that fall to zero, and one of them with an average on top. Every row has
its own peak rate, tuned on an equal budget. Small dots are {=decay_or_average.seeds:.0f} fresh seeds, the large dot is
their mean, the line its 95 % interval (Student's). Dashed: the mean of the constant rate.
"""

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.claims import OWN, Claim, by_seed, difference, within
from trainlab.comparisons import Comparison
from trainlab.scheduled import LINES, SEEDS, STEPS, accuracies, key, peak, scheduled_race
from trainlab.stats import mean_interval
from trainlab.tuning import Train

FALLING = ("cosine", "linear", "polynomial", "WSD")
ROWS = (
    "constant",
    "constant, EMA 0.97",
    "constant, EMA 0.99",
    "constant, SWA",
    *FALLING,
    "cosine, EMA 0.97",
)
MARGIN = 1.0
"""Percentage points that count as a difference."""


def measure(train: Train) -> xr.Dataset:
    results = scheduled_race(train)
    mine = np.flatnonzero(np.isin(results.schedule_name.values, ROWS))
    return results.isel(run=mine)


def _gain(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: the mean of the falling rates minus the constant one, percentage points."""
    return np.mean([accuracies(runs, name) for name in FALLING], axis=0) - accuracies(runs, "constant")


def _gap(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: the best minus the worst of the falling rates, percentage points."""
    return np.ptp([accuracies(runs, name) for name in FALLING], axis=0)


def _gain_over_gap(runs: xr.Dataset) -> np.ndarray:
    return _gain(runs) - _gap(runs)


def _average_on_top(runs: xr.Dataset) -> np.ndarray:
    return accuracies(runs, "cosine, EMA 0.97") - accuracies(runs, "cosine")


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(SEEDS)), "steps": float(STEPS), "margin": MARGIN}
    for name in ROWS:
        out[f"{key(name)}_accuracy"] = float(accuracies(results, name).mean())
        out[f"{key(name)}_lr"] = peak(results, name)
        out[f"{key(name)}_loss"] = float(by_seed(results, "train_loss@100%", schedule_name=name).mean())
    falling = [out[f"{key(name)}_accuracy"] for name in FALLING]
    out |= {"falling_mean": float(np.mean(falling)), "gain": float(np.mean(falling)) - out["constant_accuracy"]}
    out |= {"spread": max(falling) - min(falling), "gap": float(_gap(results).mean())}
    averages = [out[f"{key(name)}_accuracy"] for name in ROWS[1:4]]
    best = max(averages)
    return out | {"average_best": best, "average_part": 100 * (best - out["constant_accuracy"]) / out["gain"]}


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 3.9)
    ax = fig.subplots()
    ax.axvline(
        accuracies(results, "constant").mean() / 100,
        color=plots.INK["muted"],
        linewidth=1,
        linestyle=(0, (4, 2)),
        label="_constant",
    )
    for row, name in enumerate(reversed(ROWS)):
        values = accuracies(results, name) / 100
        mean, color = mean_interval(values), LINES[name.split(",")[0]]["color"]
        face = plots.INK["paper"] if "," in name else color
        ax.plot(values, np.full(len(values), row), ".", color=color, alpha=0.35, markersize=4, label=f"_{name}")
        ax.plot([mean.low, mean.high], [row, row], color=color, linewidth=1.6, label=f"_interval {name}")
        ax.plot([mean.value], [row], "o", color=color, markerfacecolor=face, label=name)
    ax.set_yticks(np.arange(len(ROWS)), list(reversed(ROWS)))
    ax.tick_params(axis="y", length=0, labelcolor=plots.INK["text"])
    ax.grid(visible=False, axis="y")
    ax.set_xlabel("test accuracy")
    plots.percent(ax.xaxis)


def alt(numbers: dict[str, float]) -> str:
    said = ", ".join(f"{_spoken(name)} {numbers[f'{key(name)}_accuracy']:.1f} %" for name in ROWS)
    return f"Dot plot of test accuracy, a row for each way to end a run. Means: {said}."


def _spoken(name: str) -> str:
    """Without the decay of the average, which is a setting."""
    return (
        name.replace(", EMA 0.97", " with a short EMA")
        .replace(", EMA 0.99", " with a long EMA")
        .replace(", SWA", " with SWA")
    )


CLAIMS = [
    Claim(
        id="decay-beats-constant",
        text="A rate that falls to zero ends with a test accuracy that is more than one point higher than that of the "
        "best constant rate.",
        source="Defazio et al. 2023, Optimal linear decay learning rate schedules and further refinements",
        url="https://arxiv.org/abs/2310.07831",
        statistic="test accuracy, mean of cosine, linear, polynomial and WSD minus constant, percentage points",
        compare=Comparison("paired difference", lambda results: mean_interval(_gain(results)), region=(MARGIN, np.inf)),
        expect="null",
        why="The gain is above zero, but it may be less than a point. On the draft seeds the whole interval lay above "
        "one.",
    ),
    Claim(
        id="decaying-matters-more-than-the-shape",
        text="That the rate falls matters more than the shape of its fall.",
        source="Hägele et al. 2024, Scaling laws and compute-optimal training beyond fixed training durations",
        url="https://arxiv.org/abs/2405.18392",
        statistic="gain of the four falling rates over the constant one, minus the gap between the best and the worst "
        "of the four on the same seed, percentage points",
        compare=Comparison("paired difference", lambda results: mean_interval(_gain_over_gap(results))),
        expect="reversed",
        why="The gap between the shapes is taken anew on each seed, so it holds the noise of the seeds. But the means "
        "of the shapes differ by more than the gain, too. Part of that is not the fall: WSD begins with a warm-up.",
    ),
    Claim(
        id="averaging-buys-part-of-it",
        text="At a constant rate, evaluating an exponential average of the weights raises the test accuracy.",
        source="Sandler et al. 2023, Training trajectories and the curious role of the learning rate",
        url="https://arxiv.org/abs/2301.02312",
        statistic="test accuracy at a constant rate, EMA with decay 0.97 minus none, percentage points",
        compare=difference(
            "test_accuracy", {"schedule_name": "constant, EMA 0.97"}, {"schedule_name": "constant"}, unit=100
        ),
        expect="holds",
    ),
    Claim(
        id="averaging-buys-less-than-decay",
        text="That average buys less than a straight line to zero.",
        source=OWN,
        statistic="test accuracy, linear minus a constant rate with EMA 0.97, percentage points",
        compare=difference(
            "test_accuracy", {"schedule_name": "linear"}, {"schedule_name": "constant, EMA 0.97"}, unit=100
        ),
        expect="reversed",
        why="A likely reason: the average cancels the noise and leaves the rate high, so that the net learns at full "
        "speed to the last update.",
    ),
    Claim(
        id="average-on-top-adds-nothing",
        text="On top of a rate that falls to zero, the average changes the test accuracy by less than a point.",
        source=OWN,
        statistic=f"test accuracy, cosine with EMA 0.97 minus cosine, percentage points; the band is ±{MARGIN:g}",
        compare=within(_average_on_top, MARGIN),
        expect="holds",
    ),
]
