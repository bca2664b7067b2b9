"""What stands on the site, as a reader's browser sees it. How well it is made: test_site_quality.py."""

import gzip
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page

from served import ROOT, Site
from trainlab_press.livefiles import MEASURED

pytestmark = pytest.mark.site

Visit = Callable[[str, str, int], tuple[Page, list[str]]]


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Visit]:
    """Opens a page in a colour scheme at a width; returns it with everything that went wrong."""
    contexts = []

    def open_page(address: str, scheme: str, width: int) -> tuple[Page, list[str]]:
        context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})  # pyright: ignore[reportArgumentType]
        contexts.append(context)
        page, problems = context.new_page(), []
        page.on("console", lambda m: problems.append(f"console: {m.text}") if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: problems.append(f"error: {error}"))
        page.on("request", lambda r: None if r.url.startswith((site.url, "data:", "blob:")) else problems.append(r.url))
        page.on("response", lambda r: problems.append(f"{r.status} {r.url}") if r.status >= 400 else None)
        page.goto(site.url + address, wait_until="networkidle")
        return page, problems

    yield open_page
    for context in contexts:
        context.close()


def numbers_in(text: str) -> set[str]:
    return set(re.findall(r"\d+(?:\.\d+)?", text))


def test_every_figure_is_there_and_says_what_it_shows(visit: Visit, site: Site) -> None:
    seen = []
    for address in site.pages():
        if address == "404.html":
            continue
        page, _ = visit(address, "light", 1280)
        for figure in page.query_selector_all("figure.live"):
            name = (figure.get_attribute("id") or "").removeprefix("fig-")
            record = json.loads((site.folder / "live" / f"{name}.json").read_text())
            svg = figure.query_selector("svg[role=img]")
            assert svg is not None, name
            box = svg.bounding_box()
            assert box is not None, name
            assert box["width"] > 300, name
            assert box["height"] > 150, name
            words = svg.query_selector("desc")
            assert words is not None, name
            alternative = words.text_content() or ""
            assert alternative == record["alt"], name
            values = [value for value in record["numbers"].values() if value is not None]
            own = {f"{value:.{decimals}f}" for value in values for decimals in range(1, 5)}
            assert numbers_in(alternative) & own, f"{name}: no number of its own run in its text alternative"
            assert len(svg.query_selector_all("path")) > 10, name
            seen.append(name)
    index = json.loads((site.folder / "live" / "index.json").read_text())
    assert set(seen) == {*MEASURED, *(experiment["name"] for experiment in index["experiments"])}


def test_figures_follow_the_colour_scheme(visit: Visit) -> None:
    colors = {}
    for scheme in ("light", "dark"):
        page, _ = visit("optimizers/", scheme, 1280)
        colors[scheme] = page.evaluate("getComputedStyle(document.querySelector('#fig-optimizer_race svg text')).fill")
    assert colors["light"] != colors["dark"]


def test_images_of_labs_have_text_alternatives_with_numbers(visit: Visit) -> None:
    page, _ = visit("live/labs/optimizers/", "light", 1280)
    images = page.query_selector_all("article img")
    assert images
    for image in images:
        assert len(numbers_in(image.get_attribute("alt") or "")) >= 3


def test_live_numbers_stand_in_the_text(visit: Visit, site: Site) -> None:
    page, _ = visit("optimizers/", "light", 1280)
    record = json.loads((site.folder / "live" / "optimizer_race.json").read_text())
    shown = {element.get_attribute("value") for element in page.query_selector_all("article data")}
    assert str(record["numbers"]["adam_accuracy"]) in shown
    assert "{=" not in page.inner_text("article")


def test_claims_open_to_their_evidence(visit: Visit, site: Site) -> None:
    page, _ = visit("optimizers/", "light", 1280)
    claims = json.loads((site.folder / "live" / "claims.json").read_text())
    boxes = page.query_selector_all("details.claim")
    assert len(boxes) == sum(claim["chapter"] == "optimizers.md" for claim in claims) > 8
    boxes[0].query_selector("summary").click()  # pyright: ignore[reportOptionalMemberAccess]
    assert "95 % interval" in boxes[0].inner_text()


def test_each_snippet_and_its_output_are_on_a_page(visit: Visit, site: Site) -> None:
    text = ""
    for address in site.pages():
        page, _ = visit(address, "light", 1280)
        text += page.evaluate("document.body.textContent")
    for snippet in (ROOT / "snippets").glob("*.py"):
        assert snippet.read_text().strip() in text, snippet.name
        done = subprocess.run([sys.executable, str(snippet)], capture_output=True, text=True, check=True)
        assert done.stdout.strip() in text, snippet.name


def test_the_code_on_the_page_is_the_code_that_trained(visit: Visit) -> None:
    page, _ = visit("optimizers/", "light", 1280)
    text = page.evaluate("document.querySelector('article').textContent")
    folder = ROOT / "src" / "trainlab" / "optimizers"
    source = "".join((folder / name).read_text() for name in ("adam.py", "momentum.py"))
    lines = [line.strip() for line in source.splitlines() if 'state["m"] + ' in line or 'state["b"] + g' in line]
    assert len(lines) >= 2
    assert lines[0] in text
    assert "m_hat / (v_hat.sqrt() + self.eps)" in text


def test_search_finds_a_word_of_the_chapter(visit: Visit) -> None:
    page, problems = visit("", "light", 1280)
    page.click(".md-search__input")
    page.keyboard.type("momentum")
    page.wait_for_selector(".md-search-result__item")
    assert "Optimizers" in page.inner_text(".md-search-result")
    assert problems == []


def test_code_has_a_copy_button(visit: Visit) -> None:
    page, _ = visit("optimizers/", "light", 1280)
    assert page.query_selector_all(".md-clipboard, .md-code__button")


def test_notebooks_can_be_downloaded(visit: Visit, site: Site) -> None:
    page, _ = visit("live/labs/optimizers/", "light", 1280)
    links = [link.get_attribute("href") or "" for link in page.query_selector_all("article a")]
    notebook = next(link for link in links if link.endswith(".ipynb"))
    response = page.request.get(page.evaluate("link => new URL(link, location).href", notebook))
    assert response.ok
    assert response.json()["nbformat"] == 4


def test_pages_are_light(site: Site) -> None:
    """As they travel: compressed, with their figures."""
    for page in site.folder.rglob("*.html"):
        assert len(gzip.compress(page.read_bytes())) < 250_000, page
