"""The schedules of the book, side by side on one problem: what several experiments of one chapter share.

Seeds: numbers from 1000 on choose peak rates, numbers below 500 report results.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.comparisons import by_seed
from trainlab.data import MNIST1D
from trainlab.feedback import Feedback, Plateau
from trainlab.inits import He
from trainlab.models import MLP
from trainlab.optimizers import EMA, SWA, Adam
from trainlab.runs import Run
from trainlab.schedules import (
    WSD,
    Constant,
    Cosine,
    Exponential,
    InverseSqrt,
    Linear,
    OneCycle,
    Polynomial,
    StepDecay,
    WarmRestarts,
    Warmup,
)
from trainlab.tuning import Train, Tuned, tune
from trainlab.types import Schedule

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STEPS = 1120
"""Updates of a run: three periods of the warm restarts, and 20 measurements at equal distances."""

EVERY = STEPS // 20

SEEDS, TUNING_SEEDS = range(12), range(1000, 1002)

RATES = (0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064)

BASE = Run(
    data=MNIST1D(validation=1000),
    model=MLP(inputs=40, outputs=10, depth=2, width=64),
    init=He(),
    optimizer=Adam(),
    lr=RATES[0],
    batch_size=32,
    steps=STEPS,
)
"""The net of the optimizers' race, 40-64-64-10, on MNIST-1D, with Adam and batches of 32."""

SCHEDULES: dict[str, Schedule | Feedback] = {
    "constant": Constant(),
    "step": StepDecay(every=STEPS // 4, factor=0.3),
    "exponential": Exponential(0.01 ** (1 / STEPS)),
    "inverse root": InverseSqrt(STEPS // 20),
    "polynomial": Polynomial(2.0),
    "plateau": Plateau(factor=0.3, patience=1),
    "cosine": Cosine(),
    "warm restarts": WarmRestarts(STEPS // 7, factor=2),
    "1cycle": OneCycle(),
    "warm-up, linear": Warmup(STEPS // 10, after=Linear()),
    "linear": Linear(),
    "WSD": WSD(STEPS // 20, decay=0.2),
}
"""Name -> schedule, each with the constants that its users commonly take; only the peak rate is tuned."""

AVERAGES: dict[str, Run] = {
    "constant, EMA 0.97": replace(BASE, optimizer=EMA(Adam(), decay=0.97)),
    "constant, EMA 0.99": replace(BASE, optimizer=EMA(Adam(), decay=0.99)),
    "constant, SWA": replace(BASE, optimizer=SWA(Adam(), start=STEPS // 2 + 1)),
    "cosine, EMA 0.97": replace(BASE, optimizer=EMA(Adam(), decay=0.97), schedule=Cosine()),
}
"""Name -> run whose weights are averaged for the evaluation."""

LINES: dict[str, dict[str, Any]] = {
    "constant": {"color": plots.SERIES[7]},
    "step": {"color": plots.SERIES[4]},
    "exponential": {"color": plots.SERIES[4], "linestyle": (0, (4, 1.5))},
    "inverse root": {"color": plots.SERIES[6]},
    "polynomial": {"color": plots.SERIES[6], "linestyle": (0, (4, 1.5))},
    "plateau": {"color": plots.SERIES[5]},
    "cosine": {"color": plots.SERIES[0]},
    "warm restarts": {"color": plots.SERIES[0], "linestyle": (0, (4, 1.5))},
    "1cycle": {"color": plots.SERIES[1]},
    "warm-up, linear": {"color": plots.SERIES[2], "linestyle": (0, (4, 1.5))},
    "linear": {"color": plots.SERIES[2]},
    "WSD": {"color": plots.SERIES[3]},
}
"""The same schedule has the same colour in every figure; dashed: a relative, or a panel of its own."""


def key(name: str) -> str:
    """How the numbers of an experiment call a schedule."""
    return name.lower().replace(", ", "_").replace(" ", "_").replace("-", "_").replace(".", "")


def schedule_runs(names: list[str]) -> dict[str, Run]:
    """The run of each schedule, the peak rate still open.

    Raises:
        KeyError: there is no schedule of this name.
    """
    return {name: replace(BASE, schedule=SCHEDULES[name]) for name in names}


def tune_schedules(train: Train) -> list[Tuned]:
    """Each schedule's peak rate and each average's, on one budget: 7 rates x 2 seeds for every one.

    What watches the losses is tuned apart, because it has to be measured along the way.
    """
    watching = [name for name, schedule in SCHEDULES.items() if isinstance(schedule, Feedback)]
    blind = [name for name in SCHEDULES if name not in watching]
    return [tune(train, schedule_runs(names), RATES, TUNING_SEEDS) for names in (blind, watching)] + [
        tune(train, AVERAGES, RATES, TUNING_SEEDS)
    ]


def scheduled_race(train: Train) -> xr.Dataset:
    """Every schedule and every average at its own peak rate, on fresh seeds.

    Returns:
        The results, with a coordinate `schedule_name` on `run`, and the number of rates tried as an attribute.
    """
    parts, edges, rates = [], [], 0
    for tuned in tune_schedules(train):
        fresh = tuned.fresh(SEEDS)
        names = [name for name in tuned.best for _ in SEEDS]
        parts.append(train(fresh, every=EVERY).assign_coords(schedule_name=("run", names)))
        edges += tuned.at_edge
        rates = max(rates, tuned.trials.sizes["trial"])
    joined = xr.concat(parts, "run", data_vars="all", coords="minimal", compat="override", join="exact")
    return joined.assign_attrs(at_edge=edges, rates=rates)


def best_run(train: Train, name: str) -> Run:
    """The run of one schedule at its tuned peak rate, without the others' runs on fresh seeds."""
    blind = tune_schedules(train)[0]
    return blind.best[name]


def accuracies(results: xr.Dataset, name: str) -> np.ndarray:
    """`[seeds]`: test accuracy of one contender, in percent; a diverged run has got nothing right."""
    return 100 * np.nan_to_num(by_seed(results, "test_accuracy", schedule_name=name))


def peak(results: xr.Dataset, name: str) -> float:
    """The tuned peak rate of one contender."""
    return float(results.lr.values[results.schedule_name.values == name][0])


def corners(shapes: np.ndarray) -> np.ndarray:
    """The updates that a line must go through to look like all of them: every eighth, and both sides of each jump.

    Args:
        shapes: `[runs, updates]`, shares of the peak.
    """
    jumps = np.flatnonzero((np.abs(np.diff(shapes, axis=1)) > 0.02).any(0))
    last = shapes.shape[1] - 1
    return np.unique(np.concatenate([np.arange(0, last, 8), jumps, jumps + 1, [last]]))


def panels(fig: Any, names: list[str], columns: int = 3) -> dict[str, "Axes"]:
    """A small panel for each schedule, with common axes and its name above it in its colour.

    Args:
        fig: an empty figure, whose last row of panels is full.
        names: of `LINES`.
        columns: panels in a row.
    """
    axes = fig.subplots(len(names) // columns, columns, sharex=True, sharey=True).ravel().tolist()
    for number, (name, ax) in enumerate(zip(names, axes, strict=True)):
        ax.set_title(name, fontsize=9.5, color=LINES[name]["color"], pad=3)
        ax.tick_params(labelsize=8.5, length=2)
        if number >= len(names) - columns:
            ax.set_xlabel(" ", fontsize=2)  # the figure names the axis once, for all
    return dict(zip(names, axes, strict=True))
