"""What do five common mistakes with schedules cost?

Test accuracy on MNIST-1D after {=schedule_mistakes.steps:.0f} updates of Adam, with the peak rate that was tuned for
the cosine. Top row: the cosine as it was meant. Below: a schedule with a mistake, and in the right half what it does to
the rate, as a share of the peak. Small dots are {=schedule_mistakes.seeds:.0f} seeds, the large dot is their mean, the
line its 95 % interval (Student's). Dashed: the mean of the cosine.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.claims import OWN, Claim, Comparison, by_seed, difference
from trainlab.runs import grid
from trainlab.scheduled import SEEDS, STEPS, best_run, corners, key
from trainlab.schedules import Cosine, Exponential, OneCycle
from trainlab.stats import mean_interval
from trainlab.tuning import Train
from trainlab.types import Schedule

EPOCH = 125
"""Updates in a pass over the 4000 examples."""


@dataclass(frozen=True)
class OnceAnEpoch:
    """A schedule that is meant to advance at each update, and advances once an epoch.

    Args:
        schedule: of the whole run.
        epoch: updates in an epoch, >= 1.
    """

    schedule: Schedule
    epoch: int

    def __call__(self, step: int, steps: int) -> float:
        """The multiplier at a step."""
        return self.schedule(step // self.epoch, steps)


@dataclass(frozen=True)
class Wave:
    """A half cosine down, and up again, and so on, as `CosineAnnealingLR` goes on after `T_max`.

    Args:
        half: updates from the top to the bottom, >= 1.
    """

    half: int

    def __call__(self, step: int, steps: int) -> float:
        """The multiplier at a step."""
        return (1 + math.cos(math.pi * step / self.half)) / 2


@dataclass(frozen=True)
class CutShort:
    """The first part of a schedule that was planned for a longer run.

    Args:
        schedule: of the longer run.
        factor: how many times as long that was to be, >= 1.
    """

    schedule: Schedule
    factor: int

    def __call__(self, step: int, steps: int) -> float:
        """The multiplier at a step."""
        return self.schedule(step, self.factor * steps)


CASES: dict[str, Schedule] = {
    "as meant": Cosine(),
    "stepped once an epoch": OnceAnEpoch(Cosine(), EPOCH),
    "planned for twice the run": CutShort(Cosine(), 2),
    "T_max is half of the run": Wave(STEPS // 2),
    "factor of an epoch, each update": Exponential(0.95),
    "1cycle, stepped once an epoch": OnceAnEpoch(OneCycle(), EPOCH),
}
COLORS = dict(zip(CASES, [plots.SERIES[0], *[plots.SERIES[1]] * 5], strict=True))


def measure(train: Train) -> xr.Dataset:
    base = replace(best_run(train, "cosine"), seed=0)
    results = train(grid(base, schedule=CASES.values(), seed=SEEDS), every=STEPS)
    return results.assign_coords(case=("run", [name for name in CASES for _ in SEEDS]))


def _accuracies(results: xr.Dataset, case: str) -> np.ndarray:
    """`[seeds]`, shares; a diverged run has got nothing right."""
    return np.nan_to_num(by_seed(results, "test_accuracy", case=case))


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(SEEDS)), "steps": float(STEPS), "lr": float(results.lr.values[0]), "epoch": float(EPOCH)}
    for case, schedule in CASES.items():
        name = key(case)
        out[f"{name}_accuracy"] = 100 * float(_accuracies(results, case).mean())
        shape = np.array([schedule(step, STEPS) for step in range(STEPS)])
        out[f"{name}_mean"], out[f"{name}_last"] = float(shape.mean()), float(shape[-1])
        out[f"{name}_cost"] = out["as_meant_accuracy"] - out[f"{name}_accuracy"]
    small = np.flatnonzero(
        np.array([CASES["factor of an epoch, each update"](step, STEPS) for step in range(STEPS)]) < 0.01
    )
    return out | {"dead_after": float(small[0])}


def _shape(ax: "plots.Axes", case: str, row: int) -> None:
    """The multiplier against updates, as a small line in its row."""
    heights = np.array([CASES[case](step, STEPS) for step in range(STEPS)])
    x = corners(heights[None])
    heights = heights[x]
    ax.fill_between(x, row - 0.35, row - 0.35 + 0.7 * heights, color=COLORS[case], alpha=0.15, linewidth=0)
    ax.plot(x, row - 0.35 + 0.7 * heights, color=COLORS[case], linewidth=1.2, label=f"_rate, {case}")


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 4.4)
    left, right = fig.subplots(1, 2, sharey=True, gridspec_kw={"width_ratios": [3, 2]})
    for row, case in enumerate(reversed(CASES)):
        values, color = _accuracies(results, case), COLORS[case]
        mean = mean_interval(values)
        left.plot(values, np.full(len(values), row), ".", color=color, alpha=0.35, markersize=4, label=f"_{case}")
        left.plot([mean.low, mean.high], [row, row], color=color, linewidth=1.6, label=f"_interval {case}")
        left.plot([mean.value], [row], "o", color=color, label=case)
        left.text(0.02, row + 0.3, case, transform=left.get_yaxis_transform(), fontsize=9, color=plots.INK["text"])
        _shape(right, case, row)
    meant = _accuracies(results, "as meant").mean()
    left.axvline(meant, color=plots.INK["muted"], linewidth=1, linestyle=(0, (4, 2)), label="_meant")
    left.set(xlabel="test accuracy", yticks=[], ylim=(-0.5, len(CASES) - 0.3))
    right.set(xlabel="updates", xlim=(0, STEPS), xticks=[0, STEPS])
    right.set_title("rate", fontsize=9.5)
    for ax in (left, right):
        ax.grid(visible=False, axis="y")
    plots.percent(left.xaxis)


def alt(numbers: dict[str, float]) -> str:
    said = ", ".join(f"{_spoken(case)} {numbers[f'{key(case)}_accuracy']:.1f} %" for case in CASES)
    return f"Dot plot of test accuracy, a row for each mistake, with a small plot of the rate beside it. Means: {said}."


def _spoken(case: str) -> str:
    return case.replace("T_max", "period")


def _costs(case: str) -> Comparison:
    return difference("test_accuracy", {"case": "as meant"}, {"case": case}, unit=100)


CLAIMS = [
    Claim(
        id="once-an-epoch",
        text="A cosine that counts updates but is stepped once an epoch ends with a lower test accuracy.",
        source=OWN,
        statistic="test accuracy, cosine as meant minus stepped once an epoch, percentage points",
        compare=_costs("stepped once an epoch"),
        expect="holds",
    ),
    Claim(
        id="cut-short",
        text="A cosine that was planned for a run of twice the length ends, half-way, with a lower test accuracy than "
        "one that was planned for the run it got.",
        source="Hoffmann et al. 2022, Training compute-optimal large language models, section 3.1",
        url="https://arxiv.org/abs/2203.15556",
        statistic="test accuracy, cosine as meant minus planned for twice the run, percentage points",
        compare=_costs("planned for twice the run"),
        expect="null",
        why="A likely reason: the first half of a long cosine has a higher mean rate, and in so short a run that makes "
        "up for the missing fall.",
    ),
    Claim(
        id="rises-again",
        text="A cosine that reaches zero half-way and rises again ends with a lower test accuracy.",
        source=OWN,
        statistic="test accuracy, cosine as meant minus a period that is too short, percentage points",
        compare=_costs("T_max is half of the run"),
        expect="holds",
    ),
    Claim(
        id="factor-of-an-epoch",
        text="A factor that was meant for each epoch, applied at each update, ends with a lower test accuracy.",
        source=OWN,
        statistic="test accuracy, cosine as meant minus the factor at each update, percentage points",
        compare=_costs("factor of an epoch, each update"),
        expect="holds",
    ),
    Claim(
        id="one-cycle-once-an-epoch",
        text="1cycle that is stepped once an epoch never leaves its low start, and ends with a lower test accuracy "
        "than the cosine.",
        source=OWN,
        statistic="test accuracy, cosine as meant minus 1cycle stepped once an epoch, percentage points",
        compare=_costs("1cycle, stepped once an epoch"),
        expect="holds",
    ),
]
