"""The last look at a finished page: nothing of ours may be left unresolved."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from markdown.postprocessors import Postprocessor

from trainlab_press.errors import PressError, naming_page

WORDS = (
    *("claim", "source", "notebook", "touch"),
    *("ledger", "gallery", "bibliography", "making", "snippets", "ranks"),
)
SIGNS = ("{=", "fig:", *(f"!{word}" for word in WORDS))
LEFTOVER = re.compile(rf"\{{=|^[ \t]*!(?:{'|'.join(WORDS)})\b|\]\(fig:", re.MULTILINE)


class Leftovers(Postprocessor):
    """Fails when anything of ours survived in the finished page, raw HTML included."""

    def run(self, text: str) -> str:
        """Check one page.

        Args:
            text: Its finished HTML, which comes back unchanged.

        Raises:
            PressError: At the first thing that was left over.
        """
        if any(sign in text for sign in SIGNS):
            with naming_page(self.md):
                _Hunter().hunt(text)
        return text


class _Hunter(HTMLParser):
    """Looks at text outside of code, and at addresses."""

    QUIET = frozenset({"code", "pre", "svg", "math", "script", "style"})

    def hunt(self, text: str) -> None:
        self.depth = 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.depth += tag in self.QUIET
        for name, value in attrs:
            if name in {"src", "href"} and (value or "").startswith("fig:"):
                raise PressError(f'{name}="{value}" is left over; write ![]({value}) in a paragraph of its own')

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        self.depth -= tag in self.QUIET

    def handle_data(self, data: str) -> None:
        if self.depth == 0 and (m := LEFTOVER.search(data)):
            line = " ".join(data[m.start() :].split())[:60]
            raise PressError(f"'{line}' is left over; mend it, put it in a block of its own, or mark it as `code`")
