"""What stands behind the whole book, in numbers: the runs of every figure, each counted once, and the claims."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from trainlab_press.press import NUMBER
from trainlab_press.project import Project
from trainlab_press.reference import MOST
from trainlab_press.shown import NOT_TEXT

Record = dict[str, Any]
"""Of an experiment, as docs/live/NAME.json has it."""


def totals(project: Project, records: Iterable[Record], claims: Iterable[Record]) -> dict[str, float]:
    """The numbers that pages quote as {=book.KEY}.

    Args:
        project: the checkout.
        records: of every experiment.
        claims: every claim with its verdict.

    Returns:
        `runs`, `training_steps` and `seconds` of training, where a stack that several experiments share counts once;
        `runs_asked_for`, where it counts each time; `figures` that are drawn from them; `claims`, and how many of
        them are `holds`, `null` and `reversed`; how many `differ` from the book's, on another processor, and how many
        in a hundred may at `most`; `snippets` and `labs`; `quotes`, the numbers that pages quote.
    """
    records, claims = list(records), list(claims)
    verdicts = Counter(claim["verdict"] for claim in claims)
    stacks = {key: cost for one in records for key, cost in one["stacks"].items()}
    costs = {part: sum(cost[part] for cost in stacks.values()) for part in ("runs", "training_steps", "seconds")}
    return {
        "runs_asked_for": sum(one["runs"] for one in records),
        **costs,
        "seconds": round(costs["seconds"], 1),
        "figures": len(records),
        "claims": verdicts.total(),
        **{verdict: verdicts[verdict] for verdict in ("holds", "null", "reversed")},
        "differ": sum("reference" in claim for claim in claims),
        "most": 100 * MOST,
        "quotes": sum(len(re.findall(NUMBER, NOT_TEXT.sub("", text))) for text in _pages(project)),
        "snippets": len([*(project.root / "snippets").glob("*.py")]),
        "labs": len([*(project.root / "docs" / "labs").glob("*.py")]),
    }


def _pages(project: Project) -> Iterator[str]:
    """The text of every page that is written by hand."""
    for page in (project.root / "docs").rglob("*.md"):
        if project.live not in page.parents:
            yield page.read_text(encoding="utf-8")


def trained(project: Project, records: Iterable[Record]) -> str:
    """The day, as 2026-11-27 in UTC, on which the newest run behind the figures was trained; "" where none is stored.

    A build that trains nothing leaves it as it was, so the pages stay the same bytes.
    """
    paths = {project.cache / "runs" / f"{key}.npz" for one in records for key in one["stacks"]}
    times = [path.stat().st_mtime for path in paths if path.is_file()]
    return dt.datetime.fromtimestamp(max(times), dt.UTC).date().isoformat() if times else ""
