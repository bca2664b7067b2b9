"""Training through store and engine: what comes back, what is trained again, what is refused."""

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

from trainlab.feedback import Plateau
from trainlab.loop import AT_END
from trainlab.models import MLP
from trainlab.optimizers import Adam
from trainlab.probes import activation_statistics, gradient_norm, update_ratio
from trainlab.runs import Run, grid
from trainlab.store import Store
from trainlab.training import SMOKE_STEPS, Stale, Trainer, train

NET = MLP(inputs=40, outputs=10, depth=2, width=8, norm="batch", dropout=0.2)
PROBES = (activation_statistics, gradient_norm, update_ratio)
BY_STEP = {"train_loss", "train_accuracy", "validation_loss", "validation_accuracy"}
BY_RUN = {"test_loss", "test_accuracy"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")


@pytest.fixture(scope="module")
def runs(tiny: Run) -> list[Run]:
    """Two stacks, of three runs and one."""
    some = grid(replace(tiny, model=NET), lr=[0.01, 0.1, 0.3])
    return [*some, replace(some[0], optimizer=Adam())]


@pytest.fixture(scope="module")
def results(runs: list[Run]) -> xr.Dataset:
    return train(runs, PROBES, every=5)


def test_results_have_named_axes(results: xr.Dataset, runs: list[Run]) -> None:
    assert set(results.data_vars) == BY_STEP | BY_RUN | {
        *("batch_loss", "gradient_norm", "update_ratio"),
        *("activation_mean", "activation_std", "dead_fraction"),
    }
    assert results.sizes == {"run": 4, "update": 12, "step": 4, "layer": 2, "weight": 3}
    assert results.batch_loss.dims == ("run", "update")
    assert all(results[name].dims == ("run", "step") for name in BY_STEP)
    assert all(results[name].dims == ("run",) for name in BY_RUN)
    assert results.dead_fraction.dims == ("run", "step", "layer")
    assert results.gradient_norm.dims == ("run", "step", "weight")
    assert results.step.values.tolist() == [0, 5, 10, 12]
    assert results["update"].values.tolist() == list(range(1, 13))
    assert results.run.values.tolist() == [0, 1, 2, 3]
    assert not results.isnull().any().to_array().any()


def test_every_field_of_a_run_is_a_coordinate(results: xr.Dataset) -> None:
    assert all(results[field.name].dims == ("run",) for field in fields(Run))
    assert results.lr.values.tolist() == [0.01, 0.1, 0.3, 0.01]
    assert results.optimizer.values.tolist() == ["SGD"] * 3 + ["Adam"]
    assert results.groupby("optimizer").mean().sizes["optimizer"] == 2


def test_order_of_the_runs_is_kept(runs: list[Run]) -> None:
    shuffled = [runs[2], runs[3], runs[1], runs[0]]
    found, expected = train(shuffled), train(runs)
    assert found.optimizer.values.tolist() == ["SGD", "Adam", "SGD", "SGD"]
    assert found.lr.values.tolist() == [0.3, 0.01, 0.1, 0.01]
    assert found.test_loss.values.tolist() == expected.test_loss.values[[2, 3, 1, 0]].tolist()


def test_about_twenty_measurements_by_default(tiny: Run) -> None:
    assert train([replace(tiny, steps=100)]).step.values.tolist() == list(range(0, 101, 5))
    assert train([replace(tiny, steps=3)]).step.values.tolist() == [0, 1, 2, 3]


def test_shorter_runs_are_nan_after_their_end(tiny: Run) -> None:
    found = train([tiny, replace(tiny, steps=6)], every=3)
    assert found.step.values.tolist() == [0, 3, 6, 9, 12]
    assert np.isnan(found.batch_loss.values[1, 6:]).all()
    assert np.isfinite(found.batch_loss.values[1, :6]).all()
    assert np.isnan(found.validation_loss.values[1]).tolist() == [False, False, False, True, True]
    assert np.isfinite(found.batch_loss.values[0]).all()


def test_networks_of_different_depths_can_be_probed_together(tiny: Run) -> None:
    found = train(grid(tiny, model=[replace(NET, depth=depth) for depth in (1, 3)]), [activation_statistics])
    assert np.isnan(found.activation_mean.values[:, 0]).tolist() == [[False, True, True], [False] * 3]


def test_workers_give_the_same_bits(runs: list[Run], results: xr.Dataset) -> None:
    assert train(runs, PROBES, every=5, jobs=2).identical(results)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"every": -1}, "every must be >= 1 updates, or AT_END, got -1"),
        ({"dtype": "float16"}, "dtype must be 'float32' or 'float64', got 'float16'"),
    ],
)
def test_bad_option_is_refused(tiny: Run, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        train([tiny], **options)


def test_no_runs_and_too_large_batches_are_refused(tiny: Run) -> None:
    with pytest.raises(ValueError, match="train needs at least one run, got none"):
        train([])
    with pytest.raises(ValueError, match=r"batch_size must be at most the 400 training rows of MNIST1D\(.*, got 401"):
        train([tiny, replace(tiny, batch_size=401)])
    assert train([replace(tiny, batch_size=400)]).sizes["run"] == 1


def test_smoke_mode_cuts_runs_short(tiny: Run) -> None:
    trainer = Trainer(smoke=True)
    found = trainer([replace(tiny, steps=500), replace(tiny, steps=5)])
    assert found.steps.values.tolist() == [SMOKE_STEPS, 5]
    assert found.sizes["update"] == SMOKE_STEPS
    assert [run.steps for run in trainer.runs] == [SMOKE_STEPS, 5]


def test_second_call_trains_nothing(runs: list[Run], results: xr.Dataset, store: Store) -> None:
    calls: list[tuple[int, int, int]] = []
    first, second = (Trainer(store=store, progress=lambda *call: calls.append(call)) for _ in range(2))
    assert first(runs, PROBES, every=5).identical(results)
    assert second(runs, PROBES, every=5).identical(results)
    assert (first.trained, second.trained) == (4, 0)
    assert calls == [(0, 4, 0), (3, 4, 0), (4, 4, 0), (4, 4, 4)]
    assert first.keys == second.keys == [path.stem for path in sorted(store.folder.iterdir(), key=age)]
    assert second.seconds == pytest.approx(first.seconds) != 0


def age(path: Path) -> int:
    return path.stat().st_mtime_ns


def test_only_new_stacks_are_trained(runs: list[Run], results: xr.Dataset, store: Store) -> None:
    train(runs[3:], PROBES, every=5, store=store)
    trainer = Trainer(store=store)
    assert trainer(runs, PROBES, every=5).identical(results)
    assert trainer.trained == 3


def test_force_trains_again(runs: list[Run], store: Store) -> None:
    first = train(runs, store=store)
    trainer = Trainer(store=store, force=True)
    assert trainer(runs).identical(first)
    assert trainer.trained == 4


def test_dry_trainer_says_what_it_would_train(runs: list[Run], store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def stale(trainer: Trainer, some: Sequence[Run] = runs) -> tuple[int, int, list[str]]:
        with pytest.raises(Stale) as raised:
            trainer(some)
        assert ", ".join(raised.value.why) in str(raised.value)
        return raised.value.missing, raised.value.total, raised.value.why

    dry = Trainer(store=store, dry=True)
    assert stale(dry) == (4, 4, ["never trained"])
    assert stale(Trainer(dry=True)) == (4, 4, ["no store"])
    assert not store.folder.exists()
    first = train(runs, store=store)
    assert dry(runs).identical(first)
    assert stale(dry, [*runs, replace(runs[0], steps=13)]) == (1, 5, ["never trained"])
    assert stale(Trainer(store=store, dry=True, force=True)) == (4, 4, ["asked for again"])
    with monkeypatch.context() as patch:
        patch.setattr(torch, "__version__", "1.0.0+cpu")
        found = stale(dry)
    assert found == (4, 4, [f"torch {torch.__version__.split('+')[0]} -> 1.0.0"])


def test_damaged_file_is_trained_again(
    runs: list[Run], results: xr.Dataset, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    train(runs, PROBES, every=5, store=store)
    path = min(store.folder.iterdir(), key=age)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    trainer = Trainer(store=store)
    with caplog.at_level(logging.WARNING, "trainlab"):
        assert trainer(runs, PROBES, every=5).identical(results)
    assert trainer.trained == 3
    assert str(path) in caplog.text
    assert "are trained again" in caplog.text
    assert Trainer(store=store, dry=True)(runs, PROBES, every=5).identical(results)


FATAL = '''"""A schedule that kills its process in the middle of a run, if it is told to."""
import os, signal, sys
from dataclasses import replace
from pathlib import Path
from trainlab.data import MNIST1D
from trainlab.models import MLP
from trainlab.runs import Run
from trainlab.schedules import Constant
from trainlab.store import Store
from trainlab.training import train

def fatal(step, steps):
    if step == 7 and os.environ.get("TRAINLAB_TEST_KILL"):
        os.kill(os.getpid(), signal.SIGKILL)
    return 1.0

BASE = Run(
    data=MNIST1D(rows=400, validation=100, test=200),
    model=MLP(inputs=40, outputs=10, depth=1, width=8, norm="batch"),
    lr=0.1, batch_size=32, steps=12,
)
RUNS = [BASE, replace(BASE, schedule=fatal, batch_size=16), replace(BASE, batch_size=64)]

if __name__ == "__main__":
    import killed
    train(killed.RUNS, store=Store(Path(sys.argv[1])))
'''


@pytest.mark.slow
def test_killed_training_goes_on_from_its_finished_stacks(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "killed.py"
    script.write_text(FATAL)
    environment = {**os.environ, "TRAINLAB_TEST_KILL": "1"}
    killed = subprocess.run([sys.executable, str(script), str(store.folder)], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert [path.suffix for path in store.folder.iterdir()] == [".npz"]
    monkeypatch.syspath_prepend(tmp_path)
    import killed as module  # pyright: ignore[reportMissingImports]

    trainer = Trainer(store=store)
    continued = trainer(module.RUNS)
    assert trainer.trained == 2
    assert continued.identical(train(module.RUNS))


def test_the_seconds_of_a_stack_are_shared_out_among_its_runs(runs: list[Run], store: Store) -> None:
    first = Trainer(store=store)
    first(runs[:1] + runs[3:])
    first(runs)
    assert len(first.shares) == len(first.runs) == 6
    assert sum(first.shares) == pytest.approx(first.seconds)
    assert min(first.shares) > 0
    assert first.shares[2] == first.shares[3] == first.shares[4]
    again = Trainer(store=store)
    again(runs)
    assert again.shares == first.shares[2:]


def test_at_end_there_is_one_measurement_which_is_the_last_of_many(runs: list[Run], results: xr.Dataset) -> None:
    found = train(runs, PROBES, every=AT_END)
    last = results.sel(step=results.steps)  # runs differ in their length
    assert {*found.data_vars} == {*results.data_vars}
    for name, values in found.sel(step=found.steps).data_vars.items():
        np.testing.assert_array_equal(values.values, last[name].values)
    alone = train(runs[:1], every=AT_END)
    assert alone.step.values.tolist() == [runs[0].steps]


def test_a_schedule_that_watches_needs_more_than_the_end(tiny: Run) -> None:
    with pytest.raises(ValueError, match="every must be >= 1 updates where a schedule watches"):
        train([replace(tiny, schedule=Plateau())], every=AT_END)


def test_only_the_splits_that_are_named_are_measured(runs: list[Run], results: xr.Dataset) -> None:
    tuned = train(runs, every=5, splits=["validation"])
    assert {*tuned.data_vars} == {"batch_loss", "validation_loss", "validation_accuracy"}
    reported = train(runs, every=5, splits=["test", "validation"])
    for name in ("validation_loss", "test_loss", "test_accuracy"):
        np.testing.assert_array_equal(reported[name].values, results[name].values)


@pytest.mark.parametrize(
    ("splits", "words"),
    [
        (["holdout"], "splits must be some of train, validation, test, got holdout"),
        (["test"], "got test"),
        ([], "none"),
    ],
)
def test_splits_that_cannot_be_are_refused(runs: list[Run], splits: list[str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        train(runs, splits=splits)
