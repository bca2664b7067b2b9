"""Claims as text for a terminal of 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

WIDTH = 100
HEAD = f"   {'verdict':18} {'estimate':>9}  {'95 % interval':24} {'holds if':14} {'seeds':>5}"


def table(claims: list[dict[str, Any]], fill: Callable[[str], str]) -> str:
    """Every claim with its evidence, those whose verdict differs from the book's first and marked "!!".

    Args:
        claims: as docs/live/claims.json has them.
        fill: puts the numbers into a sentence.
    """
    ordered = sorted(claims, key=lambda claim: (claim["verdict"] == claim["expected"], claim["id"]))
    return "\n".join([HEAD, "\n\n".join(_rows(claim, fill) for claim in ordered)])


def _rows(claim: dict[str, Any], fill: Callable[[str], str]) -> str:
    low, high = claim.get("region") or (0, None)
    verdict = _word(claim["verdict"], low, high)
    agreed = claim["verdict"] == claim["expected"]
    head = (
        f"{'  ' if agreed else '!!'} {verdict:18} {_number(claim['estimate']):>9}  "
        f"{_interval(claim['low'], claim['high']):24} {_held_if(low, high):14} {claim['n']:>5}"
    )
    never = f"; {claim['censored']} runs never reached the target" if claim.get("censored") else ""
    rest = [
        claim["id"],
        "" if agreed else f"The book says: {_word(claim['expected'], low, high)}.",
        fill(claim["text"]),
        f"{claim['kind']}: {claim['statistic']}{never}" if claim.get("kind") else claim["statistic"],
        f"Why: {fill(claim['why'])}" if claim.get("why") else "",
    ]
    indent = {"initial_indent": "   ", "subsequent_indent": "   ", "break_long_words": False, "width": WIDTH}
    return "\n".join([head.rstrip(), *(textwrap.fill(line, **indent, break_on_hyphens=False) for line in rest if line)])


def _word(verdict: str, low: float | None, high: float | None) -> str:
    if verdict != "null":
        return verdict
    return "no difference seen" if low is None or high is None else "undecided"


def _number(value: float | None) -> str:
    """A number with three digits that count; a dash for one that is not finite."""
    if value is None:
        return "-"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _interval(low: float | None, high: float | None) -> str:
    return f"{_number(low)} or more" if high is None else f"{_number(low)} to {_number(high)}"


def _held_if(low: float | None, high: float | None) -> str:
    if high is None:
        return f"above {_number(low)}"
    if low is None:
        return f"below {_number(high)}"
    return f"within ±{_number(high)}" if low == -high else f"{_number(low)} to {_number(high)}"
