"""Says in the head of every built page what it is: for search engines, and for whoever shares its address.

Each page has a description: a chapter's stands in its front matter, a lab's is the last paragraph of its first text.
A preview needs whole addresses, so its picture and address are there only where the site's address is known.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from html import escape, unescape
from pathlib import Path

from trainlab_press import colab
from trainlab_press.cards import Card, Cards, first_figure
from trainlab_press.errors import PressError

SHORTEST, LONGEST = 50, 160
"""Characters of a description; search engines cut longer ones."""

CARDS = "assets/cards"

_DESCRIPTION = re.compile(r'<meta name="description" content="([^"]*)">')
_TITLE = re.compile(r"<h1\b[^>]*>(.*?)</h1>", re.DOTALL)
_HEADERLINK = re.compile(r'<a class="headerlink".*?</a>', re.DOTALL)
_OURS = re.compile(r'\n? *<meta (?:property="og:|name="twitter:)[^>]*>')


@dataclass(frozen=True)
class About:
    """What a page says of itself.

    Args:
        path: Its address relative to the site's, such as "optimizers/"; "" for the home page.
        title: Its first heading.
        description: What it is about.
    """

    path: str
    title: str
    description: str


def site_address(root: Path) -> str:
    """Where the site will be, ending in a slash; "" where nobody knows.

    Args:
        root: the checkout. The environment variable TRAINLAB_SITE_URL goes first; else it is where GitHub publishes
            the pages of the repository.
    """
    if told := os.environ.get("TRAINLAB_SITE_URL"):
        return f"{told.rstrip('/')}/"
    owner, _, name = colab.repository(root).partition("/")
    if not owner:
        return ""
    host = f"{owner.lower()}.github.io"
    return f"https://{host}/" if name.lower() == host else f"https://{host}/{name}/"


def pages(site: Path) -> list[Path]:
    """Every page of a built site but the one that says that there is none."""
    return sorted(site.rglob("index.html"))


def about(site: Path, page: Path) -> About:
    """Read what a built page says of itself.

    Args:
        site: The built site.
        page: One of its files.

    Raises:
        PressError: When it has no heading, or no description of the right length.
    """
    html = page.read_text("utf-8")
    path = page.parent.relative_to(site).as_posix().removeprefix(".")
    heading = _TITLE.search(html)
    if not heading:
        raise PressError(f"{path or 'the home page'} has no heading; begin it with # and its title")
    title = unescape(re.sub(r"<[^>]*>", "", _HEADERLINK.sub("", heading[1]))).strip()
    notebook = page.parent / f"{page.parent.name}.ipynb"
    written = _DESCRIPTION.search(html)
    description = _of_lab(notebook) if notebook.is_file() else unescape(written[1]) if written else ""
    if not SHORTEST <= len(description) <= LONGEST:
        where = (
            "the last paragraph of its first text cell" if notebook.is_file() else "description: in its front matter"
        )
        raise PressError(
            f"{path or 'the home page'}: its description has {len(description)} characters, '{description}'; "
            f"write {where}, of {SHORTEST} to {LONGEST}"
        )
    return About(f"{path}/" if path else "", title, description)


def _of_lab(notebook: Path) -> str:
    """As many whole sentences as fit of the last paragraph of a lab's first text."""
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    text = next(("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"), "")
    paragraph = re.sub(r"\[([^]]*)\]\([^)]*\)|[*`$]", r"\1", " ".join(text.strip().split("\n\n")[-1].split()))
    fits = ""
    for sentence in re.split(r"(?<=[.?!]) ", paragraph):
        if len(f"{fits} {sentence}".strip()) > LONGEST:
            break
        fits = f"{fits} {sentence}".strip()
    return fits


def finish(site: Path, address: str, assets: Path, cache: Path) -> int:
    """Complete the head of every page in place; a second time changes nothing.

    Args:
        site: The folder that `mkdocs build` filled.
        address: Where the site will be, ending in a slash; "" where nobody knows.
        assets: The folder with the book's logo and typeface.
        cache: Folder of the pictures drawn so far.

    Returns:
        How many pictures were drawn now.

    Raises:
        PressError: When a page has no description of the right length, or that of another page.
    """
    said: dict[str, str] = {}
    before = len(list(cache.glob("*.png")))
    for page in pages(site):
        one, html = about(site, page), page.read_text("utf-8")
        if (other := said.setdefault(one.description, one.path)) != one.path:
            raise PressError(f"{one.path} has the description of {other or 'the home page'}; say what is different")
        name = one.path.strip("/").replace("/", "-") or "home"
        if address:
            card = Card(one.title, one.description, first_figure(html, page.parent))
            target = site / CARDS / f"{name}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(Cards(assets, cache).draw(card))
        page.write_text(_with_head(html, one, address, name), "utf-8")
    return len(list(cache.glob("*.png"))) - before


def _with_head(html: str, one: About, address: str, name: str) -> str:
    properties = {"og:type": "website" if not one.path else "article", "og:site_name": "Trainlab"}
    properties |= {"og:title": one.title, "og:description": one.description}
    if address:
        properties |= {
            "og:url": address + one.path,
            "og:image": f"{address}{CARDS}/{name}.png",
            "og:image:width": "1200",
            "og:image:height": "630",
            "og:image:alt": f"{one.title}, and the first figure of the page",
        }
    lines = [f'<meta property="{key}" content="{escape(value)}">' for key, value in properties.items()]
    lines.append(f'<meta name="twitter:card" content="{"summary_large_image" if address else "summary"}">')
    described = f'<meta name="description" content="{escape(one.description)}">'
    html = _OURS.sub("", html)
    found = _DESCRIPTION.search(html)
    if not found:
        raise PressError(f"{one.path}: its head has no description; set site_description in mkdocs.yml")
    return html[: found.start()] + "\n".join([described, *lines]) + html[found.end() :]
