"""What every part of the Markdown extension needs: the results, the way to other files, and numbers in text."""

from __future__ import annotations

import datetime as dt
import math
import posixpath
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from markdown import Markdown
from markdown.util import AtomicString

from trainlab_press.elements import add
from trainlab_press.errors import PressError, page_of
from trainlab_press.livefiles import BOOK, LiveFiles
from trainlab_press.shown import Shown, shown

NUMBER = r"\{=([^{}\n]*)\}"
NUMBER_INSIDE = re.compile(r"\s*(?P<name>\w+)\.(?P<key>[\w.-]+)(?::(?P<spec>\S+))?(?:\s+or\s+(?P<missing>.+?))?\s*")

POWER = re.compile(r"(?P<digits>\d)e(?P<exponent>[+-]\d+)")
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
SIZE = re.compile(r'viewBox="0 0 (?P<width>[\d.]+) (?P<height>[\d.]+)"')


def read_number(inside: str) -> re.Match[str]:
    """Take apart what stands in {=...}, of which nothing is looked up.

    Raises:
        PressError: It is not of this form, or its format is none of a number.
    """
    m = NUMBER_INSIDE.fullmatch(inside)
    if not m:
        raise PressError(f"{{={inside}}} is not a number; write {{=experiment.key}} or {{=experiment.key:.1f}}")
    try:
        format(0.0, m["spec"] or "")
    except ValueError as error:
        raise PressError(f"{{={inside}}}: bad format {m['spec']} ({error}); write one like .1f or .0%") from None
    return m


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

    @cached_property
    def shown(self) -> Shown:
        """Which page shows what."""
        return shown(self.root, self.live.folder)

    def href(self, file: str) -> str:
        """Link to a live file, relative to the page's source; MkDocs checks it and makes it an address."""
        return self.to(f"{self.live.folder.name}/{file}")

    def to(self, page: str, anchor: str = "") -> str:
        """Link to a page, or to a place on it, in the same way."""
        path = posixpath.relpath(page, posixpath.dirname(page_of(self.md)) or ".")
        return f"{path}#{anchor}" if anchor else path

    def code_link(self, parent: ET.Element, file: str, lines: str = "") -> None:
        """Append the name of a source file, linked where the repository's address is known."""
        if self.repo:
            add(parent, "a", file, href=f"{self.repo.rstrip('/')}/blob/main/{file}{lines}")
        else:
            add(parent, "code", file)

    def picture(self, parent: ET.Element, name: str) -> None:
        """Append a figure as a picture, which a browser fetches when a reader comes near.

        Raises:
            PressError: There is no such figure, or it does not say how large it is.
        """
        record = self.live.experiment(name)
        size = SIZE.search(self.live.svg(name))
        if not size:
            raise PressError(f"{record['svg']} has no viewBox; `trainlab run {name} --force` draws it again")
        width, height = (f"{float(size[side]):.0f}" for side in ("width", "height"))
        about = {"alt": record["alt"], "width": width, "height": height}
        add(parent, "img", src=self.href(record["svg"]), loading="lazy", **about)

    def number(self, inside: str) -> ET.Element:
        """Turn what stands in {=...} into a <data> element."""
        m = read_number(inside)
        try:
            if (m["name"], m["key"]) == (BOOK, "trained"):
                return self._day(self.live.index().get("trained", ""))
            value = self.live.number(m["name"], m["key"])
        except PressError as error:
            raise PressError(f"{{={inside}}}: {error}") from None
        text = format(value, m["spec"] or ".3g")
        if not math.isfinite(value):
            if not m["missing"]:
                raise PressError(f"{{={inside}}} is {value}; if that may be, say what to show: {{={inside} or never}}")
            text = m["missing"]
        data = ET.Element("data", {"value": repr(value)})
        data.text = AtomicString(POWER.sub(_power_of_ten, text))
        return data

    def _day(self, day: str) -> ET.Element:
        """The day of the newest run, which is no number."""
        try:
            date = dt.date.fromisoformat(day)
        except ValueError:
            raise PressError(f"no run is stored ({day!r} is no day); `trainlab site` trains them") from None
        time = ET.Element("time", {"datetime": day})
        time.text = AtomicString(f"{date.day} {date:%B %Y}")
        return time

    def fill(self, parent: ET.Element, text: str) -> None:
        """Append plain text in which {=...} becomes numbers."""
        pieces = re.split(NUMBER, text)
        parent.text = AtomicString(pieces[0])
        for inside, after in zip(pieces[1::2], pieces[2::2], strict=True):
            parent.append(self.number(inside))
            add(parent, "span", after)  # a tail would still be read as Markdown


def _power_of_ten(found: re.Match[str]) -> str:
    """3e-07 as it is written in a text, in characters that stay together and survive where markup is left out."""
    return f"{found['digits']}\u00a0×\u00a010{str(int(found['exponent'])).translate(RAISED)}"
