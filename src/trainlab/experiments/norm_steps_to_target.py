"""How many updates does batch norm save, when each net has the rate that suits it?

Validation accuracy against updates on MNIST-1D, for nets with three hidden layers of {=norm_steps_to_target.width:.0f}
units under momentum, without and with batch norm before the activation. Sigmoid nets start from Glorot's weights, ReLU
nets from He's. Each net runs at the rate that reached {=norm_steps_to_target.target:.0f} % in the fewest updates, of
{=norm_steps_to_target.rates:.0f} that were tried on other seeds. Lines are medians over
{=norm_steps_to_target.seeds:.0f} seeds, bands reach from the lowest to the highest run. The axis of updates is
logarithmic. The dotted line is the target. Each kind of net was trained for long enough to pass the target, so
the lines end at different places.
"""

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.claims import Claim, Comparison, by_seed, steps_ratio
from trainlab.history import first_reach
from trainlab.norm_workloads import (
    NETS,
    RATES,
    SEEDS,
    TARGET,
    WIDTH,
    fewest_updates,
    joined,
    median_updates,
    of_net,
    updates_to_target,
)
from trainlab.tuning import Train

ACTIVATIONS = ("sigmoid", "ReLU")
BATCH = ", batch norm"
STARTED = 0.2
"""The validation accuracy at which a net is off its start: twice that of guessing."""


def measure(train: Train) -> xr.Dataset:
    found = [fewest_updates(train, name, run) for name, run in NETS.items()]
    edges = [edge for one in found for edge in one.at_edge]
    return joined([one.results for one in found]).assign_attrs(at_edge=edges)


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(SEEDS)), "rates": float(len(RATES)), "target": 100 * TARGET, "width": float(WIDTH)}
    out["start"] = 100 * STARTED
    for name in NETS:
        key, runs = name.lower().replace(", batch norm", "_batch"), of_net(results, name)
        out[f"{key}_updates"] = median_updates(results, name)
        started = first_reach(runs.validation_accuracy.values, runs.step.values, STARTED)
        out[f"{key}_started"] = float(np.median(np.minimum(started, runs.step.values[-1])))
        out[f"{key}_lr"] = float(runs.lr.values[0])
        out[f"{key}_steps"] = float(runs.step.values[-1])
        out[f"{key}_never"] = float(np.isinf(updates_to_target(runs)).sum())
        out[f"{key}_accuracy"] = 100 * float(np.nan_to_num(by_seed(runs, "test_accuracy")).mean())
    for name in ACTIVATIONS:
        out[f"{name.lower()}_ratio"] = out[f"{name.lower()}_updates"] / out[f"{name.lower()}_batch_updates"]
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 5.4)
    axes = fig.subplots(2, sharex=True, sharey=True)
    for ax, activation in zip(axes, ACTIVATIONS, strict=True):
        for name, label, kind in ((activation, "without", "none"), (activation + BATCH, "batch norm", "batch")):
            runs = of_net(results, name).isel(step=slice(1, None))
            plots.curve(ax, runs.step.values, runs.validation_accuracy.values, label, plots.NORM_LINES[kind])
        ax.axhline(TARGET, color=plots.INK["muted"], linewidth=1, linestyle=":", label="_target")
        ax.set_title(activation)
        ax.set(xscale="log", ylabel="validation accuracy", ylim=(0, 0.75))
        ax.tick_params(labelbottom=True)
        plots.percent(ax.yaxis)
        ends = {
            "without": float(np.nanmedian(of_net(results, activation).validation_accuracy.values[:, -1])),
            "batch norm": float(np.nanmedian(of_net(results, activation + BATCH).validation_accuracy.values[:, -1])),
        }
        plots.label_ends(ax, at=ends)
    axes[-1].set_xlabel("updates")


def alt(numbers: dict[str, float]) -> str:
    said = "; ".join(
        f"{name} {numbers[f'{name.lower()}_updates']:.0f} without and {numbers[f'{name.lower()}_batch_updates']:.0f} "
        "with batch norm"
        for name in ACTIVATIONS
    )
    return (
        f"Line plots of validation accuracy against updates for a sigmoid net and a ReLU net, each without and with "
        f"batch norm. Median updates to an accuracy of {numbers['target']:.0f} percent: {said}. "
        f"Mean test accuracy at the end of the sigmoid nets: {numbers['sigmoid_accuracy']:.1f} % without, "
        f"{numbers['sigmoid_batch_accuracy']:.1f} % with batch norm."
    )


_SOURCE = (
    "Ioffe and Szegedy 2015, Batch normalization: accelerating deep network training by reducing internal "
    "covariate shift"
)
_URL = "https://arxiv.org/abs/1502.03167"
_STATISTIC = "updates to a validation accuracy of 40 %, without batch norm over with, ratio of medians"


def _ratio(activation: str) -> Comparison:
    return steps_ratio("validation_accuracy", TARGET, {"net": activation}, {"net": activation + BATCH})


CLAIMS = [
    Claim(
        id="sigmoid-needs-fewer",
        text="With batch norm, the sigmoid net reaches the target in less than half of the updates.",
        source=_SOURCE,
        url=_URL,
        statistic=f"{_STATISTIC}; the sentence says that it is above 2",
        compare=_ratio("sigmoid"),
        region=(2.0, np.inf),
        expect="holds",
    ),
    Claim(
        id="relu-needs-fewer",
        text="With batch norm, the ReLU net reaches the target in fewer updates.",
        source=_SOURCE,
        url=_URL,
        statistic=_STATISTIC,
        compare=_ratio("ReLU"),
        expect="holds",
    ),
    Claim(
        id="fourteen-times",
        text="With batch norm, the sigmoid net needs less than a fourteenth of the updates, as the paper reports of "
        "its image classifier.",
        source=_SOURCE + ", abstract",
        url=_URL,
        statistic=f"{_STATISTIC}; the sentence says that it is above 14",
        compare=_ratio("sigmoid"),
        region=(14.0, np.inf),
        expect="reversed",
        why="The source's figure belongs to a deep convolutional net whose learning rate, dropout and weight decay "
        "were changed as well. With batch norm alone it took a little less than half of the updates.",
    ),
]
