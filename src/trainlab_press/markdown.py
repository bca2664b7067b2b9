"""Ties pages to results: figures, numbers, claims and source code in Markdown.

In a page: ``![](fig:NAME)``, ``{=NAME.key:FORMAT}``, ``!claim NAME/id``, ``!source package.module.name``,
``!notebook LAB``, ``!touch NAME``; and ``!ledger``, ``!gallery``, ``!bibliography``, ``!making``, ``!snippets`` and
``!ranks``, which show all of a kind.
Registered in mkdocs.yml as ``trainlab_press.markdown``.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

from markdown import Markdown
from markdown.blockprocessors import BlockProcessor
from markdown.extensions import Extension
from markdown.inlinepatterns import InlineProcessor
from markdown.treeprocessors import Treeprocessor
from markdown.util import AtomicString

from trainlab_press import colab, evidence, source, touch
from trainlab_press.bibliography import bibliography
from trainlab_press.elements import add, highlighted
from trainlab_press.errors import PressError, did_you_mean, naming_page
from trainlab_press.gallery import gallery
from trainlab_press.ledger import ledger
from trainlab_press.leftovers import Leftovers
from trainlab_press.livefiles import LiveFiles
from trainlab_press.making import making
from trainlab_press.press import NUMBER, NUMBER_INSIDE, Press
from trainlab_press.provenance import provenance
from trainlab_press.ranks import ranks
from trainlab_press.snippet_list import snippets
from trainlab_press.terms import Terms

WHOLE = {
    "ledger": ledger,
    "gallery": gallery,
    "bibliography": bibliography,
    "making": making,
    "snippets": snippets,
    "ranks": ranks,
}
"""What shows all of a kind, and takes no name."""
DIRECTIVE = re.compile(
    r"!(?:(?P<kind>claim|source|notebook|touch)[ \t]+(?P<rest>\S.*)"
    rf"|(?P<whole>{'|'.join(WHOLE)})(?![\w-])(?P<extra>.*))"
)

__all__ = ["NUMBER", "NUMBER_INSIDE", "Press", "TrainlabExtension", "makeExtension"]


class _Number(InlineProcessor):
    """Replaces {=name.key:format}; code spans have been taken out before."""

    def __init__(self, press: Press) -> None:
        super().__init__(NUMBER, press.md)
        self.press = press

    def handleMatch(self, m: re.Match[str], data: str) -> tuple[ET.Element, int, int]:  # noqa: N802
        with naming_page(self.press.md):
            return self.press.number(m[1]), m.start(0), m.end(0)


class _Directives(BlockProcessor):
    """Replaces blocks of lines such as !claim, !source or !ledger."""

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
                    raise PressError(f"'{line.strip()}' follows a line with !; put a blank line between them")
                if m["kind"]:
                    getattr(self, m["kind"])(parent, m["rest"])
                elif m["extra"]:
                    raise PressError(f"!{m['whole']}{m['extra']}: this shows all there is; write !{m['whole']} alone")
                else:
                    WHOLE[m["whole"]](self.press, parent)

    def claim(self, parent: ET.Element, claim_id: str) -> None:
        """Append a claim: the sentence and the verdict, opening to the evidence."""
        evidence.box(self.press, parent, self.press.live.claim(claim_id))

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

    def touch(self, parent: ET.Element, name: str) -> None:
        """Append a live figure and, below it, its interactive one."""
        touch.append(self.press, parent, name)

    def source(self, parent: ET.Element, rest: str) -> None:
        """Append the highlighted source of a definition."""
        press = self.press
        dotted, _, option = rest.partition(" ")
        if option.strip() not in {"", "with docstring"}:
            raise PressError(f"!source {rest}: '{option.strip()}' is no option; write 'with docstring' or nothing")
        listing = source.find(press.root, dotted, docstring=bool(option.strip()))
        figure = add(parent, "figure", class_="listing")
        add(figure, "div", press.md.htmlStash.store(highlighted(listing.code)))
        caption = add(figure, "figcaption")
        add(caption, "code", dotted).tail = AtomicString(" in ")
        press.code_link(caption, listing.file, f"#L{listing.first}-L{listing.last}")


class _Figures(Treeprocessor):
    """Replaces images of fig:NAME by the live figure.

    The first of a page is drawn in it, so that it is there with the text. The others are pictures: drawn in the page,
    their lines would be up to a third of its elements, and a phone would lay them all out while the page loads.
    """

    def __init__(self, press: Press) -> None:
        super().__init__()
        self.press = press

    def run(self, root: ET.Element) -> None:
        parents = {child: parent for parent in root.iter() for child in parent}
        seen: set[str] = set()
        for img in [e for e in root.iter("img") if e.get("src", "").startswith("fig:")]:
            name = img.get("src", "").removeprefix("fig:")
            with naming_page(self.press.md):
                if name in seen:
                    raise PressError(f"fig:{name} stands twice on one page; link to #fig-{name} instead")
                self.put(img, self.figure(name, first=not seen), parents)
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

    def figure(self, name: str, *, first: bool) -> ET.Element:
        """Build the figure with its caption and provenance."""
        figure = ET.Element("figure", {"class": "live", "id": f"fig-{name}"})
        plot = add(figure, "div", class_="plot", data_search_exclude="")
        try:
            record, svg = self.press.live.experiment(name), self.press.live.svg(name)
            if first:
                plot.text = AtomicString(self.press.md.htmlStash.store(svg))
            else:
                self.press.picture(plot, name)
        except PressError as error:
            raise PressError(f"fig:{name}: {error}") from None
        caption = add(figure, "figcaption")
        if question := record.get("question"):
            add(caption, "strong", question).tail = AtomicString(" ")
        self.press.fill(add(caption, "span"), record["caption"])
        provenance(self.press, caption, record)  # inside, since a caption is the last thing in a figure
        return figure


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
        md.treeprocessors.register(Terms(press), "trainlab_terms", 6)
        md.postprocessors.register(Leftovers(md), "trainlab_leftovers", -10)


def makeExtension(**kwargs: Any) -> TrainlabExtension:  # noqa: N802
    """Make the extension; Python-Markdown calls this by its name."""
    return TrainlabExtension(**kwargs)
