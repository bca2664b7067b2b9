"""TeX in Markdown, rendered by KaTeX while the site is built: no script in the page, no jump in its layout."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from functools import cache
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markdown import Markdown
from markdown.blockprocessors import BlockProcessor
from markdown.extensions import Extension
from markdown.inlinepatterns import InlineProcessor
from markdown.treeprocessors import Treeprocessor

from trainlab_press.errors import PressError, naming_page

if TYPE_CHECKING:
    from py_mini_racer import MiniRacer

KATEX = Path(__file__).parent / "katex" / "katex.min.js"
# Pandoc's rule, so that "$5 and $10" stays prose: no space just inside, no digit just after.
INLINE = r"(?<![\\$\w])\$(?![\s$])((?:\\.|[^\\$])+?)(?<!\s)\$(?![\d$])"
DISPLAY = r"(?<![\\$])\$\$(?!\$)((?:\\.|[^\\$])+?)\$\$"
DISPLAYED = {"class": "math display", "tabindex": "0"}  # a wide formula scrolls, also by keyboard
HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}


@cache
def render(tex: str, *, display: bool = False) -> str:
    """Render TeX to HTML with MathML beside it for screen readers.

    Args:
        tex: What stands between the dollar signs.
        display: Whether it stands on a line of its own.

    Returns:
        One <span>; katex.min.css styles it.

    Raises:
        PressError: When KaTeX cannot read the TeX.

    References:
        https://katex.org/docs/options
    """
    from py_mini_racer import JSEvalException

    options = {"displayMode": display, "output": "htmlAndMathml", "throwOnError": True, "strict": "error"}
    try:
        return str(_katex().eval(f"katex.renderToString({json.dumps(tex)}, {json.dumps(options)})"))
    except JSEvalException as error:
        said = re.search(r"KaTeX parse error: (.*)", str(error))
        shown = " ".join(tex.split())
        raise PressError(
            f"TeX error in ${shown}$: {said[1] if said else error}. Mend it, or write \\$ for a dollar sign"
        ) from None


@cache
def _katex() -> MiniRacer:
    from py_mini_racer import MiniRacer

    context = MiniRacer()
    context.eval(KATEX.read_text("utf-8"))
    return context


class _Inline(InlineProcessor):
    """Renders $...$, or $$...$$ inside a paragraph."""

    def __init__(self, pattern: str, md: Markdown, *, display: bool) -> None:
        super().__init__(pattern, md)
        self.display = display

    def handleMatch(self, m: re.Match[str], data: str) -> tuple[ET.Element, int, int]:  # noqa: N802
        span = ET.Element("span", DISPLAYED if self.display else {"class": "math"})
        span.text = _store(self.md, m[1].strip(), display=self.display)
        span.set("data-tex", m[1].strip())  # for _Headings, which takes it away
        return span, m.start(0), m.end(0)


class _Block(BlockProcessor):
    """Renders $$...$$ that starts a block; blank lines inside are allowed."""

    def test(self, parent: ET.Element, block: str) -> bool:
        return block.startswith("$$")

    def run(self, parent: ET.Element, blocks: list[str]) -> bool:
        taken = 1
        while not (text := "\n\n".join(blocks[:taken]).rstrip()).endswith("$$") or len(text) < 4:
            taken += 1
            if taken > len(blocks):
                with naming_page(self.parser.md):
                    raise PressError(f"{' '.join(blocks[0].split())[:60]} opens with $$ that nothing closes; add $$")
        inside = text[2:-2]
        if "$$" in inside:  # several formulas in one paragraph: the inline pattern's work
            return False
        del blocks[:taken]
        div = ET.SubElement(parent, "div", DISPLAYED)
        div.text = _store(self.parser.md, inside.strip(), display=True)
        return True


class _Headings(Treeprocessor):
    """Gives a heading with math a label of plain text in the table of contents, and drops the helper attribute."""

    def run(self, root: ET.Element) -> None:
        for heading in (e for e in root.iter() if e.tag in HEADINGS):
            if any(e.get("data-tex") for e in heading.iter()) and not heading.get("data-toc-label"):
                heading.set("data-toc-label", _plain(heading).strip())
        for element in root.iter():
            element.attrib.pop("data-tex", None)


def _plain(element: ET.Element) -> str:
    if tex := element.get("data-tex"):
        mathml = re.sub(r"<annotation.*", "", render(tex), flags=re.DOTALL)
        inner = unescape(re.sub(r"<[^>]*>", "", mathml))
    else:
        inner = (element.text or "") + "".join(_plain(child) for child in element)
    return inner + (element.tail or "")


def _store(md: Markdown, tex: str, *, display: bool) -> str:
    """Render TeX and keep it away from the rest of Markdown; what comes back is the placeholder."""
    with naming_page(md):
        return md.htmlStash.store(render(tex, display=display))


class MathExtension(Extension):
    """Renders $...$ and $$...$$ outside of code."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802
        """Register the processors.

        Args:
            md: The converter; code spans (190) come before math (185), backslash escapes (180) after it.
        """
        md.inlinePatterns.register(_Inline(DISPLAY, md, display=True), "trainlab_display_math", 186)
        md.inlinePatterns.register(_Inline(INLINE, md, display=False), "trainlab_math", 185)
        md.parser.blockprocessors.register(_Block(md.parser), "trainlab_math", 75)
        md.treeprocessors.register(_Headings(md), "trainlab_math", 7)
        md.ESCAPED_CHARS.append("$")


def makeExtension(**kwargs: Any) -> MathExtension:  # noqa: N802
    """Make the extension; Python-Markdown calls this by its name."""
    return MathExtension(**kwargs)
