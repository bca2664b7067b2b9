"""What do sigmoid, tanh and ReLU layers make of the signal, under four initializations?

Networks with 50 hidden layers of 128 units, given 64 examples of MNIST-1D, before the first update. Each panel is
one activation: the mean square of each layer's outputs; layer 0 is the input. Lines are medians over
{=signal_by_activation.seeds:.0f} networks, bands reach from the lowest to the highest. Dashed: theory for wide
layers, with nothing to fit. The three vertical axes differ. In layers of equal width LeCun's and Glorot's rules draw
the same variance, so their lines nearly coincide; LeCun's is dotted.
"""

from itertools import pairwise

import numpy as np
import torch
import xarray as xr
from torch import nn

from trainlab import plots
from trainlab.claims import OWN, Claim, Comparison, by_seed, within
from trainlab.data import MNIST1D
from trainlab.inits import Glorot, He, LeCun, PyTorchDefault
from trainlab.meanfield import ACTIVATIONS, signal_layer, signal_net
from trainlab.models import MLP
from trainlab.probes import Snapshot, axes
from trainlab.runs import Run, grid
from trainlab.stats import Estimate, mean_interval
from trainlab.theory import VARIANCES
from trainlab.tuning import Train
from trainlab.types import Tensors

DEPTH, WIDTH, EXAMPLES = 50, 128, 64
WIDTHS = [40] + DEPTH * [WIDTH]
MODULES: dict[str, type[nn.Module]] = {"Sigmoid": nn.Sigmoid, "Tanh": nn.Tanh, "ReLU": nn.ReLU}

LIMITS = {"Sigmoid": (0.2, 1.4), "Tanh": (1e-3, 3), "ReLU": (1e-19, 30)}
INITS = {"He": He(), "Glorot": Glorot(), "LeCun": LeCun(), "PyTorchDefault": PyTorchDefault()}
NAMES = {"PyTorchDefault": "PyTorch"}
SEEDS = range(10)
TOLERANCE = 0.05

CLEAR = slice(2, 7)
"""Layers 2 to 6 of a sigmoid net: what differs between the examples is still far above rounding."""


@axes("layer")
def sizes_and_spreads(snapshot: Snapshot) -> Tensors:
    """Mean square of the inputs and of each layer's outputs, and the variance over the examples.

    Returns:
        `second_moment` and `spread`, each with one value a layer, the inputs first.
    """
    layers = [snapshot.inputs, *snapshot.activations().values()]
    return {
        "second_moment": torch.stack([values.square().mean() for values in layers]),
        "spread": torch.stack([values.var(0, correction=0).mean() for values in layers]),
    }


def measure(train: Train) -> xr.Dataset:
    parts: list[xr.Dataset] = []
    for name, module in MODULES.items():
        base = Run(
            data=MNIST1D(rows=EXAMPLES, validation=10, test=10),
            model=MLP(inputs=WIDTHS[0], outputs=10, depth=DEPTH, width=WIDTH, activation=module),
            lr=0.001,
            batch_size=EXAMPLES,
            steps=1,
        )
        runs = grid(base, init=INITS.values(), seed=SEEDS)
        parts.append(train(runs, [sizes_and_spreads]).assign_coords(activation=("run", [name] * len(runs))))
    return xr.concat(parts, "run", data_vars="all", coords="minimal", compat="override", join="exact")


def _layers(results: xr.Dataset, variable: str, activation: str, init: str) -> np.ndarray:
    """`[seeds, layers + 1]` before the first update."""
    chosen = (results.activation.values == activation) & (results.init.values == init)
    runs = results.isel(run=np.flatnonzero(chosen)).sortby("seed")
    return runs[variable].isel(step=0).transpose("run", "layer").values.astype(np.float64)


def _deviation(results: xr.Dataset, activation: str, init: str) -> np.ndarray:
    """`[seeds]`: each layer over what theory makes of the measured layer before, minus 1; mean over the layers."""
    moments = _layers(results, "second_moment", activation, init)
    predicted = [
        signal_layer(moments[:, layer], ACTIVATIONS[activation], fans[0], *VARIANCES[init](*fans))
        for layer, fans in enumerate(pairwise(WIDTHS))
    ]
    return (moments[:, 1:] / np.stack(predicted, 1)).mean(1) - 1


def _worst(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: of the four initializations, the deviation that is furthest from 0."""
    activation = runs.activation.values[0]
    found = np.stack([_deviation(runs, activation, init) for init in INITS])
    return found[np.abs(found).argmax(0), np.arange(found.shape[1])]


def _lecun_relu(runs: xr.Dataset) -> np.ndarray:
    return _deviation(runs, "ReLU", "LeCun")


def _kept(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: a layer's spread over that of the layer before, geometric mean over the clear layers."""
    activation, init = runs.activation.values[0], runs.init.values[0]
    logs = np.log(_layers(runs, "spread", activation, init)[:, CLEAR])
    return np.exp(np.diff(logs, axis=1).mean(1))


def _of_each_layer(activation: str, init: str) -> Comparison:
    def estimate(results: xr.Dataset) -> Estimate:
        return mean_interval(by_seed(results, _kept, activation=activation, init=init))

    return Comparison("mean factor", estimate, region=(-np.inf, 1 / 16))


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(SEEDS)), "depth": float(DEPTH), "width": float(WIDTH), "tolerance": 100 * TOLERANCE}
    for activation in MODULES:
        chosen = results.isel(run=results.activation.values == activation)
        for init in INITS:
            key = f"{activation}_{init}".lower().removesuffix("default")
            moments = _layers(results, "second_moment", activation, init)
            expected = signal_net(moments[:, 0], ACTIVATIONS[activation], WIDTHS, VARIANCES[init])
            spread = _layers(results, "spread", activation, init)
            out[f"{key}_last"] = float(np.median(moments[:, -1]))
            out[f"{key}_last_theory"] = float(expected[:, -1].mean())
            out[f"{key}_tenth"] = float(np.median(moments[:, 10]))
            out[f"{key}_differs"] = 100 * float(np.median(spread[:, -1] / moments[:, -1]))
            out[f"{key}_differs_fifth"] = 100 * float(np.median(spread[:, 5] / moments[:, 5]))
            runs = chosen.isel(run=chosen.init.values == init)
            out[f"{key}_kept"] = float(_kept(runs).mean())
        out[f"{activation.lower()}_deviation"] = 100 * float(np.abs(_worst(chosen)).max())
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 8.4)
    panels = fig.subplots(len(MODULES), sharex=True)
    layer = np.arange(DEPTH + 1)
    for ax, activation in zip(panels, MODULES, strict=True):
        for init in INITS:
            values = _layers(results, "second_moment", activation, init)
            line = plots.INIT_LINES[init] | ({"linestyle": (0, (1.2, 1.2))} if init == "LeCun" else {})
            plots.curve(ax, layer, values, init, line)
            expected = signal_net(values[:, 0], ACTIVATIONS[activation], WIDTHS, VARIANCES[init]).mean(0)
            plots.prediction(ax, layer, expected, init)
        ax.set(yscale="log", ylim=LIMITS[activation], xlim=(0, DEPTH), ylabel="mean square")
        ax.set_title(activation)
        if activation == "Sigmoid":
            plots.plain_ticks(ax.yaxis, [0.2, 0.3, 0.5, 1])
        plots.label_ends(ax, NAMES)
    panels[-1].set_xlabel("hidden layer")


def alt(numbers: dict[str, float]) -> str:
    said = "; ".join(
        f"{activation}: "
        + ", ".join(
            f"{name} {numbers[f'{activation}_{key}_last'.lower()]:.2g}"
            for name, key in (("He", "he"), ("Glorot", "glorot"), ("LeCun", "lecun"), ("PyTorch's default", "pytorch"))
        )
        for activation in MODULES
    )
    return (
        f"Three plots of the mean square of each layer's outputs, up to layer {numbers['depth']:.0f}, for four "
        f"initializations, with dashed lines of theory. Median in the last layer. {said}."
    )


_STATISTIC = (
    "mean square of a layer's outputs over what theory makes of the measured layer before, minus 1, mean over the "
    f"layers; the band is ±{TOLERANCE:g}"
)
_POOLE, _POOLE_URL = (
    "Poole et al. 2016, Exponential expressivity in deep neural networks through transient chaos",
    "https://arxiv.org/abs/1606.05340",
)

CLAIMS = [
    Claim(
        id="tanh-follows-theory",
        text="The mean square of a tanh layer is what the integral over a normal distribution says, with each of "
        "the four initializations.",
        statistic=f"the initialization that is furthest off: {_STATISTIC}",
        compare=within(_worst, TOLERANCE, activation="Tanh"),
        expect="holds",
        source=_POOLE,
        url=_POOLE_URL,
    ),
    Claim(
        id="sigmoid-follows-theory",
        text="The mean square of a sigmoid layer is what the integral over a normal distribution says, with each of "
        "the four initializations.",
        statistic=f"the initialization that is furthest off: {_STATISTIC}",
        compare=within(_worst, TOLERANCE, activation="Sigmoid"),
        expect="holds",
        source=_POOLE,
        url=_POOLE_URL,
    ),
    Claim(
        id="lecun-halves-relu",
        text="With LeCun's initialization, a layer of ReLU units halves the mean square of the signal.",
        source="He et al. 2015, Delving deep into rectifiers, section 2.2",
        url="https://arxiv.org/abs/1502.01852",
        statistic=_STATISTIC,
        compare=within(_lecun_relu, TOLERANCE),
        expect="holds",
    ),
    Claim(
        id="sigmoid-forgets",
        text="With Glorot's initialization, a sigmoid layer leaves less than a sixteenth of what differs between the "
        "examples.",
        source=OWN,
        statistic="variance over the examples, over that of the layer before, geometric mean over the layers 3 to 6 of "
        "a network; the sentence says that it is below 1/16",
        compare=_of_each_layer("Sigmoid", "Glorot"),
        expect="holds",
    ),
]
