"""A figure's file: the same at every build, light and dark, described, self-contained, and its data beside it."""

import csv
import io
import math
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from trainlab import plots
from trainlab_press.errors import PressError
from trainlab_press.figures import DARK, LIGHT, render
from trainlab_press.livefiles import STANDALONE_STYLE

SVG = "{http://www.w3.org/2000/svg}"
XLINK = "{http://www.w3.org/1999/xlink}href"
NOTHING = xr.Dataset()

RICH = """
import numpy as np
from trainlab import plots


def draw(fig, results):
    top, bottom = fig.subplots(2, sharex=True)
    x = np.geomspace(0.0003, 3, 9)
    runs = np.outer([1.0, 1.3, 0.7], 1 / x)
    runs[0, 3] = np.nan
    plots.curve(top, x, runs, "SGD", plots.OPTIMIZER_LINES["SGD"])
    plots.curve(top, x, runs * 3, "AdamW", plots.OPTIMIZER_LINES["AdamW"])
    top.set(yscale="log", xscale="log", ylabel="loss < 1 & more")
    top.set_title("Loss at rate 0.0003 & below, as in #0072b2")
    bottom.plot(x, np.sin(x), "o", label="sine, > 0.12345", color=plots.SERIES[3], markerfacecolor=plots.INK["paper"])
    bottom.bar(x, x, color=plots.SERIES[4], hatch="//", edgecolor=plots.INK["text"])
    bottom.legend()
    plots.plain_ticks(bottom.xaxis, [0.0003, 0.001, 0.125])
    plots.label_ends(top)
"""
SPACE: dict[str, Any] = {}
exec(RICH, SPACE)
rich: Callable[[Figure, Any], None] = SPACE["draw"]


def plain(fig: Figure, _: Any) -> None:
    fig.subplots().plot([1, 2], [3, 4], label="SGD", color=plots.SERIES[0])


def parsed(draw: Callable[[Figure, Any], None], name: str = "one", title: str = "Why?", alt: str = "So.") -> ET.Element:
    return ET.fromstring(render(name, title, alt, draw, NOTHING)[0])


def test_two_renders_are_the_same_bytes() -> None:
    assert render("one", "Why?", "So.", rich, NOTHING) == render("one", "Why?", "So.", rich, NOTHING)


def test_another_process_renders_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "rich.py").write_text(RICH, encoding="utf-8")
    code = (
        "import sys, rich; from trainlab_press.figures import render; "
        "sys.stdout.buffer.write('\\n'.join(render('one', 'Why?', 'So.', rich.draw, None)).encode())"
    )
    done = subprocess.run(
        [sys.executable, "-X", "utf8=0", "-c", code],
        cwd=tmp_path,
        env={"PYTHONHASHSEED": "7", "LC_ALL": "C", "TZ": "Asia/Tokyo", "SOURCE_DATE_EPOCH": "1", "HOME": str(tmp_path)},
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode() == "\n".join(render("one", "Why?", "So.", rich, NOTHING))


# Colours


def test_every_colour_is_a_variable_with_its_light_value() -> None:
    svg = STANDALONE_STYLE.sub("", render("one", "Why?", "So.", rich, NOTHING)[0])
    drawn = "".join(re.findall(r"<[^>]*>", svg))
    variables = re.findall(r"var\(--fig-(\w+), (#[0-9a-f]{6})\)", drawn)
    assert {name for name, _ in variables} >= {"text", "muted", "grid", "paper", "1", "8", "4", "5"}
    assert all(LIGHT[name] == color for name, color in variables)
    without = re.sub(r"var\([^)]*\)", "", drawn)
    assert not re.findall(r"(?<!url\()(?<!href=\")#|rgba?\(|hsl", without)
    assert set(re.findall(r"(?:fill|stroke|color)(?:=\"|: ?)([a-z]+)", without)) <= {"none", "url"}


def test_standalone_style_defines_every_variable_for_light_and_dark() -> None:
    svg, _ = render("one", "Why?", "So.", rich, NOTHING)
    [style] = STANDALONE_STYLE.findall(svg)
    light, dark = style.split("@media (prefers-color-scheme:dark)")
    for part, colors in ((light, LIGHT), (dark, DARK)):
        assert dict(re.findall(r"--fig-(\w+):(#[0-9a-f]{6});", part)) == colors
    assert set(re.findall(r"var\(--fig-(\w+)", svg)) <= set(LIGHT)
    assert set(LIGHT) == set(DARK)
    assert "svg{background:var(--fig-paper)}" in style, "readable also where what shows it has the other scheme"


@pytest.mark.parametrize("color", ["red", "#123456", (0.1, 0.2, 0.3), "tab:blue"])
def test_a_colour_of_another_palette_is_refused(color: Any) -> None:
    def draw(fig: Figure, _: Any) -> None:
        fig.subplots().plot([1, 2], label="SGD", color=color)

    with pytest.raises(PressError, match=r"^one: draw\(\) uses #[0-9a-f]{6}; take colours from plots\.SERIES"):
        render("one", "Why?", "So.", draw, NOTHING)


def test_colours_of_another_palette_are_all_named() -> None:
    def draw(fig: Figure, _: Any) -> None:
        ax = fig.subplots()
        ax.plot([1, 2], label="SGD", color="#ff0000")
        ax.axhspan(0, 1, color="#00ff00")

    with pytest.raises(PressError, match="uses #00ff00, #ff0000;"):
        render("one", "Why?", "So.", draw, NOTHING)


def luminance(color: str) -> float:
    shares = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(color: str, other: str) -> float:
    """By the Web Content Accessibility Guidelines, from 1 to 21."""
    light, dark = sorted([luminance(color), luminance(other)], reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_contrast_with_the_paper(palette: dict[str, str]) -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    for name, color in palette.items():
        least = {"paper": 1, "grid": 1, "text": 4.5, "muted": 4.5}.get(name, 3)
        assert contrast(color, palette["paper"]) >= least, f"{name} {color}"


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_labels_at_line_ends_are_text_in_the_series_colour(palette: dict[str, str]) -> None:
    named = [plots.SERIES.index(line["color"]) + 1 for line in plots.OPTIMIZER_LINES.values()]
    assert all(contrast(palette[str(number)], palette["paper"]) >= 4.5 for number in named)


# What is in the file


def test_ids_are_prefixed_and_unique_and_references_lead_to_them() -> None:
    root = parsed(rich, name="one")
    ids = [element.get("id", "") for element in root.iter() if element.get("id")]
    assert len(set(ids)) == len(ids)
    assert [one for one in ids if not one.startswith("one-")] == ["standalone"]
    text = ET.tostring(root, encoding="unicode")
    references = re.findall(r"url\(([^)]*)\)", text) + [e.get(XLINK, "") for e in root.iter() if e.get(XLINK)]
    assert any(reference.startswith("#one-") for reference in references)
    assert {reference.removeprefix("#") for reference in references} <= set(ids)


def test_two_figures_on_a_page_share_no_id() -> None:
    ids = [{e.get("id") for e in parsed(rich, name=name).iter() if e.get("id")} for name in ("one", "two")]
    assert ids[0] & ids[1] == {"standalone"}


def test_nothing_is_fetched_and_nothing_runs() -> None:
    svg, _ = render("one", "Why?", "So.", rich, NOTHING)
    addresses = set(re.findall(r"https?://[^\"' ]+", svg))
    assert addresses == {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert not re.findall(r"<script|<image|<foreignObject|\bon\w+=|@import|data:|url\((?!#one-)", svg)
    assert not re.findall(r"<!DOCTYPE|<metadata|<\?xml", svg)


@pytest.mark.parametrize("words", ['a < b & c > "d"', "it's </title><script>", "Größe – 5 %", "{=one.two} $x$"])
def test_title_and_description_are_what_was_said(words: str) -> None:
    root = parsed(plain, title=words, alt=f"{words}.")
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert description is not None
    assert (title.text, description.text) == (words, f"{words}.")
    assert root.get("role") == "img"
    assert (root.get("aria-labelledby"), root.get("aria-describedby")) == (title.get("id"), description.get("id"))


def test_text_stays_text() -> None:
    root = parsed(rich)
    texts = {"".join(element.itertext()).strip() for element in root.iter(f"{SVG}text")}
    assert {"SGD", "AdamW", "loss < 1 & more", "sine, > 0.12345"} <= texts
    assert {"0.0003", "0.001", "0.125"} <= texts, "numbers that are written in a figure are not rounded"
    assert "Loss at rate 0.0003 & below, as in #0072b2" in texts


def test_every_text_is_in_a_font_of_the_reader() -> None:
    styles = [element.get("style", "") for element in parsed(rich).iter() if "font" in element.get("style", "")]
    assert any("font-family" in style for style in styles), "the powers of ten on a logarithmic axis"
    assert all("sans-serif" in style and "DejaVu" not in style for style in styles)


def test_groups_that_change_nothing_are_gone_and_the_rest_stays_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    def drawn(root: ET.Element) -> list[tuple[str, dict[str, str]]]:
        return [(one.tag, one.attrib) for one in root.iter() if one.tag != f"{SVG}g"]

    light = parsed(rich)
    assert all(set(group.attrib) - {"id"} for group in light.iter(f"{SVG}g"))
    monkeypatch.setattr("trainlab_press.figures.BARE_GROUP", re.compile("(?!)"))
    as_it_came = parsed(rich)
    assert len(list(as_it_came.iter(f"{SVG}g"))) > 50
    assert drawn(light) == drawn(as_it_came)
    kept = [group.attrib for group in as_it_came.iter(f"{SVG}g") if set(group.attrib) - {"id"}]
    assert [group.attrib for group in light.iter(f"{SVG}g")] == kept


def test_coordinates_have_two_decimals_at_most() -> None:
    tags = "".join(re.findall(r"<[^>]*>", render("one", "Why?", "So.", rich, NOTHING)[0]))
    assert re.findall(r"\d\.\d{2}\b", tags)
    assert not re.findall(r"\d\.\d{3}", tags)


def test_the_figure_keeps_its_shape() -> None:
    def wide(fig: Figure, _: Any) -> None:
        fig.set_size_inches(6, 2)
        plain(fig, _)

    assert parsed(wide).get("viewBox") == "0 0 432 144"
    assert parsed(plain).get("viewBox") == f"0 0 {72 * plots.SIZE[0]:g} {72 * plots.SIZE[1]:g}"
    assert parsed(plain).get("width") is None


# The data beside it


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_is_the_data_of_the_plot() -> None:
    rows = read(render("one", "Why?", "So.", rich, NOTHING)[1])
    with plots.style():
        fig = Figure(figsize=plots.SIZE)
        rich(fig, NOTHING)
    expected = plots.data(fig)
    assert len(rows) == len(expected) == 27
    for row, other in zip(rows, expected, strict=True):
        assert list(row) == ["panel", "series", "x", "y", "low", "high"]
        assert (row["panel"], row["series"]) == (other["panel"], other["series"])
        for key in ("x", "y", "low", "high"):
            assert float(row[key]) == pytest.approx(other[key], rel=1e-5, nan_ok=True)
    assert sum(math.isnan(float(row["y"])) for row in rows) == 2
    assert {row["series"] for row in rows} == {"SGD", "AdamW", "sine, > 0.12345"}


def test_csv_has_one_kind_of_line_end() -> None:
    _, text = render("one", "Why?", "So.", rich, NOTHING)
    assert text.endswith("\n")
    assert "\r" not in text


@pytest.mark.parametrize("labels", [[], ["_hidden"]])
def test_a_figure_without_data_is_refused(labels: list[str]) -> None:
    def draw(fig: Figure, _: Any) -> None:
        ax = fig.subplots()
        for label in labels:
            ax.plot([1, 2], label=label, color=plots.SERIES[0])

    with pytest.raises(PressError, match=r"^one: draw\(\) left no labelled line on its axes; give each line a label$"):
        render("one", "Why?", "So.", draw, NOTHING)


def test_a_figure_without_axes_is_refused() -> None:
    with pytest.raises(PressError, match="left no labelled line"):
        render("one", "Why?", "So.", lambda fig, results: None, NOTHING)


def test_draw_gets_the_results_and_the_house_style() -> None:
    seen: list[Any] = []

    def draw(fig: Figure, results: Any) -> None:
        seen.append(results)
        ax = fig.subplots()
        ax.plot(results.x.values, label="SGD", color=plots.SERIES[0])
        seen.append(ax.spines["top"].get_visible())

    results = xr.Dataset({"x": ("run", np.array([1.0, 2.5]))})
    _, text = render("one", "Why?", "So.", draw, results)
    assert seen == [results, False]
    assert [row["y"] for row in read(text)] == ["1", "2.5"]
