"""A claim: a sentence, a statistic over runs, and the verdict that the book reports."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import xarray as xr

from trainlab.stats import Estimate

Verdict = Literal["holds", "null", "reversed"]

LEAST_SEEDS = 10


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A sentence that runs can contradict.

    Args:
        id: short name, unique within the experiment, with hyphens.
        text: one sentence that says that the statistic is above `null`.
        source: who says so, as a citation; "" for our own observation.
        url: where to read the source; "".
        statistic: what `compare` estimates, with its unit.
        compare: takes the experiment's results, returns the estimate.
        expect: the verdict that the book reports.
        null: the value of the statistic when there is no difference.
    """

    id: str
    text: str
    statistic: str
    compare: Callable[[xr.Dataset], Estimate]
    expect: Verdict
    source: str = ""
    url: str = ""
    null: float = 0.0

    def judge(self, results: xr.Dataset) -> tuple[Estimate, Verdict]:
        """The estimate, and what it says of the sentence.

        Returns:
            The verdict is "holds" where the whole interval lies above `null`, "reversed" where it
            lies below, and otherwise "null": no difference that this experiment can see.

        Raises:
            ValueError: the estimate rests on fewer than 10 seeds.
        """
        estimate = self.compare(results)
        if estimate.n < LEAST_SEEDS:
            raise ValueError(f"claim {self.id} rests on {estimate.n} seeds; a claim needs at least {LEAST_SEEDS}")
        if estimate.low > self.null:
            return estimate, "holds"
        return estimate, "reversed" if estimate.high < self.null else "null"
