"""The rows of the table: who is compared with whom, and how."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from trainlab_bench import frameworks, loops
from trainlab_bench.loops import Contestant
from trainlab_bench.nets import EPOCH, NETS, Net

PAIRS = 5
"""Ratios of which the median is reported."""

TRAINED = 1000
"""Updates of a run through `train`, as long as most runs of the book: the evaluations at both ends are counted too."""

SHORTER = (("3x100", 300), ("20x32", 300), ("20x100", 100))


@dataclass(frozen=True)
class Row:
    """One way to train, and what it is measured against.

    Args:
        name: a key of the record, and the function's name in its module.
        label: what the page calls it.
        home: the module of the function.
        against: the function that it takes turns with.
        steps: updates of each run.
        short: network -> fewer updates, where so many would take minutes.
    """

    name: str
    label: str
    home: str = loops.__name__
    against: str = "plain"
    steps: int = 4 * EPOCH
    short: tuple[tuple[str, int], ...] = ()

    def contestant(self) -> Contestant:
        """The function that is timed."""
        return getattr(import_module(self.home), self.name)

    def steps_at(self, net: Net) -> int:
        """Updates of each run of a network."""
        return dict(self.short).get(net.name, self.steps)


ROWS = [
    Row("arithmetic_limit", "arithmetic limit of the core"),
    Row("plain", "plain PyTorch loop"),
    Row("two_plain_loops", "two plain loops at once, two processes"),
    Row("fused", "plain loop, fused Adam"),
    Row("data_loader", "plain loop with DataLoader"),
    *(
        Row(name, label, home=frameworks.__name__, steps=3 * EPOCH)
        for name, label in (
            ("fabric", "Lightning Fabric"),
            ("lightning", "Lightning"),
            ("skorch", "skorch"),
            ("fastai", "fastai"),
            ("keras", "Keras 3 on PyTorch"),
        )
    ),
    Row("single", "trainlab, one run", against="plain_measured", steps=TRAINED, short=SHORTER),
    Row("sweep", "trainlab, sweep of 32, one core", against="plain_measured", steps=TRAINED, short=SHORTER),
    Row(
        "sweep_two_workers",
        "trainlab, sweep of 64, two worker processes",
        against="sweep_one_worker",
        steps=TRAINED,
        short=(("3x100", 120), ("20x32", 120), ("20x100", 40)),
    ),
]
ROW = {row.name: row for row in ROWS}


def measure_row(name: str, nets: Sequence[str] = tuple(net.name for net in NETS), quick: bool = False) -> Any:
    """One row of the table, on each network.

    Args:
        name: the row's.
        nets: names of networks.
        quick: few steps, to see that it works.

    Returns:
        `{"missing": reason}` where its package is not there or cannot be loaded, or else the version of
        the package and for each network what `compare` gives.
    """
    row = ROW[name]
    installed = None
    if row.home == frameworks.__name__:
        package = frameworks.DISTRIBUTIONS[name]
        try:
            installed = version(package)
            import_module(f"{package}.basics" if package == "fastai" else package)
        except PackageNotFoundError:
            return {"missing": f"{package} is not installed"}
        except (ImportError, RuntimeError, OSError) as error:
            return {"missing": f"{package} does not load: {str(error).splitlines()[0]}"}
    cells = {}
    own, against = row.contestant(), getattr(loops, row.against)
    for net in map(Net.parse, nets):
        steps, pairs = (2, 1) if quick else (row.steps_at(net), PAIRS)
        if not quick:  # allocators, caches and workers get warm
            against(net, 2)
            own(net, 2)
        cells[net.name] = asdict(compare(own, against, net, steps, pairs))
    return {"package": installed, "cells": cells}


@dataclass(frozen=True)
class Comparison:
    """A contestant beside its reference.

    Args:
        microseconds: of one step of one run, the contestant's median.
        against: the reference's.
        ratio: reference over contestant, the median; above 1 the contestant is faster.
        low: the lowest ratio.
        high: the highest.
        pairs: how many ratios there are.
        steps: updates of each run.
    """

    microseconds: float
    against: float
    ratio: float
    low: float
    high: float
    pairs: int
    steps: int


def compare(contestant: Contestant, against: Contestant, net: Net, steps: int, pairs: int) -> Comparison:
    """Time both in turn, so that a slow moment of the machine meets both."""
    times = take_turns(lambda: against(net, steps), lambda: contestant(net, steps), pairs)
    ratios = [reference / own for reference, own in times]
    reference, own = (statistics.median(side) * 1e6 for side in zip(*times, strict=True))
    return Comparison(own, reference, statistics.median(ratios), min(ratios), max(ratios), pairs, steps)


def take_turns(first: Callable[[], float], second: Callable[[], float], count: int) -> list[tuple[float, float]]:
    """Call both alternately, and pair what they return."""
    return [(first(), second()) for _ in range(count)]
