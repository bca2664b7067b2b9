"""Networks of linear and elementwise layers, computed for a whole stack at once.

`torch.func.vmap` lifts any network, at some 25 microseconds a layer and pass. These need no lifting: their
layers take a leading axis as they are, or are one batched matrix product.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from trainlab.types import Tensors

ELEMENTWISE = (
    *(nn.ReLU, nn.LeakyReLU, nn.ELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish),
    *(nn.Sigmoid, nn.Tanh, nn.Softplus, nn.Identity),
)
"""Layers that treat each number alone and have no parameters."""


def direct(network: nn.Module) -> Callable[[Tensors, Tensor], Tensor] | None:
    """A function of the weights `[runs, *shape]`, by name, and the inputs `[runs, batch, features]`.

    Args:
        network: one of the stack's.

    Returns:
        The outputs `[runs, batch, outputs]` as a function; None where the network has any other layer, a layer
        twice, a hook, or a layer that works in place, so that it has to be lifted.
    """
    parameters, layers = dict(network.named_parameters()), []
    for name, module in network.named_modules(remove_duplicate=False):
        hooks = (module._forward_pre_hooks, module._forward_hooks, module._backward_pre_hooks, module._backward_hooks)
        if any(hooks) or getattr(module, "inplace", False):
            return None
        prefix = f"{name}." if name else ""
        if type(module) is nn.Linear:
            if not all(f"{prefix}{part}" in parameters for part, _ in module.named_parameters()):
                return None
            layers.append(_linear(f"{prefix}weight", None if module.bias is None else f"{prefix}bias"))
        elif type(module) in ELEMENTWISE:
            layers.append(_elementwise(module))
        elif type(module) is not nn.Sequential:
            return None

    def forward(weights: Tensors, inputs: Tensor) -> Tensor:
        for layer in layers:
            inputs = layer(weights, inputs)
        return inputs

    return forward


def _linear(weight: str, bias: str | None) -> Callable[[Tensors, Tensor], Tensor]:
    if bias is None:
        return lambda weights, x: torch.bmm(x, weights[weight].transpose(1, 2))
    return lambda weights, x: torch.baddbmm(weights[bias].unsqueeze(1), x, weights[weight].transpose(1, 2))


def _elementwise(module: nn.Module) -> Callable[[Tensors, Tensor], Tensor]:
    return lambda _, x: module(x)
