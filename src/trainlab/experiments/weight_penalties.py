"""What do L1, L2 and decoupled decay leave of the weights?

Absolute values of the {=weight_penalties.weights:.0f} weights between the two hidden layers after training, from the
smallest to the largest, for each penalty at the strength that tuning chose. The axis ends at a millionth, so a line
that starts further right has that share of its weights below it: with the soft threshold they are exact zeros, with L2
only tiny. Lines are medians over {=weight_penalties.seeds:.0f} seeds, bands reach from the lowest to the highest.
Dashed lines are the relatives of the solid ones in the same colour.
"""

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.claims import Claim, Comparison, within
from trainlab.overfitting import FRESH_SEEDS, NONE, WIDTH, finite, fresh, joined, of, tune_all
from trainlab.stats import mean_interval
from trainlab.tuning import Train

METHODS = (NONE, "L1", "soft threshold", "L2", "decoupled decay")
LAYER = 1
"""The matrix between the hidden layers."""

VARIABLES = ["test_accuracy", "weight_percentile", "zero_share", "mean_row"]


def measure(train: Train) -> xr.Dataset:
    tuned = tune_all(train)
    parts = [of(fresh(train, tuned, name), best=True)[VARIABLES] for name in METHODS]
    return joined(parts).assign_attrs(at_edge=[edge for edge in tuned.at_edge if edge.partition(" (")[0] in METHODS])


def _sizes(results: xr.Dataset, name: str) -> np.ndarray:
    """`[seeds, percentiles]`."""
    return of(results, method=name).weight_percentile.isel(weight=LAYER).transpose("run", "percent").values


def _zeros(results: xr.Dataset, name: str) -> np.ndarray:
    """`[seeds]`: percent of the weights that are exactly zero."""
    return 100 * of(results, method=name).zero_share.isel(weight=LAYER).values.astype(np.float64)


def _small(results: xr.Dataset, name: str) -> np.ndarray:
    """`[seeds]`: the median weight as a share of the 95th percentile."""
    sizes = _sizes(results, name).astype(np.float64)
    return sizes[:, 50] / sizes[:, 95]


def _key(method: str) -> str:
    return method.lower().replace(" ", "_")


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(FRESH_SEEDS)), "weights": float(WIDTH**2)}
    for name in METHODS:
        runs, key = of(results, method=name), _key(name)
        out[f"{key}_zeros"] = float(_zeros(results, name).mean())
        out[f"{key}_median"] = float(np.median(_sizes(results, name)[:, 50]))
        out[f"{key}_largest"] = float(np.median(_sizes(results, name)[:, -1]))
        out[f"{key}_relative"] = 100 * float(_small(results, name).mean())
        out[f"{key}_accuracy"] = 100 * float(finite(runs.test_accuracy.values).mean())
        out[f"{key}_strength"] = float(runs.strength.values[0])
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 4.2)
    ax = fig.subplots()
    for name in METHODS:
        sizes = np.maximum(_sizes(results, name), 1e-9)
        plots.curve(ax, np.arange(101) / 100, sizes, name, plots.REGULARIZER_LINES[name])
    ax.set(
        yscale="log", ylim=(1e-6, 3), xlim=(0, 1), xlabel="share of the weights", ylabel="absolute value of a weight"
    )
    plots.percent(ax.xaxis)
    dashed = {name: f"{name}\n(dashed)" for name in METHODS if "linestyle" in plots.REGULARIZER_LINES[name]}
    plots.label_ends(ax, dashed, gap=24)


def alt(numbers: dict[str, float]) -> str:
    said = "; ".join(
        f"{name} {numbers[f'{_key(name)}_median']:.3f} and {numbers[f'{_key(name)}_zeros']:.1f} %" for name in METHODS
    )
    return (
        "Line plot of the sorted absolute values of the weights on a logarithmic axis, one line for each penalty. "
        f"Median size, and share of exact zeros: {said}."
    )


CLAIMS = [
    Claim(
        id="l1-leaves-no-zeros",
        text="An L1 penalty in the gradient leaves hardly a weight at exactly zero.",
        source="Bottou, Curtis and Nocedal 2018, Optimization methods for large-scale machine learning, section 8",
        url="https://arxiv.org/abs/1606.04838",
        statistic="share of weights that are exactly zero, percentage points; the band is ±1",
        compare=within(
            lambda runs: 100 * runs.zero_share.isel(weight=LAYER).values.astype(np.float64), 1.0, method="L1"
        ),
        expect="holds",
    ),
    Claim(
        id="soft-threshold-leaves-zeros",
        text="A soft threshold leaves more than one weight in a hundred at exactly zero.",
        source="Daubechies, Defrise and De Mol 2004, An iterative thresholding algorithm for linear inverse problems",
        url="https://arxiv.org/abs/math/0307152",
        statistic="share of weights that are exactly zero, percent",
        compare=Comparison("mean", lambda results: mean_interval(_zeros(results, "soft threshold")), (1.0, np.inf)),
        expect="holds",
    ),
]
