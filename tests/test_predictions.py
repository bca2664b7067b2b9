"""Probes of what a network answers: against the network itself, stacked against alone, and dropout on against off."""

from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from trainlab.data import MNIST1D
from trainlab.layers import Dropout
from trainlab.losses import CrossEntropy
from trainlab.models import MLP, OrderedMLP
from trainlab.predictions import BatchNormShift, Held, Predictions, training_mode
from trainlab.probes import Probe, Snapshot
from trainlab.runs import Run, grid
from trainlab.training import train

DATA = MNIST1D(rows=400, validation=100, test=200)
DROPPED = MLP(inputs=40, outputs=10, depth=2, width=16, dropout=0.5)
NORMED = OrderedMLP(
    inputs=40, outputs=10, depth=2, width=16, order=("linear", "dropout", "norm", "activation"), dropout=0.5
)


def snapshot(network: nn.Module) -> Snapshot:
    weights = {name: weight.detach() for name, weight in network.named_parameters()}
    x, y = DATA.load().train
    return Snapshot(network, weights, dict(network.named_buffers()), {}, {}, x[:32], y[:32], CrossEntropy())


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_with_dropout_off_predictions_are_the_networks_in_evaluation_mode(split: str) -> None:
    network = DROPPED()
    probe = Predictions(DATA, split, rows=150)  # pyright: ignore[reportArgumentType]
    logs = probe(snapshot(network))[f"{split}_logs"]
    x = getattr(DATA.load(), split).x[:150]
    torch.testing.assert_close(logs, network.eval()(x).log_softmax(1).detach())


def test_the_average_over_masks_is_of_probabilities_and_nears_its_limit() -> None:
    torch.manual_seed(0)
    network = DROPPED()
    one, many, more = (
        Predictions(DATA, passes=k, rows=50)(snapshot(network))[f"test_logs_of_{k}"] for k in (1, 400, 401)
    )
    off = Predictions(DATA, rows=50)(snapshot(network))["test_logs"]
    for logs in (one, many):
        torch.testing.assert_close(logs.exp().sum(1), torch.ones(50))
    assert float((many - more).abs().max()) < 0.02 < float((one - many).abs().max())
    assert float((many - off).abs().max()) > 0.001  # the mean of a softmax is not the softmax of a mean


def test_probes_leave_modes_and_buffers_as_they_were() -> None:
    network = NORMED()
    network[0][0].eval()  # pyright: ignore[reportIndexIssue]
    modes = [module.training for module in network.modules()]
    momenta = [m.momentum for m in network.modules() if isinstance(m, nn.BatchNorm1d)]
    seen = snapshot(network)
    before = {name: buffer.clone() for name, buffer in seen.buffers.items()}
    for probe in (Predictions(DATA, passes=2), Held(DATA), Held(DATA, anew=True), BatchNormShift(DATA)):
        probe(seen)
    assert [module.training for module in network.modules()] == modes
    assert [m.momentum for m in network.modules() if isinstance(m, nn.BatchNorm1d)] == momenta
    assert all(torch.equal(before[name], buffer) for name, buffer in seen.buffers.items())


def test_training_mode_is_for_some_kinds_and_ends_also_with_an_error() -> None:
    network = DROPPED()
    with training_mode(network, Dropout):
        assert not network.training
        assert all(module.training == isinstance(module, Dropout) for module in network.modules())
    with suppress(RuntimeError), training_mode(network):
        raise RuntimeError
    assert all(module.training for module in network.modules())


PROBES: list[Probe] = [
    Predictions(DATA, rows=50),
    Predictions(DATA, passes=3, rows=50),
    Held(DATA),
    Held(DATA, "validation", anew=True),
]


@pytest.mark.parametrize("model", [DROPPED, NORMED])
def test_a_stack_measures_what_each_run_measures_alone(model: MLP | OrderedMLP, tiny: Run) -> None:
    probes = PROBES if model is DROPPED else [*PROBES, BatchNormShift(DATA)]
    runs = grid(replace(tiny, model=model), lr=[0.1, 0.01], seed=[0, 1])
    together = train(runs, probes, every=12, dtype="float64")
    names = set(together.data_vars) - {"batch_loss"}
    assert {"test_logs", "test_logs_of_3", "held_test_loss", "anew_validation_accuracy"} <= names
    for index, run in enumerate(runs):
        alone = train([run], probes, every=12, dtype="float64")
        for name in names:
            np.testing.assert_allclose(together[name].values[index], alone[name].values[0], rtol=1e-9, err_msg=name)


def test_held_at_the_end_is_the_test_that_the_loop_makes(tiny: Run) -> None:
    results = train(grid(tiny, seed=[0, 1]), [Held(tiny.data), Held(tiny.data, "validation")], every=4)
    np.testing.assert_allclose(results.held_test_loss[:, -1], results.test_loss, rtol=1e-6)
    np.testing.assert_allclose(results.held_test_accuracy[:, -1], results.test_accuracy, rtol=1e-6)
    np.testing.assert_allclose(results.held_validation_loss, results.validation_loss, rtol=1e-6)


def test_statistics_measured_anew_are_those_of_the_training_split() -> None:
    torch.manual_seed(0)
    network = NORMED()
    found = Held(DATA, anew=True)(snapshot(network))["anew_test_loss"]
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm1d)]
    network.eval()
    for norm in norms:
        norm.train()
        norm.momentum = 1.0
    network(DATA.load().train.x)
    network.eval()
    x, y = DATA.load().test
    assert found.item() == pytest.approx(nn.functional.cross_entropy(network(x), y).item(), rel=1e-5)


def test_the_shift_is_two_for_half_of_the_pre_activations_dropped() -> None:
    torch.manual_seed(0)
    network = NORMED()
    for _ in range(200):
        network(DATA.load().train.x)
    found = BatchNormShift(DATA)(snapshot(network))
    met = found["norm_second"] - found["norm_squared_mean"]
    predicted = (found["norm_second"] / 0.5 - found["norm_squared_mean"]) / met
    assert found["norm_remembered"][0] / met[0] == pytest.approx(predicted[0].item(), rel=0.05)
    assert found["norm_remembered"][1] / met[1] > 1.3 * predicted[1]  # the shift of the first norm adds to it


def test_bad_values_are_named() -> None:
    with pytest.raises(ValueError, match="passes must be >= 0, got -1"):
        Predictions(DATA, passes=-1)
    with pytest.raises(ValueError, match="rows must be >= 1, got 0"):
        Predictions(DATA, rows=0)
    with pytest.raises(ValueError, match="needs batch norm in the network, got none"):
        BatchNormShift(DATA)(snapshot(DROPPED()))
