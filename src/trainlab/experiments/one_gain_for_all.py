"""What happens when every activation gets the gain of ReLU?

Mean square of the outputs of a layer that follows {=one_gain_for_all.depth:.0f} others, at the start, as a multiple of
what the activation would give with pre-activations of variance 1. Each row is one activation in a net of
{=one_gain_for_all.width:.0f} units a layer. Open circle: He's gain √2, as copied from ReLU. Filled circle: the right
gain of this activation, of the table above. The inputs have the mean square that the outputs should have. Circles are
medians over {=one_gain_for_all.seeds:.0f} networks, lines reach from the lowest to the highest, and a triangle points
to what is off the scale. Crosses: theory for wide layers, with nothing to fit. At the vertical line the signal has the
size that it should have.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from trainlab import plots
from trainlab.activations import ACTIVATIONS, key
from trainlab.claims import OWN, Claim, Comparison, by_seed
from trainlab.data import Dataset, Split
from trainlab.gains import second_moment, second_moments
from trainlab.inits import Scaled
from trainlab.probes import Snapshot, axes
from trainlab.runs import Run, grid
from trainlab.stats import mean_interval
from trainlab.tuning import Train
from trainlab.types import Tensors

DEPTH, WIDTH, EXAMPLES = 20, 128, 64
HE = math.sqrt(2)
GAINS = ("He's", "right")
SEEDS = range(10)
SCALE = (1e-9, 1e5)


@dataclass(frozen=True, kw_only=True)
class Signs:
    """Random rows of one number and its negative, so that every row has the same mean square.

    Args:
        size: the number.
    """

    size: float

    def load(self) -> Dataset:
        """The same rows in all three splits."""
        return _signs(self.size)


@lru_cache(maxsize=len(ACTIVATIONS))
def _signs(size: float) -> Dataset:
    generator = torch.Generator().manual_seed(0)
    x = size * (2.0 * torch.randint(2, (EXAMPLES, WIDTH), generator=generator) - 1)
    rows = Split(x, torch.randint(10, (EXAMPLES,), generator=generator))
    return Dataset("signs", rows, rows, rows, classes=10)


@axes("layer")
def block_moments(snapshot: Snapshot) -> Tensors:
    """Mean square of the outputs of each hidden layer, gated ones too: `second_moment`, one value a layer."""
    found: list[Tensor] = []

    def keep(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        found.append(output.square().mean())

    hooks = [layer.register_forward_hook(keep) for layer in list(snapshot.network.children())[:-1]]
    try:
        snapshot.forward(snapshot.weights, snapshot.buffers, snapshot.inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return {"second_moment": torch.stack(found)}


def measure(train: Train) -> xr.Dataset:
    cases = {}
    for name, kind in ACTIVATIONS.items():
        model = kind.model(inputs=WIDTH, depth=DEPTH, width=WIDTH)
        base = Run(data=Signs(size=1 / kind.gain), model=model, lr=1e-6, batch_size=EXAMPLES, steps=1)
        for which, gain in zip(GAINS, (HE, kind.gain), strict=True):
            cases[name, which] = grid(base, init=[Scaled(gain)], seed=SEEDS)
    results = train([run for runs in cases.values() for run in runs], [block_moments])
    names, which = zip(*(case for case in cases for _ in SEEDS), strict=True)
    return results.assign_coords(activation=("run", list(names)), gain=("run", list(which)))


def _wanted(name: str) -> float:
    """The mean square of outputs whose pre-activations have variance 1."""
    kind = ACTIVATIONS[name]
    return second_moment(kind.activation(), gated=kind.gated)


def _last(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: mean square of the last hidden layer, over what it should be; powers of ten, at most 30 of them."""
    moments = runs.sortby("seed").second_moment.isel(step=0, layer=-1).values.astype(np.float64)
    wanted = _wanted(runs.activation.values[0])
    return np.log10(np.clip(np.nan_to_num(moments / wanted, nan=np.inf, posinf=np.inf), 1e-30, 1e30))


def _both(results: xr.Dataset, name: str) -> list[np.ndarray]:
    """The same for He's gain and for the right one."""
    mine = results.isel(run=results.activation.values == name)
    return [_last(mine.isel(run=mine.gain.values == which)) for which in GAINS]


def _theory(name: str, gain: float) -> float:
    kind = ACTIVATIONS[name]
    last = second_moments(kind.activation(), gain, _wanted(name), DEPTH, gated=kind.gated)[-1] / _wanted(name)
    return float(np.log10(np.clip(last, 1e-30, 1e30)))


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"depth": float(DEPTH - 1), "width": float(WIDTH), "seeds": float(len(SEEDS)), "he": HE}
    for name, kind in ACTIVATIONS.items():
        he, right = (10 ** float(np.median(values)) for values in _both(results, name))
        out |= {f"{key(name)}_he": he, f"{key(name)}_right": right, f"{key(name)}_gain": kind.gain}
        out[f"{key(name)}_sensitivity"] = kind.sensitivity
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 5.0)
    ax = fig.subplots()
    low, high = (math.log10(end) for end in SCALE)
    names = list(ACTIVATIONS)[::-1]
    for row, name in enumerate(names):
        faces = (plots.INK["paper"], plots.SERIES[0])
        gains = (HE, ACTIVATIONS[name].gain)
        for shift, which, values, face, gain in zip(
            (0.16, -0.16), GAINS, _both(results, name), faces, gains, strict=True
        ):
            y, middle = row + shift, float(np.median(values))
            color = plots.SERIES[1] if which == "He's" else plots.SERIES[0]
            face = plots.INK["paper"] if which == "He's" else color
            inside = min(max(middle, low), high)
            marker = "o" if inside == middle else (">" if middle > high else "<")
            ends = np.clip([values.min(), values.max()], low, high)
            ax.plot(10**ends, [y, y], color=color, linewidth=1.2, label=f"_range {name}")
            ax.plot([10**inside], [y], marker, color=color, markerfacecolor=face, label=f"{name}, {which} gain")
            theory = _theory(name, gain)
            if low <= theory <= high:
                ax.plot(
                    [10**theory],
                    [y],
                    "x",
                    color=plots.INK["text"],
                    markersize=5,
                    label=f"{name}, {which}{plots.THEORY}",
                )
    ax.axvline(1, color=plots.INK["muted"], linewidth=1, label="_one")
    ax.set_yticks(np.arange(len(names)), names)
    ax.tick_params(axis="y", length=0, labelcolor=plots.INK["text"])
    ax.grid(visible=False, axis="y")
    ax.set(
        xscale="log",
        xlim=(SCALE[0] / 3, SCALE[1] * 3),
        xlabel="mean square in the last layer, as a multiple of the right one",
    )


def alt(numbers: dict[str, float]) -> str:
    def said(value: float) -> str:
        return "off the scale" if not 1e-30 < value < 1e30 else f"{value:.2g}"

    rows = ", ".join(
        f"{name} {said(numbers[f'{key(name)}_he'])} and {said(numbers[f'{key(name)}_right'])}" for name in ACTIVATIONS
    )
    return (
        f"Dot plot with a row for each of eleven activations: mean square of the outputs after {numbers['depth']:.0f} "
        f"layers as a multiple of the right one, with He's gain and with the activation's own gain. Medians: {rows}."
    )


OTHERS = ("sigmoid", "tanh", "ELU", "SELU", "GELU", "SiLU", "Mish")
"""Neither a ReLU, nor of those that no gain holds."""

RUNAWAYS = ("SwiGLU", "ReLU squared")


def _closer(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: how much further from 1 He's gain ends than the right one, in powers of ten, mean over `OTHERS`."""
    both = [_both(runs, name) for name in OTHERS]
    return np.mean([np.abs(he) - np.abs(right) for he, right in both], 0)


def _runaway(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: how far from 1 the right gain ends, in powers of ten, the smaller of `RUNAWAYS`."""
    return np.min([np.abs(_both(runs, name)[1]) for name in RUNAWAYS], 0)


CLAIMS = [
    Claim(
        id="own-gain-is-closer",
        text="Averaged over sigmoid, tanh, ELU, SELU, GELU, SiLU and Mish, the gain of the activation itself keeps the "
        "signal closer to its right size than He's gain.",
        source="Saxe, McClelland and Ganguli 2014, Exact solutions to the nonlinear dynamics of learning (for tanh)",
        url="https://arxiv.org/abs/1312.6120",
        statistic="distance of the last layer's mean square from the right one, He's gain minus the own gain, in "
        "powers of ten, mean over seven activations",
        compare=Comparison("mean", lambda results: mean_interval(by_seed(results, _closer))),
        expect="holds",
    ),
    Claim(
        id="no-gain-holds-runaways",
        text="For SwiGLU and ReLU squared, even the right gain misses the right size by more than a factor of "
        "a thousand.",
        source=OWN,
        statistic="distance of the last layer's mean square from the right one, in powers of ten and at most 30, the "
        "smaller of the two",
        compare=Comparison("mean", lambda results: mean_interval(by_seed(results, _runaway)), region=(3.0, math.inf)),
        expect="holds",
    ),
]
