"""How fast can gradient descent and the heavy ball be on a quadratic?

The loss of a quadratic with 16 directions, as a multiple of the first loss, against the number of the
update; the panels are condition numbers k. SGD and Momentum run at the constants that theory calls
best. The lines are medians over {=quadratic_rates.seeds:.0f} random starts, the bands reach from the
lowest to the highest. Dashed: the bound of theory, which the loss can't exceed and which has nothing
to fit. In the long run the measured lines should fall as steeply as the dashed ones.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import xarray as xr
from torch import nn

from trainlab import plots
from trainlab.claims import Claim, within
from trainlab.data import Dataset, Split
from trainlab.inits import Normal
from trainlab.interactive import quantised, series
from trainlab.losses import SquaredError
from trainlab.optimizers import SGD, Momentum
from trainlab.runs import Run, grid
from trainlab.theory import Constants, best_gradient_descent, best_heavy_ball, measured_rate, updates_deviation
from trainlab.tuning import Train

CONDITIONS = (16, 64, 256)
"""Powers of 4, so that the smallest and the largest curvature are exact in binary."""

DIRECTIONS = 16
SHRINKAGE = 1e-10
"""A run is as long as the rate alone takes to shrink the distance so far."""

TOLERANCE = 0.01
SEEDS = range(10, 20)
"""Not those of the trial after which the claims were written, which had 0 to 9."""

POINTS = 60
"""Updates that are drawn of a run."""


@dataclass(frozen=True, kw_only=True)
class Quadratic:
    r"""Least squares whose mean loss is $\\frac12 \\sum_i \\lambda_i w_i^2$, with curvatures from 1/k to 1.

    Row i is $\\sqrt{d \\lambda_i}$ along axis i, and all targets are 0.

    Args:
        condition: the condition number k.
    """

    condition: int

    def load(self) -> Dataset:
        """The same rows in all three splits: there is nothing to generalize to."""
        return _load(self)


@lru_cache(maxsize=4)
def _load(spec: Quadratic) -> Dataset:
    curvatures = np.geomspace(1 / spec.condition, 1, DIRECTIONS)
    rows = Split(torch.diag(torch.from_numpy(DIRECTIONS * curvatures).sqrt()).float(), torch.zeros(DIRECTIONS, 1))
    return Dataset("quadratic", rows, rows, rows, classes=0)


def linear() -> nn.Module:
    """One weight for each direction; the minimum is at 0."""
    return nn.Linear(DIRECTIONS, 1, bias=False)


def _constants(method: str, condition: int) -> Constants:
    best = {"SGD": best_gradient_descent, "Momentum": best_heavy_ball}[method]
    return best(1 / condition, 1)


def _runs(method: str, condition: int) -> list[Run]:
    best = _constants(method, condition)
    base = Run(
        data=Quadratic(condition=condition),
        model=linear,
        init=Normal(1.0),
        optimizer=SGD() if method == "SGD" else Momentum(momentum=best.momentum),
        lr=best.lr,
        loss=SquaredError(),
        batch_size=DIRECTIONS,
        steps=best.updates(SHRINKAGE),
    )
    return grid(base, seed=SEEDS)


def measure(train: Train) -> xr.Dataset:
    cases = [(method, condition) for condition in CONDITIONS for method in ("SGD", "Momentum")]
    runs = [run for case in cases for run in _runs(*case)]
    results = train(runs, every=max(run.steps for run in runs), dtype="float64")
    methods, conditions = zip(*(case for case in cases for _ in SEEDS), strict=True)
    return results.assign_coords(method=("run", list(methods)), condition=("run", list(conditions)))


def _distances(results: xr.Dataset, method: str, condition: int) -> np.ndarray:
    """`[seeds, t]` from t = 0 on, in the norm whose square is twice the loss."""
    chosen = (results.method.values == method) & (results.condition.values == condition)
    runs = results.isel(run=np.flatnonzero(chosen)).sortby("seed")
    return np.sqrt(2 * runs.batch_loss.values[:, : runs.steps.values[0]])


def _rates(results: xr.Dataset, method: str, condition: int, growth: float | None = None) -> np.ndarray:
    """`[seeds]`: the measured rate; the growth that is divided out is that of theory unless given."""
    grows = _constants(method, condition).growth if growth is None else growth
    return measured_rate(_distances(results, method, condition), grows)


def _worst_deviation(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: of the condition numbers, the deviation that is furthest from the formula."""
    method = runs.method.values[0]
    all_of_them = [
        np.abs(updates_deviation(_rates(runs, method, condition), _constants(method, condition).rate))
        for condition in CONDITIONS
    ]
    return np.max(all_of_them, axis=0)


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(SEEDS)), "directions": float(DIRECTIONS), "tolerance": 100 * TOLERANCE}
    for condition in CONDITIONS:
        out[f"k_{condition}"] = float(condition)
        for method in ("SGD", "Momentum"):
            best, key = _constants(method, condition), f"{method.lower()}_{condition}"
            rate = float(_rates(results, method, condition).mean())
            out |= {f"{key}_lr": best.lr, f"{key}_momentum": best.momentum, f"{key}_theory": best.rate}
            out |= {f"{key}_rate": rate, f"{key}_updates": -1 / math.log10(rate)}
        alone = _rates(results, "Momentum", condition, growth=0.0)
        slower = updates_deviation(alone, _constants("Momentum", condition).rate)
        out[f"slower_{condition}"] = 100 * float(slower.mean())
        losses = (_distances(results, "Momentum", condition) / _distances(results, "Momentum", condition)[:, :1]) ** 2
        out[f"peak_{condition}"] = float(np.median(losses.max(1)))
        out[f"gain_{condition}"] = out[f"sgd_{condition}_updates"] / out[f"momentum_{condition}_updates"]
    for method in ("SGD", "Momentum"):
        mine = results.isel(run=results.method.values == method)
        out[f"{method.lower()}_deviation"] = 100 * float(_worst_deviation(mine).mean())
    return out


def _points(updates: int) -> np.ndarray:
    """The numbers of the updates that are drawn."""
    return np.unique(np.linspace(0, updates - 1, min(updates, POINTS)).round().astype(int))


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 7.2)
    panels = fig.subplots(len(CONDITIONS))
    for ax, condition in zip(panels, CONDITIONS, strict=True):
        for method in ("SGD", "Momentum"):
            distances = _distances(results, method, condition)
            t = _points(distances.shape[1])
            losses = (distances[:, t] / distances[:, :1]) ** 2
            plots.curve(ax, t, losses, method, plots.OPTIMIZER_LINES[method])
            plots.prediction(ax, t, _constants(method, condition).bound(t) ** 2, method)
        ax.set(yscale="log", ylim=(SHRINKAGE**2, 1000), xlim=(0, None), ylabel="relative loss")
        ax.set_title(f"k = {condition}")
        for method, share in (("SGD", 0.62), ("Momentum", 1.0)):  # along its dashed line, the name beside it
            t = share * (_distances(results, method, condition).shape[1] - 1)
            height = _constants(method, condition).bound(np.array([t]))[0] ** 2
            color = plots.OPTIMIZER_LINES[method]["color"]
            ax.annotate(method, (t, height), xytext=(6, 4), textcoords="offset points", color=color, fontsize=10)
    panels[0].text(0.99, 0.95, "dashed: bound of theory", transform=panels[0].transAxes, ha="right", va="top")
    panels[-1].set_xlabel("updates")


def touch(results: xr.Dataset) -> dict[str, object]:
    """The interactive figure: the browser makes the same updates; the runs at the best constants lie beside them."""
    runs = []
    for condition in CONDITIONS:
        for method in ("SGD", "Momentum"):
            distances, best = _distances(results, method, condition), _constants(method, condition)
            t = _points(distances.shape[1])
            powers = 2 * np.log10(distances[:, t] / distances[:, :1])
            band = np.quantile(powers, [0, 0.5, 1], axis=0)
            runs.append(
                {
                    "name": method,
                    "condition": condition,
                    "lr": best.lr,
                    "momentum": best.momentum,
                    "t": t.tolist(),
                    "band": quantised(band, 0.01),
                }
            )
    lines = series(plots.OPTIMIZER_LINES, ("SGD", "Momentum"))
    return {"figure": "quadratic", "directions": DIRECTIONS, "seeds": len(SEEDS), "series": lines, "runs": runs}


def alt(numbers: dict[str, float]) -> str:
    said = "; ".join(
        f"k = {numbers[f'k_{condition}']:.0f}: SGD {numbers[f'sgd_{condition}_rate']:.4f} where theory says "
        f"{numbers[f'sgd_{condition}_theory']:.4f}, Momentum {numbers[f'momentum_{condition}_rate']:.4f} where theory "
        f"says {numbers[f'momentum_{condition}_theory']:.4f}"
        for condition in CONDITIONS
    )
    return (
        f"Three plots of the loss against updates, one for each condition number k; all lines are straight on the "
        f"logarithmic axis or nearly so, Momentum falls faster, and the runs lie below the dashed lines of theory and "
        f"in the long run parallel to them. The distance is multiplied at each update by: {said}."
    )


CLAIMS = [
    Claim(
        id="gradient-descent",
        text="At its best constant rate, gradient descent on a quadratic with condition number k multiplies the "
        "distance to the minimum by (k − 1)/(k + 1) at each update, in the long run.",
        source="Goh 2017, Why momentum really works",
        url="https://distill.pub/2017/momentum/",
        statistic="updates for each power of ten, measured over predicted, minus 1; the worst of three k; "
        f"the band is ±{TOLERANCE:g}",
        compare=within(_worst_deviation, TOLERANCE, method="SGD"),
        expect="holds",
    ),
    Claim(
        id="heavy-ball",
        text="At its best constant rate and momentum, the heavy ball multiplies the distance by (√k − 1)/(√k + 1) at "
        "each update, on the same quadratics, in the long run, and apart from a factor that grows with the number t "
        "of the update.",
        source="Polyak 1964, Some methods of speeding up the convergence of iteration methods",
        url="https://doi.org/10.1016/0041-5553(64)90137-5",
        statistic="updates for each power of ten, the growing factor divided out, measured over predicted, minus 1; "
        f"the worst of three k; the band is ±{TOLERANCE:g}",
        compare=within(_worst_deviation, TOLERANCE, method="Momentum"),
        expect="holds",
    ),
]
