"""Does batch norm help because it keeps the distribution of a layer's inputs still?

Sigmoid nets with three hidden layers, each at the rate that reached {=norm_with_noise.target:.0f} % in the fewest
updates. In the net with noise, noise follows each batch norm, drawn anew at every update: each unit is shifted and
stretched, all examples alike, and each example a little more. Above: validation accuracy against updates. Below: how
far one update moves what the second hidden layer hands on, after its sigmoid, as the change of a unit's mean over the
same mini-batch, in its standard deviations; in the noisy net the noise of the next update is part of it. Both axes of
updates and the lower axis of sizes are logarithmic. Lines are medians over {=norm_with_noise.seeds:.0f} seeds, bands
reach from the lowest to the highest run.
"""

from dataclasses import replace

import numpy as np
import xarray as xr
from jaxtyping import Float
from torch import Tensor, nn

from trainlab import plots
from trainlab.claims import OWN, Claim, by_seed, difference, steps_ratio
from trainlab.layers import Dropout
from trainlab.norm_workloads import NETS, SEEDS, TARGET, fewest_updates, joined, median_updates, of_net
from trainlab.normnets import NormMLP
from trainlab.norms import BatchNorm
from trainlab.random_bits import counter_bits
from trainlab.tuning import Train

SHIFT, STRETCH, SINGLE = 0.5, 0.25, 0.1
"""Largest shift of a unit and largest stretch beyond 1, and what each example may add to both, as in the source."""

LAYER = 1
"""The second hidden layer."""


class ShiftingNoise(Dropout):
    """Shifts and stretches each unit at random in training mode, and each example a little more.

    A `Dropout` only in that its random numbers depend on seed, layer and update alone.
    """

    def __init__(self) -> None:
        super().__init__(0.0)

    def forward(self, x: Float[Tensor, "batch units"]) -> Float[Tensor, "batch units"]:
        """Stretch, then shift; evaluation mode changes nothing."""
        if not self.training:
            return x
        rows, units = x.shape
        uniform = (counter_bits(self.key(), 2 * units * (1 + rows)) >> 8).to(x.dtype) / (1 << 23)  # in [-1, 1)
        self.step.add_(1)
        of_unit, of_example = uniform[: 2 * units].view(2, 1, units), uniform[2 * units :].view(2, rows, units)
        shift = SHIFT * of_unit[0] + SINGLE * of_example[0]
        stretch = 1 + STRETCH * (1 + of_unit[1]) / 2 + SINGLE * of_example[1]
        return stretch * x + shift


def noisy_batch_norm(units: int) -> nn.Module:
    """Batch norm, then noise."""
    return nn.Sequential(BatchNorm(units), ShiftingNoise())


PLAIN, BATCH, NOISY = "sigmoid", "sigmoid, batch norm", "sigmoid, batch norm and noise"
LABELS = {PLAIN: "without", BATCH: "batch norm", NOISY: "with noise"}
COSTS = steps_ratio("validation_accuracy", TARGET, {"net": NOISY}, {"net": BATCH})
"""What the noise costs."""

LINES = {PLAIN: plots.NORM_LINES["none"], BATCH: plots.NORM_LINES["batch"], NOISY: {"color": plots.SERIES[3]}}


def measure(train: Train) -> xr.Dataset:
    model = NETS[BATCH].model
    assert isinstance(model, NormMLP)
    noisy = replace(NETS[BATCH], model=replace(model, norm=noisy_batch_norm), steps=600)
    runs = {PLAIN: NETS[PLAIN], BATCH: NETS[BATCH], NOISY: noisy}
    found = [fewest_updates(train, name, run) for name, run in runs.items()]
    return joined([one.results for one in found]).assign_attrs(at_edge=[e for one in found for e in one.at_edge])


def _shifts(runs: xr.Dataset) -> np.ndarray:
    """`[runs, measurements]` of the layer that is drawn, the one before the first update included."""
    measured = runs.dropna("step", how="all", subset=["validation_loss"])
    return measured["shift"].isel(layer=LAYER).transpose("run", "step").values


def _mean_shift(runs: xr.Dataset) -> np.ndarray:
    return _shifts(runs).mean(1)


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(SEEDS)), "target": 100 * TARGET}
    out |= {"unit_shift": SHIFT, "unit_stretch": 1 + STRETCH, "single": SINGLE}
    for name, key in ((PLAIN, "plain"), (BATCH, "batch"), (NOISY, "noisy")):
        runs = of_net(results, name)
        out[f"{key}_updates"] = median_updates(results, name)
        out[f"{key}_lr"] = float(runs.lr.values[0])
        out[f"{key}_shift"] = float(np.median(_mean_shift(runs)))
        out[f"{key}_accuracy"] = 100 * float(np.nan_to_num(by_seed(runs, "test_accuracy")).mean())
    costs = COSTS.estimate(results)
    high = costs.high if np.isfinite(costs.high) else np.nan  # where the runs set no limit
    out |= {"noise_costs": costs.value, "noise_costs_low": costs.low, "noise_costs_high": high}
    out["noise_gains"] = out["plain_updates"] / out["noisy_updates"]
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 5.8)
    above, below = fig.subplots(2, sharex=True)
    for name, label in LABELS.items():
        runs = of_net(results, name)
        steps = runs.step.values[1:]
        plots.curve(above, steps, runs.validation_accuracy.values[:, 1:], label, LINES[name])
        plots.curve(below, steps, _shifts(runs)[:, 1:], f"{label}, shift", LINES[name])
    above.axhline(TARGET, color=plots.INK["muted"], linewidth=1, linestyle=":", label="_target")
    above.set(xscale="log", ylabel="validation accuracy", ylim=(0, 0.75))
    above.tick_params(labelbottom=True)
    plots.percent(above.yaxis)
    below.set(yscale="log", xlabel="updates", ylabel="shift by one update")
    plots.label_ends(above)
    plots.label_ends(below, {f"{label}, shift": label for label in LABELS.values()})


def alt(numbers: dict[str, float]) -> str:
    return (
        f"Above, validation accuracy of sigmoid nets against updates. Median updates to "
        f"{numbers['target']:.0f} percent: {numbers['plain_updates']:.0f} without batch norm, "
        f"{numbers['batch_updates']:.0f} with it, {numbers['noisy_updates']:.0f} with batch norm and noise. Below, the "
        f"shift of a layer by one update, mean over training: {numbers['plain_shift']:.3f}, "
        f"{numbers['batch_shift']:.3f} and {numbers['noisy_shift']:.3f} standard deviations."
    )


_SOURCE = "Santurkar et al. 2018, How does batch normalization help optimization?, section 2.1 and figure 2"
_URL = "https://arxiv.org/abs/1805.11604"
_STEPS = "updates to a validation accuracy of 40 %, {}, ratio of medians"

CLAIMS = [
    Claim(
        id="noise-moves-the-distribution",
        text="With noise after batch norm, one update moves what the second hidden layer hands on further than in the "
        "net without batch norm.",
        source=_SOURCE,
        url=_URL,
        statistic="shift by one update, mean over training, with noise minus without batch norm, standard deviations",
        compare=difference(_mean_shift, {"net": NOISY}, {"net": PLAIN}),
        expect="holds",
    ),
    Claim(
        id="noise-still-fast",
        text="With noise after batch norm, the sigmoid net still reaches the target in less than half of the updates "
        "of the net without batch norm.",
        source=_SOURCE,
        url=_URL,
        statistic=_STEPS.format("without batch norm over with batch norm and noise")
        + "; the sentence says that it is above 2",
        compare=steps_ratio("validation_accuracy", TARGET, {"net": PLAIN}, {"net": NOISY}),
        region=(2.0, np.inf),
        expect="holds",
    ),
    Claim(
        id="noise-costs-little",
        text="The noise costs less than twice the updates.",
        source=OWN,
        statistic=_STEPS.format("batch norm and noise over batch norm alone") + "; the sentence says that it is below "
        "2",
        compare=COSTS,
        region=(0.0, 2.0),
        expect="holds",
    ),
]
