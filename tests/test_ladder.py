"""The ladder of the last chapter: one change a rung, rates tuned on seeds that report nothing, updates to a target."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from torch import nn

from trainlab.inits import He, LeCun, PyTorchDefault
from trainlab.ladder import (
    ASIDE,
    CHANGES,
    CURVES,
    FINISHED,
    IMAGES,
    MUON,
    RATES,
    RUNGS,
    SEEDS,
    SELU,
    START,
    TUNING_SEEDS,
    ablation,
    accuracies,
    below,
    climb,
    key,
    ladder,
    numbers,
    rungs,
    updates_to_target,
    without,
)
from trainlab.models import MLP
from trainlab.optimizers import AdamW, Momentum, Muon
from trainlab.runs import Run
from trainlab.schedules import Constant, OneCycle
from trainlab.store import Store
from trainlab.training import Trainer


def net(run: Run) -> MLP:
    assert isinstance(run.model, MLP)
    return run.model


@pytest.fixture(scope="module")
def trainer(tmp_path_factory: pytest.TempPathFactory) -> Trainer:
    return Trainer(store=Store(tmp_path_factory.mktemp("runs")), smoke=True)


@pytest.fixture(scope="module")
def small() -> Run:
    return replace(CURVES.start, model=replace(net(CURVES.start), depth=3, width=8))


def test_the_net_as_found_is_the_well_known_one() -> None:
    for problem in (CURVES, IMAGES):
        run = problem.start
        assert (net(run).depth, net(run).width, net(run).activation) == (20, 100, nn.ReLU)
        assert (run.init, run.optimizer, run.schedule) == (PyTorchDefault(), Momentum(), Constant())
        assert (net(run).norm, net(run).residual, net(run).dropout) == (None, False, 0.0)


def test_each_rung_changes_one_thing(small: Run) -> None:
    found = rungs(small)
    assert list(found)[: len(RUNGS)] == list(RUNGS)

    def parts(run: Run) -> tuple[object, ...]:
        model = net(run)
        return (run.init, model.norm, model.residual, run.optimizer, run.schedule, model.dropout, model.activation)

    for rung in RUNGS[1:]:
        assert sum(a != b for a, b in zip(parts(found[rung]), parts(found[below(rung)]), strict=True)) == 1, rung
    top = found[FINISHED]
    assert parts(top) == (He(), "batch", True, AdamW(), OneCycle(), net(top).dropout, nn.ReLU)
    assert net(top).dropout > 0


def test_steps_aside_stand_beside_their_rung(small: Run) -> None:
    found = rungs(small)
    assert set(ASIDE) == set(found) - set(RUNGS)
    assert found[SELU] == replace(found["He"], init=LeCun(), model=replace(net(small), activation=nn.SELU))
    assert found[MUON] == replace(found["AdamW"], optimizer=Muon())
    assert (below(SELU), below(MUON)) == ("He", "AdamW")


def test_without_leaves_out_one_change_each(small: Run) -> None:
    left = without(small)
    assert set(left) == {*CHANGES} - {FINISHED}
    for name, run in left.items():
        assert CHANGES[name](run) == climb(small, CHANGES), name
        assert run != climb(small, CHANGES)


def test_rates_are_as_many_and_as_dense_for_every_optimizer() -> None:
    assert len({len(rates) for rates in RATES.values()}) == 1
    for rates in RATES.values():
        assert np.log10(rates[-1] / rates[0]) == pytest.approx(2)


def test_reported_seeds_are_not_the_ones_that_chose_the_rates(trainer: Trainer, small: Run) -> None:
    problem = replace(CURVES, start=small)
    results = ladder(trainer, problem)
    assert set(results.seed.values) == set(SEEDS)
    assert trainer.tuning_seeds == set(TUNING_SEEDS)
    assert set(results.rung.values) == {*RUNGS, *problem.aside}
    assert not set(SEEDS) & set(TUNING_SEEDS)
    assert set(ablation(trainer, problem).rung.values) == set(without(small))


def test_numbers_of_every_rung(trainer: Trainer, small: Run) -> None:
    problem = replace(CURVES, start=small)
    results = ladder(trainer, problem)
    found = numbers(results, problem)
    for rung in (*RUNGS, *problem.aside):
        assert found[f"{key(rung)}_accuracy"] == pytest.approx(accuracies(results, rung).mean(), abs=1e-4)
        assert found[f"{key(rung)}_seconds"] > 0
    for rung in RUNGS[1:]:
        gap = found[f"{key(rung)}_accuracy"] - found[f"{key(below(rung))}_accuracy"]
        assert found[f"{key(rung)}_gain"] == pytest.approx(gap, abs=1e-4)
        assert found[f"{key(rung)}_gain_low"] <= gap + 1e-4
        assert found[f"{key(rung)}_gain_high"] >= gap - 1e-4
    assert f"{key(START)}_gain" not in found


def test_updates_to_a_target_are_infinite_where_it_was_never_reached() -> None:
    results = xr.Dataset(
        {"validation_accuracy": (("run", "step"), [[0.1, 0.5, 0.6], [0.1, 0.2, np.nan]])},
        coords={"run": [0, 1], "step": [0, 10, 20], "seed": ("run", [0, 1]), "rung": ("run", ["a", "a"])},
    )
    assert updates_to_target(results, "a", 0.4).tolist() == [10, np.inf]


def test_a_diverged_run_has_got_nothing_right() -> None:
    results = xr.Dataset(
        {"test_accuracy": ("run", [np.nan, 0.5])}, coords={"seed": ("run", [1, 0]), "rung": ("run", ["a", "a"])}
    )
    assert accuracies(results, "a").tolist() == [50, 0]
