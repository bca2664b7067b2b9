"""Puts what follows each heading of a page, from the first h2 on, into a box that a browser can lay out later.

A phone that lays out a long chapter at once answers nobody meanwhile. assets/rest.js lets it do so box by box.
Headings stay outside, since the theme asks where they are. Registered in mkdocs.yml as ``trainlab_press.passages``.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor

HEADINGS = {"h2", "h3", "h4", "h5", "h6"}


class _Passages(Treeprocessor):
    """Wraps what stands between headings."""

    def run(self, root: ET.Element) -> None:
        children = list(root)
        first = next((at for at, child in enumerate(children) if child.tag == "h2"), len(children))
        for child in children[first:]:
            root.remove(child)
        passage = None
        for child in children[first:]:
            if child.tag in HEADINGS:
                root.append(child)
                passage = None
                continue
            if passage is None:
                passage = ET.SubElement(root, "div", {"class": "passage"})
                passage.tail = "\n"
            passage.append(child)


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
