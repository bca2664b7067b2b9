"""Publishes experiments in several processes at once, which share out the stacks that are to be trained."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trainlab import experiments
from trainlab.engine import execute
from trainlab.training import Trainer
from trainlab_press.freshness import BY_DEFAULT, settings, unchanged
from trainlab_press.project import Project
from trainlab_press.publish import Published, publish

Finished = Callable[[Sequence[str], int], None]
"""Told the experiments that a process has published just now, one or none, and how many runs it trained meanwhile."""


@dataclass(frozen=True)
class _Assignment:
    """What one process does next.

    Args:
        root: of the checkout.
        names: one experiment, to be published; or all, to help with those that are not done.
        trainer: has handed out nothing yet.
        helping: whether to train stacks of experiments that other processes publish.
    """

    root: Path
    names: tuple[str, ...]
    trainer: Trainer
    helping: bool = False

    def __str__(self) -> str:
        return "help with the last experiments" if self.helping else f"experiment {self.names[0]}"


def publish_together(
    project: Project, names: list[str], trainer: Trainer, jobs: int, finished: Finished
) -> list[Published]:
    """Publish experiments, each in one process; towards the end, processes without one help with the others.

    Results are those of `publish`, one experiment after the other: no result depends on who trains a stack.

    Args:
        project: the checkout.
        names: of experiments.
        trainer: has a store, and the settings that all of them take.
        jobs: processes.
        finished: called as experiments are published.

    Returns:
        In the order of the names.

    Raises:
        ValueError: as `publish` does.
        RuntimeError: a process died each time that it tried an experiment.
    """
    trainer = trainer.fresh(jobs=jobs, sharing=True, progress=_silent)
    tasks = [_Assignment(project.root, (name,), trainer) for name in names]
    if settings(trainer) == BY_DEFAULT and not trainer.force:  # else nobody can tell what is done
        tasks += [_Assignment(project.root, tuple(names), trainer, helping=True)] * (jobs - 1)
    published: dict[str, Published] = {}
    helped: Counter[str] = Counter()
    for _, (one, trained) in execute(_work, tasks, jobs):
        helped.update(trained)
        if one:
            published[one.name] = one
        finished([one.name] if one else [], one.trained if one else sum(trained.values()))
    return [replace(published[name], trained=published[name].trained + helped[name]) for name in names]


def _work(task: _Assignment) -> tuple[Published | None, dict[str, int]]:
    """Publish one experiment, or train stacks for others; returns how many runs were trained for each of them."""
    logging.basicConfig(format="trainlab: %(message)s", level=logging.WARNING)
    project = Project(task.root)
    if not task.helping:
        return publish(project, task.names[0], task.trainer), {}
    trained = {}
    for name in task.names:
        if unchanged(project, name, {path.stem for path in (project.cache / "runs").glob("*.npz")}):
            continue
        trainer = task.trainer.fresh()
        with experiments.naming(name):
            experiments.load(name).measure(trainer)
        trained[name] = trainer.trained
    return None, trained


def _silent(done: int, total: int, loaded: int) -> None:
    """For processes that have no line of their own to show how far they are."""
