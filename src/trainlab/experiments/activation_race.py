"""Which activation learns best on the same net, when each starts well and has its own learning rate?

Test accuracy of nets with {=activation_race.depth:.0f} hidden layers of {=activation_race.width:.0f} units (SwiGLU:
{=activation_race.gated_width:.0f} units, which makes as many weights) after {=activation_race.steps:.0f} updates by
momentum on MNIST-1D. LSUV gave every activation its right gain: all pre-activations start with variance 1. Each had an
equal budget to find its rate on the validation split. Filled circles are
means over {=activation_race.seeds:.0f} fresh seeds, thin lines their 95 % intervals (Student's), small dots the single
runs.
"""

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.activations import ACTIVATIONS, key
from trainlab.claims import Claim, Comparison, by_seed, difference
from trainlab.data import MNIST1D
from trainlab.inits import LSUV
from trainlab.optimizers import Momentum
from trainlab.runs import Run
from trainlab.stats import mean_interval
from trainlab.tuning import Train, tune

DEPTH, WIDTH, GATED_WIDTH, STEPS = 3, 48, 32, 400
RATES = (0.003, 0.01, 0.03, 0.1, 0.3)
SEEDS, TUNING_SEEDS = range(10), range(1000, 1002)


def measure(train: Train) -> xr.Dataset:
    data = MNIST1D(validation=1000, test=5000)
    contenders = {
        name: Run(
            data=data,
            model=kind.model(inputs=40, depth=DEPTH, width=GATED_WIDTH if kind.gated else WIDTH),
            init=LSUV(data),
            optimizer=Momentum(),
            lr=RATES[0],
            batch_size=64,
            steps=STEPS,
        )
        for name, kind in ACTIVATIONS.items()
    }
    tuned = tune(train, contenders, RATES, TUNING_SEEDS)
    results = train(tuned.fresh(SEEDS), every=STEPS)
    results = results.assign_coords(activation=("run", [name for name in ACTIVATIONS for _ in SEEDS]))
    return results.assign_attrs(at_edge=tuned.at_edge, rates=tuned.trials.sizes["trial"])


def _accuracies(results: xr.Dataset, name: str) -> np.ndarray:
    """`[seeds]`; a diverged run has none."""
    return np.nan_to_num(by_seed(results, "test_accuracy", activation=name))


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"depth": float(DEPTH), "width": float(WIDTH), "gated_width": float(GATED_WIDTH), "steps": float(STEPS)}
    out |= {"seeds": float(len(SEEDS)), "rates": float(results.rates), "tuning_seeds": float(len(TUNING_SEEDS))}
    for name in ACTIVATIONS:
        out[f"{key(name)}_accuracy"] = 100 * float(_accuracies(results, name).mean())
        out[f"{key(name)}_lr"] = float(results.lr.values[results.activation.values == name][0])
        out[f"{key(name)}_loss"] = float(np.median(by_seed(results, "train_loss@100%", activation=name)))
    means = sorted(out[f"{key(name)}_accuracy"] for name in ACTIVATIONS)
    return out | {"lowest": means[0], "highest": means[-1], "spread": means[-1] - means[0]}


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 4.6)
    ax = fig.subplots()
    names = sorted(ACTIVATIONS, key=lambda name: _accuracies(results, name).mean())
    color = plots.SERIES[0]
    for row, name in enumerate(names):
        values = _accuracies(results, name)
        mean = mean_interval(values)
        ax.plot(values, np.full(len(values), row), ".", color=color, alpha=0.35, markersize=4, label=f"{name}, runs")
        ax.plot([mean.low, mean.high], [row, row], color=color, linewidth=1.4, label=f"_interval {name}")
        ax.plot([mean.value], [row], "o", color=color, label=name)
    ax.set_yticks(np.arange(len(names)), names)
    ax.tick_params(axis="y", length=0, labelcolor=plots.INK["text"])
    ax.grid(visible=False, axis="y")
    ax.set_xlabel("test accuracy")
    plots.percent(ax.xaxis)


def alt(numbers: dict[str, float]) -> str:
    said = ", ".join(f"{name} {numbers[f'{key(name)}_accuracy']:.1f} %" for name in ACTIVATIONS)
    return f"Dot plot of test accuracy with a row for each of eleven activations. Means: {said}."


def _beats(better: str, worse: str) -> Comparison:
    return difference(
        lambda runs: 100 * np.nan_to_num(by_seed(runs, "test_accuracy")), {"activation": better}, {"activation": worse}
    )


CLAIMS = [
    Claim(
        id="gelu-beats-relu",
        text="GELU reaches a higher test accuracy than ReLU.",
        source="Hendrycks and Gimpel 2016, Gaussian error linear units",
        url="https://arxiv.org/abs/1606.08415",
        statistic="test accuracy, GELU minus ReLU, percentage points",
        compare=_beats("GELU", "ReLU"),
        expect="holds",
    ),
    Claim(
        id="swiglu-beats-gelu",
        text="With as many weights, SwiGLU reaches a higher test accuracy than GELU.",
        source="Shazeer 2020, GLU variants improve transformer",
        url="https://arxiv.org/abs/2002.05202",
        statistic="test accuracy, SwiGLU minus GELU, percentage points",
        compare=_beats("SwiGLU", "GELU"),
        expect="reversed",
        why="A likely reason: this is a plain net, and a unit that multiplies two maps makes a wrong size worse at "
        "each layer, by a power of about {=activation_shapes.swiglu_sensitivity:.1f}. It survives only at a learning "
        "rate of {=activation_race.swiglu_lr:g}, where GELU takes {=activation_race.gelu_lr:g}. Transformers put it "
        "between a normalization and a residual connection.",
    ),
    Claim(
        id="mish-beats-silu",
        text="Mish reaches a higher test accuracy than SiLU.",
        source="Misra 2020, Mish: a self regularized non-monotonic activation function",
        url="https://arxiv.org/abs/1908.08681",
        statistic="test accuracy, Mish minus SiLU, percentage points",
        compare=_beats("Mish", "SiLU"),
        expect="null",
        why="The two functions are nearly the same, and so are their accuracies here.",
    ),
    Claim(
        id="relu-beats-sigmoid",
        text="ReLU reaches a higher test accuracy than the sigmoid.",
        source="Glorot, Bordes and Bengio 2011, Deep sparse rectifier neural networks",
        url="https://proceedings.mlr.press/v15/glorot11a.html",
        statistic="test accuracy, ReLU minus sigmoid, percentage points",
        compare=_beats("ReLU", "sigmoid"),
        expect="holds",
    ),
]
