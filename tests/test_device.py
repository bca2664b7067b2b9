"""Training on a GPU: the same numbers up to rounding, stored under a name of its own."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

from trainlab.optimizers import SGD, Adam, Optimizer
from trainlab.probes import activation_statistics, gradient_norm, update_ratio
from trainlab.runs import Run, grid
from trainlab.store import Store, Task
from trainlab.training import train

CUDA = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="PyTorch sees no CUDA device here: training on one was NOT tested"
)


def trained(
    base: Run, device: str, optimizers: Sequence[Optimizer], seeds: int, store: Store | None = None
) -> xr.Dataset:
    """In float64, where a difference of rounding stays small."""
    runs = grid(replace(base, steps=30), optimizer=optimizers, seed=range(seeds), lr=[0.01, 0.1])
    probes = [update_ratio, gradient_norm, activation_statistics]
    return train(runs, probes, every=10, dtype="float64", device=device, store=store)


@CUDA
@pytest.mark.parametrize("seeds", [1, 3])
def test_a_gpu_gives_the_numbers_of_the_processor(tiny: Run, seeds: int) -> None:
    here, there = (trained(tiny, device, [SGD(), Adam(), Adam(beta1=0.5)], seeds) for device in ("cpu", "cuda"))
    assert set(here.data_vars) == set(there.data_vars)
    for name, values in here.data_vars.items():
        np.testing.assert_allclose(there[name].values, values.values, rtol=1e-9, atol=1e-12, err_msg=str(name))
    assert float(here.train_loss.isel(step=-1).mean()) < float(here.train_loss.isel(step=0).mean())


@CUDA
def test_one_run_alone_on_a_gpu(tiny: Run) -> None:
    here, there = (train([tiny], dtype="float64", device=device) for device in ("cpu", "cuda"))
    np.testing.assert_allclose(there.batch_loss.values, here.batch_loss.values, rtol=1e-9)


@CUDA
def test_results_of_a_gpu_are_stored_and_found(tiny: Run, tmp_path: Path) -> None:
    first = trained(tiny, "cuda", [SGD()], 2, Store(tmp_path))
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert trained(tiny, "cuda", [SGD()], 2, Store(tmp_path)).identical(first)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == stamps


def test_a_device_has_results_of_its_own(tiny: Run, tmp_path: Path) -> None:
    store = Store(tmp_path)
    tasks = [Task((tiny,), (), 4, "float32", device) for device in ("cpu", "cuda")]
    parts = [{**task.request} for task in tasks]
    assert len({store.path(task.request, part) for task, part in zip(tasks, parts, strict=True)}) == 2
    assert {name for name in parts[0] if parts[0][name] != parts[1][name]} == {"device"}
