"""A claim: a sentence, a statistic over runs, and the verdict that the book reports."""

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, get_args

import xarray as xr

from trainlab.comparisons import (
    Comparison,
    after,
    by_seed,
    correlation,
    difference,
    slope,
    steps_ratio,
    superiority,
    within,
)
from trainlab.stats import Estimate
from trainlab.training import FIRST_PILOT, FIRST_TUNING

__all__ = [
    "LEAST_SEEDS",
    "OWN",
    "PILOT_SEEDS",
    "Claim",
    "Comparison",
    "Verdict",
    "after",
    "by_seed",
    "correlation",
    "difference",
    "distinct",
    "refuse_spent",
    "slope",
    "steps_ratio",
    "superiority",
    "within",
]

Verdict = Literal["holds", "null", "reversed"]

LEAST_SEEDS = 10

PILOT_SEEDS = range(FIRST_PILOT, FIRST_TUNING)
"""Seeds on which claims are drafted. Those below report results."""

OWN = "an observation of this book"
"""The source of a claim that nobody made before."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A sentence that runs can contradict.

    Args:
        id: short name, unique within the experiment: lower case, digits and hyphens.
        text: one sentence that says that the statistic lies in its region. It may hold numbers of the
            experiment, as pages do: `{=experiment.key:.1f}`.
        source: who says so, as a citation; `OWN` for this book's own observation.
        url: where to read the source; "".
        statistic: what `compare` estimates, with its unit.
        compare: a `Comparison`, or a function of the experiment's results that returns the estimate.
        expect: the verdict that the book reports.
        why: a sentence that says why the claim does not hold here; needed where `expect` is not "holds".
        region: the open interval in which the statistic must lie; that of `compare` by default, and
            above 0 for a plain function.

    Raises:
        ValueError: a part is missing or not of this form.
    """

    id: str
    text: str
    statistic: str
    compare: Callable[[xr.Dataset], Estimate]
    expect: Verdict
    source: str = ""
    url: str = ""
    why: str = ""
    region: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", self.id):
            raise ValueError(f"claim {self.id!r}: an id has lower-case letters, digits and single hyphens only")
        for part in ("text", "statistic", "source"):
            if not getattr(self, part).strip():
                hint = "; cite who says so, or write OWN for an observation of this book" if part == "source" else ""
                raise ValueError(f"claim {self.id}: {part} is missing{hint}")
        if self.expect not in get_args(Verdict):
            raise ValueError(f"claim {self.id}: expect must be one of {get_args(Verdict)}, got {self.expect!r}")
        if self.expect != "holds" and not self.why.strip():
            raise ValueError(f"claim {self.id}: why is missing; say in a sentence why it is {self.expect} here")
        low, high = self.held_in
        if not low < high:
            raise ValueError(f"claim {self.id}: region must be (low, high), got {(low, high)}")

    @property
    def kind(self) -> str:
        """What the statistic is called."""
        return self.compare.kind if isinstance(self.compare, Comparison) else "statistic of its own"

    @property
    def held_in(self) -> tuple[float, float]:
        """The ends of the open interval in which the statistic must lie."""
        if self.region is not None:
            return self.region
        return self.compare.region if isinstance(self.compare, Comparison) else (0.0, math.inf)

    def judge(self, results: xr.Dataset) -> tuple[Estimate, Verdict]:
        """The estimate, and what it says of the sentence.

        Args:
            results: the experiment's, on seeds that report.

        Returns:
            The verdict is "holds" where the whole interval lies inside the region, "reversed" where it
            lies outside, and otherwise "null": this experiment cannot tell.

        Raises:
            ValueError: the statistic cannot be computed, is NaN, or rests on fewer than 10 seeds or on
                more values than there are seeds.
        """
        try:
            estimate = self.compare(results)
        except (ValueError, KeyError) as error:
            said = error.args[0] if isinstance(error, KeyError) and error.args else error
            raise ValueError(f"claim {self.id}: {said}") from error
        if estimate.n < LEAST_SEEDS:
            raise ValueError(
                f"claim {self.id} rests on {estimate.n} seeds; a claim needs at least {LEAST_SEEDS} ({estimate})"
            )
        if "seed" in results.coords and estimate.n > (seeds := len(set(results.seed.values.tolist()))):
            raise ValueError(
                f"claim {self.id} rests on {estimate.n} values of {seeds} seeds; give one number a seed ({estimate})"
            )
        if math.isnan(estimate.low + estimate.high):
            raise ValueError(f"claim {self.id}: the estimate is {estimate}; let its statistic deal with diverged runs")
        return estimate, _verdict(estimate, *self.held_in)


def _verdict(estimate: Estimate, low: float, high: float) -> Verdict:
    if (low < estimate.low or low == -math.inf) and (estimate.high < high or high == math.inf):
        return "holds"
    return "reversed" if estimate.high < low or estimate.low > high else "null"


def distinct(claims: Iterable[Claim]) -> None:
    """Check that no two claims of an experiment have one id.

    Args:
        claims: those of one experiment.

    Raises:
        ValueError: two have.
    """
    seen: set[str] = set()
    for claim in claims:
        if claim.id in seen:
            raise ValueError(f"claim {claim.id} is defined twice; give each its own id")
        seen.add(claim.id)


def refuse_spent(results: xr.Dataset, tuning_seeds: Iterable[int]) -> None:
    """Check that the runs behind claims have seeds that are there to report results.

    Args:
        results: what the claims are judged by.
        tuning_seeds: seeds that chose hyperparameters.

    Raises:
        ValueError: a seed chose hyperparameters, or is one on which claims are drafted.
    """
    seeds = set(results.seed.values.tolist()) if "seed" in results.coords else set()
    if spent := sorted(seeds & set(tuning_seeds)):
        raise ValueError(f"seeds {spent} chose hyperparameters, so no claim may rest on them; report other seeds")
    if drafts := sorted(seeds & set(PILOT_SEEDS)):
        raise ValueError(
            f"seeds {drafts} are for drafts of claims, so none may rest on them; report seeds below {FIRST_PILOT}"
        )
