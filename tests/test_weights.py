"""Sizes of weights: by hand, and stacked against alone."""

import numpy as np
import torch
from torch import Tensor, nn

from trainlab.losses import CrossEntropy
from trainlab.probes import Snapshot
from trainlab.runs import Run, grid
from trainlab.training import train
from trainlab.weights import weight_percentiles, weight_sizes


def snapshot(matrix: Tensor) -> Snapshot:
    network, nothing = nn.Linear(2, 2), torch.zeros(0)
    weights = {"weight": matrix, "bias": torch.full((len(matrix),), 9.0)}
    return Snapshot(network, weights, {}, {}, {}, nothing, nothing, CrossEntropy())


def test_sizes_by_hand() -> None:
    found = weight_sizes(snapshot(torch.tensor([[3.0, -4.0], [0.0, 1.0]])))
    assert {name: values.tolist() for name, values in found.items()} == {
        "zero_share": [0.25],
        "largest_row": [5.0],
        "mean_row": [3.0],
    }


def test_percentiles_are_of_absolute_values() -> None:
    values = torch.linspace(-1, 1, 2001, dtype=torch.float64).view(3, 667)
    found = weight_percentiles(snapshot(values))["weight_percentile"][0]
    np.testing.assert_allclose(found, np.linspace(0, 1, 101), atol=1e-3)
    few = weight_percentiles(snapshot(torch.tensor([[2.0, -1.0]])))["weight_percentile"][0]
    assert few.tolist() == [1.0] * 51 + [2.0] * 50


def test_a_stack_measures_what_each_run_measures_alone(tiny: Run) -> None:
    runs = grid(tiny, lr=[0.1, 0.01], seed=[0, 1])
    together = train(runs, [weight_percentiles, weight_sizes], every=12, dtype="float64")
    assert together.sizes["weight"] == 2
    for index, run in enumerate(runs):
        alone = train([run], [weight_percentiles, weight_sizes], every=12, dtype="float64")
        for name in ("weight_percentile", "zero_share", "largest_row", "mean_row"):
            np.testing.assert_allclose(together[name].values[index], alone[name].values[0], rtol=1e-9)
