"""How large must a mini-batch be for batch norm?

Test accuracy on MNIST-1D against the batch size, for ReLU nets with {=norm_batch_size.depth:.0f} hidden layers of
{=norm_batch_size.width:.0f} units without normalization, with batch norm and with layer norm. Smaller batches get more
updates, from {=norm_batch_size.most_steps:.0f} to {=norm_batch_size.least_steps:.0f}, but see fewer examples; at one
batch size all three nets get the same. Each net at each batch size runs at the rate that won on the validation split
among at least {=norm_batch_size.rates:.0f}. Lines are medians over {=norm_batch_size.seeds:.0f} fresh seeds, bands
reach from the lowest to the highest. The dashed line is guessing.
"""

import numpy as np
import xarray as xr
from torch import nn

from trainlab import plots
from trainlab.claims import OWN, Claim, Comparison, by_seed, difference, within
from trainlab.data import MNIST1D, REPORTS
from trainlab.inits import He
from trainlab.loop import AT_END
from trainlab.norm_workloads import joined
from trainlab.normnets import Norm, NormMLP
from trainlab.norms import BatchNorm
from trainlab.optimizers import Momentum
from trainlab.runs import Run
from trainlab.tuning import Train, tune

DEPTH, WIDTH = 3, 32
STEPS = {1: 800, 2: 800, 4: 600, 8: 500, 16: 400, 32: 300, 128: 200, 512: 100}
"""Batch size -> updates of a run."""

RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
SEEDS, TUNING_SEEDS = range(10), range(1000, 1001)
NORMS: dict[str, Norm | None] = {"none": None, "batch": BatchNorm, "layer": nn.LayerNorm}
LABELS = {"none": "none", "batch": "batch norm", "layer": "layer norm"}
CHANCE = 10.0
LEARNED = 0.15
"""Below this validation accuracy no rate was better than guessing, and which of them won means nothing."""

TOLERANCE = 2.0
"""Percentage points by which two norms may differ and still count as equally good."""


def measure(train: Train) -> xr.Dataset:
    parts, edges, rates = [], [], []
    for batch, steps in STEPS.items():
        contenders = {
            name: Run(
                data=MNIST1D(validation=500, test=2000),
                model=NormMLP(inputs=40, outputs=10, depth=DEPTH, width=WIDTH, norm=norm),
                init=He(),
                optimizer=Momentum(),
                lr=RATES[0],
                batch_size=batch,
                steps=steps,
            )
            for name, norm in NORMS.items()
        }
        tuned = tune(train, contenders, RATES, TUNING_SEEDS)
        results = train(tuned.fresh(SEEDS), every=AT_END, splits=REPORTS)
        parts.append(results.assign_coords(norm=("run", [name for name in NORMS for _ in SEEDS])))
        best = tuned.trials.validation_accuracy.fillna(0).mean("seed").max("trial").values
        learned = {name for name, accuracy in zip(NORMS, best, strict=True) if accuracy > LEARNED}
        edges += [f"batch size {batch}, {edge}" for edge in tuned.at_edge if edge.partition(" (")[0] in learned]
        rates.append(tuned.trials.sizes["trial"])
    return joined(parts).assign_attrs(at_edge=edges, rates=min(rates))


def _accuracy(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]` in percent; a diverged run counts as guessing."""
    return 100 * np.nan_to_num(by_seed(runs, "test_accuracy"), nan=CHANCE / 100)


def _table(results: xr.Dataset, norm: str) -> np.ndarray:
    """`[seeds, batch sizes]`, in percent."""
    return np.stack([by_seed(results, _accuracy, norm=norm, batch_size=batch) for batch in STEPS], 1)


def _rate(results: xr.Dataset, norm: str, batch: int) -> float:
    return float(results.lr.values[(results.norm.values == norm) & (results.batch_size.values == batch)][0])


def _above_guessing(runs: xr.Dataset) -> np.ndarray:
    return _accuracy(runs) - CHANCE


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"depth": float(DEPTH), "width": float(WIDTH), "seeds": float(len(SEEDS)), "tolerance": TOLERANCE}
    out |= {"rates": float(results.attrs["rates"]), "chance": CHANCE}
    out |= {"most_steps": float(max(STEPS.values())), "least_steps": float(min(STEPS.values()))}
    for norm in NORMS:
        for column, batch in enumerate(STEPS):
            out[f"{norm}_{batch}"] = float(_table(results, norm)[:, column].mean())
            out[f"{norm}_{batch}_lr"] = _rate(results, norm, batch)
    out |= {f"batch_size_{batch}": float(batch) for batch in STEPS}
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    ax = fig.subplots()
    batches = np.array(list(STEPS))
    for norm in NORMS:
        plots.curve(ax, batches, _table(results, norm) / 100, LABELS[norm], plots.NORM_LINES[norm] | {"marker": "o"})
    ax.axhline(CHANCE / 100, color=plots.INK["muted"], linewidth=1, linestyle="--", label="_guess")
    ax.set(xscale="log", xlabel="batch size", ylabel="test accuracy", xlim=(batches[0] / 1.2, batches[-1] * 1.2))
    ax.set_ylim(0, None)
    plots.plain_ticks(ax.xaxis, batches)
    plots.percent(ax.yaxis)
    plots.label_ends(ax)


def alt(numbers: dict[str, float]) -> str:
    said = "; ".join(
        f"{LABELS[norm]} "
        + ", ".join(f"{numbers[f'batch_size_{batch}']:.0f}: {numbers[f'{norm}_{batch}']:.1f}" for batch in STEPS)
        for norm in NORMS
    )
    return f"Line plot of test accuracy against the batch size. Means in percent by batch size: {said}."


def _layer_minus_batch(batch: int) -> Comparison:
    return difference(_accuracy, {"norm": "layer", "batch_size": batch}, {"norm": "batch", "batch_size": batch})


def _gap_at_512(runs: xr.Dataset) -> np.ndarray:
    one, other = (by_seed(runs, _accuracy, norm=norm, batch_size=512) for norm in ("layer", "batch"))
    return one - other


_SOURCE = "Wu and He 2018, Group normalization, figure 1"
_URL = "https://arxiv.org/abs/1803.08494"
_STATISTIC = "test accuracy at batch size {}, layer norm minus batch norm, percentage points"

CLAIMS = [
    Claim(
        id="two-are-too-few",
        text="With mini-batches of two examples, layer norm reaches a higher test accuracy than batch norm.",
        source=_SOURCE,
        url=_URL,
        statistic=_STATISTIC.format(2),
        compare=_layer_minus_batch(2),
        expect="holds",
    ),
    Claim(
        id="large-batches-are-equal",
        text="With mini-batches of 512 the two differ by less than 2 points.",
        source=OWN,
        statistic=_STATISTIC.format(512) + f"; the band is ±{TOLERANCE:g}",
        compare=within(_gap_at_512, TOLERANCE),
        expect="reversed",
        why="Batch norm is ahead there, by more than the 2 points.",
    ),
    Claim(
        id="one-learns-nothing",
        text="With mini-batches of one example, a net with batch norm does no better than guessing.",
        source=OWN,
        statistic=f"test accuracy at batch size 1 minus 10 %, percentage points; the band is ±{TOLERANCE:g}",
        compare=within(_above_guessing, TOLERANCE, norm="batch", batch_size=1),
        expect="holds",
    ),
]
