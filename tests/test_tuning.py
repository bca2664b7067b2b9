"""Tuning: one budget for all, the validation split decides, and its seeds are spent."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xarray as xr

from pretended import Pretended, best_at
from trainlab.feedback import Plateau
from trainlab.optimizers import SGD, Adam, Momentum
from trainlab.runs import Run
from trainlab.training import Trainer, train
from trainlab.tuning import Tuned, scores, tune

RATES = (0.001, 0.03, 1.0)
SEEDS = (1000, 1001)


def at(table: Any, rate: float) -> Any:
    """The one trial of a contender at a rate."""
    return table.isel(trial=table.lr.values.tolist().index(rate))


@pytest.fixture(scope="module")
def contenders(tiny: Run) -> dict[str, Run]:
    run = replace(tiny, steps=40)
    return {"SGD": replace(run, optimizer=SGD()), "Adam": replace(run, optimizer=Adam(), lr=7.0, seed=3)}


@pytest.fixture(scope="module")
def tuned(contenders: dict[str, Run]) -> Tuned:
    """By real training."""
    return tune(train, contenders, RATES, SEEDS)


# Who gets what


def test_every_contender_gets_the_same_trials(contenders: dict[str, Run]) -> None:
    pretended = best_at(SGD=0.03, Adam=0.03)
    tune(pretended, contenders, RATES[::-1], SEEDS)
    for contender in contenders.values():
        mine = [run for run in pretended.runs if run.optimizer == contender.optimizer]
        assert [(run.lr, run.seed) for run in mine] == [(lr, seed) for lr in RATES for seed in SEEDS]
        assert {replace(run, lr=contender.lr, seed=contender.seed) for run in mine} == {contender}
    assert len(pretended.runs) == len(contenders) * len(RATES) * len(SEEDS)


def test_any_field_of_a_run_is_tuned_by_its_path(contenders: dict[str, Run]) -> None:
    space = {"optimizer.momentum": (0, 0.5, 0.9), "model.dropout": (0, 0.1, 0.2), "batch_size": (16, 32, 64)}
    run = replace(contenders["SGD"], optimizer=Momentum())

    def accuracy(run: Run) -> float:
        wanted = run.optimizer == Momentum(momentum=0.5) and getattr(run.model, "dropout", None) == 0.1
        return 0.5 + 0.2 * wanted + 0.1 * (run.batch_size == 32) + 0.1 * (run.lr == 0.03)

    pretended = Pretended(accuracy)
    tuned = tune(pretended, {"Momentum": run}, RATES, SEEDS, space)
    assert len(pretended.runs) == 3**4 * len(SEEDS)
    model = replace(run.model, dropout=0.1)  # pyright: ignore[reportArgumentType, reportCallIssue]
    assert tuned.best["Momentum"] == replace(run, lr=0.03, optimizer=Momentum(momentum=0.5), model=model, batch_size=32)
    assert {type(run.optimizer.momentum) for run in pretended.runs} == {float}  # pyright: ignore[reportAttributeAccessIssue]
    assert not tuned.at_edge
    trials = tuned.trials.squeeze("contender")
    best = trials.isel(trial=int(scores(trials).argmax("trial")))
    assert [float(best[path]) for path in ("lr", *space)] == [0.03, 0.5, 0.1, 32]


def test_contenders_may_have_their_own_spaces_of_one_size(contenders: dict[str, Run]) -> None:
    pretended = Pretended(lambda run: {0.03: 0.5, 0.3: 0.6}.get(run.lr, 0.1))
    rates = {"SGD": [0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0], "Adam": RATES}
    tuned = tune(pretended, contenders, rates, SEEDS, {"SGD": {}, "Adam": {"optimizer.beta1": (0, 0.5, 0.9)}})
    assert tuned.trials.sizes["trial"] == 9
    assert (tuned.best["SGD"].lr, tuned.best["Adam"].lr) == (0.3, 0.03)
    beta1 = tuned.trials["optimizer.beta1"]
    assert np.isnan(beta1.sel(contender="SGD")).all()
    assert beta1.sel(contender="Adam").values.tolist() == [0, 0.5, 0.9] * 3


def test_unequal_budgets_are_refused_with_both_numbers(contenders: dict[str, Run]) -> None:
    pretended = best_at(SGD=0.03, Adam=0.03)
    with pytest.raises(ValueError, match=r"^SGD has 3 trials and Adam 9; give all the same number"):
        tune(pretended, contenders, RATES, SEEDS, {"SGD": {}, "Adam": {"optimizer.beta1": (0, 0.5, 0.9)}})
    assert not pretended.runs


def test_contenders_may_differ_in_their_number_of_updates(contenders: dict[str, Run]) -> None:
    long = replace(contenders["SGD"], optimizer=Momentum(), steps=80)
    tuned = tune(train, {"long": long, **contenders}, RATES, SEEDS)
    assert not np.isnan(tuned.trials.validation_accuracy.isel(trial=slice(3))).any()
    same = tuned.trials.sel(contender="SGD").isel(trial=slice(3))
    alone = tune(train, {"SGD": contenders["SGD"]}, RATES, SEEDS).trials.sel(contender="SGD").isel(trial=slice(3))
    assert same.identical(alone)


# What decides


def test_trials_are_the_validation_results_of_their_runs(tuned: Tuned, contenders: dict[str, Run]) -> None:
    alone = train([replace(contenders["Adam"], lr=0.03, seed=1001)], dtype="float32")
    trial = at(tuned.trials.sel(contender="Adam", seed=1001), 0.03)
    assert float(trial.validation_accuracy) == pytest.approx(float(alone.validation_accuracy[0, -1]), abs=0.05)
    assert float(trial.validation_loss) == pytest.approx(float(alone.validation_loss[0, -1]), rel=0.05)


def test_best_rate_has_the_highest_mean_validation_accuracy(tuned: Tuned, contenders: dict[str, Run]) -> None:
    for name, best in tuned.best.items():
        means = tuned.trials.validation_accuracy.sel(contender=name).mean("seed")
        assert float(at(means, best.lr)) == float(means.max())
        assert replace(best, lr=contenders[name].lr) == contenders[name]


def test_a_tie_goes_to_the_lower_rate(contenders: dict[str, Run]) -> None:
    rates = (0.001, 0.01, 0.1, 1.0)
    tuned = tune(Pretended(lambda run: 0.5 * (run.lr in (0.01, 0.1))), contenders, rates, SEEDS)
    assert {run.lr for run in tuned.best.values()} == {0.01}


def test_test_results_are_neither_seen_nor_shown(contenders: dict[str, Run], tuned: Tuned) -> None:
    def blind(runs: Sequence[Run], **options: Any) -> xr.Dataset:
        results = train(runs, **options)
        for name in ("test_loss", "test_accuracy", "train_loss", "train_accuracy", "batch_loss"):
            if name in results:
                results[name] = xr.full_like(results[name], np.nan)
        assert "test_accuracy" not in results, "what chooses is not to be had from the test split"
        return results

    blindly = tune(blind, contenders, RATES, SEEDS)
    assert blindly.best == tuned.best
    assert blindly.trials.identical(tuned.trials)
    assert set(tuned.trials.data_vars) == {"validation_loss", "validation_accuracy"}
    assert set(tuned.trials.coords) == {"contender", "seed", "lr"}


def test_diverged_run_counts_as_accuracy_zero(contenders: dict[str, Run]) -> None:
    one = {"SGD": contenders["SGD"]}
    rates = (0.001, 0.01, 0.1, 1.0)
    accuracies = {0.01: 0.3, 0.1: 0.5}

    def diverging(run: Run) -> float:
        return np.nan if (run.lr, run.seed) == (0.1, SEEDS[0]) else accuracies.get(run.lr, 0.1)

    assert tune(Pretended(lambda run: accuracies.get(run.lr, 0.1)), one, rates, SEEDS).best["SGD"].lr == 0.1
    tuned = tune(Pretended(diverging), one, rates, SEEDS)
    assert tuned.best["SGD"].lr == 0.01
    assert np.isnan(at(tuned.trials.validation_accuracy.sel(contender="SGD", seed=SEEDS[0]), 0.1))


def test_really_diverged_run_loses(contenders: dict[str, Run]) -> None:
    tuned = tune(train, {"SGD": contenders["SGD"]}, (0.03, 0.1, 1e30), SEEDS)
    assert np.isnan(at(tuned.trials.validation_accuracy.sel(contender="SGD"), 1e30)).all()
    assert tuned.best["SGD"].lr < 1


# Seeds


def test_the_trainer_is_told_which_seeds_are_spent_before_it_trains(contenders: dict[str, Run]) -> None:
    pretended = best_at(SGD=0.01, Adam=0.01)
    tune(pretended, contenders, (0.001, 0.01, 0.1), iter(SEEDS))
    assert pretended.spent == [(list(SEEDS), 0)]


def test_fresh_runs_take_the_tuned_rates_to_new_seeds(tuned: Tuned) -> None:
    fresh = tuned.fresh(range(3))
    assert fresh == [replace(best, seed=seed) for best in tuned.best.values() for seed in range(3)]


def test_a_sweep_takes_every_setting_to_new_seeds(contenders: dict[str, Run]) -> None:
    pretended = best_at(SGD=0.01, Adam=0.01)
    rates = (0.001, 0.01, 0.1)
    tuned = tune(pretended, contenders, rates, SEEDS)
    table = tuned.sweep(pretended, (5, 6, 7))
    asked = pretended.calls[-1]
    assert asked == [
        replace(run, lr=lr, seed=seed) for run in contenders.values() for lr in (0.001, 0.01, 0.1) for seed in (5, 6, 7)
    ]
    assert dict(table.sizes) == {"contender": 2, "trial": 3, "seed": 3}
    assert table.values.ravel().tolist() == [1 - pretended.accuracy(run) for run in asked]


def test_fresh_seeds_must_be_fresh(tuned: Tuned) -> None:
    with pytest.raises(ValueError, match=r"seeds \[1000, 1001\] chose the hyperparameters.*take others"):
        tuned.fresh([0, 1001, 1000])
    with pytest.raises(ValueError, match=r"seeds \[1001\] chose the hyperparameters.*take others"):
        tuned.sweep(train, [0, 1001])


def test_tuning_works_in_smoke_mode(contenders: dict[str, Run]) -> None:
    tuned = tune(Trainer(smoke=True), contenders, RATES, SEEDS)
    assert tuned.best["SGD"].steps == contenders["SGD"].steps
    assert not np.isnan(tuned.trials.validation_accuracy.isel(trial=slice(3))).any()


def test_a_schedule_that_watches_is_tuned_as_it_will_train(tiny: Run) -> None:
    """With one measurement at the end it would never drop, and the tuning would be that of a constant rate."""
    run = replace(tiny, steps=40, schedule=Plateau(factor=0.1, patience=0))
    trials = tune(train, {"watched": run}, RATES, SEEDS).trials
    for rate in RATES:
        alone = train([replace(run, lr=rate, seed=SEEDS[0])])
        found = at(trials.validation_loss.sel(contender="watched", seed=SEEDS[0]).squeeze(), rate)
        assert float(found) == pytest.approx(float(alone.validation_loss[0, -1]), rel=1e-3)


def test_tuning_needs_contenders_and_seeds(contenders: dict[str, Run]) -> None:
    with pytest.raises(ValueError, match="grid: seed has no values"):
        tune(train, contenders, RATES, [])
    with pytest.raises(ValueError, match="at least one run"):
        tune(train, {}, RATES, SEEDS)
