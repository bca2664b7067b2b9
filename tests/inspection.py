"""Every page of a site in Chromium: loaded once in each colour scheme at each width, with everything seen on it.

In light all comes at once, as to a reader who was here before. In dark fonts come half a second late and pages piece
by piece, so that what moves when a font or the rest of a page arrives is seen too.
"""

import asyncio
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Literal

from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from served import FLAGS, Site

TOOLS = Path(__file__).parent / "browser"
AXE = TOOLS / "node_modules" / "axe-core" / "axe.min.js"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WIDTHS = (1280, 390)
AT_ONCE = 4
AXE_STATES = {("light", 1280), ("dark", 390)}
"""Where axe-core looks at a page: once in each scheme, at each width. It is by far the slowest to look."""

# A drawing is one picture to a screen reader, and the rows of a table are alike; both have thousands of nodes.
AXE_RUN = """async () => {
    const alike = ".plot svg > :not(title, desc), details.provenance tbody tr:nth-child(n + 4)";
    document.querySelectorAll(alike).forEach((element) => element.remove());
    const found = await axe.run({ resultTypes: ["violations"], rules: { "target-size": { enabled: true } } });
    return found.violations.map(({ id, impact, nodes }) =>
        [impact, id, nodes.map((node) => `${node.target} (${node.failureSummary.split("\\n")[1]})`)]);
}"""


@dataclass(frozen=True)
class Seen:
    """One page, as it was seen.

    Args:
        page: its address, relative to the site.
        scheme: light or dark.
        width: of the window, in pixels.
        problems: console messages, failed requests, requests to other hosts, errors.
        axe: findings of axe-core: impact, rule, where; None where axe-core is not installed.
        facts: what look.js says of it.
    """

    page: str
    scheme: str
    width: int
    problems: list[str]
    axe: list[tuple[str, str, list[str]]] | None
    facts: dict[str, Any]

    def findings(self, *impacts: str) -> list[str]:
        """Rules of axe-core that the page breaks with such an impact, each with the first places."""
        return [f"{rule} {nodes[:3]}" for impact, rule, nodes in self.axe or [] if impact in impacts]

    def __str__(self) -> str:
        return f"{self.page or 'home'} ({self.scheme}, {self.width} px)"


def inspect(site: Site, pages: list[str], chromium: str) -> list[Seen]:
    """Load pages and look at them, a few at a time.

    Args:
        site: the site, being served.
        pages: addresses relative to it.
        chromium: the path of the browser.

    Returns:
        One for each page, scheme and width.
    """
    with ThreadPoolExecutor(1) as apart:  # the thread of a test may have an event loop already
        return apart.submit(asyncio.run, _inspect(site, pages, chromium)).result()


async def _inspect(site: Site, pages: Iterable[str], chromium: str) -> list[Seen]:
    axe = AXE.read_text("utf-8") if AXE.is_file() else None
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        turn = asyncio.Semaphore(AT_ONCE)

        async def see(context: BrowserContext, address: str, scheme: str, width: int) -> Seen:
            async with turn:
                return await _see(context, site, axe, address, scheme, width)

        contexts = {state: await _context(browser, *state) for state in product(SCHEMES, WIDTHS)}
        # Page after page, so that the server's work on a page is shared; not state after state.
        jobs = [see(contexts[state], page, *state) for page in pages for state in contexts]
        seen = await asyncio.gather(*jobs)
        await browser.close()
    return seen


async def _context(browser: Browser, scheme: Literal["light", "dark"], width: int) -> BrowserContext:
    context = await browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    context.set_default_timeout(120_000)  # for a busy machine
    await context.add_init_script(path=TOOLS / "watch.js")
    return context


async def _see(context: BrowserContext, site: Site, axe: str | None, address: str, scheme: str, width: int) -> Seen:
    page = await context.new_page()
    root = site.url if scheme == "light" else site.slow_url
    problems = _problems_of(page, root)
    await page.goto(root + address, wait_until="networkidle")
    facts = await page.evaluate((TOOLS / "look.js").read_text("utf-8"))
    findings = None
    if axe is not None and (scheme, width) in AXE_STATES:
        await page.evaluate(axe)
        findings = await page.evaluate(AXE_RUN)
    await page.close()
    return Seen(address, scheme, width, problems, findings, facts)


def _problems_of(page: Page, root: str) -> list[str]:
    """What goes wrong on a page, from now on."""
    problems: list[str] = []
    page.on("console", lambda m: problems.append(f"console: {m.text}") if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: problems.append(f"error: {error}"))
    page.on("request", lambda r: None if r.url.startswith((root, "data:", "blob:")) else problems.append(r.url))
    page.on("response", lambda r: problems.append(f"{r.status} {r.url}") if r.status >= 400 else None)
    page.on("requestfailed", lambda r: problems.append(f"failed: {r.url}"))
    return problems
