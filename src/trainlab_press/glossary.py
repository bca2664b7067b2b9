"""Reads the glossary page: its terms, their other names, and what each of them looks like in a text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from trainlab_press.errors import PressError

PAGE = "glossary.md"

_ENTRY = re.compile(
    r"^(?P<name>[^\s:#!<>|`][^\n{]*?)[ \t]*(?:\{:?(?P<marks>[^}\n]*)\}[ \t]*)?\n+:[ \t]+(?P<said>[^\n]+)", re.MULTILINE
)
MARKS = ("also", "pages")
"""What an entry may say in braces: other names, and the pages on which a name is meant, each with commas between."""
_LINK = re.compile(r"\[(?P<text>[^\]]*)\]\([^)]*\)")
_WHERE = re.compile(r"(?<=[.?!:])(?:[ \t]+\[[^\]]*\]\([^)]*\)[.,]?)+[ \t]*$")
"""Links after the last sentence of a definition, which say where the book treats the term."""


@dataclass(frozen=True)
class Term:
    """An entry of the glossary.

    Args:
        name: As the page has it; a capital in it is meant, such as in "Glorot".
        also: Its other names and forms; regular plurals go without saying.
        definition: In plain text, without the links at its end.
        pages: The only pages on which the name means this, where it is an ordinary word on others.
    """

    name: str
    also: tuple[str, ...]
    definition: str
    pages: tuple[str, ...] = ()

    @property
    def anchor(self) -> str:
        """Where the entry stands on the page."""
        return anchor(self.name)


def anchor(name: str) -> str:
    """A term's name as an anchor."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def read(root: Path) -> list[Term]:
    """The terms of docs/glossary.md; none where there is no such page.

    Args:
        root: The project's root.

    Raises:
        PressError: Two entries share a name.
    """
    page = root / "docs" / PAGE
    if not page.is_file():
        return []
    terms = [_term(found) for found in _ENTRY.finditer(page.read_text("utf-8"))]
    known: dict[str, Term] = {}
    for term in terms:
        for name in (term.name, *term.also):
            if (other := known.setdefault(name, term)) is not term:
                raise PressError(
                    f"{PAGE}: '{name}' belongs to '{other.name}' and to '{term.name}'; leave it with one of them"
                )
    return terms


def _term(found: re.Match[str]) -> Term:
    also, pages = (_listed(found["marks"] or "", mark) for mark in MARKS)
    said = _LINK.sub(lambda link: link["text"], _WHERE.sub("", found["said"]))
    return Term(found["name"], also, re.sub(r"[*`]", "", said).strip(), pages)


def _listed(marks: str, mark: str) -> tuple[str, ...]:
    found = re.search(rf'\b{mark}="(?P<names>[^"]*)"', marks)
    return tuple(name.strip() for name in found["names"].split(",") if name.strip()) if found else ()


@dataclass(frozen=True)
class Finder:
    """Finds terms in a text, the longest first where several begin at one place.

    Args:
        pattern: Matches any form of any term as a word of its own.
        forms: What is matched, in lower case with plain spaces -> its terms by the form as it is written.
    """

    pattern: re.Pattern[str]
    forms: dict[str, dict[str, Term]]

    @classmethod
    def of(cls, terms: Iterable[Term]) -> Finder:
        """A finder of these terms."""
        forms: dict[str, dict[str, Term]] = {}
        for term in terms:
            for name in (term.name, *term.also):
                for form in (name, *_plurals(name)):
                    forms.setdefault(_plain(form), {}).setdefault(form, term)
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        words = "|".join(re.sub(r"(?:\\ |\\-|-)+", r"[\\s-]+", re.escape(form)) for form in longest_first)
        # A part of a compound, such as the batch of "batch-wise", is another word.
        return cls(re.compile(rf"(?<![\w-])(?:{words})(?![\w-])", re.IGNORECASE), forms if words else {})

    def find(self, text: str) -> Iterable[tuple[re.Match[str], Term]]:
        """Each place of a term in a text. A capital may begin a sentence; others are as the glossary has them."""
        for found in self.pattern.finditer(text) if self.forms else ():
            for form, term in self.forms[_plain(found[0])].items():
                written = re.sub(r"[\s-]+", " ", found[0])
                wanted = form.replace("-", " ")
                if written in (wanted, wanted[:1].upper() + wanted[1:]):
                    yield found, term
                    break


def _plain(form: str) -> str:
    return re.sub(r"[\s-]+", " ", form).lower()


def _plurals(name: str) -> list[str]:
    if name.endswith(("s", "x", "ch", "sh")):
        return [f"{name}es", f"{name}s"]  # batches, epochs
    if re.search(r"[^aeiou]y$", name):
        return [f"{name[:-1]}ies"]
    return [f"{name}s"]
