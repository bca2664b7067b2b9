"""Puts what follows each heading far down a page into a box that a browser can lay out later.

A phone that lays out a long chapter at once answers nobody meanwhile. assets/rest.js lets it do so box by box. What
may be in sight at the start has no box, since its text would move. Headings stay outside, since the theme asks where
they are. Registered in mkdocs.yml as ``trainlab_press.passages``.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor

HEADINGS = {"h2", "h3", "h4", "h5", "h6"}
FAR = 6000
"""Characters of text after which a large screen is surely full."""


class _Passages(Treeprocessor):
    """Wraps what stands between headings."""

    def run(self, root: ET.Element) -> None:
        before, passage = 0, None
        for child in list(root):
            root.remove(child)
            if child.tag in HEADINGS:
                passage = None
                if before >= FAR:
                    passage = ET.Element("div", {"class": "passage"})
                    passage.tail = "\n"
                root.append(child)
            elif passage is None:
                root.append(child)
            else:
                if not len(passage):
                    root.append(passage)
                passage.append(child)
            before += len("".join(child.itertext()))


class PassagesExtension(Extension):
    """Puts passages into boxes."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802
        """Register the processor.

        Args:
            md: The converter; MkDocs looks at links and the title at priority 0 and below, all else is done before 4.
        """
        md.treeprocessors.register(_Passages(md), "trainlab_passages", 4)


def makeExtension(**kwargs: Any) -> PassagesExtension:  # noqa: N802
    """Make the extension; Python-Markdown calls this by its name."""
    return PassagesExtension(**kwargs)
