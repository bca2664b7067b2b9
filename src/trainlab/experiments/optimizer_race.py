"""Which optimizer is fastest on the same model, when each has the rate that suits it?

Validation accuracy of one network (40-64-64-10, ReLU, MNIST-1D, batches of 128) under seven
optimizers. Each runs at the learning rate that won on the validation split, by an equal budget of
trials. Lines are medians over fresh seeds, bands reach from the lowest to the highest run. The
axis of updates is logarithmic. The label gives the mean accuracy on the test split at the end.
"""

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.claims import Claim, after, difference
from trainlab.optimizers import AdamW
from trainlab.tuning import Train
from trainlab.workloads import OPTIMIZERS, TUNING_SEEDS, tuned_race

TARGET = 0.6
"""A validation accuracy that most runs reach."""


def measure(train: Train) -> xr.Dataset:
    tuned, results = tuned_race(train)
    return results.assign_attrs(at_edge=tuned.at_edge, rates=tuned.trials.sizes["trial"])


def _updates_to(runs: xr.Dataset, target: float) -> float:
    """Median over the runs of the updates until the accuracy was first measured at the target.

    A run that never reached it counts as later than any other; NaN where that is half of them.
    """
    reached = runs.validation_accuracy.values >= target
    median = float(np.median(np.where(reached.any(1), runs.step.values[reached.argmax(1)], np.inf)))
    return median if np.isfinite(median) else np.nan


def numbers(results: xr.Dataset) -> dict[str, float]:
    early = after(results, 10)
    out = {"trials": float(results.attrs["rates"] * len(TUNING_SEEDS)), "seeds": float(len(set(results.seed.values)))}
    out |= {"steps": float(results.steps.values[0]), "early_step": float(results.step.values[early])}
    out |= {
        "target": 100 * TARGET,
        "every": float(results.step.values[1]),
        "rates": float(results.attrs["rates"]),
        "tuning_seeds": float(len(TUNING_SEEDS)),
    }
    for name in OPTIMIZERS:
        key = name.lower()
        runs = results.isel(run=results.optimizer.values == name)
        out[f"{key}_accuracy"] = 100 * float(runs.test_accuracy.mean())
        out[f"{key}_early_accuracy"] = 100 * float(runs.validation_accuracy.isel(step=early).mean())
        out[f"{key}_final_accuracy"] = 100 * float(runs.validation_accuracy.isel(step=-1).mean())
        out[f"{key}_updates_to_target"] = _updates_to(runs, TARGET)
        out[f"{key}_loss"] = float(runs.train_loss.isel(step=-1).mean())
        out[f"{key}_lr"] = float(runs.lr.values[0])
    accuracies = [out[f"{name.lower()}_accuracy"] for name in OPTIMIZERS]
    out["spread"] = max(accuracies) - min(accuracies)
    kept = 1 - out["adamw_lr"] * AdamW().weight_decay
    out["adamw_decay"] = 100 * (1 - kept ** out["steps"])
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    ax = fig.subplots()
    later = results.isel(step=slice(1, None))
    ends = {name: float(results.test_accuracy.values[results.optimizer.values == name].mean()) for name in OPTIMIZERS}
    for name in OPTIMIZERS:
        runs = later.isel(run=later.optimizer.values == name)
        plots.curve(ax, later.step.values, runs.validation_accuracy.values, name, plots.OPTIMIZER_LINES[name])
    ax.set(xlabel="updates", ylabel="validation accuracy", xscale="log")
    ax.set_xlim(later.step.values[0], later.step.values[-1])
    plots.plain_ticks(ax.xaxis, later.step.values[-1] / np.array([40, 20, 10, 4, 2, 1]))
    plots.percent(ax.yaxis)
    plots.label_ends(ax, {name: f"{name} {100 * end:.1f} %" for name, end in ends.items()}, at=ends)


def alt(numbers: dict[str, float]) -> str:
    ends = ", ".join(f"{name} {numbers[f'{name.lower()}_accuracy']:.1f} %" for name in OPTIMIZERS)
    return (
        f"Line plot of validation accuracy against updates for seven optimizers, each at its own tuned rate. "
        f"After {numbers['early_step']:.0f} updates SGD is at {numbers['sgd_early_accuracy']:.0f} % and Adam at "
        f"{numbers['adam_early_accuracy']:.0f} %. Mean test accuracy after {numbers['steps']:.0f} updates: {ends}."
    )


CLAIMS = [
    Claim(
        id="adam-is-ahead-early",
        text="Early on, tuned Adam has a higher validation accuracy than tuned SGD.",
        source="Kingma and Ba 2015, Adam: a method for stochastic optimization",
        url="https://arxiv.org/abs/1412.6980",
        statistic="validation accuracy after a tenth of the updates, Adam minus SGD, percentage points",
        compare=difference("validation_accuracy@10%", {"optimizer": "Adam"}, {"optimizer": "SGD"}, unit=100),
        expect="holds",
    ),
    Claim(
        id="sgd-ends-above-adam",
        text="At the end, tuned SGD has a higher test accuracy than tuned Adam.",
        source="Wilson et al. 2017, The marginal value of adaptive gradient methods in machine learning",
        url="https://arxiv.org/abs/1705.08292",
        statistic="test accuracy after the last update, SGD minus Adam, percentage points",
        compare=difference("test_accuracy", {"optimizer": "SGD"}, {"optimizer": "Adam"}, unit=100),
        expect="holds",
    ),
    Claim(
        id="adamw-beats-adam",
        text="Decoupled weight decay at its default strength raises Adam's test accuracy.",
        source="Loshchilov and Hutter 2019, Decoupled weight decay regularization",
        url="https://arxiv.org/abs/1711.05101",
        statistic="test accuracy after the last update, AdamW minus Adam, percentage points",
        compare=difference("test_accuracy", {"optimizer": "AdamW"}, {"optimizer": "Adam"}, unit=100),
        expect="null",
        why="A likely reason: the decay is weak. On its own it would take {=optimizer_race.adamw_decay:.1f} % off a "
        "weight in the whole run.",
    ),
]
