"""Networks that a stack computes without `vmap`: the same numbers, and only where that is certain."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.utils import parametrizations

from trainlab.direct import ELEMENTWISE, direct
from trainlab.layers import AlphaDropout, Dropout, Residual, seed_dropout
from trainlab.models import MLP, ResidualMLP

RUNS, BATCH, FEATURES = 3, 7, 4


def model(**options: Any) -> nn.Module:
    return MLP(inputs=4, outputs=2, depth=2, width=4, **options)()


SAME: dict[str, Callable[[], nn.Module]] = {
    "no hidden layer": lambda: model_of_depth(0),
    **{activation.__name__: lambda activation=activation: model(activation=activation) for activation in ELEMENTWISE},
    "no bias": lambda: nn.Sequential(nn.Linear(4, 4, bias=False), nn.Tanh(), nn.Linear(4, 2)),
    "one layer alone": lambda: nn.Linear(4, 2),
    "a slope of its own": lambda: nn.Sequential(nn.LeakyReLU(0.3), nn.Linear(4, 2)),
    "batch norm": lambda: model(norm="batch"),
    "layer norm": lambda: model(norm="layer"),
    "layer norm without a shift": lambda: nn.Sequential(nn.LayerNorm(4, bias=False), nn.Linear(4, 2)),
    "layer norm alone": lambda: nn.Sequential(nn.LayerNorm(4, elementwise_affine=False), nn.Linear(4, 2)),
    "dropout": lambda: model(dropout=0.5),
    "alpha dropout": lambda: nn.Sequential(AlphaDropout(0.3), nn.Linear(4, 4), AlphaDropout(0.2, layer=1)),
    "residual": lambda: model(residual=True),
    "the whole recipe": lambda: model(norm="batch", dropout=0.3, residual=True),
    "branches": lambda: ResidualMLP(inputs=4, outputs=2, blocks=2, width=4)(),
}


def model_of_depth(depth: int) -> nn.Module:
    return MLP(inputs=4, outputs=2, depth=depth, width=4)()


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("make", SAME.values(), ids=SAME)
def test_outputs_gradients_and_buffers_are_those_of_the_lifted_network(
    make: Callable[[], nn.Module], training: bool
) -> None:
    torch.manual_seed(0)
    networks = [make().double().train(training) for _ in range(RUNS)]
    for seed, network in enumerate(networks):
        seed_dropout(network, seed)
        for tensor in network.state_dict().values():  # parameters and statistics that are not 0 or 1
            if tensor.is_floating_point() and tensor.ndim:
                tensor.add_(torch.rand_like(tensor))
    weights, buffers = (
        {
            name: torch.stack([dict(named(network))[name].detach() for network in networks])
            for name, _ in named(networks[0])
        }
        for named in (nn.Module.named_parameters, nn.Module.named_buffers)
    )
    weights = {name: weight.requires_grad_() for name, weight in weights.items()}
    lifted_buffers = {name: buffer.clone() for name, buffer in buffers.items()}

    def one(own: dict[str, Tensor], rest: dict[str, Tensor], x: Tensor) -> Tensor:
        return functional_call(networks[0], (own, rest), x)

    forward = direct(networks[0])
    assert forward is not None
    for _ in range(2):  # the second pass finds the buffers as the first has left them
        inputs = torch.randn(RUNS, BATCH, 4, dtype=torch.float64)
        found, lifted = forward(weights | buffers, inputs), vmap(one)(weights, lifted_buffers, inputs)
        torch.testing.assert_close(found, lifted, rtol=1e-13, atol=1e-13)
        gradients = [torch.autograd.grad(outputs.sin().sum(), [*weights.values()]) for outputs in (found, lifted)]
        torch.testing.assert_close(*gradients, rtol=1e-11, atol=1e-11)
        torch.testing.assert_close(buffers, lifted_buffers, rtol=1e-13, atol=1e-13)


class Halved(nn.Linear):
    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  (the name of the method that it overrides)
        return super().forward(input) / 2


def tied() -> nn.Module:
    network = nn.Sequential(nn.Linear(FEATURES, FEATURES), nn.ReLU(), nn.Linear(FEATURES, FEATURES))
    network[2].weight = network[0].weight  # pyright: ignore[reportArgumentType]
    return network


def twice() -> nn.Module:
    layer = nn.Linear(FEATURES, FEATURES)
    return nn.Sequential(layer, nn.ReLU(), layer)


def hooked(register: str) -> nn.Module:
    network = model()
    getattr(network[1], register)(lambda *_: None)  # pyright: ignore[reportIndexIssue]
    return network


LIFTED: dict[str, Callable[[], nn.Module]] = {
    "group norm": lambda: nn.Sequential(nn.Linear(FEATURES, 4), nn.GroupNorm(2, 4)),
    "batch norm without scales": lambda: nn.Sequential(nn.BatchNorm1d(FEATURES, affine=False)),
    "batch norm without statistics": lambda: nn.Sequential(nn.BatchNorm1d(FEATURES, track_running_stats=False)),
    "batch norm by plain means": lambda: nn.Sequential(nn.BatchNorm1d(FEATURES, momentum=None)),
    "layer norm over two axes": lambda: nn.Sequential(nn.LayerNorm([BATCH, FEATURES])),
    "a branch that has to be lifted": lambda: Residual(nn.GroupNorm(2, FEATURES)),
    "one dropout twice": lambda: nn.Sequential(*2 * [Dropout(0.5)]),
    "in place": lambda: nn.Sequential(nn.ReLU(inplace=True), nn.Linear(FEATURES, 2)),
    "a subclass": lambda: nn.Sequential(Halved(FEATURES, 2)),
    "a parametrized layer": lambda: nn.Sequential(parametrizations.weight_norm(nn.Linear(FEATURES, 2))),
    "tied weights": tied,
    "one layer twice": twice,
    **{
        register: lambda register=register: hooked(register)
        for register in (
            *("register_forward_hook", "register_forward_pre_hook"),
            *("register_full_backward_hook", "register_full_backward_pre_hook"),
        )
    },
}


@pytest.mark.parametrize("make", LIFTED.values(), ids=LIFTED)
def test_any_other_network_is_lifted(make: Callable[[], nn.Module]) -> None:
    assert direct(make()) is None
