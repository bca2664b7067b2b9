"""Makes figures, snippets and labs again in a process of its own, which reads their code as it is now.

The process is forked from one that has imported PyTorch and the other libraries, and nothing of this project. So the
code that was edited is read anew, and nobody waits for the libraries. Nothing is trained.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

LIBRARIES = ["torch", "xarray", "pandas", "scipy.stats", "scipy.integrate", "matplotlib.backends.backend_svg", "yaml"]

Said = tuple[str, str, str]
""""drawn" or "problem", what it is about, and for a problem the line."""


@dataclass
class Wanted:
    """What to make again.

    Args:
        experiments: whose figures, where they are not current.
        figures: those of all experiments.
        snippets: those that changed.
        labs: those that changed.
    """

    experiments: set[str] = field(default_factory=set)
    figures: bool = False
    snippets: bool = False
    labs: bool = False

    def __bool__(self) -> bool:
        return bool(self.experiments) or self.figures or self.snippets or self.labs

    def __or__(self, other: Wanted) -> Wanted:
        return Wanted(
            self.experiments | other.experiments,
            self.figures or other.figures,
            self.snippets or other.snippets,
            self.labs or other.labs,
        )


class Redrawer:
    """Has one thing made at a time; what is asked for meanwhile starts it over.

    Args:
        root: the checkout.
        settings: of the trainers that look up stored runs: `device`, `memory`, `smoke`.
        jobs: processes for labs.
    """

    def __init__(self, root: Path, settings: dict[str, Any], jobs: int) -> None:
        self.root, self.settings, self.jobs = root, settings, jobs
        for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ.setdefault(threads, "1")  # a process with threads is not to be forked
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(LIBRARIES)
        self.wanted = Wanted()
        self.process: Any = None
        self.heard: Connection | None = None

    def warm(self) -> None:
        """Begin to import the libraries."""
        from multiprocessing import forkserver

        forkserver.ensure_running()

    def start(self, wanted: Wanted) -> None:
        """Make these again, with what was not finished."""
        self.wanted |= wanted
        self.stop()
        self.heard, says = self.context.Pipe(duplex=False)
        arguments = (self.root, self.wanted, self.settings, self.jobs, says)
        self.process = self.context.Process(target=_make, args=arguments, daemon=True)
        self.process.start()
        says.close()

    def said(self) -> Iterator[Said]:
        """What has come of it since the last call."""
        while self.heard and self.heard.poll():
            try:
                yield self.heard.recv()
            except EOFError:
                self.stop()
                self.wanted = Wanted()

    def stop(self) -> None:
        """End the process, whatever it does."""
        if self.process:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGTERM)  # with the snippet or the lab that it runs
            self.process.terminate()
            self.process.join(2)
            self.process.kill()
            self.process = None
        if self.heard:
            self.heard.close()
            self.heard = None


def _make(root: Path, wanted: Wanted, settings: dict[str, Any], jobs: int, says: Connection) -> None:
    os.setsid()  # the preview hears Ctrl-C, and ends this process with all that it started
    from trainlab_press.project import Project

    project = Project(root)
    for about, line in _problems(project, wanted, settings, jobs, says):
        says.send(("problem", about, line))
    says.close()


def _problems(
    project: Any, wanted: Wanted, settings: dict[str, Any], jobs: int, says: Connection
) -> Iterator[tuple[str, str]]:
    """Make what is wanted; yields what is wrong with what, an empty line where nothing is."""
    from trainlab import experiments
    from trainlab_press import programs
    from trainlab_press.errors import PressError

    for what, asked in (("snippets", wanted.snippets), ("labs", wanted.labs)):
        if asked:
            try:
                made = getattr(programs, what)(project, jobs)
                yield what, ""
                for name in made:
                    says.send(("drawn", f"{what.removesuffix('s')} {name}", ""))
            except (PressError, OSError) as error:
                yield what, str(error)
    known = experiments.names()
    for name in known if wanted.figures else sorted(wanted.experiments & {*known}):
        yield f"figure {name}", _draw(project, name, settings, says)


def _draw(project: Any, name: str, settings: dict[str, Any], says: Connection) -> str:
    """Publish one experiment from its stored runs; what is wrong, or nothing."""
    from trainlab.store import Store
    from trainlab.training import Stale, Trainer
    from trainlab_press.freshness import unchanged
    from trainlab_press.publish import publish

    runs = project.cache / "runs"
    if not settings["smoke"] and unchanged(project, name, {path.stem for path in runs.glob("*.npz")}):
        return ""
    try:
        published = publish(project, name, Trainer(store=Store(runs), dry=True, **settings))
    except Stale as stale:
        return f"{name}: {stale.missing} of {stale.total} runs are to be trained; `trainlab run {name}` does it"
    except Exception as error:  # whatever an experiment that is being written may raise
        return f"{name}: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}"
    if published.drawn:
        says.send(("drawn", f"figure {name}", ""))
    return "; ".join(published.problems)
