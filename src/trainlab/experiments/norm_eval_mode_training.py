"""What happens if the net is trained in evaluation mode?

Validation accuracy against updates, for ReLU nets with batch norm at one learning rate,
{=norm_eval_mode_training.lr:g}. Right: train mode. Never: evaluation mode from the start, so that batch norm divides by
1 for ever. Forgotten: someone calls eval() for the first validation after {=norm_eval_mode_training.after:.0f} updates
and never goes back, so the statistics stay as they were then. Lines are medians over
{=norm_eval_mode_training.seeds:.0f} seeds, bands reach from the lowest to the highest; a run that diverged counts as
guessing, the dotted line.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float
from torch import Tensor, nn

from trainlab import plots
from trainlab.claims import OWN, Claim, Comparison, by_seed, difference
from trainlab.data import MNIST1D
from trainlab.inits import He
from trainlab.normnets import NormMLP
from trainlab.norms import BatchNorm
from trainlab.optimizers import Momentum
from trainlab.runs import Run, grid
from trainlab.tuning import Train

SEEDS = range(10)
AFTER, STEPS, EVERY = 40, 400, 20
CHANCE = 0.1


class LeftInEval(BatchNorm):
    """Batch norm that goes to evaluation mode after some updates and never comes back.

    Args:
        units: features of an example.
        after: updates in train mode.
    """

    count: Tensor

    def __init__(self, units: int, after: int) -> None:
        super().__init__(units)
        self.after = after
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    def forward(self, x: Float[Tensor, "batch units"]) -> Float[Tensor, "batch units"]:
        """Normalize each unit, by the mini-batch as long as that lasts."""
        live = self.count < self.after
        mean, variance = x.mean(0), x.var(0, correction=0)
        old = self.running_mean.clone(), self.running_var.clone()
        if self.training:
            self.remember(mean.detach(), variance.detach(), len(x))
            self.running_mean.copy_(torch.where(live, self.running_mean, old[0]))
            self.running_var.copy_(torch.where(live, self.running_var, old[1]))
            self.count.add_(1)
        live = live & self.training
        mean, variance = torch.where(live, mean, old[0]), torch.where(live, variance, old[1])
        return (x - mean) * (self.weight / (variance + self.eps).sqrt()) + self.bias


def never_in_train_mode(units: int) -> nn.Module:
    """Evaluation mode from the start."""
    return LeftInEval(units, after=0)


def forgotten(units: int) -> nn.Module:
    """Evaluation mode after the first validation."""
    return LeftInEval(units, after=AFTER)


NORMS: dict[str, Callable[[int], nn.Module]] = {
    "right": BatchNorm,
    "forgotten": forgotten,
    "never": never_in_train_mode,
}
LINES = {
    "right": plots.NORM_LINES["batch"],
    "forgotten": {"color": plots.SERIES[3]},
    "never": {"color": plots.SERIES[7]},
}
BASE = Run(
    data=MNIST1D(validation=500, test=2000),
    model=NormMLP(inputs=40, outputs=10, depth=5, width=50),
    init=He(),
    optimizer=Momentum(),
    lr=0.1,
    batch_size=64,
    steps=STEPS,
)


def measure(train: Train) -> xr.Dataset:
    parts: list[xr.Dataset] = []
    for name, norm in NORMS.items():
        model = BASE.model
        assert isinstance(model, NormMLP)
        results = train(grid(replace(BASE, model=replace(model, norm=norm)), seed=SEEDS), every=EVERY)
        parts.append(results.assign_coords(mode=("run", [name] * len(SEEDS))))
    return xr.concat(parts, "run", data_vars="all", coords="minimal", compat="override", join="exact")


def _accuracy(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]` on the test split, in percent; a diverged run counts as guessing."""
    return 100 * np.nan_to_num(by_seed(runs, "test_accuracy"), nan=CHANCE)


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(SEEDS)), "after": float(AFTER), "lr": BASE.lr, "chance": 100 * CHANCE}
    out["steps"] = float(results.steps.values[0])
    for name in NORMS:
        mine = results.isel(run=results["mode"].values == name)
        out[f"{name}_accuracy"] = float(by_seed(results, _accuracy, mode=name).mean())
        out[f"{name}_diverged"] = float((~np.isfinite(mine.test_loss.values)).sum())
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    ax = fig.subplots()
    for name in NORMS:
        mine = results.isel(run=results["mode"].values == name)
        values = np.nan_to_num(mine.validation_accuracy.transpose("run", "step").values, nan=CHANCE)
        plots.curve(ax, results.step.values, values, name, LINES[name])
    ax.axhline(CHANCE, color=plots.INK["muted"], linewidth=1, linestyle=":", label="_guess")
    ax.axvline(AFTER, color=plots.INK["muted"], linewidth=1, label="_after")
    ax.text(AFTER, 0.02, " eval()", color=plots.INK["muted"], fontsize=9)
    ax.set(xlim=(0, None), ylim=(0, None), xlabel="updates", ylabel="validation accuracy")
    plots.percent(ax.yaxis)
    plots.label_ends(ax)


def alt(numbers: dict[str, float]) -> str:
    said = ", ".join(f"{name} {numbers[f'{name}_accuracy']:.1f}" for name in NORMS)
    return (
        f"Line plot of validation accuracy against updates for nets with batch norm in train mode, in evaluation mode "
        f"after {numbers['after']:.0f} updates, and in evaluation mode from the start. Mean test accuracy at the end "
        f"in percent: {said}."
    )


def _right_beats(name: str) -> Comparison:
    return difference(_accuracy, {"mode": "right"}, {"mode": name})


_STATISTIC = "test accuracy, train mode minus {}, percentage points"

CLAIMS = [
    Claim(
        id="never-in-train-mode-costs",
        text="A net that is trained in evaluation mode from the start ends with a lower test accuracy.",
        source=OWN,
        statistic=_STATISTIC.format("evaluation mode from the start"),
        compare=_right_beats("never"),
        expect="holds",
    ),
    Claim(
        id="forgetting-costs",
        text="A net that is left in evaluation mode after the first validation ends with a lower test accuracy.",
        source=OWN,
        statistic=_STATISTIC.format("evaluation mode after the first validation"),
        compare=_right_beats("forgotten"),
        expect="null",
        why="By then the averages have arrived at values that serve. The draft seeds, at the same rate, had lost more.",
    ),
]
