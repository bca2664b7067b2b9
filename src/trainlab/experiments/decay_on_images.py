"""Does a falling rate also help on images?

Test accuracy on Fashion-MNIST with a network of 784-100-100-100-10, after {=decay_on_images.steps:.0f} updates of Adam
with batches of {=decay_on_images.batch:.0f}, about one pass over {=decay_on_images.rows:.0f} images. Each schedule has
its own peak rate, tuned on {=decay_on_images.rates:.0f} rates and {=decay_on_images.tuning_seeds:.0f} seeds. Small dots
are {=decay_on_images.seeds:.0f} fresh seeds, the large dot is their mean, the line its 95 % interval (Student's).
"""

from dataclasses import replace

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.claims import OWN, Claim, by_seed, difference
from trainlab.data import REPORTS
from trainlab.loop import AT_END
from trainlab.optimizers import Adam
from trainlab.scheduled import LINES, SCHEDULES, key
from trainlab.stats import mean_interval
from trainlab.tuning import Train, tune
from trainlab.workloads import FASHION, FRESH_SEEDS

NAMES = ("constant", "linear", "1cycle")
RATES = (0.0003, 0.001, 0.003, 0.01, 0.03)
TUNING_SEEDS = range(1000, 1002)


def measure(train: Train) -> xr.Dataset:
    contenders = {name: replace(FASHION, optimizer=Adam(), schedule=SCHEDULES[name]) for name in NAMES}
    tuned = tune(train, contenders, RATES, TUNING_SEEDS)
    results = train(tuned.fresh(FRESH_SEEDS), every=AT_END, splits=REPORTS)
    names = [name for name in NAMES for _ in FRESH_SEEDS]
    results = results.assign_coords(schedule_name=("run", names))
    return results.assign_attrs(at_edge=tuned.at_edge, rates=tuned.trials.sizes["trial"])


def _accuracies(results: xr.Dataset, name: str) -> np.ndarray:
    """`[seeds]`, shares; a diverged run has got nothing right."""
    return np.nan_to_num(by_seed(results, "test_accuracy", schedule_name=name))


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(FRESH_SEEDS)), "steps": float(FASHION.steps), "batch": float(FASHION.batch_size)}
    out |= {"rows": float(len(FASHION.data.load().train.y)), "rates": float(results.attrs["rates"])}
    out["tuning_seeds"] = float(len(TUNING_SEEDS))
    for name in NAMES:
        out[f"{key(name)}_accuracy"] = 100 * float(_accuracies(results, name).mean())
        out[f"{key(name)}_lr"] = float(results.lr.values[results.schedule_name.values == name][0])
        out[f"{key(name)}_scatter"] = 100 * float(_accuracies(results, name).std(ddof=1))
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 2.0)
    ax = fig.subplots()
    for row, name in enumerate(reversed(NAMES)):
        values, color = _accuracies(results, name), LINES[name]["color"]
        mean = mean_interval(values)
        ax.plot(values, np.full(len(values), row), ".", color=color, alpha=0.35, markersize=4, label=f"_{name}")
        ax.plot([mean.low, mean.high], [row, row], color=color, linewidth=1.6, label=f"_interval {name}")
        ax.plot([mean.value], [row], "o", color=color, label=name)
    ax.set_yticks(range(len(NAMES)), list(reversed(NAMES)))
    ax.tick_params(axis="y", length=0, labelcolor=plots.INK["text"])
    ax.grid(visible=False, axis="y")
    ax.set(xlabel="test accuracy", ylim=(-0.6, len(NAMES) - 0.4))
    plots.percent(ax.xaxis)


def alt(numbers: dict[str, float]) -> str:
    said = ", ".join(f"{name} {numbers[f'{key(name)}_accuracy']:.1f} %" for name in NAMES)
    return f"Dot plot of test accuracy on images, a row for each schedule. Means: {said}."


CLAIMS = [
    Claim(
        id="decay-beats-constant",
        text="On images too, the straight line to zero ends with a higher test accuracy than the best constant rate.",
        source=OWN,
        statistic="test accuracy on Fashion-MNIST, linear minus constant, percentage points",
        compare=difference("test_accuracy", {"schedule_name": "linear"}, {"schedule_name": "constant"}, unit=100),
        expect="holds",
    ),
]
