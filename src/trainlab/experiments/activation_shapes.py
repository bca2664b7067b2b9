"""What do the activations look like, and which gain does each need?

Solid: the activation. Dashed: its slope. The number is the right gain g: weights with standard deviation g/√n keep
the variance of the pre-activations at 1 from layer to layer. It is the integral of theory; measured in
{=activation_shapes.seeds:.0f} nets with one layer of {=activation_shapes.width:.0f} units it is the same within
{=activation_shapes.worst:.1f} %. SwiGLU multiplies two linear maps; it is drawn for equal ones.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from trainlab import plots
from trainlab.activations import ACTIVATIONS, key
from trainlab.claims import Claim, within
from trainlab.data import Dataset, Split
from trainlab.gains import derivative
from trainlab.inits import LeCun
from trainlab.probes import Snapshot
from trainlab.runs import Run, grid
from trainlab.tuning import Train
from trainlab.types import Tensors

WIDTH, INPUTS, EXAMPLES = 500, 200, 32
SEEDS = range(10)
TOLERANCE = 0.03


@dataclass(frozen=True)
class Signs:
    """Random rows of +1 and -1: each has a mean square of exactly 1, so pre-activations have variance 1."""

    def load(self) -> Dataset:
        """The same rows in all three splits."""
        return _signs()


@lru_cache(maxsize=1)
def _signs() -> Dataset:
    generator = torch.Generator().manual_seed(0)
    x = 2.0 * torch.randint(2, (EXAMPLES, INPUTS), generator=generator) - 1
    rows = Split(x, torch.randint(10, (EXAMPLES,), generator=generator))
    return Dataset("signs", rows, rows, rows, classes=10)


def measured_gain(snapshot: Snapshot) -> Tensors:
    """One over the root mean square of the first layer's outputs: `measured_gain`, a number."""
    found: list[Tensor] = []

    def keep(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        found.append(output.square().mean().rsqrt())

    hook = next(iter(snapshot.network.children())).register_forward_hook(keep)
    try:
        snapshot.forward(snapshot.weights, snapshot.buffers, snapshot.inputs)
    finally:
        hook.remove()
    return {"measured_gain": found[0]}


def measure(train: Train) -> xr.Dataset:
    runs = []
    for kind in ACTIVATIONS.values():
        model = kind.model(inputs=INPUTS, depth=1, width=WIDTH)
        base = Run(data=Signs(), model=model, init=LeCun(), lr=1e-6, batch_size=EXAMPLES, steps=1)
        runs += grid(base, seed=SEEDS)
    results = train(runs, [measured_gain])
    return results.assign_coords(activation=("run", [name for name in ACTIVATIONS for _ in SEEDS]))


def _gains(results: xr.Dataset, name: str) -> np.ndarray:
    """`[seeds]`, measured."""
    mine = results.isel(run=results.activation.values == name).sortby("seed")
    return mine.measured_gain.isel(step=0).values.astype(np.float64)


def _worst(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: the largest relative distance of a measured gain from theory, of all activations."""
    return np.max([np.abs(_gains(runs, name) / kind.gain - 1) for name, kind in ACTIVATIONS.items()], 0)


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(SEEDS)), "width": float(WIDTH), "tolerance": 100 * TOLERANCE}
    means = {name: float(_gains(results, name).mean()) for name in ACTIVATIONS}
    out["worst"] = 100 * max(abs(means[name] / kind.gain - 1) for name, kind in ACTIVATIONS.items())
    out["worst_single"] = 100 * float(_worst(results).mean())
    for name, kind in ACTIVATIONS.items():
        out |= {f"{key(name)}_gain": kind.gain, f"{key(name)}_measured": means[name]}
        out[f"{key(name)}_sensitivity"] = kind.sensitivity
    known = ("sigmoid", "tanh", "relu", "leaky_relu", "selu")
    return out | {f"{name}_pytorch": float(nn.init.calculate_gain(name)) for name in known}


def _shape(name: str, z: Tensor) -> Tensor:
    kind = ACTIVATIONS[name]
    return kind.activation()(z) * (z if kind.gated else 1)


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 7.0)
    panels = fig.subplots(4, 3, sharex=True, sharey=True).flat
    z = torch.linspace(-4, 4, 161, dtype=torch.float64)
    for ax, (name, kind) in zip(panels, ACTIVATIONS.items(), strict=False):
        ax.axhline(0, color=plots.INK["muted"], linewidth=0.6, label="_zero")
        slope = derivative(lambda x, name=name: _shape(name, x), z)
        ax.plot(z, _shape(name, z).detach(), color=plots.SERIES[0], label="activation")
        ax.plot(z, slope, color=plots.SERIES[1], linewidth=1.4, linestyle=(0, (4, 1.5)), label="slope")
        ax.set_title(name)
        ax.text(-3.8, 2.9, f"g = {kind.gain:.2f}", fontsize=9.5, va="top")
        ax.set(xlim=(-4, 4), ylim=(-1.9, 3.2))
    fig.axes[-1].set_axis_off()
    fig.axes[8].tick_params(labelbottom=True)  # nothing is drawn below it
    for ax in fig.axes[8:]:
        ax.set_xlabel("pre-activation")


def alt(numbers: dict[str, float]) -> str:
    said = ", ".join(f"{name} {numbers[f'{key(name)}_gain']:.2f}" for name in ACTIVATIONS)
    return f"Eleven small plots, each of an activation and its slope, with its right gain: {said}."


CLAIMS = [
    Claim(
        id="gains-as-computed",
        text="The gain that keeps the variance is the one that the integral gives, for all of these activations.",
        source="He et al. 2015, Delving deep into rectifiers (for ReLU)",
        url="https://arxiv.org/abs/1502.01852",
        statistic="measured gain over the integral's, minus 1, of the activation where it is furthest off; the band is "
        f"±{TOLERANCE:g}",
        compare=within(_worst, TOLERANCE),
        expect="null",
        why="The worst of eleven measurements is a harsh judge: in single nets it is off by "
        "{=activation_shapes.worst_single:.1f} % in the mean, and the interval reaches a little beyond the band. "
        "Averaged over the nets, the activation that is furthest off is within {=activation_shapes.worst:.1f} %.",
    ),
]
