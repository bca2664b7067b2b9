"""What docs/reliability.md promises of kills and of damaged results."""

import logging
import math
import os
import pickle
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from checkout import SMALL, Checkout
from compared import assert_same, drafts, living, place, results, stamps, wait_until
from trainlab.files import STALE, draft_name
from trainlab.runs import Run, grid
from trainlab.store import Store
from trainlab.training import Trainer

IN_PROC = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")


# Killed


SERVER = """
import os, signal, sys, time
from contextlib import suppress
from tqdm import tqdm
from trainlab import cli

tqdm.monitor_interval = 0

def command(line):
    for stream in (1, 2):
        os.dup2(os.open(f"{stream}.log", os.O_CREAT | os.O_TRUNC | os.O_WRONLY), stream)
    cli.main(line.split())

answers = os.fdopen(os.dup(1), "w")
with suppress(SystemExit):
    command("run --jobs 1")  # everything is imported and has run once
assert len(os.listdir("/proc/self/task")) == 1, "a fork of several threads may stand still for ever"
print("ready", file=answers, flush=True)
for line in sys.stdin:
    seconds, _, line = line.partition(" ")
    if not (child := os.fork()):
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        command(line)
    end = time.monotonic() + float(seconds)
    while not (ended := os.waitpid(child, os.WNOHANG))[0] and time.monotonic() < end:
        time.sleep(0.005)
    if not ended[0]:
        os.kill(child, signal.SIGKILL)
        ended = os.waitpid(child, 0)
    print(child, os.waitstatus_to_exitcode(ended[1]), file=answers, flush=True)
"""
"""Forks a process for each command that it reads, so that a build that lives for a moment need not import torch."""


class Builds:
    """Commands in one checkout, each a process that can be killed at any moment."""

    def __init__(self, checkout: Checkout) -> None:
        self.checkout = checkout
        variables = {"PYTHONPATH": str(checkout.root / "src"), "PYTHONDONTWRITEBYTECODE": "1", "MPLBACKEND": "agg"}
        variables |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        self.server = subprocess.Popen(
            [sys.executable, "-c", SERVER],
            cwd=checkout.root,
            env={**os.environ, **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._answer() == "ready"
        self.reset()

    def run(self, *arguments: str, seconds: float = math.inf) -> int:
        """The exit code of a command, which is killed after some seconds if it has not ended before."""
        assert self.server.stdin is not None
        print(seconds, *arguments, file=self.server.stdin, flush=True)
        child, code = map(int, self._answer().split())
        wait_until(lambda: not living(child), 30)
        assert not list(Path("/dev/shm").glob(f"*loky-{child}-*")), "a semaphore is left"
        return code

    def _answer(self) -> str:
        assert self.server.stdout is not None
        answer = self.server.stdout.readline()
        assert answer, f"the server has ended: {self.log(2)}"
        return answer.strip()

    def reset(self) -> None:
        """As if nothing had been built."""
        for folder in (self.checkout.project.cache, self.checkout.project.live):
            shutil.rmtree(folder, ignore_errors=True)

    def log(self, stream: int) -> str:
        return (self.checkout.root / f"{stream}.log").read_text(encoding="utf-8")


@contextmanager
def builds(checkout: Checkout) -> Iterator[Builds]:
    made = Builds(checkout)
    try:
        yield made
    finally:
        made.server.kill()
        made.server.communicate()


KILLS = 50


@IN_PROC
@pytest.mark.slow
def test_builds_killed_at_random_moments_end_like_one_that_was_not(tmp_path: Path) -> None:
    """A fourth of them with worker processes. One that ends before it is killed is compared; the next starts afresh."""
    killed, calm = place(tmp_path / "killed"), place(tmp_path / "calm")
    calm.trainlab("run", "--jobs", "1")
    chance, lengths, kills, finished, tried = random.Random(0), {}, 0, 0, 0
    with builds(killed) as dying:
        for jobs in ("1", "2"):
            dying.reset()
            start = time.monotonic()
            assert dying.run("run", "--jobs", jobs) == 0, dying.log(2)
            lengths[jobs] = time.monotonic() - start
        dying.reset()
        while kills < KILLS or not finished:
            before = stamps(killed)
            jobs = "2" if tried % 4 == 0 else "1"
            tried += 1
            code = dying.run("run", "--jobs", jobs, seconds=chance.uniform(0, 0.8 * lengths[jobs]))
            after = stamps(killed)
            assert {name: after[name] for name in before} == before, "a finished stack was trained again"
            assert results(killed).keys() == after.keys(), "every stored result is whole"
            if code == -signal.SIGKILL:
                kills += 1
                continue
            assert code == 0, dying.log(2)
            finished += 1
            assert _trained(dying.log(1)) == 10 * (12 - len(before))
            assert_same(killed, calm)
            if kills < KILLS:
                dying.reset()
        assert dying.run("run", "--jobs", "1") == 0, dying.log(2)  # the last one may have been killed
        assert_same(killed, calm)
        _drafts_end(dying)
        assert_same(killed, calm)


def _trained(summary: str) -> int:
    return sum(map(int, re.findall(r"(\d+) runs trained", summary)))


def _drafts_end(dying: Builds) -> None:
    """What killed writers have left goes with the first build that finds it an hour old."""
    live, cache = dying.checkout.project.live, dying.checkout.project.cache
    for folder in (live, cache, cache / "runs"):
        (folder / draft_name("x")).touch()
    past = time.time() - STALE - 1
    for draft in drafts(dying.checkout):
        os.utime(draft, (past, past))
    young = cache / "runs" / draft_name("of a build that lives")
    young.touch()
    assert dying.run("run", "--jobs", "1") == 0
    assert drafts(dying.checkout) == [young]
    young.unlink()


@IN_PROC
@pytest.mark.slow
def test_builds_killed_at_each_of_their_writes_end_like_one_that_was_not(tmp_path: Path) -> None:
    """Killed before the first sync of a file, before the first renaming, before the second sync, and so on."""
    tiny = {"one": SMALL}
    killed, calm = place(tmp_path / "killed", tiny), place(tmp_path / "calm", tiny)
    calm.trainlab("run", "--jobs", "1")
    killed.edit(
        "files.py",
        ("import os\n", "import os\nimport signal\n"),
        ("os.fsync(file", "_count(), os.fsync(file"),
        ("draft.replace(path)", "_count(), draft.replace(path)"),
        ("def _sync(", f"{COUNT}def _sync("),
    )
    (killed.root / "left").write_text("1000000")
    number = 0
    with builds(killed) as dying:
        for number in range(100):
            dying.reset()
            (killed.root / "left").write_text(str(number))
            code = dying.run("run", "--jobs", "1")
            if code == 0:
                break
            assert code == -signal.SIGKILL
            before = stamps(killed)
            assert len(drafts(killed)) == 1
            assert results(killed).keys() == before.keys()
            (killed.root / "left").write_text("1000000")
            assert dying.run("run", "--jobs", "1") == 0, dying.log(2)
            after = stamps(killed)
            assert {name: after[name] for name in before} == before
            assert _trained(dying.log(1)) == 10 * (2 - len(before))
            assert_same(killed, calm)
    assert number >= 2 * len(["stack", "stack", "csv", "svg", "json", "claims", "index"])


COUNT = '''def _count() -> None:
    """Die when the number in a file has been counted down."""
    left = int(Path("left").read_text())
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    Path("left").write_text(str(left - 1))


'''


# Damaged


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> Any:
        return Path.mkdir, (self.folder,)


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def _objects(path: Path) -> None:
    bomb: dict[str, Any] = {"notes": np.array([Bomb(path.parent / "exploded")], dtype=object)}
    with path.open("wb") as file:
        np.savez(file, allow_pickle=True, **bomb)


def _other(path: Path) -> None:
    other = next(one for one in path.parent.glob("*.npz") if one != path)
    path.write_bytes(other.read_bytes())


DAMAGE: dict[str, Callable[[Path], Any]] = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "emptied": lambda path: path.write_bytes(b""),
    "flipped": _flip,
    "a pickle": lambda path: path.write_bytes(pickle.dumps(Bomb(path.parent / "exploded"))),
    "an archive of a pickled object": _objects,
    "the file of another stack": _other,
    "text": lambda path: path.write_text("results\n"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_result_is_seen_and_named_and_trained_again(
    tiny: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[Path], Any]
) -> None:
    runs = grid(tiny, batch_size=[32, 16], seed=[0, 1])
    store = Store(tmp_path / "runs")
    first = Trainer(store=store)(runs)
    path = min(store.folder.iterdir())
    damage(path)
    again = Trainer(store=store)
    with caplog.at_level(logging.WARNING, "trainlab"):
        assert again(runs).identical(first)
    assert again.trained == 2, "only the damaged one"
    assert [str(path) in record.getMessage() for record in caplog.records] == [True]
    last = Trainer(store=store)
    assert last(runs).identical(first)
    assert last.trained == 0
    assert sorted(store.folder.iterdir()) == sorted(store.folder.glob("*.npz")), (
        "nothing was executed, no draft is left"
    )
