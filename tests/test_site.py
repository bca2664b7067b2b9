"""What stands on the site, as a reader's browser sees it. How well it is made: test_site_quality.py."""

import html
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

import trainlab
from served import ROOT, Site, compressed, weight
from trainlab_press.livefiles import MEASURED
from trainlab_press.provenance import MOST_ROWS
from trainlab_press.snippets import record

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
        file = site.folder / (address if address.endswith(".html") else f"{address}index.html")
        if not re.search(r"<figure\b", file.read_text(encoding="utf-8")):
            continue
        page, _ = visit(address, "light", 1280)
        for place, figure in enumerate(page.query_selector_all("figure.live")):
            name = (figure.get_attribute("id") or "").removeprefix("fig-")
            record = json.loads((site.folder / "live" / f"{name}.json").read_text())
            drawing = figure.query_selector(".plot > :is(svg[role=img], img)")
            assert drawing is not None, name
            box = drawing.bounding_box()
            assert box is not None, name
            assert box["width"] > 300, name
            assert box["height"] > 150, name
            words = drawing.query_selector("desc")
            assert (words is None) == (place > 0), f"{name}: only the first is drawn in the page"
            alternative = (words.text_content() if words else drawing.get_attribute("alt")) or ""
            assert alternative == record["alt"], name
            values = [value for value in record["numbers"].values() if value is not None]
            own = {f"{value:.{decimals}f}" for value in values for decimals in range(1, 5)}
            assert numbers_in(alternative) & own, f"{name}: no number of its own run in its text alternative"
            assert words or drawing.evaluate("one => one.decode().then(() => one.naturalWidth)") > 0, name
            assert (site.folder / "live" / record["svg"]).read_text("utf-8").count("<path") > 10, name
            seen.append(name)
    index = json.loads((site.folder / "live" / "index.json").read_text())
    assert set(seen) == {*MEASURED, *(experiment["name"] for experiment in index["experiments"])}


def test_figures_follow_the_colour_scheme(visit: Visit) -> None:
    colors = {}
    for scheme in ("light", "dark"):
        page, _ = visit("optimizers/", scheme, 1280)
        colors[scheme] = page.evaluate("getComputedStyle(document.querySelector('#fig-optimizer_race svg text')).fill")
    assert colors["light"] != colors["dark"]


@pytest.mark.parametrize("system", ["light", "dark"])
def test_pictures_follow_the_scheme_that_the_reader_chooses(visit: Visit, system: str) -> None:
    page, _ = visit("optimizers/", system, 1280)
    picture = page.locator("figure.live .plot > img").first
    papers = {}
    for _ in range(2):  # from "as the system" to light, then to dark
        page.click("form.md-header__option label:visible")
        picture.scroll_into_view_if_needed()
        picture.evaluate("one => one.decode()")
        page.mouse.move(0, 0)
        pixels = Image.open(io.BytesIO(picture.screenshot())).convert("L")
        papers[page.get_attribute("body", "data-md-color-scheme")] = pixels.getpixel((1, 1))
    assert papers["default"] > 240
    assert papers["slate"] < 40


def test_a_whole_page_can_be_printed_once_it_has_loaded(visit: Visit) -> None:
    page, _ = visit("optimizers/", "light", 1280)
    pictures = page.locator("figure.live .plot > img")
    assert pictures.count() > 5
    page.wait_for_function("[...document.querySelectorAll('figure.live img')].every((one) => one.naturalWidth > 0)")


def test_what_a_figure_folds_away_is_fetched_and_can_be_sorted(visit: Visit, site: Site) -> None:
    page, problems = visit("optimizers/", "light", 1280)
    figure = page.locator("#fig-optimizer_race")
    runs = figure.locator("details.part").first
    assert figure.locator("table.runs").count() == 0
    figure.locator("details.provenance > summary").first.click()
    runs.locator("summary").click()
    runs.locator("table.runs").wait_for()
    record = json.loads((site.folder / "live" / "optimizer_race.json").read_text())
    assert runs.locator("tbody tr").count() == min(len(record["table"]["rows"]), MOST_ROWS)
    rates = runs.get_by_role("button", name="lr")
    rates.click()
    column = record["table"]["varying"].index("lr") + 1
    sorted_by = [float(text) for text in runs.locator(f"tbody td:nth-child({column})").all_text_contents()]
    assert sorted_by == sorted(sorted_by)
    assert len({*sorted_by}) > 5
    assert problems == []


def test_what_a_figure_folds_away_is_named_without_scripts(browser: Browser, site: Site) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site.url + "optimizers/")
    figure = page.locator("#fig-optimizer_race")
    figure.locator("details.provenance > summary").first.click()
    figure.locator("details.part summary").first.click()
    assert "Without scripts, the files below have the same" in figure.inner_text()
    assert figure.get_by_role("link", name="Record (JSON)").is_visible()
    context.close()


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


def test_each_snippet_and_its_output_are_on_a_page(site: Site, recorded: dict[str, str]) -> None:
    """The output is what tests/test_snippets.py compares with that of a reader's own run."""
    markup = "".join(page.read_text(encoding="utf-8") for page in sorted(site.folder.rglob("*.html")))
    text = html.unescape(re.sub(r"<[^>]*>", "", markup))
    for snippet in (ROOT / "snippets").glob("*.py"):
        assert snippet.read_text().strip() in text, snippet.name
        assert recorded[snippet.stem].strip() in text, snippet.name


def test_each_copied_snippet_prints_what_the_page_shows(
    browser: Browser, site: Site, tmp_path: Path, shared: Path
) -> None:
    """The text comes from the clipboard, after a press of each button, and runs where trainlab cannot be imported."""
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(site.url + "snippets/", wait_until="networkidle")
    page.evaluate("document.querySelectorAll('.snippets details').forEach((inside) => (inside.open = true))")
    shown: dict[Path, str] = {}
    cards = page.query_selector_all(".snippets li")
    for card in cards:
        card.scroll_into_view_if_needed()  # the theme adds the button once the code is in sight
        button = card.wait_for_selector("[data-clipboard-target]")
        assert button is not None
        page.evaluate("navigator.clipboard.writeText('')")
        button.click()
        page.wait_for_function("navigator.clipboard.readText().then((text) => text !== '')")
        script = tmp_path / f"{(card.get_attribute('id') or '').removeprefix('snippet-')}.py"
        # The theme leaves out the last line's end, which the file has.
        script.write_text(page.evaluate("navigator.clipboard.readText()").rstrip("\n") + "\n", "utf-8")
        output = card.query_selector(".no-copy code")
        assert output is not None, script.name
        shown[script] = output.text_content() or ""
    context.close()
    assert {script.name for script in shown} == {script.name for script in (ROOT / "snippets").glob("*.py")}
    # What this test run has run already, to the byte, is not run again.
    record(tmp_path, tmp_path / "live", shared)
    printed = {script: (tmp_path / "live" / "snippets" / f"{script.stem}.txt").read_text("utf-8") for script in shown}
    assert printed == shown


def test_a_snippet_is_found_by_its_words_copied_by_keyboard_and_downloaded(visit: Visit, site: Site) -> None:
    page, problems = visit("snippets/", "light", 390)
    page.get_by_label("Find a snippet").fill("bias correction")
    found = {card.get_attribute("id") for card in page.query_selector_all(".snippets li") if card.is_visible()}
    assert {"snippet-adam", "snippet-bias_correction"} <= found
    assert "snippet-mc_dropout" not in found
    summary = page.locator("#snippet-adam summary")
    summary.focus()
    page.keyboard.press("Enter")
    assert page.locator("#snippet-adam .no-copy").is_visible()
    page.locator("#snippet-adam pre").first.scroll_into_view_if_needed()
    page.locator("#snippet-adam [data-clipboard-target]").wait_for(state="attached")
    for _ in range(6):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('#snippet-adam [data-clipboard-target]')"):
            break
    else:
        pytest.fail("Tab does not lead from the summary to the button that copies")
    link = page.locator("#snippet-adam a[download]").get_attribute("href") or ""
    response = page.request.get(page.evaluate("link => new URL(link, location).href", link))
    assert response.body() == (ROOT / "snippets" / "adam.py").read_bytes()
    assert problems == []


def test_each_snippet_links_to_its_place(visit: Visit) -> None:
    page, _ = visit("snippets/", "light", 1280)
    links = page.eval_on_selector_all(".snippets .ways a:first-child", "links => links.map((link) => link.href)")
    names = page.eval_on_selector_all(".snippets li", "cards => cards.map((card) => card.id)")
    texts: dict[str, str] = {}
    for name, link in zip(names, links, strict=True):
        address, _, anchor = link.partition("#")
        if address not in texts:
            texts[address] = page.request.get(address).text()
        place = texts[address].find(f'id="{anchor}"')
        assert place > 0, link
        assert f"{name.removeprefix('snippet-')}.py" in texts[address][place:] or "exercise" in link, link


def test_the_code_on_the_page_is_the_code_that_trained(visit: Visit) -> None:
    page, _ = visit("optimizers/", "light", 1280)
    text = page.evaluate("document.querySelector('article').textContent")
    folder = ROOT / "src" / "trainlab" / "optimizers"
    source = "".join((folder / name).read_text() for name in ("adam.py", "momentum.py"))
    lines = [line.strip() for line in source.splitlines() if 'state["m"] + ' in line or 'state["b"] + g' in line]
    assert len(lines) >= 2
    assert lines[0] in text
    assert "m_hat / (v_hat.sqrt() + self.eps)" in text


@pytest.mark.parametrize(("width", "beside"), [(1280, True), (390, False)])
def test_a_symptom_is_one_click_away_and_reads_well(visit: Visit, width: int, beside: bool) -> None:
    page, problems = visit("diagnosis/", "light", width)
    page.click("article table a[href='#many-relu-units-are-dead']")
    entry = page.locator(":is(#many-relu-units-are-dead + dl, #many-relu-units-are-dead + .passage > dl)")
    word, text = (entry.locator(part).first.bounding_box() for part in ("dt", "dd"))
    assert word is not None
    assert text is not None
    assert 0 <= word["y"] < 900, "the heading's entry is in view"
    assert (word["x"] + word["width"] <= text["x"]) == beside
    assert (word["y"] + word["height"] <= text["y"]) != beside
    assert text["width"] > 280
    assert problems == []


def test_search_finds_a_word_of_the_chapter(visit: Visit) -> None:
    page, problems = visit("", "light", 1280)
    asked = "performance.getEntriesByType('resource').filter((one) => one.name.endsWith('search_index.json')).length"
    assert page.evaluate(asked) == 0, "nobody has searched yet"
    page.click(".md-search__input")
    page.keyboard.type("momentum")
    page.wait_for_selector(".md-search-result__item")
    assert "Optimizers" in page.inner_text(".md-search-result")
    assert page.evaluate(asked) == 1
    assert problems == []


def test_an_address_with_a_word_marks_it(visit: Visit) -> None:
    page, problems = visit("optimizers/?h=momentum", "light", 1280)
    page.wait_for_selector("article mark")
    assert page.inner_text("article mark").lower() == "momentum"
    assert problems == []


def test_code_has_a_copy_button(visit: Visit) -> None:
    page, _ = visit("optimizers/", "light", 1280)
    code = page.locator("article .highlight:visible").first
    code.scroll_into_view_if_needed()
    code.locator(".md-code__button").wait_for(state="attached")


def test_notebooks_can_be_downloaded(visit: Visit, site: Site) -> None:
    page, _ = visit("live/labs/optimizers/", "light", 1280)
    links = page.eval_on_selector_all("p.download a[download]", "links => links.map((link) => link.href)")
    notebook, script = (page.request.get(link) for link in links)
    assert notebook.json()["nbformat"] == 4
    assert script.body() == (ROOT / "docs" / "labs" / "optimizers.py").read_bytes()


def test_the_link_to_a_lab_can_be_copied(browser: Browser, site: Site) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(f"{site.url}live/labs/optimizers/#a-run", wait_until="networkidle")
    page.get_by_role("button", name="Copy link").click()
    page.wait_for_selector("p.download [role=status]:has-text('Copied')")
    assert page.evaluate("navigator.clipboard.readText()") == f"{site.url}live/labs/optimizers/"
    context.close()


def test_the_home_page_has_the_numbers_of_this_build(visit: Visit, site: Site) -> None:
    page, _ = visit("", "light", 1280)
    index = json.loads((site.folder / "live" / "index.json").read_text())
    shown = [element.get_attribute("value") or "" for element in page.query_selector_all("article data")]
    for key in ("runs", "training_steps", "figures", "quotes", "claims", "holds", "null", "reversed", "snippets"):
        assert repr(index["totals"][key]) in shown, key
    time = page.query_selector("article time")
    assert time is not None
    assert time.get_attribute("datetime") == index["trained"]


def test_pages_are_light(site: Site) -> None:
    """As they travel: compressed, with their figures."""
    for page in site.folder.rglob("*.html"):
        assert weight(page) < 250_000, page
    chapter = site.folder / "optimizers" / "index.html"
    assert weight(chapter) > len(compressed(chapter)) + 5_000, "its figures are not counted"


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
        ("bibliography/", "Find a source", "muller", ".filters + ul.works > li"),
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


def test_every_page_says_what_it_is_in_its_head(site: Site) -> None:
    described = {}
    for page in site.folder.rglob("index.html"):
        head = page.read_text(encoding="utf-8").partition("</head>")[0]
        said = dict(re.findall(r'<meta (?:name|property)="([^"]+)" content="([^"]*)"', head))
        assert 50 <= len(html.unescape(said["description"])) <= 160, page
        assert said["og:description"] == said["description"], page
        assert said["og:title"], page
        assert ("og:url" in said) == ("og:image" in said) == ('rel="canonical"' in head), page
        if "og:url" in said:
            address = said["og:url"].removesuffix(page.parent.relative_to(site.folder).as_posix().strip(".") + "/")
            picture = site.folder / said["og:image"].removeprefix(address.rstrip("/") + "/")
            assert picture.is_file(), page
            assert picture.stat().st_size < 60_000, picture
        described[page] = said["description"]
    assert len(set(described.values())) == len(described)


def test_every_exported_name_is_in_the_reference(site: Site) -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in (site.folder / "reference").rglob("index.html"))
    anchors = re.findall(r'id="(trainlab\.[\w.]+)"', pages)
    assert len(set(anchors)) == len(anchors)
    for name in set(trainlab.__all__) - {"__version__"}:
        assert f"{getattr(trainlab, name).__module__}.{name}" in anchors


def test_the_book_as_text_is_whole(site: Site) -> None:
    index, everything = ((site.folder / name).read_text(encoding="utf-8") for name in ("llms.txt", "llms-full.txt"))
    listed = re.findall(r"^- \[[^]]+\]\((\S+)\): \S", index, re.MULTILINE)
    files = {page.relative_to(site.folder).as_posix() for page in site.folder.rglob("index.md")}
    assert len(listed) == len(files) == len(site.pages()) - 1  # without 404.html
    assert all(any(one.endswith(f"/{file}") or one == file for one in listed) for file in files)
    record = json.loads((site.folder / "live" / "optimizer_race.json").read_text())
    assert record["alt"] in everything
    text = re.sub(r"`[^`\n]+`", "", everything)  # where the reference says how a number is written
    assert not re.search(r"\{=\w+\.\w|^!claim|<svg|<span", text, re.MULTILINE)


def test_the_diagram_of_the_modules_is_in_the_page(visit: Visit) -> None:
    page, problems = visit("architecture/", "dark", 390)
    box = page.locator("svg.ranks").bounding_box()
    assert box is not None
    assert 280 < box["width"] <= 390
    smallest = page.evaluate(
        "Math.min(...[...document.querySelectorAll('svg.ranks text')].map(t => t.getBoundingClientRect().height))"
    )
    assert smallest >= 11
    assert problems == []


# Interactive figures

TOUCHED = {
    "lr_sensitivity": ("optimizers/", "rate"),
    "quadratic_rates": ("optimizers/", "rate"),
    "signal_and_gradient": ("initialization/", "depth"),
    "schedule_constants": ("schedules/", "cosine-1"),
}
"""Experiment -> its page, and a slider of its interactive figure."""


def come_near(page: Page, name: str) -> None:
    """Scroll to an interactive figure and wait until it is drawn."""
    page.locator(f"#touch-{name}").scroll_into_view_if_needed()
    page.wait_for_selector(f"#touch-{name} .touch-stage svg path.axis")
    page.wait_for_function("name => document.querySelector(`#touch-${name} [role=status]`).textContent", arg=name)


def drawing(page: Page, name: str) -> tuple[str, str]:
    """What an interactive figure shows: its lines, and its sentence."""
    lines = page.eval_on_selector_all(f"#touch-{name} .touch-stage path", "all => all.map((path) => path.outerHTML)")
    clips = re.compile(r"touch-clip-\d+")
    return clips.sub("", "".join(lines)), page.inner_text(f"#touch-{name} [role=status]")


@pytest.mark.parametrize("name", TOUCHED)
def test_a_slider_moves_by_keyboard_and_the_address_restores_the_view(visit: Visit, name: str) -> None:
    address, key = TOUCHED[name]
    page, problems = visit(f"{address}?kept=1#sources", "light", 1280)
    come_near(page, name)
    first = drawing(page, name)
    page.focus(f"#touch-{name}-{key}")
    page.keyboard.press("ArrowRight" if key.startswith("cosine") else "ArrowLeft")
    page.wait_for_function("place => location.search.includes(place)", arg=f"{name}.{key}=")
    page.wait_for_timeout(300)  # the sentence comes a moment later
    moved = drawing(page, name)
    assert moved[0] != first[0]
    assert moved[1] != first[1]
    assert "kept=1" in page.url
    assert page.url.endswith("#sources")
    again, others = visit(page.url.partition("/book/")[2], "light", 1280)
    come_near(again, name)
    assert drawing(again, name) == moved
    again.click(f"#touch-{name} button:text-is('Reset')")
    again.wait_for_function("name => !location.search.includes(name)", arg=name)
    again.wait_for_timeout(300)
    assert drawing(again, name) == first
    assert problems + others == []


def test_two_figures_on_a_page_keep_their_states_apart(visit: Visit) -> None:
    page, _ = visit("optimizers/", "light", 1280)
    for name in ("quadratic_rates", "lr_sensitivity"):
        come_near(page, name)
        page.focus(f"#touch-{name}-rate")
        page.keyboard.press("ArrowRight")
        page.wait_for_function("place => location.search.includes(place)", arg=f"{name}.rate=")
    assert "quadratic_rates.rate=" in page.url
    assert "lr_sensitivity.rate=0.03" in page.url
    page.click("#touch-lr_sensitivity label:has-text('accuracy at the end')")
    page.uncheck("#touch-lr_sensitivity input[value=SGD]")
    page.wait_for_function("place => location.search.includes(place)", arg="lr_sensitivity.on=Momentum.Adam.Muon")
    assert "lr_sensitivity.show=accuracy" in page.url
    page.wait_for_timeout(300)
    assert "test accuracy" in drawing(page, "lr_sensitivity")[1]
    assert "SGD" not in drawing(page, "lr_sensitivity")[1]


def test_a_view_can_be_copied_as_a_link(visit: Visit, site: Site) -> None:
    page, _ = visit("optimizers/?lr_sensitivity.rate=0.1", "light", 1280)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site.url.partition("/book/")[0])
    come_near(page, "lr_sensitivity")
    page.click("#touch-lr_sensitivity button:has-text('Copy link')")
    page.wait_for_selector("#touch-lr_sensitivity button:text-is('Copied')")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f"{site.url}optimizers/?lr_sensitivity.rate=0.1#touch-lr_sensitivity"


@pytest.mark.parametrize("query", ["rate=", "rate=7", "rate=x", "show=nothing", "on=Nobody", "seeds=%00"])
def test_a_wrong_address_does_no_harm(visit: Visit, query: str) -> None:
    page, problems = visit(f"optimizers/?lr_sensitivity.{query}", "light", 1280)
    come_near(page, "lr_sensitivity")
    assert "Learning rate 0.01" in drawing(page, "lr_sensitivity")[1]
    assert problems == []


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", TOUCHED)
def test_an_interactive_figure_is_labelled_and_moves_nothing_when_it_comes(visit: Visit, name: str, width: int) -> None:
    page, problems = visit(TOUCHED[name][0], "dark", width)
    figure = page.locator(f"#touch-{name}")
    before = figure.bounding_box()
    fetched = "data => performance.getEntriesByType('resource').some((one) => one.name.endsWith(data))"
    assert not page.evaluate(fetched, f"/touch/{name}.json")
    come_near(page, name)
    assert page.evaluate(fetched, f"/touch/{name}.json")
    after = figure.bounding_box()
    assert before is not None
    assert after is not None
    assert after["height"] == pytest.approx(before["height"], abs=1)
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    for control in page.query_selector_all(f"#touch-{name} :is(input, select)"):
        assert control.evaluate("one => [...one.labels].map((label) => label.textContent.trim()).join('')")
    for group in page.query_selector_all(f"#touch-{name} fieldset"):
        assert group.eval_on_selector("legend", "legend => legend.textContent")
    drawn = page.locator(f"#touch-{name} .touch-stage svg[role=img]")
    described = drawn.get_attribute("aria-labelledby")
    assert page.locator(f"[id='{described}'][role=status]").inner_text()
    stage = drawn.bounding_box()
    assert stage is not None
    outside = page.eval_on_selector_all(
        f"#touch-{name} .touch-stage text",
        "(all, [left, right]) => all.map((one) => one.getBoundingClientRect())"
        ".filter((box) => box.left < left - 1 || box.right > right + 1).length",
        [stage["x"], min(width, stage["x"] + stage["width"] + 16)],
    )
    assert outside == 0, "text beyond the edge"
    assert not page.query_selector_all(f"#touch-{name} [onclick], #touch-{name} script, #touch-{name} style")
    assert problems == []


def test_without_javascript_the_still_figure_stays(browser: Browser, site: Site) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    for name, (address, _) in TOUCHED.items():
        page.goto(site.url + address)
        assert page.locator(f"#fig-{name} .plot > :is(svg, img)").is_visible()
        assert not page.locator(f"#touch-{name}").is_visible()
    context.close()
