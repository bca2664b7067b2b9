"""Claims as text for a terminal of 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

from trainlab_press.evidence import basis, numbers, verdict

WIDTH = 100


def table(claims: list[dict[str, Any]], fill: Callable[[str], str]) -> str:
    """Every claim with its evidence, those whose verdict differs from the book's first and marked "!!".

    Args:
        claims: as docs/live/claims.json has them.
        fill: puts the numbers into a sentence.
    """
    ordered = sorted(claims, key=lambda claim: (claim["verdict"] == claim["expected"], claim["id"]))
    head = _row("", "Verdict", "Estimate", "95 % interval", "Seeds")
    return "\n".join([head, "\n\n".join(_rows(claim, fill) for claim in ordered)])


def _rows(claim: dict[str, Any], fill: Callable[[str], str]) -> str:
    agreed = claim["verdict"] == claim["expected"]
    said = [
        claim["id"],
        "" if agreed else f"The book says: {verdict(claim | {'verdict': claim['expected']})}.",
        fill(claim["text"]),
        basis(claim),
        f"Why: {fill(claim['why'])}" if claim.get("why") else "",
    ]
    indent = {"initial_indent": "   ", "subsequent_indent": "   ", "break_long_words": False, "width": WIDTH}
    head = _row("" if agreed else "!!", verdict(claim), *numbers(claim), claim["n"])
    return "\n".join([head, *(textwrap.fill(line, **indent, break_on_hyphens=False) for line in said if line)])


def _row(mark: str, said: str, estimate: str, interval: str, seeds: object) -> str:
    return f"{mark:2} {said:18} {estimate:>10}  {interval:30} {seeds:>5}"
