"""What happens when Adam forgets its bias correction?

Test accuracy of the race's network on MNIST-1D against the learning rate, for Adam and for the same program
without the division by 1 − β₁ᵗ and 1 − β₂ᵗ. Lines are medians over {=adam_without_correction.seeds:.0f}
seeds, bands reach from the lowest to the highest run, and dots are the rates that were tried. Of
{=adam_without_correction.rates:.0f} rates the lowest six are shown; beyond them both lines stay at the level
of guessing. A run that diverged counts as 0.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.claims import Claim, by_seed, difference
from trainlab.loop import AT_END
from trainlab.optimizers import Adam, Param, Rate, Step
from trainlab.runs import Run, grid
from trainlab.tuning import Train
from trainlab.types import State
from trainlab.workloads import FRESH_SEEDS, RACE, RATES


@dataclass(frozen=True, kw_only=True)
class Uncorrected:
    """Adam as it is often written from memory: both averages as they are."""

    elementwise: ClassVar[bool] = True
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    def init(self, w: Param) -> State:
        """Two averages of zero."""
        return {"m": w * 0, "v": w * 0}

    def update(self, g: Param, state: State, w: Param, lr: Rate, t: int) -> Step:
        """One update."""
        m = self.beta1 * state["m"] + (1 - self.beta1) * g
        v = self.beta2 * state["v"] + (1 - self.beta2) * g**2
        return -lr * m / (v.sqrt() + self.eps), {"m": m, "v": v}


LABELS = {"Adam": "with correction", "Uncorrected": "without"}


def _runs() -> list[Run]:
    """Adam's are those of `lr_sensitivity`, in the same order, so that the store has them."""
    bases = [replace(RACE, optimizer=optimizer) for optimizer in (Adam(), Uncorrected())]
    return [run for base in bases for run in grid(base, lr=RATES, seed=FRESH_SEEDS)]


def measure(train: Train) -> xr.Dataset:
    runs = _runs()
    return train(runs, every=AT_END)


def too_long(t: np.ndarray) -> np.ndarray:
    """How many times longer a step is without the correction, for a gradient that stays the same."""
    return (1 - Adam().beta1 ** t) / np.sqrt(1 - Adam().beta2 ** t)


def _table(runs: xr.Dataset) -> np.ndarray:
    """`[rates, seeds]`: test accuracy of one optimizer."""
    return np.nan_to_num(np.stack([by_seed(runs, "test_accuracy", lr=lr) for lr in RATES]))


def _of(results: xr.Dataset, name: str) -> xr.Dataset:
    return results.isel(run=np.flatnonzero(results.optimizer.values == name))


def _centre(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: log10 of the rate, averaged over the rates with the seed's accuracies as weights, cubed."""
    weights = _table(runs) ** 3
    return np.log10(RATES) @ weights / weights.sum(0)


def _best(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: the highest test accuracy over the rates."""
    return _table(runs).max(0)


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(FRESH_SEEDS)), "rates": float(len(RATES))}
    for key, name in (("with", "Adam"), ("without", "Uncorrected")):
        table = _table(_of(results, name))
        out[f"{key}_best"] = 100 * float(table.max(0).mean())
        out[f"{key}_best_lr"] = RATES[int(table.mean(1).argmax())]
        for lr in (0.003, 0.01, 0.03):
            out[f"{key}_at_{lr:g}"] = 100 * float(table[RATES.index(lr)].mean())
        out[f"{key}_centre"] = float(10 ** _centre(_of(results, name)).mean())
    factors = too_long(np.arange(1, 2000))
    out |= {"first": float(factors[0]), "longest": float(factors.max()), "longest_at": float(factors.argmax() + 1)}
    out["still_long"] = float(too_long(np.array(100.0)))
    return out | {"shift": out["with_centre"] / out["without_centre"]}


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    ax = fig.subplots()
    looks = {
        "Adam": plots.OPTIMIZER_LINES["Adam"],
        "Uncorrected": {"color": plots.INK["muted"], "linestyle": (0, (4, 1.5))},
    }
    for name, label in LABELS.items():
        line = looks[name] | {"marker": "o", "markersize": 4}
        plots.curve(ax, np.array(RATES), _table(_of(results, name)).T, label, line)
    ax.set(ylabel="test accuracy", ylim=(0, None))
    plots.log_rates(ax, RATES[:6])
    plots.plain_ticks(ax.xaxis, [0.001, 0.01, 0.1])
    plots.percent(ax.yaxis)
    for (name, label), at, side in zip(LABELS.items(), ((0.04, 0.55), (0.014, 0.25)), ("left", "right"), strict=True):
        ax.text(*at, label, color=looks[name]["color"], ha=side, va="center")


def alt(numbers: dict[str, float]) -> str:
    return (
        f"Line plot of test accuracy against the learning rate for Adam with its bias correction and without. At rate "
        f"{numbers['with_best_lr']:g}, the best with it, the mean accuracy is {numbers['with_at_0.01']:.1f} % with the "
        f"correction and {numbers['without_at_0.01']:.1f} % without."
    )


CLAIMS = [
    Claim(
        id="hurts-at-adams-rate",
        text="At the learning rate that is best for Adam, Adam without bias correction has a lower test accuracy.",
        source="Kingma and Ba 2015, Adam: a method for stochastic optimization, section 6.4",
        url="https://arxiv.org/abs/1412.6980",
        statistic="test accuracy at learning rate 0.01, with correction minus without, percentage points",
        compare=difference(
            "test_accuracy", {"optimizer": "Adam", "lr": 0.01}, {"optimizer": "Uncorrected", "lr": 0.01}, unit=100
        ),
        expect="holds",
    ),
    Claim(
        id="hurts-at-the-best-rate",
        text="With the best of the tried rates for each seed, Adam without bias correction still has a lower test "
        "accuracy.",
        source="Kingma and Ba 2015, Adam: a method for stochastic optimization, section 6.4",
        url="https://arxiv.org/abs/1412.6980",
        statistic="highest test accuracy over the rates, with correction minus without, percentage points",
        compare=difference(_best, {"optimizer": "Adam"}, {"optimizer": "Uncorrected"}, unit=100),
        expect="null",
        why="A likely reason: a lower rate makes up for the steps that are too long.",
    ),
]
