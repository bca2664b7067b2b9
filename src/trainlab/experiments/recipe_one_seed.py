"""How often would a single seed have ranked two neighbours wrongly?

For each rung of the ladder on MNIST-1D and the one before it: of all pairs of a run of one and a run of the other on
different seeds, the share in which the order of the two is not that of their means over
{=recipe_one_seed.seeds:.0f} seeds. The dotted line is a coin's.
"""

import numpy as np
import xarray as xr

from trainlab import ladder, plots
from trainlab.claims import OWN, Claim
from trainlab.ladder import CURVES, RUNGS, SEEDS, accuracies, below, key
from trainlab.stats import Estimate, mean_interval
from trainlab.tuning import Train


def measure(train: Train) -> xr.Dataset:
    return ladder.ladder(train, CURVES)


def _wrong(results: xr.Dataset, rung: str) -> np.ndarray:
    """`[seeds]`: for each seed of a rung, the share of other seeds of the rung below that order the two wrongly."""
    upper, lower = accuracies(results, rung), accuracies(results, below(rung))
    sign = 1.0 if upper.mean() >= lower.mean() else -1.0
    gaps = sign * (upper[:, None] - lower[None, :])
    wrong = np.where(gaps == 0, 0.5, gaps < 0).astype(np.float64)
    others = ~np.eye(len(upper), dtype=bool)
    return np.array([wrong[seed, others[seed]].mean() for seed in range(len(upper))])


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {f"{key(rung)}_wrong": 100 * float(_wrong(results, rung).mean()) for rung in RUNGS[1:]}
    return out | {"seeds": float(len(SEEDS)), "mean_wrong": float(np.mean(list(out.values())))}


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 3.2)
    ax = fig.subplots()
    for row, rung in enumerate(RUNGS[1:]):
        share = _wrong(results, rung).mean()
        ax.plot([0, share], [row, row], color=plots.SERIES[0], linewidth=6, solid_capstyle="butt", label=rung)
    ax.axvline(0.5, color=plots.INK["muted"], linewidth=1, linestyle=":", label="_coin")
    ax.set_yticks(np.arange(len(RUNGS) - 1), [f"{rung} against {below(rung)}" for rung in RUNGS[1:]])
    ax.invert_yaxis()
    ax.set_xlim(0, 0.55)
    ax.tick_params(axis="y", length=0, labelcolor=plots.INK["text"])
    ax.grid(visible=False, axis="y")
    ax.set_xlabel("pairs of runs in the wrong order")
    plots.percent(ax.xaxis)


def alt(numbers: dict[str, float]) -> str:
    said = ", ".join(f"{rung} {numbers[f'{key(rung)}_wrong']:.1f} %" for rung in RUNGS[1:])
    return f"Bars: the share of pairs of runs in the wrong order, for each rung against the one below it: {said}."


def _mean_wrong(results: xr.Dataset) -> Estimate:
    return mean_interval(100 * np.mean([_wrong(results, rung) for rung in RUNGS[1:]], axis=0))


CLAIMS = [
    Claim(
        id="one-seed-is-not-enough",
        text="On average over the rungs, one seed each puts neighbours in the wrong order more than once in twenty.",
        source=OWN,
        statistic="pairs of runs in the wrong order, mean over the rungs, percent",
        compare=_mean_wrong,
        region=(5.0, np.inf),
        expect="holds",
    ),
]
