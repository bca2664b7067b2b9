"""What does each schedule do to the loss, while the run goes on?

Validation loss against updates on MNIST-1D, a panel for each schedule at its own tuned peak rate. The coloured line is
the median over {=schedule_losses.seeds:.0f} seeds, the band reaches from the lowest to the highest run. The grey line
is the same in all panels: the median of the constant rate. Where the coloured line lies below the grey one, its loss is
lower at that moment. The axis of the loss is cut at the top.
"""

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.claims import OWN, Claim, difference
from trainlab.scheduled import LINES, SCHEDULES, SEEDS, STEPS, key, panels, scheduled_race
from trainlab.tuning import Train

TOP = 1.9
"""Nats; guessing has 2.3."""


def measure(train: Train) -> xr.Dataset:
    return scheduled_race(train)


def _losses(results: xr.Dataset, name: str) -> np.ndarray:
    """`[seeds, measurements]`."""
    return results.validation_loss.values[results.schedule_name.values == name].astype(np.float64)


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(SEEDS)), "steps": float(STEPS)}
    half, late = (results.sizes["step"] - 1) // 2, (results.sizes["step"] - 1) * 8 // 10
    out |= {"half": float(results.step.values[half]), "late": float(results.step.values[late])}
    constant = np.median(_losses(results, "constant"), axis=0)
    for name in SCHEDULES:
        median = np.median(_losses(results, name), axis=0)
        out[f"{key(name)}_half"], out[f"{key(name)}_end"] = float(median[half]), float(median[-1])
        out[f"{key(name)}_late"] = float(median[late])
        ahead = np.flatnonzero(~(median < constant))  # the last measurement at which it was not ahead
        last = int(ahead[-1]) if len(ahead) else -1
        steps = results.step.values
        out[f"{key(name)}_ahead_from"] = float(steps[last + 1]) if last + 1 < len(steps) else float("nan")
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 5.8)
    x = results.step.values
    constant = np.median(_losses(results, "constant"), axis=0)
    lowest = min(np.nanmin(_losses(results, name)) for name in SCHEDULES)
    for name, ax in panels(fig, list(SCHEDULES)).items():
        ax.plot(x, constant, color=plots.INK["muted"], linewidth=1.1, label="_constant, median")
        plots.curve(ax, x, _losses(results, name), name, LINES[name] | {"linestyle": "-"})
        ax.set(ylim=(min(lowest, TOP - 0.5) - 0.03, TOP), xlim=(0, x[-1]))
        ax.set_xticks([0, x[-1]])
        for text, side in zip(ax.get_xticklabels(), ("left", "right"), strict=False):
            text.set_horizontalalignment(side)
    fig.supxlabel("updates", fontsize=9.5)
    fig.supylabel("validation loss", fontsize=9.5)


def alt(numbers: dict[str, float]) -> str:
    said = ", ".join(
        f"{name} {numbers[f'{key(name)}_half']:.2f} and {numbers[f'{key(name)}_end']:.2f}" for name in SCHEDULES
    )
    return (
        f"Small plots of the validation loss against updates, one for each schedule. Median loss after "
        f"{numbers['half']:.0f} updates and at the end: {said}."
    )


def _fall(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: validation loss after 80 % of the updates minus that at the end."""
    late = (runs.sizes["step"] - 1) * 8 // 10
    return runs.validation_loss.values[:, late] - runs.validation_loss.values[:, -1]


CLAIMS = [
    Claim(
        id="late-decay-is-behind-before-it-falls",
        text="When four fifths of the run are over and the rate of WSD has not begun to fall, WSD has a higher "
        "validation loss than the linear schedule.",
        source="Hu et al. 2024, MiniCPM, section 4",
        url="https://arxiv.org/abs/2404.06395",
        statistic="validation loss after 80 % of the updates, WSD minus linear, nats",
        compare=difference("validation_loss@80%", {"schedule_name": "WSD"}, {"schedule_name": "linear"}),
        expect="holds",
    ),
    Claim(
        id="the-fall-is-in-the-decay",
        text="In the last fifth of the run, in which its rate falls to zero, the validation loss of WSD falls further "
        "than that of the linear schedule.",
        source="Hu et al. 2024, MiniCPM, section 4",
        url="https://arxiv.org/abs/2404.06395",
        statistic="fall of the validation loss over the last 20 % of the updates, WSD minus linear, nats",
        compare=difference(_fall, {"schedule_name": "WSD"}, {"schedule_name": "linear"}),
        expect="holds",
    ),
    Claim(
        id="a-constant-rate-is-ahead-at-first",
        text="After a tenth of the run, the constant rate has a lower validation loss than the linear schedule.",
        source=OWN,
        statistic="validation loss after 10 % of the updates, linear minus constant, nats",
        compare=difference("validation_loss@10%", {"schedule_name": "linear"}, {"schedule_name": "constant"}),
        expect="null",
        why="The two have different tuned peaks: the line starts higher, which makes up for its fall.",
    ),
]
