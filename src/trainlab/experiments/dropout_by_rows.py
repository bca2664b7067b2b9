"""Does dropout help more when there are fewer training examples?

Above: loss on training and test examples at the end of training, by the number of training examples, for the network
without dropout and with it. Each point has its own learning rate and, with dropout, its own dropout rate, chosen on the
validation split by an equal budget of {=dropout_by_rows.trials:.0f} trials. Both axes are logarithmic. Below: test
accuracy by dropout rate, where 0 is the network without. Points are means over {=dropout_by_rows.seeds:.0f} fresh
seeds. Bands reach from the lowest to the highest seed above, and are 95 % intervals (Student's) below.
"""

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.claims import OWN, Claim, Comparison
from trainlab.overfitting import (
    FRESH_SEEDS,
    METHODS,
    NONE,
    RATES,
    ROWS,
    STEPS,
    TRIALS,
    TUNING_SEEDS,
    fresh,
    joined,
    of,
    tune_at,
)
from trainlab.stats import Estimate, mean_interval, paired_difference
from trainlab.tuning import Train

SIZES = (250, 500, 1000, 2000, 4000)
SWEPT = (250, 1000, 4000)
"""Examples for which every dropout rate is drawn."""

FEWEST, MOST = SIZES[0], SIZES[-1]
METHOD = "dropout"


def measure(train: Train) -> xr.Dataset:
    parts, edges = [], []
    for rows in SIZES:
        tuned = tune_at(train, rows, (NONE, METHOD))
        parts += [fresh(train, tuned, name, rows, rows in SWEPT) for name in (NONE, METHOD)]
        edges += [f"{rows} rows: {edge}" for edge in tuned.at_edge]
    kept = ["train_loss", "train_accuracy", "test_loss", "test_accuracy"]
    return joined([part[kept] for part in parts]).assign_attrs(at_edge=edges)


def _at(results: xr.Dataset, rows: int, method: str, variable: str, strength: float | None = None) -> np.ndarray:
    """`[seeds]`, at the tuned strength or at a given one."""
    where = {"best": True} if strength is None else {"strength": strength}
    return of(results, rows=rows, method=method, **where)[variable].values.astype(np.float64)


def _gain(results: xr.Dataset, rows: int, variable: str) -> np.ndarray:
    """`[seeds]`: tuned dropout minus none."""
    return _at(results, rows, METHOD, variable) - _at(results, rows, NONE, variable)


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(FRESH_SEEDS)), "trials": float(TRIALS), "tuning_seeds": float(len(TUNING_SEEDS))}
    out["rates"] = float(len(RATES))
    out |= {"fewest": float(FEWEST), "most": float(MOST), "middle": float(ROWS), "steps": float(STEPS)}
    for rows in SIZES:
        for name in (NONE, METHOD):
            for variable in ("train_loss", "test_loss"):
                out[f"{name}_{rows}_{variable}"] = float(_at(results, rows, name, variable).mean())
            for variable in ("train_accuracy", "test_accuracy"):
                out[f"{name}_{rows}_{variable}"] = 100 * float(_at(results, rows, name, variable).mean())
            out[f"{name}_{rows}_lr"] = float(of(results, rows=rows, method=name, best=True).lr.values[0])
        out[f"rate_{rows}"] = float(of(results, rows=rows, method=METHOD, best=True).strength.values[0])
        out[f"gain_{rows}"] = 100 * float(_gain(results, rows, "test_accuracy").mean())
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 6.4)
    above, below = fig.subplots(2)
    _losses(above, results)
    _rates(below, results)


def _losses(ax: "plots.Axes", results: xr.Dataset) -> None:
    for name, color in ((NONE, plots.SERIES[1]), (METHOD, plots.SERIES[0])):
        for variable, style in (("test_loss", "-"), ("train_loss", (0, (4, 1.5)))):
            found = [_range(_at(results, rows, name, variable)) for rows in SIZES]
            said = "without" if name == NONE else "with dropout"
            _line(ax, np.array(SIZES), found, f"{said}, {variable[:-5]}", {"color": color, "linestyle": style})
    ax.set(xscale="log", yscale="log", ylabel="loss (nats)", xlabel="training examples")
    plots.plain_ticks(ax.xaxis, SIZES)
    plots.label_ends(ax)


def _rates(ax: "plots.Axes", results: xr.Dataset) -> None:
    rates = (0.0, *METHODS[METHOD].strengths)
    for index, rows in enumerate(SWEPT):
        found = [mean_interval(_at(results, rows, METHOD if rate else NONE, "test_accuracy", rate)) for rate in rates]
        _line(ax, np.array(rates), found, f"{rows} examples", {"color": plots.SERIES[index]})
    ax.set(xlabel="dropout rate", ylabel="test accuracy")
    plots.percent(ax.yaxis)
    plots.label_ends(ax)


def _range(values: np.ndarray) -> Estimate:
    """The mean, and the lowest and the highest: an interval around a mean near zero has no place on a log axis."""
    return Estimate(float(values.mean()), float(values.min()), float(values.max()), len(values))


def _line(ax: "plots.Axes", x: np.ndarray, found: list[Estimate], label: str, line: dict[str, object]) -> None:
    low, middle, high = (np.array([getattr(one, part) for one in found]) for part in ("low", "value", "high"))
    ax.fill_between(x, low, high, color=str(line["color"]), alpha=0.16, linewidth=0, label=f"_band {label}")
    ax.plot(x, middle, marker="o", markersize=3.5, label=label, **line)  # pyright: ignore[reportArgumentType]


def alt(numbers: dict[str, float]) -> str:
    said = "; ".join(
        f"with {numbers[name]:.0f} examples {numbers[f'none_{rows}_test_loss']:.2f} without dropout and "
        f"{numbers[f'dropout_{rows}_test_loss']:.2f} with it"
        for name, rows in (("fewest", FEWEST), ("middle", ROWS), ("most", MOST))
    )
    return (
        f"Two line plots. Above, losses against the number of training examples; the mean test loss is {said}. Below, "
        f"test accuracy against the dropout rate, a line for each number of examples."
    )


def _difference(variable: str, rows: int, sign: float = 1.0) -> Comparison:
    return Comparison(
        "paired difference",
        lambda results: paired_difference(
            sign * _at(results, rows, METHOD, variable), sign * _at(results, rows, NONE, variable)
        ),
    )


_SOURCE = "Srivastava et al. 2014, Dropout: a simple way to prevent neural networks from overfitting"
_URL = "https://jmlr.org/papers/v15/srivastava14a.html"

CLAIMS = [
    Claim(
        id="dropout-lowers-test-loss",
        text="With {=dropout_by_rows.middle:.0f} training examples, tuned dropout has a lower test loss at the end of "
        "training than none.",
        source=_SOURCE,
        url=_URL,
        statistic="test loss, without minus with dropout, nats",
        compare=_difference("test_loss", ROWS, -1.0),
        expect="null",
        why="A likely reason: tuning chose both rates for accuracy, and the loss of a net that overfits depends on "
        "them.",
    ),
    Claim(
        id="dropout-raises-train-loss",
        text="Its training loss is higher.",
        source=_SOURCE,
        url=_URL,
        statistic="training loss, with minus without dropout, nats",
        compare=_difference("train_loss", ROWS),
        expect="holds",
    ),
    Claim(
        id="dropout-raises-accuracy",
        text="With {=dropout_by_rows.middle:.0f} training examples, tuned dropout has a higher test accuracy than "
        "none.",
        source=_SOURCE,
        url=_URL,
        statistic="test accuracy, with minus without dropout, percentage points",
        compare=Comparison(
            "paired difference",
            lambda results: paired_difference(
                100 * _at(results, ROWS, METHOD, "test_accuracy"), 100 * _at(results, ROWS, NONE, "test_accuracy")
            ),
        ),
        expect="reversed",
        why="A likely reason: tuning. The network without dropout chose among {=dropout_by_rows.trials:.0f} learning "
        "rates, the one with it among {=dropout_by_rows.rates:.0f} for each dropout rate, and with "
        "{=dropout_by_rows.tuning_seeds:.0f} seeds.",
    ),
    Claim(
        id="gain-grows-as-data-shrinks",
        text="The gain in accuracy is larger with {=dropout_by_rows.fewest:.0f} examples than with "
        "{=dropout_by_rows.most:.0f}.",
        source=OWN,
        statistic="gain in test accuracy by dropout, with the fewest minus with the most examples, percentage points",
        compare=Comparison(
            "paired difference",
            lambda results: paired_difference(
                100 * _gain(results, FEWEST, "test_accuracy"), 100 * _gain(results, MOST, "test_accuracy")
            ),
        ),
        expect="holds",
    ),
]
