"""Can clipping rescue a run that explodes, and what does it do to the gradient?

A residual ReLU network with 10 hidden layers of 40 units, He's initialization and no normalization, under momentum
on MNIST-1D. Above: test accuracy after {=clipping.steps:.0f} updates against the learning rate, medians over
{=clipping.seeds:.0f} seeds with bands from the lowest to the highest; a run that diverged counts as 0. Below: the angle
between the gradient and what is left of it after clipping, along the runs that were clipped by value at rate
{=clipping.rate:g}. Both are measured on the same gradients.
"""

from dataclasses import replace

import numpy as np
import torch
import xarray as xr

from trainlab import plots
from trainlab.claims import OWN, Claim, Comparison, by_seed, difference
from trainlab.clipping import ClipNorm, ClipValue
from trainlab.data import MNIST1D
from trainlab.inits import He
from trainlab.models import MLP
from trainlab.optimizers import Momentum
from trainlab.probes import Snapshot, axes
from trainlab.runs import Run, grid
from trainlab.stats import Estimate, mean_interval
from trainlab.tuning import Train
from trainlab.types import Clip, Tensors

SEEDS = range(10)
RATES = (0.001, 0.003, 0.01, 0.03, 0.1)
RATE = 0.1
"""The rate at which claims compare."""

BY_NORM, BY_VALUE = ClipNorm(1.0), ClipValue(0.01)
CLIPS: dict[str, Clip | None] = {"none": None, "by norm": BY_NORM, "by value": BY_VALUE}
LINES = {
    "none": {"color": plots.SERIES[7]},
    "by norm": {"color": plots.SERIES[0]},
    "by value": {"color": plots.SERIES[1]},
}

BASE = Run(
    data=MNIST1D(validation=500, test=2000),
    model=MLP(inputs=40, outputs=10, depth=10, width=40, residual=True),
    init=He(),
    optimizer=Momentum(),
    lr=RATE,
    batch_size=64,
    steps=300,
)


@axes()
def turned(snapshot: Snapshot) -> Tensors:
    """The angle in degrees by which each kind of clipping turns the gradient, and the gradient's norm.

    The angle is twice that of a half chord, which is accurate also where the two are nearly parallel.
    """
    raw = torch.cat([gradient.flatten() for gradient in snapshot.gradients.values()]).double()
    out = {"whole_gradient_norm": raw.norm()}
    unit = raw / raw.norm()
    for name, clip in (("turned_by_norm", BY_NORM), ("turned_by_value", BY_VALUE)):
        clipped = torch.cat([gradient.flatten() for gradient in clip(snapshot.gradients).values()]).double()
        half = (unit - clipped / clipped.norm()).norm() / 2
        out[name] = torch.rad2deg(2 * torch.asin(half.clamp(max=1.0)))
    return out


def measure(train: Train) -> xr.Dataset:
    parts: list[xr.Dataset] = []
    for name, clip in CLIPS.items():
        runs = grid(replace(BASE, clipping=clip), lr=RATES, seed=SEEDS)
        part = train(runs, [turned], every=BASE.steps // 20)
        parts.append(part.assign_coords(clipped=("run", [name] * len(runs))))
    return xr.concat(parts, "run", data_vars="all", coords="minimal", compat="override", join="exact")


def _accuracy(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`, in percent; a run that diverged has got nothing right."""
    return 100 * np.nan_to_num(runs.test_accuracy.values)


def _at_least_guessing(runs: xr.Dataset) -> np.ndarray:
    return np.maximum(_accuracy(runs), 10.0)


def _at(results: xr.Dataset, clip: str, rate: float) -> np.ndarray:
    return by_seed(results, _accuracy, clipped=clip, lr=rate)


def _best(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: the test accuracy in percent at the rate with the highest validation accuracy of the seed's own."""
    ordered = runs.sortby(["seed", "lr"])
    shape = (len(set(ordered.seed.values.tolist())), -1)
    validation = np.nan_to_num(ordered.validation_accuracy.isel(step=-1).values).reshape(shape)
    test = np.nan_to_num(ordered.test_accuracy.values).reshape(shape)
    return 100 * test[np.arange(shape[0]), validation.argmax(1)]


def _angles(results: xr.Dataset, variable: str) -> np.ndarray:
    """`[seeds, measurements]`, of the runs clipped by value at the rate of the claims."""
    chosen = (results.clipped.values == "by value") & (results.lr.values == RATE)
    return results.isel(run=np.flatnonzero(chosen)).sortby("seed")[variable].transpose("run", "step").values


def _turned(name: str) -> Comparison:
    low, high = (30.0, np.inf) if name == "turned_by_value" else (-np.inf, 0.1)

    def mean(runs: xr.Dataset) -> np.ndarray:
        return runs[name].transpose("run", "step").values.mean(1)

    def estimate(results: xr.Dataset) -> Estimate:
        return mean_interval(by_seed(results, mean, clipped="by value", lr=RATE))

    return Comparison("mean angle", estimate, region=(low, high))


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {
        "seeds": float(len(SEEDS)),
        "steps": float(results.steps.values[0]),
        "rate": RATE,
        "rates": float(len(RATES)),
    }
    out |= {"max_norm": BY_NORM.max_norm, "limit": BY_VALUE.limit}
    for clip in CLIPS:
        key = clip.replace(" ", "_")
        out[f"{key}_accuracy"] = float(_at(results, clip, RATE).mean())
        out[f"{key}_best"] = float(by_seed(results, _best, clipped=clip).mean())
        mine = results.isel(run=(results.clipped.values == clip) & (results.lr.values == RATE))
        out[f"{key}_diverged"] = float(np.isnan(mine.test_accuracy.values).sum())
        wider = results.isel(run=results.clipped.values == clip)
        for rate in RATES:
            out[f"{key}_{rate:g}"] = float(np.median(_at(wider, clip, rate)))
    angles, norms = _angles(results, "turned_by_value"), _angles(results, "whole_gradient_norm")
    out["value_first"], out["value_mean"] = float(np.median(angles[:, 0])), float(angles.mean())
    out["value_last"] = float(np.median(angles[:, -1]))
    out["norm_largest"] = float(_angles(results, "turned_by_norm").max())
    out["first_gradient"], out["last_gradient"] = float(np.median(norms[:, 0])), float(np.median(norms[:, -1]))
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 6.2)
    above, below = fig.subplots(2)
    for clip in CLIPS:
        values = np.stack([_at(results, clip, rate) for rate in RATES], 1) / 100
        plots.curve(above, np.array(RATES), values, clip, LINES[clip])
    plots.log_rates(above, RATES)
    above.set(ylim=(0, None), ylabel="test accuracy")
    plots.percent(above.yaxis)
    plots.label_ends(above, {"none": "no clipping"})
    for clip, name in (("by norm", "turned_by_norm"), ("by value", "turned_by_value")):
        plots.curve(below, results.step.values, _angles(results, name), f"{clip}, angle", LINES[clip])
    below.set(xlim=(0, None), ylim=(-3, 90), yticks=[0, 30, 60, 90], xlabel="updates", ylabel="angle, degrees")
    plots.label_ends(below, {"by norm, angle": "by norm", "by value, angle": "by value"})


def alt(numbers: dict[str, float]) -> str:
    return (
        f"Above, test accuracy against the learning rate. At {numbers['rate']:g} the mean is "
        f"{numbers['none_accuracy']:.1f} percent without clipping, {numbers['by_norm_accuracy']:.1f} clipped by norm "
        f"and {numbers['by_value_accuracy']:.1f} clipped by value. Below, the angle between the gradient and the "
        f"clipped one during training: by value {numbers['value_mean']:.0f} degrees on average, by norm at most "
        f"{numbers['norm_largest']:.2g}."
    )


_PASCANU, _PASCANU_URL = (
    "Pascanu, Mikolov and Bengio 2013, On the difficulty of training recurrent neural networks",
    "https://arxiv.org/abs/1211.5063",
)

CLAIMS = [
    Claim(
        id="norm-rescues",
        text="At rate 0.1, where the network diverges without clipping, it learns with clipping by norm.",
        statistic="test accuracy, clipped by norm minus not clipped, a diverged run counted as 10 % (guessing), "
        "percentage points; the sentence says that it is above 20",
        compare=difference(
            _at_least_guessing,
            {"clipped": "by norm", "lr": RATE},
            {"clipped": "none", "lr": RATE},
        ),
        region=(20.0, np.inf),
        expect="holds",
        source=_PASCANU,
        url=_PASCANU_URL,
    ),
    Claim(
        id="norm-beats-a-lower-rate",
        text="Clipped by norm at its best rate, the network ends with a higher test accuracy than without clipping at "
        "its best rate.",
        source=OWN,
        statistic="test accuracy at the seed's chosen rate, clipped by norm minus not clipped, percentage points",
        compare=difference(_best, {"clipped": "by norm"}, {"clipped": "none"}),
        expect="holds",
    ),
    Claim(
        id="norm-keeps-the-direction",
        text="Clipping by norm leaves the gradient's direction as it is.",
        statistic="angle between the gradient and the clipped one, mean over a run, degrees; the sentence says that it "
        "is below 0.1",
        compare=_turned("turned_by_norm"),
        expect="holds",
        source=_PASCANU,
        url=_PASCANU_URL,
    ),
    Claim(
        id="value-turns-the-direction",
        text="Clipping by value turns the gradient by more than 30 degrees.",
        source=OWN,
        statistic="angle between the gradient and the clipped one, mean over a run, degrees; the sentence says that it "
        "is above 30",
        compare=_turned("turned_by_value"),
        expect="holds",
    ),
    Claim(
        id="norm-beats-value",
        text="At its best rate of those tried, clipping by norm at 1 ends with a higher test accuracy than clipping by "
        "value at 0.01.",
        source=OWN,
        statistic="test accuracy at the seed's chosen rate, by norm minus by value, percentage points",
        compare=difference(_best, {"clipped": "by norm"}, {"clipped": "by value"}),
        expect="holds",
    ),
]
