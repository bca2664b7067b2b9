"""The figures of the page Performance."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from trainlab import plots
from trainlab_press.performance_tables import NETS, WORKERS, in_order

Record = dict[str, Any]
OWN, OTHER = plots.SERIES[0], plots.SERIES[7]


@dataclass(frozen=True)
class LiveFigure:
    """What the press needs for one figure.

    Args:
        question: its title.
        caption: the rest of what stands below it.
        draw: draws a section's results.
        alt: the text alternative, from the numbers.
    """

    question: str
    caption: str
    draw: Callable[[Figure, Record], None]
    alt: Callable[[dict[str, Any]], str]


def draw_rows(fig: Figure, results: Record) -> None:
    """How many times as fast as the plain loop everybody is, a panel for each network."""
    fig.set_size_inches(5.6, 6.2)
    shown = [(name, row) for name, row in reversed(in_order(results)) if name not in (WORKERS, "plain")]
    axes = fig.subplots(2, 2, sharex=True, sharey=True)
    for ax, net in zip(axes.flat, NETS, strict=True):
        for y, (name, row) in enumerate(shown):
            color = OWN if name in ("single", "sweep") else OTHER
            if cell := row.get("cells", {}).get(net):
                ax.plot([cell["low"], cell["high"]], [y, y], color=color, label="_spread")
                ax.plot([cell["ratio"]], [y], "o", color=color, markersize=5, label=row["label"])
        ax.axvline(1, color=plots.INK["muted"], linewidth=1)
        ax.set(title=net.replace("x", " × "), xscale="log")
        plots.plain_ticks(ax.xaxis, [0.1, 1, 10])
    axes[0, 0].set_yticks(range(len(shown)), [row["label"] for _, row in shown])
    fig.supxlabel("times as fast as the plain loop", fontsize=10.5)


def alt_rows(numbers: dict[str, Any]) -> str:
    """The text alternative of `draw_rows`."""
    nets = (f"{numbers[f'sweep_{net}_ratio']:.1f} on {net.replace('x', ' x ')}" for net in NETS)
    ones = (f"{numbers[f'single_{net}_ratio']:.1f}" for net in NETS)
    return (
        "Four plots, one a network, of how many times as fast as the plain loop each way to train is. "
        f"A sweep of 32 through trainlab on one core: {', '.join(nets)}. "
        f"One run through trainlab, on the same networks: {', '.join(ones)}."
    )


def draw_growth(fig: Figure, results: Record) -> None:
    """Time above memory, against runs, width and depth."""
    fig.set_size_inches(5.6, 4.8)
    top, bottom = fig.subplots(2, 3, sharex="col", sharey="row")
    for upper, lower, axis in zip(top, bottom, ("runs", "width", "depth"), strict=True):
        points = sorted((p for p in results.values() if p["axis"] == axis), key=lambda point: point["value"])
        keys = ("value", "microseconds", "plain", "megabytes")
        x, own, plain, memory = (np.array([point[key] for point in points]) for key in keys)
        upper.plot(x, own, "o-", color=OWN, markersize=4, label="trainlab")
        upper.plot(x, plain, "o--", color=OTHER, markersize=4, label="plain loop")
        lower.plot(x, np.where(memory > 0, memory, np.nan), "o-", color=OWN, markersize=4, label="memory")
        upper.set(title=f"against {axis}", xscale="log", yscale="log")
        lower.set(xscale="log", yscale="log", xlabel=axis)
        plots.plain_ticks(lower.xaxis, x[::2])
    times = [p[key] for p in results.values() for key in ("microseconds", "plain")]
    plots.plain_ticks(top[0].yaxis, _round_numbers(times))
    plots.plain_ticks(bottom[0].yaxis, _round_numbers([p["megabytes"] for p in results.values()]))
    top[0].set_ylabel("µs a step and run")
    bottom[0].set_ylabel("memory added, MB")
    fig.legend(*top[0].get_legend_handles_labels(), loc="outside upper right", ncols=2, fontsize=10)


def alt_growth(numbers: dict[str, Any]) -> str:
    """The text alternative of `draw_growth`."""
    sides = {axis: _ends(numbers, axis) for axis in ("runs", "width", "depth")}
    time = "; ".join(
        f"from {numbers[f'{first}_microseconds']:.1f} to {numbers[f'{last}_microseconds']:.1f} as the {axis} grow{s} "
        f"from {first.partition('_')[2]} to {last.partition('_')[2]}"
        for (axis, (first, last)), s in zip(sides.items(), ("", "s", "s"), strict=True)
    )
    memory = ", ".join(f"{numbers[f'{last}_megabytes']:.1f} at the largest {axis}" for axis, (_, last) in sides.items())
    return (
        "Six plots against the number of runs, the width and the depth. "
        f"Microseconds for one step of one run: {time}. Megabytes of memory: {memory}."
    )


def _ends(numbers: dict[str, Any], axis: str) -> tuple[str, str]:
    values = sorted(int(key.split("_")[1]) for key in numbers if key.startswith(f"{axis}_") and key.endswith("_plain"))
    return f"{axis}_{values[0]}", f"{axis}_{values[-1]}"


def draw_stacks(fig: Figure, results: Record) -> None:
    """Time of a step of one run against the size of its stack, a line for each width."""
    ax, sizes = fig.subplots(), set()
    for color, name in zip(plots.SERIES, sorted(results, key=_width), strict=False):
        times = dict(sorted((int(size), value) for size, value in results[name]["microseconds"].items()))
        sizes |= times.keys()
        ax.plot([*times], [*times.values()], "o-", color=color, markersize=4, label=f"width {_width(name)}")
    ax.set(xscale="log", yscale="log", xlabel="runs in a stack", ylabel="µs a step and run")
    plots.plain_ticks(ax.xaxis, sorted(sizes))
    times = [time for result in results.values() for time in result["microseconds"].values()]
    plots.plain_ticks(ax.yaxis, _round_numbers(times))
    plots.label_ends(ax)


def alt_stacks(numbers: dict[str, Any]) -> str:
    """The text alternative of `draw_stacks`."""
    widths = sorted(_width(key) for key in numbers if key.endswith("_best"))
    said = "; ".join(
        f"width {w}: {numbers[f'width_{w}_size_1']:.1f} alone, least at {numbers[f'width_{w}_best']} runs, "
        f"{numbers[f'width_{w}_gain']:.1f} times as fast"
        for w in widths
    )
    return f"Microseconds for one step of one run against the runs in its stack. {said[:1].upper()}{said[1:]}."


def _round_numbers(values: Iterable[float]) -> list[float]:
    """Ticks for a logarithmic axis: 1, 2 and 5 of each power of ten, or the powers alone where they are many."""
    found = [value for value in values if value > 0]
    low, high = min(found) / 1.1, max(found) * 1.1
    steps = (1, 2, 5) if high / low < 100 else (1,)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [step * 10.0**power for power in powers for step in steps if low <= step * 10.0**power <= high]


def _width(name: str) -> int:
    return int(name.split("_")[1])


FIGURES = {
    "rows": LiveFigure(
        "How fast is each way to train?",
        "Each dot is the median of side-by-side ratios, each bar the range from the lowest to the highest. "
        "Right of the line is faster than the plain loop.",
        draw_rows,
        alt_rows,
    ),
    "growth": LiveFigure(
        "How do time and memory grow?",
        "Runs are varied at 2 × 32, width and depth with sweeps of 32 runs, the width with 2 hidden layers and the "
        "depth with 32 units. Each point is a process of its own, and memory is what it takes beyond imports and data.",
        draw_growth,
        alt_growth,
    ),
    "stacks": LiveFigure(
        "How many runs belong in a stack?",
        "Time of one more step of one run, for networks with 2 hidden layers, on one core.",
        draw_stacks,
        alt_stacks,
    ),
}
