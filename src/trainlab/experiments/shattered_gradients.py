"""How alike are the gradients of neighbouring inputs in a deep network?

ReLU networks with He's initialization and 200 units a layer, before training. The inputs lie on an arc from one example
of MNIST-1D to another. Above: the slope of one output along the arc, for one network of each kind, scaled to a mean
square of 1. Below: the cosine between the gradients, with respect to the input, at two inputs, against the angle
between these inputs. Lines are medians over {=shattered_gradients.seeds:.0f} networks, bands reach from the lowest to
the highest. Dashed: theory for wide plain networks, with nothing to fit.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
import xarray as xr
from torch.func import grad

from trainlab import plots
from trainlab.claims import Claim, difference, within
from trainlab.data import MNIST1D
from trainlab.inits import He
from trainlab.meanfield import gradient_cosine
from trainlab.models import MLP
from trainlab.probes import Snapshot
from trainlab.runs import Run
from trainlab.tuning import Train
from trainlab.types import Tensors

DEPTH, WIDTH, POINTS = 40, 200, 97
ARC = np.pi / 4
SEEDS = range(20)
TOLERANCE = 0.15
NETS = {"depth 2": (2, False), "depth 40": (DEPTH, False), "depth 40, residual": (DEPTH, True)}
COLORS = {name: {"color": plots.SERIES[index]} for name, index in zip(NETS, (7, 1, 2), strict=True)}
ANGLES = np.linspace(0, ARC, POINTS)
FIVE = int(np.abs(ANGLES - np.pi / 36).argmin())
"""The distance of two points on the arc whose angle is nearest to 5 degrees."""

BASE = Run(
    data=MNIST1D(rows=16, validation=10, test=10),
    model=MLP(inputs=40, outputs=10, depth=DEPTH, width=WIDTH),
    init=He(),
    lr=1e-6,
    batch_size=16,
    steps=1,
)


@dataclass(frozen=True)
class GradientsAlongAnArc:
    """The gradient of the first output with respect to the input, at points of an arc between two examples.

    Args:
        points: on the arc, >= 2.
        arc: its angle in radians.
    """

    points: int
    arc: float

    axes = ("point",)

    def __call__(self, snapshot: Snapshot) -> Tensors:
        """Measure.

        Returns:
            `slope`, the gradient's part along the arc, at each point; and `gradient_cosine`, the mean cosine
            between the gradients of two points, by how many points they are apart.
        """
        start = snapshot.inputs[0] / snapshot.inputs[0].norm()
        other = snapshot.inputs[1] - (snapshot.inputs[1] @ start) * start
        other = other / other.norm()
        angles = torch.linspace(0, self.arc, self.points, dtype=start.dtype).unsqueeze(1)
        places = angles.cos() * start + angles.sin() * other

        def output(inputs: torch.Tensor) -> torch.Tensor:
            return snapshot.forward(snapshot.weights, snapshot.buffers, inputs)[0][:, 0].sum()

        gradients = grad(output)(places)
        along = angles.cos() * other - angles.sin() * start
        unit = gradients / gradients.norm(dim=1, keepdim=True).clamp(min=torch.finfo(start.dtype).tiny)
        cosines = unit @ unit.T
        apart = [cosines.diagonal(distance).mean() for distance in range(self.points)]
        return {"slope": (gradients * along).sum(1), "gradient_cosine": torch.stack(apart)}


def measure(train: Train) -> xr.Dataset:
    parts: list[xr.Dataset] = []
    for name, (depth, residual) in NETS.items():
        model = MLP(inputs=40, outputs=10, depth=depth, width=WIDTH, residual=residual)
        runs = [replace(BASE, model=model, seed=seed) for seed in SEEDS]
        part = train(runs, [GradientsAlongAnArc(POINTS, float(ARC))])
        parts.append(part.assign_coords(net=("run", [name] * len(runs))))
    return xr.concat(parts, "run", data_vars="all", coords="minimal", compat="override", join="exact")


def _before_training(results: xr.Dataset, variable: str, net: str) -> np.ndarray:
    """`[seeds, points]`."""
    runs = results.isel(run=np.flatnonzero(results.net.values == net)).sortby("seed")
    return runs[variable].isel(step=0).transpose("run", "point").values.astype(np.float64)


def _theory(net: str) -> np.ndarray:
    return gradient_cosine(np.cos(ANGLES), NETS[net][0])


def _at_five(runs: xr.Dataset) -> np.ndarray:
    return _before_training(runs, "gradient_cosine", runs.net.values[0])[:, FIVE]


def _deviation(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: measured minus predicted cosine at 5 degrees."""
    return _at_five(runs) - _theory(runs.net.values[0])[FIVE]


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(SEEDS)), "depth": float(DEPTH), "width": float(WIDTH), "tolerance": TOLERANCE}
    out["angle"] = float(np.degrees(ANGLES[FIVE]))
    for net, key in zip(NETS, ("shallow", "plain", "residual"), strict=True):
        cosines = _before_training(results, "gradient_cosine", net)
        out[f"{key}_cosine"] = float(cosines[:, FIVE].mean())
        if not NETS[net][1]:
            out[f"{key}_theory"] = float(_theory(net)[FIVE])
        out[f"{key}_end"] = float(cosines[:, -1].mean())
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 7.4)
    panels = fig.subplots(len(NETS) + 1, gridspec_kw={"height_ratios": [1, 1, 1, 3]})
    degrees = np.degrees(ANGLES)
    for ax, net in zip(panels, NETS, strict=False):
        slope = _before_training(results, "slope", net)[0]
        scale = np.sqrt((slope**2).mean())
        ax.plot(degrees, slope / (scale or 1.0), linewidth=1.2, label=f"{net}, slope", **COLORS[net])
        ax.set(xlim=(0, degrees[-1]), ylim=(-3, 3), yticks=[-2, 0, 2])
        ax.set_title(net)
        ax.set_ylabel("slope")
    panels[2].set_xlabel("place on the arc, degrees")
    ax = panels[-1]
    for net in NETS:
        plots.curve(ax, degrees, _before_training(results, "gradient_cosine", net), net, COLORS[net])
        if not NETS[net][1]:
            plots.prediction(ax, degrees, _theory(net), net)
    ax.set(xlim=(0, degrees[-1]), ylim=(-0.1, 1.02), ylabel="cosine of gradients")
    ax.set_xlabel("angle between two inputs, degrees")
    plots.label_ends(ax, {"depth 40, residual": "residual"})


def alt(numbers: dict[str, float]) -> str:
    return (
        "Slope of an output along an arc, and below it the cosine between gradients against the angle between inputs. "
        f"At {numbers['angle']:.1f} degrees the mean cosine is {numbers['shallow_cosine']:.2f} in the shallow network, "
        f"{numbers['plain_cosine']:.2f} in the deep one (theory {numbers['plain_theory']:.2f}) and "
        f"{numbers['residual_cosine']:.2f} in the deep residual one."
    )


_BALDUZZI, _BALDUZZI_URL = (
    "Balduzzi et al. 2017, The shattered gradients problem",
    "https://arxiv.org/abs/1702.08591",
)
_COSINE = "cosine between the gradients of two inputs 5 degrees apart"

CLAIMS = [
    Claim(
        id="residual-keeps-them-alike",
        text="At depth 40, the gradients of neighbouring inputs are more alike in a residual network than in a plain "
        "one.",
        statistic=f"{_COSINE}, residual minus plain",
        compare=difference(_at_five, {"net": "depth 40, residual"}, {"net": "depth 40"}),
        expect="holds",
        source=_BALDUZZI,
        url=_BALDUZZI_URL,
    ),
    Claim(
        id="plain-follows-theory",
        text="In the plain network, how alike they are is on average what theory says for wide layers, within "
        "{=shattered_gradients.tolerance:.2f}.",
        statistic=f"{_COSINE}, measured minus predicted; the band is ±{TOLERANCE:g}",
        compare=within(_deviation, TOLERANCE, net="depth 40"),
        expect="holds",
        source=_BALDUZZI,
        url=_BALDUZZI_URL,
    ),
]
