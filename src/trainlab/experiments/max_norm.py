"""What does a limit on the norm of each unit's weights do, alone and beside dropout?

Above: the norm of the weights into a hidden unit after training, mean over units of the second hidden layer, for each
limit and without one. No norm can lie above the dashed line. Each limit has its own learning rate, so the line need not
end at the level without a limit. Below: test accuracy without a regularizer, with the limit, with dropout, and with
both. Beside dropout, the limit and the rate had {=max_norm.trials:.0f} trials, and so had dropout alone, with as many
rates; the dropout rate is {=max_norm.dropout:g} for both. Filled circles are means over {=max_norm.seeds:.0f} fresh
seeds, thin lines their 95 % intervals (Student's), small dots the single runs.
"""

from dataclasses import replace

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.claims import OWN, Claim, Comparison
from trainlab.optimizers import Adam
from trainlab.optimizers.penalties import MaxNorm
from trainlab.overfitting import (
    FRESH_SEEDS,
    MANY_RATES,
    METHODS,
    NET,
    NONE,
    PROBLEM,
    RATES,
    TRIALS,
    finite,
    fresh,
    joined,
    of,
    tune_all,
)
from trainlab.stats import mean_interval, paired_difference
from trainlab.tuning import Train, tune

NAME, DROPOUT, BOTH = "max-norm", "dropout", "both"
LIMITS = METHODS[NAME].strengths
RATE = 0.2
LAYER = 1
TUNING_SEEDS = range(1000, 1001)
COLORS = {
    NONE: plots.REGULARIZER_LINES[NONE]["color"],
    NAME: plots.REGULARIZER_LINES[NAME]["color"],
    DROPOUT: plots.REGULARIZER_LINES[DROPOUT]["color"],
    BOTH: plots.SERIES[5],
}


def measure(train: Train) -> xr.Dataset:
    tuned = tune_all(train)
    parts = [fresh(train, tuned, name)[["test_accuracy", "largest_row", "mean_row"]] for name in (NONE, NAME)]
    dropped = replace(PROBLEM, model=replace(NET, dropout=RATE))
    contenders = {DROPOUT: dropped, BOTH: replace(dropped, optimizer=MaxNorm(Adam()))}
    space = {DROPOUT: {}, BOTH: {"optimizer.limit": LIMITS}}
    pair = tune(train, contenders, {DROPOUT: MANY_RATES, BOTH: RATES}, TUNING_SEEDS, space)
    last = train(pair.fresh(FRESH_SEEDS), every=PROBLEM.steps)[["test_accuracy"]]
    labels = [name for name in contenders for _ in FRESH_SEEDS]
    limits = [float(getattr(pair.best[name].optimizer, "limit", 0.0)) for name in labels]
    parts.append(
        last.assign_coords(method=("run", labels), strength=("run", limits), best=("run", [True] * len(labels)))
    )
    parts = [part.drop_vars("rows", errors="ignore") for part in parts]
    edges = [edge for edge in tuned.at_edge if edge.startswith((NONE, NAME))]
    return joined(parts).assign_attrs(at_edge=[*edges, *pair.at_edge])


def _norms(results: xr.Dataset, limit: float, variable: str = "mean_row") -> np.ndarray:
    """`[seeds]`; limit 0 is none."""
    runs = of(results, method=NAME if limit else NONE, strength=limit)
    return runs[variable].isel(weight=LAYER).values.astype(np.float64)


def _accuracies(results: xr.Dataset, name: str) -> np.ndarray:
    """`[seeds]`; a run that diverged has none."""
    return finite(of(results, method=name, best=True).test_accuracy.values)


def _key(name: str) -> str:
    return name.replace("-", "_")


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(FRESH_SEEDS)), "trials": float(TRIALS), "dropout": RATE}
    out |= {
        "free_mean": float(_norms(results, 0.0).mean()),
        "free_largest": float(_norms(results, 0.0, "largest_row").max()),
    }
    for index, limit in enumerate(LIMITS):
        out |= {f"limit_{index}": limit, f"mean_{index}": float(_norms(results, limit).mean())}
        out[f"largest_{index}"] = float(_norms(results, limit, "largest_row").max())
    for name in COLORS:
        out[f"{_key(name)}_accuracy"] = 100 * float(_accuracies(results, name).mean())
        out[f"{_key(name)}_lr"] = float(of(results, method=name, best=True).lr.values[0])
    for name in (NAME, BOTH):
        out[f"{_key(name)}_limit"] = float(of(results, method=name, best=True).strength.values[0])
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 5.6)
    above, below = fig.subplots(2)
    norms = np.array([_norms(results, limit) for limit in LIMITS]).T
    plots.curve(above, np.array(LIMITS), norms, "mean norm", {"color": COLORS[NAME], "marker": "o", "markersize": 4})
    free = float(_norms(results, 0.0).mean())
    above.plot(LIMITS, [free] * len(LIMITS), color=COLORS[NONE], label="no limit")
    above.plot(
        [0, max(LIMITS)], [0, max(LIMITS)], color=plots.INK["text"], linewidth=1, linestyle=(0, (4, 3)), label="_c"
    )
    above.set(xlabel="limit $c$", ylabel="norm of a unit's weights", xlim=(0, max(LIMITS) * 1.02), ylim=(0, None))
    plots.label_ends(above)
    names = list(COLORS)[::-1]
    for row, name in enumerate(names):
        values, color = _accuracies(results, name), COLORS[name]
        mean = mean_interval(values)
        below.plot(values, np.full(len(values), row), ".", color=color, alpha=0.35, markersize=4, label=f"{name}, runs")
        below.plot([mean.low, mean.high], [row, row], color=color, linewidth=1.4, label=f"_interval {name}")
        below.plot([mean.value], [row], "o", color=color, label=name)
    below.set_yticks(np.arange(len(names)), names)
    below.tick_params(axis="y", length=0, labelcolor=plots.INK["text"])
    below.grid(visible=False, axis="y")
    below.set(xlabel="test accuracy", ylim=(-0.5, len(names) - 0.5))
    plots.percent(below.xaxis)


def alt(numbers: dict[str, float]) -> str:
    said = ", ".join(f"{name} {numbers[f'{_key(name)}_accuracy']:.1f} %" for name in COLORS)
    return (
        f"Two plots. Above, the mean norm of the weights into a unit against the limit: {numbers['mean_0']:.2f} at a "
        f"limit of {numbers['limit_0']:g}, and {numbers['free_mean']:.2f} without a limit. Below, mean test accuracy: "
        f"{said}."
    )


def _beats(better: str, worse: str) -> Comparison:
    return Comparison(
        "paired difference",
        lambda results: paired_difference(100 * _accuracies(results, better), 100 * _accuracies(results, worse)),
    )


CLAIMS = [
    Claim(
        id="max-norm-helps-dropout",
        text="Dropout with a limit on the norms has a higher test accuracy than dropout alone.",
        source="Srivastava et al. 2014, Dropout: a simple way to prevent neural networks from overfitting, section 5.1",
        url="https://jmlr.org/papers/v15/srivastava14a.html",
        statistic="test accuracy, both minus dropout alone, percentage points",
        compare=_beats(BOTH, DROPOUT),
        expect="null",
        why="The limit holds: without it the mean norm is {=max_norm.free_mean:.2f}. But holding it changes the "
        "accuracy by less than {=max_norm.seeds:.0f} seeds can show.",
    ),
    Claim(
        id="both-beat-max-norm",
        text="Both have a higher test accuracy than the limit alone.",
        source=OWN,
        statistic="test accuracy, both minus max-norm alone, percentage points",
        compare=_beats(BOTH, NAME),
        expect="null",
        why="Alone, max-norm gains little, so there was little to add.",
    ),
]
