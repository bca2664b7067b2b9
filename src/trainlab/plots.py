"""Axes helpers and the house style. Draws results; trains nothing, and knows no torch.

Colours are those of `INK` and `SERIES` only: the press replaces each by a variable of the page, so
that one figure follows light and dark. The same thing has the same colour on every page.

matplotlib is imported by what needs it: `trainlab list` reads every experiment and draws none.
"""

from __future__ import annotations

import base64
import io
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection
    from matplotlib.figure import Figure

INK = {"text": "#1b1d22", "muted": "#5a5f69", "grid": "#d8dbe0", "paper": "#ffffff"}
SERIES = ["#0072b2", "#c14a00", "#00805d", "#a8307f", "#8a6a00", "#5b4bb7", "#2a7f9e", "#6b6f76"]

OPTIMIZER_LINES: dict[str, dict[str, Any]] = {
    "SGD": {"color": SERIES[0]},
    "Momentum": {"color": SERIES[1]},
    "Nesterov": {"color": SERIES[2]},
    "AdaGrad": {"color": SERIES[3]},
    "RMSProp": {"color": SERIES[4]},
    "Adam": {"color": SERIES[5]},
    "AdamW": {"color": SERIES[7], "linestyle": (0, (4, 1.5))},  # dashed: it often lies on Adam
    "Adadelta": {"color": SERIES[3], "linestyle": (0, (4, 1.5))},
    "AdaMax": {"color": SERIES[1], "linestyle": (0, (4, 1.5))},
    "NAdam": {"color": SERIES[2], "linestyle": (0, (4, 1.5))},
    "AMSGrad": {"color": SERIES[5], "linestyle": (0, (1.5, 1))},
    "Lion": {"color": SERIES[7]},
    "Muon": {"color": SERIES[6]},
    "ScheduleFreeAdamW": {"color": SERIES[0], "linestyle": (0, (4, 1.5))},
}
"""Eight colours for fourteen optimizers: a dashed line is a relative, or has a panel of its own."""

SHORT_NAMES = {"ScheduleFreeAdamW": "Schedule-Free"}
"""How figures call an optimizer, where not by its class."""

INIT_LINES: dict[str, dict[str, Any]] = {
    "He": {"color": SERIES[0]},
    "Glorot": {"color": SERIES[1]},
    "PyTorchDefault": {"color": SERIES[2]},
    "LeCun": {"color": SERIES[3]},
    "Orthogonal": {"color": SERIES[4]},
    "LSUV": {"color": SERIES[5], "linestyle": (0, (4, 1.5))},
    "too small": {"color": SERIES[6]},
    "too large": {"color": SERIES[7]},
    "Zeros": {"color": INK["muted"], "linestyle": (0, (1, 1.5))},
}

REGULARIZER_LINES: dict[str, dict[str, Any]] = {
    "none": {"color": INK["muted"]},
    "dropout": {"color": SERIES[0]},
    "L1": {"color": SERIES[1]},
    "soft threshold": {"color": SERIES[1], "linestyle": (0, (4, 1.5))},
    "L2": {"color": SERIES[2]},
    "decoupled decay": {"color": SERIES[2], "linestyle": (0, (4, 1.5))},
    "max-norm": {"color": SERIES[3]},
    "label smoothing": {"color": SERIES[4]},
    "early stopping": {"color": SERIES[5]},
    "twice the data": {"color": SERIES[6]},
}
"""Relatives have one colour: an L1 penalty in two forms, weight decay in two."""

NORM_LINES: dict[str, dict[str, Any]] = {
    "none": {"color": SERIES[1]},
    "batch": {"color": SERIES[0]},
    "layer": {"color": SERIES[2]},
    "group": {"color": SERIES[3]},
    "RMS": {"color": SERIES[5]},
}

THEORY = ", theory"
"""How the name of a predicted series ends."""

SIZE = (5.6, 3.6)
"""Inches; text stays readable when the figure is 350 pixels wide."""

STYLE: Any = {
    "figure.figsize": SIZE,
    "figure.facecolor": INK["paper"],
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
    "axes.facecolor": INK["paper"],
    "axes.edgecolor": INK["muted"],
    "axes.labelcolor": INK["text"],
    "axes.titlecolor": INK["text"],
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 10.5,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": INK["grid"],
    "grid.linewidth": 0.7,
    "text.color": INK["text"],
    "xtick.color": INK["muted"],
    "ytick.color": INK["muted"],
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "font.size": 10.5,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "path.simplify_threshold": 0.05,
    "svg.fonttype": "none",
    "svg.hashsalt": "trainlab",
}


def figure() -> Figure:
    """An empty figure in the house style, for scripts and labs."""
    from matplotlib.figure import Figure

    with style():
        return Figure(figsize=SIZE)


def style() -> Any:
    """A context in which everything that is drawn has the house style."""
    from matplotlib import rc_context

    return rc_context(STYLE)


def curve(ax: Axes, x: np.ndarray, runs: np.ndarray, label: str, line: Mapping[str, Any]) -> None:
    """The median of several runs, and the band from the lowest to the highest of them.

    Args:
        ax: where to draw.
        x: one value a measurement.
        runs: `[runs, measurements]`. Where a run is not finite, neither median nor band is drawn.
        label: the series' name, in the plot's data and for `label_ends`.
        line: its colour, from `SERIES`, and what else `Axes.plot` takes.
    """
    finite = np.where(np.isfinite(runs).all(0), runs, np.nan)
    low, middle, high = np.quantile(finite, [0, 0.5, 1], axis=0)
    ax.fill_between(x, low, high, color=line["color"], alpha=0.16, linewidth=0, label=f"_band {label}")
    ax.plot(x, middle, label=label, **line)


def cells(fig: Any, names: Sequence[str], columns: int = 5, note: str = "") -> dict[str, Axes]:
    """A small panel for each optimizer, with common axes and its name above in its colour.

    Args:
        fig: an empty figure, or a part of one.
        names: of `OPTIMIZER_LINES`.
        columns: panels in a row.
        note: what stands in the first cell that is left over.

    Returns:
        The panel of each name, in their order.
    """
    rows = -(-len(names) // columns)
    axes = fig.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel().tolist()
    for number, ax in enumerate(axes):
        ax.tick_params(labelsize=8, length=2)
        if number >= (rows - 1) * columns:
            ax.set_xlabel(" ", fontsize=2)  # the figure names the axis once, for all
        if number >= len(names):
            ax.set_axis_off()
            continue
        name = names[number]
        ax.set_title(SHORT_NAMES.get(name, name), fontsize=8.5, color=OPTIMIZER_LINES[name]["color"], pad=3)
        if number + columns >= len(names):
            ax.tick_params(labelbottom=True)
    if len(axes) > len(names):
        axes[len(names)].text(0, 0.9, note, transform=axes[len(names)].transAxes, fontsize=8, va="top")
    return dict(zip(names, axes, strict=False))


def prediction(ax: Axes, x: np.ndarray, predicted: np.ndarray, label: str, tolerance: float = 0.0) -> None:
    """What theory says of a curve, dashed over the runs and without a label of its own at its end.

    Args:
        ax: where to draw, after the curve.
        x: one value a point.
        predicted: `[points]`, from a formula without a fitted number.
        label: the series that it predicts; in the plot's data it is that name and `THEORY`.
        tolerance: half the width of a band, as a share of the predicted values; 0 draws none.

    Raises:
        ValueError: the tolerance is negative.
    """
    if tolerance < 0:
        raise ValueError(f"tolerance must be >= 0, got {tolerance}; give a share such as 0.05")
    name = f"{label}{THEORY}"
    if tolerance:
        low, high = predicted * (1 - tolerance), predicted * (1 + tolerance)
        ax.fill_between(x, low, high, color=INK["text"], alpha=0.16, linewidth=0, label=f"_band {name}")
    ax.plot(x, predicted, label=name, color=INK["text"], linewidth=1.1, linestyle=(0, (5, 2)))


def label_ends(
    ax: Axes, labels: Mapping[str, str] | None = None, at: Mapping[str, float] | None = None, gap: float = 13.0
) -> None:
    """Write each line's name at its right end, moved apart where they would overlap; predictions go without.

    Call it last, when limits and scales are set.

    Args:
        ax: whose lines are labelled.
        labels: series -> text; the series' names by default.
        at: series -> the height of its label in data units; the line's end by default.
        gap: the least distance between two labels, in points.
    """
    series = {line: str(line.get_label()) for line in ax.lines}
    lines = [line for line, name in series.items() if not (name.startswith("_") or name.endswith(THEORY))]
    if not lines:
        return
    names = [str(line.get_label()) for line in lines]
    whole = ax.get_figure(root=True)
    assert whole is not None
    whole.draw_without_rendering()
    points = 72 / whole.dpi
    bottom, top = (ax.transAxes.transform((0, y))[1] * points for y in (0, 1))
    ends = [
        _height(ax, np.array([[0, at[name]]]) if at else line.get_xydata()) * points
        for name, line in zip(names, lines, strict=True)
    ]
    placed = _spread(np.array(ends), gap, bottom, max(top, bottom + gap * (len(ends) - 1)))
    for line, name, y in zip(lines, names, placed, strict=True):
        share = (y - bottom) / (top - bottom)
        text = (labels or {}).get(name, name)
        ax.text(1.02, share, text, transform=ax.transAxes, color=line.get_color(), va="center", fontsize=10)


def _height(ax: Axes, xy: Any) -> float:
    """The height, in pixels, of the last finite point; clipped to the axes."""
    finite = xy[np.isfinite(xy).all(1)]
    y = ax.transData.transform(finite[-1])[1] if len(finite) else -np.inf
    low, high = (ax.transAxes.transform((0, share))[1] for share in (0, 1))
    return float(np.clip(y, low, high))


def _spread(wanted: np.ndarray, gap: float, low: float, high: float) -> np.ndarray:
    """Positions near the wanted ones, at least a gap apart, within the limits.

    Least squares under order constraints: subtracting the gaps leaves an isotonic regression.
    """
    from scipy.optimize import isotonic_regression

    rank = np.argsort(wanted, kind="stable")
    offsets = gap * np.arange(len(wanted))
    fitted = isotonic_regression(wanted[rank] - offsets).x
    out = np.empty_like(wanted)
    out[rank] = np.clip(fitted, low, high - offsets[-1]) + offsets
    return out


def percent(axis: Any) -> None:
    """Show shares in [0, 1] as percentages, with decimals only where a tick is not whole.

    Args:
        axis: an axis of matplotlib, such as `ax.yaxis`.
    """
    from matplotlib.ticker import FuncFormatter

    axis.set_major_formatter(FuncFormatter(lambda share, _: f"{round(100 * share, 6) + 0.0:g}%"))


def plain_ticks(axis: Any, at: Sequence[float] | np.ndarray) -> None:
    """Ticks at the given values only, written as plain numbers; for short logarithmic axes.

    Args:
        axis: an axis of matplotlib, such as `ax.xaxis`.
        at: where the ticks are.
    """
    from matplotlib.ticker import NullLocator

    axis.set_ticks(list(at), [f"{value:g}" for value in at])
    axis.set_minor_locator(NullLocator())


def log_rates(ax: Axes, rates: Sequence[float]) -> None:
    """A logarithmic axis of learning rates, with a tick at each power of ten only.

    Args:
        ax: its x axis becomes logarithmic.
        rates: the learning rates that it shows.
    """
    from matplotlib.ticker import NullFormatter

    ax.set_xscale("log")
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlim(min(rates) / 1.3, max(rates) * 1.3)
    ax.set_xlabel("learning rate")


def data(fig: Figure) -> list[dict[str, Any]]:
    """What a figure shows, as rows: panel, series, x, y, and low and high where there is a band.

    It is read back from the drawn lines, so it is the data of the plot and not of something beside it.

    Args:
        fig: drawn with labelled lines.
    """
    from matplotlib.collections import PolyCollection

    rows = []
    for number, ax in enumerate(fig.axes, start=1):
        bands = {str(c.get_label()): c for c in ax.collections if isinstance(c, PolyCollection)}
        for line in ax.lines:
            series = str(line.get_label())
            if series.startswith("_"):
                continue
            xy = np.asarray(line.get_xydata())
            ends = _band(bands.get(f"_band {series}"), xy[:, 0])
            for (x, y), (low, high) in zip(xy, ends, strict=True):
                panel = ax.get_title(loc="left") or str(number)
                rows.append({"panel": panel, "series": series, "x": x, "y": y, "low": low, "high": high})
    return rows


def _band(band: PolyCollection | None, x: np.ndarray) -> np.ndarray:
    """The lower and upper edge of a band at each x; NaN where there is none."""
    edges = np.full((len(x), 2), np.nan)
    if band is None:
        return edges
    corners = np.concatenate([np.empty((0, 2)), *(path.vertices for path in band.get_paths())])
    for row, at in enumerate(x):
        heights = corners[corners[:, 0] == at, 1]
        if len(heights):
            edges[row] = heights.min(), heights.max()
    return edges


def show(fig: Figure, alt: str) -> None:
    """Show a figure in a notebook, with its text alternative.

    Args:
        fig: any figure.
        alt: what the figure says, in words, with numbers taken from the results.
    """
    from IPython.display import display  # pyright: ignore[reportMissingImports]

    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=200)
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close(fig)  # or the notebook would show it once more, without words
    png = base64.b64encode(buffer.getvalue()).decode()
    display({"image/png": png, "text/plain": alt}, raw=True, metadata={"alt": alt})
