"""The quality of every page as a table: `TRAINLAB_SITE=site .venv/bin/python tests/page_report.py`.

Findings of axe-core add up light and dark, 1280 and 390 px. The shift is the largest of the four; the weight is
that of the page with its figures.
"""

import sys
import tempfile
from collections import Counter
from itertools import groupby
from pathlib import Path

from browser_tools import INSTALL, lighthouse
from inspection import AXE, Seen, inspect
from served import CHROMIUM, NAMED, serving, weight

LIGHTHOUSE = ("", "optimizers/", "live/labs/optimizers/")
IMPACTS = ("critical", "serious", "moderate", "minor")


def row(page: str, seen: list[Seen], folder: Path, scores: dict[str, float] | None) -> str:
    """One page's row."""
    found = Counter(impact for one in seen for impact, *_ in one.axe or ())
    findings = " | ".join(str(found[impact]) for impact in IMPACTS)
    shift = max(sum(value for value, _ in one.facts["shifts"]) for one in seen)
    kilobytes = weight(folder / page / "index.html") / 1000
    marks = " / ".join(f"{score:.0f}" for score in scores.values()) if scores else ""
    return f"| {page or 'home'} | {findings} | {shift:.3f} | {kilobytes:.0f} | {marks} |"


def main() -> None:
    """Print the table; with `--lighthouse`, its scores too, which take a minute and a half."""
    assert NAMED, "set TRAINLAB_SITE to the folder of a built site"
    assert CHROMIUM, "no Chromium on this machine"
    assert AXE.is_file(), f"axe-core is not there; {INSTALL}"
    folder = Path(NAMED).resolve()
    with tempfile.TemporaryDirectory() as above, serving(folder, Path(above)) as site:
        seen = inspect(site, site.readable(), CHROMIUM)
        asked = LIGHTHOUSE if "--lighthouse" in sys.argv else ()
        scores = {page: lighthouse(site.url + page, CHROMIUM)[0] for page in asked}
    print(f"| page | {' | '.join(IMPACTS)} | shift | kB compressed | Lighthouse (speed / access / practice / search) |")
    print("|---|" + "---:|" * (len(IMPACTS) + 3))
    for page, states in groupby(seen, key=lambda one: one.page):
        print(row(page, list(states), folder, scores.get(page)))


if __name__ == "__main__":
    main()
