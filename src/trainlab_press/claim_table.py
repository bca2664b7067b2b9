"""Claims as text for a terminal of 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

from trainlab_press.evidence import basis, numbers, verdict

WIDTH = 100


def table(claims: list[dict[str, Any]], fill: Callable[[str], str]) -> str:
    """Every claim with its evidence, those whose verdict differs from the book's first.

    They are marked "!!", or "~" where the difference may be due to another processor.

    Args:
        claims: as docs/live/claims.json has them.
        fill: puts the numbers into a sentence.
    """
    order = ["!!", "~", ""]
    ordered = sorted(claims, key=lambda claim: (order.index(_mark(claim)), claim["id"]))
    head = _row("", "Verdict", "Estimate", "95 % interval", "Seeds")
    return "\n".join([head, "\n\n".join(_rows(claim, fill) for claim in ordered)])


def _mark(claim: dict[str, Any]) -> str:
    if claim["verdict"] == claim["expected"]:
        return ""
    return "~" if claim.get("reference") else "!!"


def _rows(claim: dict[str, Any], fill: Callable[[str], str]) -> str:
    mark = _mark(claim)
    said = [
        claim["id"],
        f"The book says: {verdict(claim | {'verdict': claim['expected']})}." if mark else "",
        fill(claim["text"]),
        basis(claim),
        f"Why: {fill(claim['why'])}" if claim.get("why") else "",
    ]
    indent = {"initial_indent": "   ", "subsequent_indent": "   ", "break_long_words": False, "width": WIDTH}
    head = _row(mark, verdict(claim), *numbers(claim), claim["n"])
    return "\n".join([head, *(textwrap.fill(line, **indent, break_on_hyphens=False) for line in said if line)])


def _row(mark: str, said: str, estimate: str, interval: str, seeds: object) -> str:
    return f"{mark:2} {said:18} {estimate:>10}  {interval:30} {seeds:>5}"
