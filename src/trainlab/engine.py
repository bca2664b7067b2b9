"""Where stacks execute: in this process, or in worker processes."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from typing import Any

from loky import get_reusable_executor

TRIES = 3
"""How often a task is handed out before its workers' deaths are taken to be its own doing."""


def available_jobs() -> int:
    """Worker processes that this machine can keep busy: the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def execute(function: Callable[[Any], Any], tasks: Sequence[Any], jobs: int) -> Iterator[tuple[int, Any]]:
    """Call `function` on every task and yield `(index, result)` as each is done.

    With more than one job, each task runs in a worker process of loky. A worker that is killed
    breaks its whole pool; results that are finished are safe, and the lost tasks go to a new pool.

    Args:
        function: a module-level function.
        tasks: what it is called with, one at a time.
        jobs: worker processes; 1 means this process.

    Raises:
        RuntimeError: a task's worker died every time it was tried; all others have been yielded.
    """
    if jobs <= 1 or len(tasks) <= 1:
        for index, task in enumerate(tasks):
            yield index, function(task)
        return
    waiting = dict(enumerate(tasks))
    for _ in range(TRIES - 1):
        yield from _round(function, waiting, jobs)
    # The last try is one at a time: it shows which task is at fault, and lets the others finish.
    for index in list(waiting):
        alone = {index: waiting[index]}
        yield from _round(function, alone, 1)
        if not alone:
            del waiting[index]
    if waiting:
        raise RuntimeError(
            f"the worker process died in each of {TRIES} tries (killed, or out of memory?) of "
            f"{'; '.join(str(task) for task in waiting.values())}. "
            "The other results are kept; make this one smaller, or try --jobs 1 to see its error"
        )


def _round(function: Callable[[Any], Any], waiting: dict[int, Any], jobs: int) -> Iterator[tuple[int, Any]]:
    """Hand out every waiting task once; strike off those that finish."""
    if not waiting:
        return
    executor = get_reusable_executor(max_workers=jobs, initializer=_follow_parent, initargs=(os.getpid(),))
    try:
        futures = {}
        with suppress(BrokenProcessPool):
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


def _follow_parent(parent: int) -> None:
    """End this worker when the process that hands out tasks is gone; a killed one can't tell its workers."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
