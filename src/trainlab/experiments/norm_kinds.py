"""What do batch, layer, group and RMS norm average over, and which learns best?

Above: which numbers share a mean and a variance (RMS norm: only a mean square), in a mini-batch of six examples (rows)
with eight units (columns). One such set stands out. Below: test accuracy after {=norm_kinds.steps:.0f} updates of ReLU
nets with {=norm_kinds.depth:.0f} hidden layers of {=norm_kinds.width:.0f} units on MNIST-1D, batches of
{=norm_kinds.batch:.0f}, each at the rate that won on the validation split among {=norm_kinds.rates:.0f}. Group norm
has {=norm_kinds.groups:.0f} groups. Filled circles are means over {=norm_kinds.seeds:.0f} fresh seeds, thin lines their
95 % intervals (Student's), small dots the single runs.
"""

import numpy as np
import xarray as xr
from torch import nn

from trainlab import plots
from trainlab.claims import Claim, by_seed, difference, within
from trainlab.comparisons import Measure
from trainlab.data import MNIST1D
from trainlab.inits import He
from trainlab.normnets import Norm, NormMLP
from trainlab.norms import BatchNorm, Groups
from trainlab.optimizers import Momentum
from trainlab.runs import Run
from trainlab.stats import mean_interval
from trainlab.tuning import Train, tune

DEPTH, WIDTH, STEPS, BATCH, GROUPS = 5, 40, 300, 64, 4
RATES = (0.003, 0.01, 0.03, 0.1, 0.3)
SEEDS, TUNING_SEEDS = range(10), range(1000, 1002)
NORMS: dict[str, Norm | None] = {
    "none": None,
    "batch": BatchNorm,
    "layer": nn.LayerNorm,
    "group": Groups(GROUPS),
    "RMS": nn.RMSNorm,
}
TOLERANCE = 2.0
"""Percentage points by which two norms may differ and still count as equally good."""

ROWS, COLUMNS = 6, 8
SETS = {
    "batch": (slice(None), slice(2, 3)),
    "layer": (slice(2, 3), slice(None)),
    "group": (slice(2, 3), slice(0, 4)),
    "RMS": (slice(2, 3), slice(None)),
}
"""Examples and units of one set, in the drawing."""


def measure(train: Train) -> xr.Dataset:
    contenders = {
        name: Run(
            data=MNIST1D(validation=1000, test=5000),
            model=NormMLP(inputs=40, outputs=10, depth=DEPTH, width=WIDTH, norm=norm),
            init=He(),
            optimizer=Momentum(),
            lr=RATES[0],
            batch_size=BATCH,
            steps=STEPS,
        )
        for name, norm in NORMS.items()
    }
    tuned = tune(train, contenders, RATES, TUNING_SEEDS)
    results = train(tuned.fresh(SEEDS), every=STEPS)
    results = results.assign_coords(norm=("run", [name for name in NORMS for _ in SEEDS]))
    return results.assign_attrs(at_edge=tuned.at_edge, rates=tuned.trials.sizes["trial"])


def _accuracies(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]` in percent; a diverged run has none."""
    return 100 * np.nan_to_num(by_seed(runs, "test_accuracy"))


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"depth": float(DEPTH), "width": float(WIDTH), "steps": float(STEPS), "seeds": float(len(SEEDS))}
    out |= {"rates": float(results.attrs["rates"]), "batch": float(BATCH), "groups": float(GROUPS)}
    out["tolerance"] = TOLERANCE
    for norm in NORMS:
        out[f"{norm.lower()}_accuracy"] = float(by_seed(results, _accuracies, norm=norm).mean())
        out[f"{norm.lower()}_lr"] = float(results.lr.values[results.norm.values == norm][0])
        out[f"{norm.lower()}_loss"] = float(np.median(by_seed(results, "train_loss@100%", norm=norm)))
    return out


def _diagram(ax: "plots.Axes", norm: str) -> None:
    """The mini-batch as a grid, with one set in colour."""
    from matplotlib.patches import Rectangle

    rows, columns = SETS[norm]
    chosen = np.zeros((ROWS, COLUMNS), dtype=bool)
    chosen[rows, columns] = True
    for (row, column), inside in np.ndenumerate(chosen):
        color = plots.NORM_LINES[norm]["color"] if inside else plots.INK["grid"]
        face = Rectangle((column + 0.06, ROWS - row - 0.94), 0.88, 0.88, facecolor=color, linewidth=0)
        ax.add_patch(face)
    ax.set(xlim=(0, COLUMNS), ylim=(0, ROWS), aspect="equal")
    ax.set_title(norm, fontsize=10, color=plots.NORM_LINES[norm]["color"])
    ax.set_axis_off()


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 4.6)
    cells = fig.add_gridspec(2, len(SETS), height_ratios=[1, 2.4])
    for column, norm in enumerate(SETS):
        _diagram(fig.add_subplot(cells[0, column]), norm)
    ax = fig.add_subplot(cells[1, :])
    for row, norm in enumerate(reversed(NORMS)):
        values, color = by_seed(results, _accuracies, norm=norm) / 100, plots.NORM_LINES[norm]["color"]
        mean = mean_interval(values)
        ax.plot(values, np.full(len(values), row), ".", color=color, alpha=0.35, markersize=4, label=f"{norm}, runs")
        ax.plot([mean.low, mean.high], [row, row], color=color, linewidth=1.4, label=f"_interval {norm}")
        ax.plot([mean.value], [row], "o", color=color, label=norm)
    ax.set_yticks(range(len(NORMS)), list(reversed(NORMS)))
    ax.tick_params(axis="y", length=0, labelcolor=plots.INK["text"])
    ax.grid(visible=False, axis="y")
    ax.set_xlabel("test accuracy")
    plots.percent(ax.xaxis)


def alt(numbers: dict[str, float]) -> str:
    said = ", ".join(f"{norm} {numbers[f'{norm.lower()}_accuracy']:.1f}" for norm in NORMS)
    return (
        "Small grids of examples by units: batch norm takes a column, layer norm and RMS norm a row, group norm a part "
        f"of a row. Below, a dot plot of test accuracy. Means in percent: {said}."
    )


def _gap(one: str, other: str) -> Measure:
    def gap(runs: xr.Dataset) -> np.ndarray:
        first, second = (by_seed(runs, _accuracies, norm=norm) for norm in (one, other))
        return first - second

    return gap


_STATISTIC = "test accuracy, {} norm minus {}, percentage points"

CLAIMS = [
    Claim(
        id="batch-beats-none",
        text="With batch norm, the net reaches a higher test accuracy than without any.",
        source="Ioffe and Szegedy 2015, Batch normalization",
        url="https://arxiv.org/abs/1502.03167",
        statistic=_STATISTIC.format("batch", "none"),
        compare=difference(_accuracies, {"norm": "batch"}, {"norm": "none"}),
        expect="holds",
    ),
    Claim(
        id="batch-beats-layer",
        text="Batch norm reaches a higher test accuracy than layer norm.",
        source="Ba, Kiros and Hinton 2016, Layer normalization, section 6.7 (of convolutional nets)",
        url="https://arxiv.org/abs/1607.06450",
        statistic=_STATISTIC.format("batch", "layer norm"),
        compare=difference(_accuracies, {"norm": "batch"}, {"norm": "layer"}),
        expect="holds",
    ),
    Claim(
        id="rms-is-as-good-as-layer",
        text="RMS norm, which leaves out the mean, ends within 2 points of layer norm.",
        source="Zhang and Sennrich 2019, Root mean square layer normalization",
        url="https://arxiv.org/abs/1910.07467",
        statistic=_STATISTIC.format("RMS", "layer norm") + f"; the band is ±{TOLERANCE:g}",
        compare=within(_gap("RMS", "layer"), TOLERANCE),
        expect="holds",
    ),
]
