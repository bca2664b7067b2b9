"""Which weights keep both the signal and the gradient, for which activation and at which depth?

Networks of {=signal_and_gradient.depth:.0f} hidden layers of {=signal_and_gradient.width:.0f} units, given
{=signal_and_gradient.examples:.0f} examples of MNIST-1D, before the first update. Each row is one activation. Left:
the mean square of each layer's outputs. Right: the Euclidean norm of the gradient of each weight matrix, the last
of which is the output layer. Lines are medians over {=signal_and_gradient.seeds:.0f} networks, bands reach from the
lowest to the highest. A line ends where the squares in the norm are too small for single precision. The
vertical axes differ.
"""

import math

import numpy as np
import xarray as xr
from torch import nn

from trainlab import plots
from trainlab.claims import Claim
from trainlab.data import MNIST1D
from trainlab.inits import Glorot, He, LeCun, Orthogonal, PyTorchDefault
from trainlab.interactive import quantised, series
from trainlab.models import MLP
from trainlab.probes import activation_statistics, gradient_norm
from trainlab.runs import Run, grid
from trainlab.tuning import Train
from trainlab.types import Init

DEPTHS, WIDTH, EXAMPLES = (5, 10, 20, 50), 64, 64
MODULES: dict[str, type[nn.Module]] = {"Sigmoid": nn.Sigmoid, "Tanh": nn.Tanh, "ReLU": nn.ReLU, "SELU": nn.SELU}
INITS: dict[str, Init] = {
    "He": He(),
    "Orthogonal": Orthogonal(math.sqrt(2)),
    "Glorot": Glorot(),
    "LeCun": LeCun(),
    "PyTorchDefault": PyTorchDefault(),
}
NAMES = {"PyTorchDefault": "PyTorch", "Orthogonal": "orthogonal"}
SEEDS = range(10)
SIDES = ("signal", "gradient")


def measure(train: Train) -> xr.Dataset:
    parts: list[xr.Dataset] = []
    for activation, module in MODULES.items():
        for depth in DEPTHS:
            base = Run(
                data=MNIST1D(rows=EXAMPLES, validation=10, test=10),
                model=MLP(inputs=40, outputs=10, depth=depth, width=WIDTH, activation=module),
                lr=0.001,
                batch_size=EXAMPLES,
                steps=1,
            )
            runs = grid(base, init=INITS.values(), seed=SEEDS)
            labels = {
                "start": ("run", [init for init in INITS for _ in SEEDS]),
                "activation": ("run", [activation] * len(runs)),
                "depth": ("run", [depth] * len(runs)),
            }
            results = train(runs, [activation_statistics, gradient_norm])
            parts.append(results.assign_coords(labels))
    return xr.concat(parts, "run", data_vars="all", coords="minimal", compat="override", join="outer")


def _layers(results: xr.Dataset, side: str, activation: str, init: str, depth: int) -> np.ndarray:
    """`[seeds, layers]` before the first update; the gradient has one more, for the output layer. Zero is no number."""
    chosen = (
        (results.activation.values == activation) & (results.start.values == init) & (results.depth.values == depth)
    )
    runs = results.isel(run=np.flatnonzero(chosen), step=0).sortby("seed")
    if side == "gradient":
        found = runs.gradient_norm.transpose("run", "weight").values[:, : depth + 1].astype(np.float64)
    else:
        mean, std = (runs[f"activation_{name}"].transpose("run", "layer").values for name in ("mean", "std"))
        found = (mean.astype(np.float64) ** 2 + std.astype(np.float64) ** 2)[:, :depth]
    return np.where(found > 0, found, np.nan)


def _median(values: np.ndarray) -> float:
    """Where half of the networks or more have got zero, that is the median."""
    return float(np.median(np.nan_to_num(values)))


def numbers(results: xr.Dataset) -> dict[str, float]:
    deepest = DEPTHS[-1]
    out = {"seeds": float(len(SEEDS)), "depth": float(deepest), "width": float(WIDTH), "examples": float(EXAMPLES)}
    out["shallow"] = float(DEPTHS[0])
    for activation in MODULES:
        for init in INITS:
            key = f"{activation}_{init}".lower().removesuffix("default")
            out[f"{key}_signal"] = _median(_layers(results, "signal", activation, init, deepest)[:, -1])
            gradients = _layers(results, "gradient", activation, init, deepest)
            out[f"{key}_first"], out[f"{key}_last"] = _median(gradients[:, 0]), _median(gradients[:, -1])
            out[f"{key}_ratio"] = _median(np.nan_to_num(gradients[:, 0]) / gradients[:, -1])
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 8.0)
    panels = fig.subplots(len(MODULES), 2, sharex=True)
    for row, activation in zip(panels, MODULES, strict=True):
        for ax, side in zip(row, SIDES, strict=True):
            for init in INITS:
                values = _layers(results, side, activation, init, DEPTHS[-1])
                plots.curve(ax, np.arange(1, values.shape[1] + 1), values, init, plots.INIT_LINES[init])
            ax.set(yscale="log", xlim=(0, DEPTHS[-1] + 1))
            ax.tick_params(labelsize=8.5)
            ax.set_title(f"{activation}, {side}", fontsize=9.5)
        if activation == "Sigmoid":  # less than a power of ten
            row[0].set_ylim(0.2, 0.4)
            plots.plain_ticks(row[0].yaxis, [0.2, 0.25, 0.3, 0.4])
        row[0].set_ylabel("mean square", fontsize=9)
        row[1].set_ylabel("norm", fontsize=9)
    for ax in panels[-1]:
        ax.set_xlabel("layer")
    handles = panels[0][0].get_legend_handles_labels()[0]
    fig.legend(handles, [NAMES.get(init, init) for init in INITS], loc="outside upper center", ncols=5, fontsize=9)


def alt(numbers: dict[str, float]) -> str:
    said = "; ".join(
        f"{activation}: "
        + ", ".join(
            f"{NAMES.get(init, init)} {numbers[f'{key}_signal']:.3g} and {numbers[f'{key}_first']:.3g}"
            for init in INITS
            for key in [f"{activation}_{init}".lower().removesuffix("default")]
        )
        for activation in MODULES
    )
    return (
        "Plots of signals and gradients by layer, a row for each activation. Median mean square of the signal in layer "
        f"{numbers['depth']:.0f}, and median gradient norm of the first weight matrix, by initialization. {said}."
    )


def touch(results: xr.Dataset) -> dict[str, object]:
    """The interactive figure: all depths, and the powers of ten of what is drawn, seed by seed."""

    def powers(side: str, depth: int) -> np.ndarray:
        return np.log10([[_layers(results, side, a, init, depth) for init in INITS] for a in MODULES])

    return {
        "figure": "layers",
        "activations": list(MODULES),
        "depths": list(DEPTHS),
        "series": series(plots.INIT_LINES, INITS, NAMES),
        "width": WIDTH,
        "seeds": len(SEEDS),
        **{side: [quantised(powers(side, depth), 0.02) for depth in DEPTHS] for side in SIDES},
    }


CLAIMS: list[Claim] = []
