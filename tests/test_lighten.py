import base64
import json
import os
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup

from trainlab_press.errors import PressError
from trainlab_press.lighten import SCHEME, SHEETS, lighten

IMAGE = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 640, 480) + bytes(300)
PNG = base64.b64encode(IMAGE).decode()
ALT = "The loss falls from 2.3 to 0.4 in 100 steps."
CONFIG = """
site_name: T
theme: {name: material, font: false}
plugins:
  - search
  - mkdocs-jupyter: {execute: false, allow_errors: false, include: ["*.ipynb"], include_source: true, no_prompt: true}
"""
TEXT = """# A lab

With $\\beta_1$, see [the chapter](../optimizers.md#the-race), [home](../../index.md) and [data](../../live/x.csv).
Code: `$x$`. [Away](https://example.org).

!!! note "Try it"
    Change `lr`.

## Again
"""
TABLE = """<table border="1" class="dataframe"><thead><tr><th></th><th>loss</th></tr></thead>
<tbody><tr><th valign="top">Adam</th><td>0.41</td></tr></tbody></table>"""
PAGE = Path("live/labs/optimizers/index.html")
NOTEBOOK = Path("live/labs/optimizers/optimizers.ipynb")


def text(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": f"t{len(source)}", "metadata": {}, "source": source}


def code(source: str, *outputs: dict[str, Any]) -> dict[str, Any]:
    cell = {"cell_type": "code", "id": "x" + re.sub(r"\W", "", source), "metadata": {}, "execution_count": 1}
    return {**cell, "source": source, "outputs": list(outputs)}


def image(metadata: dict[str, Any]) -> dict[str, Any]:
    return {"output_type": "display_data", "metadata": metadata, "data": {"image/png": PNG, "text/plain": "fig"}}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with one lab, as mkdocs-jupyter leaves it."""
    root = tmp_path_factory.mktemp("project")
    labs = root / "docs/live/labs"
    labs.mkdir(parents=True)
    stream = {"output_type": "stream", "name": "stdout", "text": "0.41\n"}
    table = {"output_type": "display_data", "metadata": {}, "data": {"text/html": TABLE, "text/plain": "table"}}
    cells = [
        text(TEXT),
        code("print(loss)", stream, table),
        text("## Again\n"),
        code("show(fig)", image({"alt": ALT})),
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": cells}
    (labs / "optimizers.ipynb").write_text(json.dumps(notebook), "utf-8")
    (root / "docs/live/x.csv").write_text("a\n", "utf-8")
    (root / "docs/index.md").write_text("# Home\n", "utf-8")
    (root / "docs/optimizers.md").write_text("# Optimizers\n\n## The race\n", "utf-8")
    (root / "mkdocs.yml").write_text(CONFIG, "utf-8")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet"]
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return root / "site"


@pytest.fixture
def site(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "site"))


def change(site: Path, edit: Callable[[list[dict[str, Any]]], None]) -> None:
    """Change the cells of the notebook that lies beside the page."""
    notebook = json.loads((site / NOTEBOOK).read_text("utf-8"))
    edit(notebook["cells"])
    (site / NOTEBOOK).write_text(json.dumps(notebook), "utf-8")


def lab(site: Path) -> BeautifulSoup:
    return BeautifulSoup((site / PAGE).read_text("utf-8"), "html.parser")


def test_the_page_loses_its_weight_and_every_foreign_host(site: Path) -> None:
    before = (site / PAGE).read_text("utf-8")
    assert len(before) > 500_000, "mkdocs-jupyter no longer inlines its style sheet: is this step still needed?"
    assert "cdnjs" in before
    lighten(site)
    after = (site / PAGE).read_text("utf-8")
    assert len(after) < 40_000
    assert "cdnjs" not in after
    article = lab(site).article
    assert article is not None
    assert article.select("script, style, clipboard-copy") == []
    assert [p.name for p in (site / "assets").rglob("*") if "jupyter" in p.name] == []


def test_a_second_time_changes_nothing_and_other_pages_keep_their_content(site: Path) -> None:
    chapter = (site / "optimizers/index.html").read_text("utf-8")
    lighten(site)
    first = {p: p.read_bytes() for p in site.rglob("*.html")}
    lighten(site)
    assert {p: p.read_bytes() for p in site.rglob("*.html")} == first
    named = (site / "optimizers/index.html").read_text("utf-8")
    mended = named.replace(' aria-label="Search"', "").replace("<script defer src=", "<script src=")
    assert mended == chapter.replace(' aria-label="Search"', "")
    assert 'role="dialog" aria-label="Search"' in named


def test_text_cells_are_rendered_as_chapters_are(site: Path) -> None:
    lighten(site)
    page = lab(site)
    assert page.select_one("annotation", string=r"\beta_1") is not None
    title = page.select_one("div.admonition.note p.admonition-title")
    assert title is not None
    assert title.text == "Try it"
    assert "!!!" not in page.article.text if page.article else False
    assert "$x$" in [c.text for c in page.select("code")]


def test_links_hold_on_the_built_page(site: Path) -> None:
    lighten(site)
    hrefs = {a.text: str(a["href"]) for a in lab(site).select(".lab a[href]")}
    assert hrefs["the chapter"] == "../../../optimizers/#the-race"
    assert hrefs["Away"] == "https://example.org"
    for name in ("the chapter", "home", "data", "Download the notebook"):
        target = (site / PAGE).parent / hrefs[name].partition("#")[0]
        assert target.exists(), hrefs[name]


def test_a_lab_can_be_taken_along_in_every_way_that_there_is(site: Path) -> None:
    def ways(repository: str = "") -> dict[str, str]:
        lighten(site, repository)
        return {a.text: str(a["href"]) for a in lab(site).select("h1 + p.download a")}

    untouched = (site / PAGE).read_text("utf-8")
    assert ways() == {"Download the notebook": "optimizers.ipynb"}
    (site / PAGE).write_text(untouched, "utf-8")
    (site / "live/labs/optimizers.py").write_text("# %%\n", "utf-8")
    found = ways("owner/name")
    assert list(found) == ["Download the notebook", "Download the script", "Open in Colab"]
    assert ((site / PAGE).parent / found["Download the script"]).is_file()
    assert found["Open in Colab"].endswith("/github/owner/name/blob/notebooks/optimizers.ipynb")


def test_headings_have_the_ids_of_the_table_of_contents(site: Path) -> None:
    lighten(site)
    page = lab(site)
    wanted = {str(a["href"]) for a in page.select(".md-nav--secondary a[href^='#']")}
    assert {"#again", "#again_1"} <= wanted
    assert wanted <= {f"#{h['id']}" for h in page.select(".lab :is(h1, h2, h3)")}


def test_code_outputs_and_text_alternatives_stay(site: Path) -> None:
    lighten(site)
    page = lab(site)
    assert [c.text.strip() for c in page.select(".highlight > pre > code")] == ["print(loss)", "show(fig)"]
    assert page.select(".output")[0].text.strip() == "0.41"
    [img] = page.select(".lab img")
    assert img["alt"] == ALT
    assert (site / PAGE.parent / str(img["src"])).read_bytes() == IMAGE
    assert (img["width"], img["height"]) == ("640", "480")


def test_the_text_of_an_image_may_stand_in_three_places(site: Path) -> None:
    def by_cell(cells: list[dict[str, Any]]) -> None:
        cells[3]["outputs"][0]["metadata"] = {}
        cells[3]["metadata"] = {"alt": "by the cell"}

    change(site, by_cell)
    lighten(site)
    assert [img["alt"] for img in lab(site).select(".lab img")] == ["by the cell"]


def _set(index: int, source: str) -> Callable[[list[dict[str, Any]]], None]:
    return lambda cells: cells[index].update(source=source)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda cells: cells[3]["outputs"][0].update(metadata={}), "an image has no text alternative"),
        (_set(2, "[x](../optimisers.md)"), "link ../optimisers.md leads nowhere"),
        (_set(2, "[x](../optimizers.md#no)"), "that page has no #no"),
        (_set(2, "[x](../../../../etc/passwd)"), "leads nowhere"),
        (_set(2, "$\\frac{1$"), "TeX error in"),
        (_set(2, "{=race.adam}"), "'{=race.adam}' is left over"),
        (_set(2, "![x](https://example.org/x.png)"), "would be fetched from another host"),
        (_set(0, "no title"), "has no title"),
        (lambda cells: cells.pop(), "4 cells on the page, 3 in optimizers.ipynb"),
    ],
)
def test_what_is_wrong_fails_in_one_line(site: Path, edit: Callable[[Any], None], said: str) -> None:
    change(site, edit)
    with pytest.raises(PressError) as error:
        lighten(site)
    assert said in str(error.value)
    assert str(error.value).startswith("live/labs/optimizers: ")
    assert "\n" not in str(error.value)


def test_a_page_without_its_notebook_fails(site: Path) -> None:
    (site / NOTEBOOK).unlink()
    with pytest.raises(PressError, match="include_source"):
        lighten(site)


def test_headings_of_tables_say_what_they_head(site: Path) -> None:
    lighten(site)
    heads = lab(site).select("table.dataframe th")
    assert [head["scope"] for head in heads] == ["col", "col", "row"]
    assert not any("valign" in head.attrs for head in heads)


def test_no_page_keeps_an_empty_tabindex(site: Path) -> None:
    page = site / "optimizers/index.html"
    page.write_text(page.read_text("utf-8").replace("<h1", '<label tabindex="">x</label><h1'), "utf-8")
    lighten(site)
    assert "<label>x</label>" in page.read_text("utf-8")
    assert 'tabindex=""' not in page.read_text("utf-8")


def test_a_page_waits_for_no_style_sheet_that_it_does_not_need(tmp_path: Path) -> None:
    links = "".join(f'\n  <link rel="stylesheet" href="../assets/{sheet}">' for sheet in ("book.css", *SHEETS))
    bodies = {"plain": "<p>Text.</p>", "tex": '<span class="katex">x</span>'}
    bodies["both"] = '<span class="katex-display"></span><div class="doc doc-object"></div>'
    for name, body in bodies.items():
        (tmp_path / f"{name}.html").write_text(f"<head>{links}\n</head><body>{body}</body>", encoding="utf-8")
    lighten(tmp_path)
    kept = {name: (tmp_path / f"{name}.html").read_text(encoding="utf-8") for name in bodies}
    assert {name: [sheet in text for sheet in ("book.css", *SHEETS)] for name, text in kept.items()} == {
        "plain": [True, False, False],
        "tex": [True, True, False],
        "both": [True, True, True],
    }


def test_code_keeps_its_colours_and_the_themes_script_is_deferred(tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    code = '<pre><code><span class="k">def</span><span class="w"> </span><span class="n">f</span></code></pre>'
    text = '<span class="n">outside</span>'
    page.write_text(f'{code}{text}<script src="../assets/javascripts/bundle.a5.min.js"></script>', encoding="utf-8")
    lighten(tmp_path)
    once = page.read_text(encoding="utf-8")
    assert '<code><span class="k">def</span> f</code>' in once
    assert text in once
    assert '<script defer src="../assets/javascripts/bundle.a5.min.js"></script>' in once
    lighten(tmp_path)
    assert page.read_text(encoding="utf-8") == once


def test_the_theme_names_no_scheme_upon_which_all_is_styled_again(site: Path) -> None:
    [script] = site.glob("assets/javascripts/bundle.*.js")
    before = script.read_text("utf-8")
    assert before.count(SCHEME) == 1
    lighten(site)
    assert script.read_text("utf-8") == before.replace(SCHEME, '{name:"theme-scheme"}')


def test_no_rule_for_every_element_is_set_and_taken_back(site: Path) -> None:
    lighten(site)
    sheets = list(site.glob("assets/stylesheets/palette.*.css"))
    assert sheets
    for sheet in sheets:
        assert "data-md-color-switching" not in sheet.read_text("utf-8")
        assert "[data-md-color-scheme=slate]" in sheet.read_text("utf-8")
