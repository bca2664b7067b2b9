"""Runs in, results out: which runs train together, what is stored already, and where the rest executes."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from trainlab.data import SPLITS
from trainlab.engine import execute
from trainlab.feedback import Feedback
from trainlab.fingerprint import digest
from trainlab.loop import AT_END, train_stack
from trainlab.probes import Probe
from trainlab.runs import Run, coordinate, stacks
from trainlab.sizing import memory_limit, stack_size
from trainlab.store import Arrays, Store, Task, versions

SMOKE_STEPS = 12
"""Updates of a run in smoke mode, which checks that everything works and measures nothing."""

SMOKE_EVERY = 4
"""Updates between two measurements there, at least."""

MEASUREMENTS = 20
"""How often a run is measured unless `every` says otherwise."""

FIRST_PILOT, FIRST_TUNING = 500, 1000
"""Seeds from the one on draft claims, from the other on choose hyperparameters; those below both report results."""


Finished = tuple[int, tuple[Arrays, float], bool]
"""The number of a task, what came of it with the seconds that it took, and whether this process trained it."""


class Stale(Exception):
    """Raised by a dry trainer: some stacks would have to be trained.

    Args:
        missing: runs to train, of those asked for in this call.
        total: runs asked for in this call.
        why: what has changed since they were last trained.
    """

    def __init__(self, missing: int, total: int, why: list[str]) -> None:
        super().__init__(f"{missing} of {total} runs to train: {', '.join(why)}")
        self.missing, self.total, self.why = missing, total, why


@dataclass
class Trainer:
    """Trains runs through a store and an engine, and keeps account of what it handed out.

    Args:
        store: where finished stacks are kept; None keeps nothing.
        jobs: worker processes; 1 trains in this process.
        engine: address of a Dask scheduler, "tcp://HOST:PORT", whose workers train instead.
        device: "cpu", "cuda", ...
        stack_size: runs in a stack at most; None takes what the cache likes, as `memory` allows. 1
            trains run by run, as networks need that can't be lifted over a stack.
        memory: bytes that one process may fill with a stack; None allows all processes together
            half of the machine's memory.
        smoke: cut every run to a few updates.
        force: train again what the store has.
        dry: train nothing; raise `Stale` where something would have to be trained.
        pilot: train seed 500 + s wherever a reported seed s is asked for, so that claims can be drafted
            before the reported seeds are trained. Results keep the names of the seeds asked for.
        sharing: this process is one of `jobs` that train at the same time, each for itself. What another is
            training is left to it, and taken from the store when it is there.
        progress: called with (runs done, runs in all, runs loaded from the store) as stacks finish.
        keys: of every stack so far.
        code: digest of every definition that the runs so far depend on, by name.
        sources: digests of code, data and runs alone, the same on machines with other versions.
        runs: every run so far.
        shares: the seconds behind each of them: an equal share of its stack's, measurements included.
        trained: how many of them were trained now.
        seconds: of training behind them, whenever that was.
        costs: runs, training steps and seconds of each stack, by its key: once, however often it is asked for.
        tuning_seeds: seeds that chose hyperparameters; see `spend`.
    """

    store: Store | None = None
    jobs: int = 1
    engine: str | None = None
    device: str = "cpu"
    stack_size: int | None = None
    memory: int | None = None
    smoke: bool = False
    force: bool = False
    dry: bool = False
    pilot: bool = False
    sharing: bool = False
    progress: Callable[[int, int, int], None] = lambda done, total, loaded: None
    keys: list[str] = field(default_factory=list)
    code: dict[str, str] = field(default_factory=dict)
    sources: list[str] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    trained: int = 0
    seconds: float = 0.0
    costs: dict[str, dict[str, float]] = field(default_factory=dict)
    tuning_seeds: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        for name in ("stack_size", "memory"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise ValueError(f"{name} must be >= 1, got {value}; leave it out for the default")

    def fresh(self, **changes: Any) -> "Trainer":
        """Another with the same settings, or these, that has handed out nothing yet.

        Args:
            changes: settings that differ, by name.
        """
        accounts = ("keys", "code", "sources", "runs", "shares", "trained", "seconds", "costs", "tuning_seeds")
        kept = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in accounts}
        return Trainer(**kept | changes)

    def spend(self, seeds: Iterable[int]) -> None:
        """Remember that these seeds chose hyperparameters: no claim may rest on them any more.

        Args:
            seeds: those of every trial.
        """
        self.tuning_seeds.update(seeds)

    def __call__(
        self,
        runs: Sequence[Run],
        probes: Sequence[Probe] = (),
        *,
        every: int | None = None,
        dtype: str = "float32",
        splits: Iterable[str] = SPLITS,
    ) -> xr.Dataset:
        """Train; see `train` for the arguments and the result."""
        if not runs:
            raise ValueError("train needs at least one run, got none")
        runs = list(runs)
        if self.dry and self.store and self.store.is_empty():  # told without the data, which takes a second to read
            self.runs += runs
            raise Stale(len(runs), len(runs), ["never trained"])
        if self.smoke:
            if every != AT_END:
                every = max(SMOKE_EVERY, (every or 0) * SMOKE_STEPS // runs[0].steps)
            runs = [replace(run, steps=min(run.steps, SMOKE_STEPS)) for run in runs]
        asked, runs = runs, [_pilot(run) for run in runs] if self.pilot else runs
        for run in runs:
            _check(run, every)
        if dtype not in ("float32", "float64"):
            raise ValueError(f"dtype must be 'float32' or 'float64', got {dtype!r}")
        if unknown := (splits := {*splits}) - {*SPLITS}:
            raise ValueError(f"splits must be some of {', '.join(SPLITS)}, got {', '.join(sorted(unknown))}")
        if every == AT_END and _watching(runs):
            raise ValueError("every must be >= 1 updates where a schedule watches the measurements, got AT_END")
        if not splits & {"train", "validation"} or ("validation" not in splits and _watching(runs)):
            raise ValueError(
                "splits must name the training or the validation split, and the latter where a schedule watches it, "
                f"got {', '.join(sorted(splits)) or 'none'}"
            )
        memory = memory_limit(self.jobs, self.device) if self.memory is None else self.memory
        groups = stacks(runs, self.stack_size or (lambda run: stack_size(run, dtype, memory)))
        tasks = [
            Task(
                runs=tuple(runs[index] for index in group),
                probes=tuple(probes),
                every=max(1, runs[group[0]].steps // MEASUREMENTS) if every is None else every,
                dtype=dtype,
                device=self.device,
                splits=tuple(name for name in SPLITS if name in splits),
            )
            for group in groups
        ]
        self.runs += runs
        results, seconds = self._results(tasks)
        share = {index: seconds[task] / len(group) for task, group in enumerate(groups) for index in group}
        self.shares += [share[index] for index in range(len(runs))]
        return _assemble(asked, groups, results)

    def _results(self, tasks: list[Task]) -> tuple[list[Arrays], dict[int, float]]:
        """The result of each task, from the store where it has one, and the seconds that it took."""
        results: dict[int, Arrays] = {}
        took: dict[int, float] = {}
        parts = [task.parts(train_stack) if self.store else {} for task in tasks]
        paths = [self.store.path(t.request, p) if self.store else Path() for t, p in zip(tasks, parts, strict=True)]
        self.keys += [path.stem for path in paths]
        for task, p in zip(tasks, parts, strict=True):
            self.code |= {k: v for k, v in p.items() if k not in {*task.request, *versions()} and " " not in k}
        self.sources += [digest(json.dumps({k: v for k, v in p.items() if k not in versions()})) for p in parts]
        for index, path in enumerate(paths):
            if self.store and not self.force and (loaded := self.store.load(path)):
                results[index], notes = loaded
                took[index] = notes["seconds"]
                self._count(paths[index].stem, tasks[index], notes["seconds"])
        missing = [index for index in range(len(tasks)) if index not in results]
        total, loaded_runs = sum(len(task.runs) for task in tasks), sum(len(tasks[i].runs) for i in results)
        if self.dry and missing:
            why = {
                reason
                for index in missing
                for reason in (
                    self.store.why_missing(tasks[index].request, parts[index]) if self.store else ["no store"]
                )
            }
            raise Stale(total - loaded_runs, total, sorted(why) or ["asked for again"])
        done = loaded_runs
        self.progress(done, total, loaded_runs)
        share = self.sharing and self.store and not self.force
        for index, (arrays, seconds), new in (self._shared if share else self._alone)(tasks, parts, paths, missing):
            results[index], took[index] = arrays, seconds
            self._count(paths[index].stem, tasks[index], seconds)
            self.trained += len(tasks[index].runs) if new else 0
            done += len(tasks[index].runs)
            self.progress(done, total, loaded_runs)
        return [results[index] for index in range(len(tasks))], took

    def _alone(
        self, tasks: list[Task], parts: list[dict[str, str]], paths: list[Path], missing: list[int]
    ) -> Iterator[Finished]:
        """Every missing stack, trained here, in worker processes or on a cluster."""
        jobs = 1 if self.sharing else self.jobs
        for position, result in execute(train_stack, [tasks[index] for index in missing], jobs, self.engine):
            index = missing[position]
            if self.store:
                self.store.save(paths[index], result[0], parts[index], result[1])
            yield index, result, True

    def _shared(
        self, tasks: list[Task], parts: list[dict[str, str]], paths: list[Path], missing: list[int]
    ) -> Iterator[Finished]:
        """Every missing stack, trained here unless another process is at it, which is waited for last."""
        assert self.store is not None
        waiting, wait = list(missing), False
        while waiting:
            before = len(waiting)
            for index in list(waiting):
                with self.store.claimed(paths[index], wait) as mine:
                    if not mine:
                        continue
                    if loaded := self.store.load(paths[index]):  # the other process has finished it
                        result = loaded[0], loaded[1]["seconds"]
                    else:
                        result = train_stack(tasks[index])
                        self.store.save(paths[index], result[0], parts[index], result[1])
                waiting.remove(index)
                wait = False
                yield index, result, loaded is None
            wait = len(waiting) == before

    def _count(self, key: str, task: Task, seconds: float) -> None:
        self.seconds += seconds
        steps = sum(run.steps for run in task.runs)
        self.costs[key] = {"runs": len(task.runs), "training_steps": steps, "seconds": round(seconds, 2)}


def train(
    runs: Sequence[Run],
    probes: Sequence[Probe] = (),
    *,
    every: int | None = None,
    dtype: str = "float32",
    device: str = "cpu",
    jobs: int = 1,
    engine: str | None = None,
    stack_size: int | None = None,
    memory: int | None = None,
    store: Store | None = None,
    splits: Iterable[str] = SPLITS,
) -> xr.Dataset:
    """Train runs, those of one structure together as stacks.

    Evaluation goes through a split in pieces of 125 examples. So an output must not depend on the rest
    of the batch in evaluation mode.

    Args:
        runs: what to train.
        probes: what to measure inside each run, besides losses and accuracies.
        every: updates between two measurements, or 0 (`trainlab.loop.AT_END`) for a single one after the last update;
            about 20 measurements a run by default.
        dtype: "float32" or "float64".
        device: "cpu", "cuda", ...
        jobs: worker processes; 1 trains in this process.
        engine: address of a Dask scheduler, "tcp://HOST:PORT", whose workers train instead.
        stack_size: runs in a stack at most; by default what is fastest. 1 trains run by run, as
            networks need that can't be lifted over a stack. Results depend on it in the last bit.
        memory: bytes that one process may fill with a stack, besides the libraries; by default all
            processes together may fill half of the machine's memory. Stacks are split to fit.
        store: keeps finished stacks and returns them when the same runs are asked for again.
        splits: which of "train", "validation" and "test" to measure; what is tuned needs no test results.

    Returns:
        A dataset with one coordinate on `run` for each field of `Run`, and these variables.

        - `batch_loss` (run, update): the mini-batch loss before each update;
        - `train_loss`, `train_accuracy` (run, step): on the first rows of the training split, in
          evaluation mode;
        - `validation_loss`, `validation_accuracy` (run, step);
        - `test_loss`, `test_accuracy` (run): after the last update;
        - what the probes add.

        Losses are means over examples (nats for cross-entropy), accuracies shares in [0, 1]. A
        diverged run has NaN or infinite losses; nothing hides it.

    Raises:
        ValueError: there are no runs, a number does not fit the data, or not even one run fits the memory.
        TypeError: a network can't be lifted over a stack.
        RuntimeError: worker processes keep dying, or the cluster is not to be used.
    """
    trainer = Trainer(store=store, jobs=jobs, engine=engine, device=device, stack_size=stack_size, memory=memory)
    return trainer(runs, probes, every=every, dtype=dtype, splits=splits)


def _pilot(run: Run) -> Run:
    """The same run on the seed that stands in for its own until the claims are fixed."""
    if run.seed >= FIRST_TUNING:
        return run
    if run.seed >= FIRST_PILOT:
        raise ValueError(f"seeds below {FIRST_PILOT} report results, got {run.seed}, which is for drafts; take another")
    return replace(run, seed=FIRST_PILOT + run.seed)


def _watching(runs: Sequence[Run]) -> bool:
    """Whether a schedule looks at what is measured."""
    return any(isinstance(run.schedule, Feedback) for run in runs)


def _check(run: Run, every: int | None) -> None:
    rows = len(run.data.load().train.y)
    if run.batch_size > rows:
        raise ValueError(f"batch_size must be at most the {rows} training rows of {run.data}, got {run.batch_size}")
    if every is not None and every < 0:
        raise ValueError(f"every must be >= 1 updates, or AT_END, got {every}")


def _assemble(runs: list[Run], groups: list[list[int]], results: list[Arrays]) -> xr.Dataset:
    """One dataset in the order of the runs. Runs of different lengths are NaN after their last step."""
    datasets = []
    for group, arrays in zip(groups, results, strict=True):
        dataset = xr.Dataset({name: arrays[name] for name in arrays if name != "step"}, coords={"run": group})
        updates = np.arange(1, dataset.sizes["update"] + 1)
        # Numbered, so that networks of different depths can be put side by side.
        probed = {dim: np.arange(size) for dim, size in dataset.sizes.items() if dim not in ("run", "step", "update")}
        datasets.append(dataset.assign_coords({"step": arrays["step"][1], "update": updates, **probed}))
    joined = xr.concat(datasets, "run", data_vars="all", coords="minimal", compat="override", join="outer")
    columns = {f.name: ("run", coordinate(runs, f.name)) for f in fields(Run)}
    return joined.sortby("run").assign_coords(columns)
