"""How does the learning rate change during a run, under twelve schedules?

Share of the peak rate against updates. All but one are functions of the step, and are drawn as they are. The
plateau's drops come when the validation loss has stopped falling, so they differ from run to run: the line is the
median over {=schedule_shapes.seeds:.0f} runs, the band reaches from the lowest to the highest. The number above each
panel is the mean of the line, as a share of the peak.
"""

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.comparisons import by_seed
from trainlab.feedback import Feedback
from trainlab.scheduled import (
    LINES,
    RATES,
    SCHEDULES,
    SEEDS,
    STEPS,
    TUNING_SEEDS,
    corners,
    key,
    panels,
    peak,
    scheduled_race,
)
from trainlab.tuning import Train

CONSTANTS = (("step", "every"), ("step", "factor"), ("inverse root", "timescale"), ("WSD", "decay"))
"""Of a schedule, those that the page names."""


def measure(train: Train) -> xr.Dataset:
    return scheduled_race(train)


def multipliers(results: xr.Dataset, name: str) -> np.ndarray:
    """`[runs, updates]`: the share of the peak rate at each update; one row for a schedule that watches nothing."""
    schedule, steps = SCHEDULES[name], results.sizes["update"]
    if not isinstance(schedule, Feedback):
        return np.array([[schedule(step, steps) for step in range(steps)]])
    losses = by_seed_losses(results, name)
    marks = results.step.values[:-1]
    known = np.searchsorted(marks, np.arange(steps), side="right")  # measurements before each update
    return np.array([[schedule.watch(row[:count].tolist()) for count in known] for row in losses])


def by_seed_losses(results: xr.Dataset, name: str) -> np.ndarray:
    """`[seeds, measurements]`: validation losses of one schedule."""
    columns = [
        by_seed(results.isel(step=[at]), lambda runs: runs.validation_loss.values[:, 0], schedule_name=name)
        for at in range(results.sizes["step"])
    ]
    return np.stack(columns, 1)


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(SEEDS)), "steps": float(STEPS), "schedules": float(len(SCHEDULES))}
    out |= {"rates": float(results.attrs["rates"]), "tuning_seeds": float(len(TUNING_SEEDS))}
    out |= {"lowest_rate": RATES[0], "highest_rate": RATES[-1], "trials": out["rates"] * out["tuning_seeds"]}
    for name in SCHEDULES:
        shape = np.median(multipliers(results, name), axis=0)
        out[f"{key(name)}_mean"] = float(shape.mean())
        out[f"{key(name)}_last"] = float(shape[-1])
        out[f"{key(name)}_peak"] = peak(results, name)
        out[f"{key(name)}_mean_rate"] = out[f"{key(name)}_mean"] * out[f"{key(name)}_peak"]
    drops = np.array([len(set(row.tolist())) - 1 for row in multipliers(results, "plateau")])
    out |= {f"{key(name)}_{part}": float(getattr(SCHEDULES[name], part)) for name, part in CONSTANTS}
    return out | {"fewest_drops": float(drops.min()), "most_drops": float(drops.max())}


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 5.6)
    x = np.arange(results.sizes["update"])
    for name, ax in panels(fig, list(SCHEDULES)).items():
        shape, line = multipliers(results, name), LINES[name] | {"linestyle": "-"}
        middle, at = np.median(shape, axis=0), corners(shape)
        ax.fill_between(x[at], 0, middle[at], color=line["color"], alpha=0.1, linewidth=0)
        plots.curve(ax, x[at], shape[:, at], name, line)
        ax.set_title(f"{middle.mean():.2f}", loc="right", fontsize=9, fontweight="normal", pad=3)
        ax.set(ylim=(0, 1.05), xlim=(0, x[-1] + 1))
        ax.set_xticks([0, x[-1] + 1])
        ax.set_yticks([0, 0.5, 1], ["0", "½", "1"])
        for text, side in zip(ax.get_xticklabels(), ("left", "right"), strict=False):
            text.set_horizontalalignment(side)
    fig.supxlabel("updates", fontsize=9.5)
    fig.supylabel("share of the peak rate", fontsize=9.5)


def alt(numbers: dict[str, float]) -> str:
    means = ", ".join(f"{name} {numbers[f'{key(name)}_mean']:.2f}" for name in SCHEDULES)
    return (
        f"Small plots of the learning rate against updates, as a share of its peak. Mean share over the run: {means}."
    )


CLAIMS = []
