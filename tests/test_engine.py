"""Tasks in worker processes: every result once, whatever happens to the workers."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from loky import get_reusable_executor

from trainlab.engine import TRIES, available_jobs, execute


@pytest.fixture(scope="module", autouse=True)
def _no_worker_is_left() -> Iterator[None]:
    yield
    get_reusable_executor().shutdown(wait=True, kill_workers=True)


def square(number: int) -> int:
    return number * number


def slow_first(number: int) -> int:
    time.sleep(2.0 if number == 0 else 0)
    return number


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_once(task: tuple[str, int]) -> int:
    """Task 2 kills its worker the first time."""
    marker, number = Path(task[0]), task[1]
    if number == 2 and not marker.exists():
        marker.touch()
        die()
    return number


def die_always(task: tuple[str, int]) -> int:
    """Task 2 always kills its worker; each call leaves a mark."""
    folder, number = Path(task[0]), task[1]
    (folder / f"{number}-{time.monotonic_ns()}").touch()
    if number == 2:
        die()
    return number


def refuse(number: int) -> int:
    if number == 3:
        raise ValueError(f"no {number}")
    return number


def test_this_process_runs_in_order_and_lazily() -> None:
    done = []
    for index, result in execute(square, [3, 4, 5], jobs=1):
        done.append((index, result))
        if index == 1:
            break
    assert done == [(0, 9), (1, 16)]
    assert list(execute(square, [], jobs=1)) == list(execute(square, [], jobs=2)) == []


def test_workers_give_what_this_process_gives() -> None:
    assert sorted(execute(square, range(20), jobs=2)) == list(execute(square, range(20), jobs=1))


def test_work_happens_in_other_processes() -> None:
    pids = {pid for _, pid in execute(process, range(4), jobs=2)}
    assert os.getpid() not in pids
    assert {pid for _, pid in execute(process, range(4), jobs=1)} == {os.getpid()}
    assert available_jobs() >= 1


def process(_: int) -> int:
    return os.getpid()


def test_results_come_as_they_are_finished() -> None:
    finished = [index for index, _ in execute(slow_first, range(5), jobs=2)]
    assert finished[-1] == 0
    assert sorted(finished) == list(range(5))


def test_one_dead_worker_costs_nothing_but_time(tmp_path: Path) -> None:
    tasks = [(str(tmp_path / "marker"), number) for number in range(6)]
    assert sorted(execute(die_once, tasks, jobs=2)) == [(number, number) for number in range(6)]


def test_deadly_task_is_named_and_the_others_finish(tmp_path: Path) -> None:
    tasks = [(str(tmp_path), number) for number in range(6)]
    done: list[tuple[int, int]] = []
    with pytest.raises(RuntimeError) as raised:
        done.extend(execute(die_always, tasks, jobs=2))  # keeps what came before the error
    assert sorted(done) == [(number, number) for number in (0, 1, 3, 4, 5)]
    message = str(raised.value)
    assert str(tasks[2]) in message
    assert all(str(task) not in message for task in tasks if task[1] != 2)
    assert "make this one smaller" in message


def test_deadly_task_is_tried_a_few_times_only(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=f"in each of {TRIES} tries"):
        list(execute(die_always, [(str(tmp_path), number) for number in (1, 2)], jobs=2))
    assert 1 <= len(list(tmp_path.glob("2-*"))) <= TRIES
    assert len(list(tmp_path.glob("1-*"))) >= 1


def test_error_of_a_task_is_raised_and_the_engine_still_works() -> None:
    with pytest.raises(ValueError, match="no 3"):
        list(execute(refuse, range(6), jobs=2))
    assert sorted(execute(square, range(3), jobs=2)) == [(0, 0), (1, 1), (2, 4)]


def test_consumer_may_stop_early() -> None:
    for _ in execute(square, range(50), jobs=2):
        break
    assert sorted(execute(square, range(3), jobs=2)) == [(0, 0), (1, 1), (2, 4)]


SWEEP = """
import pathlib, sys, time
sys.path.insert(0, {tests!r})
from trainlab.engine import execute
from interrupted import sleep
for index, pid in execute(sleep, [{folder!r}] * 8, jobs=2):
    print(index, flush=True)
"""

SLEEP = """
import os, pathlib, time
def sleep(folder):
    pathlib.Path(folder, str(os.getpid())).touch()
    time.sleep(60)
"""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("send", [os.kill, os.killpg], ids=["to the process", "to its group, as Ctrl-C does"])
def test_interrupt_leaves_no_worker_behind(tmp_path: Path, send: Callable[[int, int], None]) -> None:
    marks = tmp_path / "pids"
    marks.mkdir()
    (tmp_path / "interrupted.py").write_text(SLEEP)
    script = tmp_path / "sweep.py"
    script.write_text(SWEEP.format(tests=str(tmp_path), folder=str(marks)))
    sweep = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_until(lambda: len(list(marks.iterdir())) == 2)
    send(sweep.pid, signal.SIGINT)
    _, errors = sweep.communicate(timeout=60)
    assert sweep.returncode != 0
    assert "KeyboardInterrupt" in errors
    pids = [int(mark.name) for mark in marks.iterdir()]
    wait_until(lambda: not any(alive(pid) for pid in pids))
    assert len(pids) == 2


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


SLEEPERS = """
import os, sys, time
from pathlib import Path
from trainlab.engine import execute

def sleep(folder):
    Path(folder, str(os.getpid())).touch()
    time.sleep(60)

list(execute(sleep, [sys.argv[1]] * 2, jobs=2))
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", SLEEPERS, str(tmp_path)], stderr=subprocess.DEVNULL) as parent:
        try:
            wait_until(lambda: len(list(tmp_path.iterdir())) == 2)
        finally:
            parent.kill()
    workers = [int(mark.name) for mark in tmp_path.iterdir()]
    wait_until(lambda: not any(alive(pid) for pid in workers), 10)
