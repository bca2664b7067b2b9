"""The problem that the regularizers share: equal budgets, strengths, and what early stopping keeps."""

from dataclasses import replace

import numpy as np
import pytest

from trainlab.overfitting import (
    FRESH_SEEDS,
    MANY_RATES,
    METHODS,
    MORE,
    NONE,
    RATES,
    ROWS,
    TRIALS,
    TUNING_SEEDS,
    at_each_strength,
    early_stopped,
    fresh,
    of,
    probes_of,
    strength_of,
    tune_all,
    tune_at,
)
from trainlab.spaces import setting, with_settings
from trainlab.store import Store
from trainlab.training import Trainer


@pytest.fixture(scope="module")
def trainer(tmp_path_factory: pytest.TempPathFactory) -> Trainer:
    return Trainer(store=Store(tmp_path_factory.mktemp("runs")), smoke=True)


def test_every_contender_has_the_same_number_of_trials(trainer: Trainer) -> None:
    tuned = tune_all(trainer)
    assert set(tuned.tried) == {NONE, MORE, *METHODS}
    assert len({len(tried) for tried in tuned.tried.values()}) == 1
    assert len(tuned.tried[NONE]) >= TRIALS
    assert {run.seed for run in trainer.runs} == set(TUNING_SEEDS)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_has_its_strength_where_its_path_says(name: str) -> None:
    method = METHODS[name]
    assert list(method.strengths) == sorted(set(method.strengths))
    assert len(method.strengths) * len(RATES) == TRIALS == len(set(MANY_RATES))
    for strength in method.strengths:
        assert strength_of(with_settings(method.run, {method.path: strength}), name) == strength


def test_at_each_strength_takes_the_rate_with_the_best_validation_accuracy(trainer: Trainer) -> None:
    tuned = tune_at(trainer, ROWS, (NONE, "dropout"))
    runs = at_each_strength(tuned, "dropout")
    mean = tuned.trials.validation_accuracy.fillna(0).mean("seed").sel(contender="dropout").values
    for run in runs:
        same = [i for i, tried in enumerate(tuned.tried["dropout"]) if tried.model == run.model]
        assert mean[tuned.tried["dropout"].index(run)] == max(mean[i] for i in same)
    assert [setting(run, "model.dropout") for run in runs] == sorted({r.model.dropout for r in tuned.tried["dropout"]})  # pyright: ignore[reportFunctionMemberAccess]


def test_fresh_runs_have_fresh_seeds_and_say_which_strength_tuning_chose(trainer: Trainer) -> None:
    tuned = tune_at(trainer, 500, (NONE, "dropout"))
    results = fresh(trainer, tuned, "dropout", 500)
    assert set(results.seed.values) == set(FRESH_SEEDS)
    assert set(of(results, best=True).strength.values) == {strength_of(tuned.best["dropout"], "dropout")}
    assert of(results, best=True).sizes["run"] == len(FRESH_SEEDS)
    assert set(results.rows.values) == {500}
    assert set(fresh(trainer, tuned, NONE, 500).strength.values) == {0.0}


def test_probes_look_at_the_data_of_the_problem_only(trainer: Trainer) -> None:
    assert probes_of(MORE) == []
    tuned = tune_at(trainer, 500, (NONE, "dropout"))
    assert "test_logs" not in fresh(trainer, tuned, "dropout", 500)


def test_early_stopping_spends_its_tuning_seeds(trainer: Trainer) -> None:
    own = replace(trainer, runs=[], tuning_seeds=set())
    results, patience = early_stopped(own)
    assert own.tuning_seeds == set(TUNING_SEEDS)
    assert patience >= 1
    assert set(results.seed.values) == set(FRESH_SEEDS)
    np.testing.assert_allclose(results.held_test_loss.isel(step=-1), results.test_loss, rtol=1e-5)
