"""Where stacks execute: in this process, or in worker processes."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
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
    breaks its whole pool; results that were yielded are safe, and the lost tasks go to a new pool.

    Args:
        function: a module-level function.
        tasks: what it is called with, one at a time.
        jobs: worker processes; 1 means this process.

    Raises:
        RuntimeError: a task's workers died every time it was tried.
    """
    if jobs <= 1 or len(tasks) == 1:
        for index, task in enumerate(tasks):
            yield index, function(task)
        return
    waiting = dict(enumerate(tasks))
    for attempt in range(1, TRIES + 1):
        executor = get_reusable_executor(max_workers=jobs)
        futures = {executor.submit(function, task): index for index, task in waiting.items()}
        try:
            for future in as_completed(futures):
                index = futures[future]
                result = future.result()
                del waiting[index]
                yield index, result
            return
        except BrokenProcessPool:
            if attempt == TRIES:
                raise RuntimeError(
                    f"worker processes died {TRIES} times (killed, or out of memory?); "
                    f"{len(waiting)} tasks are left, the first is {next(iter(waiting.values()))}. "
                    "Finished results are kept; try again with --jobs 1"
                ) from None
        except BaseException:
            executor.shutdown(wait=False, kill_workers=True)
            raise
