"""Verdicts follow from intervals, and need enough seeds."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

from trainlab.claims import LEAST_SEEDS, Claim, by_seed, difference
from trainlab.stats import Estimate, bootstrap, paired_difference


def claim(compare: Callable[[xr.Dataset], Estimate], **rest: Any) -> Claim:
    return Claim(id="a-beats-b", text="A beats B.", statistic="accuracy of A minus B", compare=compare, **rest)


def judged(low: float, high: float, null: float = 0.0, n: int = LEAST_SEEDS) -> str:
    estimate = Estimate((low + high) / 2, low, high, n)
    found, verdict = claim(lambda _: estimate, expect="holds", null=null).judge(xr.Dataset())
    assert found is estimate
    return verdict


@pytest.mark.parametrize(
    ("low", "high", "null", "verdict"),
    [
        (0.1, 0.2, 0.0, "holds"),
        (-0.2, -0.1, 0.0, "reversed"),
        (-0.1, 0.1, 0.0, "null"),
        (0.0, 0.1, 0.0, "null"),  # the null itself is no difference
        (-0.1, 0.0, 0.0, "null"),
        (0.0, 0.0, 0.0, "null"),
        (0.6, 0.7, 0.5, "holds"),
        (0.4, 0.6, 0.5, "null"),
        (0.1, 0.4, 0.5, "reversed"),
        (1.1, 1.3, 1.0, "holds"),
    ],
)
def test_verdict(low: float, high: float, null: float, verdict: str) -> None:
    assert judged(low, high, null) == verdict


@pytest.mark.parametrize("expect", ["holds", "null", "reversed"])
def test_verdict_does_not_depend_on_what_is_expected(expect: Any) -> None:
    assert claim(lambda _: Estimate(0.2, 0.1, 0.3, 10), expect=expect).judge(xr.Dataset())[1] == "holds"


def test_few_seeds_give_no_verdict() -> None:
    with pytest.raises(ValueError, match=r"claim a-beats-b rests on 9 seeds; a claim needs at least 10"):
        judged(0.1, 0.2, n=9)
    assert judged(0.1, 0.2, n=10) == "holds"


def test_claim_is_judged_by_the_results() -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, (2, 12))

    def difference(results: xr.Dataset) -> Estimate:
        return paired_difference(results.accuracy.values[0], results.accuracy.values[1])

    for shift, verdict in ((0.1, "holds"), (0.0, "null"), (-0.1, "reversed")):
        accuracy = noise + np.array([[shift], [0.0]])
        estimate, found = claim(difference, expect="holds").judge(xr.Dataset({"accuracy": (("side", "run"), accuracy)}))
        assert found == verdict
        assert estimate.value == pytest.approx(accuracy[0].mean() - accuracy[1].mean())
        assert estimate.n == 12


def test_broken_statistic_gives_no_verdict() -> None:
    broken = claim(lambda results: bootstrap(results.loss.values), expect="null")
    with pytest.raises(ValueError, match="1 of 12 values are not finite"):
        broken.judge(xr.Dataset({"loss": ("run", np.array([np.nan, *range(11)]))}))
    with pytest.raises(ValueError, match=r"claim a-beats-b: the estimate is Estimate\(value=nan"):
        judged(np.nan, np.nan)


def results(seeds: dict[str, list[int]]) -> xr.Dataset:
    """Runs of named optimizers; each value is its optimizer's place in the alphabet, then its seed."""
    runs = [(name, seed) for name, some in seeds.items() for seed in some]
    accuracy = np.array([ord(name) * 100.0 + seed for name, seed in runs])
    loss = np.outer(accuracy, np.arange(11))
    return xr.Dataset(
        {"test_accuracy": ("run", accuracy), "train_loss": (("run", "step"), loss)},
        coords={
            "optimizer": ("run", [name for name, _ in runs]),
            "seed": ("run", [seed for _, seed in runs]),
            "step": np.arange(0, 110, 10),
        },
    )


def test_values_come_in_the_order_of_their_seeds() -> None:
    found = results({"B": [2, 0, 1], "A": [1, 0, 2]})
    assert by_seed(found, "test_accuracy", optimizer="B").tolist() == [6600, 6601, 6602]
    assert by_seed(found, "train_loss@20%", optimizer="A").tolist() == [13000, 13002, 13004]
    assert by_seed(found, "train_loss@100%", optimizer="A", seed=1).tolist() == [65010]
    assert by_seed(results({"A": [1, 0]}), "test_accuracy").tolist() == [6500, 6501]


def test_choice_must_be_one_run_a_seed() -> None:
    found = results({"A": [0, 1], "B": [0, 1]})
    with pytest.raises(ValueError, match=r"\{'optimizer': 'C'\} chooses 0 runs"):
        by_seed(found, "test_accuracy", optimizer="C")
    with pytest.raises(ValueError, match="chooses 4 runs, which should be at least one, and one a seed"):
        by_seed(found, "test_accuracy")


def test_difference_pairs_by_seed() -> None:
    compare = difference("test_accuracy", {"optimizer": "B"}, {"optimizer": "A"}, unit=2)
    estimate = compare(results({"B": [2, 0, 1], "A": [1, 0, 2]}))
    assert (estimate.value, estimate.low, estimate.high, estimate.n) == (200, 200, 200, 3)
    with pytest.raises(ValueError, match=r"has the seeds \[0, 2\], .* has \[0, 1\]; pairs need the same seeds"):
        compare(results({"B": [2, 0], "A": [1, 0]}))
