"""Fair tuning: every contender gets the same number of trials, and only the validation split decides."""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from trainlab.data import SPLITS
from trainlab.feedback import Feedback
from trainlab.loop import AT_END
from trainlab.runs import Run, grid, label
from trainlab.spaces import Space, Values, beyond, is_list, numeric, setting, settings, spaces, with_settings

Train = Callable[..., xr.Dataset]
"""`train.train`, or anything that takes the same arguments."""

Edge = tuple[str, str, int]
"""Contender, path, and -1 or 1: below the lowest value or above the highest."""


@dataclass(frozen=True)
class Tuned:
    """What tuning found.

    Args:
        best: contender -> its run at the best settings.
        tried: contender -> its run at the settings of each trial.
        trials: every trial, with axes (contender, trial, seed) and each hyperparameter as a
            coordinate on (contender, trial); no test results.
        at_edge: which best value is at the end of what was tried, as "SGD (lr = 3)", after widening.
    """

    best: dict[str, Run]
    tried: dict[str, list[Run]]
    trials: xr.Dataset
    at_edge: list[str]

    def fresh(self, seeds: Iterable[int]) -> list[Run]:
        """The tuned runs of all contenders, on seeds that tuning never saw.

        Args:
            seeds: those that will report results.

        Raises:
            ValueError: a seed took part in the tuning.
        """
        seeds = self._unused(seeds)
        return [run for best in self.best.values() for run in grid(best, seed=seeds)]

    def sweep(self, train: Train, seeds: Iterable[int]) -> xr.DataArray:
        """The test accuracy of every setting that was tried, on seeds that tuning never saw.

        It is for asking what other choices would have led to. It chooses nothing.

        Args:
            train: trains a list of runs.
            seeds: the seeds on which each setting is run.

        Returns:
            Shares in [0, 1] with axes (contender, trial, seed); NaN where a run diverged.

        Raises:
            ValueError: a seed took part in the tuning.
        """
        return _results(train, self.tried, self._unused(seeds), SPLITS).test_accuracy

    def _unused(self, seeds: Iterable[int]) -> list[int]:
        seeds = list(seeds)
        if used := sorted(set(seeds) & set(self.trials.seed.values.tolist())):
            raise ValueError(f"seeds {used} chose the hyperparameters, so they can't report results; take others")
        return seeds


def tune(
    train: Train,
    contenders: Mapping[str, Run],
    rates: Values | Mapping[str, Values],
    seeds: Iterable[int],
    space: Space | Mapping[str, Space] | None = None,
    *,
    draws: int | None = None,
    draw_seed: int = 0,
) -> Tuned:
    """Find each contender's learning rate, and other hyperparameters, with one budget for all.

    The settings with the highest mean validation accuracy after the last update win. A run that
    diverged counts as accuracy 0. A tie goes to the settings tried first: on a grid those with the
    lower values, the rate compared first.

    Where a best number is the lowest or the highest of its grid, the grid of every contender that
    has this hyperparameter gets one more value on that side, one step of the grid further out, and
    the trials are completed. This is done once, and only if it keeps the budgets equal. A value of
    0 is no edge, and nothing is tried that the run refuses (a dropout rate of 1).

    Args:
        train: trains a list of runs. If it has a method `spend`, that is told the seeds.
        contenders: name -> run, of which `seed` and what is tuned are replaced.
        rates: the learning rates to try, or contender -> its own.
        seeds: the seeds on which each setting is tried.
        space: what else to tune, or contender -> its own; numbers need at least 3 values.
        draws: None tries the whole grid; a number draws so many settings at random.
        draw_seed: of the random draw; contenders with the same space draw the same settings.

    Raises:
        ValueError: the budgets differ, a path leads nowhere, or there are too few values.
    """
    seeds = list(seeds)
    own = spaces(contenders, rates, space or {})
    tried = {
        name: [with_settings(run, s) for s in settings(own[name], draws, draw_seed)] for name, run in contenders.items()
    }
    for first, other in itertools.pairwise(tried):
        if len(tried[first]) != len(tried[other]):
            raise ValueError(
                f"{first} has {len(tried[first])} trials and {other} {len(tried[other])}; give all the same number"
            )
    if spend := getattr(train, "spend", None):
        spend(seeds)
    trials = _validated(train, tried, seeds)
    edges = _edges(own, tried, trials)
    if edges and draws is None and (wider := _widened(contenders, own, edges)):
        own, grids = wider
        added = {name: [run for run in runs if run not in tried[name]] for name, runs in grids.items()}
        tried = {name: [*runs, *added[name]] for name, runs in tried.items()}
        more = _validated(train, added, seeds)
        trials = xr.concat([trials, more], "trial", data_vars="all", coords="minimal", compat="override", join="exact")
        edges = _edges(own, tried, trials)
    best = {name: tried[name][winner] for name, winner in _winners(trials).items()}
    at_edge = [f"{name} ({path} = {setting(best[name], path):g})" for name, path, _ in edges]
    return Tuned(best, tried, _with_coordinates(trials, tried, own), at_edge)


def scores(trials: xr.Dataset) -> xr.DataArray:
    """What decides: the mean validation accuracy over the seeds, with axes (contender, trial).

    Args:
        trials: as `Tuned.trials` has them.
    """
    return trials.validation_accuracy.fillna(0).mean("seed")


def _winners(trials: xr.Dataset) -> dict[str, int]:
    return dict(zip(trials.contender.values.tolist(), scores(trials).values.argmax(1).tolist(), strict=True))


def _results(train: Train, tried: Mapping[str, list[Run]], seeds: list[int], splits: Sequence[str]) -> xr.Dataset:
    """What the runs measured after the last update, with axes (contender, trial, seed)."""
    runs = [run for column in tried.values() for trial in column for run in grid(trial, seed=seeds)]
    # Only the last measurement counts, unless a schedule watches them all.
    watched = any(isinstance(run.schedule, Feedback) for run in runs)
    results = train(runs, every=None if watched else AT_END, splits=splits)
    last = results.sel(step=results.steps)  # of each run; contenders may differ in their number of updates
    shape = (len(tried), -1, len(seeds))
    names = [name for name in ("validation_loss", "validation_accuracy", "test_accuracy") if name in last]
    table = {name: (("contender", "trial", "seed"), last[name].values.reshape(shape)) for name in names}
    return xr.Dataset(table, coords={"contender": list(tried), "seed": seeds})


def _validated(train: Train, tried: Mapping[str, list[Run]], seeds: list[int]) -> xr.Dataset:
    """The same without test results, which must not choose and are not even measured."""
    return _results(train, tried, seeds, ["validation"])[["validation_loss", "validation_accuracy"]]


def _with_coordinates(trials: xr.Dataset, tried: Mapping[str, list[Run]], own: Mapping[str, Space]) -> xr.Dataset:
    """The table with the value of every tuned hyperparameter at every trial."""
    columns = {}
    for path in dict.fromkeys(path for space in own.values() for path in space):
        rows = [[setting(run, path) for run in runs] for runs in tried.values()]
        numbers = numeric([value for row in rows for value in row if value is not None])
        missing = np.nan if numbers else ""
        shown = [[missing if v is None else v if numbers else label(v) for v in row] for row in rows]
        columns[path] = (("contender", "trial"), shown)
    return trials.assign_coords(columns)


def _edges(own: Mapping[str, Space], tried: Mapping[str, list[Run]], trials: xr.Dataset) -> list[Edge]:
    """Every best number that is the lowest or the highest of those tried, and not 0."""
    found = []
    for name, winner in _winners(trials).items():
        for path, values in own[name].items():
            best = setting(tried[name][winner], path)
            if not numeric(values) or best == 0:
                continue
            known = values if is_list(values) else [setting(run, path) for run in tried[name]]
            starts_at_zero = not is_list(values) and values.support()[0] == 0  # pyright: ignore[reportAttributeAccessIssue]
            if best == min(known) and not starts_at_zero:
                found.append((name, path, -1))
            elif best == max(known):
                found.append((name, path, 1))
    return found


def _widened(
    contenders: Mapping[str, Run], own: Mapping[str, Space], edges: list[Edge]
) -> tuple[dict[str, Space], dict[str, list[Run]]] | None:
    """The grids with one more value beyond each edge, and their runs; None where they can't grow by equal numbers."""
    wider: dict[str, dict[str, Any]] = {name: dict(space) for name, space in own.items()}
    for path, side in sorted({(path, side) for _, path, side in edges}):
        further = {name: beyond(wider[name][path], side) for name in wider if path in wider[name]}
        try:
            for name, value in further.items():
                with_settings(contenders[name], {path: value})
        except ValueError:
            continue  # the hyperparameter ends here
        for name, value in further.items():
            wider[name][path] = sorted({*wider[name][path], value})
    grids = {name: [with_settings(run, s) for s in settings(wider[name])] for name, run in contenders.items()}
    if len({len(runs) for runs in grids.values()}) > 1 or wider == own:
        return None
    return dict(wider), grids
