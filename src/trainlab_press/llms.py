"""Writes the book as plain Markdown for language models and other readers of text: llms.txt, and every page.

The text is made from the finished pages, so that numbers, claims and outputs are those that a reader sees.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import yaml
from bs4 import BeautifulSoup, Tag
from markdownify import ATX, MarkdownConverter

from trainlab_press import heads
from trainlab_press.errors import PressError
from trainlab_press.shown import Settings

NOT_TEXT = "a.headerlink, script, style, svg title, button, details.provenance, .filters, template"
"""What stands on a page and is no part of its text."""


def write_texts(site: Path, settings: Path, address: str) -> None:
    """Write index.md beside every page that the navigation has, llms.txt, and llms-full.txt with all of them.

    Args:
        site: The built site.
        settings: The book's mkdocs.yml.
        address: Where the site will be, ending in a slash; "" leaves links relative.

    Raises:
        PressError: When the navigation names a page that was not built.

    References:
        https://llmstxt.org
    """
    read: Any = yaml.load(settings.read_text("utf-8"), Settings)
    lines = [f"# {read['site_name']}", "", f"> {read['site_description']}", ""]
    whole = []
    for section, name, source in _entries(read["nav"]):
        if section and f"## {section}" not in lines:
            lines += ["", f"## {section}", ""]
        page = _built(site, source)
        one = heads.about(site, page)
        text = markdown(page.read_text("utf-8"), address + one.path if address else "")
        (page.parent / "index.md").write_text(text, "utf-8")
        lines.append(f"- [{name or one.title}]({address}{one.path}index.md): {one.description}")
        whole.append(text)
    (site / "llms.txt").write_text(re.sub(r"\n{3,}", "\n\n", "\n".join(lines)) + "\n", "utf-8")
    (site / "llms-full.txt").write_text("\n".join(whole), "utf-8")


def _entries(nav: Any, section: str = "") -> Iterator[tuple[str, str, str]]:
    """Section, name and source of each page; pages outside of a section come under one of their own."""
    for entry in nav:
        name, value = next(iter(entry.items())) if isinstance(entry, dict) else ("", entry)
        if isinstance(value, list):
            yield from _entries(value, name)
        else:
            yield section or "The book", name, value


def _built(site: Path, source: str) -> Path:
    folder = re.sub(r"(^|/)index$", "", re.sub(r"\.(md|ipynb)$", "", source))
    page = site / folder / "index.html"
    if not page.is_file():
        raise PressError(f"the navigation has {source}, which was not built; mend nav in mkdocs.yml")
    return page


def markdown(html: str, address: str) -> str:
    """The text of a built page.

    Args:
        html: The whole page.
        address: The page's own, to which its links are relative; "" leaves them so.
    """
    article = BeautifulSoup(html, "html.parser").article
    if article is None:
        raise PressError("a page has no <article>; the theme must give it one")
    for math in article.select(".math"):
        tex = math.select_one('annotation[encoding="application/x-tex"]')
        sign = "$$" if "display" in (math.get("class") or []) else "$"
        if tex:
            math.replace_with(f"{sign}{tex.get_text().strip()}{sign}")
    for svg in article.select("svg"):
        said = svg.find("desc")
        svg.replace_with(f"[Figure: {said.get_text().strip()}]" if said else "")
    for image in article.select("img"):
        image.replace_with(f"[Figure: {image.get('alt', '')}]")
    for extra in article.select(NOT_TEXT):
        extra.decompose()
    for link in article.select("a[href]"):
        link["href"] = urljoin(address, str(link["href"])) if address else link["href"]
    text = _Converter(
        heading_style=ATX, bullets="-", escape_misc=False, escape_underscores=False, escape_asterisks=False
    )
    lines = [line.rstrip() for line in text.convert_soup(article).splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


class _Converter(MarkdownConverter):
    """Code in fences with its language; what opens and closes, as a paragraph."""

    def convert_pre(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        code = el.get_text().strip("\n")
        fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", code)), default=0))
        holder = el.find_parent(class_="highlight")
        python = "python" if holder and (holder.select_one(".k, .kn, .n, .nb") is not None) else ""
        return f"\n\n{fence}{python}\n{code}\n{fence}\n\n"

    def convert_summary(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return f"\n\n{' '.join(text.split())}\n\n"
