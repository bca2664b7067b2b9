"""Does weight decay harm if it also pulls on the scale of batch norm?

Test accuracy after {=norm_decay_on_scale.steps:.0f} updates against the strength of decoupled weight decay, for nets of
ReLU and of sigmoid units, {=norm_decay_on_scale.width:.0f} in each of {=norm_decay_on_scale.depth:.0f} hidden layers,
with batch norm, at rate {=norm_decay_on_scale.lr:g}. Decay acts on the weight matrices alone, or on everything: scales,
shifts and biases too. Lines are medians over {=norm_decay_on_scale.seeds:.0f} seeds, bands reach from the lowest to the
highest. The axis of strengths is logarithmic; its left end is no decay.
"""

from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from torch import nn

from trainlab import plots
from trainlab.claims import OWN, Claim, Comparison, by_seed, difference, within
from trainlab.data import MNIST1D
from trainlab.inits import Glorot, He
from trainlab.normnets import NormMLP
from trainlab.optimizers import Momentum
from trainlab.optimizers.base import Param, Rate, Step
from trainlab.probes import Snapshot, axes
from trainlab.runs import Run, grid
from trainlab.tuning import Train
from trainlab.types import Init, State, Tensors

DEPTH, WIDTH, STEPS, LR = 3, 40, 300, 0.1
DECAYS = (0.0, 0.001, 0.01, 0.1)
SEEDS = range(10)
ACTIVATIONS: dict[str, tuple[type[nn.Module], Init]] = {"ReLU": (nn.ReLU, He()), "sigmoid": (nn.Sigmoid, Glorot())}
ON = {"matrices": True, "everything": False}
LINES = {"matrices": plots.NORM_LINES["batch"], "everything": {"color": plots.SERIES[3]}}
TOLERANCE = 2.0
"""Percentage points that count as no difference."""


@dataclass(frozen=True, kw_only=True)
class MomentumWithDecay:
    r"""Momentum, and decoupled weight decay on the matrices or on everything.

    Args:
        weight_decay: $\lambda$ of $w \leftarrow w - \eta \lambda w$.
        matrices_only: whether vectors (scales, shifts, biases) are spared.
    """

    weight_decay: float
    matrices_only: bool

    def init(self, w: Param) -> State:
        """A velocity of zero."""
        return Momentum().init(w)

    def update(self, g: Param, state: State, w: Param, lr: Rate, t: int) -> Step:
        """One update."""
        step, state = Momentum().update(g, state, w, lr, t)
        if self.matrices_only and w.ndim < 2:
            return step, state
        return step - lr * self.weight_decay * w, state


@axes("layer")
def mean_scale(snapshot: Snapshot) -> Tensors:
    """The mean size of the scales of each batch norm.

    Returns:
        `scale`, one value a layer.
    """
    scales = [w.abs().mean() for name, w in snapshot.weights.items() if name.endswith("1.weight") and w.ndim == 1]
    return {"scale": torch.stack(scales)}


def measure(train: Train) -> xr.Dataset:
    parts: list[xr.Dataset] = []
    for activation, (kind, init) in ACTIVATIONS.items():
        for on, matrices_only in ON.items():
            runs = []
            for decay in DECAYS:
                optimizer = MomentumWithDecay(weight_decay=decay, matrices_only=matrices_only)
                run = Run(
                    data=MNIST1D(validation=500, test=5000),
                    model=NormMLP(inputs=40, outputs=10, depth=DEPTH, width=WIDTH, activation=kind),
                    init=init,
                    optimizer=optimizer,
                    lr=LR,
                    batch_size=64,
                    steps=STEPS,
                )
                runs += grid(run, seed=SEEDS)
            results = train(runs, [mean_scale], every=STEPS)
            decays = [decay for decay in DECAYS for _ in SEEDS]
            marks = {"decay": decays, "activation": [activation] * len(runs), "on": [on] * len(runs)}
            parts.append(results.assign_coords({name: ("run", values) for name, values in marks.items()}))
    return xr.concat(parts, "run", data_vars="all", coords="minimal", compat="override", join="exact")


def _accuracy(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]` in percent; a diverged run has none."""
    return 100 * np.nan_to_num(by_seed(runs, "test_accuracy"))


def _table(results: xr.Dataset, activation: str, on: str) -> np.ndarray:
    """`[seeds, decays]`, in percent."""
    return np.stack([by_seed(results, _accuracy, activation=activation, on=on, decay=decay) for decay in DECAYS], 1)


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"depth": float(DEPTH), "width": float(WIDTH), "lr": LR, "seeds": float(len(SEEDS)), "tolerance": TOLERANCE}
    out |= {"steps": float(results.steps.values[0]), "strongest": DECAYS[-1], "usual": DECAYS[2]}
    out["pull"] = LR * DECAYS[2] / (0.001 * 0.01)  # that of a step, over that of AdamW's defaults
    for decay in DECAYS:
        out[f"factor_{decay:g}"] = (1 - LR * decay) ** out["steps"]
    for activation in ACTIVATIONS:
        for on in ON:
            chosen = (results.activation.values == activation) & (results.on.values == on)
            for decay, value in zip(DECAYS, _table(results, activation, on).mean(0), strict=True):
                mine = results.isel(run=chosen & (results.decay.values == decay))
                out[f"{activation.lower()}_{on}_{decay:g}"] = float(value)
                out[f"{activation.lower()}_{on}_{decay:g}_scale"] = float(mine.scale.isel(step=-1).mean())
    out["usual_loss"] = out[f"sigmoid_matrices_{DECAYS[2]:g}"] - out[f"sigmoid_everything_{DECAYS[2]:g}"]
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 5.2)
    x = np.array([DECAYS[1] / 10, *DECAYS[1:]])
    axes = fig.subplots(2, sharex=True)
    for ax, activation in zip(axes, ACTIVATIONS, strict=True):
        for on in ON:
            values = _table(results, activation, on) / 100
            plots.curve(ax, x, values, on, LINES[on] | {"marker": "o"})
        ax.set(xscale="log", ylabel="test accuracy")
        ax.set_title(activation)
        ax.set_xticks(x, [f"{decay:g}" for decay in DECAYS])
        ax.minorticks_off()
        ax.tick_params(labelbottom=True)
        plots.percent(ax.yaxis)
        plots.label_ends(ax)
    axes[-1].set_xlabel("weight decay")


def alt(numbers: dict[str, float]) -> str:
    def said(activation: str) -> str:
        key = activation.lower()
        strongest = f"{DECAYS[-1]:g}"
        return (
            f"{activation} {numbers[f'{key}_matrices_{strongest}']:.1f} on the matrices and "
            f"{numbers[f'{key}_everything_{strongest}']:.1f} on everything"
        )

    return (
        f"Line plots of test accuracy against the strength of weight decay. Means in percent at the strongest, "
        f"{numbers['strongest']:g}: {'; '.join(map(said, ACTIVATIONS))}."
    )


def _spared_minus_decayed(activation: str, decay: float) -> Comparison:
    where = {"activation": activation, "decay": decay}
    return difference(_accuracy, where | {"on": "matrices"}, where | {"on": "everything"})


def _gap_at_usual(runs: xr.Dataset) -> np.ndarray:
    one, other = (by_seed(runs, _accuracy, on=on, decay=DECAYS[2]) for on in ON)
    return one - other


_STATISTIC = "test accuracy, decay on the matrices alone minus decay on everything, percentage points"

CLAIMS = [
    Claim(
        id="sigmoid-suffers",
        text="At the strongest decay, the sigmoid net ends with a lower test accuracy if scales, shifts and biases "
        "decay too.",
        source=OWN,
        statistic=_STATISTIC,
        compare=_spared_minus_decayed("sigmoid", DECAYS[-1]),
        expect="holds",
    ),
    Claim(
        id="relu-suffers",
        text="So does the ReLU net.",
        source=OWN,
        statistic=_STATISTIC,
        compare=_spared_minus_decayed("ReLU", DECAYS[-1]),
        expect="holds",
    ),
    Claim(
        id="usual-strength-is-harmless",
        text="At the strength 0.01, the number that is AdamW's default, the difference in the sigmoid net is less than "
        "2 points.",
        source=OWN,
        statistic=f"{_STATISTIC}; the band is ±{TOLERANCE:g}",
        compare=within(_gap_at_usual, TOLERANCE, activation="sigmoid"),
        expect="holds",
    ),
]
