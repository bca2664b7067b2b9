"""Draws which modules of the package import which, from the table in architecture.md and the source."""

from __future__ import annotations

import ast
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

from trainlab_press.elements import add
from trainlab_press.errors import PressError
from trainlab_press.press import Press

TABLE = "docs/architecture.md"
ROW = re.compile(r"^\| (?P<rank>\d+) \| `(?P<module>[\w/]+)(?:/\*)?` \|", re.MULTILINE)

WIDTH = 380
GUTTER = 84
LETTER, LINE, GAP = 7.3, 25, 13


@dataclass(frozen=True)
class Ranks:
    """The package as its modules and their imports; a folder of modules counts as one.

    Args:
        of: Module -> its rank.
        imports: (importing, imported) -> in how many files.
    """

    of: dict[str, int]
    imports: Counter[tuple[str, str]]

    def ranks(self) -> list[int]:
        """All ranks, the highest first."""
        return sorted(set(self.of.values()), reverse=True)

    def at(self, rank: int) -> list[str]:
        """The modules of a rank, in alphabetical order."""
        return sorted(module for module, own in self.of.items() if own == rank)

    def between(self) -> Counter[tuple[int, int]]:
        """(importing rank, imported rank) -> how many imports."""
        found: Counter[tuple[int, int]] = Counter()
        for (module, imported), files in self.imports.items():
            found[self.of[module], self.of[imported]] += files
        return found

    def words(self) -> str:
        """What the diagram shows, for those who do not see it."""
        rows = [f"Rank {rank}: {', '.join(self.at(rank))}." for rank in self.ranks()]
        used = Counter(imported for _, imported in self.imports)
        first = sorted(used, key=lambda module: (-used[module], module))[:4]
        return (
            f"{sum(self.imports.values())} imports, each from a higher rank to a lower one. Imported by most modules: "
            f"{', '.join(f'{module} ({used[module]})' for module in first)}. {' '.join(rows)}"
        )


def read(root: Path) -> Ranks:
    """Read ranks and imports.

    Args:
        root: The checkout.

    Raises:
        PressError: When a module is missing from the table, is not there any more, or imports its own rank or a higher.
    """
    of = {m["module"]: int(m["rank"]) for m in ROW.finditer((root / TABLE).read_text("utf-8"))}
    imports: Counter[tuple[str, str]] = Counter()
    source = root / "src" / "trainlab"
    seen = set()
    for file in sorted(source.rglob("*.py")):
        module = file.relative_to(source).with_suffix("").parts[0]
        if module == "__init__":
            continue
        seen.add(module)
        imports.update((module, other) for other in sorted(set(_imported(file))) if other != module)
    for module in sorted({*seen, *(name for pair in imports for name in pair)} ^ set(of)):
        raise PressError(
            f"{TABLE}: its table and src/trainlab differ in {module}; give each module one row with its rank"
        )
    for module, other in imports:
        if of[module] <= of[other]:
            raise PressError(
                f"{module} (rank {of[module]}) imports {other} (rank {of[other]}); import lower ranks only"
            )
    return Ranks(of, imports)


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "trainlab":
            yield from (alias.name for alias in node.names)
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        yield from (name.split(".")[1] for name in names if name.startswith("trainlab."))


def svg(ranks: Ranks) -> str:
    """Draw a row for each rank, the highest on top, and on its left an arc for the imports between two ranks.

    Args:
        ranks: What to draw.

    Returns:
        One SVG in the page's colours, narrow enough for a phone.
    """
    boxes, middle, y = [], {}, 4.0
    for rank in ranks.ranks():
        top = y
        for line in _lines(ranks.at(rank)):
            boxes += [_box(module, x, y) for module, x in line]
            y += LINE
        middle[rank] = (top + y - 5) / 2
        boxes.append(
            f'<text x="{GUTTER - 10}" y="{middle[rank] + 5:.1f}" text-anchor="end" class="rank">{rank}</text>'
            f'<line x1="{GUTTER - 4}" x2="{GUTTER - 4}" y1="{top}" y2="{y - 5}"/>'
        )
        y += GAP
    longest = max(middle.values()) - min(middle.values())
    arcs = [_arc(middle, pair, count, longest) for pair, count in sorted(ranks.between().items())]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y - GAP:.0f}" role="img" class="ranks" '
        'aria-labelledby="ranks-title" aria-describedby="ranks-desc">'
        f'<title id="ranks-title">Which module imports which</title>'
        f'<desc id="ranks-desc">{escape(ranks.words())}</desc>'
        f'<g class="arcs">{"".join(arcs)}</g>{"".join(boxes)}</svg>'
    )


def _lines(modules: list[str]) -> Iterator[list[tuple[str, float]]]:
    """The modules of a rank with their places, as many on a line as fit."""
    line: list[tuple[str, float]] = []
    x = float(GUTTER + 4)
    for module in modules:
        if line and x + _width(module) > WIDTH:
            yield line
            line, x = [], float(GUTTER + 4)
        line.append((module, x))
        x += _width(module) + 5
    yield line


def _width(module: str) -> float:
    return len(module) * LETTER + 10


def _box(module: str, x: float, y: float) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{_width(module):.1f}" height="{LINE - 5}" rx="3"/>'
        f'<text x="{x + 5:.1f}" y="{y + 14.5:.1f}">{module}</text>'
    )


def _arc(middle: dict[int, float], pair: tuple[int, int], count: int, longest: float) -> str:
    start, end = middle[pair[0]], middle[pair[1]]
    reach = GUTTER - 26
    room = (reach - 3) * 4 / 3  # a curve reaches three quarters of the way to its bulge
    bulge = reach - 8 - (room - 8) * (end - start) / longest
    return (
        f'<path d="M {reach} {start:.1f} C {bulge:.1f} {start:.1f} {bulge:.1f} {end:.1f} {reach} {end:.1f}" '
        f'stroke-width="{0.7 + 0.45 * count**0.5:.2f}"/>'
    )


def ranks(press: Press, parent: ET.Element) -> None:
    """Append the diagram of the package's modules and their imports.

    Args:
        press: Of this conversion.
        parent: Where it goes.

    Raises:
        PressError: A module is missing from the table, or the table names one that does not exist.
    """
    figure = add(parent, "figure", class_="ranks")
    add(figure, "div", press.md.htmlStash.store(svg(read(press.root))), data_search_exclude="")
    add(
        figure,
        "figcaption",
        "The modules of the package by rank, drawn from the source when this page was built. "
        "Each arc leads from a rank down to one that it imports; the wider it is, the more imports there are.",
    )
