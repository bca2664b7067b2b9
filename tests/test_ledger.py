"""The ledger: every claim in one table, whole without a script, and what the script adds in a browser."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag
from markdown import Markdown
from playwright.sync_api import Browser, Page

from trainlab_press.errors import PressError
from trainlab_press.ledger import COLUMNS
from trainlab_press.shown import shown

ROOT = Path(__file__).parents[1]


def claim(claim_id: str, verdict: str, estimate: float | None, **changed: Any) -> dict[str, Any]:
    made = {"id": claim_id, "experiment": claim_id.split("/")[0], "text": f"Sentence of {claim_id}.", "chapter": None}
    made |= {"source": "Somebody 1999", "url": "https://example.org/1999", "statistic": "difference in points"}
    made |= {"estimate": estimate, "low": estimate and estimate - 1, "high": estimate and estimate + 1, "n": 10}
    return {**made, "expected": verdict, "verdict": verdict, **changed}


CLAIMS = [
    claim("race/far", "holds", 20.0, kind="paired difference", region=[0, None], text="At {=race.adam:.0f} %."),
    claim("race/near", "null", 0.5, why="Too few seeds see {=race.adam:.0f}.", region=[0, None]),
    claim("race/old", "holds", None),
    claim("width/less", "reversed", -3.0, why="Small nets differ.", url="", source=""),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    live = tmp_path / "docs" / "live"
    live.mkdir(parents=True)
    (live / "claims.json").write_text(json.dumps(CLAIMS), "utf-8")
    for name in ("race", "width"):
        record = {"name": name, "question": f"Which {name}?", "numbers": {"adam": 64.1}, "source": "x.py"}
        (live / f"{name}.json").write_text(json.dumps(record), "utf-8")
    (tmp_path / "docs" / "ledger.md").write_text("# Ledger\n\n!ledger\n", "utf-8")
    chapter = "# Speed {#speed}\n\n![](fig:race)\n\n!claim race/near\n!claim race/far\n"
    (tmp_path / "docs" / "a.md").write_text(chapter, "utf-8")
    (tmp_path / "docs" / "b.md").write_text(
        "# Width\n\n!!! note\n\n    !claim width/less\n\n!claim race/far\n", "utf-8"
    )
    return tmp_path


def html(root: Path) -> BeautifulSoup:
    options = {"trainlab_press.markdown": {"root": str(root)}}
    md = Markdown(extensions=["trainlab_press.markdown"], extension_configs=options)
    return BeautifulSoup(md.convert("!ledger"), "html.parser")


def cell(row: Tag, column: str) -> Tag:
    return row.select("td")[COLUMNS.index(column)]


# Which page shows what


def test_code_and_comments_show_nothing(tmp_path: Path) -> None:
    hidden = "```\n!claim a/b\n```\n\n<!--\n!claim a/b\n-->\n\nText of `![](fig:a)` and\n`!ledger`.\n"
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text(hidden, "utf-8")
    found = shown(tmp_path, tmp_path / "docs" / "live")
    assert (found.claims, found.figures, found.ledger) == ({}, {}, None)


def test_the_first_page_counts_and_generated_ones_do_not(root: Path) -> None:
    (root / "docs" / "live" / "part.md").write_text("!claim race/old\n", "utf-8")
    found = shown(root, root / "docs" / "live")
    assert {claim_id: page.path for claim_id, page in found.claims.items()} == {
        "race/near": "a.md",
        "race/far": "a.md",
        "width/less": "b.md",
    }
    assert found.claims["race/far"].title == "Speed"
    assert found.figures["race"].path == "a.md"
    assert found.ledger is not None
    assert found.ledger.path == "ledger.md"


NAV = """
nav:
  - Home: index.md
  - b.md
  - Chapters: [{Parts: [{Second: a.md}]}, https://example.org]
  - Again: b.md
plugins: !ENV [PLUGINS, {x: !relative $config_dir}]
"""


def test_pages_come_in_the_order_of_the_navigation_and_the_others_after_it(root: Path) -> None:
    (root / "mkdocs.yml").write_text(NAV, "utf-8")
    (root / "docs" / "0.md").write_text("# Not in the navigation\n\n!claim race/far\n!claim race/old\n", "utf-8")
    found = shown(root, root / "docs" / "live").claims
    assert [(claim_id, page.path) for claim_id, page in found.items()] == [
        ("width/less", "b.md"),
        ("race/far", "b.md"),
        ("race/near", "a.md"),
        ("race/old", "0.md"),
    ]
    rows = html(root).select("table.ledger tbody tr")
    assert [row["id"] for row in rows] == [f"ledger-{claim_id.replace('/', '-')}" for claim_id in found]


# The table


def test_every_claim_has_a_row_in_the_order_of_the_chapters(root: Path) -> None:
    rows = html(root).select("table.ledger tbody tr")
    assert [row["id"] for row in rows] == [
        "ledger-race-near",
        "ledger-race-far",
        "ledger-width-less",
        "ledger-race-old",
    ]
    assert [cell(row, "Verdict").text for row in rows] == ["No difference seen", "Holds", "Reversed", "Holds"]


def test_a_row_has_the_sentence_the_evidence_and_the_links(root: Path) -> None:
    row = html(root).select("tbody tr")[1]
    assert [part.text for part in cell(row, "Claim").select(".sentence, .basis")] == [
        "At 64 %.",
        "Difference in points. Kind: paired difference. The sentence holds where the whole interval lies above 0.",
    ]
    assert cell(row, "Estimate").text == "20.0"
    assert cell(row, "95 % interval").text == "19.0 to 21.0"
    assert cell(row, "Seeds").text == "10"
    assert [link["href"] for link in row.select("a")] == [
        "a.md#claim-race-far",
        "a.md#fig-race",
        "https://example.org/1999",
    ]


def test_nulls_and_reversals_say_why_and_are_counted(root: Path) -> None:
    soup = html(root)
    assert [why.text for why in soup.select("tbody .why")] == ["Too few seeds see 64.", "Small nets differ."]
    assert [item.text for item in soup.select("ul.counts li")] == [
        "2 holds",
        "1 null",
        "1 reversed",
        "1 on no page yet",
    ]


def test_what_is_missing_is_said(root: Path) -> None:
    *_, reversed_, nowhere = html(root).select("tbody tr")
    assert cell(reversed_, "Source").text == "an observation of this book"
    assert [link["href"] for link in reversed_.select("a")] == ["b.md#claim-width-less"], "no page shows its figure"
    chapter = cell(nowhere, "Chapter")
    assert (chapter.text, chapter["data-key"]) == ("On no pageFigure", "On no page"), "its figure is shown all the same"
    assert (cell(nowhere, "Estimate").text, cell(nowhere, "95 % interval").text) == ("not finite", "unbounded")


@pytest.mark.parametrize(
    ("low", "high", "said"), [(2.0, None, "2 or more"), (None, 3.0, "3 or less"), (2.0, 3.0, "2.0 to 3.0")]
)
def test_an_interval_may_have_one_end(root: Path, low: float | None, high: float | None, said: str) -> None:
    made = claim("race/far", "holds", 2.5, low=low, high=high)
    (root / "docs" / "live" / "claims.json").write_text(json.dumps([made]), "utf-8")
    assert cell(html(root).select("tbody tr")[0], "95 % interval").text == said


def test_a_number_that_does_not_exist_fails(root: Path) -> None:
    made = claim("race/far", "holds", 2.5, text="At {=race.adan}.")
    (root / "docs" / "live" / "claims.json").write_text(json.dumps([made]), "utf-8")
    with pytest.raises(PressError, match="race has no number adan; did you mean adam"):
        html(root)


def test_a_table_that_looks_like_blocks_still_is_one(root: Path) -> None:
    table = html(root).select_one("table.ledger")
    assert table is not None
    assert table["role"] == "table"
    for tag, role in (("tr", "row"), ("th", "columnheader"), ("td", "cell")):
        assert {str(element["role"]) for element in table.select(tag)} == {role}
    for row in table.select("tbody tr"):
        assert [element["data-label"] for element in row.select("td")] == list(COLUMNS)


# In a browser


@pytest.fixture
def page(root: Path, browser: Browser) -> Iterator[Page]:
    """The table with the book's style and script, on a wide screen."""
    style, script = ((ROOT / "docs" / "assets" / name).read_text("utf-8") for name in ("book.css", "tables.js"))
    head = f'<meta charset="utf-8"><style>{style}</style>'
    file = root / "ledger.html"
    article = f'<article class="md-typeset">{html(root)}</article>'
    file.write_text(f"<!doctype html><html><head>{head}</head><body>{article}<script>{script}</script></body>", "utf-8")
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    opened.goto(file.as_uri())
    yield opened
    opened.close()


def visible(page: Page) -> list[str]:
    return [row.get_attribute("id") or "" for row in page.query_selector_all("tbody tr") if row.is_visible()]


@pytest.mark.site
def test_filters_sorting_and_a_phone(page: Page) -> None:
    assert page.inner_text(".filters p") == "4 of 4 shown"
    page.get_by_label("Verdict").select_option("Holds")
    assert visible(page) == ["ledger-race-far", "ledger-race-old"]
    assert page.inner_text(".filters [role=status]") == "2 of 4 shown"
    page.get_by_label("Chapter").select_option("On no page")
    assert visible(page) == ["ledger-race-old"]
    page.get_by_label("Verdict").select_option("")
    page.get_by_label("Chapter").select_option("")

    button = page.get_by_role("button", name="Estimate")
    button.click()
    assert visible(page) == ["ledger-width-less", "ledger-race-near", "ledger-race-far", "ledger-race-old"]
    assert page.get_attribute("th[aria-sort]", "aria-sort") == "ascending"
    button.click()
    assert visible(page) == ["ledger-race-far", "ledger-race-near", "ledger-width-less", "ledger-race-old"]
    assert page.get_attribute("th[aria-sort]", "aria-sort") == "descending"
    page.get_by_role("button", name="Claim").click()
    assert len(page.query_selector_all("th[aria-sort]")) == 1

    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert len(visible(page)) == 4
    assert page.evaluate("getComputedStyle(document.querySelector('tbody td')).display") == "block"
    page.get_by_label("Verdict").select_option("Null")
    assert visible(page) == ["ledger-race-near"]
