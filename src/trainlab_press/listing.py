"""What `trainlab list` says: what there is to train and to draw, and why, without doing any of it."""

from __future__ import annotations

from collections.abc import Iterator

from trainlab import experiments
from trainlab_press.freshness import unchanged
from trainlab_press.project import Project


def listing(project: Project) -> Iterator[str]:
    """A line for each experiment: its runs, the seconds that they trained, and what is stale and why.

    Raises:
        ValueError: an experiment declares runs that cannot be.
    """
    runs = project.cache / "runs"
    stored, doubtful = {path.stem for path in runs.glob("*.npz")}, None
    for name in experiments.names():
        if record := unchanged(project, name, stored):
            yield _line(name, record["runs"], record["seconds"], "fresh")
            continue
        if doubtful is None:
            from trainlab_press.staleness import Inquiry  # imports PyTorch, which takes as long as all the rest

            doubtful = Inquiry(project)
        yield _line(name, *doubtful(name))


def _line(name: str, runs: int, seconds: float, state: str) -> str:
    return f"{name:28} {runs:5} runs {seconds:7.1f} s   {state}"
