"""Results on disk: whole or absent, never believed when damaged, never executed."""

import json
import logging
import os
import pickle
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainlab.data import FromFunction
from trainlab.loop import train_stack
from trainlab.probes import activation_statistics, gradient_norm
from trainlab.runs import Run, grid
from trainlab.store import Arrays, Store, Task, versions

ARRAYS: Arrays = {
    "loss": (("run", "step"), np.array([[1.5, np.nan], [np.inf, -np.inf]], dtype=np.float32)),
    "wide": (("run",), np.array([1e-300, -0.0])),
    "count": (("step",), np.array([0, 2**62])),
    "dead": (("run", "layer"), np.array([[True, False], [False, True]])),
    "empty": (("run", "nothing"), np.zeros((2, 0), dtype=np.float16)),
    "notes": ((), np.array(7)),
    "file": ((), np.array(8)),
    "allow_pickle": ((), np.array(9)),
}
REQUEST, PARTS = {"runs": "a"}, {"runs": "a", "trainlab.optimizers.Adam": "b", "torch": "2.0"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")


def saved(store: Store, parts: dict[str, str] = PARTS) -> Path:
    path = store.path(REQUEST, parts)
    store.save(path, ARRAYS, parts, 1.25)
    return path


def same(a: Arrays, b: Arrays) -> bool:
    """Equal to the bit, NaN and the sign of zero included."""
    return a.keys() == b.keys() and all(
        a[name][0] == b[name][0]
        and a[name][1].dtype == b[name][1].dtype
        and a[name][1].shape == b[name][1].shape
        and a[name][1].tobytes() == b[name][1].tobytes()
        for name in a
    )


def test_what_is_saved_comes_back(store: Store) -> None:
    loaded = store.load(saved(store))
    assert loaded
    arrays, notes = loaded
    assert same(arrays, ARRAYS)
    assert notes == {"parts": PARTS, "seconds": 1.25}


def test_absent_file_is_none_without_a_warning(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    assert store.load(store.path(REQUEST, PARTS)) is None
    assert not caplog.records


def test_names_depend_on_request_and_parts(store: Store) -> None:
    path, other = store.path(REQUEST, PARTS), store.path(REQUEST, {**PARTS, "torch": "2.1"})
    assert path != other
    assert path.name.split("-")[0] == other.name.split("-")[0]
    assert store.path({"runs": "b"}, PARTS).name.split("-")[0] != path.name.split("-")[0]


def refused(store: Store, path: Path, caplog: pytest.LogCaptureFixture) -> bool:
    """None, and one warning that names the file."""
    caplog.clear()
    with caplog.at_level(logging.WARNING, "trainlab"):
        result = store.load(path)
    return result is None and len(caplog.records) == 1 and str(path) in caplog.records[0].getMessage()


def test_truncated_file_is_refused(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    path = saved(store)
    whole = path.read_bytes()
    for length in range(0, len(whole), 13):
        path.write_bytes(whole[:length])
        assert refused(store, path, caplog), length


def test_flipped_bit_is_refused_or_harmless(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """Some bytes of a zip file mean nothing (dates, attributes); what loads must be what was saved."""
    path = saved(store)
    whole = path.read_bytes()
    harmless = 0
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << (position % 8)
        path.write_bytes(damaged)
        if not refused(store, path, caplog):
            loaded = store.load(path)
            assert loaded, position
            assert same(loaded[0], ARRAYS), position
            assert loaded[1]["parts"] == PARTS, position
            harmless += 1
    assert harmless < len(whole) / 3


def test_no_flipped_bit_at_the_start_of_a_large_array_is_believed(store: Store) -> None:
    """One such bit makes another shape, type or first value; NumPy reads on without a look at the checksum."""
    path = store.path(REQUEST, PARTS)
    loss: Arrays = {"loss": (("run",), np.random.default_rng(0).normal(size=5000).astype(np.float32))}
    store.save(path, loss, PARTS, 1.0)
    whole = path.read_bytes()
    start = whole.index(b"array loss")
    wrong = believed = 0
    for bit in range(8 * 160):
        damaged = bytearray(whole)
        damaged[start + bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(damaged)
        wrong += _numpy_believes(path, loss["loss"][1])
        loaded = store.load(path)
        believed += loaded is not None and not same(loaded[0], loss)
    assert wrong, "NumPy looks at the checksum by itself now"
    assert believed == 0


def _numpy_believes(path: Path, right: np.ndarray) -> bool:
    """Whether NumPy alone reads a wrong array and raises nothing."""
    try:
        with np.load(path) as file:
            return file["array loss"].tobytes() != right.tobytes()
    except Exception:
        return False


def test_the_result_of_another_key_is_refused(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """A file that is whole, copied or renamed to the place of another."""
    for parts in ({**PARTS, "torch": "2.1"}, {**PARTS, "trainlab.optimizers.Adam": "c"}, {"torch": "2.0"}):
        other = store.path(REQUEST, parts)
        other.write_bytes(saved(store).read_bytes())
        assert refused(store, other, caplog), parts
        assert "it holds the result of other runs or other code" in caplog.text
        assert store.why_missing(REQUEST, parts) != [], "the copy is no evidence of what was trained"
    assert store.load(store.path(REQUEST, PARTS))


def test_overwritten_middle_is_refused(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    path = saved(store)
    whole = path.read_bytes()
    middle = len(whole) // 3
    for filler in (b"\0", b"\xff", b"\x78"):
        path.write_bytes(whole[:middle] + filler * 200 + whole[middle + 200 :])
        assert refused(store, path, caplog), filler


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> Any:
        return Path.mkdir, (self.folder,)


def test_pickles_are_never_executed(store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = saved(store)
    bomb = np.array([Bomb(tmp_path / "exploded")], dtype=object)
    foreign: dict[str, Any] = {"notes": bomb, "array loss": bomb}
    np.savez(path, allow_pickle=True, **foreign)
    assert refused(store, path, caplog)
    np.savez(path, allow_pickle=True, **{**foreign, "notes": notes({"loss": ["run"]})})
    assert refused(store, path, caplog)
    path.write_bytes(pickle.dumps(bomb))
    assert refused(store, path, caplog)
    assert not (tmp_path / "exploded").exists()


def notes(dims: dict[str, list[str]]) -> np.ndarray:
    return np.array(json.dumps({"dims": dims, "parts": PARTS, "seconds": 1.0}))


def test_foreign_files_are_refused(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    path = saved(store)
    loss = np.zeros(2)
    contents: list[dict[str, np.ndarray]] = [
        {"x": loss},
        {"notes": np.array("not JSON"), "array loss": loss},
        {"notes": np.array("[1, 2]"), "array loss": loss},
        {"notes": np.array('{"dims": {}}')},
        {"notes": notes({"loss": ["run"], "lost": ["run"]}), "array loss": loss},
    ]
    for content in contents:
        np.savez(path, allow_pickle=False, **content)
        assert refused(store, path, caplog), content
    with path.open("wb") as file:
        np.save(file, loss)
    assert refused(store, path, caplog)
    path.unlink()
    path.mkdir()
    assert refused(store, path, caplog)


def test_objects_are_not_saved(store: Store) -> None:
    path = store.path(REQUEST, PARTS)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        store.save(path, {"loss": (("run",), np.array([object()]))}, PARTS, 1.0)
    assert not path.exists()


def write_often(folder: Path, value: int) -> None:
    store = Store(folder)
    for _ in range(25):
        store.save(store.path(REQUEST, PARTS), {"loss": (("run",), np.full(2000, value))}, PARTS, 1.0)


def test_concurrent_writers_leave_a_whole_file(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    path = saved(store)
    writers = [threading.Thread(target=write_often, args=(store.folder, value)) for value in (1, 2)]
    for writer in writers:
        writer.start()
    seen = set()
    while any(writer.is_alive() for writer in writers):
        loaded = store.load(path)
        assert loaded
        if "wide" not in loaded[0]:
            values = loaded[0]["loss"][1]
            assert len(set(values.tolist())) == 1
            seen.add(int(values[0]))
    for writer in writers:
        writer.join()
    loaded = store.load(path)
    assert loaded
    assert {*seen, int(loaded[0]["loss"][1][0])} <= {1, 2}
    assert list(store.folder.iterdir()) == [path]
    assert not caplog.records


def test_why_missing_names_what_changed(store: Store) -> None:
    assert store.why_missing(REQUEST, PARTS) == ["never trained"]
    saved(store)
    assert store.why_missing(REQUEST, {**PARTS, "trainlab.optimizers.Adam": "c"}) == ["optimizers.Adam changed"]
    without = {name: part for name, part in PARTS.items() if name != "trainlab.optimizers.Adam"}
    assert store.why_missing(REQUEST, without) == ["optimizers.Adam removed"]
    assert store.why_missing(REQUEST, {**PARTS, "my.net": "d"}) == ["my.net added"]
    assert store.why_missing(REQUEST, {**PARTS, "torch": "2.1"}) == ["torch 2.0 -> 2.1"]
    assert store.why_missing({"runs": "other"}, PARTS) == ["never trained"]


def test_why_missing_compares_with_the_latest_sound_result(store: Store) -> None:
    oldest, latest, damaged = ({**PARTS, "trainlab.optimizers.Adam": digest} for digest in "xyz")
    for age, parts in enumerate((oldest, latest, damaged)):
        os.utime(saved(store, parts), (1000 + age, 1000 + age))
    store.path(REQUEST, damaged).write_bytes(b"PK")
    os.utime(store.path(REQUEST, damaged), (2000, 2000))
    assert store.why_missing(REQUEST, {**latest, "torch": "2.1"}) == ["torch 2.0 -> 2.1"]


def test_parts_name_everything_that_a_stack_depends_on(tiny: Run) -> None:
    task = Task((tiny,), (gradient_norm,), 3, "float32", "cpu")
    parts = task.parts(train_stack)
    assert {"runs", "probes", "every", "dtype", "device", f"data of {tiny.data}", *versions()} <= set(parts)
    assert {"trainlab.optimizers.momentum.SGD", "trainlab.models.MLP", "trainlab.probes.gradient_norm"} <= set(parts)
    assert {"trainlab.loop._Loop", "trainlab.stack.Stack", "trainlab.layers.Dropout"} <= set(parts)
    assert not {
        "trainlab.optimizers.momentum.Momentum",
        "trainlab.optimizers.adam.Adam",
        "trainlab.probes.update_ratio",
        "trainlab.runs.label",
    } & set(parts)


def no_rows() -> list[tuple[np.ndarray, np.ndarray]]:
    return [(np.zeros((1, 1)), np.zeros((1, 1)))] * 3


def test_data_of_a_function_has_the_same_name_in_every_process(tiny: Run) -> None:
    task = Task((replace(tiny, data=FromFunction(no_rows)),), (), 3, "float32", "cpu")
    [name] = [name for name in task.parts(train_stack) if name.startswith("data of ")]
    assert name == "data of FromFunction(function=<function no_rows>)"


def test_every_argument_of_a_task_changes_its_name(tiny: Run, store: Store) -> None:
    task = Task((tiny,), (gradient_norm,), 3, "float32", "cpu")
    others = [
        replace(task, runs=(replace(tiny, seed=1),)),
        replace(task, runs=tuple(grid(tiny, seed=[0, 1]))),
        replace(task, probes=()),
        replace(task, probes=(gradient_norm, activation_statistics)),
        replace(task, every=4),
        replace(task, dtype="float64"),
        replace(task, device="cuda"),
    ]
    names = {store.path(t.request, t.parts(train_stack)) for t in (task, *others)}
    assert len(names) == 1 + len(others)


def test_lambda_probe_is_refused(tiny: Run) -> None:
    with pytest.raises(TypeError, match="is a lambda, which a stored result cannot name"):
        Task((tiny,), (lambda snapshot: {},), 1, "float32", "cpu").request  # noqa: B018
