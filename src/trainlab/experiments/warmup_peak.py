"""Does a warm-up let a higher peak rate survive?

Test accuracy against the peak rate, for a network of {=warmup_peak.depth:.0f} hidden layers of
{=warmup_peak.width:.0f} ReLU units on MNIST-1D; top: Adam, bottom: SGD with momentum. From the peak the rate falls to
zero in a straight line. “none” starts at the peak. “warm-up” rises to it over the first {=warmup_peak.rise:.0f} of
{=warmup_peak.steps:.0f} updates. “wait” takes no step at all in these updates, while Adam's running means fill. Lines
are medians over {=warmup_peak.seeds:.0f} seeds, bands reach from the lowest to the highest run; a run that diverged
counts as 0. The axis of rates is logarithmic.
"""

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.claims import OWN, Claim, Comparison, by_seed, difference
from trainlab.data import MNIST1D, REPORTS
from trainlab.inits import He
from trainlab.loop import AT_END
from trainlab.models import MLP
from trainlab.optimizers import Adam, Momentum, Optimizer
from trainlab.runs import Run, grid
from trainlab.schedules import Linear, Warmup
from trainlab.stats import mean_interval
from trainlab.tuning import Train
from trainlab.types import Schedule

STEPS, RISE, DEPTH, WIDTH = 250, 50, 5, 64
SEEDS = range(10)
SURVIVES = 0.5
"""The share of the seed's best test accuracy, over all rates and starts, from which a run counts as alive."""


@dataclass(frozen=True)
class Wait:
    """No step for some updates, in which an optimizer sees gradients all the same; then another schedule.

    Args:
        updates: how many, >= 1.
        after: the schedule for the rest.
    """

    updates: int
    after: Schedule

    def __call__(self, step: int, steps: int) -> float:
        """The multiplier at a step."""
        return 0.0 if step < self.updates else self.after(step - self.updates, max(steps - self.updates, 1))


STARTS: dict[str, Schedule] = {
    "none": Linear(),
    "warm-up": Warmup(RISE, after=Linear()),
    "wait": Wait(RISE, after=Linear()),
}
LINES = {
    "none": {"color": plots.SERIES[7]},
    "warm-up": {"color": plots.SERIES[2]},
    "wait": {"color": plots.SERIES[4], "linestyle": (0, (4, 1.5))},
}
METHODS: dict[str, tuple[Optimizer, tuple[float, ...], tuple[str, ...]]] = {
    "Adam": (Adam(), (0.004, 0.008, 0.016, 0.032, 0.045, 0.064, 0.09, 0.128, 0.18), ("none", "warm-up", "wait")),
    "Momentum": (Momentum(), (0.04, 0.08, 0.16, 0.23, 0.32, 0.45, 0.64), ("none", "warm-up")),
}
"""Name -> optimizer, peak rates, starts."""

CROWDED = (0.045, 0.09, 0.18, 0.23, 0.45)
"""Rates between two ticks."""

BASE = Run(
    data=MNIST1D(validation=500, test=5000),
    model=MLP(inputs=40, outputs=10, depth=DEPTH, width=WIDTH),
    init=He(),
    lr=0.01,
    batch_size=64,
    steps=STEPS,
)


def measure(train: Train) -> xr.Dataset:
    parts: list[xr.Dataset] = []
    for method, (optimizer, rates, starts) in METHODS.items():
        base = replace(BASE, optimizer=optimizer)
        results = train(
            grid(base, schedule=[STARTS[name] for name in starts], lr=rates, seed=SEEDS), every=AT_END, splits=REPORTS
        )
        names = [name for name in starts for _ in rates for _ in SEEDS]
        parts.append(results.assign_coords(start=("run", names), method=("run", [method] * len(names))))
    return xr.concat(parts, "run", data_vars="all", coords="minimal", compat="override", join="exact")


def _table(runs: xr.Dataset, start: str | None = None) -> np.ndarray:
    """`[rates, seeds]`: test accuracy under one optimizer and one start."""
    where = {"start": start} if start else {}
    rates = METHODS[str(runs.method.values[0])][1]
    return np.nan_to_num(np.stack([by_seed(runs, "test_accuracy", lr=lr, **where) for lr in rates]))


def _of(results: xr.Dataset, method: str) -> xr.Dataset:
    return results.isel(run=np.flatnonzero(results.method.values == method))


def _highest(runs: xr.Dataset, start: str) -> np.ndarray:
    """`[seeds]`: log2 of the highest peak rate that survives; the lowest rate where none does."""
    method = str(runs.method.values[0])
    rates, starts = METHODS[method][1], METHODS[method][2]
    best = np.max([_table(runs, name).max(0) for name in starts], axis=0)
    alive = _table(runs, start) >= SURVIVES * best
    last = np.where(alive.any(0), len(rates) - 1 - alive[::-1].argmax(0), 0)
    return np.log2(np.array(rates)[last])


def _best(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: the highest test accuracy over the rates, percent."""
    return 100 * _table(runs).max(0)


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(SEEDS)), "steps": float(STEPS), "rise": float(RISE), "survives": 100 * SURVIVES}
    out |= {"depth": float(DEPTH), "width": float(WIDTH)}
    for method, (_, rates, starts) in METHODS.items():
        mine = _of(results, method)
        out[f"{method.lower()}_top"] = rates[-1]
        for start in starts:
            name = f"{method}_{start}".lower().replace("-", "")
            table = _table(mine, start)
            out[f"{name}_best"] = 100 * float(table.max(0).mean())
            out[f"{name}_best_lr"] = rates[int(table.mean(1).argmax())]
            out[f"{name}_highest"] = float(2 ** np.median(_highest(mine, start)))
            out[f"{name}_at_top"] = float((2 ** _highest(mine, start) > 0.99 * rates[-1]).sum())
            for lr, accuracy in zip(rates, table, strict=True):
                out[f"{name}_at_{lr:g}"] = 100 * float(np.median(accuracy))
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 5.2)
    for ax, (method, (_, rates, starts)) in zip(fig.subplots(2, 1, sharey=True), METHODS.items(), strict=True):
        mine = _of(results, method)
        for start in starts:
            plots.curve(ax, np.array(rates), _table(mine, start).T, start, LINES[start])
        plots.log_rates(ax, rates)
        plots.plain_ticks(ax.xaxis, [lr for lr in rates if lr not in CROWDED])
        ax.set(title=method, ylabel="test accuracy", xlabel="peak learning rate", ylim=(0, None))
        plots.percent(ax.yaxis)
        plots.label_ends(ax)


def alt(numbers: dict[str, float]) -> str:
    said = ", ".join(
        f"{method} with {'no warm-up' if start == 'none' else start} "
        f"{numbers[f'{method}_{start}_highest'.lower().replace('-', '')]:.3g}"
        for method, (_, _, starts) in METHODS.items()
        for start in starts
    )
    return f"Line plots of test accuracy against the peak rate. Median of the highest peak rate that survives: {said}."


def _higher(method: str, more: str, less: str) -> Comparison:
    def gain(runs: xr.Dataset) -> np.ndarray:
        return _highest(runs, more) - _highest(runs, less)

    return Comparison("paired difference", lambda results: mean_interval(by_seed(results, gain, method=method)))


_STATISTIC = (
    "highest peak rate whose run keeps half of the seed's best test accuracy, {}, in doublings of the rate; it stands "
    "for the true one as far as the tried rates reach"
)

CLAIMS = [
    Claim(
        id="adam-survives-higher-rates",
        text="With a warm-up, Adam survives a higher peak rate.",
        source="Gotmare et al. 2019, A closer look at deep learning heuristics",
        url="https://arxiv.org/abs/1810.13243",
        statistic=_STATISTIC.format("warm-up minus none"),
        compare=_higher("Adam", "warm-up", "none"),
        expect="holds",
    ),
    Claim(
        id="momentum-survives-higher-rates",
        text="With a warm-up, SGD with momentum survives a higher peak rate.",
        source="Goyal et al. 2017, Accurate, large minibatch SGD, section 2.2",
        url="https://arxiv.org/abs/1706.02677",
        statistic=_STATISTIC.format("warm-up minus none"),
        compare=_higher("Momentum", "warm-up", "none"),
        expect="null",
        why="The source is about large batches, of thousands of images, and much longer runs.",
    ),
    Claim(
        id="waiting-is-enough",
        text="To let Adam's running means fill, without taking a step, helps as a warm-up does: it survives a higher "
        "peak rate than no warm-up.",
        source="Liu et al. 2020, On the variance of the adaptive learning rate and beyond, section 3.2",
        url="https://arxiv.org/abs/1908.03265",
        statistic=_STATISTIC.format("wait minus none"),
        compare=_higher("Adam", "wait", "none"),
        expect="null",
        why="So the means of Adam, filled or not, are not what limits the rate of this net.",
    ),
    Claim(
        id="warm-up-at-the-best-rate",
        text="At the best of the tried rates of each seed, Adam with a warm-up ends with a higher test accuracy than "
        "without.",
        source=OWN,
        statistic="highest test accuracy over the peak rates, warm-up minus none, percentage points",
        compare=difference(_best, {"method": "Adam", "start": "warm-up"}, {"method": "Adam", "start": "none"}),
        expect="holds",
    ),
]
