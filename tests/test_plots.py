"""The house style: labels that never overlap, data read back from what was drawn, bands, words for notebooks."""

import math
import subprocess
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import trainlab
from trainlab import plots
from trainlab.theory import VARIANCES
from trainlab.workloads import OPTIMIZERS

STEPS = np.array([1.0, 10.0, 100.0])
ENDS = {
    "apart": [0.1, 0.5, 0.9],
    "all the same": [0.5] * 7,
    "at the bottom": [0.0, 0.001, 0.0, 0.002],
    "at the top": [1.0, 0.999, 1.0],
    "one is missing": [0.2, math.nan, 0.21],
    "all are missing": [math.nan] * 3,
    "alone": [0.4],
    "outside of the limits": [-5.0, 0.5, 7.0, 7.0],
}


def axes() -> Axes:
    with plots.style():
        return plots.figure().subplots()


def drawn(ends: Sequence[float], scale: str = "linear", names: str = "abcdefghijklmnopqrst") -> Axes:
    """Lines that end at the given heights, labelled."""
    with plots.style():
        ax = plots.figure().subplots()
        for end, name, color in zip(ends, names, plots.SERIES * 3, strict=False):
            ax.plot(STEPS, [0.5, 0.4, end], label=name, color=color)
        ax.set(yscale=scale, ylim=(0.001, 1) if scale == "log" else (0, 1))
        plots.label_ends(ax)
    return ax


def boxes(ax: Axes) -> dict[str, tuple[float, float]]:
    """The lower and upper edge of each label, in pixels, in the finished figure."""
    figure: Any = ax.figure
    figure.draw_without_rendering()
    extents = {text.get_text(): text.get_window_extent() for text in ax.texts}
    return {name: (extent.y0, extent.y1) for name, extent in extents.items()}


@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize("ends", ENDS.values(), ids=ENDS)
def test_labels_of_ends_do_not_overlap_and_keep_their_order(ends: list[float], scale: str) -> None:
    labels = boxes(drawn(ends, scale))
    assert len(labels) == len(ends)
    _check(labels, dict(zip(labels, ends, strict=True)), low=0.001 if scale == "log" else 0)


@settings(max_examples=15)
@given(st.lists(st.floats(0, 1) | st.just(0.5) | st.just(math.nan), min_size=1, max_size=12))
def test_labels_do_not_overlap_wherever_lines_end(ends: list[float]) -> None:
    labels = boxes(drawn(ends))
    _check(labels, dict(zip(labels, ends, strict=True)), low=0)


def _check(labels: dict[str, tuple[float, float]], ends: dict[str, float], low: float) -> None:
    """A line that ends in NaN is labelled where it was last seen, at 0.4."""
    seen = {name: min(max(0.4 if math.isnan(end) else end, low), 1) for name, end in ends.items()}
    upwards = sorted(labels, key=lambda name: labels[name])
    for below, above in pairwise(upwards):
        assert labels[below][1] <= labels[above][0], f"{below} and {above} overlap"
        assert seen[below] <= seen[above] + 1e-12, f"{below} and {above} have changed places"


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_labels_that_have_room_stand_at_their_ends(scale: str) -> None:
    ax = drawn([0.1, 0.5, 0.9] if scale == "linear" else [0.01, 0.1, 0.9], scale)
    for (low, high), line in zip(boxes(ax).values(), ax.lines, strict=True):
        end = ax.transData.transform(line.get_xydata()[-1])[1]  # pyright: ignore[reportIndexIssue, reportOptionalSubscript]
        assert abs((low + high) / 2 - end) < 3


def test_labels_take_words_heights_and_colours_from_elsewhere() -> None:
    with plots.style():
        ax = plots.figure().subplots()
        ax.plot(STEPS, [1, 1, 1], label="high", color=plots.SERIES[0])
        ax.plot(STEPS, [0, 0, 0], label="low", color=plots.SERIES[1])
        ax.plot(STEPS, [0, 0, 0], label="_unnamed", color=plots.SERIES[2])
        plots.label_ends(ax, {"high": "falls"}, at={"high": 0.0, "low": 1.0})
    assert [text.get_text() for text in ax.texts] == ["falls", "low"]
    assert [text.get_color() for text in ax.texts] == plots.SERIES[:2]
    labels = boxes(ax)
    assert labels["falls"][1] < labels["low"][0]


def test_labels_are_inside_of_the_figure() -> None:
    ax = drawn([0.5] * 7, names="abcdefg")
    assert min(low for low, _ in boxes(ax).values()) > 0
    figure: Any = ax.figure
    right = max(text.get_window_extent().xmax for text in ax.texts)
    assert right <= figure.bbox.xmax


def test_axes_without_lines_have_no_labels() -> None:
    ax = axes()
    plots.label_ends(ax)
    assert not ax.texts


# Curves and their data


def test_curve_is_the_median_in_the_band_of_all_runs() -> None:
    ax = axes()
    runs = np.array([[3.0, 1.0, 0.2], [1.0, 2.0, 0.1], [2.0, 9.0, 0.4]])
    plots.curve(ax, STEPS, runs, "SGD", {"color": plots.SERIES[2], "linestyle": "--"})
    rows = plots.data(figure_of(ax))
    assert [row["y"] for row in rows] == [2.0, 2.0, 0.2]
    assert [row["low"] for row in rows] == [1.0, 1.0, 0.1]
    assert [row["high"] for row in rows] == [3.0, 9.0, 0.4]
    assert ax.lines[0].get_color() == plots.SERIES[2]
    assert ax.lines[0].get_linestyle() == "--"


def figure_of(ax: Axes) -> Figure:
    figure = ax.get_figure(root=True)
    assert figure is not None
    return figure


@pytest.mark.parametrize("gap", [math.nan, math.inf, -math.inf])
def test_curve_stops_where_a_run_is_not_finite(gap: float) -> None:
    ax = axes()
    plots.curve(ax, STEPS, np.array([[3.0, 1.0, 0.2], [1.0, gap, 0.1]]), "SGD", plots.OPTIMIZER_LINES["SGD"])
    columns = [[row[key] for row in plots.data(figure_of(ax))] for key in ("y", "low", "high")]
    assert [column[0] for column in columns] == [2.0, 1.0, 3.0]
    assert [column[2] for column in columns] == pytest.approx([0.15, 0.1, 0.2])
    assert all(math.isnan(column[1]) for column in columns)


def test_curve_of_runs_that_all_failed_is_empty() -> None:
    ax = axes()
    plots.curve(ax, STEPS, np.full((2, 3), math.nan), "SGD", plots.OPTIMIZER_LINES["SGD"])
    figure_of(ax).draw_without_rendering()
    assert all(math.isnan(row[key]) for row in plots.data(figure_of(ax)) for key in ("y", "low", "high"))


@settings(max_examples=20)
@given(
    st.integers(1, 4).flatmap(
        lambda runs: st.lists(
            st.lists(st.floats(0.01, 1e6) | st.just(math.nan), min_size=runs, max_size=runs), min_size=1, max_size=8
        )
    ),
    st.sampled_from(["linear", "log"]),
)
def test_data_is_what_was_drawn(columns: list[list[float]], scale: str) -> None:
    runs = np.array(columns).T
    assume(scale == "linear" or np.isfinite(runs).all(0).any())  # matplotlib has no empty logarithmic axis
    x = np.cumsum(np.arange(1, len(columns) + 1)) / 7
    ax = axes()
    plots.curve(ax, x, runs, "SGD", plots.OPTIMIZER_LINES["SGD"])
    ax.set(xscale=scale, yscale=scale)
    figure_of(ax).draw_without_rendering()
    rows = plots.data(figure_of(ax))
    expected = np.quantile(runs, [0.5, 0, 1], axis=0)
    np.testing.assert_array_equal([row["x"] for row in rows], x)
    np.testing.assert_array_equal([[row[key] for row in rows] for key in ("y", "low", "high")], expected)


def test_data_names_panels_and_series() -> None:
    with plots.style():
        left, right = plots.figure().subplots(1, 2)
        left.set_title("Loss")
    left.plot([1, 2], [3, 4], label="SGD")
    left.plot([1, 2], [3, 4], label="_helper")
    right.plot([5], [6], "o", label="Adam")
    plots.curve(right, STEPS, np.ones((2, 3)), "Momentum", plots.OPTIMIZER_LINES["Momentum"])
    rows = plots.data(left.figure)
    assert [(row["panel"], row["series"], row["x"], row["y"]) for row in rows] == [
        ("Loss", "SGD", 1, 3),
        ("Loss", "SGD", 2, 4),
        ("2", "Adam", 5, 6),
        *[("2", "Momentum", step, 1) for step in STEPS],
    ]
    assert [math.isnan(row["low"]) for row in rows] == [True] * 3 + [False] * 3


def test_data_of_an_empty_figure_has_no_rows() -> None:
    assert plots.data(plots.figure()) == []
    assert plots.data(figure_of(axes())) == []


# Predictions


def test_a_prediction_is_in_the_data_under_its_own_name_and_has_no_label_at_its_end() -> None:
    ax = axes()
    plots.curve(ax, STEPS, np.array([[3.0, 1.0, 0.5], [1.0, 2.0, 0.1]]), "SGD", plots.OPTIMIZER_LINES["SGD"])
    plots.prediction(ax, STEPS, np.array([2.0, 1.5, 0.25]), "SGD")
    plots.label_ends(ax)
    rows = [row for row in plots.data(figure_of(ax)) if row["series"] == "SGD, theory"]
    assert [row["y"] for row in rows] == [2.0, 1.5, 0.25]
    assert all(math.isnan(row["low"]) and math.isnan(row["high"]) for row in rows)
    assert [text.get_text() for text in ax.texts] == ["SGD"]
    assert ax.lines[1].is_dashed()
    assert not ax.lines[0].is_dashed()


def test_a_tolerance_is_a_band_around_the_prediction() -> None:
    ax = axes()
    plots.prediction(ax, STEPS, np.array([2.0, 1.0, 0.5]), "He", tolerance=0.1)
    rows = plots.data(figure_of(ax))
    assert [row["y"] for row in rows] == [2.0, 1.0, 0.5]
    assert [row["low"] for row in rows] == pytest.approx([1.8, 0.9, 0.45])
    assert [row["high"] for row in rows] == pytest.approx([2.2, 1.1, 0.55])
    with pytest.raises(ValueError, match=r"tolerance must be >= 0, got -0\.1"):
        plots.prediction(axes(), STEPS, STEPS, "He", tolerance=-0.1)


# Axes


def test_ticks_of_shares_and_of_plain_numbers() -> None:
    ax = axes()
    ax.plot(STEPS, [0, 0.5, 1], label="a")
    ax.set(xscale="log", yticks=[0, 0.5, 1])
    plots.percent(ax.yaxis)
    plots.plain_ticks(ax.xaxis, [1, 2.5, 100])
    figure_of(ax).draw_without_rendering()
    assert [label.get_text() for label in ax.get_yticklabels()] == ["0%", "50%", "100%"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["1", "2.5", "100"]
    assert len(ax.xaxis.get_minorticklocs()) == 0


def test_a_tick_between_two_whole_percentages_is_not_rounded() -> None:
    ax = axes()
    ax.plot([0.3, 0.35], [0.0, 1.0], label="a")
    ax.set(xticks=[0.3, 0.325, 0.35, 1 / 3], yticks=[-0.1, -1e-17, 0.07, 1])
    plots.percent(ax.xaxis)
    plots.percent(ax.yaxis)
    figure_of(ax).draw_without_rendering()
    assert [label.get_text() for label in ax.get_xticklabels()] == ["30%", "32.5%", "35%", "33.3333%"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["-10%", "0%", "7%", "100%"]


def test_rates_are_on_a_logarithmic_axis_with_all_of_them_inside() -> None:
    ax = axes()
    rates = [0.003, 0.01, 0.3]
    ax.plot(rates, rates, label="a")
    plots.log_rates(ax, rates)
    figure_of(ax).draw_without_rendering()
    assert ax.get_xscale() == "log"
    assert ax.get_xlim()[0] < min(rates) < max(rates) < ax.get_xlim()[1]
    assert not [label.get_text() for label in ax.get_xticklabels(minor=True) if label.get_text()]
    assert ax.get_xlabel() == "learning rate"


# Small panels


@pytest.mark.parametrize("columns", [5, 7])
def test_each_optimizer_has_a_panel_with_its_name(columns: int) -> None:
    with plots.style():
        figure = Figure()
        panels = plots.cells(figure, list(OPTIMIZERS), columns, note="a note")
    assert list(panels) == list(OPTIMIZERS)
    titles = {name: ax.title.get_text() or ax.get_title(loc="left") for name, ax in panels.items()}
    assert titles == {name: plots.SHORT_NAMES.get(name, name) for name in OPTIMIZERS}
    notes = [text.get_text() for ax in figure.axes for text in ax.texts]
    assert notes == (["a note"] if len(OPTIMIZERS) % columns else [])
    lowest = list(panels.values())[-columns:]
    assert all(ax.xaxis.get_tick_params()["labelbottom"] for ax in lowest)


# The house style


@pytest.mark.parametrize(
    ("lines", "named"), [(plots.OPTIMIZER_LINES, OPTIMIZERS), (plots.INIT_LINES, VARIANCES)], ids=["race", "inits"]
)
def test_each_has_a_look_of_its_own(lines: dict[str, dict[str, Any]], named: Mapping[str, object]) -> None:
    colors = [line["color"] for line in lines.values()]
    looks = [(line["color"], line.get("linestyle", "-")) for line in lines.values()]
    assert set(named) <= set(lines)
    assert all(hasattr(trainlab, name) for name in lines if not name.startswith("too "))
    assert len(set(looks)) == len(looks)
    assert set(colors) <= {*plots.SERIES, plots.INK["muted"]}


def test_style_leaves_other_figures_alone() -> None:
    with plots.style():
        inside = Figure().subplots()
    outside = Figure().subplots()
    assert not inside.spines["top"].get_visible()
    assert outside.spines["top"].get_visible()
    assert tuple(plots.figure().get_size_inches()) == plots.SIZE


def test_plots_are_drawn_without_torch() -> None:
    code = "import sys; from trainlab import plots; plots.figure().subplots(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_shown_figure_carries_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[Any, dict[str, Any]]] = []
    monkeypatch.setattr("IPython.display.display", lambda *things, **options: shown.append((things[0], options)))
    ax = axes()
    ax.plot(STEPS, STEPS, label="a")
    plots.show(figure_of(ax), "The loss falls to 0.3.")
    [(bundle, options)] = shown
    assert options["metadata"] == {"alt": "The loss falls to 0.3."}
    assert options["raw"] is True
    assert bundle["text/plain"] == "The loss falls to 0.3."
    assert bundle["image/png"].startswith("iVBORw0KGgo")


def test_shown_figure_of_pyplot_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the notebook shows it a second time, without words."""
    monkeypatch.setattr("IPython.display.display", lambda *things, **options: None)
    monkeypatch.setenv("MPLBACKEND", "agg")
    from matplotlib import pyplot as plt

    figure = plt.figure()
    assert plt.fignum_exists(figure.number)
    plots.show(figure, "Nothing.")
    assert not plt.fignum_exists(figure.number)
