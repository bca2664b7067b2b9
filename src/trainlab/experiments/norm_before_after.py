"""Should batch norm stand before or after the activation?

Test accuracy after {=norm_before_after.steps:.0f} updates of nets with {=norm_before_after.depth:.0f} hidden layers of
{=norm_before_after.width:.0f} units on MNIST-1D, without batch norm, with it before and after the activation. Each net
runs at the rate that won on the validation split among {=norm_before_after.rates:.0f}. Filled circles are means over
{=norm_before_after.seeds:.0f} fresh seeds, thin lines their 95 % intervals (Student's), small dots the single runs.
"""

import numpy as np
import xarray as xr
from torch import nn

from trainlab import plots
from trainlab.claims import Claim, Comparison, by_seed, difference
from trainlab.data import MNIST1D
from trainlab.inits import Glorot, He
from trainlab.normnets import NormMLP
from trainlab.norms import BatchNorm
from trainlab.optimizers import Momentum
from trainlab.runs import Run
from trainlab.stats import mean_interval
from trainlab.tuning import Train, tune

DEPTH, WIDTH, STEPS = 4, 40, 300
RATES = (0.01, 0.03, 0.1, 0.3, 1.0)
SEEDS, TUNING_SEEDS = range(10), range(1000, 1002)
ACTIVATIONS: dict[str, type[nn.Module]] = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "ReLU": nn.ReLU}
PLACES = ("without", "before", "after")
COLORS = {"without": plots.SERIES[1], "before": plots.SERIES[0], "after": plots.SERIES[6]}


def _run(activation: str, place: str) -> Run:
    model = NormMLP(
        inputs=40,
        outputs=10,
        depth=DEPTH,
        width=WIDTH,
        activation=ACTIVATIONS[activation],
        norm=None if place == "without" else BatchNorm,
        after=place == "after",
    )
    init = He() if activation == "ReLU" else Glorot()
    data = MNIST1D(validation=1000, test=5000)
    return Run(data=data, model=model, init=init, optimizer=Momentum(), lr=0.1, batch_size=64, steps=STEPS)


def measure(train: Train) -> xr.Dataset:
    cases = [(activation, place) for activation in ACTIVATIONS for place in PLACES]
    tuned = tune(train, {f"{a}, {p}": _run(a, p) for a, p in cases}, RATES, TUNING_SEEDS)
    results = train(tuned.fresh(SEEDS), every=STEPS)
    results = results.assign_coords(
        activation=("run", [activation for activation, _ in cases for _ in SEEDS]),
        place=("run", [place for _, place in cases for _ in SEEDS]),
    )
    return results.assign_attrs(at_edge=tuned.at_edge, rates=tuned.trials.sizes["trial"])


def _accuracies(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]` in percent; a diverged run has none."""
    return 100 * np.nan_to_num(by_seed(runs, "test_accuracy"))


def _of(results: xr.Dataset, activation: str, place: str) -> np.ndarray:
    return by_seed(results, _accuracies, activation=activation, place=place)


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"depth": float(DEPTH), "width": float(WIDTH), "steps": float(STEPS), "seeds": float(len(SEEDS))}
    out["rates"] = float(results.attrs["rates"])
    for activation in ACTIVATIONS:
        for place in PLACES:
            key = f"{activation}_{place}".lower()
            mine = results.isel(run=(results.activation.values == activation) & (results.place.values == place))
            out[f"{key}_accuracy"] = float(_of(results, activation, place).mean())
            out[f"{key}_lr"] = float(mine.lr.values[0])
        key = activation.lower()
        out[f"{key}_after_gain"] = out[f"{key}_after_accuracy"] - out[f"{key}_before_accuracy"]
        out[f"{key}_before_gain"] = -out[f"{key}_after_gain"]
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 4.4)
    ax = fig.subplots()
    rows = [(activation, place) for activation in reversed(ACTIVATIONS) for place in reversed(PLACES)]
    for row, (activation, place) in enumerate(rows):
        height, values, color = row + 0.5 * (row // len(PLACES)), _of(results, activation, place) / 100, COLORS[place]
        mean, name = mean_interval(values), f"{activation}, {place}"
        ax.plot(values, np.full(len(values), height), ".", color=color, alpha=0.35, markersize=4, label=f"{name}, runs")
        ax.plot([mean.low, mean.high], [height, height], color=color, linewidth=1.4, label=f"_interval {name}")
        ax.plot([mean.value], [height], "o", color=color, label=name)
    heights = [row + 0.5 * (row // len(PLACES)) for row in range(len(rows))]
    ax.set_yticks(heights, [f"{activation}, {place}" for activation, place in rows])
    ax.tick_params(axis="y", length=0, labelcolor=plots.INK["text"])
    ax.grid(visible=False, axis="y")
    ax.set_xlabel("test accuracy")
    plots.percent(ax.xaxis)


def alt(numbers: dict[str, float]) -> str:
    said = "; ".join(
        f"{name} " + ", ".join(f"{place} {numbers[f'{name.lower()}_{place}_accuracy']:.1f}" for place in PLACES)
        for name in ACTIVATIONS
    )
    return f"Dot plot of test accuracy by activation and place of the batch norm. Means in percent: {said}."


def _after_beats_before(activation: str) -> Comparison:
    where = {"activation": activation}
    return difference(_accuracies, where | {"place": "after"}, where | {"place": "before"})


_STATISTIC = "test accuracy, batch norm after the activation minus before it, percentage points"

CLAIMS = [
    Claim(
        id="relu-after-is-better",
        text="For ReLU, batch norm after the activation reaches a higher test accuracy than before it.",
        source="Mishkin, Sergievskiy and Matas 2017, Systematic evaluation of CNN advances on the ImageNet",
        url="https://arxiv.org/abs/1606.02228",
        statistic=_STATISTIC,
        compare=_after_beats_before("ReLU"),
        expect="null",
        why="The source measured a convolutional net on photographs. On the draft seeds of this net it was reversed.",
    ),
    Claim(
        id="sigmoid-before-is-better",
        text="For the sigmoid, batch norm before the activation reaches a higher test accuracy than after it.",
        source="Ioffe and Szegedy 2015, Batch normalization, section 3.2",
        url="https://arxiv.org/abs/1502.03167",
        statistic="test accuracy, batch norm before the activation minus after it, percentage points",
        compare=difference(
            _accuracies, {"activation": "sigmoid", "place": "before"}, {"activation": "sigmoid", "place": "after"}
        ),
        expect="reversed",
        why="A likely reason: after the sigmoid, the norm takes out the half that all examples share and gives the "
        "next layer inputs of mean 0.",
    ),
]
