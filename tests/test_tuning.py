"""Tuning: one budget for all, the validation split decides, and its seeds are spent."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xarray as xr

from trainlab.feedback import Plateau
from trainlab.optimizers import SGD, Adam, Momentum
from trainlab.runs import Run
from trainlab.training import Trainer, train
from trainlab.tuning import Tuned, tune

RATES = (0.001, 0.03, 1.0)
SEEDS = (1000, 1001)


@pytest.fixture(scope="module")
def contenders(tiny: Run) -> dict[str, Run]:
    run = replace(tiny, steps=40)
    return {"SGD": replace(run, optimizer=SGD()), "Adam": replace(run, optimizer=Adam(), lr=7.0, seed=3)}


@pytest.fixture(scope="module")
def tuned(contenders: dict[str, Run]) -> Tuned:
    return tune(train, contenders, RATES, SEEDS)


def with_accuracies(accuracies: Any) -> Any:
    """A real training whose last validation accuracies are then replaced, one row a contender, one column a rate."""

    def poisoned(runs: Sequence[Run], **options: Any) -> xr.Dataset:
        results = train(runs, **options)
        table = np.repeat(np.asarray(accuracies, dtype=float).ravel(), len(SEEDS))
        results.validation_accuracy[:, -1] = table
        return results

    return poisoned


def test_every_contender_gets_the_same_trials(contenders: dict[str, Run]) -> None:
    asked: list[Run] = []

    def recording(runs: Sequence[Run], **options: Any) -> xr.Dataset:
        asked.extend(runs)
        return train(runs, **options)

    tune(recording, contenders, RATES[::-1], SEEDS)
    for contender in contenders.values():
        mine = [run for run in asked if run.optimizer == contender.optimizer]
        assert sorted((run.lr, run.seed) for run in mine) == [(lr, seed) for lr in RATES for seed in SEEDS]
        assert {replace(run, lr=contender.lr, seed=contender.seed) for run in mine} == {contender}
    assert len(asked) == len(contenders) * len(RATES) * len(SEEDS)


def test_trials_are_the_validation_results_of_their_runs(tuned: Tuned, contenders: dict[str, Run]) -> None:
    assert dict(tuned.trials.sizes) == {"contender": 2, "lr": 3, "seed": 2}
    alone = train([replace(contenders["Adam"], lr=0.03, seed=1001)], dtype="float32")
    trial = tuned.trials.sel(contender="Adam", lr=0.03, seed=1001)
    assert float(trial.validation_accuracy) == pytest.approx(float(alone.validation_accuracy[0, -1]), abs=0.05)
    assert float(trial.validation_loss) == pytest.approx(float(alone.validation_loss[0, -1]), rel=0.05)


def test_best_rate_has_the_highest_mean_validation_accuracy(tuned: Tuned, contenders: dict[str, Run]) -> None:
    for name, best in tuned.best.items():
        means = tuned.trials.validation_accuracy.sel(contender=name).mean("seed")
        assert float(means.sel(lr=best.lr)) == float(means.max())
        assert replace(best, lr=contenders[name].lr) == contenders[name]


def test_test_results_are_neither_seen_nor_shown(contenders: dict[str, Run], tuned: Tuned) -> None:
    def blind(runs: Sequence[Run], **options: Any) -> xr.Dataset:
        results = train(runs, **options)
        for name in ("test_loss", "test_accuracy", "train_loss", "train_accuracy", "batch_loss"):
            results[name] = xr.full_like(results[name], np.nan)
        return results.drop_vars(["test_loss", "test_accuracy"])

    blindly = tune(blind, contenders, RATES, SEEDS)
    assert blindly.best == tuned.best
    assert blindly.trials.identical(tuned.trials)
    assert set(tuned.trials.data_vars) == {"validation_loss", "validation_accuracy"}


def test_diverged_run_counts_as_accuracy_zero(contenders: dict[str, Run]) -> None:
    one_seed_diverges = with_accuracies([[0.3, 0.5, 0.2], [0.1, 0.2, 0.3]])

    def diverging(runs: Sequence[Run], **options: Any) -> xr.Dataset:
        results = one_seed_diverges(runs, **options)
        results.validation_accuracy[2, -1] = np.nan  # SGD, the second rate, the first seed
        return results

    assert tune(one_seed_diverges, contenders, RATES, SEEDS).best["SGD"].lr == RATES[1]
    tuned = tune(diverging, contenders, RATES, SEEDS)
    assert tuned.best["SGD"].lr == RATES[0]
    assert np.isnan(tuned.trials.validation_accuracy.sel(contender="SGD", lr=RATES[1], seed=SEEDS[0]))


def test_really_diverged_run_loses(contenders: dict[str, Run]) -> None:
    sgd = {"SGD": contenders["SGD"]}
    tuned = tune(train, sgd, (0.03, 0.1, 1e30), SEEDS)
    assert np.isnan(tuned.trials.validation_accuracy.sel(lr=1e30)).all()
    assert tuned.best["SGD"].lr < 1


@pytest.mark.parametrize(
    ("accuracies", "at_edge"),
    [
        ([[0.1, 0.2, 0.1], [0.3, 0.4, 0.2]], []),
        ([[0.3, 0.2, 0.1], [0.3, 0.4, 0.2]], ["SGD"]),
        ([[0.1, 0.2, 0.1], [0.3, 0.4, 0.5]], ["Adam"]),
        ([[0.1, 0.2, 0.3], [0.5, 0.4, 0.2]], ["SGD", "Adam"]),
    ],
)
def test_best_rate_at_the_edge_is_named(contenders: dict[str, Run], accuracies: Any, at_edge: list[str]) -> None:
    assert tune(with_accuracies(accuracies), contenders, RATES, SEEDS).at_edge == at_edge


def test_contenders_may_differ_in_their_number_of_updates(contenders: dict[str, Run]) -> None:
    long = replace(contenders["SGD"], optimizer=Momentum(), steps=80)
    tuned = tune(train, {"long": long, **contenders}, RATES, SEEDS)
    assert not np.isnan(tuned.trials.validation_accuracy).any()
    alone = tune(train, {"SGD": contenders["SGD"]}, RATES, SEEDS)
    assert tuned.trials.sel(contender=["SGD"]).identical(alone.trials)


def test_tuning_works_in_smoke_mode(contenders: dict[str, Run]) -> None:
    tuned = tune(Trainer(smoke=True), contenders, RATES, SEEDS)
    assert tuned.best["SGD"].steps == contenders["SGD"].steps
    assert not np.isnan(tuned.trials.validation_accuracy).any()


def test_fresh_runs_take_the_tuned_rates_to_new_seeds(tuned: Tuned) -> None:
    fresh = tuned.fresh(range(3))
    assert fresh == [replace(best, seed=seed) for best in tuned.best.values() for seed in range(3)]


def test_fresh_seeds_must_be_fresh(tuned: Tuned) -> None:
    with pytest.raises(ValueError, match=r"seeds \[1000, 1001\] chose the learning rates.*take others"):
        tuned.fresh([0, 1001, 1000])


@pytest.mark.parametrize("rates", [(0.1, 0.2), (0.1, 0.1, 0.2), ()])
def test_too_few_rates_are_refused(contenders: dict[str, Run], rates: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="tuning needs at least 3 different rates, got"):
        tune(train, contenders, rates, SEEDS)


def test_tuning_needs_contenders_and_seeds(contenders: dict[str, Run]) -> None:
    with pytest.raises(ValueError, match="grid: seed has no values"):
        tune(train, contenders, RATES, [])
    with pytest.raises(ValueError, match="at least one run"):
        tune(train, {}, RATES, SEEDS)


def test_a_schedule_that_watches_is_tuned_as_it_will_train(tiny: Run) -> None:
    """With one measurement at the end it would never drop, and the tuning would be that of a constant rate."""
    run = replace(tiny, steps=40, schedule=Plateau(factor=0.1, patience=0))
    trials = tune(train, {"watched": run}, RATES, SEEDS).trials
    for rate in RATES:
        alone = train([replace(run, lr=rate, seed=SEEDS[0])])
        found = trials.validation_loss.sel(contender="watched", lr=rate, seed=SEEDS[0])
        assert float(found) == pytest.approx(float(alone.validation_loss[0, -1]), rel=1e-3)
