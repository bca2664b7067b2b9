"""The same tasks on a Dask cluster: the same bytes, and a clear word where that cannot be promised."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from checkout import Checkout
from cluster_tasks import Lacking, OfMain, mark_and_square, never
from test_engine import die_always, process, refuse, square, wait_until
from trainlab import engine
from trainlab.engine import execute
from trainlab.loop import train_stack
from trainlab.optimizers import SGD, Adam
from trainlab.probes import update_ratio
from trainlab.runs import Run, grid
from trainlab.store import Store, Task
from trainlab.training import train

TESTS = Path(__file__).parent


@dataclass
class Cluster:
    address: str
    scheduler: "subprocess.Popen[bytes]"
    workers: "subprocess.Popen[bytes] | None"


def _start(log: Path, *command: str, **variables: str) -> "subprocess.Popen[bytes]":
    path = os.pathsep.join([variables.pop("PYTHONPATH", ""), str(TESTS)]).strip(os.pathsep)
    with log.open("wb") as stream:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *command, "--host", "127.0.0.1", "--no-dashboard"],
            env={**os.environ, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1", **variables, "PYTHONPATH": path},
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )


@contextmanager
def cluster(folder: Path, *options: str, workers: int = 2, threads: int = 1, **variables: str) -> Iterator[Cluster]:
    """A scheduler and its workers, started with the commands that anyone would use."""
    note, log = folder / "scheduler.json", folder / "workers.log"
    started = [_start(folder / "scheduler.log", "scheduler", "--port", "0", "--scheduler-file", str(note))]
    try:
        wait_until(note.exists)
        wait_until(lambda: note.read_text().endswith("}"))
        address = json.loads(note.read_text())["address"]
        if workers:
            count = ("--nworkers", str(workers), "--nthreads", str(threads), "--local-directory", str(folder))
            started.append(_start(log, "worker", address, *count, *options, **variables))
            wait_until(lambda: log.read_text().count("Registered to") == workers)
        yield Cluster(address, started[0], started[1] if workers else None)
    finally:
        for one in started:
            kill_group(one)


def kill_group(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("cluster")) as made:
        yield made


def tasks(tiny: Run) -> list[Task]:
    """Four stacks of three runs, of two kinds."""
    kinds = [replace(tiny, optimizer=o, steps=s, lr=0.01) for o in (SGD(), Adam()) for s in (12, 40)]
    return [
        Task(tuple(replace(run, seed=seed) for seed in range(3)), (update_ratio,), 4, "float32", "cpu") for run in kinds
    ]


def by_index(results: Iterator[tuple[int, Any]]) -> dict[int, Any]:
    return {index: arrays for index, (arrays, _) in results}


def assert_same_bytes(first: dict[int, Any], second: dict[int, Any]) -> None:
    assert first.keys() == second.keys()
    for index, arrays in first.items():
        assert list(arrays) == list(second[index])
        for name, (axes, values) in arrays.items():
            assert axes == second[index][name][0]
            assert values.dtype == second[index][name][1].dtype
            assert values.tobytes() == second[index][name][1].tobytes(), f"{name} of stack {index}"


def test_the_same_bytes_here_in_processes_and_on_a_cluster(dask: Cluster, tiny: Run) -> None:
    here = by_index(execute(train_stack, tasks(tiny), jobs=1))
    assert len(here) == 4
    assert np.isfinite(here[0]["train_loss"][1]).all()
    assert_same_bytes(here, by_index(execute(train_stack, tasks(tiny), jobs=2)))
    assert_same_bytes(here, by_index(execute(train_stack, tasks(tiny), jobs=1, engine=dask.address)))


def test_what_a_cluster_trained_is_stored_like_the_rest(dask: Cluster, tiny: Run, tmp_path: Path) -> None:
    runs = grid(tiny, seed=range(3), optimizer=[SGD(), Adam()])
    there = train(runs, engine=dask.address, store=Store(tmp_path))
    stored = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(stored) == 2
    here = train(runs, store=Store(tmp_path))
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == stored, "nothing was trained again"
    assert there.identical(here)
    assert there.identical(train(runs))
    again = train(runs, engine="tcp://127.0.0.1:1", store=Store(tmp_path))
    assert there.identical(again), "a cluster is only asked for what is missing"


def test_every_task_once_and_not_in_this_process(dask: Cluster) -> None:
    assert sorted(execute(square, range(20), jobs=1, engine=dask.address)) == [(n, n * n) for n in range(20)]
    pids = {pid for _, pid in execute(process, range(8), jobs=1, engine=dask.address)}
    assert os.getpid() not in pids
    assert list(execute(square, [], jobs=1, engine="tcp://127.0.0.1:1")) == [], "nobody is asked for nothing"


def test_a_killed_worker_costs_nothing_but_time(dask: Cluster, tmp_path: Path) -> None:
    def kill_one() -> None:
        wait_until(lambda: len(list(tmp_path.iterdir())) >= 3)
        busy = sorted(mark.name.split("-")[0] for mark in tmp_path.iterdir())
        os.kill(int(random.Random(0).choice(busy)), signal.SIGKILL)

    killer = threading.Thread(target=kill_one)
    killer.start()
    done = sorted(execute(mark_and_square, [(str(tmp_path), n) for n in range(10)], jobs=1, engine=dask.address))
    killer.join()
    assert done == [(n, n * n) for n in range(10)]
    assert len(list(tmp_path.iterdir())) > 10, "what was lost went again"


def test_deadly_task_is_named_and_the_others_finish(dask: Cluster, tmp_path: Path) -> None:
    deadly = [(str(tmp_path), number) for number in range(6)]
    done: list[tuple[int, int]] = []
    with pytest.raises(RuntimeError) as raised:
        done.extend(execute(die_always, deadly, jobs=1, engine=dask.address))  # keeps what came before the error
    assert sorted(done) == [(number, number) for number in (0, 1, 3, 4, 5)]
    message = str(raised.value)
    assert str(deadly[2]) in message
    assert all(str(task) not in message for task in deadly if task[1] != 2)
    assert len(list(tmp_path.glob("2-*"))) == 4, "twice with the others and twice alone"


def test_error_of_a_task_is_raised_and_the_cluster_still_works(dask: Cluster) -> None:
    with pytest.raises(ValueError, match="no 3"):
        list(execute(refuse, range(6), jobs=1, engine=dask.address))
    assert sorted(execute(square, range(3), jobs=1, engine=dask.address)) == [(0, 0), (1, 1), (2, 4)]


def test_consumer_may_stop_early(dask: Cluster) -> None:
    before = threading.active_count()
    for _ in execute(square, range(50), jobs=1, engine=dask.address):
        break
    assert sorted(execute(square, range(3), jobs=1, engine=dask.address)) == [(0, 0), (1, 1), (2, 4)]
    wait_until(lambda: threading.active_count() <= before + 3, 10)  # what distributed keeps for the next client


def test_code_of_the_script_that_runs_is_refused(dask: Cluster) -> None:
    with pytest.raises(ValueError, match=r"__main__\.net: no worker of a cluster can import this; move it to a module"):
        list(execute(never, [OfMain()], jobs=1, engine=dask.address))


# Workers that would give other results


def test_another_version_on_a_worker_is_refused(tmp_path: Path, tiny: Run) -> None:
    (tmp_path / "older.py").write_text("import torch\ntorch.__version__ = '1.2.3'\n")
    with (
        cluster(tmp_path, "--preload", str(tmp_path / "older.py"), workers=1) as made,
        pytest.raises(RuntimeError, match=r"it differs in torch \(1\.2\.3 there, 2\..* here\); give it the same"),
    ):
        list(execute(train_stack, tasks(tiny), jobs=1, engine=made.address))


def test_other_code_on_a_worker_is_refused_by_name(tmp_path: Path, tiny: Run) -> None:
    other = Checkout(tmp_path / "other", {})
    other.edit("loop.py", ("start = time.perf_counter()", "start = time.perf_counter() + 0"))
    with (
        cluster(tmp_path, workers=1, PYTHONPATH=str(other.root / "src")) as made,
        pytest.raises(RuntimeError, match=r"it differs in trainlab\.loop\.train_stack \(\w+ there, \w+ here\); g"),
    ):
        list(execute(train_stack, tasks(tiny), jobs=1, engine=made.address))


def test_code_that_was_edited_under_a_worker_is_refused(tmp_path: Path, tiny: Run) -> None:
    same = Checkout(tmp_path / "same", {})
    with cluster(tmp_path, workers=1, PYTHONPATH=str(same.root / "src")) as made:
        assert len(by_index(execute(train_stack, tasks(tiny)[:1], jobs=1, engine=made.address))) == 1
        same.edit("loop.py", ("start = time.perf_counter()", "start = time.perf_counter() + 0"))
        with pytest.raises(RuntimeError, match=r"worker tcp://127\.0\.0\.1:\d+: .*loop\.py changed"):
            list(execute(train_stack, tasks(tiny)[:1], jobs=1, engine=made.address))


def test_a_worker_of_several_threads_is_refused(tmp_path: Path) -> None:
    with (
        cluster(tmp_path, workers=1, threads=2) as made,
        pytest.raises(RuntimeError, match=r"has 2 threads, .* start it with --nthreads 1"),
    ):
        list(execute(square, range(3), jobs=1, engine=made.address))


def test_what_a_worker_lacks_is_said_with_its_name(dask: Cluster) -> None:
    with pytest.raises(RuntimeError, match=r"worker tcp://127\.0\.0\.1:\d+: no full set here; set TRAINLAB_DATA"):
        list(execute(never, [Lacking()], jobs=1, engine=dask.address))


# Clusters that are not there


@pytest.mark.parametrize("text", ["localhost", "localhost:8786", "tcp://localhost", "http://localhost:8786"])
def test_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"must be the address of a Dask scheduler, tcp://HOST:PORT, got {text}$"):
        list(execute(square, [1], jobs=1, engine=text))


def test_no_scheduler_is_said_quickly() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    start = time.monotonic()
    with pytest.raises(RuntimeError, match=rf"no Dask scheduler answers at tcp://127\.0\.0\.1:{port} .*start one"):
        list(execute(square, [1], jobs=1, engine=f"tcp://127.0.0.1:{port}"))
    assert time.monotonic() - start < 3 * engine.CONNECT


def test_no_package_is_said_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(RuntimeError, match=r"package distributed, .*: pip install 'trainlab\[cluster\]'"):
        list(execute(square, [1], jobs=1, engine="tcp://127.0.0.1:8786"))


def test_no_worker_is_said_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "PATIENCE", 2.0)
    with (
        cluster(tmp_path, workers=0) as made,
        pytest.raises(RuntimeError, match=f"has no worker; start one: dask worker {made.address} --nthreads 1"),
    ):
        list(execute(square, [1], jobs=1, engine=made.address))


def test_a_result_that_dies_with_its_worker_is_computed_again(dask: Cluster, tmp_path: Path) -> None:
    results = execute(mark_and_square, [(str(tmp_path), n) for n in range(10)], jobs=1, engine=dask.address)
    first = next(results)
    wait_until(lambda: len(list(tmp_path.iterdir())) == 10)  # all have begun, and nobody has fetched them
    time.sleep(1)
    os.kill(int(next(tmp_path.iterdir()).name.split("-")[0]), signal.SIGKILL)
    assert sorted([first, *results]) == [(n, n * n) for n in range(10)]
    assert len(list(tmp_path.iterdir())) > 10, "some went again"


def test_a_cluster_that_loses_all_its_workers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "PATIENCE", 2.0)
    marks = tmp_path / "marks"
    marks.mkdir()
    with cluster(tmp_path) as made:
        results = execute(mark_and_square, [(str(marks), n) for n in range(20)], jobs=1, engine=made.address)
        assert next(results)[1] in {n * n for n in range(20)}
        assert made.workers is not None
        time.sleep(1)  # for results to be finished that nobody has fetched
        kill_group(made.workers)
        with pytest.raises(RuntimeError, match="no worker for 2 s; finished results are kept"):
            list(results)


def test_a_scheduler_that_dies_is_said(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    with cluster(tmp_path) as made:
        results = execute(mark_and_square, [(str(marks), n) for n in range(20)], jobs=1, engine=made.address)
        assert next(results)[1] in {n * n for n in range(20)}
        kill_group(made.scheduler)
        with pytest.raises(RuntimeError, match="the Dask scheduler is gone; finished results are kept"):
            list(results)
