"""Which regularizer helps most, when each was tuned with the same budget?

Test accuracy of one network on {=regularizer_race.rows:.0f} training examples of MNIST-1D, with one regularizer at a
time. Each had {=regularizer_race.trials:.0f} trials on the validation split: four learning rates times five strengths,
or, where there is no strength, as many learning rates. "Twice the data" is no regularizer; it shows what examples are
worth. Filled circles are means over {=regularizer_race.seeds:.0f} fresh seeds, thin lines their 95 % intervals
(Student's), small dots the single runs.
"""

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.claims import OWN, Claim, Comparison, Verdict
from trainlab.history import early_stop
from trainlab.overfitting import (
    FRESH_SEEDS,
    METHODS,
    MORE,
    NONE,
    PROBLEM,
    RATES,
    ROWS,
    STEPS,
    STOPPING,
    TRIALS,
    TUNING_SEEDS,
    early_stopped,
    finite,
    fresh,
    joined,
    of,
    tune_all,
)
from trainlab.stats import mean_interval, paired_difference
from trainlab.tuning import Train

CONTENDERS = (NONE, *METHODS, STOPPING, MORE)
VARIABLES = ["train_accuracy", "test_accuracy"]


def measure(train: Train) -> xr.Dataset:
    tuned = tune_all(train)
    parts = [of(fresh(train, tuned, name), best=True)[VARIABLES] for name in (NONE, MORE, *METHODS)]
    stopped, patience = early_stopped(train)
    kept = xr.DataArray(early_stop(stopped.validation_loss.values, patience).kept, dims="run")
    part = xr.Dataset(
        {
            "train_accuracy": stopped.train_accuracy.isel(step=kept).drop_vars("step"),
            "test_accuracy": stopped.held_test_accuracy.isel(step=kept).drop_vars("step"),
        }
    )
    labels = {"method": STOPPING, "rows": ROWS, "strength": float(patience), "best": True}
    part = part.assign_coords({name: ("run", [value] * part.sizes["run"]) for name, value in labels.items()})
    return joined([*parts, part]).assign_attrs(at_edge=tuned.at_edge)


def _accuracies(results: xr.Dataset, name: str, variable: str = "test_accuracy") -> np.ndarray:
    """`[seeds]`; a run that diverged has none."""
    return finite(of(results, method=name)[variable].values)


def _key(method: str) -> str:
    return method.lower().replace(" ", "_").replace("-", "_")


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"rows": float(ROWS), "trials": float(TRIALS), "seeds": float(len(FRESH_SEEDS)), "steps": float(STEPS)}
    out |= {"tuning_seeds": float(len(TUNING_SEEDS)), "batch": float(PROBLEM.batch_size)}
    out["rates"] = float(len(RATES))
    for name in CONTENDERS:
        runs = of(results, method=name)
        out[f"{_key(name)}_accuracy"] = 100 * float(_accuracies(results, name).mean())
        out[f"{_key(name)}_train"] = 100 * float(_accuracies(results, name, "train_accuracy").mean())
        out[f"{_key(name)}_lr"] = float(runs.lr.values[0])
        out[f"{_key(name)}_strength"] = float(runs.strength.values[0])
        out[f"{_key(name)}_gain"] = out[f"{_key(name)}_accuracy"] - out["none_accuracy"]
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 4.4)
    ax = fig.subplots()
    names = sorted(CONTENDERS, key=lambda name: _accuracies(results, name).mean())
    for row, name in enumerate(names):
        values, color = _accuracies(results, name), plots.REGULARIZER_LINES[name]["color"]
        mean = mean_interval(values)
        ax.plot(values, np.full(len(values), row), ".", color=color, alpha=0.35, markersize=4, label=f"{name}, runs")
        ax.plot([mean.low, mean.high], [row, row], color=color, linewidth=1.4, label=f"_interval {name}")
        ax.plot([mean.value], [row], "o", color=color, label=name)
    ax.axvline(_accuracies(results, NONE).mean(), color=plots.INK["muted"], linewidth=1, linestyle=(0, (3, 3)))
    ax.set_yticks(np.arange(len(names)), names)
    ax.tick_params(axis="y", length=0, labelcolor=plots.INK["text"])
    ax.grid(visible=False, axis="y")
    ax.set_xlabel("test accuracy")
    ax.locator_params(axis="x", steps=[1, 2, 5, 10])
    plots.percent(ax.xaxis)


def alt(numbers: dict[str, float]) -> str:
    said = ", ".join(f"{name} {numbers[f'{_key(name)}_accuracy']:.1f} %" for name in CONTENDERS)
    return f"Dot plot of test accuracy with a row for each regularizer. Means: {said}."


def _beats(better: str, worse: str = NONE) -> Comparison:
    return Comparison(
        "paired difference",
        lambda results: paired_difference(100 * _accuracies(results, better), 100 * _accuracies(results, worse)),
    )


_TUNING = "A likely reason: tuning with {=regularizer_race.tuning_seeds:.0f} seeds did not find the best strength."


def _claim(name: str, source: str, url: str, expect: Verdict = "holds", why: str = "") -> Claim:
    return Claim(
        id=f"{_key(name).replace('_', '-')}-helps",
        text=f"Tuned {name} has a higher test accuracy than no regularizer.",
        source=source,
        url=url,
        statistic=f"test accuracy, {name} minus none, percentage points",
        compare=_beats(name),
        expect=expect,
        why=why,
    )


_ADAMW = "Loshchilov and Hutter 2019, Decoupled weight decay regularization"
_ADAMW_URL = "https://arxiv.org/abs/1711.05101"

CLAIMS = [
    _claim("L1", "Tibshirani 1996, Regression shrinkage and selection via the lasso", ""),
    _claim("L2", "Krogh and Hertz 1991, A simple weight decay can improve generalization", ""),
    _claim("decoupled decay", _ADAMW, _ADAMW_URL, "null", _TUNING),
    _claim(
        "max-norm",
        "Srivastava et al. 2014, Dropout",
        "https://jmlr.org/papers/v15/srivastava14a.html",
    ),
    _claim(
        "label smoothing",
        "Müller et al. 2019, When does label smoothing help?",
        "https://arxiv.org/abs/1906.02629",
        "reversed",
        "A likely reason: tuning. The network without a regularizer chose among {=regularizer_race.trials:.0f} "
        "learning rates, each strength of this one among {=regularizer_race.rates:.0f}.",
    ),
    _claim(
        "early stopping",
        "Prechelt 1998, Early stopping, but when?",
        "",
        "reversed",
        "The smaller part is the stopping: in the same runs, the accuracy would have risen to "
        "{=early_stopping.end_accuracy:.1f} % at the end. The rest is the learning rate. The settings were compared by "
        "the validation accuracy of the kept weights, which chose {=early_stopping.lr:g}, the lowest rate that was "
        "tried. Without stopping, {=regularizer_race.none_lr:g} won.",
    ),
    Claim(
        id="decoupled-beats-l2",
        text="Tuned decoupled decay has a higher test accuracy than tuned L2.",
        source=_ADAMW,
        url=_ADAMW_URL,
        statistic="test accuracy, decoupled decay minus L2, percentage points",
        compare=_beats("decoupled decay", "L2"),
        expect="reversed",
        why="The two were tuned to different amounts: with L2 the training accuracy ends at "
        "{=regularizer_race.l2_train:.0f} %, with decoupled decay at {=regularizer_race.decoupled_decay_train:.0f} %. "
        "A likely reason: with few tuning seeds a strength was missed that would have helped more.",
    ),
    Claim(
        id="data-beats-dropout",
        text="Twice the data, without a regularizer, has a higher test accuracy than tuned dropout.",
        source=OWN,
        statistic="test accuracy, twice the data minus dropout, percentage points",
        compare=_beats(MORE, "dropout"),
        expect="holds",
    ),
]
