"""How large is the signal in each layer of a deep network before training?

A ReLU network with 50 hidden layers of 256 units, given 64 examples of MNIST-1D, before the first
update. Above: the mean square of each layer's outputs. Below: its part that differs between the
examples, which is their variance over the examples. Layer 0 is the input. Lines are medians over
{=signal_by_depth.seeds:.0f} networks, bands reach from the lowest to the highest. Dashed: the
expectation in theory above, and below what the mean over networks can't exceed in exact arithmetic;
neither has anything to fit. The flat end of PyTorch's line below is rounding.
"""

from itertools import pairwise

import numpy as np
import torch
import xarray as xr

from trainlab import plots
from trainlab.claims import Claim, within
from trainlab.data import MNIST1D
from trainlab.inits import Glorot, He, PyTorchDefault
from trainlab.models import MLP
from trainlab.probes import Snapshot, axes
from trainlab.runs import Run, grid
from trainlab.theory import VARIANCES, relu_layer, relu_net
from trainlab.tuning import Train
from trainlab.types import Tensors

DEPTH, WIDTH, EXAMPLES = 50, 256, 64
WIDTHS = [40] + DEPTH * [WIDTH]

INITS = {"He": He(), "Glorot": Glorot(), "PyTorchDefault": PyTorchDefault()}
NAMES = {"PyTorchDefault": "PyTorch"}

TOLERANCE = 0.05
SEEDS = range(10, 20)
"""Not those of the trial after which the claims were written, which had 0 to 9."""

PARALLEL = slice(5, 15)
"""Layers 6 to 15 of PyTorch's default: the examples are nearly parallel, and differ by more than rounding."""


@axes("layer")
def signal(snapshot: Snapshot) -> Tensors:
    """Mean square of the inputs and of each layer's outputs, and the part of it that differs between examples.

    Returns:
        `second_moment` and `spread`, each with one value a layer, the inputs first.
    """
    layers = [snapshot.inputs, *snapshot.activations().values()]
    return {
        "second_moment": torch.stack([values.square().mean() for values in layers]),
        "spread": torch.stack([values.var(0, correction=0).mean() for values in layers]),
    }


def measure(train: Train) -> xr.Dataset:
    base = Run(
        data=MNIST1D(rows=EXAMPLES, validation=10, test=10),
        model=MLP(inputs=WIDTHS[0], outputs=10, depth=DEPTH, width=WIDTH),
        lr=0.001,
        batch_size=EXAMPLES,
        steps=1,
    )
    return train(grid(base, init=INITS.values(), seed=SEEDS), [signal])


def _layers(results: xr.Dataset, variable: str, init: str) -> np.ndarray:
    """`[seeds, layers + 1]` before the first update."""
    runs = results.isel(run=np.flatnonzero(results.init.values == init)).sortby("seed")
    return runs[variable].isel(step=0).transpose("run", "layer").values.astype(np.float64)


def _expected(inputs: np.ndarray, init: str) -> np.ndarray:
    """`[..., layers + 1]`, from the mean square of the inputs."""
    return relu_net(inputs, WIDTHS, VARIANCES[init])


def _largest_spread(inputs: np.ndarray, init: str) -> np.ndarray:
    """The same for the spread: biases are alike for all examples, and differences are halved at least."""
    return relu_net(inputs, WIDTHS, lambda fan_in, fan_out: (VARIANCES[init](fan_in, fan_out)[0], 0.0))


def _step_deviation(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: each layer's second moment over what theory makes of the layer before, minus 1; mean over layers."""
    init = runs.init.values[0]
    moments = _layers(runs, "second_moment", init)
    predicted = np.stack(
        [
            relu_layer(moments[:, layer], fans[0], *VARIANCES[init](*fans))
            for layer, fans in enumerate(pairwise(WIDTHS))
        ],
        axis=1,
    )
    return (moments[:, 1:] / predicted).mean(1) - 1


def _spread_deviation(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: a layer's spread over a sixth of that of the layer before, minus 1; mean over some layers."""
    spread = _layers(runs, "spread", "PyTorchDefault")
    return (6 * spread[:, 1:] / spread[:, :-1])[:, PARALLEL].mean(1) - 1


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(SEEDS)), "depth": float(DEPTH), "width": float(WIDTH), "examples": float(EXAMPLES)}
    out |= {"tolerance": 100 * TOLERANCE, "floor": 1 / (5 * WIDTH)}
    out["rounding"] = float(np.finfo(np.float32).eps / 2) ** 2 * out["floor"]
    for init in INITS:
        key = init.lower().removesuffix("default")
        moments, spread = _layers(results, "second_moment", init), _layers(results, "spread", init)
        runs = results.isel(run=results.init.values == init)
        out[f"{key}_last"] = float(moments[:, -1].mean())
        out[f"{key}_last_median"] = float(np.median(moments[:, -1]))
        out[f"{key}_last_theory"] = float(_expected(moments[:, 0], init)[:, -1].mean())
        out[f"{key}_deviation"] = 100 * float(_step_deviation(runs).mean())
        out[f"{key}_spread"] = float(spread[:, -1].mean())
        out[f"{key}_differs"] = 100 * float((spread[:, -1] / moments[:, -1]).mean())
    for key, init in (("he", "He"), ("glorot", "Glorot")):
        moments = _layers(results, "second_moment", init)[:, 1:]  # the first layer is not as wide as its inputs
        out[f"{key}_factor"] = float((moments[:, 1:] / moments[:, :-1]).mean())
    default = _layers(results, "spread", "PyTorchDefault")
    out["pytorch_spread_factor"] = float((default[:, 1:] / default[:, :-1])[:, PARALLEL].mean())
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 6.4)
    panels = fig.subplots(2, sharex=True)
    layer = np.arange(DEPTH + 1)
    theories = (_expected, _largest_spread)
    labels = ("mean square", "variance over the examples")
    for ax, variable, theory, label in zip(panels, ("second_moment", "spread"), theories, labels, strict=True):
        for init in INITS:
            values = _layers(results, variable, init)
            plots.curve(ax, layer, values, init, plots.INIT_LINES[init])
            plots.prediction(ax, layer, theory(values[:, 0], init).mean(0), init)
        ax.set(yscale="log", ylim=(1e-19, 30), xlim=(0, DEPTH), ylabel=label)
        plots.label_ends(ax, NAMES)
    panels[-1].set_xlabel("hidden layer")


def alt(numbers: dict[str, float]) -> str:
    last = ", ".join(
        f"{name} {numbers[f'{key}_last']:.2g} where theory expects {numbers[f'{key}_last_theory']:.2g}"
        for name, key in (("He", "he"), ("Glorot", "glorot"), ("PyTorch's default", "pytorch"))
    )
    return (
        f"Two plots against the layer, from the input to layer {numbers['depth']:.0f}, for three initializations, with "
        f"dashed lines of theory. Mean square of the last layer's outputs, mean over the networks: {last}. The part "
        f"that differs between examples is {numbers['he_spread']:.2g} for He, {numbers['glorot_spread']:.2g} for "
        f"Glorot and {numbers['pytorch_spread']:.2g} for PyTorch's default."
    )


_STATISTIC = (
    "mean square of a layer's outputs over what the formula makes of the layer before, minus 1, mean over the layers; "
    f"the band is ±{TOLERANCE:g}"
)
_SOURCE = "He et al. 2015, Delving deep into rectifiers, section 2.2"
_URL = "https://arxiv.org/abs/1502.01852"

CLAIMS = [
    Claim(
        id="he-keeps",
        text="With He's initialization, a layer of ReLU units keeps the mean square of the signal.",
        source=_SOURCE,
        url=_URL,
        statistic=_STATISTIC,
        compare=within(_step_deviation, TOLERANCE, init="He"),
        expect="holds",
    ),
    Claim(
        id="glorot-halves",
        text="With Glorot's initialization, a layer of ReLU units halves the mean square of the signal, where it has "
        "as many units as inputs.",
        source=_SOURCE,
        url=_URL,
        statistic=_STATISTIC,
        compare=within(_step_deviation, TOLERANCE, init="Glorot"),
        expect="holds",
    ),
    Claim(
        id="default-leaves-a-sixth",
        text="With PyTorch's default, a layer of ReLU units leaves a sixth of the mean square of the signal, and its "
        "biases add 1/(6n) for n inputs.",
        source=_SOURCE,
        url=_URL,
        statistic=_STATISTIC,
        compare=within(_step_deviation, TOLERANCE, init="PyTorchDefault"),
        expect="holds",
    ),
    Claim(
        id="default-forgets-its-input",
        text="With PyTorch's default, the part of the signal that differs between examples falls to a sixth at each "
        "of the layers 6 to 15.",
        source="Schoenholz et al. 2017, Deep information propagation",
        url="https://arxiv.org/abs/1611.01232",
        statistic="variance over the examples, over a sixth of that of the layer before, minus 1, mean over the "
        f"layers; the band is ±{TOLERANCE:g}",
        compare=within(_spread_deviation, TOLERANCE, init="PyTorchDefault"),
        expect="holds",
    ),
]
