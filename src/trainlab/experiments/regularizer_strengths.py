"""How much of each regularizer is right?

Test accuracy by strength, for {=regularizer_strengths.methods:.0f} regularizers of the same network on
{=regularizer_strengths.rows:.0f} training examples. Every strength runs at the learning rate that is best for it on the
validation split. The grey band is the network without a regularizer, at its own best rate. The ring marks the strength
that tuning chose, by other seeds and the validation split. Points are means over {=regularizer_strengths.seeds:.0f}
fresh seeds, bands 95 % intervals (Student's). The strengths are in different units, so compare the heights and not the
places. The network without a regularizer chose among {=regularizer_strengths.trials:.0f} learning rates, each strength
among {=regularizer_strengths.rates:.0f}.
"""

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.claims import OWN, Claim, Comparison
from trainlab.overfitting import (
    FRESH_SEEDS,
    METHODS,
    NONE,
    RATES,
    ROWS,
    STEPS,
    TRIALS,
    finite,
    fresh,
    joined,
    of,
    tune_all,
)
from trainlab.stats import mean_interval, paired_difference
from trainlab.tuning import Train

UNITS = {
    "dropout": "dropout rate",
    "L1": "penalty $\\lambda$",
    "soft threshold": "penalty $\\lambda$",
    "L2": "weight decay $\\lambda$",
    "decoupled decay": "weight decay $\\lambda$",
    "max-norm": "limit $c$",
    "label smoothing": "smoothing $\\epsilon$",
}


def measure(train: Train) -> xr.Dataset:
    tuned = tune_all(train)
    parts = [fresh(train, tuned, name)[["train_accuracy", "test_accuracy"]] for name in (NONE, *METHODS)]
    return joined(parts).assign_attrs(at_edge=tuned.at_edge)


def _accuracies(results: xr.Dataset, method: str, strength: float) -> np.ndarray:
    """`[seeds]`; a run that diverged has none."""
    return finite(of(results, method=method, strength=strength).test_accuracy.values)


def _key(method: str) -> str:
    return method.lower().replace(" ", "_").replace("-", "_")


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"methods": float(len(METHODS)), "rows": float(ROWS), "seeds": float(len(FRESH_SEEDS))}
    out |= {"rates": float(len(RATES)), "trials": float(TRIALS), "steps": float(STEPS)}
    out["none"] = 100 * float(_accuracies(results, NONE, 0.0).mean())
    for name, method in METHODS.items():
        means = [100 * float(_accuracies(results, name, strength).mean()) for strength in method.strengths]
        out |= {f"{_key(name)}_weakest": means[0], f"{_key(name)}_strongest": means[-1]}
        out[f"{_key(name)}_best"] = float(of(results, method=name, best=True).strength.values[0])
        out[f"{_key(name)}_tuned"] = 100 * float(
            finite(of(results, method=name, best=True).test_accuracy.values).mean()
        )
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 8.4)
    panels = fig.subplots(4, 2, sharey=True).ravel().tolist()
    none = mean_interval(_accuracies(results, NONE, 0.0))
    for ax, (name, method) in zip(panels, METHODS.items(), strict=False):
        strengths, color = np.array(method.strengths), plots.REGULARIZER_LINES[name]["color"]
        found = [mean_interval(_accuracies(results, name, strength)) for strength in method.strengths]
        low, middle, high = (np.array([getattr(one, part) for one in found]) for part in ("low", "value", "high"))
        ax.axhspan(none.low, none.high, color=plots.INK["muted"], alpha=0.25, linewidth=0)
        ax.fill_between(strengths, low, high, color=color, alpha=0.16, linewidth=0, label=f"_band {name}")
        ax.plot(strengths, middle, marker="o", markersize=3.5, color=color, label=name)
        chosen = method.strengths.index(float(of(results, method=name, best=True).strength.values[0]))
        ax.plot(strengths[chosen], middle[chosen], "o", markersize=10, markerfacecolor="none", markeredgecolor=color)
        ax.set_title(name, color=color)
        ax.set(xscale="log", xlabel=UNITS[name])
        plots.plain_ticks(ax.xaxis, method.strengths)
        ax.tick_params(axis="x", labelsize=8.5)
        plots.percent(ax.yaxis)
    for ax in panels[::2]:
        ax.set_ylabel("test accuracy")
    panels[-1].set_axis_off()
    panels[-1].set_xlabel(" ")
    panels[-1].text(
        0.05, 0.6, "grey band:\nno regularizer\nring: chosen by\nvalidation", transform=panels[-1].transAxes
    )


def alt(numbers: dict[str, float]) -> str:
    said = "; ".join(
        f"{name} {numbers[f'{_key(name)}_tuned']:.1f} % at {numbers[f'{_key(name)}_best']:g}" for name in METHODS
    )
    return (
        f"Small plots of test accuracy against strength, one for each regularizer. Mean at the strength that tuning "
        f"chose: {said}. Without a regularizer it is {numbers['none']:.1f} %."
    )


def _too_much(name: str) -> Comparison:
    """The tuned strength minus the strongest that was tried (for max-norm, the lowest limit)."""
    strongest = METHODS[name].strengths[0 if name == "max-norm" else -1]
    return Comparison(
        "paired difference",
        lambda results: paired_difference(
            100 * finite(of(results, method=name, best=True).test_accuracy.values),
            100 * _accuracies(results, name, strongest),
        ),
    )


CLAIMS = [
    Claim(
        id="too-much-dropout",
        text="Dropout at the highest rate that was tried has a lower test accuracy than at the tuned one.",
        source=OWN,
        statistic="test accuracy, tuned minus strongest, percentage points",
        compare=_too_much("dropout"),
        expect="holds",
    ),
    Claim(
        id="too-much-decay",
        text="The strongest decoupled decay that was tried has a lower test accuracy than the tuned one.",
        source=OWN,
        statistic="test accuracy, tuned minus strongest, percentage points",
        compare=_too_much("decoupled decay"),
        expect="holds",
    ),
]
