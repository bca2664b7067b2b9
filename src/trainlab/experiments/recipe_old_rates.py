"""How much does each change seem to matter when the rate is not tuned again?

What the whole recipe loses on MNIST-1D when one change is left out: at the rate of the whole recipe (hollow), and at a
rate of its own (filled). Circles are means over {=recipe_old_rates.seeds:.0f} seeds, lines their 95 % intervals
(Student's).
"""

from dataclasses import replace

import numpy as np
import xarray as xr

from trainlab import ladder, plots
from trainlab.claims import OWN, Claim
from trainlab.ladder import CHANGES, CURVES, FINISHED, SEEDS, accuracies, key
from trainlab.stats import Estimate, mean_interval, paired_difference
from trainlab.tuning import Train

WHOLE, OLD, OWN_RATE = "whole recipe", "at the old rate", "at its own rate"
LEFT = tuple(name for name in CHANGES if name != FINISHED)


def measure(train: Train) -> xr.Dataset:
    climbed, own = ladder.ladder(train, CURVES), ladder.ablation(train, CURVES)
    whole = ladder.of(climbed, FINISHED)
    rate = float(whole.lr.values[0])
    at_old = {name: replace(run, lr=rate) for name, run in ladder.without(CURVES.start).items()}
    old = ladder.trained(train, CURVES, at_old, tuned=False)
    parts = [whole.assign_coords(rung=("run", [WHOLE] * whole.sizes["run"]))]
    for part, where in ((old, OLD), (own, OWN_RATE)):
        parts.append(part.assign_coords(rung=("run", [f"{name} {where}" for name in part.rung.values.tolist()])))
    return ladder.joined(parts).assign_attrs(at_edge=[*climbed.attrs["at_edge"], *own.attrs["at_edge"]])


def _loss(results: xr.Dataset, name: str, where: str) -> Estimate:
    return paired_difference(accuracies(results, WHOLE), accuracies(results, f"{name} {where}"))


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(SEEDS)), "lr": float(ladder.of(results, WHOLE).lr.values[0])}
    for name in LEFT:
        out[f"{key(name)}_old"] = _loss(results, name, OLD).value
        out[f"{key(name)}_own"] = _loss(results, name, OWN_RATE).value
        out[f"{key(name)}_lr"] = float(ladder.of(results, f"{name} {OWN_RATE}").lr.values[0])
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 3.4)
    ax = fig.subplots()
    for row, name in enumerate(LEFT):
        for where, shift, face in ((OLD, -0.16, plots.INK["paper"]), (OWN_RATE, 0.16, plots.SERIES[0])):
            loss = _loss(results, name, where)
            at = [row + shift, row + shift]
            ax.plot([loss.low, loss.high], at, color=plots.SERIES[0], linewidth=1.4, label=f"_interval {name} {where}")
            ax.plot([loss.value], at[:1], "o", color=plots.SERIES[0], markerfacecolor=face, label=f"{name} {where}")
    ax.axvline(0, color=plots.INK["muted"], linewidth=1)
    ax.set_yticks(np.arange(len(LEFT)), [f"without {name}" for name in LEFT])
    ax.invert_yaxis()
    ax.tick_params(axis="y", length=0, labelcolor=plots.INK["text"])
    ax.grid(visible=False, axis="y")
    ax.set_xlabel("points of test accuracy lost")


def alt(numbers: dict[str, float]) -> str:
    said = "; ".join(f"{name} {numbers[f'{key(name)}_old']:.1f} and {numbers[f'{key(name)}_own']:.1f}" for name in LEFT)
    return f"Points of test accuracy lost without a change, at the old rate and at a rate of its own: {said}."


def _exaggerated(results: xr.Dataset) -> Estimate:
    """The old rate's loss minus that at a rate of its own; the mean over the changes, a number a seed."""
    each = [accuracies(results, f"{name} {OWN_RATE}") - accuracies(results, f"{name} {OLD}") for name in LEFT]
    return mean_interval(np.mean(each, axis=0))


CLAIMS = [
    Claim(
        id="old-rate-exaggerates",
        text="On average over the changes, what is left out seems to matter more at the old rate than at a rate of its "
        "own.",
        source=OWN,
        statistic="loss at the old rate minus loss at a rate of its own, mean over the changes, percentage points",
        compare=_exaggerated,
        expect="holds",
    ),
]
