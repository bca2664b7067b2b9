"""Where on the sigmoid do the units of a saturated network sit?

Sigmoid networks with three hidden layers of 100 units after {=saturated_sigmoid.steps:.0f} updates on MNIST-1D. Shaded:
the histogram of all pre-activations of the second and third hidden layer, over {=saturated_sigmoid.seeds:.0f} seeds and
a batch each, scaled to the same height. Lines: the sigmoid and its derivative, both unscaled. Outside the dotted
lines, at ±{=saturated_sigmoid.edge:.2f}, the derivative is less than a tenth of its maximum.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from trainlab import plots
from trainlab.claims import OWN, Claim, Comparison, by_seed
from trainlab.data import MNIST1D
from trainlab.inits import Glorot, Normal
from trainlab.meanfield import sigmoid
from trainlab.models import MLP
from trainlab.optimizers import Momentum
from trainlab.probes import Snapshot, axes, gradient_norm
from trainlab.runs import Run, grid
from trainlab.stats import Estimate, mean_interval
from trainlab.tuning import Train
from trainlab.types import Tensors

SEEDS = range(10)
LIMIT = 16.0
BINS = 64
TENTH = float(2 * np.arctanh(np.sqrt(0.9)))
"""Beyond it, on both sides, the derivative is below a tenth of its maximum of 1/4."""

INITS = {"unit": Normal(1.0), "glorot": Glorot()}
TITLES = {"unit": "weights of variance 1", "glorot": "Glorot's initialization"}

BASE = Run(
    data=MNIST1D(validation=500, test=2000),
    model=MLP(inputs=40, outputs=10, depth=3, width=100, activation=nn.Sigmoid),
    optimizer=Momentum(),
    lr=0.1,
    batch_size=128,
    steps=200,
)


@dataclass(frozen=True)
class PreactivationHistogram:
    """The distribution of the inputs of all sigmoids but the first layer's, over the mini-batch.

    Args:
        limit: the histogram reaches from -limit to limit; what lies outside is in no bin.
        bins: how many.

    """

    limit: float
    bins: int

    axes = ("bin",)

    def __call__(self, snapshot: Snapshot) -> Tensors:
        """Measure.

        Returns:
            `histogram`, shares that add up to at most 1.
        """
        edges = torch.linspace(-self.limit, self.limit, self.bins + 1)
        below = torch.stack([(_preactivations(snapshot) < edge).float().mean() for edge in edges])
        return {"histogram": below[1:] - below[:-1]}


@axes()
def saturated_share(snapshot: Snapshot) -> Tensors:
    """The share of pre-activations at which the derivative is below a tenth of its maximum, and the mean derivative."""
    z = _preactivations(snapshot)
    slope = torch.sigmoid(z) * torch.sigmoid(-z)
    return {"saturated": (z.abs() > TENTH).float().mean(), "mean_slope": slope.mean()}


def _preactivations(snapshot: Snapshot) -> Tensor:
    """The inputs of all sigmoids but the first layer's, as one vector."""
    found: list[Tensor] = []

    def keep(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        found.append(inputs[0])

    sigmoids = [module for module in snapshot.network.modules() if isinstance(module, nn.Sigmoid)]
    hooks = [module.register_forward_hook(keep) for module in sigmoids]
    try:
        snapshot.forward(snapshot.weights, snapshot.buffers, snapshot.inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return torch.cat([values.flatten() for values in found[1:]])


def measure(train: Train) -> xr.Dataset:
    runs = grid(BASE, init=INITS.values(), seed=SEEDS)
    probes = [PreactivationHistogram(LIMIT, BINS), saturated_share, gradient_norm]
    results = train(runs, probes, every=BASE.steps)
    return results.assign_coords(kind=("run", [name for name in INITS for _ in SEEDS]))


def _last(results: xr.Dataset, variable: str, kind: str) -> np.ndarray:
    """`[seeds, ...]` after the last update."""
    runs = results.isel(run=np.flatnonzero(results.kind.values == kind)).sortby("seed")
    return runs[variable].isel(step=-1).values.astype(np.float64)


def _saturated(runs: xr.Dataset) -> np.ndarray:
    return runs.saturated.isel(step=-1).values


def _mostly_flat(results: xr.Dataset) -> Estimate:
    return mean_interval(by_seed(results, _saturated, kind="unit"))


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(SEEDS)), "steps": float(results.steps.values[0]), "edge": TENTH, "largest_slope": 0.25}
    for kind in INITS:
        runs = results.isel(run=results.kind.values == kind)
        out[f"{kind}_saturated"] = 100 * float(_last(results, "saturated", kind).mean())
        out[f"{kind}_slope"] = float(_last(results, "mean_slope", kind).mean())
        norms = _last(results, "gradient_norm", kind)
        out[f"{kind}_first_over_last"] = float(np.median(norms[:, 0] / norms[:, -1]))
        out[f"{kind}_accuracy"] = 100 * float(np.nan_to_num(runs.test_accuracy.values).mean())
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 5.2)
    panels = fig.subplots(2, sharex=True)
    z = np.linspace(-LIMIT, LIMIT, BINS + 1)
    middles = (z[1:] + z[:-1]) / 2
    for ax, kind in zip(panels, INITS, strict=True):
        shares = _last(results, "histogram", kind).mean(0)
        height = 0.9 * shares / shares.max()
        ax.fill_between(middles, 0, height, step="mid", color=plots.SERIES[0], alpha=0.3, linewidth=0)
        ax.plot(middles, height, drawstyle="steps-mid", color=plots.SERIES[0], linewidth=1, label="pre-activations")
        ax.plot(z, sigmoid(z), color=plots.INK["muted"], label="sigmoid")
        ax.plot(z, sigmoid(z) * sigmoid(-z), color=plots.SERIES[1], label="derivative")
        for edge in (-TENTH, TENTH):
            ax.axvline(edge, color=plots.INK["text"], linewidth=0.9, linestyle=":", label="_edge")
        ax.set(xlim=(-LIMIT, LIMIT), ylim=(0, 1.05))
        ax.set_title(TITLES[kind])
        plots.label_ends(ax, at={"pre-activations": 0.35, "sigmoid": 1.0, "derivative": 0.05})
    panels[-1].set_xlabel("pre-activation z")


def alt(numbers: dict[str, float]) -> str:
    return (
        "Two histograms of pre-activations under the curves of the sigmoid and its derivative. With weights of "
        f"variance one, {numbers['unit_saturated']:.0f} percent lie where the derivative is less than a tenth of its "
        f"maximum; with Glorot's initialization {numbers['glorot_saturated']:.1f} percent."
    )


CLAIMS = [
    Claim(
        id="mostly-flat",
        text="In the sigmoid network whose weights start with variance 1, more than half of the pre-activations lie "
        "where the derivative is below a tenth of its maximum.",
        source=OWN,
        statistic="share of pre-activations after the last update, second and third hidden layer; the sentence says "
        "that it is above 0.5",
        compare=Comparison("mean share", _mostly_flat, region=(0.5, np.inf)),
        expect="holds",
    ),
]
