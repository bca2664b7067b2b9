"""How much better does an optimizer look when it is tuned on the test set, or its best seed is reported?

The race's runs on MNIST-1D, read again. Honest: the rate is chosen by validation accuracy on the tuning
seeds, and the test accuracy of a fresh seed is reported. Filled dots: on that same seed, the best test
accuracy of all {=tuned_on_test.rates:.0f} rates is reported; shown is how much that is above the honest one,
as a mean over {=tuned_on_test.seeds:.0f} seeds, and thin lines span its 95 % interval (Student's). Open
diamonds: the rate is honest, but only the best of the {=tuned_on_test.seeds:.0f} seeds is reported, and not
their mean. No new run was trained.
"""

import numpy as np
import xarray as xr

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


def _lucky(results: xr.Dataset, name: str) -> float:
    """How far the best of the seeds lies above their mean, at the honest rate."""
    honest = 100 * by_seed(results, "reported", optimizer=name, way=WAYS[1])
    return float(honest.max() - honest.mean())


def _gained(results: xr.Dataset) -> float:
    """Places that an optimizer gains if it alone reports its best seed, mean over the optimizers."""
    means = {name: by_seed(results, "reported", optimizer=name, way=WAYS[1]).mean() for name in OPTIMIZERS}
    ends = {name: mean + _lucky(results, name) / 100 for name, mean in means.items()}
    passed = [sum(means[name] < other <= ends[name] for other in means.values()) for name in OPTIMIZERS]
    return float(np.mean(passed))


def _mean(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: the reported accuracy, mean over the optimizers."""
    return np.mean([by_seed(runs, "reported", optimizer=name) for name in OPTIMIZERS], axis=0)


def numbers(results: xr.Dataset) -> dict[str, float]:
    gains = {name: _gain(results, name).value for name in OPTIMIZERS}
    out = {f"{name.lower()}_gain": gain for name, gain in gains.items()}
    lucky = {name: _lucky(results, name) for name in OPTIMIZERS}
    out |= {f"{name.lower()}_lucky": gain for name, gain in lucky.items()}
    out |= {"mean_lucky": float(np.mean(list(lucky.values()))), "largest_lucky": max(lucky.values())}
    out["places"] = _gained(results)
    out |= {"seeds": float(len(set(results.seed.values.tolist()))), "rates": float(results.attrs["rates"])}
    return out | {"mean_gain": float(np.mean(list(gains.values()))), "largest_gain": max(gains.values())}


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 3.9)
    ax = fig.subplots()
    names = sorted(OPTIMIZERS, key=lambda name: _lucky(results, name))
    for row, name in enumerate(names):
        gain, color = _gain(results, name), plots.OPTIMIZER_LINES[name]["color"]
        lucky = _lucky(results, name)
        ax.plot([gain.low, gain.high], [row, row], color=color, linewidth=1.2, label=f"_interval {name}")
        ax.plot([gain.value], [row], "o", color=color, markersize=5, label=f"{name}, rate chosen on the test set")
        ax.plot([lucky], [row], "D", color=color, markersize=5, markerfacecolor=plots.INK["paper"],
                label=f"{name}, best seed reported")  # fmt: skip
    ax.set_yticks(np.arange(len(names)), [plots.SHORT_NAMES.get(name, name) for name in names])
    ax.tick_params(axis="y", length=0, labelcolor=plots.INK["text"], labelsize=9)
    ax.grid(visible=False, axis="y")
    ax.set(xlabel="reported too much, percentage points", ylim=(-0.6, len(names) + 0.5))
    style = {"color": plots.INK["muted"], "fontsize": 9}
    ax.text(_gain(results, names[-1]).value, len(names) - 0.3, "rate chosen on test", ha="left", **style)
    ax.text(_lucky(results, names[-1]), len(names) - 0.3, "best seed reported", ha="right", **style)


def alt(numbers: dict[str, float]) -> str:
    gains = ", ".join(f"{name} {numbers[f'{name.lower()}_gain']:.2f}" for name in OPTIMIZERS)
    lucky = ", ".join(f"{name} {numbers[f'{name.lower()}_lucky']:.2f}" for name in OPTIMIZERS)
    return (
        f"Dot plot of how many points of test accuracy are reported too much. With the rate chosen on the test set: "
        f"{gains}. With the best seed reported: {lucky}."
    )


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
        expect="reversed",
        why="A likely reason: the test split is large and the rates are far apart, so the validation split has "
        "mostly found the same rate already.",
    ),
]
"""By construction no difference can be negative, so the claim is about its size."""
