"""How many updates does 1cycle save?

Test accuracy at the end of a run against its length, on MNIST-1D with SGD and momentum. Every point of a line stands
for runs that were planned for this length: for each schedule and each length the peak rate was tuned on an equal budget
of {=one_cycle_lengths.rates:.0f} rates and {=one_cycle_lengths.tuning_seeds:.0f} seeds. Lines are medians over
{=one_cycle_lengths.seeds:.0f} fresh seeds, bands reach from the lowest to the highest run. Dashed: the target,
{=one_cycle_lengths.target:.0f} %. How far to the right a line meets it is what the schedule costs. The axis of updates
is logarithmic.
"""

from dataclasses import replace

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.claims import OWN, Claim, by_seed, difference, within
from trainlab.data import MNIST1D
from trainlab.optimizers import Momentum
from trainlab.scheduled import BASE, LINES, SCHEDULES, key
from trainlab.tuning import Train, tune

NAMES = ("constant", "linear", "1cycle")
LENGTHS = (100, 170, 280, 470, 780, 1300)
RATES = (0.005, 0.01, 0.02, 0.04, 0.08, 0.16)
SEEDS, TUNING_SEEDS = range(10), range(1000, 1002)
TARGET = 0.5
"""Test accuracy."""

BAND = 0.5
"""Doublings of the number of updates, up and down."""


def measure(train: Train) -> xr.Dataset:
    base = replace(BASE, data=MNIST1D(validation=1000, test=5000), optimizer=Momentum(), batch_size=64)
    plans = [(name, length) for name in NAMES for length in LENGTHS]
    contenders = {
        f"{name}, {length} updates": replace(base, schedule=SCHEDULES[name], steps=length) for name, length in plans
    }
    tuned = tune(train, contenders, RATES, TUNING_SEEDS)
    results = train(tuned.fresh(SEEDS), every=max(LENGTHS))[["test_accuracy", "test_loss"]]
    labels = {
        "schedule_name": ("run", [name for name, _ in plans for _ in SEEDS]),
        "length": ("run", [length for _, length in plans for _ in SEEDS]),
    }
    results = results.assign_coords(labels)
    results = results.drop_vars([name for name in results.coords if name in ("step", "update")])
    return results.assign_attrs(at_edge=tuned.at_edge, rates=tuned.trials.sizes["trial"])


def _table(runs: xr.Dataset) -> np.ndarray:
    """`[seeds, lengths]`: test accuracy of one schedule; a diverged run has got nothing right."""
    return np.stack([np.nan_to_num(by_seed(runs, "test_accuracy", length=length)) for length in LENGTHS], 1)


def _of(results: xr.Dataset, name: str) -> xr.Dataset:
    return results.isel(run=np.flatnonzero(results.schedule_name.values == name))


def reach(table: np.ndarray, target: float = TARGET) -> np.ndarray:
    """`[seeds]`: log2 of the length at which a seed first meets the target, on straight lines between its lengths.

    A seed that meets it at the shortest length counts as there, and one that never does as at the longest.
    """
    x, out = np.log2(LENGTHS), []
    for row in table:
        met = np.flatnonzero(row >= target)
        if not len(met) or met[0] == 0:
            out.append(x[0] if len(met) else x[-1])
            continue
        at = met[0]
        share = (target - row[at - 1]) / (row[at] - row[at - 1])
        out.append(x[at - 1] + share * (x[at] - x[at - 1]))
    return np.array(out)


def _doublings(runs: xr.Dataset) -> np.ndarray:
    return reach(_table(runs))


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(SEEDS)), "target": 100 * TARGET, "rates": float(results.attrs["rates"])}
    out |= {"tuning_seeds": float(len(TUNING_SEEDS)), "shortest": float(LENGTHS[0]), "longest": float(LENGTHS[-1])}
    for name in NAMES:
        mine = _of(results, name)
        table = _table(mine)
        out[f"{key(name)}_updates"] = float(2 ** np.median(reach(table)))
        out[f"{key(name)}_never"] = float((table < TARGET).all(1).sum())
        for length, values in zip(LENGTHS, table.T, strict=True):
            out[f"{key(name)}_{length}_accuracy"] = 100 * float(values.mean())
            out[f"{key(name)}_{length}_lr"] = float(mine.lr.values[mine.length.values == length][0])
    gains = reach(_table(_of(results, "constant"))) - reach(_table(_of(results, "1cycle")))
    return out | {"saved_factor": float(2 ** gains.mean())}


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    ax = fig.subplots()
    for name in NAMES:
        plots.curve(ax, np.array(LENGTHS), _table(_of(results, name)), name, LINES[name])
    ax.axhline(TARGET, color=plots.INK["muted"], linewidth=1, linestyle=(0, (4, 2)), label="_target")
    ax.set(xscale="log", xlabel="updates in the whole run", ylabel="test accuracy at the end")
    plots.plain_ticks(ax.xaxis, LENGTHS)
    plots.percent(ax.yaxis)
    plots.label_ends(ax)


def alt(numbers: dict[str, float]) -> str:
    said = ", ".join(
        f"{name} {numbers[f'{key(name)}_{LENGTHS[0]}_accuracy']:.1f} % and "
        f"{numbers[f'{key(name)}_{LENGTHS[-1]}_accuracy']:.1f} %"
        for name in NAMES
    )
    meet = ", ".join(f"{name} {numbers[f'{key(name)}_updates']:.0f}" for name in NAMES)
    return (
        f"Line plot of the final test accuracy against the length of the run, for three schedules. Mean at "
        f"{numbers['shortest']:.0f} and at {numbers['longest']:.0f} updates: {said}. Median length that meets the "
        f"target of {numbers['target']:.0f} %: {meet}."
    )


def _cycle_against_line(runs: xr.Dataset) -> np.ndarray:
    return reach(_table(_of(runs, "linear"))) - reach(_table(_of(runs, "1cycle")))


CLAIMS = [
    Claim(
        id="fewer-updates-than-constant",
        text="To the target accuracy, a run under 1cycle needs less than two thirds of the updates of a run at the "
        "best constant rate.",
        source="Smith and Topin 2018, Super-convergence",
        url="https://arxiv.org/abs/1708.07120",
        statistic="updates to the target, constant over 1cycle, in doublings; 0.585 is a factor of 1.5",
        compare=difference(_doublings, {"schedule_name": "constant"}, {"schedule_name": "1cycle"}),
        region=(float(np.log2(1.5)), np.inf),
        expect="reversed",
        why="The target is low and soon reached. The source measured convolutional nets with batch norm, over tens of "
        "thousands of updates.",
    ),
    Claim(
        id="the-cycle-adds-nothing-to-the-line",
        text="A straight line to zero, without the rise, needs about as many updates as 1cycle.",
        source=OWN,
        statistic=f"updates to the target, linear over 1cycle, in doublings; the band is ±{BAND:g}",
        compare=within(_cycle_against_line, BAND),
        expect="holds",
    ),
]
