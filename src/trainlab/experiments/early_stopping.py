"""What does a network lose that trains for too long?

Loss, above, and accuracy, below, of the network without a regularizer on {=early_stopping.rows:.0f} training examples,
at the learning rate {=early_stopping.lr:g}, which gave the most accurate kept weights on the validation split. Lines
are medians over {=early_stopping.seeds:.0f} seeds, bands reach from the lowest to the highest. Dots: where early
stopping with a patience of {=early_stopping.patience:.0f} measurements keeps the weights of each seed, by the
validation loss; they are drawn on the curves of their own runs.
"""

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.claims import OWN, Claim, Comparison
from trainlab.history import early_stop
from trainlab.overfitting import FRESH_SEEDS, PATIENCES, RATES, ROWS, STEPS, STOPPING_EVERY, early_stopped
from trainlab.stats import paired_difference
from trainlab.tuning import Train

TRAINING, TEST = plots.SERIES[2], plots.SERIES[0]


def measure(train: Train) -> xr.Dataset:
    results, patience = early_stopped(train)
    return results.assign_attrs(patience=patience)


def _kept(results: xr.Dataset) -> np.ndarray:
    """`[seeds]`: the measurement whose weights are kept."""
    return early_stop(results.validation_loss.transpose("run", "step").values, results.attrs["patience"]).kept


def _test(results: xr.Dataset, variable: str, when: str) -> np.ndarray:
    """`[seeds]`: on the test split, where training was stopped or at the end."""
    values = results[f"held_test_{variable}"].transpose("run", "step").values.astype(np.float64)
    return values[np.arange(len(values)), _kept(results)] if when == "kept" else values[:, -1]


def numbers(results: xr.Dataset) -> dict[str, float]:
    steps = results.step.values.astype(np.float64)
    stopped = early_stop(results.validation_loss.transpose("run", "step").values, results.attrs["patience"]).stopped
    out = {"rows": float(ROWS), "seeds": float(len(FRESH_SEEDS)), "patience": float(results.attrs["patience"])}
    out |= {"every": float(STOPPING_EVERY), "steps": float(STEPS), "lr": float(results.lr.values[0])}
    out |= {"settings": float(len(RATES) * len(PATIENCES))}
    out |= {"kept_step": float(np.median(steps[_kept(results)])), "stopped_step": float(np.median(steps[stopped]))}
    for when in ("kept", "end"):
        out[f"{when}_loss"] = float(_test(results, "loss", when).mean())
        out[f"{when}_accuracy"] = 100 * float(_test(results, "accuracy", when).mean())
    out["saved"] = 100 * (1 - out["stopped_step"] / float(steps[-1]))
    out["end_train"] = 100 * float(results.train_accuracy.isel(step=-1).mean())
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 5.6)
    panels = fig.subplots(2, sharex=True)
    steps, kept = results.step.values, _kept(results)
    for ax, variable in zip(panels, ("loss", "accuracy"), strict=True):
        for name, label, color in (("train", "training", TRAINING), ("held_test", "test", TEST)):
            values = results[f"{name}_{variable}"].transpose("run", "step").values.astype(np.float64)
            plots.curve(ax, steps, values, label, {"color": color})
            if name == "held_test":
                at = values[np.arange(len(values)), kept]
                ax.plot(steps[kept], at, "o", color=plots.INK["text"], markersize=4, alpha=0.6, label="_kept")
        ax.set(ylabel=f"{variable} (nats)" if variable == "loss" else variable, xlim=(0, steps[-1]))
        if variable == "loss":
            ax.set_ylim(0, 2.6)
        plots.label_ends(ax)
    plots.percent(panels[1].yaxis)
    panels[1].set_xlabel("updates")


def alt(numbers: dict[str, float]) -> str:
    return (
        f"Two line plots against updates, of loss and of accuracy, on training and test examples. Early stopping keeps "
        f"the weights after {numbers['kept_step']:.0f} updates (median), where the test loss is "
        f"{numbers['kept_loss']:.2f} and the test accuracy {numbers['kept_accuracy']:.1f} %; at the end they are "
        f"{numbers['end_loss']:.2f} and {numbers['end_accuracy']:.1f} %."
    )


def _end_minus_kept(variable: str, unit: float, sign: float = 1.0) -> Comparison:
    return Comparison(
        "paired difference",
        lambda results: paired_difference(
            sign * unit * _test(results, variable, "end"), sign * unit * _test(results, variable, "kept")
        ),
    )


CLAIMS = [
    Claim(
        id="stopping-lowers-test-loss",
        text="The weights that early stopping keeps have a lower test loss than those at the end of the run.",
        source="Prechelt 1998, Early stopping, but when?",
        statistic="test loss, at the end minus where stopped, nats",
        compare=_end_minus_kept("loss", 1.0),
        expect="holds",
    ),
    Claim(
        id="stopping-raises-accuracy",
        text="They have a higher test accuracy, too.",
        source=OWN,
        statistic="test accuracy, where stopped minus at the end, percentage points",
        compare=_end_minus_kept("accuracy", 100.0, -1.0),
        expect="reversed",
        why="The accuracy still rises when the loss no longer falls: more answers are right, and the wrong ones are "
        "surer.",
    ),
]
