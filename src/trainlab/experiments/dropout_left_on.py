"""What does it cost to leave dropout on when a network is used?

Test accuracy by dropout rate, of the same trained networks: with dropout off, as it should be; with dropout left on,
which is what happens without model.eval(); and with dropout on, averaged over {=dropout_left_on.passes:.0f} masks,
which is done on purpose. Each rate runs at the learning rate that is best for it on the validation split. Points are
means over {=dropout_left_on.seeds:.0f} fresh seeds, bands 95 % intervals (Student's), on the first
{=dropout_left_on.test_rows:.0f} test examples, of which all probabilities were kept; other figures count all test
examples, so their accuracies differ a little.
"""

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.calibration import accuracy
from trainlab.claims import OWN, Claim, Comparison
from trainlab.overfitting import FRESH_SEEDS, METHODS, PASSES, ROWS, data, fresh, of, tune_all
from trainlab.stats import mean_interval, paired_difference
from trainlab.tuning import Train

RATES = METHODS["dropout"].strengths
WAYS = {"off": "test_logs", "left on": "test_logs_of_1", "averaged": f"test_logs_of_{PASSES}"}
COLORS = {"off": plots.SERIES[0], "left on": plots.SERIES[1], "averaged": plots.SERIES[2]}


def measure(train: Train) -> xr.Dataset:
    tuned = tune_all(train)
    edges = [edge for edge in tuned.at_edge if edge.startswith("dropout")]
    return fresh(train, tuned, "dropout")[list(WAYS.values())].assign_attrs(at_edge=edges)


def _each(results: xr.Dataset, rate: float, way: str) -> np.ndarray:
    """`[seeds]`: test accuracy in percent."""
    logs = of(results, strength=rate)[WAYS[way]].transpose("run", ..., "answer").values
    labels = data().load().test.y.numpy()[: logs.shape[1]]
    return np.array([100 * accuracy(one, labels) for one in logs])


def _disagreement(results: xr.Dataset, rate: float) -> np.ndarray:
    """`[seeds]`: percent of the test examples that get another answer with dropout left on than with dropout off."""
    off, on = (of(results, strength=rate)[WAYS[way]].transpose("run", ..., "answer") for way in ("off", "left on"))
    return 100 * (off.values.argmax(2) != on.values.argmax(2)).mean(1)


def _tuned(results: xr.Dataset) -> float:
    return float(of(results, best=True).strength.values[0])


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(FRESH_SEEDS)), "rows": float(ROWS), "passes": float(PASSES), "tuned": _tuned(results)}
    out["test_rows"] = float(results.sizes["test_row"])
    for index, rate in enumerate(RATES):
        out[f"rate_{index}"] = rate
        for way in WAYS:
            out[f"{way.replace(' ', '_')}_{index}"] = float(_each(results, rate, way).mean())
        out[f"changed_{index}"] = float(_disagreement(results, rate).mean())
        if rate == _tuned(results):
            out |= {f"{way.replace(' ', '_')}_tuned": out[f"{way.replace(' ', '_')}_{index}"] for way in WAYS}
            out["changed_tuned"] = out[f"changed_{index}"]
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    ax = fig.subplots()
    for way, color in COLORS.items():
        found = [mean_interval(_each(results, rate, way) / 100) for rate in RATES]
        low, middle, high = (np.array([getattr(one, part) for one in found]) for part in ("low", "value", "high"))
        ax.fill_between(RATES, low, high, color=color, alpha=0.16, linewidth=0, label=f"_band {way}")
        ax.plot(RATES, middle, marker="o", markersize=4, color=color, label=way)
    ax.set(xlabel="dropout rate", ylabel="test accuracy")
    plots.percent(ax.yaxis)
    plots.label_ends(ax)


def alt(numbers: dict[str, float]) -> str:
    last = len(RATES) - 1
    said = "; ".join(
        f"at rate {numbers[f'rate_{index}']:g} {numbers[f'off_{index}']:.1f} % with dropout off and "
        f"{numbers[f'left_on_{index}']:.1f} % with it left on"
        for index in (0, last)
    )
    return f"Line plot of test accuracy against the dropout rate. Means: {said}."


def _off_minus(way: str) -> Comparison:
    """At the highest rate."""
    return Comparison(
        "paired difference",
        lambda results: paired_difference(_each(results, RATES[-1], "off"), _each(results, RATES[-1], way)),
    )


CLAIMS = [
    Claim(
        id="left-on-costs-accuracy",
        text="At the highest rate, dropout left on costs more than one point of test accuracy.",
        source="Srivastava et al. 2014, Dropout: a simple way to prevent neural networks from overfitting",
        url="https://jmlr.org/papers/v15/srivastava14a.html",
        statistic="test accuracy, off minus left on, percentage points",
        compare=Comparison("paired difference", _off_minus("left on").estimate, (1.0, np.inf)),
        expect="holds",
    ),
    Claim(
        id="averaging-mends-it",
        text="The average over {=dropout_left_on.passes:.0f} masks is within one point of dropout off.",
        source=OWN,
        statistic="test accuracy, off minus averaged, percentage points; the band is ±1",
        compare=Comparison("paired difference", _off_minus("averaged").estimate, (-1.0, 1.0)),
        expect="null",
        why="A likely reason: at the highest rate 20 masks are too few to average the noise away.",
    ),
]
