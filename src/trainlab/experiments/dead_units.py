"""Are most units of a deep ReLU network dead, so that it needs Swish?

ReLU networks with 15 hidden layers of 64 units on MNIST-1D, under Adam. Above: the share of units of a layer that give
the same output for all of 1000 training examples, before training and after {=dead_units.steps:.0f} updates;
medians over {=dead_units.seeds:.0f} seeds, bands from the lowest to the highest. Below: the test accuracy of each
seed, for both activations and both initializations, at one learning rate.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
import xarray as xr
from torch import nn

from trainlab import plots
from trainlab.claims import OWN, Claim, difference
from trainlab.data import MNIST1D
from trainlab.inits import He, PyTorchDefault
from trainlab.models import MLP
from trainlab.optimizers import Adam
from trainlab.probes import Snapshot
from trainlab.runs import Run, grid
from trainlab.tuning import Train
from trainlab.types import Tensors

SEEDS = range(10)
DEPTH = 15
ROWS = 1000
ACTIVATIONS: dict[str, type[nn.Module]] = {"ReLU": nn.ReLU, "Swish": nn.SiLU}
INITS = {"PyTorchDefault": PyTorchDefault(), "He": He()}
NAMES = {"PyTorchDefault": "PyTorch"}
DATA = MNIST1D(validation=500, test=2000)

BASE = Run(
    data=DATA,
    model=MLP(inputs=40, outputs=10, depth=DEPTH, width=64),
    optimizer=Adam(),
    lr=0.001,
    batch_size=64,
    steps=300,
)


@dataclass(frozen=True)
class ConstantUnits:
    """The share of each layer's units whose output is the same for all of some training examples.

    A mini-batch would count units as dead that only sleep through these few examples.

    Args:
        data: gives the examples.
        rows: how many of its training rows are looked at, >= 1.
    """

    data: MNIST1D
    rows: int

    axes = ("layer",)

    def __call__(self, snapshot: Snapshot) -> Tensors:
        """Measure.

        Returns:
            `constant_units`, one share a layer.
        """
        inputs = self.data.load().train.x[: self.rows].to(snapshot.inputs)
        outputs = replace(snapshot, inputs=inputs).activations().values()
        return {"constant_units": torch.stack([(o == o[0]).all(0).to(o.dtype).mean() for o in outputs])}


def measure(train: Train) -> xr.Dataset:
    parts: list[xr.Dataset] = []
    for name, activation in ACTIVATIONS.items():
        base = replace(BASE, model=MLP(inputs=40, outputs=10, depth=DEPTH, width=64, activation=activation))
        runs = grid(base, init=INITS.values(), seed=SEEDS)
        part = train(runs, [ConstantUnits(DATA, ROWS)], every=base.steps)
        parts.append(part.assign_coords(activation=("run", [name] * len(runs))))
    return xr.concat(parts, "run", data_vars="all", coords="minimal", compat="override", join="exact")


def _dead(results: xr.Dataset, init: str, step: int) -> np.ndarray:
    """`[seeds, layers]` of the ReLU networks."""
    chosen = (results.activation.values == "ReLU") & (results.init.values == init)
    runs = results.isel(run=np.flatnonzero(chosen)).sortby("seed")
    return runs.constant_units.isel(step=step).transpose("run", "layer").values.astype(np.float64)


def _dead_before(runs: xr.Dataset) -> np.ndarray:
    return 100 * runs.constant_units.isel(step=0).mean("layer").values


def _accuracy(runs: xr.Dataset) -> np.ndarray:
    return 100 * np.nan_to_num(runs.test_accuracy.values)


def _of(results: xr.Dataset, activation: str, init: str) -> np.ndarray:
    chosen = (results.activation.values == activation) & (results.init.values == init)
    return _accuracy(results.isel(run=np.flatnonzero(chosen)).sortby("seed"))


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(SEEDS)), "steps": float(results.steps.values[0]), "depth": float(DEPTH), "rate": BASE.lr}
    for init in INITS:
        key = init.lower().removesuffix("default")
        for step, when in ((0, "before"), (-1, "after")):
            dead = _dead(results, init, step)
            out[f"{key}_{when}"], out[f"{key}_{when}_last"] = 100 * float(dead.mean()), 100 * float(dead[:, -1].mean())
        for activation in ACTIVATIONS:
            values = _of(results, activation, init)
            out[f"{activation.lower()}_{key}_accuracy"] = float(values.mean())
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 6.4)
    above, below = fig.subplots(2, gridspec_kw={"height_ratios": [3, 2.2]})
    layer, at = np.arange(1, DEPTH + 1), {}
    for init in INITS:
        for step, when in ((0, "before"), (-1, "after")):
            line = plots.INIT_LINES[init] | {"linestyle": "-" if step else (0, (4, 1.5))}
            name = f"{NAMES.get(init, init)}, {when}"
            plots.curve(above, layer, _dead(results, init, step), name, line)
            at[name] = float(np.median(_dead(results, init, step)[:, -1]))
    above.set(xlim=(1, DEPTH), ylim=(0, 1.02), xlabel="hidden layer", ylabel="units that never change")
    plots.percent(above.yaxis)
    plots.label_ends(above)
    rows = [(activation, init) for init in INITS for activation in ACTIVATIONS]
    for row, (activation, init) in enumerate(reversed(rows)):
        values = _of(results, activation, init) / 100
        style = {"color": plots.INIT_LINES[init]["color"], "markersize": 5, "alpha": 0.75}
        below.plot(values, row + np.linspace(-0.2, 0.2, len(values)), "o", label=f"{activation}, {init}", **style)
    below.set_yticks(
        range(len(rows)), [f"{activation}, {NAMES.get(init, init)}" for activation, init in reversed(rows)]
    )
    below.tick_params(axis="y", length=0, labelcolor=plots.INK["text"])
    below.grid(visible=False, axis="y")
    below.set(xlabel="test accuracy", xlim=(0, None), ylim=(-0.6, len(rows) - 0.4))
    plots.percent(below.xaxis)


def alt(numbers: dict[str, float]) -> str:
    return (
        "Above, the share of ReLU units that never change, by layer. Before training it is "
        f"{numbers['pytorch_before']:.1f} percent of all with PyTorch's default and "
        f"{numbers['he_before']:.1f} with He's initialization; after training {numbers['pytorch_after']:.1f} and "
        f"{numbers['he_after']:.1f}. Below, mean test accuracy in percent: ReLU "
        f"{numbers['relu_pytorch_accuracy']:.1f} and Swish {numbers['swish_pytorch_accuracy']:.1f} with the "
        f"default, ReLU {numbers['relu_he_accuracy']:.1f} and Swish {numbers['swish_he_accuracy']:.1f} with He's."
    )


CLAIMS = [
    Claim(
        id="the-default-kills",
        text="Before training, more units of the deep ReLU network are dead with PyTorch's default than with He's "
        "initialization.",
        source=OWN,
        statistic="share of units that give one output for all of 1000 examples, default minus He, percentage points",
        compare=difference(
            _dead_before, {"activation": "ReLU", "init": "PyTorchDefault"}, {"activation": "ReLU", "init": "He"}
        ),
        expect="holds",
    ),
    Claim(
        id="swish-mends-the-default",
        text="With PyTorch's default, the deep network ends with a higher test accuracy with Swish than with ReLU.",
        source=OWN,
        statistic="test accuracy, Swish minus ReLU, both from the default, percentage points",
        compare=difference(
            _accuracy,
            {"activation": "Swish", "init": "PyTorchDefault"},
            {"activation": "ReLU", "init": "PyTorchDefault"},
        ),
        expect="reversed",
        why="Near zero Swish is z/2, so it keeps a quarter of the mean square where ReLU keeps half: from a small "
        "initialization it loses the signal faster.",
    ),
    Claim(
        id="he-mends-relu",
        text="The deep ReLU network with He's initialization ends with a higher test accuracy than the Swish network "
        "with PyTorch's default.",
        source=OWN,
        statistic="test accuracy, ReLU from He minus Swish from the default, percentage points",
        compare=difference(
            _accuracy, {"activation": "ReLU", "init": "He"}, {"activation": "Swish", "init": "PyTorchDefault"}
        ),
        expect="holds",
    ),
]
