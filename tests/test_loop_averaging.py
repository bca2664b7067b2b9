"""What the loop does for optimizers that evaluate other weights than they train, and for schedules that watch."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

from trainlab.data import MNIST1D
from trainlab.feedback import Plateau
from trainlab.loop import TRAIN_ROWS, order
from trainlab.models import MLP
from trainlab.optimizers import EMA, SWA, Momentum, Muon, ScheduleFreeAdamW
from trainlab.probes import Snapshot
from trainlab.runs import Run, grid, stacks
from trainlab.schedules import Constant
from trainlab.stack import CHUNK, build
from trainlab.training import train
from trainlab.types import Tensors

DATA = MNIST1D(rows=400, validation=100, test=200)
NET = MLP(inputs=40, outputs=10, depth=2, width=8, norm="batch")
BASE = Run(data=DATA, model=NET, lr=0.1, batch_size=32, steps=20)


def by_torch(run: Run, ema: float | None, start: int) -> dict[str, float]:
    """The losses after the last update, of PyTorch's averaged model with its batch norm measured anew."""
    data, network = run.data.load(), build(run).double()
    optimizer = torch.optim.SGD(network.parameters(), lr=run.lr, momentum=0.9)
    average = AveragedModel(network, multi_avg_fn=None if ema is None else get_ema_multi_avg_fn(ema))
    batches = order([run.seed], len(data.train.y), run.batch_size)
    for step in range(1, run.steps + 1):
        rows = next(batches)[0]
        loss = nn.functional.cross_entropy(network(data.train.x[rows].double()), data.train.y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step >= start:
            average.update_parameters(network)
    inputs = data.train.x[:TRAIN_ROWS].double()
    update_bn(inputs[: len(inputs) // CHUNK * CHUNK].split(CHUNK), average)
    average.eval()
    with torch.no_grad():
        return {
            name: nn.functional.cross_entropy(average(split.x.double()), split.y).item()
            for name, split in (("validation", data.validation), ("test", data.test))
        }


@pytest.mark.parametrize("norm", [None, "batch"])
def test_averages_equal_pytorchs_alone_and_stacked(norm: Any) -> None:
    base = replace(BASE, model=replace(NET, norm=norm))
    decays = [0.5, 0.9]
    runs = grid(base, optimizer=[EMA(Momentum(), decay=decay) for decay in decays])
    assert len(stacks(runs)) == 1
    expected = [by_torch(run, decay, 1) for run, decay in zip(runs, decays, strict=True)]
    alone = [train([run], dtype="float64") for run in runs]
    stacked = train(runs, dtype="float64")
    for index, numbers in enumerate(expected):
        for found in (alone[index].isel(run=0), stacked.isel(run=index)):
            assert float(found.validation_loss[-1]) == pytest.approx(numbers["validation"], rel=1e-9)
            assert float(found.test_loss) == pytest.approx(numbers["test"], rel=1e-9)


def test_an_equal_average_from_a_later_update_on() -> None:
    run = replace(BASE, optimizer=SWA(Momentum(), start=11))
    assert float(train([run], dtype="float64").test_loss[0]) == pytest.approx(by_torch(run, None, 11)["test"], rel=1e-9)


@pytest.mark.parametrize("optimizer", [EMA(Momentum(), decay=0.9), SWA(Momentum(), start=3)])
def test_evaluating_an_average_leaves_the_training_alone(optimizer: Any) -> None:
    runs = [replace(BASE, optimizer=o) for o in (optimizer, Momentum())]
    often = train(runs, every=1, dtype="float64")
    averaged, plain = often.batch_loss.values
    assert averaged.tolist() == plain.tolist()
    assert train(runs[:1], every=20, dtype="float64").batch_loss.values[0].tolist() == plain.tolist()
    assert abs(float(often.test_loss[0] - often.test_loss[1])) > 1e-3


@pytest.mark.parametrize("optimizer", [Muon(), ScheduleFreeAdamW(), EMA(Muon(), decay=0.9)])
def test_optimizers_by_parameter_are_the_same_stacked_and_alone(optimizer: Any) -> None:
    runs = grid(replace(BASE, optimizer=optimizer, lr=0.01), lr=[0.01, 0.03], seed=[0, 1])
    together = train(runs, dtype="float64")
    for index, run in enumerate(runs):
        alone = train([run], dtype="float64")
        for name in ("batch_loss", "validation_loss", "test_loss"):
            np.testing.assert_allclose(together[name].values[index], alone[name].values[0], rtol=1e-9)


def taken_rate(snapshot: Snapshot) -> Tensors:
    """The rate of plain SGD, read off one bias."""
    name = "2.bias"
    return {"rate": -(snapshot.updates[name] / snapshot.gradients[name]).flatten()[0]}


def test_a_plateau_follows_each_runs_own_validation_losses() -> None:
    plateau = Plateau(factor=0.5, patience=0)
    runs = grid(replace(BASE, model=replace(NET, norm=None), schedule=plateau, steps=60), lr=[0.01, 1.0, 3.0])
    runs.append(replace(runs[0], schedule=Constant()))
    assert len(stacks(runs)) == 1
    results = train(runs, [taken_rate], every=5, dtype="float64")
    for index, run in enumerate(runs):
        losses = results.validation_loss.values[index].tolist()
        watched = [plateau.watch(losses[: mark + 1]) for mark in range(len(losses))]
        rates = [run.lr * (multiplier if index < 3 else 1) for multiplier in watched]
        np.testing.assert_allclose(results.rate.values[index], rates, rtol=1e-9)
    drops = results.rate.values[:, -1] / results.rate.values[:, 0]
    assert drops[0] != drops[1]  # the runs did not drop together
    assert drops[3] == pytest.approx(1)
