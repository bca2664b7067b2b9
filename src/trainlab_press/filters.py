"""The bar above a list or a table with which a reader chooses what is shown; find.js and tables.js make it work.

It is in the page from the start, so that nothing moves when a script comes; without scripts the style hides it.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping

from trainlab_press.elements import add


def field(parent: ET.Element, name: str, entries: int) -> None:
    """Append a field that finds entries, by their words, of the list which comes next.

    Args:
        parent: Where it goes.
        name: Of the field.
        entries: How many the list has.
    """
    bar = add(parent, "div", class_="filters")
    add(bar, "label", name, for_="find")
    add(bar, "input", type="search", id="find")
    add(bar, "p", _shown(entries), role="status")


def choices(parent: ET.Element, columns: Mapping[str, Mapping[str, int]], rows: int) -> None:
    """Append a choice for some columns of the table which comes next.

    Args:
        parent: Where it goes.
        columns: heading -> how many rows have which data-key in that column.
        rows: How many the table has.
    """
    bar = add(parent, "div", class_="filters")
    for name, counts in columns.items():
        choice = add(bar, "span")  # a label stays with its choice where the bar is narrow
        add(choice, "label", name, for_=f"choose-{name.lower()}")
        select = add(choice, "select", id=f"choose-{name.lower()}", data_column=name)
        add(select, "option", "All", value="")
        for key, count in counts.items():
            add(select, "option", f"{key} ({count})", value=key)
    add(bar, "p", _shown(rows), role="status")


def _shown(number: int) -> str:
    return f"{number} of {number} shown"
