"""Builds in several processes, and whether they ended like one that nothing happened to."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from checkout import SMALL, Checkout, edited, tree, without_seconds
from trainlab.store import Arrays, Store

SIX = edited(
    SMALL,
    ("[SGD(), Adam()]", "[SGD(), Momentum(), Nesterov(), AdaGrad(), RMSProp(), Adam()]"),
    ("import SGD, Adam\n", "import SGD, AdaGrad, Adam, Momentum, Nesterov, RMSProp\n"),
)
EXPERIMENTS = {"one": SIX, "two": edited(SIX, ("batch_size=32", "batch_size=16"))}
"""Two experiments of six stacks of ten runs each."""


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def living(session: int) -> list[str]:
    """The command lines of a session's processes that have not ended."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state, _, _, its = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(its) == session and state != "Z":
                found.append((entry / "cmdline").read_text().replace("\0", " "))
    return found


def stamps(checkout: Checkout) -> dict[str, tuple[int, int]]:
    """Which file each finished stack is, and when it was written."""
    found = {path.name: path.stat() for path in (checkout.project.cache / "runs").glob("*.npz")}
    return {name: (it.st_ino, it.st_mtime_ns) for name, it in found.items()}


def results(checkout: Checkout) -> dict[str, Arrays]:
    """The arrays of each finished stack."""
    store = Store(checkout.project.cache / "runs")
    loaded = {path.name: store.load(path) for path in store.folder.glob("*.npz")}
    return {name: found[0] for name, found in loaded.items() if found}


def assert_same(checkout: Checkout, calm: Checkout) -> None:
    """Files and results are those of a build that nothing happened to, to the bit, but for the seconds it took."""
    live, expected = (
        {name: content for name, content in tree(one.project.live).items() if not name.endswith(".tmp")}
        for one in (checkout, calm)
    )
    assert without_seconds(live) == without_seconds(expected)
    mine, right = results(checkout), results(calm)
    assert mine.keys() == right.keys()
    for stack, arrays in right.items():
        for name, (axes, values) in arrays.items():
            assert mine[stack][name][0] == axes
            assert mine[stack][name][1].tobytes() == values.tobytes(), f"{name} of {stack}"


def drafts(checkout: Checkout) -> list[Path]:
    return [path for folder in (checkout.project.cache, checkout.project.live) for path in folder.rglob(".*.tmp")]


def place(folder: Path, experiments: dict[str, str] = EXPERIMENTS) -> Checkout:
    folder.mkdir()
    return Checkout(folder, experiments)
