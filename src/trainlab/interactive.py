"""What an experiment hands to its interactive figure: short numbers, and the colours of the other figures."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from trainlab import plots

Numbers = int | None | list["Numbers"]
"""Nested as the axes of an array were."""


def quantised(values: np.ndarray, unit: float) -> dict[str, Any]:
    """An array as whole multiples of a unit, which JSON writes in few characters.

    Args:
        values: any shape. What is not finite becomes null: a figure draws nothing there.
        unit: what one is worth, > 0.

    Returns:
        `unit`, and `values` as nested lists of integers and None.

    Raises:
        ValueError: the unit is not positive.
    """
    if not unit > 0:
        raise ValueError(f"unit must be > 0, got {unit}; take the smallest difference that a reader can see")
    return {"unit": unit, "values": _nested(np.asarray(values, dtype=np.float64) / unit)}


def _nested(values: np.ndarray) -> Numbers:
    if values.ndim:
        return [_nested(row) for row in values]
    return int(np.rint(values)) if np.isfinite(values) else None


def series(
    lines: Mapping[str, Mapping[str, Any]], names: Iterable[str], labels: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """Name, colour and dashes of each series, as the still figures have them.

    Args:
        lines: such as `plots.OPTIMIZER_LINES`.
        names: the series, in their order.
        labels: what some of them are called in figures.

    Returns:
        For each `name`, `label`, `color` (the n of the page's `--fig-n`, or "muted"), and `dash` in points where the
        line is dashed.

    Raises:
        ValueError: a colour is none of the house style.
    """
    known = {color: number for number, color in enumerate(plots.SERIES, start=1)} | {plots.INK["muted"]: "muted"}
    found = []
    for name in names:
        if (color := lines[name]["color"]) not in known:
            raise ValueError(f"the colour {color} of {name} is none of plots.SERIES; take one of them")
        entry = {"name": name, "label": (labels or {}).get(name, name), "color": known[color]}
        style = lines[name].get("linestyle", "-")
        found.append(entry if isinstance(style, str) else entry | {"dash": list(style[1])})
    return found


def windows(updates: int, pieces: int) -> np.ndarray:
    """Edges that cut the updates of a run into pieces of about equal length on a logarithmic axis.

    Args:
        updates: in the run, >= 1.
        pieces: at most so many; early ones would be shorter than one update, and are left out.

    Returns:
        Increasing integers from 0 to `updates`.
    """
    return np.unique(np.concatenate([[0], np.geomspace(1, updates, pieces).round().astype(int)]))


def window_means(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The mean over each window of the last axis; not a number where one value of it is none.

    Args:
        values: `[..., updates]`.
        edges: from `windows`.

    Returns:
        `[..., windows]`.
    """
    sums = np.add.reduceat(values, edges[:-1], axis=-1)
    return sums / np.diff(edges)
