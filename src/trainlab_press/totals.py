"""What stands behind the whole book, in numbers: the runs of every figure, each counted once, and the claims."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable
from typing import Any

from trainlab_press.project import Project

Record = dict[str, Any]
"""Of an experiment, as docs/live/NAME.json has it."""


def totals(project: Project, records: Iterable[Record], claims: Iterable[Record]) -> dict[str, float]:
    """The numbers that pages quote as {=book.KEY}.

    Args:
        project: the checkout.
        records: of every experiment.
        claims: every claim with its verdict.

    Returns:
        `runs` and `training_steps`, where experiments that share a stack of runs count it once; `figures` that are
        drawn from them; `claims`, and how many of them are `holds`, `null` and `reversed`; `snippets` and `labs`.
    """
    records, verdicts = list(records), Counter(claim["verdict"] for claim in claims)
    stacks = {key: size for one in records for key, size in one["made_of"]["sizes"].items()}
    return {
        "runs": sum(runs for runs, _ in stacks.values()),
        "training_steps": sum(steps for _, steps in stacks.values()),
        "figures": len(records),
        "claims": verdicts.total(),
        **{verdict: verdicts[verdict] for verdict in ("holds", "null", "reversed")},
        "snippets": len([*(project.root / "snippets").glob("*.py")]),
        "labs": len([*(project.root / "docs" / "labs").glob("*.py")]),
    }


def trained(project: Project, records: Iterable[Record]) -> str:
    """The day, as 2026-11-27 in UTC, on which the newest run behind the figures was trained; "" where none is stored.

    A build that trains nothing leaves it as it was, so the pages stay the same bytes.
    """
    paths = {project.cache / "runs" / f"{key}.npz" for one in records for key in one["made_of"]["sizes"]}
    times = [path.stat().st_mtime for path in paths if path.is_file()]
    return datetime.datetime.fromtimestamp(max(times), datetime.UTC).date().isoformat() if times else ""
