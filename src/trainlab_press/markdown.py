"""Ties pages to results: figures, numbers, claims and source code in Markdown.

In a page: ``![](fig:NAME)``, ``{=NAME.key:FORMAT}``, ``!claim NAME/id``, ``!source package.module.name`` and
``!notebook LAB``.
Registered in mkdocs.yml as ``trainlab_press.markdown``.
"""

from __future__ import annotations

import math
import posixpath
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markdown import Markdown
from markdown.blockprocessors import BlockProcessor
from markdown.extensions import Extension
from markdown.inlinepatterns import InlineProcessor
from markdown.treeprocessors import Treeprocessor
from markdown.util import AtomicString

from trainlab_press import colab, source
from trainlab_press.errors import PressError, did_you_mean, naming_page, page_of
from trainlab_press.leftovers import Leftovers
from trainlab_press.livefiles import LiveFiles

NUMBER = r"\{=([^{}\n]*)\}"
NUMBER_INSIDE = re.compile(r"\s*(?P<name>\w+)\.(?P<key>[\w.-]+)(?::(?P<spec>\S+))?(?:\s+or\s+(?P<missing>.+?))?\s*")
DIRECTIVE = re.compile(r"!(?P<kind>claim|source|notebook)[ \t]+(?P<rest>\S.*)")
VERDICTS = {"holds": "Holds", "null": "No difference seen", "reversed": "Reversed"}


def add(parent: ET.Element, tag: str, text: str = "", **attributes: str) -> ET.Element:
    """Append an element whose text Markdown leaves alone.

    Args:
        parent: Where it goes.
        tag: Its name.
        text: Its text.
        attributes: Its attributes; "class_" stands for "class".
    """
    names = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
    element = ET.SubElement(parent, tag, names)
    element.text = AtomicString(text)
    return element


def say(value: float) -> str:
    """Write a number with three digits that count, and no exponent for a large one."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def say_interval(estimate: float, low: float, high: float) -> list[str]:
    """Write an estimate and its interval with the decimals that the interval's width warrants."""
    width = high - low
    if not (math.isfinite(width) and width > 0):
        return [say(value) for value in (estimate, low, high)]
    decimals = max(0, 1 - math.floor(math.log10(width)))
    return [f"{value:,.{decimals}f}" for value in (estimate, low, high)]


@dataclass
class Press:
    """What one conversion needs to know.

    Args:
        md: The running converter.
        root: The project's root.
        live: The results.
        repo: Address of the repository for links to source files, or "".
    """

    md: Markdown
    root: Path
    live: LiveFiles
    repo: str

    def href(self, file: str) -> str:
        """Link to a live file, relative to the page's source; MkDocs checks it and makes it an address."""
        return posixpath.relpath(f"{self.live.folder.name}/{file}", posixpath.dirname(page_of(self.md)) or ".")

    def code_link(self, parent: ET.Element, file: str, lines: str = "") -> None:
        """Append the name of a source file, linked where the repository's address is known."""
        if self.repo:
            add(parent, "a", file, href=f"{self.repo.rstrip('/')}/blob/main/{file}{lines}")
        else:
            add(parent, "code", file)

    def number(self, inside: str) -> ET.Element:
        """Turn what stands in {=...} into a <data> element."""
        m = NUMBER_INSIDE.fullmatch(inside)
        if not m:
            raise PressError(f"{{={inside}}} is not a number; write {{=experiment.key}} or {{=experiment.key:.1f}}")
        try:
            value = self.live.number(m["name"], m["key"])
        except PressError as error:
            raise PressError(f"{{={inside}}}: {error}") from None
        try:
            text = format(value, m["spec"] or ".3g")
        except ValueError as error:
            raise PressError(f"{{={inside}}}: bad format {m['spec']} ({error}); write one like .1f or .0%") from None
        if not math.isfinite(value):
            if not m["missing"]:
                raise PressError(f"{{={inside}}} is {value}; if that may be, say what to show: {{={inside} or never}}")
            text = m["missing"]
        data = ET.Element("data", {"value": repr(value)})
        data.text = AtomicString(text)
        return data

    def fill(self, parent: ET.Element, text: str) -> None:
        """Append plain text in which {=...} becomes numbers."""
        pieces = re.split(NUMBER, text)
        parent.text = AtomicString(pieces[0])
        for inside, after in zip(pieces[1::2], pieces[2::2], strict=True):
            parent.append(self.number(inside))
            add(parent, "span", after)  # a tail would still be read as Markdown


class _Number(InlineProcessor):
    """Replaces {=name.key:format}; code spans have been taken out before."""

    def __init__(self, press: Press) -> None:
        super().__init__(NUMBER, press.md)
        self.press = press

    def handleMatch(self, m: re.Match[str], data: str) -> tuple[ET.Element, int, int]:  # noqa: N802
        with naming_page(self.press.md):
            return self.press.number(m[1]), m.start(0), m.end(0)


class _Directives(BlockProcessor):
    """Replaces blocks of !claim, !source and !notebook lines."""

    def __init__(self, press: Press) -> None:
        super().__init__(press.md.parser)
        self.press = press

    def test(self, parent: ET.Element, block: str) -> bool:
        return DIRECTIVE.match(block) is not None

    def run(self, parent: ET.Element, blocks: list[str]) -> None:
        with naming_page(self.press.md):
            for line in blocks.pop(0).splitlines():
                m = DIRECTIVE.fullmatch(line.rstrip())
                if not m:
                    raise PressError(
                        f"'{line.strip()}' follows a !claim, !source or !notebook; put a blank line between them"
                    )
                {"claim": self.claim, "source": self.source, "notebook": self.notebook}[m["kind"]](parent, m["rest"])

    def claim(self, parent: ET.Element, claim_id: str) -> None:
        """Append a claim: the sentence and the verdict, opening to the evidence."""
        press, claim = self.press, self.press.live.claim(claim_id)
        verdict = str(claim["verdict"])
        box = add(parent, "details", class_="claim", data_verdict=verdict, id=f"claim-{claim_id.replace('/', '-')}")
        summary = add(box, "summary")
        press.fill(add(summary, "span", class_="sentence"), claim["text"])
        add(summary, "strong", VERDICTS.get(verdict, verdict), class_="verdict")
        evidence = add(box, "p", f"{claim['statistic'][:1].upper()}{claim['statistic'][1:]}: ")
        estimate, low, high = say_interval(claim["estimate"], claim["low"], claim["high"])
        interval = AtomicString(f", 95 % interval {low} to {high}, over {claim['n']} seeds.")
        add(evidence, "strong", estimate).tail = interval
        origin = add(box, "p", "Source: ")
        where = {"href": claim["url"]} if claim["url"] else {}
        link = add(origin, "a" if where else "cite", claim["source"] or "an observation of this book", **where)
        link.tail = AtomicString(". Experiment: ")
        press.code_link(origin, press.live.experiment(claim["experiment"])["source"])
        origin[-1].tail = AtomicString(", run again by ")
        add(origin, "code", f"trainlab run {claim['experiment']}").tail = AtomicString(".")

    def notebook(self, parent: ET.Element, lab: str) -> None:
        """Append the ways to a lab: its page and, where the repository is known, Colab."""
        pages = self.press.root / "docs" / "labs"
        if not (pages / f"{lab}.py").is_file():
            hint = did_you_mean(lab, [page.stem for page in pages.glob("*.py")])
            raise PressError(f"!notebook {lab}: there is no docs/labs/{lab}.py{hint}")
        ways = add(parent, "p", class_="notebook")
        add(ways, "a", "Open the lab, and download it as a notebook", href=self.press.href(f"labs/{lab}.ipynb"))
        if self.press.repo:
            ways[-1].tail = AtomicString(" · ")
            slug = self.press.repo.removeprefix("https://github.com/")
            add(ways, "a", "Open in Colab", href=colab.address(slug, lab))

    def source(self, parent: ET.Element, rest: str) -> None:
        """Append the highlighted source of a definition."""
        from pygments import highlight
        from pygments.formatters import HtmlFormatter
        from pygments.lexers import PythonLexer

        press = self.press
        dotted, _, option = rest.partition(" ")
        if option.strip() not in {"", "with docstring"}:
            raise PressError(f"!source {rest}: '{option.strip()}' is no option; write 'with docstring' or nothing")
        listing = source.find(press.root, dotted, docstring=bool(option.strip()))
        figure = add(parent, "figure", class_="listing")
        code = highlight(listing.code, PythonLexer(), HtmlFormatter(cssclass="highlight", wrapcode=True))
        add(figure, "div", press.md.htmlStash.store(code))
        caption = add(figure, "figcaption")
        add(caption, "code", dotted).tail = AtomicString(" in ")
        press.code_link(caption, listing.file, f"#L{listing.first}-L{listing.last}")


class _Figures(Treeprocessor):
    """Replaces images of fig:NAME by the live figure."""

    def __init__(self, press: Press) -> None:
        super().__init__()
        self.press = press

    def run(self, root: ET.Element) -> None:
        parents = {child: parent for parent in root.iter() for child in parent}
        seen: set[str] = set()
        for img in [e for e in root.iter("img") if e.get("src", "").startswith("fig:")]:
            name = img.get("src", "").removeprefix("fig:")
            with naming_page(self.press.md):
                figure = self.figure(name)
                if name in seen:
                    raise PressError(f"fig:{name} stands twice on one page; link to #fig-{name} instead")
                self.put(img, figure, parents)
            seen.add(name)

    def put(self, img: ET.Element, figure: ET.Element, parents: dict[ET.Element, ET.Element]) -> None:
        """Put the figure in the image's place, or in that of a paragraph which holds nothing else."""
        parent, src = parents[img], img.get("src")
        alone = len(parent) == 1 and not (parent.text or "").strip() and not (img.tail or "").strip()
        if not alone or parent.tag not in {"p", "li", "td", "div"}:
            raise PressError(f"{src} stands inside a text; put ![]({src}) in a paragraph of its own")
        if img.get("alt"):
            raise PressError(
                f"![{img.get('alt')}]({src}) has a text of its own; leave [] empty, the run's numbers make it"
            )
        old, holder = (parent, parents[parent]) if parent.tag == "p" else (img, parent)
        figure.tail = old.tail
        holder[list(holder).index(old)] = figure

    def figure(self, name: str) -> ET.Element:
        """Build the figure with its caption and provenance."""
        try:
            record, svg = self.press.live.experiment(name), self.press.live.svg(name)
        except PressError as error:
            raise PressError(f"fig:{name}: {error}") from None
        figure = ET.Element("figure", {"class": "live", "id": f"fig-{name}"})
        add(figure, "div", self.press.md.htmlStash.store(svg), class_="plot", data_search_exclude="")
        caption = add(figure, "figcaption")
        if question := record.get("question"):
            add(caption, "strong", question).tail = AtomicString(" ")
        self.press.fill(add(caption, "span"), record["caption"])
        self.provenance(figure, record)
        return figure

    def provenance(self, figure: ET.Element, record: dict[str, Any]) -> None:
        """Append the line that says which runs, or which measurement, are behind the figure."""
        box = add(figure, "details", class_="provenance", data_search_exclude="")
        if not (summary := record.get("measured")):
            summary = f"{record['runs']:,} runs, {record['seeds']} seeds, trained in {say(record['seconds'])} s"
        add(box, "summary", summary)
        versions = ", ".join(f"{what} {version}" for what, version in record["versions"].items())
        steps = f"{record['training_steps']:,} training steps with " if record["training_steps"] else "With "
        add(box, "p", f"{steps}{versions}. Key of the runs: ")
        add(box[-1], "code", record["key"]).tail = AtomicString(".")
        files = add(box, "p")
        add(files, "a", "Data (CSV)", href=self.press.href(record["csv"])).tail = AtomicString(" · ")
        add(files, "a", "Figure (SVG)", href=self.press.href(record["svg"])).tail = AtomicString(" · ")
        self.press.code_link(files, record["source"])
        files[-1].tail = AtomicString(" · ")
        add(files, "code", record.get("command") or f"trainlab run {record['name']}")


class TrainlabExtension(Extension):
    """Puts figures, numbers, claims and source code into pages."""

    def __init__(self, **kwargs: Any) -> None:
        self.config = {
            "root": [".", "The project's root"],
            "live": ["docs/live", "The generated results, relative to the root"],
            "repo": ["", "Address of the repository on GitHub, for links to source files and to Colab"],
        }
        super().__init__(**kwargs)

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802
        """Register the processors.

        Args:
            md: The converter; code spans have priority 190, attribute lists 8, MkDocs's link checks 5 and 0.
        """
        root = Path(self.getConfig("root"))
        press = Press(md, root, LiveFiles(root / self.getConfig("live")), self.getConfig("repo"))
        md.inlinePatterns.register(_Number(press), "trainlab_number", 187)
        md.parser.blockprocessors.register(_Directives(press), "trainlab_directives", 76)
        md.treeprocessors.register(_Figures(press), "trainlab_figures", 7)
        md.postprocessors.register(Leftovers(md), "trainlab_leftovers", -10)


def makeExtension(**kwargs: Any) -> TrainlabExtension:  # noqa: N802
    """Make the extension; Python-Markdown calls this by its name."""
    return TrainlabExtension(**kwargs)
