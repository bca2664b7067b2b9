"""Small pieces of pages: an element, a number in words, highlighted code."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from functools import lru_cache

from markdown.util import AtomicString

PLAIN = re.compile(r'<span class="(?:n|p|o|w)">(.*?)</span>', re.DOTALL)


def add(parent: ET.Element, tag: str, text: str = "", **attributes: str) -> ET.Element:
    """Append an element whose text Markdown leaves alone.

    Args:
        parent: Where it goes.
        tag: Its name.
        text: Its text.
        attributes: Its attributes; "class_" stands for "class".
    """
    names = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
    element = ET.SubElement(parent, tag, names)
    element.text = AtomicString(text)
    return element


def say(value: float) -> str:
    """Write a number with three digits that count, and no exponent for a large one."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def say_interval(estimate: float, low: float, high: float) -> list[str]:
    """Write an estimate and its interval with the decimals that the interval's width warrants."""
    width = high - low
    if not (math.isfinite(width) and width > 0):
        return [say(value) for value in (estimate, low, high)]
    decimals = max(0, 1 - math.floor(math.log10(width)))
    return [f"{value:,.{decimals}f}" for value in (estimate, low, high)]


@lru_cache(maxsize=512)
def highlighted(code: str, *, light: bool = False) -> str:
    """Colour Python code.

    Args:
        code: Python.
        light: Whether to leave names, signs and spaces plain, which takes a third of the elements.

    Returns:
        HTML, for the stash of the converter.
    """
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    html = highlight(code, PythonLexer(), HtmlFormatter(cssclass="highlight", wrapcode=True))
    return PLAIN.sub(r"\1", html) if light else html
