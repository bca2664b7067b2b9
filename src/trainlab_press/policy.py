"""Puts a content security policy into every page of the built site.

A plain web server and GitHub Pages send no such header, so the policy stands in the page. It allows what the site
itself serves and nothing else: no other host, no frame, no plugin, and no inline script but those of the build, each
by its hash. Inline styles stay allowed: KaTeX and Matplotlib place every glyph and line by a style attribute, and a
policy could name those attributes only by thousands of hashes.
"""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

from trainlab_press.errors import PressError

CHARSET = re.compile(r"<meta charset=[^>]*>", re.IGNORECASE)
START = '<meta http-equiv="Content-Security-Policy"'
RUNNABLE = {"", "module", "importmap", "text/javascript", "application/javascript"}


def secure(site: Path) -> None:
    """Give each page of a built site its policy, in place; no later step may touch a page's scripts.

    Args:
        site: The folder that `mkdocs build` filled.

    Raises:
        PressError: When a page has a handler such as onclick, which no hash allows, or no place for the policy.
    """
    for page in sorted(site.rglob("*.html")):
        try:
            page.write_text(with_policy(page.read_text("utf-8")), "utf-8")
        except PressError as error:
            raise PressError(f"{page.relative_to(site).as_posix()}: {error}") from None


def with_policy(html: str) -> str:
    """Put the policy before the first script; a page that has one already comes back unchanged.

    Args:
        html: A whole page.

    Returns:
        The page with the policy of its own scripts.

    Raises:
        PressError: When the page has a handler such as onclick, or no `<meta charset>`.
    """
    if START in html:
        return html
    place = CHARSET.search(html)
    if place is None:
        raise PressError('no <meta charset="utf-8"> to put the security policy after; add one to the template')
    return f'{html[: place.end()]}\n      {START} content="{policy(html)}">{html[place.end() :]}'


def policy(html: str) -> str:
    """The policy that allows what a page needs.

    Args:
        html: A whole page, whose inline scripts are hashed.

    Returns:
        The policy's text, for an attribute in double quotes.

    Raises:
        PressError: When the page has a handler such as onclick.

    References:
        https://www.w3.org/TR/CSP3/
    """
    scripts = _Scripts(html).found
    hashes = dict.fromkeys(base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts)
    rules = {
        "default-src": ["'none'"],
        "script-src": ["'self'", *(f"'sha256-{one}'" for one in hashes)],
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "worker-src": ["'self'"],
        "manifest-src": ["'self'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
    }
    return "; ".join(" ".join([name, *values]) for name, values in rules.items())


class _Scripts(HTMLParser):
    """The inline scripts of a page, in the bytes that a browser hashes."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[str] = []
        self.inside = False
        self.feed(re.sub(r"\r\n?", "\n", html))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        for name in given:
            if name.startswith("on"):
                raise PressError(
                    f"<{tag} {name}=...> is an inline handler, which the policy forbids; listen in a script"
                )
        self.inside = tag == "script" and "src" not in given and (given.get("type") or "").lower() in RUNNABLE
        if self.inside:
            self.found.append("")

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.found[-1] += data

    def handle_endtag(self, tag: str) -> None:
        self.inside = False
