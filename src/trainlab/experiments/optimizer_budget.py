"""How good does each optimizer get when few learning rates can be tried?

Expected test accuracy of the race's network after tuning with some of the race's
{=optimizer_budget.rates:.0f} learning rates. The rates are drawn at random, none twice. Of the rates drawn,
the one with the highest mean validation accuracy on the {=optimizer_budget.tuning_seeds:.0f} tuning seeds is
taken; what is shown is its accuracy on the test split, on {=optimizer_budget.seeds:.0f} fresh seeds that
chose nothing. The mean over all possible draws is exact. A run that diverged counts as 0. Bands, most of them
no wider than the line, are 95 % intervals (Student's) of the mean over the fresh seeds; they leave out that
other tuning seeds might choose otherwise. The grey area is the same in every panel: the range of all
optimizers.
"""

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.claims import Claim, by_seed, difference
from trainlab.stats import mean_interval
from trainlab.trials import expected_after
from trainlab.tuning import Train
from trainlab.workloads import OPTIMIZERS, race_sweep

CLOSE = 0.01
"""How far below its accuracy after all trials an optimizer counts as tuned."""


def measure(train: Train) -> xr.Dataset:
    tuned, fresh = race_sweep(train)
    table = expected_after(tuned.trials, fresh).rename(contender="optimizer")
    rows = table.rename("expected").stack(run=("optimizer", "budget", "seed")).reset_index("run")
    return rows.to_dataset().assign_attrs(at_edge=tuned.at_edge, tuning_seeds=tuned.trials.sizes["seed"])


def _budgets(results: xr.Dataset) -> np.ndarray:
    return np.unique(results.budget.values)


def _curve(results: xr.Dataset, name: str) -> np.ndarray:
    """Low end, mean and high end at each budget: `[3, budgets]`."""
    found = [mean_interval(by_seed(results, "expected", optimizer=name, budget=k)) for k in _budgets(results)]
    return np.array([(one.low, one.value, one.high) for one in found]).T


def numbers(results: xr.Dataset) -> dict[str, float]:
    budgets = _budgets(results)
    out = {
        "rates": float(len(budgets)),
        "seeds": float(len(set(results.seed.values.tolist()))),
        "tuning_seeds": float(results.attrs["tuning_seeds"]),
        "close": 100 * CLOSE,
    }
    means = {name.lower(): _curve(results, name)[1] for name in OPTIMIZERS}
    for key, mean in means.items():
        out[f"{key}_one"] = 100 * float(mean[0])
        out[f"{key}_all"] = 100 * float(mean[-1])
        out[f"{key}_needed"] = float(budgets[np.argmax(mean >= mean[-1] - CLOSE)])
    out["spread_one"] = 100 * float(np.ptp([mean[0] for mean in means.values()]))
    out["spread_all"] = 100 * float(np.ptp([mean[-1] for mean in means.values()]))
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 5.0)
    budgets = _budgets(results)
    curves = {name: _curve(results, name) for name in OPTIMIZERS}
    means = np.array([mean for _, mean, _ in curves.values()])
    for name, ax in plots.cells(fig, list(OPTIMIZERS), note="numbers: with\none rate and\nwith all, %").items():
        low, mean, high = curves[name]
        ax.fill_between(budgets, means.min(0), means.max(0), color=plots.INK["grid"], alpha=0.7, linewidth=0)
        color = plots.OPTIMIZER_LINES[name]["color"]
        ax.fill_between(budgets, low, high, color=color, alpha=0.16, linewidth=0, label=f"_band {name}")
        ax.plot(budgets, mean, label=name, color=color)
        ends = f"{100 * mean[0]:.0f} \N{RIGHTWARDS ARROW} {100 * mean[-1]:.0f}"
        ax.text(0.96, 0.06, ends, transform=ax.transAxes, ha="right", fontsize=8.5, fontweight="bold")
        ax.set(xlim=(1, budgets[-1]), ylim=(0, None))
        plots.plain_ticks(ax.xaxis, budgets[[0, len(budgets) // 2, -1]])
        plots.percent(ax.yaxis)
    fig.supxlabel("learning rates tried", fontsize=9.5)
    fig.supylabel("expected test accuracy", fontsize=9.5)


def alt(numbers: dict[str, float]) -> str:
    ends = ", ".join(
        f"{name} {numbers[f'{name.lower()}_one']:.1f} and {numbers[f'{name.lower()}_all']:.1f}" for name in OPTIMIZERS
    )
    return (
        f"Small line plots of the expected test accuracy against the number of learning rates tried, one for each "
        f"optimizer. In percent, with a single rate and with all {numbers['rates']:.0f}: {ends}. The best and the "
        f"worst differ by {numbers['spread_one']:.1f} points with a single rate and by {numbers['spread_all']:.1f} "
        f"with all."
    )


CLAIMS = [
    Claim(
        id="adam-above-sgd-with-one-trial",
        text="With a single learning rate drawn at random, Adam's expected test accuracy is higher than SGD's.",
        source="Sivaprasad et al. 2020, Optimizer benchmarking needs to account for hyperparameter tuning",
        url="https://arxiv.org/abs/1910.11758",
        statistic="expected test accuracy after one trial, Adam minus SGD, percentage points",
        compare=difference("expected", {"optimizer": "Adam", "budget": 1}, {"optimizer": "SGD", "budget": 1}, unit=100),
        expect="null",
        why="On these seeds the estimate points the other way, and its interval includes zero. A likely reason: here "
        "all optimizers draw from one wide grid, most of which is too high for Adam, while the source draws each "
        "optimizer's rate from a distribution that was fitted to rates that had worked for it.",
    ),
]
