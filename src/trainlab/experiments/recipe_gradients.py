"""What does each change do to the gradient before the first update?

The Euclidean norm of the gradient of each weight matrix, from the first hidden layer (left) to the output (right), on
one mini-batch of {=recipe_gradients.batch:.0f} examples of MNIST-1D, before any training. The first three changes of
the ladder one after another, and SELU with LeCun's weights. Lines are medians over {=recipe_gradients.seeds:.0f} seeds,
bands reach from the lowest to the highest. The vertical axis is logarithmic.
"""

from dataclasses import replace

import numpy as np
import xarray as xr

from trainlab import ladder, plots
from trainlab.claims import OWN, Claim
from trainlab.comparisons import Comparison
from trainlab.ladder import CURVES, RUNGS, SEEDS, SELU, START, key
from trainlab.probes import gradient_norm
from trainlab.runs import grid
from trainlab.stats import mean_interval
from trainlab.tuning import Train

NETS = (*RUNGS[:4], SELU)
LINES = {name: {"color": plots.SERIES[number]} for name, number in zip(NETS, (7, 0, 2, 4, 1), strict=True)}


def measure(train: Train) -> xr.Dataset:
    nets = ladder.rungs(CURVES.start)
    runs = [run for name in NETS for run in grid(replace(nets[name], steps=1), seed=SEEDS)]
    results = train(runs, [gradient_norm], every=1)[["gradient_norm"]].isel(step=0, drop=True)
    return results.assign_coords(rung=("run", [name for name in NETS for _ in SEEDS]))


def _norms(results: xr.Dataset, name: str) -> np.ndarray:
    """`[seeds, weight matrices]`."""
    return ladder.of(results, name).gradient_norm.transpose("run", "weight").values.astype(np.float64)


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(SEEDS)), "batch": float(CURVES.start.batch_size)}
    for name in NETS:
        norms = _norms(results, name)
        out[f"{key(name)}_first"] = float(np.median(norms[:, 0]))
        out[f"{key(name)}_ratio"] = float(np.median(norms[:, 0] / norms[:, -2]))
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    ax = fig.subplots()
    for name in NETS:
        norms = _norms(results, name)
        plots.curve(ax, np.arange(1, norms.shape[1] + 1), norms, name, LINES[name])
    ax.set(yscale="log", xlabel="weight matrix, from the input to the output", ylabel="gradient norm")
    ax.set_xticks([1, 5, 10, 15, 21])
    plots.label_ends(ax)


def alt(numbers: dict[str, float]) -> str:
    said = ", ".join(f"{name} {numbers[f'{key(name)}_ratio']:.2g}" for name in NETS)
    return (
        "Line plot of the gradient's norm by layer before training. Norm in the first weight matrix over that in the "
        f"last one before the output: {said}."
    )


def _decades(results: xr.Dataset, name: str) -> np.ndarray:
    norms = _norms(results, name)
    return np.log10(norms[:, 0] / norms[:, -2])


def _level(name: str) -> Comparison:
    return Comparison("mean", lambda results: mean_interval(_decades(results, name)))


_STATISTIC = "decades between the gradient norms of the first weight matrix and the last before the output"

CLAIMS = [
    Claim(
        id="as-found-vanishes",
        text="In the net as it was found, the gradient of the first weight matrix is less than a thousandth of that "
        "of the last one before the output.",
        source=OWN,
        statistic=_STATISTIC,
        compare=_level(START),
        region=(-np.inf, -3.0),
        expect="holds",
    ),
    Claim(
        id="he-mends-it",
        text="With He's weights the two are within a factor of ten of each other.",
        source="He et al. 2015, Delving deep into rectifiers",
        url="https://arxiv.org/abs/1502.01852",
        statistic=_STATISTIC,
        compare=_level("He"),
        region=(-1.0, 1.0),
        expect="holds",
    ),
    Claim(
        id="residual-mends-batch-norm",
        text="Residual connections bring the two closer together than batch norm alone.",
        source="He et al. 2016, Deep residual learning for image recognition",
        url="https://arxiv.org/abs/1512.03385",
        statistic="decades between the two norms, without sign: batch norm minus batch norm with residual connections",
        compare=lambda results: mean_interval(
            np.abs(_decades(results, "batch norm")) - np.abs(_decades(results, "residual"))
        ),
        expect="holds",
    ),
]
