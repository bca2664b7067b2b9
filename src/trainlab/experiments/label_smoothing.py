"""What does label smoothing do to a network's confidence?

Mean confidence, which is the probability of the answer, and test accuracy, by the share of each target that is spread
over all classes; 0 is the network without smoothing. Where the lines meet, the network is as sure as it is right. Each
share runs at the learning rate that is best for it on the validation split. Points are means over
{=label_smoothing.seeds:.0f} fresh seeds, bands 95 % intervals (Student's). Both lines are on the first
{=label_smoothing.test_rows:.0f} test examples, of which all probabilities were kept; other figures count all test
examples, so their accuracies differ a little.
"""

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.calibration import accuracy, calibration_error, log_loss
from trainlab.claims import Claim, Comparison
from trainlab.overfitting import FRESH_SEEDS, METHODS, NONE, ROWS, data, finite, fresh, joined, of, tune_all
from trainlab.stats import mean_interval, paired_difference
from trainlab.tuning import Train

NAME = "label smoothing"
STRENGTHS = (0.0, *METHODS[NAME].strengths)


def measure(train: Train) -> xr.Dataset:
    tuned = tune_all(train)
    parts = [fresh(train, tuned, name)[["test_accuracy", "test_logs"]] for name in (NONE, NAME)]
    return joined(parts).assign_attrs(at_edge=[edge for edge in tuned.at_edge if edge.startswith(NAME)])


def _each(results: xr.Dataset, strength: float, what: str) -> np.ndarray:
    """`[seeds]`: confidence, accuracy, error of calibration or loss on the hard labels, on the first test rows."""
    logs = of(results, strength=strength).test_logs.transpose("run", ..., "answer").values
    labels = data().load().test.y.numpy()[: logs.shape[1]]
    ways = {
        "confidence": lambda one: float(np.exp(one.max(1)).mean()),
        "accuracy": lambda one: accuracy(one, labels),
        "error": lambda one: calibration_error(one, labels),
        "loss": lambda one: log_loss(one, labels),
    }
    return np.array([ways[what](one) for one in logs])


def _best(results: xr.Dataset) -> float:
    return float(of(results, method=NAME, best=True).strength.values[0])


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(FRESH_SEEDS)), "rows": float(ROWS), "tuned": _best(results)}
    out["test_rows"] = float(results.sizes["test_row"])
    for index, strength in enumerate(STRENGTHS):
        for what, unit in (("confidence", 100), ("accuracy", 100), ("error", 100), ("loss", 1)):
            out[f"{what}_{index}"] = unit * float(_each(results, strength, what).mean())
            if strength == _best(results):
                out[f"{what}_tuned"] = out[f"{what}_{index}"]
        out[f"smoothing_{index}"] = strength
    out["test_accuracy"] = 100 * float(finite(of(results, method=NAME, best=True).test_accuracy.values).mean())
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    ax = fig.subplots()
    for what, color in (("confidence", plots.SERIES[1]), ("accuracy", plots.SERIES[0])):
        found = [mean_interval(_each(results, strength, what)) for strength in STRENGTHS]
        low, middle, high = (np.array([getattr(one, part) for one in found]) for part in ("low", "value", "high"))
        ax.fill_between(STRENGTHS, low, high, color=color, alpha=0.16, linewidth=0, label=f"_band {what}")
        ax.plot(STRENGTHS, middle, marker="o", markersize=4, color=color, label=what)
    ax.set(xlabel="label smoothing", ylabel="on test examples")
    plots.percent(ax.yaxis)
    plots.label_ends(ax)


def alt(numbers: dict[str, float]) -> str:
    last = len(STRENGTHS) - 1
    return (
        f"Line plot of confidence and accuracy against label smoothing. Without smoothing the mean confidence is "
        f"{numbers['confidence_0']:.1f} % and the accuracy {numbers['accuracy_0']:.1f} %; at "
        f"{numbers[f'smoothing_{last}']:g} they are {numbers[f'confidence_{last}']:.1f} % and "
        f"{numbers[f'accuracy_{last}']:.1f} %."
    )


def _lower(what: str, unit: float) -> Comparison:
    """Without smoothing minus with the tuned smoothing."""
    return Comparison(
        "paired difference",
        lambda results: paired_difference(
            unit * _each(results, 0.0, what), unit * _each(results, _best(results), what)
        ),
    )


_SOURCE = "Müller et al. 2019, When does label smoothing help?"
_URL = "https://arxiv.org/abs/1906.02629"

CLAIMS = [
    Claim(
        id="smoothing-lowers-confidence",
        text="With the tuned label smoothing the mean confidence on test examples is lower than without.",
        source=_SOURCE,
        url=_URL,
        statistic="mean confidence, without minus with smoothing, percentage points",
        compare=_lower("confidence", 100),
        expect="holds",
    ),
    Claim(
        id="smoothing-calibrates",
        text="Its expected calibration error is lower too.",
        source=_SOURCE,
        url=_URL,
        statistic="expected calibration error, without minus with smoothing, percentage points",
        compare=_lower("error", 100),
        expect="holds",
    ),
]
