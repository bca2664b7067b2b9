"""Books with small experiments of their own, for the tests of the press and of the command line."""

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from trainlab import experiments, fingerprint
from trainlab.store import Store
from trainlab.training import Trainer
from trainlab_press.project import Project
from trainlab_press.publish import Published, publish

ROOT = Path(__file__).parents[1]

SMALL = '''"""Is Adam ahead of SGD?

Training loss of a tiny network under two optimizers.
"""

import math
from dataclasses import replace

from trainlab import plots
from trainlab.claims import Claim, by_seed
from trainlab.data import MNIST1D
from trainlab.models import MLP
from trainlab.optimizers import SGD, Adam
from trainlab.runs import Run, grid
from trainlab.stats import paired_difference

BASE = Run(
    data=MNIST1D(rows=400, validation=100, test=200),
    model=MLP(inputs=40, outputs=10, depth=1, width=8),
    lr=0.1,
    batch_size=32,
    steps=12,
)
OPTIMIZERS = [SGD(), Adam()]


def measure(train):
    return train([run for one in OPTIMIZERS for run in grid(replace(BASE, optimizer=one), seed=range(10))], every=4)


def numbers(results):
    final = results.train_loss.isel(step=-1).groupby("optimizer").mean()
    return {"adam": float(final.sel(optimizer="Adam")), "sgd": float(final.sel(optimizer="SGD")), "never": math.nan}


def draw(fig, results):
    ax = fig.subplots()
    for name in ("SGD", "Adam"):
        runs = results.isel(run=results.optimizer.values == name)
        plots.curve(ax, runs.step.values, runs.train_loss.values, name, plots.OPTIMIZER_LINES[name])
    ax.set(xlabel="updates", ylabel="training loss")


def alt(numbers):
    return f"The training loss ends at {numbers['adam']:.2f} under Adam and at {numbers['sgd']:.2f} under SGD."


def falls(results):
    return paired_difference(*(by_seed(results, f"train_loss@{at}%", optimizer="SGD") for at in (0, 100)))


CLAIMS = [
    Claim(
        id="loss-falls",
        text="Training lowers the training loss.",
        source="Robbins and Monro 1951, A stochastic approximation method",
        statistic="training loss before the first update minus after the last, nats",
        compare=falls,
        expect="holds",
    )
]
'''


def edited(text: str, *edits: tuple[str, str]) -> str:
    """A text with some words replaced, each of which must be there."""
    for old, new in edits:
        assert old in text, f"{old!r} is not there to be replaced"
        text = text.replace(old, new)
    return text


def tree(root: Path) -> dict[str, bytes]:
    """Every file under a folder, with its content."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


class Book:
    """A book in a folder of its own, whose experiments stand in for those of trainlab in this process.

    Args:
        root: an empty folder.
    """

    def __init__(self, root: Path) -> None:
        self.project = Project(root)
        self.folder = root / "src" / "trainlab" / "experiments"
        self.folder.mkdir(parents=True)
        (root / "docs").mkdir()
        (root / "mkdocs.yml").write_text("site_name: Test\n", encoding="utf-8")

    def write(self, name: str, text: str = SMALL) -> None:
        """Write an experiment, which is read anew when it is next asked for."""
        (self.folder / f"{name}.py").write_text(text, encoding="utf-8")
        forget_experiments()

    def trainer(self, **options: Any) -> Trainer:
        return Trainer(store=Store(self.project.cache / "runs"), **options)

    def publish(self, name: str, **options: Any) -> Published:
        return publish(self.project, name, self.trainer(**options))

    def json(self, stem: str) -> Any:
        return json.loads((self.project.live / f"{stem}.json").read_text(encoding="utf-8"))

    def stamps(self) -> dict[str, int]:
        """When each file under docs/live was written."""
        return {path.name: path.stat().st_mtime_ns for path in self.project.live.iterdir()}


def forget_experiments() -> None:
    """Make Python, and the fingerprints, read the experiments' files again."""
    for module in [name for name in sys.modules if name.startswith("trainlab.experiments.")]:
        del sys.modules[module]
    fingerprint._parse.cache_clear()
    importlib.invalidate_caches()


@contextmanager
def book(root: Path) -> Iterator[Book]:
    """A `Book`, until the end of the block."""
    with pytest.MonkeyPatch.context() as patch:
        made = Book(root)
        patch.setattr(experiments, "__path__", [str(made.folder)])
        patch.setattr(sys, "dont_write_bytecode", True)  # two edits within a second look the same to a .pyc
        forget_experiments()
        yield made
    forget_experiments()


class Checkout:
    """A copy of the code, with small experiments instead of the real ones, whose commands run in other processes.

    Args:
        root: an empty folder.
        written: name -> text of each experiment.
    """

    def __init__(self, root: Path, written: dict[str, str]) -> None:
        self.root, self.project = root, Project(root)
        ignored = shutil.ignore_patterns("__pycache__", "resources")
        for package in ("trainlab", "trainlab_press"):
            shutil.copytree(ROOT / "src" / package, root / "src" / package, ignore=ignored)
        (root / "docs").mkdir()
        shutil.copy(ROOT / "mkdocs.yml", root)
        for path in (root / "src" / "trainlab" / "experiments").glob("[!_]*.py"):
            path.unlink()
        for name, text in written.items():
            (root / "src" / "trainlab" / "experiments" / f"{name}.py").write_text(text, encoding="utf-8")

    def edit(self, file: str, *edits: tuple[str, str]) -> None:
        path = self.root / "src" / "trainlab" / file
        path.write_text(edited(path.read_text(encoding="utf-8"), *edits), encoding="utf-8")

    def start(self, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
        """A command of `trainlab`, in a session of its own."""
        return subprocess.Popen(
            [sys.executable, "-c", "from trainlab.cli import main; main()", *arguments],
            cwd=self.root,
            env={
                **os.environ,
                "PYTHONPATH": str(self.root / "src"),
                "PYTHONDONTWRITEBYTECODE": "1",
                "MPLBACKEND": "agg",
                **variables,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def trainlab(self, *arguments: str, **variables: str) -> str:
        """What a command that must succeed puts out."""
        process = self.start(*arguments, **variables)
        out, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
        return out

    def stored(self) -> dict[str, int]:
        """When each finished stack was stored."""
        return {path.name: path.stat().st_mtime_ns for path in (self.project.cache / "runs").glob("*.npz")}


def without_seconds(files: dict[str, bytes]) -> dict[str, str]:
    """Files of docs/live without the seconds of training, the seal, which covers them, and who wrote the files."""
    return {
        name: "\n".join(
            line for line in content.decode().splitlines() if not re.search('"(seconds|seal|publisher)":', line)
        )
        for name, content in files.items()
    }
