"""What the book's verdicts were measured to be when it was written, and what to make of another verdict elsewhere.

The last bits of a sum depend on the processor, since its instructions add in another order. Over some hundred updates
they grow to the size of the noise that a seed brings. So another processor repeats an experiment with other noise: a
verdict near its threshold may turn, and tuning may choose another setting. There a verdict that differs is a result,
which pages show beside the book's; a build fails only where so many differ that no processor explains it. With the
book's own arithmetic each of them fails it.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from trainlab.files import write
from trainlab_press.errors import PressError
from trainlab_press.machine import processor
from trainlab_press.project import Project

FILE = Path("docs", "assets", "reference.json")

MOST = 0.15
"""Share of the verdicts that may differ on another processor."""

Entry = dict[str, Any]
"""Of one experiment: `arithmetic`, `processor`, and by the id of each claim its `verdict`, `estimate` and interval."""


@functools.cache
def arithmetic() -> str:
    """A digest of what products, sums and functions give here, to the last bit: the same where results are."""
    import torch  # here, because pages are made without it

    generator = torch.Generator().manual_seed(0)
    whole = hashlib.sha256()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for runs, rows, inputs, outputs in ((1, 64, 100, 100), (8, 32, 40, 64), (3, 250, 784, 10), (30, 50, 33, 17)):
            x = torch.randn(runs, rows, inputs, generator=generator)
            y = torch.bmm(x, torch.randn(runs, inputs, outputs, generator=generator))
            parts = (y, y.tanh(), y.exp(), y.sigmoid(), y.logsumexp(-1), y.sum(1), y.mean(), y.var(1), x.norm())
            for part in parts:
                whole.update(part.contiguous().numpy().tobytes())
    finally:
        torch.set_num_threads(threads)
    return whole.hexdigest()[:16]


def read(project: Project) -> dict[str, Entry]:
    """The entry of each experiment; none where nothing was recorded.

    Raises:
        PressError: the file is damaged.
    """
    path = project.root / FILE
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise PressError(f"{path} is damaged ({error}); take it from git again") from None


def elsewhere(project: Project, name: str) -> Entry | None:
    """The entry of an experiment that was recorded with other arithmetic than there is here; else None."""
    entry = read(project).get(name)
    return entry if entry and entry["arithmetic"] != arithmetic() else None


def differing(entry: Entry | None, claim: str, expected: str, low: float, high: float) -> Entry | None:
    """What was measured for a claim when the book was written, where another verdict here is no mistake.

    Args:
        entry: of the experiment, as `elsewhere` finds it.
        claim: the id within the experiment.
        expected: the book's verdict.
        low: the lower end of the interval found here.
        high: the upper end.

    Returns:
        `verdict`, `estimate`, `low` and `high`, the `processor`, and whether the intervals `overlap`. None where
        nothing was recorded elsewhere, or the book's verdict is another by now.
    """
    known = entry["claims"].get(claim) if entry else None
    if not entry or not known or known["verdict"] != expected:
        return None
    lowest = -math.inf if known["low"] is None else known["low"]
    highest = math.inf if known["high"] is None else known["high"]
    return known | {"processor": entry["processor"], "overlap": low <= highest and lowest <= high}


def too_many(claims: Collection[dict[str, Any]]) -> list[str]:
    """A line where more verdicts differ than another processor explains; see `MOST`.

    Args:
        claims: of the whole book, as docs/live/claims.json has them.
    """
    differ = [claim["id"] for claim in claims if "reference" in claim]
    if len(differ) <= MOST * len(claims):
        return []
    counts = f"{len(differ)} of {len(claims)} verdicts differ from the book's, more than another processor explains"
    return [f"{counts}: {', '.join(differ)}; look for what was changed since they were recorded"]


def record(project: Project, claims: Iterable[dict[str, Any]], names: Iterable[str]) -> None:
    """Write down the verdicts of experiments as those of the book.

    Args:
        project: the checkout.
        claims: of all experiments, as docs/live/claims.json has them, measured on this machine.
        names: of the experiments. Entries of others stay, as long as they are experiments with claims.

    Raises:
        PressError: a verdict differs from the one that the book expects.
    """
    entries: dict[str, Entry] = {}
    known = read(project)
    for claim in sorted(claims, key=lambda claim: claim["id"]):
        name, _, short = claim["id"].partition("/")
        if name not in names:
            if name in known:
                entries[name] = known[name]
            continue
        if claim["verdict"] != claim["expected"]:
            raise PressError(
                f"claim {claim['id']}: the book says {claim['expected']}, the runs say {claim['verdict']}; "
                "correct the sentence or what it expects, then record"
            )
        made = entries.setdefault(name, {"arithmetic": arithmetic(), "processor": processor(), "claims": {}})
        found = {part: claim[part] for part in ("estimate", "low", "high")}
        rounded = {part: value if value is None else float(f"{value:.6g}") for part, value in found.items()}
        made["claims"][short] = {"verdict": claim["verdict"], **rounded}
    write(project.root / FILE, (json.dumps(entries, indent=1) + "\n").encode())
