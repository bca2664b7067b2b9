"""By what share of its size should a step change a weight matrix?

Test accuracy of the race's network on MNIST-1D after {=update_shares.steps:.0f} updates, against the share of its
size by which an update changed a weight matrix: the length of the step over that of all its weights, as the median
over the three matrices and over one update in every {=update_shares.every:.0f}, without the first and the last. Each
pale dot is a run, at one of {=update_shares.rates:.0f} constant learning rates from {=update_shares.lowest_rate:g} to
{=update_shares.highest_rate:g} and one of {=update_shares.seeds:.0f} seeds; a line joins the medians over the seeds, a
point a rate. Dashed: the rule of thumb, a thousandth. Runs that diverged have no share and are left out. The axis of
shares is logarithmic.
"""

from dataclasses import replace

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.claims import Claim, within
from trainlab.optimizers import SGD, Adam, Momentum
from trainlab.probes import update_ratio
from trainlab.runs import grid
from trainlab.tuning import Train
from trainlab.workloads import FRESH_SEEDS, RACE, RATES

EVERY = 100
"""Updates between two measurements."""

TRIED = RATES[1:8]
"""No optimizer is best at an end."""

OPTIMIZERS = {"SGD": SGD(), "Momentum": Momentum(), "Adam": Adam()}

RULE = 1e-3
"""The share that the rule of thumb names."""

TOLERANCE = 0.05
"""A rate works if its median test accuracy is at most this far below that of the best rate."""


def measure(train: Train) -> xr.Dataset:
    base = [replace(RACE, optimizer=optimizer) for optimizer in OPTIMIZERS.values()]
    runs = [run for one in base for run in grid(one, lr=TRIED, seed=FRESH_SEEDS)]
    return train(runs, [update_ratio], every=EVERY)


def _share(runs: xr.Dataset) -> np.ndarray:
    """`[runs]`: the median share over matrices and measurements on the way; NaN where a run diverged."""
    on_the_way = slice(1, -1) if runs.sizes["step"] > 2 else slice(None)
    values = runs.update_ratio.isel(step=on_the_way).transpose("run", "step", "weight").values.astype(np.float64)
    return np.where(np.isnan(runs.test_accuracy.values), np.nan, np.median(values, axis=(1, 2)))


def _table(runs: xr.Dataset, values: np.ndarray) -> np.ndarray:
    """`[rates, seeds]` of one optimizer's runs."""
    rates, seeds = np.array(TRIED), sorted(set(runs.seed.values.tolist()))
    place = {(lr, seed): value for lr, seed, value in zip(runs.lr.values, runs.seed.values, values, strict=True)}
    return np.array([[place[lr, seed] for seed in seeds] for lr in rates])


def _of(results: xr.Dataset, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Share and test accuracy of one optimizer, each `[rates, seeds]`."""
    runs = results.isel(run=results.optimizer.values == name)
    return _table(runs, _share(runs)), _table(runs, runs.test_accuracy.values)


def _best(shares: np.ndarray, accuracies: np.ndarray) -> np.ndarray:
    """`[seeds]`: the share at the rate with the highest test accuracy of the seed."""
    return np.take_along_axis(shares, np.nan_to_num(accuracies).argmax(0)[None], 0)[0]


def _off_the_rule(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: how far the share at the best rate lies from the rule, in powers of ten."""
    return np.log10(_best(_table(runs, _share(runs)), _table(runs, runs.test_accuracy.values)) / RULE)


def _working(shares: np.ndarray, accuracies: np.ndarray) -> np.ndarray:
    """The median shares of the rates that work."""
    median = np.median(np.nan_to_num(accuracies), axis=1)
    return np.nanmedian(shares[median >= median.max() - TOLERANCE], axis=1)


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(FRESH_SEEDS)), "steps": float(results.step.values[-1]), "rates": float(len(TRIED))}
    out |= {
        "every": float(EVERY),
        "lowest_rate": TRIED[0],
        "highest_rate": TRIED[-1],
        "rule": 1000 * RULE,
        "tolerance": 100 * TOLERANCE,
    }
    works = []
    for name in OPTIMIZERS:
        shares, accuracies = _of(results, name)
        works.append(_working(shares, accuracies))
        out[f"{name.lower()}_best"] = 1000 * float(np.median(_best(shares, accuracies)))
    out["lowest_working"], out["highest_working"] = (1000 * float(f(np.concatenate(works))) for f in (np.min, np.max))
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    ax = fig.subplots()
    for name in OPTIMIZERS:
        shares, accuracies = _of(results, name)
        color, ran = plots.OPTIMIZER_LINES[name]["color"], np.isfinite(shares)
        ax.plot(shares[ran], accuracies[ran], ".", color=color, alpha=0.3, markersize=4, label=f"_runs, {name}")
        whole = ran.all(1)
        middle = np.median(shares[whole], axis=1), np.median(accuracies[whole], axis=1)
        ax.plot(*middle, "o-", color=color, markersize=4, label=name)
    ax.axvline(RULE, color=plots.INK["muted"], linewidth=1, linestyle=(0, (4, 2)), label="_rule")
    ax.set(xscale="log", xlabel="share by which a step changes a matrix", ylabel="test accuracy")
    plots.percent(ax.yaxis)
    ax.legend(loc="upper left")


def alt(numbers: dict[str, float]) -> str:
    best = ", ".join(f"{name} {numbers[f'{name.lower()}_best']:.2g}" for name in OPTIMIZERS)
    return (
        "Test accuracy against the share by which a step changes a weight matrix, a line for each optimizer. The "
        f"share at the best rate, in thousandths: {best}. Within {numbers['tolerance']:.0f} points of the best lie "
        f"shares from {numbers['lowest_working']:.2g} to {numbers['highest_working']:.2g} thousandths; the rule of "
        f"thumb is {numbers['rule']:.0f}."
    )


def _rule_for(name: str) -> Claim:
    return Claim(
        id=f"a-thousandth-{name.lower()}",
        text=f"At the best of the tried learning rates, a step of {name} changes a weight matrix by about a thousandth "
        "of its size.",
        source="Stanford's CS231n, Neural networks part 3, ratio of weights to updates",
        url="https://cs231n.github.io/neural-networks-3/",
        statistic="share at the best rate over a thousandth, in powers of ten; about means within half of one",
        compare=within(_off_the_rule, 0.5, optimizer=name),
        expect="reversed",
        why="A likely reason: in a small network and a short run at a constant rate, the best rate is about the "
        "highest that the network bears.",
    )


CLAIMS = [_rule_for(name) for name in OPTIMIZERS]
