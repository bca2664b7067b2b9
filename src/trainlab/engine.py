"""Where stacks execute: in this process, in worker processes, or on a Dask cluster."""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any

from trainlab.fingerprint import fingerprint, refuse_changed

if TYPE_CHECKING:
    from distributed import Client

TRIES = 3
"""How often a task is handed out before its workers' deaths are taken to be its own doing."""

IDLE = 300
"""Seconds after which a worker without work ends; starting another takes some."""

PATIENCE = 30.0
"""Seconds without any worker after which a cluster is given up."""

CONNECT = 5.0
"""Seconds that a cluster's scheduler has to answer."""

SILENT = "ignore:resource_tracker:UserWarning"
"""For the processes that clear away what a stopped command left: they would report it after its last line."""

Round = Callable[[dict[int, Any], int], Iterator[tuple[int, Any]]]
"""Hands out waiting tasks, at most so many at a time, and strikes off those that finish."""


def available_jobs() -> int:
    """Worker processes that this machine can keep busy: the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_address(text: str) -> str:
    """The address of a Dask scheduler, if it looks like one.

    Raises:
        ValueError: it does not.
    """
    if not text.startswith(("tcp://", "tls://")) or not text.rpartition(":")[2].isdecimal():
        raise ValueError(f"engine must be the address of a Dask scheduler, tcp://HOST:PORT, got {text}")
    return text


def execute(
    function: Callable[[Any], Any], tasks: Sequence[Any], jobs: int, engine: str | None = None
) -> Iterator[tuple[int, Any]]:
    """Call `function` on every task and yield `(index, result)` as each is done.

    With more than one job, each task runs in a worker process of loky. A worker that is killed
    breaks its whole pool; results that are finished are safe, and the lost tasks go to a new pool.

    On a Dask cluster, each worker first compares its code, data and versions with those of this
    process, because results are stored under them.

    Args:
        function: a module-level function.
        tasks: what it is called with, one at a time. A task may have a method `parts(function)`,
            which names everything that its result depends on.
        jobs: worker processes; 1 means this process.
        engine: the address of a Dask scheduler, "tcp://HOST:PORT", which takes the place of `jobs`.

    Raises:
        RuntimeError: a task's worker died every time it was tried; all others have been yielded. Or
            the cluster cannot be reached, has no worker, or its workers differ from this process.
        ValueError: the engine is no address, or a task needs code that no worker can import.
    """
    if engine is not None and tasks:
        with _connected(check_address(engine)) as client:
            # One round for all: the scheduler itself tries a task several times.
            yield from _persist(partial(_on_cluster, client, function), tasks, len(tasks), rounds=1)
    elif jobs <= 1 or len(tasks) <= 1:
        for index, task in enumerate(tasks):
            yield index, function(task)
    else:
        yield from _persist(partial(_in_processes, function), tasks, jobs, rounds=TRIES - 1)


def _persist(hand_out: Round, tasks: Sequence[Any], jobs: int, rounds: int) -> Iterator[tuple[int, Any]]:
    """Every result that can be had, whatever happens to the workers."""
    waiting = dict(enumerate(tasks))
    for _ in range(rounds):
        yield from hand_out(waiting, jobs)
    # The last try is one at a time: it shows which task is at fault, and lets the others finish.
    for index in list(waiting):
        alone = {index: waiting[index]}
        yield from hand_out(alone, 1)
        if not alone:
            del waiting[index]
    if waiting:
        raise RuntimeError(
            f"the worker process died in each of {rounds + 1} tries (killed, or out of memory?) of "
            f"{'; '.join(str(task) for task in waiting.values())}. "
            "The other results are kept; make this one smaller, or try --jobs 1 to see its error"
        )


def _in_processes(function: Callable[[Any], Any], waiting: dict[int, Any], jobs: int) -> Iterator[tuple[int, Any]]:
    """A round in worker processes of this machine."""
    if not waiting:
        return
    from loky import get_reusable_executor

    if SILENT not in sys.warnoptions:  # processes that are started from now on heed them
        sys.warnoptions.append(SILENT)
    executor = get_reusable_executor(
        max_workers=jobs, timeout=IDLE, initializer=_follow_parent, initargs=(os.getpid(),)
    )
    try:
        futures = {}
        with suppress(BrokenProcessPool), _children_without_interrupts():
            for index, task in waiting.items():
                futures[executor.submit(function, task)] = index
        for future in as_completed(futures):
            with suppress(BrokenProcessPool):
                result, index = future.result(), futures[future]
                del waiting[index]
                yield index, result
    except BaseException:
        executor.shutdown(wait=False, kill_workers=True)
        raise


@contextmanager
def _children_without_interrupts() -> Iterator[None]:
    """A terminal's Ctrl-C reaches workers too; started in here, they leave it to this process to end them."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # when it starts, it unblocks what was blocked
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _follow_parent(parent: int) -> None:
    """End this worker when the process that hands out tasks is gone; a killed one can't tell its workers."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _connected(address: str) -> "Iterator[Client]":
    """A client of a cluster that has workers; at the end, what it still waits for is cancelled."""
    try:
        from distributed import Client
    except ImportError:
        raise RuntimeError(
            "a Dask cluster needs the package distributed, which is not installed: pip install 'trainlab[cluster]'"
        ) from None
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # our errors say it in one line
    try:
        client = Client(address, timeout=CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise RuntimeError(f"no Dask scheduler answers at {address} ({error}); start one: dask scheduler") from None
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError:
            raise RuntimeError(
                f"the Dask scheduler at {address} has no worker; start one: dask worker {address} --nthreads 1"
            ) from None
        yield client


def _on_cluster(
    client: "Client", function: Callable[[Any], Any], waiting: dict[int, Any], jobs: int
) -> Iterator[tuple[int, Any]]:
    """A round on a cluster, whose scheduler hands a dead worker's tasks to others; `jobs` is its own affair."""
    from distributed.client import FutureCancelledError
    from distributed.comm.core import CommClosedError

    futures = {}
    for index, task in waiting.items():
        parts = _depends_on(function, task)
        if local := [name for name in parts if name.startswith("__main__.")]:
            raise ValueError(f"{', '.join(local)}: no worker of a cluster can import this; move it to a module")
        futures[client.submit(_on_worker, function, task, parts, pure=False)] = index
    try:
        for future, result in _as_finished(client, list(futures)):
            index = futures[future]
            del waiting[index]
            yield index, result
    except (FutureCancelledError, CommClosedError):
        raise RuntimeError("the Dask scheduler is gone; finished results are kept") from None


def _as_finished(client: "Client", futures: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Futures and their results as they finish, without those that killed their workers."""
    from distributed import KilledWorker

    lonely_since = None
    while futures:
        before = len(futures)
        # A finished future can become a waiting one again: its worker died before the result was fetched.
        for future in [one for one in futures if one.status in ("finished", "error", "cancelled")]:
            try:
                result = future.result(timeout=PATIENCE)
            except KilledWorker:  # or it was about to run on a worker that another one killed
                futures.remove(future)
            except TimeoutError:
                if future.status == "error":  # the task's own
                    raise
            else:
                futures.remove(future)
                yield future, result
        if len(futures) == before:
            now = time.monotonic()
            lonely_since = None if client.nthreads() else lonely_since or now
            if lonely_since and now - lonely_since > PATIENCE:
                raise RuntimeError(f"no worker for {PATIENCE:.0f} s; finished results are kept")
            time.sleep(0.1)


def _on_worker(function: Callable[[Any], Any], task: Any, expected: dict[str, str]) -> Any:
    """A task on a worker of a cluster, which may be of another version, or still run the code of yesterday."""
    from distributed import get_worker

    worker = get_worker()
    if worker.state.nthreads != 1:
        raise RuntimeError(
            f"worker {worker.address} has {worker.state.nthreads} threads, but the bits of a result depend on "
            "their number; start it with --nthreads 1, and as many workers as you want to keep cores busy"
        )
    try:
        found = _depends_on(function, task)
        refuse_changed(found)
    except Exception as error:
        raise RuntimeError(f"worker {worker.address}: {error}") from None
    names = [name for name in {**expected, **found} if expected.get(name) != found.get(name)]
    if names:
        first = ", ".join(f"{n} ({found.get(n, 'none')} there, {expected.get(n, 'none')} here)" for n in names[:3])
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        raise RuntimeError(
            f"worker {worker.address} would give results that are not those of this process: it differs in "
            f"{first}{more}; give it the same environment, code and data, and start it again"
        )
    return function(task)


def _depends_on(function: Callable[[Any], Any], task: Any) -> dict[str, str]:
    """What the result of a task depends on, by name."""
    return task.parts(function) if hasattr(task, "parts") else fingerprint([function])
