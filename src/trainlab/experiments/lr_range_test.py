"""Which learning rate does a range test suggest, and which one does a full sweep find?

Left: momentum, right: Adam, on MNIST-1D. Top: the range test. In one run of {=lr_range_test.test_steps:.0f} updates the
learning rate rises by the same factor at every update. The line is the median of the smoothed mini-batch loss over
{=lr_range_test.tests:.0f} tests, the band reaches from the lowest to the highest. Bottom: the sweep, with a run of
{=lr_range_test.steps:.0f} updates at a constant rate for each dot: validation accuracy, mean and range of
{=lr_range_test.tuning_seeds:.0f} seeds. Dotted: the rate at which the loss of the test is lowest. Dashed: a tenth of
it. Solid: the best rate of the sweep. Of the tests' rates, the medians are drawn. Both parts share the axis of rates,
which is logarithmic.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.claims import Claim, Comparison, Verdict, by_seed
from trainlab.comparisons import Measure
from trainlab.data import MNIST1D
from trainlab.optimizers import Adam, Momentum, Optimizer
from trainlab.runs import Run, grid
from trainlab.scheduled import BASE
from trainlab.schedules import RangeTest
from trainlab.stats import mean_interval
from trainlab.tuning import Train, tune

OPTIMIZERS: dict[str, tuple[Optimizer, float, tuple[float, ...]]] = {
    "Momentum": (Momentum(), 10.0, (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)),
    "Adam": (Adam(), 1.0, (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)),
}
"""Name -> optimizer, highest rate of the range test, rates of the sweep."""

STEPS, TEST_STEPS = 400, 200
START_DIVISOR = 1e5
SMOOTHING = 0.9
SEEDS, TUNING_SEEDS, TEST_SEEDS = range(10), range(1000, 1003), range(1010, 1020)
RULES = {"tenth": 0.1, "lowest": 1.0}
"""What part of the rate with the lowest loss is taken."""

TOLERANCE = 2.0
"""Percentage points that a suggested rate may cost and still count as a good one."""


def smoothed(losses: np.ndarray) -> np.ndarray:
    """An exponential moving average along the last axis, corrected for its start at zero. NaN stays NaN."""
    out, mean = np.empty_like(losses, dtype=np.float64), np.zeros(losses.shape[:-1])
    for t in range(losses.shape[-1]):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * losses[..., t]
        out[..., t] = mean / (1 - SMOOTHING ** (t + 1))
    return out


def lowest(rates: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """`[runs]`: the rate at which the smoothed loss is lowest."""
    return rates[np.nan_to_num(losses, nan=np.inf).argmin(-1)]


def _range_test(train: Train, base: Run, top: float) -> tuple[np.ndarray, np.ndarray]:
    """The rates `[updates]`, and the smoothed loss `[tests, updates]`."""
    schedule = RangeTest(START_DIVISOR)
    runs = grid(replace(base, lr=top, schedule=schedule, steps=TEST_STEPS), seed=TEST_SEEDS)
    losses = train(runs, every=TEST_STEPS).batch_loss.values
    steps = losses.shape[1]
    return top * np.array([schedule(step, steps) for step in range(steps)]), smoothed(losses)


def measure(train: Train) -> xr.Dataset:
    if spend := getattr(train, "spend", None):
        spend(TEST_SEEDS)
    parts, edges = [], []
    for name, (optimizer, top, rates) in OPTIMIZERS.items():
        base = replace(BASE, data=MNIST1D(validation=1000), optimizer=optimizer, steps=STEPS)
        tested, losses = _range_test(train, base, top)
        tuned = tune(train, {name: base}, rates, TUNING_SEEDS)
        edges += tuned.at_edge
        found = {"sweep": np.full(len(SEEDS), tuned.best[name].lr)}
        found |= {rule: share * lowest(tested, losses) for rule, share in RULES.items()}
        runs = [
            replace(base, lr=float(lr), seed=seed)
            for lrs in found.values()
            for lr, seed in zip(lrs, SEEDS, strict=True)
        ]
        results = train(runs, every=STEPS)[["test_accuracy", "test_loss"]]
        swept = tuned.trials.validation_accuracy.fillna(0).values[0]
        extra = {
            "tested_rate": (("contender", "at"), tested[None]),
            "tested_loss": (("contender", "test", "at"), losses[None]),
            "swept_rate": (("contender", "trial"), tuned.trials.lr.values),
            "swept_accuracy": (("contender", "trial", "try"), swept[None]),
        }
        names = {"rule": ("run", [rule for rule in found for _ in SEEDS]), "name": ("run", [name] * len(runs))}
        parts.append((results.assign_coords(names), xr.Dataset(extra, coords={"contender": [name]})))
    runs = xr.concat([part for part, _ in parts], "run", data_vars="all", coords="minimal", compat="override")
    extra = xr.concat([part for _, part in parts], "contender", join="outer")
    runs = runs.drop_vars([name for name in runs.coords if name in ("step", "update")])
    return xr.merge([runs, extra]).assign_attrs(at_edge=edges)


def _accuracies(results: xr.Dataset, name: str, rule: str) -> np.ndarray:
    """`[seeds]`, percent; a diverged run has got nothing right."""
    return 100 * np.nan_to_num(by_seed(results, "test_accuracy", name=name, rule=rule))


def _rates(results: xr.Dataset, name: str, rule: str) -> np.ndarray:
    return by_seed(results, lambda runs: runs.lr.values, name=name, rule=rule)


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"steps": float(STEPS), "test_steps": float(TEST_STEPS), "tests": float(len(TEST_SEEDS))}
    out |= {"seeds": float(len(SEEDS)), "tuning_seeds": float(len(TUNING_SEEDS)), "tolerance": TOLERANCE}
    out["sweep_updates"] = float(results.sizes["trial"] * len(TUNING_SEEDS) * STEPS)
    out["cost"] = out["sweep_updates"] / TEST_STEPS
    for name in OPTIMIZERS:
        key = name.lower()
        for rule in ("sweep", *RULES):
            out[f"{key}_{rule}_accuracy"] = float(_accuracies(results, name, rule).mean())
            rates = _rates(results, name, rule)
            out[f"{key}_{rule}_rate"] = float(np.median(rates))
            out[f"{key}_{rule}_lowest"], out[f"{key}_{rule}_highest"] = float(rates.min()), float(rates.max())
        for rule in RULES:
            out[f"{key}_{rule}_cost"] = out[f"{key}_sweep_accuracy"] - out[f"{key}_{rule}_accuracy"]
    return out


def _marks(ax: "plots.Axes", results: xr.Dataset, name: str) -> None:
    styles = {"lowest": (0, (1, 2)), "tenth": (0, (4, 2)), "sweep": "-"}
    for rule, style in styles.items():
        rate = float(np.median(_rates(results, name, rule)))
        ax.axvline(rate, color=plots.INK["text"], linewidth=1, linestyle=style, label=f"_{rule}")


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 4.4)
    axes = fig.subplots(2, 2, sharex="col", sharey="row")
    best = 1.08 * float(results.swept_accuracy.max())
    for column, (name, (_, top, _)) in enumerate(OPTIMIZERS.items()):
        above, below = axes[:, column]
        one, color = results.sel(contender=name), plots.OPTIMIZER_LINES[name]
        rates = one.tested_rate.values
        plots.curve(above, rates, one.tested_loss.values, f"{name}, range test", color)
        _marks(above, results, name)
        accuracy, swept = one.swept_accuracy.values, one.swept_rate.values
        _marks(below, results, name)
        below.vlines(swept, accuracy.min(1), accuracy.max(1), color=color["color"], linewidth=1.2)
        below.plot(swept, accuracy.mean(1), "o", color=color["color"], markersize=5, label=f"{name}, sweep")
        above.set(title=name, ylim=(1, 3.2))
        above.title.set_color(color["color"])
        below.set(xscale="log", xlabel="learning rate", xlim=(top / START_DIVISOR, top), ylim=(0, best))
        plots.percent(below.yaxis)
    axes[0, 0].set_ylabel("mini-batch loss")
    axes[1, 0].set_ylabel("validation accuracy")


def alt(numbers: dict[str, float]) -> str:
    said = "; ".join(
        f"{name}: loss of the test lowest at {numbers[f'{name.lower()}_lowest_rate']:.3g}, best rate of the sweep "
        f"{numbers[f'{name.lower()}_sweep_rate']:.3g}"
        for name in OPTIMIZERS
    )
    return f"Range tests above sweeps, over the learning rate. Median rates: {said}."


def _cost(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: what a tenth of the test's rate costs against the sweep's rate, percentage points."""
    name = str(runs.name.values[0])
    return _accuracies(runs, name, "sweep") - _accuracies(runs, name, "tenth")


def _decades(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: how far the rate with the lowest loss lies above the best of the sweep, in powers of ten."""
    name = str(runs.name.values[0])
    return np.log10(_rates(runs, name, "lowest") / _rates(runs, name, "sweep"))


def _mean(measure: Measure, name: str, region: tuple[float, float]) -> Comparison:
    return Comparison("mean", lambda results: mean_interval(by_seed(results, measure, name=name)), region)


_SMITH: dict[str, Any] = {
    "source": "Smith 2017, Cyclical learning rates for training neural networks, section 3.3",
    "url": "https://arxiv.org/abs/1506.01186",
}

_JUST = (
    "It costs {=lr_range_test.momentum_tenth_cost:.1f} points on average, and the interval only just excludes the "
    "bound. From one test to the next the suggestion differs by more than a factor of 2."
)
_TENTHS: list[tuple[str, str, Verdict, str]] = [
    ("Momentum", "momentum", "reversed", _JUST),
    ("Adam", "Adam", "reversed", "A tenth of the lowest point is too low here."),
]

CLAIMS = [
    *(
        Claim(
            id=f"a-tenth-is-good-enough-{name.lower()}",
            text=f"For {said}, a tenth of the rate at which the range test is lowest costs less than "
            f"{TOLERANCE:g} points of test accuracy against the rate of the sweep.",
            statistic="test accuracy, rate of the sweep minus a tenth of the rate of the range test, percentage points",
            compare=_mean(_cost, name, (-np.inf, TOLERANCE)),
            expect=expected,
            why=why,
            **_SMITH,
        )
        for name, said, expected, why in _TENTHS
    ),
    Claim(
        id="the-lowest-point-is-too-high",
        text="The rate at which the range test of Adam is lowest is higher than the best rate of the sweep.",
        statistic="rate of the lowest loss over the best rate of the sweep, in powers of ten",
        compare=_mean(_decades, "Adam", (0.0, np.inf)),
        expect="holds",
        **_SMITH,
    ),
]
