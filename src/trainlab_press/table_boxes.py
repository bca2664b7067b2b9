"""Puts each table of a page into a box that scrolls where the table is wider than the window.

The theme's script does so once a page has loaded, and what follows moves. It leaves alone a table that has a class.
Registered in mkdocs.yml as ``trainlab_press.table_boxes``.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor


class _Boxes(Treeprocessor):
    """Wraps what the extension ``tables`` made."""

    def run(self, root: ET.Element) -> None:
        parents = {child: parent for parent in root.iter() for child in parent}
        for table in [found for found in root.iter("table") if not found.get("class")]:
            table.set("class", "plain")
            box = ET.Element("div", {"class": "wide"})
            box.tail, table.tail = table.tail, None
            parent = parents[table]
            parent[list(parent).index(table)] = box
            box.append(table)


class TableBoxesExtension(Extension):
    """Puts tables into boxes."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802
        """Register the processor.

        Args:
            md: The converter; attribute lists, which may give a table a class of its own, have priority 8.
        """
        md.treeprocessors.register(_Boxes(md), "trainlab_table_boxes", 7)


def makeExtension(**kwargs: Any) -> TableBoxesExtension:  # noqa: N802
    """Make the extension; Python-Markdown calls this by its name."""
    return TableBoxesExtension(**kwargs)
