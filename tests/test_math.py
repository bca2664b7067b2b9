import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from markdown import Markdown

from trainlab_press.errors import PressError
from trainlab_press.math import KATEX, render

ASSETS = Path(__file__).parents[1] / "docs/assets/katex"


def html(text: str) -> BeautifulSoup:
    md = Markdown(extensions=["tables", "toc", "attr_list", "pymdownx.superfences", "trainlab_press.math"])
    return BeautifulSoup(md.convert(text), "html.parser")


def tex(text: str) -> list[str]:
    return [a.text for a in html(text).select("annotation")]


def test_rendering_is_seen_and_read_aloud() -> None:
    out = render(r"\alpha_t")
    assert '<math xmlns="http://www.w3.org/1998/Math/MathML">' in out
    assert 'aria-hidden="true"' in out
    assert "<script" not in out


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a $x$ b", ["x"]),
        ("$x$, $y_1 * z_2 * w$.", ["x", "y_1 * z_2 * w"]),
        (r"$a_{1} < b \& c$", [r"a_{1} < b \& c"]),
        ("- $x$\n- $y$", ["x", "y"]),
        ("| a |\n|---|\n| $x$ |", ["x"]),
        ("## Head $x$", ["x"]),
        ("$$\na\n\n= b\n> c\n$$", ["a\n\n= b\n> c"]),
        ("text\n$$\na\n$$\ntext", ["a"]),
        ("$$a$$ and $$b$$", ["a", "b"]),
        ("- item\n\n    $$\n    x\n    $$", ["x"]),
        ("It costs $5 and $10.", []),
        ("From $5-$10, or 30.", []),
        ("US$ and $ alone $ here", []),
        (r"\$x\$", []),
        ("`$x$` and ``$$y$$``", []),
        ("```\n$x$\n$$\ny\n$$\n```", []),
        ("    $x$", []),
    ],
)
def test_what_is_math_and_what_is_not(text: str, expected: list[str]) -> None:
    assert tex(text) == expected


def test_an_escaped_dollar_shows_no_backslash() -> None:
    assert html(r"\$5 and \$x$").text.strip() == "$5 and $x$"


def test_display_math_scrolls_by_keyboard_and_is_no_paragraph() -> None:
    soup = html("$$\nx\n$$")
    div = soup.select_one("div.math.display[tabindex='0']")
    assert div is not None
    assert div.select_one(".katex-display") is not None
    assert soup.p is None


def test_a_heading_gets_a_plain_label() -> None:
    md = Markdown(extensions=["toc", "trainlab_press.math"])
    out = md.convert(r"## In $\mathcal{O}(n^2)$ *time*")
    assert [t["name"] for t in md.toc_tokens] == ["In O(n2) time"]  # pyright: ignore[reportAttributeAccessIssue]
    assert "data-tex" not in out


@pytest.mark.parametrize("bad", [r"$\frac{1$", r"$$\nosuch$$", "$$\nx^\n$$", "$é$"])
def test_a_tex_error_fails_in_one_line(bad: str) -> None:
    with pytest.raises(PressError, match="TeX error in") as error:
        html(bad)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300


def test_an_unclosed_formula_fails() -> None:
    with pytest.raises(PressError, match="nothing closes"):
        html("$$\nx\n\ntext")


def test_script_and_style_sheet_have_the_same_version() -> None:
    css = (ASSETS / "katex.min.css").read_text("utf-8")
    shown = re.search(r'katex-version:+after\{content:"([\d.]+)"', css)
    assert shown is not None
    assert f'version="{shown[1]}"' in re.sub(r'version:"', 'version="', KATEX.read_text("utf-8"))


def test_the_style_sheet_finds_every_font() -> None:
    fonts = re.findall(r"url\(([^)]+)\)", (ASSETS / "katex.min.css").read_text("utf-8"))
    assert len(fonts) >= 20
    assert [f for f in fonts if not (ASSETS / f).is_file()] == []
