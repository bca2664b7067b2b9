"""What does a bias do that stands right before batch norm?

ReLU nets with {=norm_useless_bias.depth:.0f} hidden layers of {=norm_useless_bias.width:.0f} units and batch norm,
{=norm_useless_bias.steps:.0f} updates. Above: the size (root mean square) of the biases before batch norm against
updates, under momentum and under Adam; they start at zero, and the axis is logarithmic. Below: test accuracy with these
biases and without, a small dot for each of {=norm_useless_bias.seeds:.0f} seeds, and means with 95 % intervals
(Student's).
"""

from dataclasses import replace

import numpy as np
import torch
import xarray as xr

from trainlab import plots
from trainlab.claims import OWN, Claim, Comparison, by_seed, difference, within
from trainlab.comparisons import Measure
from trainlab.data import MNIST1D
from trainlab.inits import He
from trainlab.normnets import NormMLP
from trainlab.optimizers import Adam, Momentum, Optimizer
from trainlab.probes import Snapshot, axes
from trainlab.runs import Run, grid
from trainlab.stats import mean_interval
from trainlab.tuning import Train
from trainlab.types import Tensors

DEPTH, WIDTH, STEPS, EVERY = 3, 40, 300, 15
SEEDS = range(10)
OPTIMIZERS: dict[str, tuple[Optimizer, float]] = {"Momentum": (Momentum(), 0.1), "Adam": (Adam(), 0.01)}
BIASES = {"with": True, "without": False}
TOLERANCE = 2.0
"""Percentage points that count as no difference."""


@axes()
def useless_biases(snapshot: Snapshot) -> Tensors:
    """Of the biases before a norm: their size, and the size of their gradient over that of the weights beside them.

    Returns:
        `bias_size`, a root mean square; `relative_gradient`, a ratio of root mean squares. Both zero without biases.
    """
    names = [name for name in snapshot.weights if name.endswith(".0.bias")]
    if not names:
        zero = next(iter(snapshot.weights.values())).sum() * 0
        return {"bias_size": zero, "relative_gradient": zero}

    def size(tensors: Tensors, ending: str) -> torch.Tensor:
        return torch.cat([tensors[name.replace("bias", ending)].flatten() for name in names]).square().mean().sqrt()

    gradient = size(snapshot.gradients, "bias") / size(snapshot.gradients, "weight")
    return {"bias_size": size(snapshot.weights, "bias"), "relative_gradient": gradient}


def measure(train: Train) -> xr.Dataset:
    parts: list[xr.Dataset] = []
    for optimizer, lr in OPTIMIZERS.values():
        for name, bias in BIASES.items():
            run = Run(
                data=MNIST1D(validation=500, test=5000),
                model=NormMLP(inputs=40, outputs=10, depth=DEPTH, width=WIDTH, bias=bias),
                init=He(),
                optimizer=optimizer,
                lr=lr,
                batch_size=64,
                steps=STEPS,
            )
            results = train(grid(replace(run), seed=SEEDS), [useless_biases], every=EVERY)
            parts.append(results.assign_coords(bias=("run", [name] * len(SEEDS))))
    return xr.concat(parts, "run", data_vars="all", coords="minimal", compat="override", join="exact")


def _accuracy(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]` in percent; a diverged run has none."""
    return 100 * np.nan_to_num(by_seed(runs, "test_accuracy"))


def _of(results: xr.Dataset, optimizer: str, bias: str) -> xr.Dataset:
    chosen = (results.optimizer.values == optimizer) & (results.bias.values == bias)
    return results.isel(run=np.flatnonzero(chosen))


def _relative_gradient(runs: xr.Dataset) -> np.ndarray:
    return runs.relative_gradient.transpose("run", "step").values.mean(1)


def _last_size(runs: xr.Dataset) -> np.ndarray:
    return runs.bias_size.isel(step=-1).values


def _gap(runs: xr.Dataset) -> np.ndarray:
    one, other = (by_seed(runs, _accuracy, bias=bias) for bias in BIASES)
    return one - other


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"depth": float(DEPTH), "width": float(WIDTH), "seeds": float(len(SEEDS)), "tolerance": TOLERANCE}
    out |= {"steps": float(results.steps.values[0]), "adam_lr": OPTIMIZERS["Adam"][1]}
    out["useless"] = float(DEPTH * WIDTH)
    for name in OPTIMIZERS:
        key, mine = name.lower(), _of(results, name, "with")
        out[f"{key}_gradient"] = float(np.median(_relative_gradient(mine)))
        out[f"{key}_size"] = float(np.median(_last_size(mine)))
        for bias in BIASES:
            out[f"{key}_{bias}_accuracy"] = float(by_seed(results, _accuracy, optimizer=name, bias=bias).mean())
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 5.4)
    above, below = fig.subplots(2, height_ratios=[1.4, 1])
    for name in OPTIMIZERS:
        mine = _of(results, name, "with").isel(step=slice(1, None))
        sizes = np.maximum(mine.bias_size.transpose("run", "step").values, 1e-12)
        plots.curve(above, mine.step.values, sizes, name, plots.OPTIMIZER_LINES[name])
    above.set(yscale="log", xlabel="updates", ylabel="size of the biases", xlim=(0, STEPS))
    plots.label_ends(above)
    rows = [(name, bias) for name in reversed(OPTIMIZERS) for bias in reversed(BIASES)]
    for row, (name, bias) in enumerate(rows):
        values = by_seed(results, _accuracy, optimizer=name, bias=bias) / 100
        mean, color, label = mean_interval(values), plots.OPTIMIZER_LINES[name]["color"], f"{name}, {bias} bias"
        below.plot(
            values, np.full(len(values), row), ".", color=color, alpha=0.35, markersize=4, label=f"{label}, runs"
        )
        below.plot([mean.low, mean.high], [row, row], color=color, linewidth=1.4, label=f"_interval {label}")
        below.plot([mean.value], [row], "o", color=color, label=label)
    below.set_yticks(range(len(rows)), [f"{name}, {bias}" for name, bias in rows])
    below.tick_params(axis="y", length=0, labelcolor=plots.INK["text"])
    below.grid(visible=False, axis="y")
    below.set_xlabel("test accuracy")
    plots.percent(below.xaxis)


def alt(numbers: dict[str, float]) -> str:
    return (
        f"Above, the size of biases before batch norm during training: after {numbers['steps']:.0f} updates "
        f"{numbers['momentum_size']:.1e} under momentum and {numbers['adam_size']:.1e} under Adam. Below, a dot plot "
        f"of test accuracy; means in percent: momentum {numbers['momentum_with_accuracy']:.1f} with and "
        f"{numbers['momentum_without_accuracy']:.1f} without the biases, Adam {numbers['adam_with_accuracy']:.1f} and "
        f"{numbers['adam_without_accuracy']:.1f}."
    )


_SOURCE = "Ioffe and Szegedy 2015, Batch normalization, section 3.2"
_URL = "https://arxiv.org/abs/1502.03167"


def _mean(measure: Measure, region: tuple[float, float], **where: str) -> Comparison:
    return Comparison("mean", lambda results: mean_interval(by_seed(results, measure, **where)), region=region)


CLAIMS = [
    Claim(
        id="gradient-is-rounding",
        text="The gradient of a bias before batch norm is nothing but rounding: less than a thousandth of that of the "
        "weights beside it.",
        source=_SOURCE,
        url=_URL,
        statistic="root mean square of the biases' gradient over that of the weights, mean over training under "
        "momentum; the sentence says that it is below 0.001",
        compare=_mean(_relative_gradient, (-np.inf, 0.001), optimizer="Momentum", bias="with"),
        expect="holds",
    ),
    Claim(
        id="adam-makes-them-drift",
        text="Adam, which divides by the size of the gradient, makes these biases drift further than momentum does.",
        source=OWN,
        statistic="logarithm to base 10 of the size of the biases at the end, Adam minus momentum",
        compare=difference(
            lambda runs: np.log10(np.maximum(_last_size(runs), 1e-12)),
            {"optimizer": "Adam", "bias": "with"},
            {"optimizer": "Momentum", "bias": "with"},
        ),
        expect="holds",
    ),
    Claim(
        id="leaving-it-out-costs-nothing",
        text="Leaving the biases out changes the test accuracy under momentum by less than 2 points.",
        source=_SOURCE,
        url=_URL,
        statistic=f"test accuracy, with minus without the biases, percentage points; the band is ±{TOLERANCE:g}",
        compare=within(_gap, TOLERANCE, optimizer="Momentum"),
        expect="holds",
    ),
]
