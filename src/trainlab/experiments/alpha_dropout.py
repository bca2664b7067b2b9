"""Which dropout suits SELU units?

Above: variance of each layer's outputs in training mode, before the first update, in a net of
{=alpha_dropout.deep:.0f} layers of SELU units with LeCun's weights, with a share of {=alpha_dropout.signal_rate:g} of
the units dropped in one way or the other. Lines are medians over {=alpha_dropout.seeds:.0f} networks, bands reach from
the lowest to the highest. Below: test accuracy of nets with {=alpha_dropout.depth:.0f} layers of SELU units on
{=alpha_dropout.rows:.0f} examples, each tuned with {=alpha_dropout.trials:.0f} trials. Filled circles are means over
{=alpha_dropout.seeds:.0f} fresh seeds, thin lines their 95 % intervals (Student's), small dots the single runs.
"""

import numpy as np
import torch
import xarray as xr
from torch import nn

from trainlab import plots
from trainlab.claims import Claim, Comparison, within
from trainlab.data import MNIST1D
from trainlab.inits import LeCun
from trainlab.layers import AlphaDropout, Dropout
from trainlab.loop import AT_END
from trainlab.models import OrderedMLP
from trainlab.optimizers import Adam
from trainlab.overfitting import MANY_RATES, ROWS, data, finite
from trainlab.probes import Snapshot, axes
from trainlab.runs import Run, grid
from trainlab.stats import mean_interval, paired_difference
from trainlab.tuning import Train, tune
from trainlab.types import Tensors

DEEP, WIDE, EXAMPLES, SIGNAL_RATE = 32, 200, 100, 0.1
DEPTH, WIDTH, STEPS = 8, 64, 300
KINDS: dict[str, type[Dropout]] = {"alpha dropout": AlphaDropout, "dropout": Dropout}
NONE = "none"
COLORS = {"alpha dropout": plots.SERIES[3], "dropout": plots.SERIES[0], NONE: plots.INK["muted"]}
RATES = (0.0003, 0.001, 0.003, 0.01)
STRENGTHS = (0.005, 0.01, 0.02, 0.05, 0.1)
TUNING_SEEDS = range(1000, 1002)
SEEDS = range(30, 40)
"""Others than those that showed that the grids were too short."""
TOLERANCE = 0.1


@axes("layer")
def layer_variance(snapshot: Snapshot) -> Tensors:
    """Of each layer's outputs, over examples and units, with dropout as in training.

    Returns:
        `layer_mean` and `layer_variance`, each with one value a layer.
    """
    layers = list(snapshot.activations().values())
    return {
        "layer_mean": torch.stack([values.mean() for values in layers]),
        "layer_variance": torch.stack([values.var(correction=0) for values in layers]),
    }


def _model(kind: str, depth: int, width: int, rate: float) -> OrderedMLP:
    return OrderedMLP(
        inputs=40,
        outputs=10,
        depth=depth,
        width=width,
        order=("linear", "activation", "dropout"),
        activation=nn.SELU,
        dropout=rate,
        dropout_layer=KINDS.get(kind, Dropout),
    )


def measure(train: Train) -> xr.Dataset:
    parts = []
    for kind in KINDS:
        base = Run(
            data=MNIST1D(rows=EXAMPLES, validation=10, test=10),
            model=_model(kind, DEEP, WIDE, SIGNAL_RATE),
            init=LeCun(),
            lr=1e-6,
            batch_size=EXAMPLES,
            steps=1,
        )
        signals = train(grid(base, seed=SEEDS), [layer_variance]).isel(step=0, drop=True)
        columns = {"kind": kind, "part": "signal", "rate": SIGNAL_RATE}
        labels = {name: ("run", [value] * len(SEEDS)) for name, value in columns.items()}
        parts.append(signals[["layer_mean", "layer_variance"]].assign_coords(labels))
    trained, edges = _trained(train)
    joined = xr.concat([*parts, trained], "run", data_vars="all", coords="minimal", compat="override", join="outer")
    return joined.assign_attrs(at_edge=edges)


def _trained(train: Train) -> tuple[xr.Dataset, list[str]]:
    """The tuned nets on fresh seeds."""
    contenders = {
        kind: Run(
            data=data(),
            model=_model(kind, DEPTH, WIDTH, 0.0 if kind == NONE else STRENGTHS[0]),
            init=LeCun(),
            optimizer=Adam(),
            lr=RATES[0],
            batch_size=32,
            steps=STEPS,
        )
        for kind in (*KINDS, NONE)
    }
    rates = {kind: MANY_RATES if kind == NONE else RATES for kind in contenders}
    space = {kind: {} if kind == NONE else {"model.dropout": STRENGTHS} for kind in contenders}
    tuned = tune(train, contenders, rates, TUNING_SEEDS, space)
    runs = tuned.fresh(SEEDS)
    results = train(runs, every=AT_END).isel(step=-1, drop=True)[["test_accuracy", "train_accuracy"]]
    labels = [kind for kind in contenders for _ in SEEDS]
    chosen = [float(tuned.best[kind].model.dropout) for kind in labels]  # pyright: ignore[reportFunctionMemberAccess]
    columns = {"kind": labels, "part": ["trained"] * len(labels), "rate": chosen}
    # Below the lowest rate of dropout lies the network without, which is a contender: that is no edge.
    edges = [edge for edge in tuned.at_edge if f"(model.dropout = {STRENGTHS[0]:g})" not in edge]
    return results.assign_coords({name: ("run", column) for name, column in columns.items()}), edges


def _of(results: xr.Dataset, part: str, kind: str) -> xr.Dataset:
    return results.isel(run=(results.part.values == part) & (results.kind.values == kind)).sortby("seed")


def _layers(results: xr.Dataset, kind: str, variable: str = "layer_variance") -> np.ndarray:
    """`[seeds, layers]`."""
    return _of(results, "signal", kind)[variable].transpose("run", "layer").values.astype(np.float64)


def _accuracies(results: xr.Dataset, kind: str) -> np.ndarray:
    """`[seeds]`; a run that diverged has none."""
    return finite(_of(results, "trained", kind).test_accuracy.values)


def _key(kind: str) -> str:
    return kind.replace(" ", "_")


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"deep": float(DEEP), "wide": float(WIDE), "depth": float(DEPTH), "width": float(WIDTH), "rows": float(ROWS)}
    out |= {"signal_rate": SIGNAL_RATE, "seeds": float(len(SEEDS)), "steps": float(STEPS), "tolerance": TOLERANCE}
    out["trials"] = float(len(MANY_RATES))
    for kind in KINDS:
        out[f"{_key(kind)}_variance"] = float(np.median(_layers(results, kind)[:, -1]))
        out[f"{_key(kind)}_mean"] = float(np.median(_layers(results, kind, "layer_mean")[:, -1]))
        out[f"{_key(kind)}_mean_variance"] = float(_layers(results, kind).mean())
    for kind in (*KINDS, NONE):
        runs = _of(results, "trained", kind)
        out[f"{_key(kind)}_accuracy"] = 100 * float(_accuracies(results, kind).mean())
        out[f"{_key(kind)}_train"] = 100 * float(finite(runs.train_accuracy.values).mean())
        out |= {f"{_key(kind)}_rate": float(runs.rate.values[0]), f"{_key(kind)}_lr": float(runs.lr.values[0])}
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 5.4)
    above, below = fig.subplots(2)
    for kind in KINDS:
        plots.curve(above, np.arange(1, DEEP + 1), _layers(results, kind), kind, {"color": COLORS[kind]})
    above.axhline(1, color=plots.INK["text"], linewidth=1, linestyle=(0, (4, 3)))
    above.set(xlabel="layer", ylabel="variance of the outputs", xlim=(1, DEEP), ylim=(0, None))
    plots.label_ends(above)
    names = list(COLORS)[::-1]
    for row, kind in enumerate(names):
        values, color = _accuracies(results, kind), COLORS[kind]
        mean = mean_interval(values)
        below.plot(values, np.full(len(values), row), ".", color=color, alpha=0.35, markersize=4, label=f"{kind}, runs")
        below.plot([mean.low, mean.high], [row, row], color=color, linewidth=1.4, label=f"_interval {kind}")
        below.plot([mean.value], [row], "o", color=color, label=f"{kind}, trained")
    below.set_yticks(np.arange(len(names)), names)
    below.tick_params(axis="y", length=0, labelcolor=plots.INK["text"])
    below.grid(visible=False, axis="y")
    below.set(xlabel="test accuracy", ylim=(-0.5, len(names) - 0.5))
    plots.percent(below.xaxis)


def alt(numbers: dict[str, float]) -> str:
    said = ", ".join(f"{kind} {numbers[f'{_key(kind)}_accuracy']:.1f} %" for kind in (*KINDS, NONE))
    return (
        f"Two plots. Above, the variance of the outputs by layer; in the last it is "
        f"{numbers['alpha_dropout_variance']:.2f} with alpha dropout and {numbers['dropout_variance']:.2f} with "
        f"dropout. Below, test accuracy after training: {said}."
    )


def _beats(better: str, worse: str) -> Comparison:
    return Comparison(
        "paired difference",
        lambda results: paired_difference(100 * _accuracies(results, better), 100 * _accuracies(results, worse)),
    )


def _variance_deviation(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: the mean of the layers' variances, minus 1."""
    return runs.layer_variance.transpose("run", "layer").values.astype(np.float64).mean(1) - 1


_SOURCE = "Klambauer et al. 2017, Self-normalizing neural networks"
_URL = "https://arxiv.org/abs/1706.02515"

CLAIMS = [
    Claim(
        id="alpha-dropout-keeps-the-variance",
        text="With alpha dropout, the variance of the outputs of SELU layers stays at 1.",
        source=_SOURCE,
        url=_URL,
        statistic="variance, mean over the layers, minus 1; the band is ±0.1",
        compare=within(_variance_deviation, TOLERANCE, part="signal", kind="alpha dropout"),
        expect="holds",
    ),
    Claim(
        id="dropout-raises-the-variance",
        text="With ordinary dropout the variance is higher than with alpha dropout.",
        source=_SOURCE,
        url=_URL,
        statistic="variance, mean over the layers, dropout minus alpha dropout",
        compare=Comparison(
            "paired difference",
            lambda results: paired_difference(
                _layers(results, "dropout").mean(1), _layers(results, "alpha dropout").mean(1)
            ),
        ),
        expect="holds",
    ),
    Claim(
        id="alpha-dropout-beats-dropout",
        text="With SELU units, tuned alpha dropout has a higher test accuracy than tuned dropout.",
        source=_SOURCE,
        url=_URL,
        statistic="test accuracy, alpha dropout minus dropout, percentage points",
        compare=_beats("alpha dropout", "dropout"),
        expect="null",
        why="A likely reason: the variance that it keeps is not what limits a net of this depth.",
    ),
]
