"""How much do a schedule's own constants matter?

Test accuracy against the mean share of the peak rate over the run, for {=schedule_constants.settings:.0f} settings of
ten schedules on MNIST-1D, {=schedule_constants.steps:.0f} updates of Adam. All have the same peak rate,
{=schedule_constants.peak:g}, so only the shape differs. Each dot is the mean of {=schedule_constants.seeds:.0f} seeds.
Lines join the settings of one schedule, in the order of the mean share.
"""

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.claims import Claim, by_seed
from trainlab.interactive import quantised, series
from trainlab.runs import grid
from trainlab.scheduled import BASE, EVERY, LINES, STEPS
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
from trainlab.tuning import Train
from trainlab.types import Schedule

PEAK = 0.016
"""The rate that most schedules of the race chose from theirs."""

SEEDS = range(5)


@dataclass(frozen=True)
class Setting:
    """One schedule with its constants.

    Args:
        family: of `LINES`.
        schedule: what runs.
        constants: those that a reader may move, as the interactive figure has them.
    """

    family: str
    schedule: Schedule
    constants: tuple[float, ...] = ()


SETTINGS = [
    Setting("constant", Constant()),
    *(Setting("step", StepDecay(STEPS // n, f), (n, f)) for n, f in ((2, 0.1), (2, 0.3), (4, 0.1), (4, 0.3), (4, 0.6))),
    *(Setting("exponential", Exponential(last ** (1 / STEPS)), (last,)) for last in (0.3, 0.1, 0.01)),
    *(Setting("inverse root", InverseSqrt(round(share * STEPS)), (share,)) for share in (0.025, 0.05, 0.2)),
    *(Setting("polynomial", Polynomial(power), (power,)) for power in (0.5, 1.0, 2.0, 4.0)),
    *(Setting("cosine", Cosine(final), (final,)) for final in (0.0, 0.1, 0.3)),
    *(
        Setting("warm restarts", WarmRestarts(round(share * STEPS), factor), (share, factor))
        for share, factor in ((1 / 7, 2), (1 / 3, 1), (0.5, 1))
    ),
    *(Setting("1cycle", OneCycle(rise), (rise,)) for rise in (0.1, 0.3, 0.5, 0.7)),
    *(
        Setting("warm-up, linear", Warmup(round(share * STEPS), after=Linear()), (share,))
        for share in (0.05, 0.1, 0.25, 0.5)
    ),
    *(Setting("WSD", WSD(STEPS // 20, decay=decay), (decay,)) for decay in (0.1, 0.2, 0.5, 0.9)),
]
FAMILIES = list(dict.fromkeys(setting.family for setting in SETTINGS))


def measure(train: Train) -> xr.Dataset:
    base = replace(BASE, lr=PEAK)
    runs = [run for setting in SETTINGS for run in grid(base, schedule=[setting.schedule], seed=SEEDS)]
    labels = [number for number in range(len(SETTINGS)) for _ in SEEDS]
    return train(runs, every=EVERY).assign_coords(setting=("run", labels))


def _accuracies(results: xr.Dataset) -> np.ndarray:
    """`[settings, seeds]`; a diverged run has got nothing right."""
    return np.stack(
        [np.nan_to_num(by_seed(results, "test_accuracy", setting=number)) for number in range(len(SETTINGS))]
    )


def _shares(steps: int) -> np.ndarray:
    """`[settings]`: the mean multiplier over the run."""
    return np.array([np.mean([one.schedule(step, steps) for step in range(steps)]) for one in SETTINGS])


def numbers(results: xr.Dataset) -> dict[str, float]:
    means, shares = 100 * _accuracies(results).mean(1), _shares(STEPS)
    out = {"settings": float(len(SETTINGS)), "seeds": float(len(SEEDS)), "steps": float(STEPS), "peak": PEAK}
    out |= {"worst": float(means.min()), "best": float(means.max()), "constant": float(means[0])}
    out |= {"lowest_share": float(shares.min()), "correlation": float(np.corrcoef(shares[1:], means[1:])[0, 1])}
    for family in FAMILIES[1:]:
        mine = [number for number, setting in enumerate(SETTINGS) if setting.family == family]
        key = family.replace(", ", "_").replace(" ", "_").replace("-", "_").lower()
        out[f"{key}_lowest"], out[f"{key}_highest"] = float(means[mine].min()), float(means[mine].max())
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 4.0)
    ax = fig.subplots()
    means, shares = _accuracies(results).mean(1), _shares(STEPS)
    for family in FAMILIES:
        mine = [number for number, setting in enumerate(SETTINGS) if setting.family == family]
        order = sorted(mine, key=lambda number: shares[number])
        ax.plot(shares[order], means[order], label=family, marker="o", markersize=4, **LINES[family])
    ax.set(xlabel="mean share of the peak rate", ylabel="test accuracy", xlim=(0, 1.05))
    plots.percent(ax.yaxis)
    plots.label_ends(ax, {name: f"{name} (dashed)" for name in FAMILIES if "linestyle" in LINES[name]})


def alt(numbers: dict[str, float]) -> str:
    keys = [key.removesuffix("_lowest") for key in numbers if key.endswith("_lowest")]
    said = ", ".join(
        f"{key.replace('_', ' ')} {numbers[f'{key}_lowest']:.1f} to {numbers[f'{key}_highest']:.1f} %" for key in keys
    )
    return (
        f"Dots of test accuracy against the mean share of the peak rate, for {numbers['settings']:.0f} settings. The "
        f"constant rate has {numbers['constant']:.1f} %. Lowest and highest mean of each schedule: {said}."
    )


def touch(results: xr.Dataset) -> dict[str, object]:
    """The interactive figure: the losses of every run, and the constants that made it."""
    losses = [results.validation_loss.values[results.setting.values == number] for number in range(len(SETTINGS))]
    return {
        "figure": "schedules",
        "series": series(LINES, FAMILIES),
        "steps": STEPS,
        "updates": int(results.sizes["update"]),
        "peak": PEAK,
        "seeds": len(SEEDS),
        "marks": results.step.values.tolist(),
        "runs": [{"family": one.family, "constants": list(one.constants)} for one in SETTINGS],
        "loss": quantised(np.minimum(np.stack(losses), 9.99), 0.002),
        "accuracy": quantised(_accuracies(results), 0.0005),
    }


CLAIMS: list[Claim] = []
