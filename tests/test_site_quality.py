"""How well the site is made: every page in Chromium, light and dark, on a desk and on a phone; and what tools say.

Each page is loaded once in each scheme at each width, and each test asks one thing of what was seen. It takes a site
that was built with real runs: TRAINLAB_SITE names it, as `make quality` does.
"""

from collections.abc import Callable, Iterator, Mapping

import pytest
from playwright.sync_api import Browser, Page

from browser_tools import broken_links, invalid, lighthouse, need
from inspection import TOOLS, Seen, inspect
from served import NAMED, Site

pytestmark = [
    pytest.mark.site,
    pytest.mark.timeout(1800),  # the first test waits until every page was seen
    pytest.mark.skipif(not NAMED, reason="it looks at a site that was built with real runs: make quality"),
]


@pytest.fixture(scope="session")
def pages(site: Site) -> list[str]:
    """The addresses to look at."""
    return site.readable()


@pytest.fixture(scope="session")
def seen(site: Site, pages: list[str], chromium: str) -> list[Seen]:
    """Every page, as it was seen."""
    found = inspect(site, pages, chromium)
    assert len(found) == 4 * len(pages)
    return found


Open = Callable[[str], Page]


@pytest.fixture
def watched(browser: Browser, site: Site) -> Iterator[Open]:
    """Opens a page; at the end of the test, nothing may have violated its policy."""
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    context.add_init_script(path=TOOLS / "watch.js")
    opened: list[Page] = []

    def open_page(address: str) -> Page:
        page = context.new_page()
        opened.append(page)
        page.goto(site.url + address, wait_until="networkidle")
        return page

    yield open_page
    assert [page.evaluate("seen.violations") for page in opened] == [[] for _ in opened]
    context.close()


def none_of(found: Mapping[str, object]) -> None:
    """Fails with every place where something was found."""
    assert not any(found.values()), "\n" + "\n".join(f"{where}: {what}" for where, what in found.items() if what)


def test_nothing_is_fetched_elsewhere_and_the_console_is_silent(seen: list[Seen]) -> None:
    none_of({str(one): one.problems for one in seen})


def test_no_page_is_wider_than_the_window_even_unfolded(seen: list[Seen]) -> None:
    none_of({str(one): max(one.facts["overflow"], 0) for one in seen})


def test_pages_follow_the_colour_scheme(seen: list[Seen]) -> None:
    none_of({str(one): one.facts["dark"] != (one.scheme == "dark") for one in seen})


def test_pages_start_with_their_title_and_nothing_is_left_over(seen: list[Seen]) -> None:
    none_of({str(one): one.facts["leftover"] for one in seen})
    starts = {str(one): (one.facts["title"], one.facts["start"]) for one in seen}
    none_of({where: start for where, (title, start) in starts.items() if not (title and start.startswith(title))})


def test_nothing_moves_while_a_page_loads_not_even_when_it_comes_slowly(seen: list[Seen]) -> None:
    moved = {str(one): one.facts["shifts"] for one in seen}
    none_of({where: shifts for where, shifts in moved.items() if sum(value for value, _ in shifts) >= 0.02})


@pytest.mark.parametrize("address", ["optimizers/", "recipe/", "live/labs/use_it/", "snippets/"])
def test_scripts_that_come_late_move_nothing(browser: Browser, site: Site, address: str) -> None:
    heights = """() => {
        document.documentElement.classList.remove("later");
        const parts = [...document.querySelectorAll("article > *, article > .lab > *, .passage > *")];
        return parts.map((part) => part.getBoundingClientRect().height);
    }"""
    found = []
    for late in ("*.js", "nothing"):
        context = browser.new_context()
        for name in ("*.woff2", late):  # a typeface might come in time or not
            context.route(f"**/{name}", lambda route: route.abort())
        page = context.new_page()
        page.goto(site.url + address, wait_until="networkidle")
        found.append(page.evaluate(heights))
        context.close()
    assert len(found[0]) > 1
    assert found[1] == pytest.approx(found[0], abs=1)  # a picture's size is said in whole pixels


def test_the_columns_of_the_ledger_depend_on_no_row_and_no_script(watched: Open) -> None:
    page = watched("ledger/")
    widths = "[...document.querySelectorAll('table.ledger th')].map((head) => head.getBoundingClientRect().width)"
    whole = page.evaluate(widths)
    page.evaluate("""() => {
        document.querySelectorAll("table.ledger th button").forEach((button) => button.replaceWith(button.textContent));
        document.querySelectorAll("table.ledger tbody tr + tr").forEach((row) => row.remove());
    }""")
    assert page.locator("table.ledger tr").count() == 2
    assert page.evaluate(widths) == whole


def test_headings_are_in_order(seen: list[Seen]) -> None:
    wrong = {}
    for one in seen:
        levels, texts = zip(*one.facts["headings"], strict=True)
        skipped = [text for text, last, level in zip(texts[1:], levels, levels[1:], strict=False) if level > last + 1]
        wrong[str(one)] = skipped if levels[0] == 1 and levels.count(1) == 1 else ["not one h1 that comes first"]
    none_of(wrong)


def test_pictures_have_text_alternatives_and_figures_have_captions(seen: list[Seen]) -> None:
    none_of({str(one): one.facts["unnamed"] for one in seen})


def test_axe_finds_nothing_serious(seen: list[Seen]) -> None:
    need("axe-core")
    none_of({str(one): one.findings("serious", "critical") for one in seen})


def test_every_page_has_a_policy_and_none_is_violated(site: Site, seen: list[Seen]) -> None:
    none_of({str(one): one.facts["violations"] for one in seen})
    lacking = [page for page in site.folder.rglob("*.html") if "Content-Security-Policy" not in page.read_text("utf-8")]
    assert lacking == []


def test_a_violation_would_be_seen(watched: Open) -> None:
    page = watched("")
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), { textContent: 'stray = 1' }))")
    page.wait_for_function("seen.violations.length > 0")
    assert page.evaluate("typeof stray") == "undefined"
    assert page.evaluate("seen.violations.splice(0)")[0].startswith("script-src-elem inline")


def test_the_policy_allows_colours_copying_and_search(watched: Open) -> None:
    page = watched("optimizers/")
    scheme = page.get_attribute("body", "data-md-color-scheme")
    assert scheme == "default"
    for _ in range(2):  # from "as the system" to light, then to dark
        page.click("form.md-header__option label:visible")
    assert page.get_attribute("body", "data-md-color-scheme") == "slate"
    page.hover("article .highlight pre:visible >> nth=0")
    page.click("article .md-code__button[data-md-type=copy]:visible >> nth=0")
    page.wait_for_function("navigator.clipboard.readText().then((text) => text.trim().length > 0)")
    assert page.evaluate("navigator.clipboard.readText()").strip() in page.evaluate("document.body.textContent")
    page.click(".md-search__input")
    page.keyboard.type("momentum")
    page.wait_for_selector(".md-search-result__item")


def test_the_policy_allows_sorting_and_filtering(watched: Open) -> None:
    page = watched("ledger/")
    page.click("table.sortable th button >> nth=0")
    assert page.get_attribute("table.sortable th >> nth=0", "aria-sort")
    page.select_option(".filters select >> nth=0", index=1)
    assert "shown" in page.inner_text(".filters p")


def test_the_policy_allows_interactive_elements(watched: Open, seen: list[Seen]) -> None:
    """One of each kind of custom element, wherever it stands."""
    for name, address in {name: one.page for one in seen for name in one.facts["elements"]}.items():
        page = watched(address)
        control = page.locator(f"{name} :is(input, select, button)").first
        control.scroll_into_view_if_needed()
        control.focus()
        page.keyboard.press("ArrowRight")


def test_html_is_valid(site: Site, pages: list[str]) -> None:
    files = [site.folder / page / "index.html" for page in pages]
    assert invalid(files) == []


def test_links_and_anchors_lead_somewhere(site: Site) -> None:
    broken, followed = broken_links(site)
    assert followed > len(site.readable())
    assert broken == []


@pytest.mark.parametrize("page", ["", "optimizers/", "live/labs/optimizers/"])
def test_lighthouse(site: Site, chromium: str, page: str) -> None:
    scores, lost = lighthouse(site.url + page, chromium)
    assert scores["accessibility"] == 100, lost
    assert min(scores.values()) >= 95, (scores, lost)
