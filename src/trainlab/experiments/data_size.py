"""How many examples is a regularizer worth?

Test accuracy by the number of training examples, without a regularizer (line) and, at {=data_size.rows:.0f} examples,
with each of them (dots; squares are the relatives of the dots in the same colour, and all are moved a little sideways
so that none hides another). Both were tuned with {=data_size.trials:.0f} trials each. Where the level of a dot meets
the line, the network without a regularizer has as many examples as the regularizer is worth. Points are means over
{=data_size.seeds:.0f} fresh seeds, the band is the 95 % interval (Student's).
"""

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.claims import OWN, Claim, Comparison
from trainlab.overfitting import FRESH_SEEDS, METHODS, NONE, ROWS, TRIALS, finite, fresh, joined, of, tune_all, tune_at
from trainlab.stats import mean_interval, paired_difference
from trainlab.tuning import Train, scores

SIZES = (250, 500, 1000, 2000, 4000)


def measure(train: Train) -> xr.Dataset:
    parts, edges = [], []
    for rows in SIZES:
        tuned = tune_at(train, rows, (NONE, "dropout"))
        parts.append(fresh(train, tuned, NONE, rows)[["test_accuracy"]])
        edges += [f"{rows} rows: {edge}" for edge in tuned.at_edge]
    everything = tune_all(train)
    parts += [of(fresh(train, everything, name), best=True)[["test_accuracy"]] for name in METHODS]
    by_validation = scores(everything.trials).max("trial").sel(contender=list(METHODS))
    winner = str(by_validation.contender.values[int(by_validation.values.argmax())])
    return joined(parts).assign_attrs(at_edge=[*edges, *everything.at_edge], winner=winner)


def _accuracies(results: xr.Dataset, method: str, rows: int = ROWS) -> np.ndarray:
    """`[seeds]`; a run that diverged has none."""
    return finite(of(results, method=method, rows=rows).test_accuracy.values)


def _worth(results: xr.Dataset, method: str) -> float:
    """The number of examples with which the line has the mean accuracy of a method, by interpolating log examples."""
    line = np.array([_accuracies(results, NONE, rows).mean() for rows in SIZES])
    level = float(_accuracies(results, method).mean())
    return float(np.exp(np.interp(level, np.maximum.accumulate(line), np.log(SIZES))))


def _key(method: str) -> str:
    return method.lower().replace(" ", "_").replace("-", "_")


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"rows": float(ROWS), "trials": float(TRIALS), "seeds": float(len(FRESH_SEEDS))}
    for index, rows in enumerate(SIZES):
        out |= {f"size_{index}": float(rows), f"none_{rows}": 100 * float(_accuracies(results, NONE, rows).mean())}
    for name in METHODS:
        out[f"{_key(name)}_accuracy"] = 100 * float(_accuracies(results, name).mean())
        out[f"{_key(name)}_worth"] = _worth(results, name)
    winner = results.attrs["winner"]
    out |= {"winner_accuracy": out[f"{_key(winner)}_accuracy"], "winner_worth": out[f"{_key(winner)}_worth"]}
    out["doubling"] = out["none_2000"] - out["none_1000"]
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 4.6)
    ax = fig.subplots()
    found = [mean_interval(_accuracies(results, NONE, rows)) for rows in SIZES]
    low, middle, high = (np.array([getattr(one, part) for one in found]) for part in ("low", "value", "high"))
    gray = plots.REGULARIZER_LINES[NONE]["color"]
    ax.fill_between(SIZES, low, high, color=gray, alpha=0.2, linewidth=0, label="_band no regularizer")
    ax.plot(SIZES, middle, marker="o", markersize=4, color=gray, label="no regularizer")
    for place, name in zip(np.geomspace(ROWS / 1.25, ROWS * 1.25, len(METHODS)), METHODS, strict=True):
        line = plots.REGULARIZER_LINES[name]
        marker = "s" if "linestyle" in line else "o"
        ax.plot([place], [_accuracies(results, name).mean()], marker, color=line["color"], markersize=6, label=name)
    ax.set(xscale="log", xlabel="training examples", ylabel="test accuracy")
    plots.plain_ticks(ax.xaxis, SIZES)
    plots.percent(ax.yaxis)
    squares = [name for name in METHODS if "linestyle" in plots.REGULARIZER_LINES[name]]
    plots.label_ends(ax, {name: f"{name} (square)" for name in squares})


def alt(numbers: dict[str, float]) -> str:
    said = ", ".join(
        f"{numbers[f'none_{rows}']:.1f} % with {numbers[f'size_{index}']:.0f}" for index, rows in enumerate(SIZES)
    )
    dots = ", ".join(f"{name} {numbers[f'{_key(name)}_accuracy']:.1f} %" for name in METHODS)
    return (
        f"Line plot of test accuracy without a regularizer against the number of training examples: {said}. Dots at "
        f"{numbers['rows']:.0f} examples: {dots}."
    )


CLAIMS = [
    Claim(
        id="doubling-beats-regularizing",
        text="Twice the examples bring a higher test accuracy than the regularizer that did best on the validation "
        "split.",
        source=OWN,
        statistic="test accuracy, 2000 examples without a regularizer minus 1000 with the best one, percentage points",
        compare=Comparison(
            "paired difference",
            lambda results: paired_difference(
                100 * _accuracies(results, NONE, 2 * ROWS), 100 * _accuracies(results, results.attrs["winner"])
            ),
        ),
        expect="holds",
    ),
]
