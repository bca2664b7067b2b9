"""Probes against a naive twin: a plain loop with autograd and hooks, one run at a time."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from trainlab import probes
from trainlab.layers import Dropout
from trainlab.loop import order
from trainlab.losses import CrossEntropy
from trainlab.models import MLP
from trainlab.optimizers import SGD, Adam, Momentum
from trainlab.probes import Snapshot, activation_statistics, axes, gradient_norm, gradient_statistics, update_ratio
from trainlab.runs import Run, grid
from trainlab.stack import build
from trainlab.training import train

ALL = (activation_statistics, gradient_norm, gradient_statistics, update_ratio)


def twin(run: Run) -> dict[str, list[list[float]]]:
    """The same measurements before each update, by torch.optim, backward() and a loop; [step][layer]."""
    network = build(run).double()
    optimizers: dict[type, Callable[[], torch.optim.Optimizer]] = {
        SGD: lambda: torch.optim.SGD(network.parameters(), run.lr),
        Momentum: lambda: torch.optim.SGD(network.parameters(), run.lr, momentum=0.9),
        Adam: lambda: torch.optim.Adam(network.parameters(), run.lr),
    }
    optimizer = optimizers[type(run.optimizer)]()
    seen: list[Tensor] = []
    for layer in network.modules():
        if isinstance(layer, nn.ReLU | nn.Tanh):
            layer.register_forward_hook(lambda module, inputs, output: seen.append(output.detach().clone()))
    data = run.data.load().train
    found: dict[str, list[list[float]]] = {}
    batches = order([run.seed], len(data.y), run.batch_size)
    for _ in range(run.steps):
        rows = next(batches)[0]
        seen.clear()
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(data.x[rows].double()), data.y[rows]).backward()
        matrices = [weight for weight in network.parameters() if weight.ndim > 1]
        before = [weight.detach().clone() for weight in matrices]
        gradients = [weight.grad.clone() for weight in matrices if weight.grad is not None]
        optimizer.step()
        ratios = [float((new.detach() - old).norm() / old.norm()) for new, old in zip(matrices, before, strict=True)]
        row = {
            "activation_mean": [float(output.mean()) for output in seen],
            "activation_std": [float(output.var(correction=0).sqrt()) for output in seen],
            "dead_fraction": [float((output.max(0).values == output.min(0).values).double().mean()) for output in seen],
            "gradient_norm": [float(gradient.square().sum().sqrt()) for gradient in gradients],
            "gradient_mean": [float(gradient.sum() / gradient.numel()) for gradient in gradients],
            "gradient_std": [float(gradient.var(correction=0).sqrt()) for gradient in gradients],
            "update_ratio": ratios,
        }
        for name, values in row.items():
            found.setdefault(name, []).append(values)
    return found


def deep(tiny: Run, **changes: Any) -> Run:
    return replace(tiny, model=MLP(inputs=40, outputs=10, depth=3, width=7, **changes), steps=4)


@pytest.mark.parametrize("optimizer", [SGD(), Momentum(), Adam()], ids=str)
@pytest.mark.parametrize("norm", [None, "batch", "layer"])
def test_one_run_and_a_stack_equal_the_twin(tiny: Run, optimizer: Any, norm: Any) -> None:
    runs = grid(replace(deep(tiny, norm=norm), optimizer=optimizer), lr=[0.1, 0.01], seed=[0, 1])
    twins = [twin(run) for run in runs]
    for chosen in ([0], [0, 1, 2, 3]):
        results = train([runs[index] for index in chosen], ALL, every=1, dtype="float64")
        for name in twins[0]:
            ours = results[name].isel(step=slice(0, 4)).values
            expected = [twins[index][name] for index in chosen]
            # The last layer's gradients add up to 0 over the classes, so their mean is 0 but for rounding.
            np.testing.assert_allclose(ours, expected, rtol=1e-8, atol=1e-16, err_msg=name)


def test_residual_networks_and_other_activations(tiny: Run) -> None:
    run = deep(tiny, residual=True, activation=nn.Tanh)
    results = train([run], ALL, every=1, dtype="float64")
    for name, expected in twin(run).items():
        np.testing.assert_allclose(results[name].values[0, :4], expected, rtol=1e-8, atol=1e-16, err_msg=name)


def test_axes_of_the_results(tiny: Run) -> None:
    results = train(grid(deep(tiny), seed=[0, 1]), ALL, every=2)
    assert results.activation_mean.dims == results.dead_fraction.dims == ("run", "step", "layer")
    assert results.gradient_norm.dims == results.update_ratio.dims == ("run", "step", "weight")
    assert (results.sizes["layer"], results.sizes["weight"], results.sizes["step"]) == (3, 4, 3)


def snapshot(network: nn.Module, x: Tensor, **fields: Any) -> Snapshot:
    weights = {name: weight.detach() for name, weight in network.named_parameters()}
    gradients, updates = ({name: factor * weight for name, weight in weights.items()} for factor in (2.0, -0.25))
    state = {"gradients": gradients, "updates": updates} | fields
    buffers = dict(network.named_buffers())
    return Snapshot(network, weights, buffers, **state, inputs=x, targets=torch.zeros(len(x)), loss=CrossEntropy())


def half_dead() -> nn.Sequential:
    """Four ReLU units: one never fires, one always gives 3, two are alive."""
    first = nn.Linear(2, 4)
    with torch.no_grad():
        first.weight.copy_(torch.tensor([[1.0, 1.0], [0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
        first.bias.copy_(torch.tensor([-100.0, 3.0, 0.0, 0.0]))
    return nn.Sequential(first, nn.ReLU(), nn.Linear(4, 1))


def test_a_unit_is_dead_when_its_output_never_changes() -> None:
    x = torch.tensor([[1.0, 2.0], [-1.0, 1.0], [3.0, -2.0]])
    found = activation_statistics(snapshot(half_dead(), x))
    assert found["dead_fraction"].tolist() == [0.5]
    outputs = torch.tensor([[0.0, 3.0, 1.0, 2.0], [0.0, 3.0, 0.0, 1.0], [0.0, 3.0, 3.0, 0.0]])
    torch.testing.assert_close(found["activation_mean"], outputs.mean()[None])
    torch.testing.assert_close(found["activation_std"], outputs.std(correction=0)[None])


def test_a_dead_unit_in_a_stack(tiny: Run) -> None:
    """A unit is killed by hand in the second of three stacked networks."""
    networks = [build(replace(tiny, seed=seed)) for seed in range(3)]
    with torch.no_grad():
        networks[1].get_parameter("0.0.bias")[2] = -1e6
    weights = {
        name: torch.stack([n.get_parameter(name).detach() for n in networks])
        for name, _ in networks[0].named_parameters()
    }
    x = tiny.data.load().train.x[:100]

    def one(weights: dict[str, Tensor]) -> dict[str, Tensor]:
        return activation_statistics(Snapshot(networks[0], weights, {}, {}, {}, x, torch.zeros(0), CrossEntropy()))

    dead = torch.func.vmap(one)(weights)["dead_fraction"]
    assert dead.tolist() == [[0.0], [1 / 8], [0.0]]


def test_gradient_norm_and_update_ratio_look_at_matrices_alone() -> None:
    taken = snapshot(half_dead(), torch.zeros(3, 2))
    matrices = [taken.weights["0.weight"], taken.weights["2.weight"]]
    torch.testing.assert_close(gradient_norm(taken)["gradient_norm"], torch.stack([2 * m.norm() for m in matrices]))
    torch.testing.assert_close(update_ratio(taken)["update_ratio"], torch.tensor([0.25, 0.25]))


def test_gradient_statistics_look_at_matrices_alone() -> None:
    taken = snapshot(half_dead(), torch.zeros(3, 2))
    found = gradient_statistics(taken)
    matrices = [2 * taken.weights["0.weight"], 2 * taken.weights["2.weight"]]
    torch.testing.assert_close(found["gradient_mean"], torch.stack([m.mean() for m in matrices]))
    torch.testing.assert_close(found["gradient_std"], torch.stack([m.std(correction=0) for m in matrices]))


class Swish(nn.Module):
    """A nonlinearity of one's own."""

    def forward(self, x: Tensor) -> Tensor:
        return x * x.sigmoid()


class Rectifier(nn.ReLU):
    """Derived from one of torch's."""


class Reshape(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.view(len(x), -1, 2)


class PassOn(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x


class Pair(nn.Module):
    """Returns no tensor, and takes none by position."""

    def forward(self, *, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, x


class Scale(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        return self.gain * x


class Flat(nn.Flatten):
    """Derived from a layer that is no nonlinearity."""


class Both(nn.Module):
    """Calls its parts by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.pair, self.attention = Pair(), nn.MultiheadAttention(4, 1)
        self.last = nn.PReLU()

    def forward(self, x: Tensor) -> Tensor:
        one, other = self.pair(x=x)
        return self.last(self.attention(one, other, other, need_weights=False)[0])


def test_nonlinearities_of_ones_own_are_seen_and_nothing_else() -> None:
    network = nn.Sequential(
        *(nn.Linear(2, 4), Swish(), nn.LayerNorm(4), nn.BatchNorm1d(4, affine=False), Rectifier(), nn.Identity()),
        *(PassOn(), Dropout(0.5), Scale(), Both(), nn.Flatten(), Flat(), Reshape(), nn.MaxPool1d(1), nn.GLU()),
    )
    x = torch.randn(6, 2)
    found = snapshot(network, x).activations()
    assert list(found) == ["1", "4", "9.last", "14"]
    torch.testing.assert_close(found["1"], nn.functional.silu(network[0](x)))


def test_a_nonlinearity_of_ones_own_in_a_stack(tiny: Run) -> None:
    own, torchs = (
        train(grid(deep(tiny, activation=made), seed=[0, 1]), [activation_statistics], dtype="float64")
        for made in (Swish, nn.SiLU)
    )
    np.testing.assert_allclose(own.activation_mean, torchs.activation_mean, rtol=1e-8)
    assert own.sizes["layer"] == 3


def test_activations_leave_running_statistics_and_hooks_as_they_were() -> None:
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU())
    taken = snapshot(network, torch.randn(5, 2))
    before = {name: buffer.clone() for name, buffer in network.named_buffers()}
    assert list(taken.activations()) == ["2"]
    assert all(torch.equal(buffer, before[name]) for name, buffer in network.named_buffers())
    assert not any(module._forward_hooks for module in network.modules())


def test_hooks_are_removed_when_the_network_fails() -> None:
    network = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(4, 1))
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        snapshot(network, torch.randn(5, 2)).activations()
    assert not any(module._forward_hooks for module in network.modules())


def test_a_network_without_nonlinearity_is_refused_in_words(tiny: Run) -> None:
    linear = replace(tiny, model=MLP(inputs=40, outputs=10, depth=0, width=1))
    with pytest.raises(ValueError, match="activation_statistics needs a nonlinearity"):
        train([linear], [activation_statistics])


def test_axes_names_the_axes_of_a_probe() -> None:
    @axes("layer", "unit")
    def probe(taken: Snapshot) -> dict[str, Tensor]:
        return {}

    assert vars(probe)["axes"] == ("layer", "unit")


def test_every_probe_of_the_module_is_tested_here() -> None:
    assert {name for name, thing in vars(probes).items() if hasattr(thing, "axes")} == {p.__name__ for p in ALL}
