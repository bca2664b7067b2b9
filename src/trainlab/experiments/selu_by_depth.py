"""Do SELU units keep mean 0 and variance 1 through 100 layers?

Mean and variance of each layer's outputs over units and examples, in a net of {=selu_by_depth.depth:.0f} hidden
layers of {=selu_by_depth.width:.0f} SELU units before training. The weights are LeCun's, variance 1/n, or He's,
variance 2/n. Layer 0 is the input. Lines are medians over {=selu_by_depth.seeds:.0f} networks, bands reach from the
lowest to the highest. Dashed: what the integrals of Klambauer et al. predict from the input's mean and variance, with
nothing to fit.
"""

import math

import numpy as np
import torch
import xarray as xr
from torch import nn

from trainlab import plots
from trainlab.claims import Claim, Comparison, by_seed, within
from trainlab.data import MNIST1D
from trainlab.gains import normal_moments
from trainlab.inits import He, LeCun
from trainlab.models import MLP
from trainlab.probes import Snapshot, axes
from trainlab.runs import Run, grid
from trainlab.stats import mean_interval
from trainlab.tuning import Train
from trainlab.types import Init, Tensors

DEPTH, WIDTH, EXAMPLES = 100, 200, 64
INITS: dict[str, tuple[Init, float]] = {"LeCun": (LeCun(), 1.0), "He": (He(), math.sqrt(2))}
"""With the gain of each."""

SEEDS = range(10)
TOLERANCE = 0.1


@axes("layer")
def mean_and_variance(snapshot: Snapshot) -> Tensors:
    """Of the inputs and of each layer's outputs, over examples and units.

    Returns:
        `layer_mean` and `layer_variance`, each with one value a layer, the inputs first.
    """
    layers = [snapshot.inputs, *snapshot.activations().values()]
    return {
        "layer_mean": torch.stack([values.mean() for values in layers]),
        "layer_variance": torch.stack([values.var(correction=0) for values in layers]),
    }


def measure(train: Train) -> xr.Dataset:
    base = Run(
        data=MNIST1D(rows=EXAMPLES, validation=10, test=10),
        model=MLP(inputs=40, outputs=10, depth=DEPTH, width=WIDTH, activation=nn.SELU),
        lr=1e-6,
        batch_size=EXAMPLES,
        steps=1,
    )
    return train(grid(base, init=[init for init, _ in INITS.values()], seed=SEEDS), [mean_and_variance])


def _layers(results: xr.Dataset, variable: str, init: str) -> np.ndarray:
    """`[seeds, layers + 1]` before the first update."""
    runs = results.isel(run=results.init.values == init).sortby("seed")
    return runs[variable].isel(step=0).transpose("run", "layer").values.astype(np.float64)


def _theory(results: xr.Dataset, init: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of every layer, from those of the inputs: the mean over units of the weights' sums is 0."""
    mean, variance = (float(_layers(results, name, init)[:, 0].mean()) for name in ("layer_mean", "layer_variance"))
    found = [(mean, variance)]
    for _ in range(DEPTH):
        mean, second = normal_moments(nn.SELU(), 0.0, INITS[init][1] ** 2 * (variance + mean**2))
        variance = second - mean**2
        found.append((mean, variance))
    return np.array(found)[:, 0], np.array(found)[:, 1]


def _worst_mean(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: the largest absolute mean of all layers."""
    return np.abs(_layers(runs, "layer_mean", runs.init.values[0])[:, 1:]).max(1)


def _variance_deviation(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: the mean of the layers' variances, minus 1."""
    return _layers(runs, "layer_variance", runs.init.values[0])[:, 1:].mean(1) - 1


def _last_variance(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`, in powers of ten."""
    return np.log10(_layers(runs, "layer_variance", runs.init.values[0])[:, -1])


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"depth": float(DEPTH), "width": float(WIDTH), "seeds": float(len(SEEDS)), "tolerance": TOLERANCE}
    for init in INITS:
        key = init.lower()
        means, variances = (_layers(results, name, init) for name in ("layer_mean", "layer_variance"))
        mean, variance = _theory(results, init)
        out |= {
            f"{key}_mean": float(means[:, -1].mean()),
            f"{key}_variance": float(variances[:, -1].mean()),
            f"{key}_factor": float((variances[:, -1] / variances[:, -11]).mean() ** 0.1),
            f"{key}_lowest": float(variances[:, 1:].min()),
            f"{key}_highest": float(variances[:, 1:].max()),
            f"{key}_mean_theory": float(mean[-1]),
            f"{key}_variance_theory": float(variance[-1]),
        }
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 5.2)
    panels = fig.subplots(2, sharex=True)
    layer = np.arange(DEPTH + 1)
    for index, (ax, variable) in enumerate(zip(panels, ("layer_mean", "layer_variance"), strict=True)):
        for init in INITS:
            plots.curve(ax, layer, _layers(results, variable, init), init, plots.INIT_LINES[init])
            plots.prediction(ax, layer, _theory(results, init)[index], init)
        ax.set(ylabel=variable.replace("layer_", "") + " of the outputs", xlim=(0, DEPTH))
    panels[1].set_yscale("log")
    for ax in panels:
        plots.label_ends(ax)
    panels[-1].set_xlabel("hidden layer")


def alt(numbers: dict[str, float]) -> str:
    return (
        f"Two plots against the layer, of the mean and the variance of SELU outputs, to layer {numbers['depth']:.0f}. "
        f"With LeCun's weights the last layer has mean {numbers['lecun_mean']:.2f} and variance "
        f"{numbers['lecun_variance']:.2f}, with He's {numbers['he_mean']:.2f} and {numbers['he_variance']:.2f}. "
        f"Theory's dashed lines end at variances {numbers['lecun_variance_theory']:.2f} and "
        f"{numbers['he_variance_theory']:.2f}."
    )


_SOURCE = "Klambauer et al. 2017, Self-normalizing neural networks"
_URL = "https://arxiv.org/abs/1706.02515"
_VARIANCE = f"variance of a layer's outputs, mean over the layers, minus 1; the band is ±{TOLERANCE:g}"

CLAIMS = [
    Claim(
        id="lecun-keeps-the-variance",
        text="With LeCun's weights, 100 layers of SELU units keep the variance of their outputs at 1, averaged over "
        "the layers.",
        source=_SOURCE,
        url=_URL,
        statistic=_VARIANCE,
        compare=within(_variance_deviation, TOLERANCE, init="LeCun"),
        expect="holds",
    ),
    Claim(
        id="lecun-keeps-the-mean",
        text="With LeCun's weights, 100 layers of SELU units keep the mean of their outputs at 0.",
        source=_SOURCE,
        url=_URL,
        statistic=f"largest absolute mean of a layer's outputs; the band is ±{TOLERANCE:g}",
        compare=within(_worst_mean, TOLERANCE, init="LeCun"),
        expect="holds",
    ),
    Claim(
        id="he-explodes",
        text="With He's weights instead, the variance of the last layer is more than a hundred.",
        source=_SOURCE + " (which asks for LeCun's)",
        url=_URL,
        statistic="variance of the last layer's outputs, in powers of ten",
        compare=Comparison(
            "mean", lambda results: mean_interval(by_seed(results, _last_variance, init="He")), region=(2.0, math.inf)
        ),
        expect="holds",
    ),
]
