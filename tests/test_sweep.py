"""Sweeps of real stacks whose workers are killed."""

import os
import random
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from loky import get_reusable_executor
from torch import nn

from test_engine import alive, die, wait_until
from trainlab.engine import TRIES
from trainlab.optimizers import SGD, Adam, Momentum
from trainlab.runs import Run, grid
from trainlab.store import Store
from trainlab.training import train


def marked(step: int, steps: int) -> float:
    """A schedule that takes its time, and tells which process looks at it."""
    if folder := os.environ.get("MARKS"):
        Path(folder, str(os.getpid())).touch()
        time.sleep(0.002)
    return 1 - step / steps


def deadly() -> nn.Module:
    """A network that no worker survives."""
    if os.environ.get("SURVIVOR") != str(os.getpid()):
        die()
    return nn.Linear(40, 10)


@pytest.mark.slow
def test_workers_killed_at_random_change_no_byte(tiny: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = grid(replace(tiny, schedule=marked), optimizer=[SGD(), Momentum(), Adam()], steps=[30, 40], seed=range(8))
    calm = train(runs, jobs=1)
    get_reusable_executor().shutdown(wait=True, kill_workers=True)  # new workers know the folder of the marks
    monkeypatch.setenv("MARKS", str(tmp_path))
    dice = random.Random(0)
    killed = []

    def kill_two() -> None:
        for _ in range(2):
            wait_until(lambda: len([pid for pid in seen() if pid not in killed]) >= 2)
            killed.append(dice.choice([pid for pid in seen() if pid not in killed]))
            os.kill(killed[-1], signal.SIGKILL)
            wait_until(lambda: not alive(killed[-1]))
            killed.extend(pid for pid in seen() if pid not in killed)  # the pool goes with it

    def seen() -> list[int]:
        return sorted(int(mark.name) for mark in tmp_path.iterdir())

    killer = threading.Thread(target=kill_two)
    killer.start()
    shaken = train(runs, jobs=2)
    killer.join()
    get_reusable_executor().shutdown(wait=True, kill_workers=True)
    assert len(seen()) >= 5, "two pools were broken, and a third finished"
    assert shaken.identical(calm)


@pytest.mark.slow
def test_a_deadly_stack_is_named_and_all_others_are_stored(
    tiny: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SURVIVOR", str(os.getpid()))
    good = grid(tiny, optimizer=[SGD(), Momentum(), Adam()], seed=range(3))
    with pytest.raises(RuntimeError, match=f"in each of {TRIES} tries .* of stack of 1 runs, the first .*deadly.*kept"):
        train([*good[:5], replace(tiny, model=deadly), *good[5:]], jobs=2, store=Store(tmp_path))
    stored = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(stored) == 3
    assert train(good, store=Store(tmp_path)).identical(train(good))
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == stored, "nothing was trained again"
