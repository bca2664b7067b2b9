"""One SVG a figure: it follows light and dark, says in words what it shows, and is the same at every build."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

from trainlab import plots
from trainlab_press.errors import PressError

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

DARK_INK = {"text": "#e8eaee", "muted": "#a6acb8", "grid": "#3a3f4a", "paper": "#14171d"}
DARK_SERIES = ["#62b5f0", "#ff9a5c", "#3fc79a", "#ef8cc8", "#e0b93f", "#a99cf5", "#74cbe6", "#a9aeb8"]

LIGHT = {**plots.INK, **{str(n): color for n, color in enumerate(plots.SERIES, start=1)}}
DARK = {**DARK_INK, **{str(n): color for n, color in enumerate(DARK_SERIES, start=1)}}

VARIABLES = {color: f"var(--fig-{variable}, {color})" for variable, color in LIGHT.items()}
VARIABLES["#000000"] = VARIABLES[plots.INK["text"]]  # SVG's own black, where matplotlib names no colour

TAG = re.compile(r"<[^>]*>")
BARE_GROUP = re.compile(r'<g(?: id="[^"]*")?/?>')
COLOR = re.compile(r"(?<!url\()#[0-9a-f]{6}\b")
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def render(
    name: str, title: str, alt: str, draw: Callable[[Figure, Any], None], results: xr.Dataset
) -> tuple[str, str]:
    """Draw a figure.

    Args:
        name: the experiment's, which starts every id in the file.
        title: the figure's question.
        alt: its text alternative.
        draw: the experiment's.
        results: the experiment's.

    Returns:
        The stand-alone SVG, and the data of the plot as CSV.

    Raises:
        PressError: nothing was drawn, or a colour is not of the house style.
    """
    with plots.style():
        figure = plots.figure()
        draw(figure, results)
        rows = plots.data(figure)
        if not rows:
            raise PressError(f"{name}: draw() left no labelled line on its axes; give each line a label")
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return _themed(name, title, alt, buffer.getvalue()), _table(rows)


def _table(rows: list[dict[str, Any]]) -> str:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows)
    return buffer.getvalue()


def _themed(name: str, title: str, alt: str, svg: str) -> str:
    """The file that matplotlib wrote, with colours as variables, unique ids, and words."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    if stray := set(COLOR.findall("".join(TAG.findall(svg)))) - set(VARIABLES):
        raise PressError(
            f"{name}: draw() uses {', '.join(sorted(stray))}; take colours from plots.SERIES and plots.INK"
        )
    svg = _without_bare_groups(svg)
    svg = TAG.sub(lambda tag: _themed_tag(name, tag[0]), svg)  # tags only: what a figure says stays as it is
    head, body = svg.split(">", 1)
    width, height = re.findall(r'(?:width|height)="([\d.]+)pt"', head)
    words = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="0 0 {width} {height}" role="img" aria-labelledby="{name}-title" aria-describedby="{name}-desc">\n'
        f'<title id="{name}-title">{escape(title)}</title>\n<desc id="{name}-desc">{escape(alt)}</desc>\n'
    )
    return words + _standalone_style() + body.lstrip()


def _without_bare_groups(svg: str) -> str:
    """The drawing without groups that change nothing; matplotlib has one or two around each tick, line and text."""
    kept: list[bool] = []  # of the groups that are open here

    def keep(tag: re.Match[str]) -> str:
        if tag[0] == "</g>":
            return tag[0] if kept.pop() else ""
        bare = BARE_GROUP.fullmatch(tag[0]) is not None
        if re.match(r"<g\b", tag[0]) and not tag[0].endswith("/>"):
            kept.append(not bare)
        return "" if bare else tag[0]

    return TAG.sub(keep, svg)


def _themed_tag(name: str, tag: str) -> str:
    tag = COLOR.sub(lambda color: VARIABLES[color[0]], tag)
    tag = re.sub(r"font: ([\d.a-z ]*px) [^;\"]*", rf"font: \1 {FONT}", tag)
    tag = re.sub(r"font-family: [^;\"]*", f"font-family: {FONT}", tag)  # powers of ten have it so
    tag = re.sub(r"-?\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}".rstrip("0").rstrip("."), tag)
    return re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{name}-", tag)


def _standalone_style() -> str:
    """Colours for the file on its own; a page that inlines it has its own and leaves these out.

    The paper is drawn too: whatever shows the file may be dark where the file is light, or the other way round.
    """
    light, dark = ("".join(f"--fig-{n}:{color};" for n, color in colors.items()) for colors in (LIGHT, DARK))
    paper = "svg{background:var(--fig-paper)}"
    schemes = f":root{{{light}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}"
    return f'<style id="standalone">{schemes}{paper}</style>\n'
