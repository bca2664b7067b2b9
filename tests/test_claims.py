"""Verdicts follow from intervals, need enough seeds, and never rest on seeds that were looked at before."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xarray as xr

from trainlab.claims import LEAST_SEEDS, OWN, Claim, Comparison, difference, distinct, refuse_spent, within
from trainlab.runs import Run, grid
from trainlab.stats import Estimate, bootstrap, mean_interval, paired_difference
from trainlab.training import Trainer

NONE = xr.Dataset()


def claim(compare: Callable[[xr.Dataset], Estimate] = lambda _: Estimate(0.2, 0.1, 0.3, 10), **rest: Any) -> Claim:
    parts: dict[str, Any] = {
        "text": "A beats B.",
        "statistic": "accuracy of A minus B",
        "source": OWN,
        "expect": "holds",
    }
    return Claim(**({"id": "a-beats-b", "compare": compare} | parts | rest))


def judged(low: float, high: float, region: tuple[float, float] | None = None, n: int = LEAST_SEEDS) -> str:
    estimate = Estimate((low + high) / 2, low, high, n)
    found, verdict = claim(lambda _: estimate, region=region).judge(NONE)
    assert found is estimate
    return verdict


INF = math.inf


@pytest.mark.parametrize(
    ("low", "high", "region", "verdict"),
    [
        (0.1, 0.2, None, "holds"),
        (-0.2, -0.1, None, "reversed"),
        (-0.1, 0.1, None, "null"),
        (0.0, 0.1, None, "null"),  # the null itself is no difference
        (-0.1, 0.0, None, "null"),
        (0.0, 0.0, None, "null"),
        (0.6, 0.7, (0.5, INF), "holds"),
        (0.4, 0.6, (0.5, INF), "null"),
        (0.1, 0.4, (0.5, INF), "reversed"),
        (1.1, INF, (1.0, INF), "holds"),  # nobody saw how much slower
        (0.0, INF, (1.0, INF), "null"),
        (-0.04, 0.04, (-0.05, 0.05), "holds"),
        (-0.04, 0.06, (-0.05, 0.05), "null"),
        (-0.06, 0.04, (-0.05, 0.05), "null"),
        (-0.06, 0.06, (-0.05, 0.05), "null"),
        (-0.05, 0.04, (-0.05, 0.05), "null"),
        (0.06, 0.07, (-0.05, 0.05), "reversed"),
        (-0.07, -0.06, (-0.05, 0.05), "reversed"),
        (-0.2, -0.1, (-INF, 0.0), "holds"),
        (0.1, 0.2, (-INF, 0.0), "reversed"),
    ],
)
def test_verdict(low: float, high: float, region: tuple[float, float] | None, verdict: str) -> None:
    assert judged(low, high, region) == verdict


@pytest.mark.parametrize("expect", ["holds", "null", "reversed"])
def test_verdict_does_not_depend_on_what_is_expected(expect: Any) -> None:
    assert claim(expect=expect, why="Because.").judge(NONE)[1] == "holds"


def test_region_and_kind_are_those_of_the_comparison() -> None:
    band = claim(within(lambda runs: runs.deviation.values, 0.05))
    assert (band.kind, band.held_in) == ("theory band", (-0.05, 0.05))
    assert claim(band.compare, region=(-0.1, 0.1)).held_in == (-0.1, 0.1)
    plain = claim()
    assert (plain.kind, plain.held_in) == ("statistic of its own", (0.0, INF))


def test_claim_is_judged_by_the_results() -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, (2, 12))

    def difference(results: xr.Dataset) -> Estimate:
        return paired_difference(results.accuracy.values[0], results.accuracy.values[1])

    for shift, verdict in ((0.1, "holds"), (0.0, "null"), (-0.1, "reversed")):
        accuracy = noise + np.array([[shift], [0.0]])
        estimate, found = claim(difference).judge(xr.Dataset({"accuracy": (("side", "run"), accuracy)}))
        assert found == verdict
        assert estimate.value == pytest.approx(accuracy[0].mean() - accuracy[1].mean())
        assert estimate.n == 12


# What is refused


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"id": "A beats B"}, "claim 'A beats B': an id has lower-case letters, digits and single hyphens only"),
        ({"id": "a--b"}, "claim 'a--b': an id has"),
        ({"id": "a/b"}, "claim 'a/b': an id has"),
        ({"id": "a\n"}, r"claim 'a\\n': an id has"),
        ({"id": ""}, "claim '': an id has"),
        ({"text": " "}, "claim a-beats-b: text is missing"),
        ({"statistic": ""}, "claim a-beats-b: statistic is missing"),
        ({"source": ""}, "claim a-beats-b: source is missing; cite who says so, or write OWN"),
        ({"expect": "true"}, "claim a-beats-b: expect must be one of .*, got 'true'"),
        ({"expect": "null"}, "claim a-beats-b: why is missing; say in a sentence why it is null here"),
        ({"expect": "reversed", "why": " "}, "claim a-beats-b: why is missing; .* reversed here"),
        ({"region": (1.0, 1.0)}, r"claim a-beats-b: region must be \(low, high\), got \(1.0, 1.0\)"),
    ],
)
def test_a_claim_with_a_bad_part_names_itself(parts: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=f"^{words}"):
        claim(**parts)


def test_a_claim_without_a_source_is_refused_in_one_line() -> None:
    with pytest.raises(ValueError, match=r"^claim alone: source is missing") as refused:
        Claim(id="alone", text="A.", statistic="a", compare=lambda _: Estimate(1, 1, 1, 10), expect="holds")
    assert "\n" not in str(refused.value)


def test_few_seeds_give_no_verdict() -> None:
    words = r"^claim a-beats-b rests on 9 seeds; a claim needs at least 10 \(0.15 \[0.1, 0.2\], n = 9\)$"
    with pytest.raises(ValueError, match=words):
        judged(0.1, 0.2, n=9)
    assert judged(0.1, 0.2, n=10) == "holds"


def test_measurements_are_not_seeds() -> None:
    """Twenty measurements of each of ten runs are ten values, however they are averaged."""
    results = xr.Dataset(
        {"loss": (("run", "step"), np.random.default_rng(0).normal(1, 1, (10, 20)))},
        coords={"seed": ("run", np.arange(10))},
    )
    wrong = claim(lambda results: mean_interval(results.loss.values.ravel()))
    with pytest.raises(ValueError, match=r"^claim a-beats-b rests on 200 values of 10 seeds; give one number a seed"):
        wrong.judge(results)
    assert claim(lambda results: mean_interval(results.loss.values.mean(1))).judge(results)[1] == "holds"


def test_broken_statistic_gives_no_verdict() -> None:
    broken = claim(lambda results: bootstrap(results.loss.values, np.mean))
    with pytest.raises(ValueError, match=r"^claim a-beats-b: 1 of 12 values are not finite"):
        broken.judge(xr.Dataset({"loss": ("run", np.array([np.nan, *range(11)]))}))
    with pytest.raises(ValueError, match=r"^claim a-beats-b: the estimate is nan \[nan, nan\], n = 10; let its stat"):
        judged(np.nan, np.nan)


@pytest.mark.parametrize("where", [{"optimizer": "A"}, {"nonsense": 1}])
def test_results_that_lack_what_a_claim_asks_for(where: dict[str, Any]) -> None:
    results = xr.Dataset({"loss": ("run", np.ones(10))}, coords={"seed": ("run", np.arange(10))})
    with pytest.raises(ValueError, match=r"^claim a-beats-b: .*(optimizer|nonsense)"):
        claim(difference("loss", where, where)).judge(results)


def test_ids_are_distinct() -> None:
    distinct([claim(), claim(id="b-beats-a")])
    with pytest.raises(ValueError, match=r"^claim a-beats-b is defined twice; give each its own id$"):
        distinct([claim(), claim(id="b-beats-a"), claim()])


# Seeds that were looked at before


def of_seeds(*seeds: int) -> xr.Dataset:
    return xr.Dataset(coords={"seed": ("run", list(seeds))})


def test_seeds_that_chose_something_report_nothing() -> None:
    refuse_spent(of_seeds(0, 1, 2), {3, 1000})
    refuse_spent(NONE, {3})
    with pytest.raises(ValueError, match=r"^seeds \[1, 2\] chose hyperparameters, so no claim may rest on them"):
        refuse_spent(of_seeds(0, 1, 2), {1, 2, 3})


def test_seeds_of_drafts_report_nothing() -> None:
    with pytest.raises(ValueError, match=r"^seeds \[500, 999\] are for drafts of claims, .* report seeds below 500$"):
        refuse_spent(of_seeds(0, 499, 500, 999, 1000), set())


def test_trainer_remembers_spent_seeds() -> None:
    trainer = Trainer()
    trainer.spend(range(2))
    trainer.spend([1, 1000])
    assert trainer.tuning_seeds == {0, 1, 1000}
    assert Trainer().tuning_seeds == set()


def test_pilot_trains_other_seeds_under_the_names_asked_for(tiny: Run) -> None:
    runs = grid(tiny, seed=[0, 3, 1000])
    pilot, plain = Trainer(pilot=True), Trainer()
    drafted = pilot(runs)
    assert [run.seed for run in pilot.runs] == [500, 503, 1000]
    assert drafted.seed.values.tolist() == [0, 3, 1000]
    direct = plain([replace(run, seed=seed) for run, seed in zip(runs, (500, 503, 1000), strict=True)])
    assert drafted.drop_vars("seed").identical(direct.drop_vars("seed"))


def test_pilot_refuses_reported_seeds_that_are_its_own(tiny: Run) -> None:
    with pytest.raises(ValueError, match="seeds below 500 report results, got 500, which is for drafts"):
        Trainer(pilot=True)(grid(tiny, seed=[500]))


def test_comparison_is_called_like_a_function() -> None:
    estimate = Estimate(1.0, 0.5, 1.5, 10)
    assert Comparison("any", lambda _: estimate)(NONE) is estimate
