"""How many updates does a larger batch save?

Updates of SGD until the training loss is {=batch_size_steps.target:g}, against the batch size, on MNIST-1D
with a network of 40-64-64-10. The loss is that of 1000 training examples, and was measured about
{=batch_size_steps.measurements:.0f} times in a run. Both axes are logarithmic. For each batch size the
learning rate was tuned on an equal budget, for the fewest updates. The line is the median over
{=batch_size_steps.seeds:.0f} fresh seeds, the band reaches from the lowest to the highest run. Dashed: each
doubling of the batch halves the updates. The further the line is above the dashed one, the more examples a
larger batch wastes.
"""

from dataclasses import replace

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.claims import Claim, by_seed, slope
from trainlab.comparisons import Comparison, Curves
from trainlab.data import MNIST1D
from trainlab.history import first_reach
from trainlab.optimizers import SGD
from trainlab.runs import Run, grid
from trainlab.stats import mean_interval
from trainlab.tuning import Train
from trainlab.workloads import FRESH_SEEDS, RACE

TARGET = 1.2
"""Nats; guessing has 2.3."""

STEPS = {8: 1800, 16: 960, 32: 520, 64: 340, 128: 220, 256: 160, 512: 130, 1024: 120}
"""Batch size -> updates of a run, well beyond the target at a good rate."""

MEASUREMENTS = 60
RATES = (0.03, 0.1, 0.3, 1.0, 3.0)
TUNING_SEEDS = range(1000, 1002)
SMALL, LARGE = (8, 16, 32, 64), (256, 512, 1024)


def _base(batch: int) -> Run:
    data = MNIST1D(validation=100, test=100)  # neither is looked at
    return replace(RACE, data=data, optimizer=SGD(), batch_size=batch, steps=STEPS[batch])


def _updates(results: xr.Dataset) -> np.ndarray:
    """`[runs]`: updates until the target was first measured."""
    return first_reach(results.train_loss.values, results.step.values, TARGET, falling=True)


def _one(train: Train, batch: int, rates: list[float], seeds: range) -> xr.Dataset:
    return train(grid(_base(batch), lr=rates, seed=seeds), every=max(1, STEPS[batch] // MEASUREMENTS))


def measure(train: Train) -> xr.Dataset:
    if spend := getattr(train, "spend", None):
        spend(TUNING_SEEDS)
    rows, edges = [], []
    for batch in STEPS:
        tried = _updates(_one(train, batch, list(RATES), TUNING_SEEDS)).reshape(len(RATES), -1).mean(1)
        best = int(np.argmin(tried))
        if best in (0, len(RATES) - 1) and np.isfinite(tried[best]):
            edges.append(f"batch size {batch} (lr = {RATES[best]:g})")
        fresh = _one(train, batch, [RATES[best]], FRESH_SEEDS)
        rows.append(fresh[["test_loss"]].assign(updates=("run", _updates(fresh))))
    results = xr.concat(rows, "run", data_vars="all", coords="minimal", compat="override", join="exact")
    return results.drop_vars([n for n in results.coords if n in ("step", "update")]).assign_attrs(at_edge=edges)


def _table(runs: xr.Dataset, batches: tuple[int, ...]) -> np.ndarray:
    """`[seeds, batches]`: updates to the target; a run that never got there counts as if it did at its end."""
    columns = [np.minimum(by_seed(runs, "updates", batch_size=batch), STEPS[batch]) for batch in batches]
    return np.stack(columns, 1)


def _logs(batches: tuple[int, ...]) -> Curves:
    """The curves for `slope`, on logarithmic axes."""

    def curves(runs: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
        return np.log2(batches), np.log2(_table(runs, batches))

    return curves


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"target": TARGET, "seeds": float(len(FRESH_SEEDS)), "never": float(np.isinf(results.updates.values).sum())}
    out["measurements"] = float(MEASUREMENTS)
    for batch in STEPS:
        out[f"batch_{batch}"] = float(batch)
        out[f"updates_{batch}"] = float(np.median(_table(results, (batch,))))
        out[f"examples_{batch}"] = out[f"updates_{batch}"] * batch
        out[f"lr_{batch}"] = float(results.lr.values[results.batch_size.values == batch][0])
    for name, batches in (("small", SMALL), ("large", LARGE)):
        x, y = _logs(batches)(results)
        out[f"{name}_factor"] = float(2 ** np.polyfit(x, y.mean(0), 1)[0])
    return out | {"wasted": out["examples_1024"] / out["examples_8"]}


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    ax = fig.subplots()
    batches = np.array(list(STEPS))
    table = _table(results, tuple(STEPS))
    plots.curve(ax, batches, table, "SGD", plots.OPTIMIZER_LINES["SGD"])
    halving = np.median(table[:, 0]) * batches[0] / batches
    plots.prediction(ax, batches, halving, "halving")
    ax.set(xscale="log", yscale="log", xlabel="batch size", ylabel="updates to the target")
    plots.plain_ticks(ax.xaxis, batches)
    plots.plain_ticks(ax.yaxis, [10, 30, 100, 300, 1000])
    ax.text(batches[-3], halving[-3] * 0.75, "halving", ha="right", va="top", color=plots.INK["muted"])


def alt(numbers: dict[str, float]) -> str:
    rows = ", ".join(f"{numbers[f'batch_{batch}']:.0f}: {numbers[f'updates_{batch}']:.0f}" for batch in STEPS)
    return (
        f"Line plot of updates to a training loss of {numbers['target']:g} against the batch size, on logarithmic "
        f"axes, with a dashed line that halves. Median updates by batch size: {rows}."
    )


def _flattening(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: slope among the large batches minus slope among the small ones."""
    slopes = []
    for batches in (LARGE, SMALL):
        x, y = _logs(batches)(runs)
        slopes.append(y @ (x - x.mean()) / ((x - x.mean()) ** 2).sum())
    return slopes[0] - slopes[1]


_HALVING = slope(_logs(SMALL))

CLAIMS = [
    Claim(
        id="nearly-halving",
        text="From batches of 8 to batches of 64, twice the batch size leaves less than 60 % of the updates.",
        source="Shallue et al. 2018, Measuring the effects of data parallelism on neural network training",
        url="https://arxiv.org/abs/1811.03600",
        statistic="slope of log2 of the updates against log2 of the batch size, 8 to 64; −0.737 leaves 60 %",
        compare=_HALVING,
        region=(-np.inf, float(np.log2(0.6))),
        expect="holds",
    ),
    Claim(
        id="saturation",
        text="From batches of 256 on, twice the batch size saves much less than half of the updates.",
        source="McCandlish et al. 2018, An empirical model of large-batch training",
        url="https://arxiv.org/abs/1812.06162",
        statistic="slope of log2 of the updates against log2 of the batch size, 256 to 1024, minus the slope from 8 to "
        "64",
        compare=Comparison("difference of slopes", lambda results: mean_interval(by_seed(results, _flattening))),
        region=(0.25, np.inf),
        expect="holds",
    ),
]
