"""What less tuning would have led to, against every possible draw written out."""

from itertools import combinations, product
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from pretended import best_at
from trainlab.experiments import lr_sensitivity, optimizer_budget, optimizer_ranks
from trainlab.optimizers import SGD, Adam
from trainlab.runs import Run
from trainlab.trials import choice_probabilities, expected_after, places_after
from trainlab.tuning import tune
from trainlab.workloads import FRESH_SEEDS, OPTIMIZERS, tune_race

CONTENDERS = ["SGD", "Adam", "Muon"]


def table(random: np.random.Generator, trials: int = 5, seeds: int = 3, reported: int = 4) -> Any:
    """Trials, and results of the same settings on fresh seeds; NaN is a diverged run."""
    axes = ("contender", "trial", "seed")
    accuracies = random.random((len(CONTENDERS), trials, seeds)).round(1)  # with ties
    accuracies[0, 1, 0] = np.nan
    trials_ = xr.Dataset(
        {"validation_accuracy": (axes, accuracies)}, {"contender": CONTENDERS, "seed": range(1000, 1000 + seeds)}
    )
    results = random.random((len(CONTENDERS), trials, reported))
    results[1, 2, 1] = np.nan
    return trials_, xr.DataArray(results, {"contender": CONTENDERS, "seed": range(reported)}, axes)


def chosen(scores: np.ndarray, drawn: tuple[int, ...]) -> int:
    """The best of some trials as `tune` takes it: of equal ones, the first."""
    return max(drawn, key=lambda trial: (scores[trial], -trial))


@given(st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4]), min_size=1, max_size=7), st.data())
def test_chances_are_shares_of_all_possible_draws(scores: list[float], data: st.DataObject) -> None:
    budget = data.draw(st.integers(1, len(scores)))
    draws = list(combinations(range(len(scores)), budget))
    winners = [chosen(np.array(scores), drawn) for drawn in draws]
    expected = [winners.count(trial) / len(draws) for trial in range(len(scores))]
    assert choice_probabilities(np.array(scores), budget) == pytest.approx(np.array(expected))


@pytest.mark.parametrize("budget", [0, 4])
def test_a_budget_beyond_the_table_is_refused(budget: int) -> None:
    with pytest.raises(ValueError, match=f"budget must be from 1 to the 3 trials of the table, got {budget}"):
        choice_probabilities(np.array([0.1, 0.2, 0.3]), budget)


def test_the_expected_result_is_the_mean_over_all_possible_draws() -> None:
    trials, fresh = table(np.random.default_rng(0))
    scores = trials.validation_accuracy.fillna(0).mean("seed").values
    expected = expected_after(trials, fresh)
    assert dict(expected.sizes) == {"contender": 3, "budget": 5, "seed": 4}
    for row, budget, seed in product(range(3), range(1, 6), range(4)):
        outcomes = [fresh.values[row, chosen(scores[row], drawn), seed] for drawn in combinations(range(5), budget)]
        found = expected.sel(budget=budget, seed=seed).values[row]
        assert found == pytest.approx(np.mean(np.nan_to_num(outcomes)))


def test_one_trial_gives_the_mean_setting_and_all_give_what_tuning_chose(tiny: Run) -> None:
    contenders = {"SGD": tiny, "Adam": Run(**{**vars(tiny), "optimizer": Adam()})}
    assert tiny.optimizer == SGD()
    train = best_at(SGD=0.1, Adam=0.01)
    tuned = tune(train, contenders, (0.001, 0.01, 0.1, 1.0), (1000, 1001))
    fresh = tuned.sweep(train, range(3))
    expected = expected_after(tuned.trials, fresh)
    assert expected.sel(budget=1).values == pytest.approx(fresh.mean("trial").values)
    for name, best in tuned.best.items():
        assert expected.sel(contender=name, budget=4).values == pytest.approx(1 - train.accuracy(best))


def test_the_choice_never_looks_at_fresh_seeds() -> None:
    """Results that are best where the tuning was worst are reported as they are."""
    trials, fresh = table(np.random.default_rng(1))
    scores = trials.validation_accuracy.fillna(0).mean("seed").values
    opposite = fresh.copy(data=np.repeat(-scores[:, :, None], 4, axis=2))
    expected = expected_after(trials, opposite).isel(seed=0).values
    assert (np.diff(expected, axis=1) <= 1e-12).all()
    assert expected[:, -1] == pytest.approx(-scores.max(1))


def test_places_are_shares_of_all_possible_races() -> None:
    trials, fresh = table(np.random.default_rng(2), trials=3, reported=2)
    results = fresh.fillna(0).values
    scores = trials.validation_accuracy.fillna(0).mean("seed").values
    places = places_after(trials, fresh, budget=2, draws=20_000)
    assert dict(places.sizes) == {"contender": 3, "place": 3, "seed": 2}
    draws = list(combinations(range(3), 2))
    exact = np.zeros((3, 3, 2))
    for drawn in product(draws, repeat=3):
        outcome = np.stack([results[row, chosen(scores[row], mine)] for row, mine in enumerate(drawn)])
        order = np.argsort(np.argsort(-outcome, axis=0), axis=0)
        for row, seed in product(range(3), range(2)):
            exact[row, order[row, seed], seed] += 1 / len(draws) ** 3
    assert places.values == pytest.approx(exact, abs=0.02)


def test_every_place_is_taken_and_everyone_takes_one() -> None:
    trials, fresh = table(np.random.default_rng(3))
    places = places_after(trials, fresh, budget=2, draws=500)
    assert places.sum("place").values == pytest.approx(1)
    assert places.sum("contender").values == pytest.approx(1)
    assert places.identical(places_after(trials, fresh, budget=2, draws=500))
    assert not places.identical(places_after(trials, fresh, budget=2, draws=500, draw_seed=1))


def test_with_the_whole_budget_the_best_is_first_and_a_diverged_run_last() -> None:
    trials, fresh = table(np.random.default_rng(4))
    fresh = fresh.copy(data=np.broadcast_to(np.array([0.3, np.nan, 0.9])[:, None, None], fresh.shape))
    places = places_after(trials, fresh, budget=5, draws=10).mean("seed")
    assert places.values.tolist() == [[0, 1, 0], [0, 0, 1], [1, 0, 0]]


def test_equal_contenders_share_a_place() -> None:
    trials, fresh = table(np.random.default_rng(5))
    places = places_after(trials, xr.full_like(fresh, 0.5), budget=1, draws=20_000)
    assert places.values == pytest.approx(1 / 3, abs=0.02)


@pytest.mark.parametrize("function", [expected_after, lambda *tables: places_after(*tables, budget=1)])
def test_seeds_that_chose_are_refused(function: Any) -> None:
    trials, fresh = table(np.random.default_rng(6))
    with pytest.raises(ValueError, match=r"seeds \[1001\] chose the settings, so they can't report results"):
        function(trials, fresh.assign_coords(seed=[0, 1, 1001, 2]))


def test_results_are_matched_by_the_name_of_the_contender() -> None:
    trials, fresh = table(np.random.default_rng(7))
    swapped = fresh.isel(contender=[2, 0, 1])
    assert expected_after(trials, swapped).identical(expected_after(trials, fresh))


def test_the_figures_of_budgets_and_places_need_no_runs_but_those_of_the_race_and_the_sweep() -> None:
    """Asked for in the same order and measured as often, so that the store has their very stacks."""
    best = dict.fromkeys(OPTIMIZERS, 0.03)
    tuning, sweep = best_at(**best), best_at(**best)
    tune_race(tuning)
    lr_sensitivity.measure(sweep)
    for experiment in (optimizer_budget, optimizer_ranks):
        train = best_at(**best)
        results = experiment.measure(train)
        assert train.calls == tuning.calls + sweep.calls
        assert train.every == tuning.every + sweep.every
        assert set(results.seed.values.tolist()) == set(FRESH_SEEDS)
        assert results.at_edge == []
