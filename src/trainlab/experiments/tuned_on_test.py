"""How much better does an optimizer look when its learning rate is tuned on the test set?

The race's runs on MNIST-1D, read in two ways. Honest: the rate is chosen by validation accuracy on the tuning
seeds, and the test accuracy of a fresh seed is reported. Mistaken: on that same fresh seed, the best test
accuracy of all {=tuned_on_test.rates:.0f} rates is reported. The bar is the difference, a mean over
{=tuned_on_test.seeds:.0f} seeds; thin lines span its 95 % interval (Student's). No new run was trained.
"""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from trainlab import plots
from trainlab.claims import OWN, Claim, by_seed, difference
from trainlab.stats import Estimate, paired_difference
from trainlab.tuning import Train, scores
from trainlab.workloads import OPTIMIZERS, race_sweep

WAYS = ("mistaken", "honest")


def measure(train: Train) -> xr.Dataset:
    tuned, fresh = race_sweep(train)
    fresh = fresh.fillna(0)
    chosen = scores(tuned.trials).argmax("trial")
    table = xr.concat([fresh.max("trial"), fresh.isel(trial=chosen)], "way").assign_coords(way=list(WAYS))
    table = table.drop_vars([name for name in table.coords if name not in ("contender", "way", "seed")])
    rows = table.rename(contender="optimizer").rename("reported").stack(run=("optimizer", "way", "seed"))
    return rows.reset_index("run").to_dataset().assign_attrs(at_edge=tuned.at_edge, rates=tuned.trials.sizes["trial"])


def _gain(results: xr.Dataset, name: str) -> Estimate:
    mistaken, honest = (100 * by_seed(results, "reported", optimizer=name, way=way) for way in WAYS)
    return paired_difference(mistaken, honest)


def _mean(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: the reported accuracy, mean over the optimizers."""
    return np.mean([by_seed(runs, "reported", optimizer=name) for name in OPTIMIZERS], axis=0)


def numbers(results: xr.Dataset) -> dict[str, float]:
    gains = {name: _gain(results, name).value for name in OPTIMIZERS}
    out = {f"{name.lower()}_gain": gain for name, gain in gains.items()}
    out |= {"seeds": float(len(set(results.seed.values.tolist()))), "rates": float(results.attrs["rates"])}
    return out | {"mean_gain": float(np.mean(list(gains.values()))), "largest_gain": max(gains.values())}


def draw(fig: Figure, results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 3.9)
    ax = fig.subplots()
    names = sorted(OPTIMIZERS, key=lambda name: _gain(results, name).value)
    for row, name in enumerate(names):
        gain, color = _gain(results, name), plots.OPTIMIZER_LINES[name]["color"]
        ax.barh(row, gain.value, height=0.7, color=color, alpha=0.3, linewidth=0)
        ax.plot([gain.low, gain.high], [row, row], color=color, linewidth=1.2, label=f"_interval {name}")
        ax.plot([gain.value], [row], "o", color=color, markersize=4, label=name)
    ax.set_yticks(np.arange(len(names)), [plots.SHORT_NAMES.get(name, name) for name in names])
    ax.tick_params(axis="y", length=0, labelcolor=plots.INK["text"], labelsize=9)
    ax.grid(visible=False, axis="y")
    ax.set(xlabel="reported too much, percentage points", ylim=(-0.6, len(names) - 0.4))


def alt(numbers: dict[str, float]) -> str:
    gains = ", ".join(f"{name} {numbers[f'{name.lower()}_gain']:.2f}" for name in OPTIMIZERS)
    return f"Bar plot of how many points of test accuracy are reported too much, for each optimizer: {gains}."


CLAIMS = [
    Claim(
        id="looks-better",
        text="An optimizer whose learning rate was tuned on the test set looks better than it is, by more than a "
        "quarter of a point.",
        source=OWN,
        statistic="reported test accuracy, tuned on the test set minus tuned on validation, mean over the optimizers, "
        "percentage points",
        compare=difference(_mean, {"way": WAYS[0]}, {"way": WAYS[1]}, unit=100),
        region=(0.25, np.inf),
        expect="holds",
    ),
]
"""By construction no difference can be negative, so the claim is about its size."""
