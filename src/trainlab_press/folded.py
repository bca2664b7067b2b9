"""Takes what stands folded away under figures out of the pages, into files that a script fetches on unfolding.

Under the figures of a chapter are thousands of table cells and lines of code: every reader would load them, few open
them.
"""

from __future__ import annotations

import json
import posixpath
import re
from pathlib import Path

FOLDER = "live/parts"
PART = re.compile(
    r'<details class="provenance part" data-part="(?P<name>[\w-]+)">\s*(?P<summary><summary>.*?</summary>)'
    r"(?P<inside>.*?)(?P<end></details>)",
    re.DOTALL,
)
WAIT = "<p>It is being fetched. Without scripts, the files below have the same.</p>"


def fold(site: Path) -> None:
    """Take the parts out of every page of a built site, in place; a second time changes nothing.

    Args:
        site: The folder that `mkdocs build` filled. Each part comes to lie in live/parts/NAME.json, as `html`.
    """
    folder = site / FOLDER
    for page in sorted(site.rglob("*.html")):
        base = page.parent.relative_to(site).as_posix()

        def taken(part: re.Match[str], base: str = base) -> str:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{part['name']}.json").write_text(json.dumps({"html": part["inside"]}), "utf-8")
            address = posixpath.relpath(f"{FOLDER}/{part['name']}.json", base)
            opening = f'<details class="provenance part" data-from="{address}">'
            return f"{opening}{part['summary']}{WAIT}{part['end']}"

        before = page.read_text("utf-8")
        after = PART.sub(taken, before)
        if after != before:
            page.write_text(after, "utf-8")
