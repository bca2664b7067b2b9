"""The whole site, as a reader's browser sees it.

By default the site is built in smoke mode into a temporary copy. TRAINLAB_SITE names a built site to check instead.
"""

import functools
import gzip
import http.server
import io
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from trainlab_press.livefiles import MEASURED

ROOT = Path(__file__).parents[1]
CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
IN_CI = os.environ.get("CI") == "true"

pytestmark = pytest.mark.site


@dataclass(frozen=True)
class Site:
    """A built site that is being served.

    Args:
        folder: its files.
        url: its address, under a sub-path, ending in a slash.
    """

    folder: Path
    url: str

    def pages(self) -> list[str]:
        """Addresses of all pages, relative to the site."""
        found = sorted(page.relative_to(self.folder).as_posix() for page in self.folder.rglob("*.html"))
        return [page.removesuffix("index.html") for page in found]


def copy_project(target: Path) -> Path:
    """A copy of what a build reads, without what a build writes."""
    shutil.copytree(ROOT / "docs", target / "docs", ignore=shutil.ignore_patterns("live"))
    for folder in ("snippets", "overrides", "src"):
        shutil.copytree(ROOT / folder, target / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("mkdocs.yml", "README.md"):
        shutil.copy(ROOT / file, target / file)
    return target


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a built site."""
    if named := os.environ.get("TRAINLAB_SITE"):
        return Path(named).resolve()
    project = copy_project(tmp_path_factory.mktemp("project"))
    command = [sys.executable, "-m", "trainlab.cli", "site", "--smoke"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "make serve" in done.stdout
    return project / "site"


@pytest.fixture(scope="session")
def site(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The built site on a loopback port, below a sub-path as on a project's pages."""
    above = tmp_path_factory.mktemp("served")
    (above / "book").symlink_to(built)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(above))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield Site(built, f"http://127.0.0.1:{server.server_port}/book/")
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium."""
    if CHROMIUM is None:
        assert not IN_CI, "CI needs Chromium; install the package chromium"
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


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


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_in_a_browser(visit: Visit, site: Site, scheme: str, width: int) -> None:
    assert {"", "optimizers/", "live/labs/optimizers/", "architecture/"} <= set(site.pages())
    for address in site.pages():
        if address == "404.html":  # its links are absolute, for the root of the host it is published on
            continue
        page, problems = visit(address, scheme, width)
        assert problems == [], address
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overflow <= 0, f"{address} is {overflow} px too wide"
        dark = page.evaluate("document.body.dataset.mdColorScheme") == "slate"
        assert dark == (scheme == "dark"), address
        assert not page.query_selector_all('[src^="fig:"]'), address
        title, text = page.inner_text("article h1"), page.inner_text("article").strip()
        assert text.startswith(title), f"{address} starts with {text[:60]!r}: raw front matter?"


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


def test_every_link_within_the_site_leads_somewhere(site: Site) -> None:
    broken = []
    for page in site.folder.rglob("*.html"):
        if page.name == "404.html":
            continue
        for link in re.findall(r'(?:href|src)="([^"]+)"', page.read_text(encoding="utf-8")):
            if re.match(r"[a-z]+:|#|//", link):
                continue
            target = (page.parent / link.split("#")[0].split("?")[0]).resolve()
            if not (target.is_file() or (target / "index.html").is_file()):
                broken.append(f"{page.relative_to(site.folder)}: {link}")
    assert broken == []


def test_pages_are_light(site: Site) -> None:
    """As they travel: compressed, with their figures."""
    for page in site.folder.rglob("*.html"):
        assert len(gzip.compress(page.read_bytes())) < 250_000, page


# The pages beside the ledger


def test_the_gallery_shows_every_figure_in_the_scheme_of_the_page(visit: Visit, site: Site) -> None:
    page, problems = visit("gallery/", "light", 1280)
    index = json.loads((site.folder / "live" / "index.json").read_text())
    names = {(image.get_attribute("src") or "").split("/")[-1] for image in page.query_selector_all(".gallery img")}
    assert names == {f"{name}.svg" for name in (*MEASURED, *(entry["name"] for entry in index["experiments"]))}
    first = page.locator(".gallery img").first
    assert first.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0

    def brightness() -> int:
        return sum(Image.open(io.BytesIO(first.screenshot())).convert("RGB").getpixel((2, 2)))  # pyright: ignore[reportArgumentType, reportCallIssue]

    assert brightness() > 600
    page.evaluate("document.body.dataset.mdColorScheme = 'slate'")  # what the switch does; the system stays light
    page.wait_for_timeout(300)
    assert brightness() < 200
    assert problems == []


def test_fields_find_figures_and_sources(visit: Visit) -> None:
    for address, name, words, selector in (
        ("gallery/", "Find a figure", "gradient", ".gallery li"),
        ("bibliography/", "Find a source", "muller", "ul.works[data-filter] > li"),
    ):
        page, _ = visit(address, "light", 390)
        entries = page.locator(selector)
        assert page.inner_text(".filters [role=status]") == f"{entries.count()} of {entries.count()} shown"
        page.get_by_label(name).fill(words)
        shown = [entry for entry in entries.all() if entry.is_visible()]
        assert 0 < len(shown) < entries.count(), address
        assert page.inner_text(".filters [role=status]").startswith(f"{len(shown)} of ")


def test_each_term_is_linked_once_from_each_chapter_that_uses_it(visit: Visit, site: Site) -> None:
    page, _ = visit("glossary/", "light", 1280)
    terms = {str(entry.get_attribute("id")) for entry in page.query_selector_all("dl dt")}
    assert len(terms) >= 60
    assert page.query_selector_all("a.term") == []
    used: set[str] = set()
    for address in site.pages():
        text = (site.folder / address / "index.html").read_text("utf-8") if address.endswith("/") else ""
        found = re.findall(r'<a class="term" href="\.\./glossary/#([\w-]+)" title="[^"]+">', text)
        assert len(found) == text.count('class="term"') == len(set(found)), address
        used |= set(found)
    assert used == terms


def test_a_term_says_what_it_means_by_keyboard(visit: Visit) -> None:
    page, _ = visit("signals/", "dark", 390)
    term = page.locator("a.term").first
    page.keyboard.press("Tab")
    term.focus()
    box = term.evaluate("""link => {
      const style = getComputedStyle(link, "::after");
      return {content: style.content, position: style.position, title: link.title};
    }""")
    assert box["position"] == "fixed"
    assert box["content"].strip('"') == box["title"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_every_source_of_a_claim_is_in_the_bibliography(visit: Visit, site: Site) -> None:
    page, _ = visit("bibliography/", "light", 1280)
    claims = json.loads((site.folder / "live" / "claims.json").read_text())
    links = {link.get_attribute("href") for link in page.query_selector_all("ul.works a")}
    tested = sum(claim["source"] != "an observation of this book" for claim in claims)
    assert len(page.query_selector_all("ul.works details li")) == tested
    assert {claim["url"] for claim in claims} - {""} <= links


def test_how_it_was_made_has_the_numbers_of_the_index(visit: Visit, site: Site) -> None:
    page, _ = visit("making/", "light", 1280)
    totals = json.loads((site.folder / "live" / "index.json").read_text())["totals"]
    last = page.locator("table.making tr").last.inner_text()
    assert f"{totals['runs']:,}" in last
    assert f"{totals['training_steps']:,}" in last
    assert page.locator("dl.making dt").all_inner_texts()[:3] == ["Built", "From", "Machine"]
