"""Experiments published in several processes at once: nothing is trained twice, and nothing comes out otherwise."""

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from checkout import SMALL, Book, Checkout, book, edited, tree, without_seconds
from test_cli import SLOW, bars
from trainlab.data import MNIST1D
from trainlab.models import MLP
from trainlab.runs import Run, grid
from trainlab.store import Store
from trainlab.training import Trainer
from trainlab_press import reference
from trainlab_press.publish import Published, as_before
from trainlab_press.shown import shown

OTHER = edited(SMALL, ("batch_size=32", "batch_size=20"))
BOOK = {"a": SLOW, "b": OTHER, "like_b": OTHER, "z": edited(SLOW, ("batch_size=32", "batch_size=16"))}
"""Two experiments share their stacks. The last has six stacks, of which somebody else can take some."""

RUNS = grid(
    Run(
        data=MNIST1D(rows=200, validation=50, test=50),
        model=MLP(inputs=40, outputs=10, depth=1, width=4),
        lr=0.1,
        steps=3,
    ),
    seed=range(3),
    batch_size=[10, 20],
)
HOLD = """
import sys, time
from pathlib import Path
from trainlab.store import Store
store = Store(Path(sys.argv[1]))
with store.claimed(store.folder / sys.argv[2], wait=False) as mine:
    print(mine, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Book]:
    with book(tmp_path) as made:
        made.write("one")
        yield made


@pytest.mark.slow
def test_several_processes_make_the_same_files_and_train_nothing_twice(tmp_path: Path) -> None:
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
    one, two = Checkout(tmp_path / "one", BOOK), Checkout(tmp_path / "two", BOOK)
    alone = one.trainlab("run", "--jobs", "1", SLEEP="0.001")
    process = two.start("run", "--jobs", "3", SLEEP="0.01")
    out, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    trained = [int(re.search(r": (\d+) runs trained, figure drawn$", line)[1]) for line in out.splitlines()]  # pyright: ignore[reportOptionalSubscript]
    assert len(trained) == len(BOOK)
    assert sum(trained) == 60 + 20 + 0 + 60 == sum(int(n) for n in re.findall(r"(\d+) runs", alone))
    assert without_seconds(tree(one.project.live)) == without_seconds(tree(two.project.live))
    assert one.stored().keys() == two.stored().keys()
    shown = [line for line in bars(errors) if line.startswith("experiments: ")]
    assert re.search(r"100%.* 4/4 \[.* 140 runs trained, last ", shown[-1])


@pytest.mark.slow
def test_a_mistake_in_one_of_several_ends_the_command_with_its_line(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path, {"a": OTHER, "b": edited(SMALL, ('"train_loss@', '"training_loss@'))})
    process = checkout.start("run", "--jobs", "2")
    out, errors = process.communicate(timeout=300)
    assert (process.returncode, out) == (1, "")
    assert re.match(r"trainlab: experiment b: .*training_loss", bars(errors)[-1])
    assert "Traceback" not in errors


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Callable[[str], "subprocess.Popen[str]"]]:
    """Starts processes that hold the claim on a result until their input ends."""
    started: list[subprocess.Popen[str]] = []

    def hold(name: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", HOLD, str(tmp_path), name]
        started.append(process := subprocess.Popen(command, stdin=-1, stdout=-1, text=True))
        assert process.stdout
        assert process.stdout.readline() == "True\n"
        return process

    yield hold
    for process in started:
        process.communicate()


def test_one_process_has_a_stack_and_another_may_have_the_next(
    tmp_path: Path, held: Callable[[str], "subprocess.Popen[str]"]
) -> None:
    store, process = Store(tmp_path), held("x.npz")
    for name, expected in (("x.npz", False), ("y.npz", True)):
        with store.claimed(tmp_path / name, wait=False) as mine:
            assert mine is expected
    process.kill()
    with store.claimed(tmp_path / "x.npz", wait=True) as mine:
        assert mine, "what a killed process held is free"


def test_what_another_process_trains_is_left_to_it_and_waited_for_last(
    tmp_path: Path, held: Callable[[str], "subprocess.Popen[str]"], monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = Trainer(store=Store(tmp_path / "elsewhere"))
    expected = elsewhere(RUNS)
    first, second = (f"{key}.npz" for key in elsewhere.keys)
    process = held(first)
    saved = []

    def end() -> None:  # the other process finishes its stack a while after the second was trained here
        time.sleep(0.5)
        (tmp_path / "elsewhere" / first).rename(tmp_path / first)
        process.communicate()

    other, save = threading.Thread(target=end), Store.save

    def watched(store: Store, path: Path, *arguments: Any) -> None:
        save(store, path, *arguments)
        saved.append(path.name)
        other.start()

    monkeypatch.setattr(Store, "save", watched)
    trainer = Trainer(store=Store(tmp_path), sharing=True, jobs=2)
    results = trainer(RUNS)
    other.join()
    assert saved == [second]
    assert trainer.trained == 3
    assert results.batch_loss.identical(expected.batch_loss)


def test_what_a_process_leaves_undone_is_trained_here(
    tmp_path: Path, held: Callable[[str], "subprocess.Popen[str]"]
) -> None:
    trainer = Trainer(store=Store(tmp_path / "named"))
    trainer(RUNS)
    process = held(f"{trainer.keys[0]}.npz")
    timer = threading.Timer(0.5, process.kill)
    timer.start()
    sharing = Trainer(store=Store(tmp_path), sharing=True, jobs=2)
    sharing(RUNS)
    timer.join()
    assert sharing.trained == 6


# What is as it was


def before(made: Book, **options: object) -> Published | None:
    pages = shown(made.project.root, made.project.live)
    return as_before(made.project, "one", made.trainer(**options), pages)


def test_an_experiment_is_as_before_until_something_changes(one: Book) -> None:
    assert before(one) is None, "it was never published"
    published = one.publish("one")
    assert before(one) == replace(published, drawn=False, trained=0)
    assert before(one, force=True) is None
    assert before(one, smoke=True) is None
    one.write("one", OTHER)
    assert before(one) is None


def test_what_fails_a_build_fails_the_next_one_too(one: Book) -> None:
    one.write("one", edited(SMALL, ('expect="holds"', 'expect="null", why="It is small."')))
    problems = one.publish("one").problems
    assert len(problems) == 1
    again = before(one)
    assert again
    assert again.problems == problems


def edit_a_number(made: Book) -> None:
    path = made.project.live / "one.json"
    path.write_text(re.sub(r'"adam": [\d.]+', '"adam": 0.5', path.read_text()))


def edit_a_claim(made: Book) -> None:
    path = made.project.live / "claims.json"
    path.write_text(path.read_text().replace('"verdict": "holds"', '"verdict": "null"'))


def forget_the_claims(made: Book) -> None:
    (made.project.live / "claims.json").unlink()


def damage_a_result(made: Book) -> None:
    path = next((made.project.cache / "runs").glob("*.npz"))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 200] = bytes(200)
    path.write_bytes(content)


def record_another_verdict(made: Book) -> None:
    """As when a pull brings what another processor measured."""
    entry = {"arithmetic": "another", "processor": "Another", "claims": {}}
    path = made.project.root / reference.FILE
    path.parent.mkdir()
    path.write_text(json.dumps({"one": entry}))


def show_a_claim_on_a_page(made: Book) -> None:
    (made.project.root / "docs" / "page.md").write_text("# Page\n\n!claim one/loss-falls\n")


@pytest.mark.parametrize(
    "change",
    [edit_a_number, edit_a_claim, forget_the_claims, damage_a_result, record_another_verdict, show_a_claim_on_a_page],
)
def test_what_was_changed_by_hand_is_made_again(one: Book, change: Callable[[Book], None]) -> None:
    one.publish("one")
    whole = tree(one.project.live)
    assert before(one)
    change(one)
    assert before(one) is None
    one.publish("one")
    assert before(one)
    if change is not show_a_claim_on_a_page:
        assert without_seconds(tree(one.project.live)).keys() == without_seconds(whole).keys()
        assert one.json("claims")[0]["verdict"] == "holds"
        assert one.json("one")["numbers"]["adam"] != 0.5


def test_another_publisher_publishes_again(one: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    one.publish("one")
    monkeypatch.setattr("trainlab_press.publish.publisher", lambda: "of another day")
    assert before(one) is None
