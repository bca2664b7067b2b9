"""Reads citations, "Authors 2015, Title": in the sources at the end of a page, and in claims; one work from many."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from trainlab_press.errors import PressError
from trainlab_press.shown import NOT_TEXT, Page

FORM = "write 'Authors 2015, [Title](address)'"

_NAME = r"(?:(?:[Vv][ao]n|[Dd]e|[Dd]er|[Ll][ae]) )?[A-ZÀ-Þ][\w'’-]+"
_WHO = rf"(?P<authors>{_NAME}(?:, {_NAME})*(?: and {_NAME}| et al\.)?) (?P<year>(?:19|20)\d\d), "
_LINKED = re.compile(rf"{_WHO}\[(?P<title>[^\]]+)\]\((?P<url>[^)\s]+)\)")
_PLAIN = re.compile(rf"{_WHO}(?P<title>[A-Z][^\[\].?]*\?|[A-Z][^\[\]]*?(?=[:;]|\.(?:\s|$)|, (?:for|also|section) |$))")
_PLACE = r", (?:abstract|algorithm|appendix|equation|figure|section)\b.*| \(.*\)"
_CLAIMED = re.compile(rf"{_WHO}(?P<title>.+?)(?:{_PLACE})?")
_SECTION = re.compile(r"^## Sources[ \t]*$(?P<items>.*?)(?=^#{1,2} |\Z)", re.MULTILINE | re.DOTALL)
_ITEM = re.compile(r"^[-*] (?P<said>.+(?:\n[ \t]+\S.*)*)", re.MULTILINE)
_FOOTNOTE = re.compile(r"^\[\^[^\]]+\]: (?P<said>.+)", re.MULTILINE)
_UNREAD = re.compile(r"\b(?:19|20)\d\d, |\]\(")
_ARXIV = re.compile(r"arxiv\.org/(?:abs|pdf)/(?P<id>[\w.-]+?(?:/\d+)?)(?:v\d+)?(?:\.pdf)?(?:[#?].*)?$")


@dataclass
class Work:
    """One source of the book.

    Args:
        authors: As cited, "et al." where nobody names them all.
        year: Of publication.
        title: The fullest that is given.
        url: Where to read it, or "".
        pages: That list it among their sources.
        claims: That rest on it.
    """

    authors: str
    year: str
    title: str
    url: str
    pages: list[Page] = field(default_factory=list)
    claims: list[dict[str, Any]] = field(default_factory=list)

    @property
    def anchor(self) -> str:
        """The work as an anchor."""
        words = f"{self.authors.split(',')[0].split(' and ')[0].split(' et al')[0]} {self.year} {self.title}".split()
        return re.sub(r"[^a-z0-9]+", "-", _plain(" ".join(words[:6]))).strip("-")

    @property
    def order(self) -> tuple[str, str, str]:
        """Authors in alphabetical order, the early work first."""
        return _plain(self.authors), self.year, _plain(self.title)

    def same(self, other: Work) -> bool:
        """Whether both are the same work: at one address, or with one beginning of author, year and title."""
        if self.url and key(self.url) == key(other.url):
            return True
        mine, theirs = sorted((_plain(self.title), _plain(other.title)), key=len)
        alike = _plain(self.authors).split()[0].strip(",") == _plain(other.authors).split()[0].strip(",")
        return alike and self.year == other.year and re.match(rf"{re.escape(mine)}(?!\w)", theirs) is not None

    def take(self, other: Work) -> None:
        """Add what another citation of the same work knows."""
        self.authors = max(self.authors, other.authors, key=lambda said: ("et al." not in said, len(said)))
        self.title = max(self.title, other.title, key=len)
        self.url = self.url or other.url
        self.pages += [page for page in other.pages if page not in self.pages]
        self.claims += other.claims


@dataclass(frozen=True)
class Note:
    """A source that is no work with an author and a year, such as a documentation.

    Args:
        said: Its line, in Markdown.
        page: That lists it.
    """

    said: str
    page: Page


def key(url: str) -> str:
    """An address without what does not matter: an arXiv paper is its number."""
    if found := _ARXIV.search(url):
        return f"arxiv:{found['id']}"
    return re.sub(r"^https?://(?:www\.)?|[/#]+$", "", url.lower())


def in_page(page: Page, text: str) -> Iterator[Work | Note]:
    """The sources at the end of a page and those in its footnotes.

    Args:
        page: The page.
        text: Its Markdown.

    Raises:
        PressError: A source with a year is not understood.
    """
    section = _SECTION.search(text)
    for item in _ITEM.finditer(section["items"] if section else ""):
        said = " ".join(item["said"].split())
        works = [*_works(page, said)]
        rest = _PLAIN.sub("", _LINKED.sub("", said))
        if (unread := _UNREAD.search(rest)) and (works or unread[0] != "]("):
            around = rest[max(0, unread.start() - 40) : unread.end() + 30].strip()
            raise PressError(f"{page.path}: sources: '{around}' is not understood; {FORM}")
        yield from works or [Note(said, page)]
    for footnote in _FOOTNOTE.finditer(NOT_TEXT.sub("", text)):
        yield from _works(page, footnote["said"])


def _works(page: Page, said: str) -> Iterator[Work]:
    for found in _LINKED.finditer(said):
        yield Work(found["authors"], found["year"], found["title"], found["url"], [page])
    for found in _PLAIN.finditer(_LINKED.sub("", said)):
        yield Work(found["authors"], found["year"], found["title"], "", [page])


def of_claim(claim: dict[str, Any]) -> Work:
    """The source of a claim that somebody else made.

    Raises:
        PressError: It is not understood.
    """
    found = _CLAIMED.fullmatch(claim["source"])
    if not found:
        said = f"claim {claim['id']}: source '{claim['source']}'"
        raise PressError(f"{said} is not understood; write 'Authors 2015, Title'")
    return Work(found["authors"], found["year"], found["title"], claim["url"], claims=[claim])


def merged(citations: Iterable[Work]) -> list[Work]:
    """One entry for each work, in the order of a bibliography."""
    works: list[Work] = []
    for citation in citations:
        if known := next((work for work in works if work.same(citation)), None):
            known.take(citation)
        else:
            works.append(citation)
    return sorted(works, key=lambda work: work.order)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().casefold()
