"""What does the race look like when every optimizer runs at the same learning rate?

Fashion-MNIST, a network of 784-100-100-100-10 with He's initialization, batches of 32, and the nine classic
optimizers at the learning rate {=optimizer_race_fixed_lr.lr:g}, as a popular notebook has it; here for one
pass over {=optimizer_race_fixed_lr.rows:.0f} images. Each row is one optimizer: the open circle is its mean
test accuracy at the shared rate, the filled one at its own tuned rate; thin lines span the 95 % interval of
the mean (Student's, {=optimizer_race_fixed_lr.seeds:.0f} seeds). The longer the bar between them, the more
the shared rate misjudges it.
"""

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.claims import OWN, Claim, by_seed, difference
from trainlab.stats import Estimate, mean_interval
from trainlab.tuning import Train
from trainlab.workloads import CLASSIC, FASHION, fixed_fashion_race, tuned_fashion_race

LR = 0.05
SETTINGS = ("shared rate", "tuned rate")


def measure(train: Train) -> xr.Dataset:
    tuned = tuned_fashion_race(train)[1]
    races = (fixed_fashion_race(train, LR), tuned.isel(run=np.flatnonzero(np.isin(tuned.optimizer.values, CLASSIC))))
    marked = [
        race.assign_coords(setting=("run", [name] * race.sizes["run"]))
        for name, race in zip(SETTINGS, races, strict=True)
    ]
    return xr.concat(marked, "run", data_vars="all", coords="minimal", compat="override", join="exact")


def _accuracy(results: xr.Dataset, name: str, setting: str) -> Estimate:
    return mean_interval(by_seed(results, "test_accuracy", optimizer=name, setting=setting))


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"lr": LR, "rows": float(FASHION.steps * FASHION.batch_size), "seeds": float(len(set(results.seed.values)))}
    for setting, short in zip(SETTINGS, ("fixed", "tuned"), strict=True):
        values = {name: 100 * _accuracy(results, name, setting).value for name in CLASSIC}
        out |= {f"{name.lower()}_{short}": value for name, value in values.items()}
        out[f"{short}_spread"] = max(values.values()) - min(values.values())
    adam = 100 * by_seed(results, "test_accuracy", **_shared("Adam"))
    return out | {"adam_fixed_lowest": float(adam.min()), "adam_fixed_highest": float(adam.max())}


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    ax = fig.subplots()
    names = sorted(CLASSIC, key=lambda name: _accuracy(results, name, SETTINGS[0]).value)
    for row, name in enumerate(names):
        shared, tuned = (_accuracy(results, name, setting) for setting in SETTINGS)
        color = plots.OPTIMIZER_LINES[name]["color"]
        ax.plot([shared.value, tuned.value], [row, row], color=color, linewidth=5, alpha=0.25, label=f"_bar {name}")
        for setting, estimate, face in zip(SETTINGS, (shared, tuned), (plots.INK["paper"], color), strict=True):
            ax.plot([estimate.low, estimate.high], [row, row], color=color, linewidth=1.2, label=f"_interval {name}")
            ax.plot([estimate.value], [row], "o", color=color, markerfacecolor=face, label=f"{name}, {setting}")
    ax.set_yticks(np.arange(len(names)), names)
    ax.tick_params(axis="y", length=0, labelcolor=plots.INK["text"])
    ax.grid(visible=False, axis="y")
    ax.set(xlabel="mean test accuracy", ylim=(-0.6, len(names) - 0.1))
    plots.percent(ax.xaxis)
    style = {"fontsize": 9.5, "color": plots.INK["muted"], "va": "bottom"}
    for setting, side in zip(SETTINGS, ("left", "right"), strict=True):
        ax.text(_accuracy(results, names[0], setting).value, 0.17, setting, ha=side, **style)


def alt(numbers: dict[str, float]) -> str:
    rows = ", ".join(
        f"{name} {numbers[f'{name.lower()}_fixed']:.1f} and {numbers[f'{name.lower()}_tuned']:.1f}" for name in CLASSIC
    )
    return (
        f"Dot plot of mean test accuracy in percent for the classic optimizers, at the shared rate "
        f"{numbers['lr']:g} and at the tuned rate of each: {rows}. The best and the worst differ by "
        f"{numbers['fixed_spread']:.1f} points at the shared rate and by {numbers['tuned_spread']:.1f} at tuned rates."
    )


def _shared(name: str) -> dict[str, str]:
    return {"optimizer": name, "setting": SETTINGS[0]}


def _gap(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: the best minus the worst test accuracy of a seed."""
    return np.ptp([by_seed(runs, "test_accuracy", optimizer=name) for name in CLASSIC], axis=0)


CLAIMS = [
    Claim(
        id="adam-above-sgd",
        text="At the shared rate, Adam has a higher test accuracy than SGD.",
        source=OWN,
        statistic=f"test accuracy at learning rate {LR:g}, Adam minus SGD, percentage points",
        compare=difference("test_accuracy", _shared("Adam"), _shared("SGD"), unit=100),
        expect="reversed",
        why="The shared rate is near the one that SGD wants, {=optimizer_race.fashion_sgd_lr:g}, and far above "
        "Adam's, {=optimizer_race.fashion_adam_lr:g}. With it Adam ends between "
        "{=optimizer_race_fixed_lr.adam_fixed_lowest:.1f} and {=optimizer_race_fixed_lr.adam_fixed_highest:.1f} %, "
        "depending on the seed.",
    ),
    Claim(
        id="momentum-above-adam",
        text="At the shared rate, Momentum has a higher test accuracy than Adam.",
        source=OWN,
        statistic=f"test accuracy at learning rate {LR:g}, Momentum minus Adam, percentage points",
        compare=difference("test_accuracy", _shared("Momentum"), _shared("Adam"), unit=100),
        expect="holds",
    ),
    Claim(
        id="tuning-closes-the-gap",
        text="The best and the worst optimizer of a seed are further apart at the shared rate than at tuned rates.",
        source="Choi et al. 2019, On empirical comparisons of optimizers for deep learning",
        url="https://arxiv.org/abs/1910.05446",
        statistic="best minus worst test accuracy, shared rate minus tuned rates, percentage points",
        compare=difference(_gap, {"setting": SETTINGS[0]}, {"setting": SETTINGS[1]}, unit=100),
        expect="holds",
    ),
]
