"""The gallery: every figure of the book as a small picture with its question, linked to its place."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from itertools import groupby

from trainlab_press import filters
from trainlab_press.elements import add
from trainlab_press.press import Press
from trainlab_press.shown import Page


def gallery(press: Press, parent: ET.Element) -> None:
    """Append the pictures, page after page in the order of the book.

    Args:
        press: Of this conversion.
        parent: Where they go.

    Raises:
        PressError: A figure that a page shows has no results.
    """
    shown = press.shown
    order = {path: place for place, path in enumerate(shown.pages)}
    figures = sorted(shown.figures.items(), key=lambda figure: order[figure[1].path])
    add(parent, "p", f"{len(figures)} figures, in the order of the chapters.", class_="counted")
    filters.field(parent, "Find a figure", len(figures))
    everything = add(parent, "div", class_="gallery")
    for page, group in groupby(figures, key=lambda figure: figure[1]):
        section = add(everything, "section")
        add(add(section, "h2"), "a", page.title, href=press.to(page.path))
        cards = add(section, "ul")
        for name, _ in group:
            _card(press, add(cards, "li"), name, page)


def _card(press: Press, card: ET.Element, name: str, page: Page) -> None:
    record = press.live.experiment(name)
    press.picture(card, name)
    # One link, whose area the style spreads over the card: the picture says by itself what it shows.
    add(card, "a", record.get("question") or name, href=press.to(page.path, f"fig-{name}"))
