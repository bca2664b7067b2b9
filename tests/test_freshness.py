"""What `trainlab list` tells from records alone: nothing that has changed passes as fresh, and PyTorch stays out."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from checkout import SMALL, Book, Checkout, book, edited
from trainlab import experiments
from trainlab_press import freshness
from trainlab_press.freshness import unchanged

ROOT = Path(__file__).parents[1]


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Book]:
    """A book whose one experiment is fresh."""
    with book(tmp_path) as made:
        made.write("one")
        made.publish("one")
        yield made


def is_fresh(made: Book) -> bool:
    return unchanged(made.project, "one", {path.stem for path in made.project.cache.rglob("*.npz")}) is not None


def edit_record(made: Book, edit: Callable[[dict], object]) -> None:
    record = made.json("one")
    edit(record)
    (made.project.live / "one.json").write_text(json.dumps(record), encoding="utf-8")


def test_an_experiment_that_was_just_published_is_fresh(made: Book) -> None:
    assert is_fresh(made)
    made.write("one", edited(SMALL, ("def measure(train):", "def measure(train):  # a comment")))
    assert is_fresh(made)


EDITS = {
    "the runs": ("lr=0.1", "lr=0.2"),
    "the drawing": ('ylabel="training loss"', 'ylabel="loss"'),
    "a claim": ("Training lowers", "Training always lowers"),
    "the caption": ("of a tiny network", "of a small network"),
    "a part": ("def alt(", "def text("),
    "the grammar": ("def alt(", "def alt"),
}


@pytest.mark.parametrize("what", EDITS)
def test_an_edit_is_seen(made: Book, what: str) -> None:
    made.write("one", edited(SMALL, EDITS[what]))
    assert not is_fresh(made)


def test_code_that_only_the_runs_use_is_seen(made: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "trainlab.loop.train_stack" in made.json("one")["made_of"]["code"]
    was = freshness.fingerprint
    edited = lambda things: was(things) | {"trainlab.loop.train_stack": "of an edited loop"}  # noqa: E731
    monkeypatch.setattr(freshness, "fingerprint", edited)
    assert not is_fresh(made)


@pytest.mark.parametrize("file", ["one.svg", "one.csv"])
@pytest.mark.parametrize("deleted", [True, False])
def test_a_figure_that_was_changed_or_deleted_is_seen(made: Book, file: str, deleted: bool) -> None:
    path = made.project.live / file
    path.unlink() if deleted else path.write_text("not what was drawn", encoding="utf-8")
    assert not is_fresh(made)


def test_a_missing_result_is_seen(made: Book) -> None:
    next(made.project.cache.rglob("*.npz")).unlink()
    assert not is_fresh(made)


CHANGED_RECORDS: dict[str, Callable[[dict], object]] = {
    "of an older press": lambda record: record.pop("made_of"),
    "of a smoke build": lambda record: record["made_of"]["settings"].update(smoke=True),
    "of a GPU": lambda record: record["made_of"]["settings"].update(device="cuda"),
    "of another Python": lambda record: record["versions"].update(python="3.0.0"),
    "of another PyTorch": lambda record: record["versions"].update(torch="1.0.0"),
    "of another Matplotlib": lambda record: record["parts"].update(matplotlib="1.0.0"),
    "of another data file": lambda record: record["made_of"]["resources"].update({"fashion-mnist.npz": "0"}),
    "of other stacks": lambda record: record["made_of"]["stacks"].pop(),
    "without code": lambda record: record["made_of"].update(code=None),
}


@pytest.mark.parametrize("what", CHANGED_RECORDS)
def test_a_record_that_does_not_tell_is_not_believed(made: Book, what: str) -> None:
    edit_record(made, CHANGED_RECORDS[what])
    assert not is_fresh(made)


def test_a_damaged_record_is_not_believed(made: Book) -> None:
    (made.project.live / "one.json").write_bytes(b"\x00{")
    assert not is_fresh(made)


def test_a_smoke_build_is_not_fresh(made: Book) -> None:
    made.publish("one", smoke=True)
    assert not is_fresh(made)


def test_an_old_figure_in_the_readme_is_seen(tmp_path: Path) -> None:
    name, path = freshness.PREVIEW
    with book(tmp_path) as made:
        made.write(name)
        (tmp_path / path).parent.mkdir(parents=True)
        made.publish(name)
        stored = {result.stem for result in made.project.cache.rglob("*.npz")}
        assert unchanged(made.project, name, stored) is not None
        (tmp_path / path).write_text("<svg/>", encoding="utf-8")
        assert unchanged(made.project, name, stored) is None


LISTED = """
import sys
from trainlab.cli import main
try:
    main(["list"])
except SystemExit as end:
    assert not end.code
print(*sys.modules, file=sys.stderr)
"""


@pytest.mark.slow
def test_what_is_fresh_is_listed_without_pytorch(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path, {"one": SMALL})
    listed = {"cwd": tmp_path, "env": {"PYTHONPATH": str(tmp_path / "src")}, "capture_output": True, "text": True}
    checkout.trainlab("run", "--jobs", "1")
    done = subprocess.run([sys.executable, "-c", LISTED], check=True, **listed)
    assert done.stdout.endswith(" s   fresh\n")
    assert {"torch", "numpy", "xarray", "trainlab.experiments.one"}.isdisjoint(done.stderr.split())
    checkout.edit("loop.py", ("def train_stack(", "TAKEN_ANEW = 1\n\n\ndef train_stack("))
    done = subprocess.run([sys.executable, "-c", LISTED], check=True, **listed)
    assert done.stdout.endswith(" s   fresh\n")  # nothing that a run depends on
    checkout.edit("optimizers/adam.py", ("self.beta2**t", "self.beta2**t * 1.0"))
    done = subprocess.run([sys.executable, "-c", LISTED], check=True, **listed)
    assert "optimizers.adam.Adam changed" in done.stdout


def test_a_first_list_imports_nothing_that_draws_or_trains_elsewhere(tmp_path: Path) -> None:
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    done = subprocess.run([sys.executable, "-c", LISTED], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == len(experiments.names())
    loaded = done.stderr.split()
    assert {"torch", "xarray", "trainlab.experiments.optimizer_race"} <= set(loaded)
    slow = ("matplotlib", "dask", "distributed", "loky", "scipy.stats", "scipy.optimize", "mkdocs.config", "IPython")
    assert [name for name in loaded if name.startswith(slow)] == []
