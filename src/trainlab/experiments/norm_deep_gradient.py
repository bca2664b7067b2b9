"""Does batch norm keep the gradients of a deep plain net at one size?

The norm of the gradient of each weight matrix before training, divided by that of the last hidden layer, in nets with
{=norm_deep_gradient.depth:.0f} hidden layers of {=norm_deep_gradient.width:.0f} ReLU units and He's weights, on
{=norm_deep_gradient.batch:.0f} examples of MNIST-1D. From left to right is the way back, from the last layer to the
first. Lines are medians over {=norm_deep_gradient.seeds:.0f} seeds, bands reach from the lowest to the highest. Dashed:
what theory says of batch norm in wide layers and large batches, with nothing fitted.
"""

import math

import numpy as np
import xarray as xr
from torch import nn

from trainlab import plots
from trainlab.claims import OWN, Claim, slope, within
from trainlab.data import MNIST1D
from trainlab.inits import He
from trainlab.normnets import Norm, NormMLP
from trainlab.norms import BatchNorm
from trainlab.probes import gradient_norm
from trainlab.runs import Run, grid
from trainlab.tuning import Train

DEPTH, WIDTH, BATCH = 24, 128, 256
SEEDS = range(10)
NORMS: dict[str, Norm | None] = {"none": None, "batch": BatchNorm, "layer": nn.LayerNorm}
LABELS = {"none": "none", "batch": "batch norm", "layer": "layer norm"}
GROWTH = math.pi / (math.pi - 1)
"""The factor of the gradient's mean square from one layer to the one before it, as theory has it."""

FIRST, LAST = 2, DEPTH - 4
"""Hidden layers between which the growth is measured: the first sees the inputs, the last ones the loss."""

TOLERANCE = 0.05


def measure(train: Train) -> xr.Dataset:
    parts: list[xr.Dataset] = []
    for name, norm in NORMS.items():
        run = Run(
            data=MNIST1D(validation=100, test=100),
            model=NormMLP(inputs=40, outputs=10, depth=DEPTH, width=WIDTH, norm=norm),
            init=He(),
            lr=1e-6,
            batch_size=BATCH,
            steps=1,
        )
        results = train(grid(run, seed=SEEDS), [gradient_norm], every=1)
        parts.append(results.assign_coords(norm=("run", [name] * len(SEEDS))))
    return xr.concat(parts, "run", data_vars="all", coords="minimal", compat="override", join="exact")


def _norms(runs: xr.Dataset) -> np.ndarray:
    """`[seeds, hidden layers]` before training."""
    found = runs.sortby("seed").gradient_norm.sel(step=0).transpose("run", "weight").values
    return found[:, :DEPTH].astype(np.float64)


def _growth(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: by what the mean square of the gradient is multiplied from one layer to the one before it."""
    norms = _norms(runs)
    return (norms[:, FIRST] / norms[:, LAST]) ** (2 / (LAST - FIRST))


def _off_theory(runs: xr.Dataset) -> np.ndarray:
    return _growth(runs) / GROWTH - 1


def _of(results: xr.Dataset, norm: str) -> xr.Dataset:
    return results.isel(run=np.flatnonzero(results.norm.values == norm))


def _logs(runs: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Distance from the end in layers, and the logarithm of the norm."""
    layers = np.arange(FIRST, LAST + 1)
    return -layers.astype(float), np.log(_norms(runs)[:, FIRST : LAST + 1])


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"depth": float(DEPTH), "width": float(WIDTH), "batch": float(BATCH), "seeds": float(len(SEEDS))}
    out |= {"theory": GROWTH, "tolerance": 100 * TOLERANCE, "norm_theory": math.sqrt(GROWTH)}
    for norm in NORMS:
        out[f"{norm}_growth"] = float(_growth(_of(results, norm)).mean())
        norms = _norms(_of(results, norm))
        out[f"{norm}_first_over_last"] = float(np.median(norms[:, 0] / norms[:, -1]))
    out["fifty"] = GROWTH ** (50 / 2)
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    ax = fig.subplots()
    layer, ends = np.arange(1, DEPTH + 1), {}
    for norm in NORMS:
        norms = _norms(_of(results, norm))
        plots.curve(ax, layer, norms / norms[:, -1:], LABELS[norm], plots.NORM_LINES[norm])
        ends[LABELS[norm]] = float(np.median(norms[:, 0] / norms[:, -1]))
    plots.prediction(ax, layer, GROWTH ** ((DEPTH - layer) / 2), LABELS["batch"])
    ax.set(yscale="log", xlabel="hidden layer", ylabel="gradient norm over that of the last", xlim=(DEPTH, 1))
    plots.label_ends(ax, at=ends)


def alt(numbers: dict[str, float]) -> str:
    said = ", ".join(f"{LABELS[norm]} {numbers[f'{norm}_first_over_last']:.2g}" for norm in NORMS)
    return (
        f"Line plot of the gradient norm by layer in nets of {numbers['depth']:.0f} hidden layers, on a logarithmic "
        f"axis. Median of the first layer over the last: {said}. With batch norm the mean square is multiplied by "
        f"{numbers['batch_growth']:.3f} a layer, theory says {numbers['theory']:.3f}."
    )


CLAIMS = [
    Claim(
        id="follows-theory",
        text="In a plain ReLU net with batch norm, the mean square of the gradient grows by π/(π − 1) a layer on its "
        "way back, within 5 %.",
        source="Yang et al. 2019, A mean field theory of batch normalization",
        url="https://arxiv.org/abs/1902.08129",
        statistic=f"measured factor over theory minus 1; the band is ±{TOLERANCE:g}",
        compare=within(_off_theory, TOLERANCE, norm="batch"),
        expect="holds",
    ),
    Claim(
        id="layer-norm-grows-less",
        text="With layer norm its growth on the way back is below a tenth of that, in logarithms.",
        source=OWN,
        statistic="slope of the logarithm of the gradient norm against the distance from the output, layer norm; a "
        "tenth of theory for batch norm is 0.019",
        compare=slope(_logs, norm="layer"),
        region=(-np.inf, math.log(GROWTH) / 20),
        expect="holds",
    ),
]
