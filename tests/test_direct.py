"""Networks that a stack computes without `vmap`: the same numbers, and only where that is certain."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.utils import parametrizations

from trainlab.direct import ELEMENTWISE, direct
from trainlab.models import MLP

RUNS, BATCH, FEATURES = 3, 7, 5


def mlp(depth: int, activation: type[nn.Module] = nn.ReLU) -> nn.Module:
    return MLP(inputs=FEATURES, outputs=2, depth=depth, width=4, activation=activation)()


SAME: dict[str, Callable[[], nn.Module]] = {
    "no hidden layer": lambda: mlp(0),
    **{activation.__name__: lambda activation=activation: mlp(2, activation) for activation in ELEMENTWISE},
    "no bias": lambda: nn.Sequential(nn.Linear(FEATURES, 4, bias=False), nn.Tanh(), nn.Linear(4, 2)),
    "one layer alone": lambda: nn.Linear(FEATURES, 2),
    "a slope of its own": lambda: nn.Sequential(nn.LeakyReLU(0.3), nn.Linear(FEATURES, 2)),
}


@pytest.mark.parametrize("make", SAME.values(), ids=SAME)
def test_outputs_and_gradients_are_those_of_the_lifted_network(make: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    networks = [make().double() for _ in range(RUNS)]
    inputs = torch.randn(RUNS, BATCH, FEATURES, dtype=torch.float64)
    weights = {
        name: torch.stack([dict(network.named_parameters())[name].detach() for network in networks]).requires_grad_()
        for name, _ in networks[0].named_parameters()
    }

    def one(own: dict[str, Tensor], x: Tensor) -> Tensor:
        return functional_call(networks[0], own, x)

    forward = direct(networks[0])
    assert forward is not None
    found, lifted = forward(weights, inputs), vmap(one)(weights, inputs)
    torch.testing.assert_close(found, lifted, rtol=1e-13, atol=1e-13)
    gradients = [torch.autograd.grad(outputs.sin().sum(), [*weights.values()]) for outputs in (found, lifted)]
    torch.testing.assert_close(*gradients, rtol=1e-12, atol=1e-12)


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
    network = mlp(1)
    getattr(network[1], register)(lambda *_: None)  # pyright: ignore[reportIndexIssue]
    return network


LIFTED: dict[str, Callable[[], nn.Module]] = {
    "batch norm": lambda: MLP(inputs=FEATURES, outputs=2, depth=1, width=4, norm="batch")(),
    "dropout": lambda: MLP(inputs=FEATURES, outputs=2, depth=1, width=4, dropout=0.5)(),
    "residual": lambda: MLP(inputs=4, outputs=2, depth=1, width=4, residual=True)(),
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
