"""What the tests hand to workers of a cluster; a module of its own, so that these need not load torch."""

import os
import time
from pathlib import Path
from typing import Any


def mark_and_square(task: tuple[str, int]) -> int:
    """Takes a while, and tells which process is at it."""
    folder, number = task
    Path(folder, f"{os.getpid()}-{number}").touch()
    time.sleep(0.3)
    return number * number


class OfMain:
    """Depends on something that the running script defines."""

    def parts(self, _: Any) -> dict[str, str]:
        return {"torch": "2", "__main__.net": "0"}


class Lacking:
    """Needs data that this process has and no other."""

    def __init__(self) -> None:
        self.owner = os.getpid()

    def parts(self, _: Any) -> dict[str, str]:
        if os.getpid() != self.owner:
            raise ValueError("no full set here; set TRAINLAB_DATA")
        return {}


def never(_: object) -> None:
    raise AssertionError("a task that was to be refused was run")
