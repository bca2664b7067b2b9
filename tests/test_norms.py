"""Batch norm against PyTorch's, alone and in a stack; networks with any normalization at any place."""

import re
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn
from torch.func import functional_call, vmap

from trainlab.data import MNIST1D
from trainlab.normnets import NormMLP, NormResidualMLP
from trainlab.norms import BatchNorm, Groups
from trainlab.runs import Run, grid
from trainlab.training import train

DATA = MNIST1D(rows=200, validation=50, test=50)


def kinds(module: nn.Module) -> list[type[nn.Module]]:
    return [type(layer) for layer in module.modules() if not isinstance(layer, nn.Sequential)]


def randomized(norm: nn.Module) -> nn.Module:
    with torch.no_grad():
        for parameter in norm.parameters():
            parameter.uniform_(-1, 2)
    return norm.double()


@pytest.mark.parametrize("momentum", [0.1, 1.0])
def test_equals_the_norm_of_pytorch_in_value_gradient_and_memory(momentum: float) -> None:
    torch.manual_seed(0)
    mine = randomized(BatchNorm(5, momentum=momentum, eps=1e-3))
    other = nn.BatchNorm1d(5, momentum=momentum, eps=1e-3).double()
    other.load_state_dict(mine.state_dict(), strict=False)
    for rows in (7, 2, 30):
        x = (3 * torch.randn(rows, 5, dtype=torch.float64) + 1).requires_grad_()
        outputs = [norm(x) for norm in (mine, other)]
        torch.testing.assert_close(*outputs)
        weight = torch.randn(rows, 5, dtype=torch.float64)
        gradients = [
            torch.autograd.grad((out * weight).sum(), [x, *norm.parameters()])
            for out, norm in zip(outputs, (mine, other), strict=True)
        ]
        torch.testing.assert_close(*gradients)
    torch.testing.assert_close(mine.running_mean, other.running_mean)
    torch.testing.assert_close(mine.running_var, other.running_var)
    x = torch.randn(4, 5, dtype=torch.float64)
    torch.testing.assert_close(mine.eval()(x), other.eval()(x))


def test_one_example_becomes_the_shift_and_is_remembered_without_a_division_by_zero() -> None:
    norm = BatchNorm(3)
    with torch.no_grad():
        norm.bias.copy_(torch.tensor([1.0, 2.0, 3.0]))
    assert torch.equal(norm(torch.randn(1, 3)), norm.bias[None])
    torch.testing.assert_close(norm.running_var, torch.full((3,), 0.9))


def test_in_a_stack_it_is_what_it_is_alone() -> None:
    torch.manual_seed(0)
    alone = [randomized(BatchNorm(4)) for _ in range(3)]
    x = torch.randn(3, 6, 4, dtype=torch.float64)
    names = [name for name, _ in alone[0].named_parameters()] + [name for name, _ in alone[0].named_buffers()]
    state = {name: torch.stack([norm.state_dict()[name].clone() for norm in alone]) for name in names}
    stacked = vmap(lambda state, x: functional_call(alone[0], state, (x,)))(state, x)
    for run, norm in enumerate(alone):
        torch.testing.assert_close(stacked[run], norm(x[run]))
        torch.testing.assert_close(state["running_var"][run], norm.running_var)


@pytest.mark.parametrize("norm", [BatchNorm, nn.LayerNorm, nn.RMSNorm, Groups(2)])
@pytest.mark.parametrize("spec", [NormMLP(inputs=40, outputs=10, depth=2, width=8), None])
def test_every_norm_trains_in_a_stack_as_alone(norm: Any, spec: NormMLP | None) -> None:
    base = spec or NormResidualMLP(inputs=40, outputs=10, blocks=2, width=8)
    runs = grid(Run(data=DATA, model=replace(base, norm=norm), lr=0.1, batch_size=20, steps=6), seed=range(3))
    together, alone = (train(runs, dtype="float64", stack_size=size) for size in (3, 1))
    torch.testing.assert_close(torch.tensor(together.test_loss.values), torch.tensor(alone.test_loss.values))


def test_the_norm_stands_before_or_after_the_activation() -> None:
    spec = NormMLP(inputs=4, outputs=3, depth=2, width=6, norm=nn.LayerNorm, activation=nn.Tanh)
    assert kinds(spec()) == 2 * [nn.Linear, nn.LayerNorm, nn.Tanh] + [nn.Linear]
    assert kinds(replace(spec, after=True)()) == 2 * [nn.Linear, nn.Tanh, nn.LayerNorm] + [nn.Linear]
    assert kinds(replace(spec, norm=None)()) == 2 * [nn.Linear, nn.Tanh] + [nn.Linear]


def test_without_bias_only_the_output_layer_has_one() -> None:
    network = NormMLP(inputs=4, outputs=3, depth=1, width=6, norm=None, bias=False)()
    assert [name for name, _ in network.named_parameters()] == ["0.0.weight", "1.weight", "1.bias"]


@pytest.mark.parametrize("residual", [True, False])
def test_what_a_residual_net_with_norms_computes(residual: bool) -> None:
    torch.manual_seed(0)
    network = NormResidualMLP(inputs=4, outputs=3, blocks=2, width=5, norm=nn.LayerNorm, residual=residual)()
    stem, first, second, norm, activation, head = network.children()
    x = torch.randn(6, 4)
    h = stem(x)
    for block in (first, second):
        one, _, inner, two, _, last = (block.branch if residual else block).children()  # pyright: ignore[reportAttributeAccessIssue, reportCallIssue]
        out = last(two(inner(one(h).relu())).relu())
        h = h + out if residual else out
    torch.testing.assert_close(network(x), head(activation(norm(h))))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BatchNorm(0), "BatchNorm: units must be >= 1, got 0"),
        (lambda: BatchNorm(3, momentum=0.0), "BatchNorm: momentum must be in (0, 1], got 0.0"),
        (lambda: BatchNorm(3, eps=0.0), "BatchNorm: eps must be > 0, got 0.0"),
        (lambda: Groups(0), "Groups: count must be >= 1, got 0"),
        (lambda: Groups(3)(8), "Groups: 3 groups do not divide 8 units; take a divisor"),
        (lambda: NormMLP(inputs=4, outputs=3, depth=0, width=5), "NormMLP: depth must be >= 1, got 0"),
        (
            lambda: NormResidualMLP(inputs=4, outputs=1, blocks=0, width=5),
            "NormResidualMLP: blocks must be >= 1, got 0",
        ),
    ],
)
def test_a_bad_value_is_named(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make()
