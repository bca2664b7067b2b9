"""Which optimizer is fastest on the same model, when each has the rate that suits it?

Validation accuracy against updates, a panel for each optimizer, on two problems: MNIST-1D with a network of
40-64-64-10, and {=optimizer_race.fashion_rows:.0f} images of Fashion-MNIST with one of 784-100-100-100-10.
Each optimizer runs at the learning rate that won on the validation split, by an equal budget of trials. The
coloured line is the median over {=optimizer_race.seeds:.0f} fresh seeds, and its band spans all of them. The
grey area spans the medians of all optimizers and is the same in every panel of a problem, so a line at its
upper edge leads at that moment. The number is the mean accuracy on the test split at the end, in percent.
Updates are on a logarithmic axis.
"""

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.claims import Claim, after, difference
from trainlab.history import first_reach
from trainlab.optimizers import AdamW, Muon
from trainlab.tuning import Train
from trainlab.workloads import (
    FASHION_TUNING_SEEDS,
    OPTIMIZERS,
    TUNING_SEEDS,
    tuned_fashion_race,
    tuned_race,
)

TARGET = 0.5
"""A validation accuracy on MNIST-1D that most runs reach."""

PROBLEMS = ("MNIST-1D", "Fashion-MNIST")
NAMES = list(OPTIMIZERS)


def measure(train: Train) -> xr.Dataset:
    races = (tuned_race(train), tuned_fashion_race(train))
    marked = [
        race.assign_coords(problem=("run", [problem] * race.sizes["run"]))
        for problem, (_, race) in zip(PROBLEMS, races, strict=True)
    ]
    results = xr.concat(marked, "run", data_vars="all", coords="minimal", compat="override", join="outer")
    edges = [
        f"{problem}: {edge}" for problem, (tuned, _) in zip(PROBLEMS, races, strict=True) for edge in tuned.at_edge
    ]
    first, second = (tuned.trials.sizes["trial"] for tuned, _ in races)
    return results.assign_attrs(at_edge=edges, rates=first, fashion_rates=second)


def _of(results: xr.Dataset, problem: str, name: str | None = None) -> xr.Dataset:
    """The runs on one problem, with the measurements that were taken there."""
    chosen = results.problem.values == problem
    if name:
        chosen = chosen & (results.optimizer.values == name)
    return results.isel(run=np.flatnonzero(chosen)).dropna("step", how="all", subset=["validation_loss"])


def _updates_to(runs: xr.Dataset, target: float) -> float:
    """Median over the runs of the updates until the accuracy was first measured at the target; NaN where never."""
    median = float(np.median(first_reach(runs.validation_accuracy.values, runs.step.values, target)))
    return median if np.isfinite(median) else np.nan


def _of_problem(results: xr.Dataset, problem: str) -> dict[str, float]:
    out = {"steps": float(_of(results, problem).step.values[-1]), "every": float(_of(results, problem).step.values[1])}
    early = after(_of(results, problem), 10)
    out["early_step"] = float(_of(results, problem).step.values[early])
    for name in NAMES:
        key, runs = name.lower(), _of(results, problem, name)
        out[f"{key}_accuracy"] = 100 * float(runs.test_accuracy.mean())
        out[f"{key}_early_accuracy"] = 100 * float(runs.validation_accuracy.isel(step=early).mean())
        out[f"{key}_final_accuracy"] = 100 * float(runs.validation_accuracy.isel(step=-1).mean())
        out[f"{key}_updates_to_target"] = _updates_to(runs, TARGET)
        out[f"{key}_lr"] = float(runs.lr.values[0])
    accuracies = [out[f"{name.lower()}_accuracy"] for name in NAMES]
    below = [out[f"{name.lower()}_final_accuracy"] - out[f"{name.lower()}_accuracy"] for name in NAMES]
    out |= {"least_below": min(below), "most_below": max(below)}
    return out | {"spread": max(accuracies) - min(accuracies), "best": max(accuracies), "worst": min(accuracies)}


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = _of_problem(results, PROBLEMS[0])
    losses = {name: _of(results, PROBLEMS[0], name).train_loss.isel(step=-1) for name in NAMES}
    out |= {f"{name.lower()}_loss": float(loss.mean()) for name, loss in losses.items()}
    out |= {f"fashion_{key}": value for key, value in _of_problem(results, PROBLEMS[1]).items()}
    out |= {"seeds": float(len(set(results.seed.values))), "target": 100 * TARGET, "fashion_rows": 10_000.0}
    out |= {"optimizers": float(len(NAMES)), "tuning_seeds": float(len(TUNING_SEEDS))}
    out |= {"rates": float(results.attrs["rates"]), "fashion_rates": float(results.attrs["fashion_rates"])}
    out |= {
        "trials": out["rates"] * len(TUNING_SEEDS),
        "fashion_trials": out["fashion_rates"] * len(FASHION_TUNING_SEEDS),
    }
    for name, decay in (("adamw", AdamW().weight_decay), ("muon", Muon().weight_decay)):
        out[f"{name}_decay"] = 100 * (1 - (1 - out[f"{name}_lr"] * decay) ** out["steps"])
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 8.6)
    note = "number: test\naccuracy, %\ngrey: all\nmedians"
    halves = fig.add_gridspec(2, 1)
    for row, problem in enumerate(PROBLEMS):
        part = fig.add_subfigure(halves[row])
        part.suptitle(f"{problem}: validation accuracy", x=0.01, ha="left", fontsize=10.5, fontweight="bold")
        runs = _of(results, problem)
        runs = runs.isel(step=slice(1, None))
        medians = np.array(
            [runs.validation_accuracy.values[runs.optimizer.values == name].astype(float) for name in NAMES]
        )
        medians = np.median(np.nan_to_num(medians), axis=1)
        for name, ax in plots.cells(part, NAMES, note=note).items():
            x = runs.step.values
            ax.fill_between(x, medians.min(0), medians.max(0), color=plots.INK["grid"], alpha=0.7, linewidth=0)
            mine = runs.isel(run=np.flatnonzero(runs.optimizer.values == name))
            line = plots.OPTIMIZER_LINES[name] | {"linestyle": "-"}
            plots.curve(ax, x, mine.validation_accuracy.values, f"{name}, {problem}", line)
            _finish(ax, x, float(np.nan_to_num(mine.test_accuracy.values).mean()))
        part.supxlabel("updates", fontsize=9)


def _finish(ax: "plots.Axes", x: np.ndarray, accuracy: float) -> None:
    ax.set(xscale="log", xlim=(x[0], x[-1]))
    plots.plain_ticks(ax.xaxis, [x[0], x[-1]])
    for text, side in zip(ax.get_xticklabels(), ("left", "right"), strict=False):
        text.set_horizontalalignment(side)
    plots.percent(ax.yaxis)
    ax.text(0.96, 0.06, f"{100 * accuracy:.1f}", transform=ax.transAxes, ha="right", fontsize=9, fontweight="bold")


def alt(numbers: dict[str, float]) -> str:
    def ends(prefix: str) -> str:
        return ", ".join(f"{name} {numbers[f'{prefix}{name.lower()}_accuracy']:.1f}" for name in NAMES)

    return (
        f"Two blocks of small line plots, one for each problem, with a plot of validation accuracy against updates for "
        f"each of {numbers['optimizers']:.0f} optimizers. Mean test accuracy at the end, in percent, on MNIST-1D after "
        f"{numbers['steps']:.0f} updates: {ends('')}; on Fashion-MNIST after {numbers['fashion_steps']:.0f} updates: "
        f"{ends('fashion_')}."
    )


def _on(problem: int, name: str) -> dict[str, str]:
    return {"problem": PROBLEMS[problem], "optimizer": name}


def _early(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: the validation accuracy after a tenth of the updates."""
    measured = runs.dropna("step", how="all", subset=["validation_loss"])
    return measured.validation_accuracy.values[:, after(measured, 10)]


CLAIMS = [
    Claim(
        id="adam-is-ahead-early",
        text="Early on, tuned Adam has a higher validation accuracy than tuned SGD, on MNIST-1D.",
        source="Kingma and Ba 2015, Adam: a method for stochastic optimization",
        url="https://arxiv.org/abs/1412.6980",
        statistic="validation accuracy after a tenth of the updates, Adam minus SGD, percentage points",
        compare=difference(_early, _on(0, "Adam"), _on(0, "SGD"), unit=100),
        expect="holds",
    ),
    Claim(
        id="sgd-ends-above-adam",
        text="At the end, tuned SGD has a higher test accuracy than tuned Adam, on MNIST-1D.",
        source="Wilson et al. 2017, The marginal value of adaptive gradient methods in machine learning",
        url="https://arxiv.org/abs/1705.08292",
        statistic="test accuracy after the last update, SGD minus Adam, percentage points",
        compare=difference("test_accuracy", _on(0, "SGD"), _on(0, "Adam"), unit=100),
        expect="null",
        why="A likely reason: the source speaks of long training until the training data is fitted, and here no "
        "optimizer has fitted it by the end.",
    ),
    Claim(
        id="muon-above-adamw",
        text="At the end, tuned Muon has a higher test accuracy than tuned AdamW, on MNIST-1D.",
        source="Jordan et al. 2024, Muon: an optimizer for hidden layers in neural networks",
        url="https://kellerjordan.github.io/posts/muon/",
        statistic="test accuracy after the last update, Muon minus AdamW, percentage points",
        compare=difference("test_accuracy", _on(0, "Muon"), _on(0, "AdamW"), unit=100),
        expect="holds",
    ),
    Claim(
        id="muon-above-adamw-on-images",
        text="At the end, tuned Muon has a higher test accuracy than tuned AdamW, on Fashion-MNIST.",
        source="Jordan et al. 2024, Muon: an optimizer for hidden layers in neural networks",
        url="https://kellerjordan.github.io/posts/muon/",
        statistic="test accuracy after the last update, Muon minus AdamW, percentage points",
        compare=difference("test_accuracy", _on(1, "Muon"), _on(1, "AdamW"), unit=100),
        expect="holds",
    ),
    Claim(
        id="schedule-free-above-adamw",
        text="At the end, tuned Schedule-Free AdamW has a higher test accuracy than tuned AdamW at a constant rate, on "
        "MNIST-1D.",
        source="Defazio et al. 2024, The road less scheduled",
        url="https://arxiv.org/abs/2405.15682",
        statistic="test accuracy after the last update, Schedule-Free minus AdamW, percentage points",
        compare=difference("test_accuracy", _on(0, "ScheduleFreeAdamW"), _on(0, "AdamW"), unit=100),
        expect="holds",
    ),
    Claim(
        id="adamw-beats-adam",
        text="Decoupled weight decay at its default strength raises Adam's test accuracy, on MNIST-1D.",
        source="Loshchilov and Hutter 2019, Decoupled weight decay regularization",
        url="https://arxiv.org/abs/1711.05101",
        statistic="test accuracy after the last update, AdamW minus Adam, percentage points",
        compare=difference("test_accuracy", _on(0, "AdamW"), _on(0, "Adam"), unit=100),
        expect="holds",
    ),
]
