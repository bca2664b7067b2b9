"""The net of the last chapter, twenty hidden layers deep, and the changes that make it train, one at a time.

Seeds: numbers from 1000 on choose peak rates, numbers below 500 report results.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from torch import nn

from trainlab import plots
from trainlab.claims import OWN, Claim, Comparison, Verdict
from trainlab.data import MNIST1D, REPORTS, FashionMNIST
from trainlab.history import first_reach
from trainlab.inits import He, LeCun, PyTorchDefault
from trainlab.models import MLP
from trainlab.optimizers import AdamW, Momentum, Muon, Optimizer
from trainlab.runs import Run, grid
from trainlab.schedules import Constant, OneCycle
from trainlab.stats import mean_interval, paired_difference
from trainlab.tuning import Train, Tuned, tune

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DEPTH, WIDTH = 20, 100
DROPOUT = 0.05
"""Not tuned: fixed before any run, far below the usual half, because twenty layers drop one after another."""

SEEDS, TUNING_SEEDS = range(20, 30), range(1000, 1002)
"""Others than the ten that reported while each rate was tuned on one seed, which chose too much by chance."""

RATES: Mapping[type[Optimizer], tuple[float, ...]] = {
    Momentum: (0.001, 0.003, 0.01, 0.03, 0.1),
    AdamW: (0.001, 0.003, 0.01, 0.03, 0.1),
    Muon: (0.001, 0.003, 0.01, 0.03, 0.1),
}
"""As many for every optimizer, two a decade."""

START = "as found"

Change = Callable[[Run], Run]


def _init(run: Run) -> Run:
    return replace(run, init=He())


def _norm(run: Run) -> Run:
    return replace(run, model=replace(_mlp(run), norm="batch"))


def _residual(run: Run) -> Run:
    return replace(run, model=replace(_mlp(run), residual=True))


def _adamw(run: Run) -> Run:
    return replace(run, optimizer=AdamW())


def _one_cycle(run: Run) -> Run:
    return replace(run, schedule=OneCycle())


def _dropout(run: Run) -> Run:
    return replace(run, model=replace(_mlp(run), dropout=DROPOUT))


def _mlp(run: Run) -> MLP:
    assert isinstance(run.model, MLP)
    return run.model


CHANGES: Mapping[str, Change] = {
    "He": _init,
    "batch norm": _norm,
    "residual": _residual,
    "AdamW": _adamw,
    "1cycle": _one_cycle,
    "dropout": _dropout,
}
"""What is changed, in this order, each on top of all before it. The order was fixed before any run."""

RUNGS = (START, *CHANGES)
FINISHED = RUNGS[-1]

SELU, MUON = "SELU", "Muon"
ASIDE = {SELU: "He", MUON: "AdamW"}
"""Steps to the side, and the rung that each stands beside: SELU with LeCun's weights instead of ReLU with He's, and
Muon instead of AdamW."""


@dataclass(frozen=True)
class Problem:
    """A data set on which the ladder is climbed.

    Args:
        data: what claims call the data set.
        start: the run as it was found, its rate still open.
        every: updates between two measurements.
        target: the validation accuracy that counts as reached.
        aside: the steps to the side that are taken there.
    """

    data: str
    start: Run
    every: int
    target: float
    aside: tuple[str, ...]


_FOUND = Run(
    data=MNIST1D(validation=500, test=2000),
    model=MLP(inputs=40, outputs=10, depth=DEPTH, width=WIDTH),
    init=PyTorchDefault(),
    optimizer=Momentum(),
    schedule=Constant(),
    lr=0.01,
    batch_size=64,
    steps=160,
)

CURVES = Problem("MNIST-1D", _FOUND, every=10, target=0.35, aside=(SELU, MUON))
"""MNIST-1D."""

IMAGES = Problem(
    "the packaged Fashion-MNIST",
    replace(_FOUND, data=FashionMNIST(), model=MLP(inputs=784, outputs=10, depth=DEPTH, width=WIDTH)),
    every=20,
    target=0.7,
    aside=(SELU,),
)
"""The packaged Fashion-MNIST, for about one pass; without Muon, which would double the time that it takes."""


def climb(start: Run, changes: Iterable[str]) -> Run:
    """A run with some of the changes, its rate still open."""
    for name in changes:
        start = CHANGES[name](start)
    return start


def rungs(start: Run) -> dict[str, Run]:
    """The run of each rung, and of each step aside."""
    names = list(CHANGES)
    found = {rung: climb(start, names[:number]) for number, rung in enumerate(RUNGS)}
    found[SELU] = replace(start, init=LeCun(), model=replace(_mlp(start), activation=nn.SELU))
    found[MUON] = replace(found["residual"], optimizer=Muon())
    return found


def without(start: Run) -> dict[str, Run]:
    """The finished recipe without one of its changes; that without dropout is the rung below it."""
    return {left: climb(start, [name for name in CHANGES if name != left]) for left in CHANGES if left != "dropout"}


def trained(train: Train, problem: Problem, runs: Mapping[str, Run]) -> xr.Dataset:
    """Runs on fresh seeds, each at the peak rate that tuning found for it.

    Args:
        train: trains a list of runs.
        problem: whose runs they are.
        runs: name -> run.

    Returns:
        Results with the coordinates `rung` and `seconds` on `run`, and which best rates lie at an end as the attribute
        `at_edge`. The seconds are a run's share of what its stack took to train, measurements included, on the machine
        that trained it, whenever that was.
    """
    # No rate trains the net as it was found, so which is best is chance, and may lie at an end of the grid.
    hopeless = {name: run for name, run in runs.items() if name == START}
    found = _tune(train, {name: run for name, run in runs.items() if name not in hopeless})
    best = found.best | (_tune(train, hopeless).best if hopeless else {})
    runs = {name: best[name] for name in runs}
    results = train(
        [run for one in runs.values() for run in grid(one, seed=SEEDS)], every=problem.every, splits=REPORTS
    )
    names = [name for name in runs for _ in SEEDS]
    # Only a trainer that keeps an account knows them.
    seconds = getattr(train, "shares", [np.nan] * len(names))[-len(names) :]
    results = results.drop_vars(["batch_loss", "update"]).assign_coords(rung=("run", names), seconds=("run", seconds))
    return results.assign_attrs(at_edge=found.at_edge)


def _tune(train: Train, runs: Mapping[str, Run]) -> Tuned:
    return tune(train, runs, {name: RATES[type(run.optimizer)] for name, run in runs.items()}, TUNING_SEEDS)


def ladder(train: Train, problem: Problem) -> xr.Dataset:
    """Every rung and the problem's steps aside, on fresh seeds."""
    found = rungs(problem.start)
    # What takes longest comes first, or at the end one process would wait for the other.
    names = sorted((*RUNGS, *problem.aside), key=lambda name: name != MUON)
    return trained(train, problem, {name: found[name] for name in names})


def ablation(train: Train, problem: Problem) -> xr.Dataset:
    """The finished recipe without one change at a time, each with a rate of its own, on the seeds of the ladder."""
    return trained(train, problem, without(problem.start))


def of(results: xr.Dataset, rung: str) -> xr.Dataset:
    """The runs of one rung, sorted by seed."""
    return results.isel(run=np.flatnonzero(results.rung.values == rung)).sortby("seed")


def accuracies(results: xr.Dataset, rung: str) -> np.ndarray:
    """`[seeds]`: test accuracy in percent; a diverged run has got nothing right."""
    return 100 * np.nan_to_num(of(results, rung).test_accuracy.values.astype(np.float64))


def updates_to_target(results: xr.Dataset, rung: str, target: float) -> np.ndarray:
    """`[seeds]`: updates to the target; infinite where a run never got there."""
    runs = of(results, rung)
    return first_reach(runs.validation_accuracy.transpose("run", "step").values, runs.step.values, target)


def below(rung: str) -> str:
    """The rung that one is held against: for a rung the one below, for a step aside the one beside it.

    Raises:
        KeyError: there is no such rung.
    """
    return ASIDE[rung] if rung in ASIDE else RUNGS[RUNGS.index(rung) - 1]


def key(rung: str) -> str:
    """How the numbers of an experiment call a rung."""
    return rung.lower().replace(" ", "_")


def numbers(results: xr.Dataset, problem: Problem) -> dict[str, float]:
    """What the pages quote of every rung: accuracy, gain over the rung below with its interval, rate, seconds."""
    run = problem.start
    out = {"seeds": float(len(SEEDS)), "steps": float(run.steps), "batch": float(run.batch_size)}
    out |= {"rates": float(len(RATES[AdamW])), "depth": float(DEPTH), "width": float(WIDTH), "dropout": DROPOUT}
    for rung in (*RUNGS, *problem.aside):
        runs, name = of(results, rung), key(rung)
        out[f"{name}_accuracy"] = 100 * float(np.nan_to_num(runs.test_accuracy.values).mean())
        out[f"{name}_lr"] = float(runs.lr.values[0])
        out[f"{name}_seconds"] = float(runs.seconds.median())
        if rung != START:
            gain = paired_difference(accuracies(results, rung), accuracies(results, below(rung)))
            out |= {f"{name}_gain": gain.value, f"{name}_gain_low": gain.low, f"{name}_gain_high": gain.high}
    return out


def draw(fig: "plots.Figure", results: xr.Dataset, problem: Problem) -> None:
    """Rows for the rungs, and below a line for the problem's steps aside, with guessing as a dotted line."""
    fig.set_size_inches(5.6, 4.2)
    ax = fig.subplots()
    marks = dict.fromkeys(RUNGS, plots.SERIES[0]) | dict.fromkeys(problem.aside, plots.SERIES[1])
    draw_rows(ax, results, tuple(marks), marks)
    ax.axvline(0.1, color=plots.INK["muted"], linewidth=1, linestyle=":", label="_guessing")
    ax.axhline(len(RUNGS) - 0.5, color=plots.INK["grid"], linewidth=1, label="_aside")


def alt(numbers: dict[str, float], problem: Problem, where: str) -> str:
    """What `draw` shows, in words."""
    said = ", ".join(f"{name} {numbers[f'{key(name)}_accuracy']:.1f} %" for name in (*RUNGS, *problem.aside))
    return f"Dot plot of test accuracy on {where} with a row for each change, added one after another. Means: {said}."


def draw_rows(ax: "Axes", results: xr.Dataset, names: Sequence[str], marks: Mapping[str, str]) -> None:
    """A row for each name, from the top down: mean test accuracy, its 95 % interval, and the single runs.

    Args:
        ax: where to draw.
        results: with the coordinate `rung`.
        names: of the rows.
        marks: name -> colour.
    """
    for row, name in enumerate(names):
        values, color = accuracies(results, name) / 100, marks[name]
        mean = mean_interval(values)
        ax.plot(values, np.full(len(values), row), ".", color=color, alpha=0.35, markersize=4, label=f"{name}, runs")
        ax.plot([mean.low, mean.high], [row, row], color=color, linewidth=1.6, label=f"_interval {name}")
        ax.plot([mean.value], [row], "o", color=color, label=name)
    ax.set_yticks(np.arange(len(names)), list(names))
    ax.invert_yaxis()
    ax.tick_params(axis="y", length=0, labelcolor=plots.INK["text"])
    ax.grid(visible=False, axis="y")
    ax.set_xlabel("test accuracy")
    plots.percent(ax.xaxis)


def joined(parts: Sequence[xr.Dataset]) -> xr.Dataset:
    """Several results as one; NaN where one was not measured."""
    return xr.concat(parts, "run", data_vars="all", coords="minimal", compat="override", join="outer")


def above_guessing(rung: str) -> Comparison:
    """Percentage points of test accuracy above guessing one of ten classes."""
    return Comparison("mean", lambda results: mean_interval(accuracies(results, rung) - 10))


def gain(better: str, worse: str) -> Comparison:
    """Percentage points of test accuracy that one rung has above another."""
    return Comparison(
        "paired difference",
        lambda results: paired_difference(accuracies(results, better), accuracies(results, worse)),
    )


def claim(
    problem: Problem,
    id: str,  # noqa: A002
    better: str,
    text: str,
    expect: Verdict = "holds",
    why: str = "",
    *,
    worse: str = "",
    source: str = OWN,
    url: str = "",
) -> Claim:
    """A claim that one rung has a higher test accuracy than another, by default than the one it is held against."""
    worse = worse or below(better)
    sides = ("the whole recipe" if side == FINISHED and worse != below(FINISHED) else side for side in (better, worse))
    statistic = "test accuracy on {}, {} minus {}, percentage points".format(problem.data, *sides)
    return Claim(
        id=id,
        text=text,
        source=source,
        url=url,
        statistic=statistic,
        compare=gain(better, worse),
        expect=expect,
        why=why,
    )


def does_not_train(text: str) -> Claim:
    """A claim that the net as it was found stays within two points of guessing, at the best of its rates."""
    return Claim(
        id="as-found-does-not-train",
        text=text,
        source=OWN,
        statistic="test accuracy minus the 10 % of guessing, percentage points",
        compare=above_guessing(START),
        region=(-2.0, 2.0),
        expect="holds",
    )
