"""How wide is the range of learning rates that work?

Training loss after the last update against the learning rate, for the network of the race on MNIST-1D, a
panel for each optimizer. Lines are medians over {=lr_sensitivity.seeds:.0f} seeds, bands reach from the
lowest to the highest run. A cross at the top, in place of the line, marks rates at which at least one run
failed: its training loss ended no better than that of guessing all classes alike, which is
{=lr_sensitivity.guessing_loss:.1f}, or is not a number. The coloured strip at the bottom marks rates that
work: there the median over the seeds of the test accuracy is within {=lr_sensitivity.tolerance:.0f} points of
the optimizer's best median. Both axes are logarithmic, and the same for all.
"""

import math

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.claims import Claim, by_seed, difference
from trainlab.interactive import quantised, series, window_means, windows
from trainlab.loop import AT_END
from trainlab.runs import grid
from trainlab.tuning import Train
from trainlab.workloads import FRESH_SEEDS, OPTIMIZERS, RATES, race_contenders

GUESSING = math.log(10)
"""The loss, in nats, of giving every one of ten classes the same probability."""

TOLERANCE = 0.05
"""A rate works if its test accuracy is at most this far below the best of the same seed."""

WINDOWS, LARGEST = 24, 9.99
"""Of the interactive figure: points of a curve, and the loss that stands for every larger one."""


def measure(train: Train) -> xr.Dataset:
    runs = [run for contender in race_contenders().values() for run in grid(contender, lr=RATES, seed=FRESH_SEEDS)]
    return train(runs, every=AT_END)


def _of(results: xr.Dataset, name: str) -> xr.Dataset:
    """The runs of one optimizer."""
    return results.isel(run=results.optimizer.values == name)


def _table(runs: xr.Dataset, variable: str) -> np.ndarray:
    """`[rates, seeds]` of one optimizer."""
    return np.stack([by_seed(runs, variable, lr=lr) for lr in RATES])


def _failed(runs: xr.Dataset) -> np.ndarray:
    """`[rates, seeds]`: whether a run ended no better than guessing. A NaN is not below anything."""
    return ~(_table(runs, "train_loss@100%") < GUESSING)


def _works(runs: xr.Dataset) -> np.ndarray:
    """`[rates, seeds]`: whether the test accuracy is close to the best of the same seed."""
    accuracy = np.nan_to_num(_table(runs, "test_accuracy"))
    return accuracy >= accuracy.max(0) - TOLERANCE


def _decades(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: the width of the range of rates that work, counted in tried rates and given in decades."""
    return _works(runs).sum(0) * math.log10(RATES[-1] / RATES[0]) / (len(RATES) - 1)


def _best_rates(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: the rate with the highest test accuracy."""
    return np.array(RATES)[np.nan_to_num(_table(runs, "test_accuracy")).argmax(0)]


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(FRESH_SEEDS)), "rates": float(len(RATES)), "tolerance": 100 * TOLERANCE}
    out |= {
        "lowest_rate": RATES[0],
        "highest_rate": RATES[-1],
        "guessing_loss": GUESSING,
        "too_low": 0.0,
        "too_high": 0.0,
        "works_at_an_end": 0.0,
        "runs_at_an_end": float(2 * len(OPTIMIZERS) * len(FRESH_SEEDS)),
    }
    for name in OPTIMIZERS:
        key, mine = name.lower(), _of(results, name)
        out["works_at_an_end"] += float(_works(mine)[[0, -1]].sum())
        failed = _failed(mine)
        out[f"{key}_decades"] = float(_decades(mine).mean())
        out[f"{key}_best_rate"] = float(np.median(_best_rates(mine)))
        out["too_low"] += float(failed[np.array(RATES) < out[f"{key}_best_rate"]].sum())
        out["too_high"] += float(failed[np.array(RATES) > out[f"{key}_best_rate"]].sum())
    out["runs"] = float(results.sizes["run"])
    return out


def _strip(runs: xr.Dataset) -> np.ndarray:
    """`[rates]`: whether the median test accuracy is close to the best median."""
    median = np.median(np.nan_to_num(_table(runs, "test_accuracy")), axis=1)
    return median >= median.max() - TOLERANCE


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 5.2)
    rates = np.array(RATES)
    panels = plots.cells(fig, list(OPTIMIZERS), note="cross: a run\nfailed\nstrip: rates\nthat work")
    losses = {name: _table(_of(results, name), "train_loss@100%") for name in OPTIMIZERS}
    lowest = 0.8 * min(np.nanmin(loss) for loss in losses.values())
    for name, ax in panels.items():
        mine = _of(results, name)
        failed = _failed(mine).any(1)
        line = plots.OPTIMIZER_LINES[name] | {"linestyle": "-"}
        plots.curve(ax, rates, np.where(failed, np.nan, losses[name].T), name, line)
        ax.plot(rates[failed], np.full(failed.sum(), 2.9), "x", color=plots.INK["muted"], ms=3.5, label="_failed")
        works = rates[_strip(mine)]
        ax.plot(works[[0, -1]], [lowest * 0.85] * 2, color=line["color"], linewidth=5, alpha=0.5, label="_works")
        ax.set(xscale="log", yscale="log", xlim=(rates[0] / 1.6, rates[-1] * 1.6), ylim=(lowest * 0.7, 3.6))
        plots.plain_ticks(ax.xaxis, [0.01, 1])
        plots.plain_ticks(ax.yaxis, [0.5, 1, 2])
    fig.supxlabel("learning rate", fontsize=9.5)
    fig.supylabel("training loss", fontsize=9.5)


def _batch_losses(runs: xr.Dataset, lr: float) -> np.ndarray:
    """`[seeds, updates]` of one optimizer at one rate."""
    return runs.isel(run=np.flatnonzero(runs.lr.values == lr)).sortby("seed").batch_loss.values.astype(np.float64)


def touch(results: xr.Dataset) -> dict[str, object]:
    """The interactive figure: the mini-batch losses on the way, and the test accuracies at the end, run by run."""
    runs = {name: _of(results, name) for name in OPTIMIZERS}
    edges = windows(results.sizes["update"], WINDOWS)
    losses = [[_batch_losses(runs[name], lr) for lr in RATES] for name in OPTIMIZERS]
    means = window_means(np.array(losses), edges)
    return {
        "figure": "rates",
        "series": series(plots.OPTIMIZER_LINES, OPTIMIZERS, plots.SHORT_NAMES),
        "rates": list(RATES),
        "seeds": len(FRESH_SEEDS),
        "edges": edges.tolist(),
        "guessing": GUESSING,
        "loss": quantised(np.minimum(means, LARGEST), 0.01),
        "accuracy": quantised(np.array([_table(runs[name], "test_accuracy") for name in OPTIMIZERS]), 0.001),
    }


def alt(numbers: dict[str, float]) -> str:
    widths = ", ".join(f"{name} {numbers[f'{name.lower()}_decades']:.2f}" for name in OPTIMIZERS)
    best = ", ".join(f"{name} {numbers[f'{name.lower()}_best_rate']:g}" for name in OPTIMIZERS)
    return (
        f"Small plots of the training loss after the last update against the learning rate, from "
        f"{numbers['lowest_rate']:g} to {numbers['highest_rate']:g}, one for each optimizer. "
        f"Median best rate: {best}. Width of the range of rates that work, in decades: {widths}. "
        f"Of {numbers['runs']:.0f} runs, {numbers['too_low']:.0f} failed at a rate below the optimizer's best and "
        f"{numbers['too_high']:.0f} at one above it."
    )


CLAIMS = [
    Claim(
        id="schedule-free-wider-than-adam",
        text="The range of learning rates that work is wider for Schedule-Free AdamW than for Adam.",
        source="Defazio et al. 2024, The road less scheduled",
        url="https://arxiv.org/abs/2405.15682",
        statistic="width of the range within 5 points of the best test accuracy, Schedule-Free minus Adam, decades",
        compare=difference(_decades, {"optimizer": "ScheduleFreeAdamW"}, {"optimizer": "Adam"}),
        expect="null",
        why="A likely reason: the range is counted in steps of half a power of ten, which is coarse.",
    ),
    Claim(
        id="adam-wider-than-sgd",
        text="The range of learning rates that work is wider for Adam than for SGD.",
        source="Kingma and Ba 2015, Adam: a method for stochastic optimization (“require little tuning”)",
        url="https://arxiv.org/abs/1412.6980",
        statistic="width of the range within 5 points of the best test accuracy, Adam minus SGD, decades",
        compare=difference(_decades, {"optimizer": "Adam"}, {"optimizer": "SGD"}),
        expect="null",
        why="A likely reason: at a constant rate in a short run both have a narrow range, and neighbouring rates are "
        "half a power of ten apart, which is coarse for a difference of this size.",
    ),
    Claim(
        id="momentum-wants-a-lower-rate",
        text="Momentum 0.9 wants a lower learning rate than SGD.",
        source="Goh 2017, Why momentum really works",
        url="https://distill.pub/2017/momentum/",
        statistic="best rate of SGD over best rate of Momentum, in powers of ten",
        compare=difference(lambda runs: np.log10(_best_rates(runs)), {"optimizer": "SGD"}, {"optimizer": "Momentum"}),
        expect="holds",
    ),
]
