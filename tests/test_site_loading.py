"""How a page comes on a phone: what is in sight first, then the rest; jumps lead where they should.

It takes a site that was built with real runs: TRAINLAB_SITE names it, as `make quality` does.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, Route

from served import NAMED, Site

pytestmark = [
    pytest.mark.site,
    pytest.mark.skipif(not NAMED, reason="it looks at a site that was built with real runs: make quality"),
]

LATER = "document.documentElement.classList.contains('later')"
LEFT = "document.querySelectorAll('.later .passage:not([style*=visible])').length"
WHOLE = f"async () => {{ while ({LEFT}) await new Promise((done) => setTimeout(done, 20)); }}"
HEIGHTS = "[...document.querySelectorAll('.passage')].map((one) => one.getBoundingClientRect().height)"
PHONE = (390, 844)


@contextmanager
def phone(browser: Browser, *, without: str = "") -> Iterator[Page]:
    """A page on a phone, where no file of that name arrives, and no typeface, which might come in time or not."""
    context = browser.new_context(viewport={"width": PHONE[0], "height": PHONE[1]})
    page = context.new_page()

    def stop(route: Route) -> None:
        route.abort()

    for name in ("*.woff2", without):
        page.route(f"**/{name or 'nothing'}", stop)
    yield page
    context.close()


@pytest.mark.parametrize("address", ["optimizers/", "diagnosis/"])
def test_the_rest_of_a_page_comes_by_itself_and_is_as_high_as_if_all_came_at_once(
    browser: Browser, site: Site, address: str
) -> None:
    with phone(browser) as page, phone(browser, without="rest.js") as held:
        page.goto(site.url + address)
        page.evaluate(WHOLE)
        held.goto(site.url + address)
        held.wait_for_load_state()
        assert held.evaluate(LATER), "the head's script has set nothing back"
        assert held.evaluate("document.querySelector('.passage:last-of-type').checkVisibility()")
        before = held.evaluate(HEIGHTS)
        held.evaluate("document.documentElement.classList.remove('later')")
        at_once = held.evaluate(HEIGHTS)
        assert before != at_once, "nothing was left for later"
        assert page.evaluate(HEIGHTS) == pytest.approx(at_once, abs=1)


def test_a_jump_leads_to_its_heading_while_the_rest_is_still_to_come(browser: Browser, site: Site) -> None:
    place = "document.querySelector('#adam').getBoundingClientRect().top"
    with phone(browser) as page:
        page.goto(site.url + "optimizers/", wait_until="domcontentloaded")
        page.evaluate("""() => {
            document.documentElement.classList.add("later");
            document.querySelector(".md-nav--secondary a[href='#adam'], a[href='#adam']").click();
        }""")
        page.evaluate(WHOLE)
        page.wait_for_timeout(500)
        assert -5 < page.evaluate(place) < 150


def test_who_comes_to_a_heading_or_comes_back_gets_the_page_at_once(browser: Browser, site: Site) -> None:
    watch = f"addEventListener('DOMContentLoaded', () => {{ window.deferred = {LATER}; }})"
    with phone(browser) as page:
        page.add_init_script(watch)
        page.goto(site.url + "optimizers/")
        assert page.evaluate("deferred")
        page.reload()
        assert not page.evaluate("deferred")
        page.goto(site.url + "recipe/")
        page.goto(site.url + "optimizers/#adam")
        assert not page.evaluate("deferred")
        assert -5 < page.evaluate("document.querySelector('#adam').getBoundingClientRect().top") < 150


def test_the_keyboard_reaches_what_scrolls_and_nothing_else(browser: Browser, site: Site) -> None:
    seen = """async () => {
        const look = () => [...document.querySelectorAll(".wide, pre > code")].filter((box) => box.checkVisibility())
            .map((box) => [box.scrollWidth > box.clientWidth, box.tabIndex === 0]);
        for (let tries = 0; tries < 100 && look().some(([scrolls, reached]) => scrolls !== reached); tries++)
            await new Promise((done) => setTimeout(done, 50));
        return look();
    }"""
    with phone(browser) as page:
        page.goto(site.url + "optimizers/")
        page.evaluate(WHOLE)
        narrow = page.evaluate(seen)
        page.set_viewport_size({"width": 1800, "height": 900})
        wide = page.evaluate(seen)
    assert len(narrow) == len(wide) > 20
    assert sum(scrolls for scrolls, _ in narrow) > sum(scrolls for scrolls, _ in wide)
    assert [scrolls for scrolls, _ in narrow + wide] == [reached for _, reached in narrow + wide]
