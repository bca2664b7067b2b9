"""How fast training must be, and where a measurement falls short."""

from collections.abc import Iterator
from typing import Any, NamedTuple

SWEEP = {"2x32": 4.0, "20x32": 3.0, "3x100": 1.3, "20x100": 1.0}
"""Network -> how many times as fast as the plain loop a sweep on one core is."""

TWO_WORKERS = 1.8
"""How many times as fast as that a sweep on two workers is."""

SINGLE = 1.0
"""How many times as fast as the plain loop one run is."""

SLACK = 0.15
"""The share of a goal by which `make bench` lets a measurement fall short, because no machine is quiet."""


class Goal(NamedTuple):
    """What was wanted and what was measured, as ratios to the plain loop."""

    row: str
    net: str
    wanted: float
    measured: float

    def __str__(self) -> str:
        return f"{self.row} at {self.net}: {self.measured:.2f} times the plain loop, wanted {self.wanted:.2f}"


def goals(results: dict[str, Any]) -> Iterator[Goal]:
    """Every goal, beside what the section `rows` of a record holds.

    Args:
        results: row -> what `rows.measure_row` returned.
    """
    for net, wanted in SWEEP.items():
        single, sweep, workers = (
            results[row]["cells"][net]["ratio"] for row in ("single", "sweep", "sweep_two_workers")
        )
        yield Goal("single", net, SINGLE, single)
        yield Goal("sweep", net, wanted, sweep)
        yield Goal("sweep_two_workers", net, TWO_WORKERS * wanted, workers * sweep)


def fallen_short(results: dict[str, Any]) -> list[str]:
    """The goals that are missed by more than the slack."""
    return [str(goal) for goal in goals(results) if goal.measured < (1 - SLACK) * goal.wanted]
