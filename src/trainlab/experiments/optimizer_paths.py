"""What path does each optimizer take on a surface that can be drawn?

Paths of the first {=optimizer_paths.steps:.0f} updates on three functions of two weights: a ravine,
Rosenbrock's valley and Beale's function. The rows are families of optimizers. All start at the dot; the cross
is the minimum; thin lines connect places of equal value. Both axes of a map have one scale, and some paths
leave it. A broad line lies under another one that nearly covers it. Each optimizer runs at the one of
{=optimizer_paths.rates:.0f} learning rates that was lowest on this function along the way (by the mean
logarithm of the height). There is no noise here, and only two weights, so the figure shows how an optimizer
moves and not how well it trains a network.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from trainlab import plots
from trainlab.data import FromFunction
from trainlab.optimizers import Muon
from trainlab.probes import Snapshot, axes
from trainlab.runs import Run, grid
from trainlab.tuning import Train
from trainlab.types import Tensors
from trainlab.workloads import OPTIMIZERS

STEPS = 80
LEAST = 1e-3
"""Added to a height before its logarithm is taken, so that nobody wins by rounding errors."""

RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)

FAMILIES = (
    ("SGD", "Momentum", "Nesterov"),
    ("AdaGrad", "RMSProp", "Adadelta"),
    ("Adam", "NAdam", "AdaMax"),
    ("AdamW", "AMSGrad", "ScheduleFreeAdamW"),
    ("Lion", "Muon"),
)

SHAPE = 0.81
"""Height of a map over its width."""

COVERED = ("AdaGrad", "AdamW")
"""Drawn as a broad line, because the next of the family often runs on top."""


def ravine(x: Tensor, y: Tensor) -> Tensor:
    """A quadratic with curvatures 1 and 50; not around 0, where weight decay would lead."""
    return 0.5 * (x - 1) ** 2 + 25 * (y - 0.5) ** 2


def rosenbrock(x: Tensor, y: Tensor) -> Tensor:
    """A curved valley whose floor hardly falls; the constant is 10, where the original has 100."""
    return (1 - x) ** 2 + 10 * (y - x**2) ** 2


def beale(x: Tensor, y: Tensor) -> Tensor:
    """A plateau with steep walls."""
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


@dataclass(frozen=True)
class Problem:
    """A function of two weights, where the runs start, and what the figure shows of it."""

    name: str
    function: Callable[[Tensor, Tensor], Tensor]
    start: tuple[float, float]
    minimum: tuple[float, float]
    window: tuple[float, float, float, float]
    levels: tuple[float, ...]


PROBLEMS = (
    Problem("ravine", ravine, (-3.0, 1.3), (1.0, 0.5), (-3.8, 2.6, -1.6, 1.7), (1.0, 5.0, 15.0)),
    Problem("Rosenbrock", rosenbrock, (-1.2, 1.6), (1.0, 1.0), (-1.9, 1.7, -0.7, 2.7), (0.5, 3.0, 12.0)),
    Problem("Beale", beale, (1.0, 1.5), (3.0, 0.5), (-0.4, 3.8, -1.0, 1.9), (0.5, 3.0, 12.0)),
)


class Place(nn.Module):
    """Two weights, one row, so that Muon sees a matrix; the output is the height there."""

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor], start: tuple[float, float]) -> None:
        super().__init__()
        self.function = function
        self.w = nn.Parameter(torch.tensor([start]))
        self.unused = nn.Parameter(torch.zeros(1))  # has no gradient; a stack wants more than one parameter for Muon

    def forward(self, rows: Tensor) -> Tensor:
        """The same height for every row of the data, which holds nothing."""
        return self.function(self.w[0, 0], self.w[0, 1]) + 0 * rows


@dataclass(frozen=True)
class Surface:
    """Builds the network of one of the problems."""

    problem: int

    def __call__(self) -> nn.Module:
        """At the start."""
        return Place(PROBLEMS[self.problem].function, PROBLEMS[self.problem].start)


def nothing() -> list[tuple[Tensor, Tensor]]:
    """Data of one empty row."""
    return [(torch.zeros(1, 1), torch.zeros(1, 1)) for _ in range(3)]


def height(outputs: Tensor, targets: Tensor) -> Tensor:
    """The output is the loss."""
    return outputs[:, 0]


@axes("coordinate")
def place(snapshot: Snapshot) -> Tensors:
    """Where the weights are."""
    return {"place": snapshot.weights["w"].flatten().clone()}  # of a run that trains alone, the weights move on


def _base(name: str, problem: int) -> Run:
    return Run(
        data=FromFunction(nothing),
        model=Surface(problem),
        optimizer=OPTIMIZERS[name],
        lr=1.0,
        loss=height,
        batch_size=1,
        steps=STEPS,
    )


def measure(train: Train) -> xr.Dataset:
    bases = [_base(name, problem) for problem in range(len(PROBLEMS)) for name in OPTIMIZERS]
    tried = train([run for base in bases for run in grid(base, lr=RATES)], every=STEPS)
    heights = np.log10(tried.batch_loss.values + LEAST).mean(1).reshape(len(bases), len(RATES))
    best = np.argmin(np.where(np.isfinite(heights), heights, np.inf), axis=1)
    runs = [replace(base, lr=RATES[rate]) for base, rate in zip(bases, best.tolist(), strict=True)]
    problems = [problem.name for problem in PROBLEMS for _ in OPTIMIZERS]
    names = list(OPTIMIZERS) * len(PROBLEMS)
    return train(runs, [place], every=1).assign_coords(problem=("run", problems), name=("run", names))


def _of(results: xr.Dataset, problem: str, name: str) -> xr.Dataset:
    chosen = (results.problem.values == problem) & (results.name.values == name)
    return results.isel(run=int(np.flatnonzero(chosen)[0]))


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"steps": float(results.steps.values[0]), "rates": float(len(RATES))}
    for problem in PROBLEMS:
        for name in OPTIMIZERS:
            one, key = _of(results, problem.name, name), f"{problem.name.lower()}_{name.lower()}"
            path = one.place.values
            out[f"{key}_lr"] = float(one.lr)
            out[f"{key}_distance"] = float(np.hypot(*(path[-1] - np.array(problem.minimum))))
            out[f"{key}_length"] = float(np.hypot(*np.diff(path, axis=0).T).sum())
        out[f"{problem.name.lower()}_muon_shrink"] = 100 * out[f"{problem.name.lower()}_muon_lr"] * Muon().weight_decay
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 8.2)
    rows = fig.subplots(len(FAMILIES), len(PROBLEMS), squeeze=False)
    for family, row in zip(FAMILIES, rows, strict=True):
        for ax, problem in zip(row, PROBLEMS, strict=True):
            _contours(ax, problem)
            for name in family:
                path = _of(results, problem.name, name).place.values
                ax.plot(path[:, 0], path[:, 1], label=f"{name}, {problem.name}", **_line(name))
            if family is FAMILIES[0]:
                ax.set_title(problem.name, loc="right", fontsize=10)
            ax.set_xlabel(" ", fontsize=2)
        bottom = 0.03
        for name in reversed(family):
            label = plots.SHORT_NAMES.get(name, name)
            color, inside = plots.OPTIMIZER_LINES[name]["color"], row[0].transAxes
            row[0].plot([0.03, 0.13], [bottom + 0.035] * 2, transform=inside, label=f"_key {name}", **_line(name))
            row[0].text(0.16, bottom, label, transform=inside, color=color, fontsize=9)
            bottom += 0.115


def _line(name: str) -> dict[str, Any]:
    """How an optimizer's path is drawn."""
    line = plots.OPTIMIZER_LINES[name] | {"linewidth": 1.3}
    return line | {"linewidth": 3.4, "linestyle": "-", "alpha": 0.45} if name in COVERED else line


def _view(problem: Problem) -> tuple[float, float, float, float]:
    """The problem's window, made larger to the shape of a panel: down, where the names stand, or to both sides."""
    left, right, low, high = problem.window
    missing = max(0.0, (high - low) / SHAPE - (right - left)) / 2
    return left - missing, right + missing, min(low, high - SHAPE * (right - left)), high


def _contours(ax: "plots.Axes", problem: Problem) -> None:
    left, right, low, high = _view(problem)
    x, y = np.meshgrid(np.linspace(left, right, 51), np.linspace(low, high, 51))
    z = problem.function(torch.from_numpy(x), torch.from_numpy(y)).numpy()
    ax.contour(x, y, z, levels=problem.levels, colors=plots.INK["grid"], linewidths=0.9)
    ax.plot(*problem.start, "o", color=plots.INK["muted"], ms=3.5, label="_start")
    ax.plot(*problem.minimum, "x", color=plots.INK["text"], ms=5, label="_minimum")
    ax.set(xlim=(left, right), ylim=(low, high), xticks=[], yticks=[])
    ax.set_box_aspect(SHAPE)
    ax.grid(visible=False)


def alt(numbers: dict[str, float]) -> str:
    def ends(problem: str) -> str:
        return ", ".join(f"{name} {numbers[f'{problem}_{name.lower()}_distance']:.2f}" for name in OPTIMIZERS)

    return (
        f"Maps with the paths of all optimizers on a ravine, Rosenbrock's valley and Beale's function, over "
        f"{numbers['steps']:.0f} updates. Distance to the minimum at the end, in the ravine: {ends('ravine')}; in "
        f"Rosenbrock's valley: {ends('rosenbrock')}; on Beale's function: {ends('beale')}."
    )


CLAIMS = []
"""None: nothing here is random."""
