"""Finds the sentences of a page that state a result without a live number.

A result is a percentage, a factor, a comparison of speed, a loss or an accuracy with its number, or a number with a
unit of time or memory. Settings (a batch of 128, two hidden layers, a rate of 0.05) are none. What is found and is no
result after all stands in `statements.toml`, with a reason.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
ALLOWED = Path(__file__).with_suffix(".toml")

LIVE = "⟨live⟩"
"""Stands for {=...} in a sentence."""

_NUMBER = r"(?<![\w.])\d[\d,.]*"
_WORD = r"two|three|four|five|six|seven|eight|nine|ten|twenty|fifty|a hundred|a thousand|several"
_COUNT = rf"\b(?:{_NUMBER}|{_WORD})"
_MORE = r"(?:as|too|the|that|what|its|more|less|fewer|slow|fast|(?!oth|aft|ev|ov|und|num)\w+er)\b"
_NTH = r"third|quarter|fifth|sixth|seventh|eighth|ninth|tenth|hundredth|thousandth"
_PART = rf"(?:twice|(?<!the )half|an? (?:{_NTH})|two thirds)"
_TIME = r"(?:[mµnμ]?s|(?:milli|micro|nano)?seconds?|minutes?|hours?|days?)\b"
_MEMORY = r"(?:[kKMGT]i?B|(?:kilo|mega|giga|tera)?bytes?)\b"
_SETTING = r"(?:rates?|lr|after|every|seeds?|with|over)\b"
_BETWEEN = rf"[ ,|]+(?:(?!{_SETTING})[a-z]+[ ,:|]+){{0,4}}?"
_COUNTED = r"(?! (?:updates|steps|seeds|runs|rows|classes|rates|examples|epochs|networks|layers|measurements))"
_INTERVAL = r"(?: bootstrap| confidence)? interval"


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


# Wrong also beside a live number: only the build may write such a thing.
TYPED = {
    "a percentage": _any(rf"{_NUMBER} ?(?:%|per ?cent\b|(?:percentage )?points?\b)(?!{_INTERVAL})"),
    "a factor": _any(
        rf"{_COUNT}[ -]times {_MORE}",
        r"\d\.\d+ times\b",
        rf"{_NUMBER} ?×(?! ?[\d(])",  # 2 × 32 is a shape
        rf"\b(?:{_WORD}|\d+)-?fold\b",
    ),
    "a time": _any(rf"{_COUNT} {_TIME}"),
    "an amount of memory": _any(rf"{_COUNT} {_MEMORY}"),
}
# Fine in a sentence that has a live number to say how much.
SAID = {
    "a factor in words": _any(rf"\b{_PART} (?:as|the|that|what|of (?:the|its|that|what))\b", r"\bmultiplied by \d"),
    "a comparison of speed": _any(r"\b(?:faster|slower|quicker|cheaper|speeds? up)\b"),
    "a loss or an accuracy": _any(
        rf"\b(?:accurac(?:y|ies)|loss(?:es)?|errors?)\b{_BETWEEN}\d+(?:\.\d+)?\b(?!\.\d){_COUNTED}"
    ),
    "a table of results": _any(r"\b(?:measured|mean|median|tuned|best|place)\b[^|]*\| [^|]*\d"),
    "a count of outcomes": _any(
        r"\b\d+ of (?:the )?\d+ (?:runs|seeds|networks)\b", r"\b\d+ runs (?:fail|diverge|work|reach|learn)"
    ),
    "a choice": _any(r"\b(?:chose|won)\b[^.]*\d"),
}

_FENCE = re.compile(r"\s*(?:```|~~~)")
_ITEM = re.compile(r"^\s*(?:[-*+]|\d+\.|\[\^\w+\]:|!!!|\?\?\?\+?|#+|>)\s")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')*_]*\s+(?=[\"'(*_⟨]*[A-Z0-9⟨])(?<!et al\. )(?<!e\.g\. )(?<!i\.e\. )")


@dataclass(frozen=True)
class Statement:
    """A sentence that states a result.

    Args:
        page: relative to the project.
        line: where its paragraph begins.
        text: the sentence, without markup.
        what: what it states.
    """

    page: str
    line: int
    text: str
    what: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.what}: {self.text}"


@dataclass(frozen=True)
class Allowance:
    """A sentence that may stand.

    Args:
        page: relative to the project.
        text: some words of the sentence.
        reason: why it states no result of this book.
    """

    page: str
    text: str
    reason: str


def allowances(path: Path = ALLOWED) -> list[Allowance]:
    """The list of sentences that may stand."""
    return [Allowance(**entry) for entry in tomllib.loads(path.read_text(encoding="utf-8"))["allowed"]]


def pages() -> list[Path]:
    """Every page of the site that people write, the README, and the experiments, whose captions stand on pages."""
    docs = ROOT / "docs"
    written = [path for path in docs.rglob("*.md") if (docs / "live") not in path.parents]
    captions = (ROOT / "src" / "trainlab" / "experiments").glob("[!_]*.py")
    return sorted([*written, *(docs / "labs").glob("*.py"), *captions, ROOT / "README.md"])


def statements(page: str, text: str) -> list[Statement]:
    """The sentences of a page that state a result without a live number.

    Args:
        page: its path in the project.
        text: Markdown, a lab in percent format, or a module, of which the docstring counts.
    """
    prose = _cells(text) if page.startswith("docs/labs/") else text
    if page.startswith("src/"):
        prose = ast.get_docstring(ast.parse(text)) or ""
    return [
        Statement(page, line, sentence, what)
        for line, block in _blocks(prose)
        for sentence in _SENTENCE_END.split(_plain(block))
        if (what := states(sentence))
    ]


def states(sentence: str) -> str | None:
    """What a sentence without markup states as a result that no run wrote; None where it does not."""
    rules = TYPED if LIVE in sentence else {**TYPED, **SAID}
    return next((what for what, pattern in rules.items() if pattern.search(sentence)), None)


def unlisted(found: list[Statement], allowed: list[Allowance]) -> tuple[list[Statement], list[Allowance]]:
    """What is found and not allowed, and what is allowed and not found."""
    pairs = [(s, a) for s in found for a in allowed if s.page == a.page and a.text in s.text]
    listed, used = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    return [s for s in found if s not in listed], [a for a in allowed if a not in used]


def _cells(lab: str) -> str:
    """The Markdown cells of a lab; every other line is empty."""
    lines, inside = [], False
    for line in lab.splitlines():
        if line.startswith("# %%"):
            inside = "[markdown]" in line
        lines.append(line[2:] if inside and line.startswith("# ") and not line.startswith("# %%") else "")
    return "\n".join(lines)


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """Paragraphs, items and cells of tables, each with the line where it begins; no code and no displayed formulas."""
    block, start, skipping, header = [], 1, "", []
    for number, line in enumerate([*text.splitlines(), ""], 1):
        fence, bare = _FENCE.match(line), line.strip()
        toggles = "code" if fence else "math" if bare.startswith("$$") and bare.count("$$") == 1 else ""
        row = bare.startswith("|")
        breaks = not bare or fence or toggles or row or _ITEM.match(line) or bare.startswith(("--8<--", "---", "!["))
        if breaks or bare.startswith(("!claim", "!source", "!notebook")):
            if block:
                yield start, " ".join(block)
            block = []
        header = header if row else []
        if skipping or toggles:
            skipping = "" if skipping and (toggles == skipping) else skipping or toggles
        elif row:
            cells = [cell.strip() for cell in bare.strip("|").split("|")]
            header = header or cells
            yield from ((number, f"{name} | {cell}") for name, cell in zip(header, cells, strict=False) if cell != name)
        elif bare and not bare.startswith(("!claim", "!source", "!notebook", "--8<--", "---", "![")):
            start = start if block else number
            block.append(_ITEM.sub("", line).strip())


def _plain(block: str) -> str:
    """A block without markup: formulas and code as one letter, live numbers as one sign, links as their words."""
    block = re.sub(r"(`+).+?\1", "c", block)
    block = re.sub(r"\{=[^{}]*\}", LIVE, block)
    block = re.sub(r"\$\$.+?\$\$|\$[^$]+\$", "x", block)
    block = re.sub(r"!?\[([^\]]*)\]\([^)]*\)|\[\^\w+\]", r"\1", block)
    block = block.replace("&nbsp;", " ").replace("\u00a0", " ")
    return re.sub(r"\s+", " ", re.sub(r"\*\*|(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w)", "", block))
