"""A claim in words: the verdict, the numbers behind it, and the box that shows it in a chapter."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

from markdown.util import AtomicString

from trainlab_press.elements import add, say, say_interval
from trainlab_press.press import Press

Claim = dict[str, Any]
"""As docs/live/claims.json has it."""

VERDICTS = {"holds": "Holds", "null": "No difference seen", "reversed": "Reversed"}
NO_DIFFERENCE = {"ratio of steps to a target": 1, "ratio": 1, "mean factor": 1, "probability of superiority": 0.5}
"""By kind, the value that says that there is no difference; of all other kinds it is 0."""

OVERLAP = "The last bits of a sum differ between processors, and this verdict is near its threshold."
APART = (
    "The two intervals exclude each other: the last bits of a sum differ between processors, and tuning can choose "
    "another setting for it."
)

OBSERVATION = "an observation of this book"


def slug(claim: Claim) -> str:
    """A claim's id as the end of an anchor."""
    return claim["id"].replace("/", "-")


def verdict(claim: Claim) -> str:
    """The verdict in words; "no difference seen" only where the one bound of the region is no difference."""
    bounds = [bound for bound in claim.get("region") or () if bound is not None]
    if claim["verdict"] == "null" and bounds and bounds != [NO_DIFFERENCE.get(claim.get("kind", ""), 0)]:
        return "Undecided"
    return VERDICTS.get(claim["verdict"], claim["verdict"])


def numbers(claim: Claim) -> tuple[str, str]:
    """The estimate and its interval; null in the file is an end that is not finite."""
    estimate, low, high = (claim[key] for key in ("estimate", "low", "high"))
    if None not in (estimate, low, high):
        said, *ends = say_interval(estimate, low, high)
        return said, " to ".join(ends)
    said = "not finite" if estimate is None else say(estimate)
    if low is not None:
        return said, f"{say(low)} or more" if high is None else f"{say(low)} to {say(high)}"
    return said, "unbounded" if high is None else f"{say(high)} or less"


def held_if(claim: Claim) -> str:
    """Where the whole interval has to lie for the sentence to hold; "" where the file does not say."""
    low, high = claim.get("region") or (None, None)
    if low is not None and high is not None:
        return f"within ±{say(high)}" if low == -high else f"between {say(low)} and {say(high)}"
    if low is not None:
        return f"above {say(low)}"
    return "" if high is None else f"below {say(high)}"


def statistic(claim: Claim) -> str:
    """What the estimate is of, with its unit."""
    return f"{claim['statistic'][:1].upper()}{claim['statistic'][1:]}"


def rule(claim: Claim) -> str:
    """What kind of statistic it is and what it is held against, in sentences; "" where the file says neither."""
    said = [f"Kind: {claim['kind']}."] if claim.get("kind") else []
    if region := held_if(claim):
        said.append(f"The sentence holds where the whole interval lies {region}.")
    if censored := claim.get("censored"):
        said.append(f"{censored} {'run' if censored == 1 else 'runs'} never reached the target.")
    if claim.get("reference"):
        said.append(_reference(claim))
    return " ".join(said)


def _reference(claim: Claim) -> str:
    """What the book found on the processor on which it was written, where that is another verdict."""
    estimate, interval = numbers(claim["reference"])
    return (
        f"The text was written with the runs of another processor, {claim['reference']['processor']}, and says: "
        f"{verdict(claim | claim['reference'])}, {estimate} ({interval}). "
        + (OVERLAP if claim["reference"]["overlap"] else APART)
    )


def basis(claim: Claim) -> str:
    """What the estimate is of, and its rule."""
    return f"{statistic(claim)}. {rule(claim)}".rstrip()


def why(press: Press, parent: ET.Element, claim: Claim) -> None:
    """Append why a claim does not hold, where it does not and the book expects that."""
    if claim.get("why") and not claim.get("reference"):
        press.fill(add(parent, "span", class_="why"), claim["why"])


def source(parent: ET.Element, claim: Claim) -> ET.Element:
    """Append who says so, linked where it can be read."""
    said = claim["source"] or OBSERVATION
    return add(parent, "a", said, href=claim["url"]) if claim["url"] else add(parent, "cite", said)


def box(press: Press, parent: ET.Element, claim: Claim) -> None:
    """Append a claim to a chapter: the sentence and the verdict, opening to the evidence."""
    outside = add(parent, "details", class_="claim", data_verdict=claim["verdict"], id=f"claim-{slug(claim)}")
    summary = add(outside, "summary")
    press.fill(add(summary, "span", class_="sentence"), claim["text"])
    add(summary, "strong", verdict(claim), class_="verdict")
    why(press, summary, claim)
    estimate, interval = numbers(claim)
    found = add(outside, "p", f"{statistic(claim)}: ")
    add(found, "strong", estimate)
    add(found, "span", f", 95 % interval {interval}, over {claim['n']} seeds. {rule(claim)}".rstrip())
    origin = add(outside, "p", "Source: ")
    source(origin, claim).tail = AtomicString(". Experiment: ")
    press.code_link(origin, press.live.experiment(claim["experiment"])["source"])
    origin[-1].tail = AtomicString(", run again by ")
    add(origin, "code", f"trainlab run {claim['experiment']}").tail = AtomicString(".")
    if ledger := press.shown.ledger:
        where = press.to(ledger.path, f"ledger-{slug(claim)}")
        add(add(outside, "p"), "a", "This claim in the ledger", href=where)
