"""How wide is the range of learning rates that work, without and with batch norm?

Test accuracy after {=norm_rate_range.steps:.0f} updates against the learning rate, for the nets of the figure above. A
rate works where the accuracy reaches {=norm_rate_range.target:.0f} %, the dotted line; the thick bar at the bottom
joins the first and the last rate at which the median does. Where no median does, a net has no bar: in the panel of the
sigmoid neither has one. Lines are medians over {=norm_rate_range.seeds:.0f} seeds, bands reach from the lowest to the
highest; a run that diverged counts as guessing, {=norm_rate_range.chance:.0f} %.
"""

import math
from dataclasses import replace

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.claims import Claim, Comparison, by_seed, difference
from trainlab.data import REPORTS
from trainlab.loop import AT_END
from trainlab.norm_workloads import NETS, SEEDS, TARGET, joined
from trainlab.runs import grid
from trainlab.tuning import Train

ACTIVATIONS = ("sigmoid", "ReLU")
RATES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
STEPS = 400
CHANCE = 0.1
STEP = math.log10(RATES[-1] / RATES[0]) / (len(RATES) - 1)
"""Decades between two rates."""


def measure(train: Train) -> xr.Dataset:
    parts = []
    for name, run in NETS.items():
        results = train(grid(replace(run, steps=STEPS), lr=RATES, seed=SEEDS), every=AT_END, splits=REPORTS)
        parts.append(results.assign_coords(net=("run", [name] * results.sizes["run"])))
    return joined(parts)


def _table(runs: xr.Dataset) -> np.ndarray:
    """`[seeds, rates]` of one net: test accuracy; a run that diverged counts as guessing."""
    accuracy = np.stack([by_seed(runs, "test_accuracy", lr=lr) for lr in RATES], 1)
    return np.nan_to_num(accuracy, nan=CHANCE)


def _decades(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: how many rates work, in decades."""
    return (_table(runs) >= TARGET).sum(1) * STEP


def _of(results: xr.Dataset, name: str) -> xr.Dataset:
    return results.isel(run=np.flatnonzero(results.net.values == name))


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(SEEDS)), "rates": float(len(RATES)), "target": 100 * TARGET, "chance": 100 * CHANCE}
    out |= {"steps": float(results.steps.values[0]), "lowest": RATES[0], "highest": RATES[-1]}
    for name in NETS:
        key, table = name.lower().replace(", batch norm", "_batch"), _table(_of(results, name))
        out[f"{key}_decades"] = float(_decades(_of(results, name)).mean())
        out[f"{key}_working"] = float((table >= TARGET).sum(1).mean())
        medians = np.median(table, 0)
        out[f"{key}_best"] = 100 * float(medians.max())
        out[f"{key}_best_rate"] = float(RATES[int(medians.argmax())])
        out[f"{key}_at_highest"] = 100 * float(medians[-1])
        mine = _of(results, name)
        out[f"{key}_diverged"] = float((~np.isfinite(mine.test_loss.values)).sum())
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 5.4)
    rates = np.array(RATES)
    axes = fig.subplots(2, sharex=True, sharey=True)
    for ax, activation in zip(axes, ACTIVATIONS, strict=True):
        for row, (suffix, label, kind) in enumerate((("", "without", "none"), (", batch norm", "batch norm", "batch"))):
            table, line = _table(_of(results, activation + suffix)), plots.NORM_LINES[kind]
            plots.curve(ax, rates, table, label, line)
            works = np.median(table, 0) >= TARGET
            height = np.where(works, 0.025 + 0.035 * row, np.nan)
            ax.plot(rates, height, color=line["color"], linewidth=5, alpha=0.6, label="_works")
            ax.plot(rates, height, "s", color=line["color"], markersize=4.5, label="_works")
        ax.axhline(TARGET, color=plots.INK["muted"], linewidth=1, linestyle=":", label="_target")
        ax.set_title(activation)
        plots.log_rates(ax, RATES)
        ax.set(ylabel="test accuracy", ylim=(0, 0.75), xlabel="")
        ax.tick_params(labelbottom=True)
        plots.percent(ax.yaxis)
        plots.label_ends(ax)
    axes[-1].set_xlabel("learning rate")


def alt(numbers: dict[str, float]) -> str:
    said = "; ".join(
        f"{name} {numbers[f'{name.lower()}_decades']:.2f} without and {numbers[f'{name.lower()}_batch_decades']:.2f} "
        "with batch norm"
        for name in ACTIVATIONS
    )
    return (
        f"Line plots of test accuracy against the learning rate, from {numbers['lowest']:g} to {numbers['highest']:g}. "
        f"Mean width of the range in which it reaches {numbers['target']:.0f} percent, in powers of ten: {said}."
    )


def _wider(activation: str) -> Comparison:
    return difference(_decades, {"net": f"{activation}, batch norm"}, {"net": activation})


_SOURCE = "Bjorck et al. 2018, Understanding batch normalization"
_URL = "https://arxiv.org/abs/1806.02375"
_STATISTIC = "width of the range of rates whose test accuracy reaches 40 %, with batch norm minus without, decades"

CLAIMS = [
    Claim(
        id="relu-range-is-wider",
        text="For the ReLU net, the range of learning rates that work is wider with batch norm.",
        source=_SOURCE,
        url=_URL,
        statistic=_STATISTIC,
        compare=_wider("ReLU"),
        expect="holds",
    ),
    Claim(
        id="sigmoid-range-is-wider",
        text="For the sigmoid net, too.",
        source=_SOURCE,
        url=_URL,
        statistic=_STATISTIC,
        compare=_wider("sigmoid"),
        expect="holds",
    ),
]
