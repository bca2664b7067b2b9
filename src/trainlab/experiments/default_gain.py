"""For which activation does nn.Linear's a = √5 keep the signal?

PyTorch's formula for a leaky ReLU of slope a draws weights with gain √(2 / (1 + a²)). The figure shows what one
layer makes of the mean square of its inputs, measured in nets of {=default_gain.depth:.0f} layers without biases, for
three activations: the leaky ReLU of that same slope, the identity and the ReLU. Points are medians over
{=default_gain.seeds:.0f} networks, bands reach from the lowest to the highest. Dashed: the formula, with nothing to
fit. The vertical line is the slope that nn.Linear uses.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
import xarray as xr
from torch import nn

from trainlab import plots
from trainlab.claims import Claim, within
from trainlab.data import MNIST1D
from trainlab.inits import PyTorchDefault, Scaled
from trainlab.probes import Snapshot, axes
from trainlab.runs import Run, grid
from trainlab.tuning import Train
from trainlab.types import Tensors

ROOT = math.sqrt(5)
SLOPES = (0.0, 0.5, 1.0, 1.5, ROOT, 3.0)
DEPTH, WIDTH, EXAMPLES = 10, 200, 64
SEEDS = range(10)
TOLERANCE = 0.05


@dataclass(frozen=True, kw_only=True)
class Leaky:
    """A net of leaky ReLU layers without biases.

    Args:
        slope: of the negative side, any number; 0 is a ReLU, 1 the identity.
    """

    slope: float

    def __call__(self) -> nn.Module:
        """Build the network."""
        sizes = [40] + DEPTH * [WIDTH]
        layers = [nn.Sequential(nn.Linear(a, b, bias=False), nn.LeakyReLU(self.slope)) for a, b in pairwise(sizes)]
        return nn.Sequential(*layers, nn.Linear(WIDTH, 10, bias=False))


def gain(slope: float) -> float:
    """PyTorch's formula for a leaky ReLU, `nn.init.calculate_gain("leaky_relu", slope)`."""
    return math.sqrt(2 / (1 + slope**2))


@axes("layer")
def second_moment(snapshot: Snapshot) -> Tensors:
    """Mean square of each layer's outputs: `second_moment`, one value a layer."""
    return {"second_moment": torch.stack([values.square().mean() for values in snapshot.activations().values()])}


NETS = {"leaky ReLU of slope a": None, "identity": 1.0, "ReLU": 0.0}
"""With the slope of their negative side; None takes that of the formula."""

LINES = {name: {"color": plots.SERIES[n], "marker": "o"} for n, name in enumerate(NETS)}
THEORY = {
    "leaky ReLU of slope a": lambda a: 1 + 0 * a,
    "identity": lambda a: 2 / (1 + a**2),
    "ReLU": lambda a: 1 / (1 + a**2),
}


def _base(slope: float) -> Run:
    data = MNIST1D(rows=EXAMPLES, validation=10, test=10)
    return Run(data=data, model=Leaky(slope=slope), lr=1e-6, batch_size=EXAMPLES, steps=1)


def measure(train: Train) -> xr.Dataset:
    cases = {(net, a): (a if slope is None else slope, Scaled(gain(a))) for net, slope in NETS.items() for a in SLOPES}
    cases |= {("nn.Linear, ReLU", ROOT): (0.0, PyTorchDefault()), ("nn.Linear, slope", ROOT): (ROOT, PyTorchDefault())}
    runs = [run for slope, init in cases.values() for run in grid(_base(slope), init=[init], seed=SEEDS)]
    results = train(runs, [second_moment])
    nets, slopes = zip(*(case for case in cases for _ in SEEDS), strict=True)
    return results.assign_coords(net=("run", list(nets)), slope=("run", list(slopes)))


def _factors(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: what a layer makes of the mean square of the layer before, mean over the layers of equal width."""
    moments = runs.sortby("seed").second_moment.isel(step=0).transpose("run", "layer").values.astype(np.float64)
    return (moments[:, 1:] / moments[:, :-1]).mean(1)


def _factor(results: xr.Dataset, net: str, slope: float) -> np.ndarray:
    return _factors(results.isel(run=(results.net.values == net) & (results.slope.values == slope)))


def numbers(results: xr.Dataset) -> dict[str, float]:
    return {
        "seeds": float(len(SEEDS)),
        "depth": float(DEPTH),
        "width": float(WIDTH),
        "gain": gain(ROOT),
        "share_of_he": gain(ROOT) / gain(0.0),
        "relu": float(_factor(results, "nn.Linear, ReLU", ROOT).mean()),
        "relu_theory": 1 / 6,
        "identity": float(_factor(results, "identity", ROOT).mean()),
        "slope": float(_factor(results, "nn.Linear, slope", ROOT).mean()),
        "thirty": float(_factor(results, "nn.Linear, ReLU", ROOT).mean() ** 30),
        "a": ROOT,
        "highest_a": max(SLOPES),
    }


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    ax = fig.subplots()
    slopes, fine = np.array(SLOPES), np.linspace(0, max(SLOPES), 61)
    for net in NETS:
        table = np.stack([_factor(results, net, a) for a in SLOPES], 1)
        plots.curve(ax, slopes, table, net, LINES[net] | {"linestyle": "none"})
        plots.prediction(ax, fine, THEORY[net](fine), net)
    ax.axvline(ROOT, color=plots.INK["muted"], linewidth=1, label="_a")
    ax.text(ROOT, 1.95, " a = √5,\n nn.Linear", color=plots.INK["muted"], fontsize=9.5, va="top")
    ax.set(xlabel="slope a in the formula", ylabel="mean square, factor of a layer", xlim=(-0.1, 3.1), ylim=(0, 2.1))
    plots.label_ends(ax, {"leaky ReLU of slope a": "leaky ReLU\nof slope a"}, gap=20)


def alt(numbers: dict[str, float]) -> str:
    return (
        f"Line plot of what a layer makes of the mean square, against the slope a from none to "
        f"{numbers['highest_a']:g}. At {numbers['a']:.2f}, which nn.Linear uses, a leaky ReLU of that slope keeps "
        f"{numbers['slope']:.2f} of it, the identity {numbers['identity']:.2f} and a ReLU {numbers['relu']:.2f}."
    )


_SOURCE = "He et al. 2015, Delving deep into rectifiers, equation 15"
_URL = "https://arxiv.org/abs/1502.01852"

CLAIMS = [
    Claim(
        id="right-for-slope-root-five",
        text="With the weights of nn.Linear, layers of leaky ReLUs whose negative side has slope √5 keep the mean "
        "square of the signal.",
        source=_SOURCE,
        url=_URL,
        statistic="mean square of a layer over that of the layer before, minus 1, mean over the layers; the band is "
        f"±{TOLERANCE:g}",
        compare=within(lambda runs: _factors(runs) - 1, TOLERANCE, net="nn.Linear, slope"),
        expect="holds",
    ),
    Claim(
        id="relu-keeps-a-sixth",
        text="With the weights of nn.Linear and no biases, a layer of ReLU units keeps a sixth.",
        source=_SOURCE,
        url=_URL,
        statistic="mean square of a layer over that of the layer before, times 6, minus 1, mean over the layers; the "
        f"band is ±{TOLERANCE:g}",
        compare=within(lambda runs: 6 * _factors(runs) - 1, TOLERANCE, net="nn.Linear, ReLU"),
        expect="null",
        why="It keeps {=default_gain.relu:.3f} in the mean, but ten nets of this width differ so much from each other "
        "that the interval reaches beyond the band. The chapter on signals tests the same sixth on more layers.",
    ),
]
