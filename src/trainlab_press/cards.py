"""Draws the picture that a page is shown with where somebody shares its address: title, first figure, 1200 x 630.

A card is one SVG that resvg turns into pixels, so nothing is fetched and the same page gives the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

from trainlab_press.recordings import versions

WIDTH, HEIGHT = 1200, 630
MARGIN = 64
COLORS = 96
"""In the palette of the PNG: enough for smooth edges, and a third of the bytes."""

_COLOR = re.compile(r"var\(--fig-[\w-]+, (#[0-9a-f]{6})\)")
_FAMILY = re.compile(r"system-ui[^;\"]*")
_SIZE = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')


@dataclass(frozen=True)
class Card:
    """What a picture shows.

    Args:
        title: The page's.
        text: What the page is about, in a sentence.
        figure: An SVG, or the data address of an image; "" where the page has none.
    """

    title: str
    text: str
    figure: str = ""


@dataclass(frozen=True)
class Cards:
    """Draws cards, each once.

    Args:
        assets: The folder with the book's logo and typeface, docs/assets.
        cache: Folder of the cards so far, under a key of all that they are made of.
    """

    assets: Path
    cache: Path

    def draw(self, card: Card) -> bytes:
        """The card as a PNG."""
        made_of = [
            repr(card),
            versions("resvg_py", "pillow", "fonttools", "matplotlib"),
            Path(__file__).read_text("utf-8"),
        ]
        made_of += [self._logo(), hashlib.sha256(self._typeface().read_bytes()).hexdigest()]
        path = self.cache / f"{hashlib.sha256(chr(0).join(made_of).encode()).hexdigest()[:16]}.png"
        if not path.is_file():
            from trainlab import files

            files.write(path, self._pixels(card))
        return path.read_bytes()

    def _logo(self) -> str:
        return (self.assets / "logo.svg").read_text("utf-8")

    def _typeface(self) -> Path:
        return self.assets / "fonts" / "source-serif-4-latin-wght-normal.woff2"

    def _pixels(self, card: Card) -> bytes:
        from PIL import Image
        from resvg_py import svg_to_bytes

        fonts = [_weight(self._typeface(), self.cache, weight) for weight in (400, 600)]
        svg = self._svg(card, *fonts)
        png = svg_to_bytes(
            svg_string=svg, skip_system_fonts=True, font_files=[*map(str, fonts), *_sans()], font_family="DejaVu Sans"
        )
        image = Image.open(io.BytesIO(bytes(png))).convert("RGB")
        small = image.quantize(COLORS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        out = io.BytesIO()
        small.save(out, "PNG", optimize=True)
        return out.getvalue()

    def _svg(self, card: Card, regular: Path, bold: Path) -> str:
        """The words on the left and the figure on the right; without a figure, larger words over the whole width."""
        column, size, small = (380, 54, 26) if card.figure else (WIDTH - 2 * MARGIN, 84, 36)
        parts = [
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ',
            f'viewBox="0 0 {WIDTH} {HEIGHT}"><rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
            f'<rect y="{HEIGHT - 12}" width="{WIDTH}" height="12" fill="#0072b2"/>',
            _placed(self._logo(), MARGIN, 52, 52, 52),
            _line("Trainlab", MARGIN + 68, 90, 34, bold=True),
        ]
        y = 200 if card.figure else 280
        for line in _wrapped(card.title, bold, size, column):
            parts.append(_line(line, MARGIN, y, size, bold=True))
            y += round(size * 1.15)
        y += 12
        text, room = list(_wrapped(card.text, regular, small, column)), (HEIGHT - 40 - y) // round(small * 1.4) + 1
        if len(text) > room:
            text[room - 1 :] = [f"{text[room - 1].rstrip('.,;:')} …"]
        for number, line in enumerate(text):
            parts.append(_line(line, MARGIN, y + number * round(small * 1.4), small))
        if card.figure:
            x = MARGIN + column + 40
            parts.append(_picture(card.figure, x, 52, WIDTH - x - 40, HEIGHT - 52 - 44))
        return "".join([*parts, "</svg>"])


def _line(text: str, x: int, y: int, size: int, *, bold: bool = False) -> str:
    weight, color = (600, "#1b1d22") if bold else (400, "#5a5f69")
    return (
        f'<text x="{x}" y="{y}" font-family="&quot;Source Serif 4&quot;" font-weight="{weight}" font-size="{size}" '
        f'fill="{color}">{escape(text)}</text>'
    )


def _picture(figure: str, x: int, y: int, width: int, height: int) -> str:
    if figure.startswith("data:"):
        return f'<image x="{x}" y="{y}" width="{width}" height="{height}" xlink:href="{escape(figure)}"/>'
    plain = _FAMILY.sub("DejaVu Sans", _COLOR.sub(r"\1", figure)).replace("*{", ".figure *{")
    return f'<g class="figure">{_placed(plain, x, y, width, height)}</g>'


def _placed(svg: str, x: int, y: int, width: int, height: int) -> str:
    return svg.replace("<svg ", f'<svg x="{x}" y="{y}" width="{width}" height="{height}" ', 1)


def _wrapped(text: str, font: Path, size: int, width: int) -> Iterator[str]:
    from PIL import ImageFont

    measure = ImageFont.truetype(str(font), size).getlength
    line = ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and measure(longer) > width:
            yield line
            longer = word
        line = longer
    yield line


def _weight(typeface: Path, folder: Path, weight: int) -> Path:
    """One weight of the book's typeface, as a file that resvg reads: it knows neither woff2 nor variable fonts."""
    path = folder / f"{typeface.stem}-{weight}.ttf"
    if not path.is_file():
        from fontTools.ttLib import TTFont
        from fontTools.varLib.instancer import instantiateVariableFont

        from trainlab import files

        out = io.BytesIO()
        with TTFont(typeface, recalcTimestamp=False) as font:
            font.flavor = None
            axes = {axis.axisTag: axis.defaultValue for axis in font["fvar"].axes}
            one = instantiateVariableFont(font, {**axes, "wght": weight}, inplace=True, updateFontNames=False)
            one["OS/2"].usWeightClass = weight
            one.save(out)
        files.write(path, out.getvalue())
    return path


@cache
def _sans() -> list[str]:
    """Matplotlib's own fonts, in which it has laid out the figures."""
    import matplotlib as mpl

    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    return [str(folder / name) for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSans-Oblique.ttf")]


def first_figure(html: str, folder: Path) -> str:
    """The first figure of a built page: an inlined SVG, or an image of a lab; "" where there is none.

    Args:
        html: The page.
        folder: Of the page.
    """
    if live := re.search(r'<figure[^>]*class="live".*?(<svg.*?</svg>)', html, re.DOTALL):
        return re.sub(r"<(title|desc)\b.*?</\1>", "", live[1], flags=re.DOTALL)
    image = re.search(r'<div class="[^"]*output[^"]*">.*?<img[^>]*src="([^":]+\.png)"', html, re.DOTALL)
    return f"data:image/png;base64,{base64.b64encode((folder / image[1]).read_bytes()).decode()}" if image else ""
