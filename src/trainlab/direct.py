"""Networks of common layers, computed for a whole stack at once.

`torch.func.vmap` lifts any network, at some 25 microseconds an operation and pass. These need no lifting: their
layers take a leading axis as they are, or are one batched operation.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812  (its name everywhere)
from torch import Tensor, nn

from trainlab.layers import AlphaDropout, BranchEnd, Dropout, Residual
from trainlab.norms import BatchNorm
from trainlab.types import Tensors

ELEMENTWISE = (
    *(nn.ReLU, nn.LeakyReLU, nn.ELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish),
    *(nn.Sigmoid, nn.Tanh, nn.Softplus, nn.Identity),
)
"""Layers that treat each number alone and have no parameters."""

Layer = Callable[[Tensors, Tensor], Tensor]
"""From the parameters and buffers of a stack, by name, and its inputs, to its outputs."""


def direct(network: nn.Module) -> Layer | None:
    """A function of a stack's tensors `[runs, *shape]`, by name, and of the inputs `[runs, batch, features]`.

    The tensors are the network's parameters and buffers; buffers change in place, as in the network.

    Args:
        network: one of the stack's, whose mode (training or evaluation) is that of all.

    Returns:
        The outputs `[runs, batch, outputs]` as a function; None where the network has any other layer, one whose
        parameters or buffers another has too, a hook, or a layer that works in place, so that it has to be lifted.
    """
    tensors = {name for name, _ in (*network.named_parameters(), *network.named_buffers())}
    return _layer("", network, tensors)


def _layer(prefix: str, module: nn.Module, known: set[str]) -> Layer | None:
    hooks = (module._forward_pre_hooks, module._forward_hooks, module._backward_pre_hooks, module._backward_hooks)
    own = {name: f"{prefix}{name}" for name, _ in (*module.named_parameters(), *module.named_buffers())}
    if any(hooks) or getattr(module, "inplace", False) or not known.issuperset(own.values()):
        return None
    kind = type(module)
    if kind in ELEMENTWISE:
        return lambda _, x: module(x)
    if isinstance(module, nn.Linear) and kind in (nn.Linear, BranchEnd):
        return _linear(module, own)
    if isinstance(module, nn.LayerNorm) and kind is nn.LayerNorm and len(module.normalized_shape) == 1:
        return _layer_norm(module, own)
    if isinstance(module, nn.BatchNorm1d) and kind is nn.BatchNorm1d and len(own) == 5 and module.momentum is not None:
        return _batch_norm(module, own)
    if kind in (Dropout, AlphaDropout, BatchNorm):
        return _itself(module, own)
    if isinstance(module, Residual) and kind is Residual:
        branch = _layer(f"{prefix}branch.", module.branch, known)
        return branch and (lambda tensors, x: x + branch(tensors, x))
    if isinstance(module, nn.Sequential) and kind is nn.Sequential:
        return _sequence([_layer(f"{prefix}{name}.", part, known) for name, part in module._modules.items()])
    return None


def _sequence(layers: list[Layer | None]) -> Layer | None:
    if None in layers:
        return None

    def forward(tensors: Tensors, x: Tensor) -> Tensor:
        for layer in layers:
            x = layer(tensors, x)  # pyright: ignore[reportOptionalCall]
        return x

    return forward


def _linear(module: nn.Linear, own: dict[str, str]) -> Layer:
    weight = own["weight"]
    if module.bias is None:
        return lambda tensors, x: torch.bmm(x, tensors[weight].transpose(1, 2))
    bias = own["bias"]
    return lambda tensors, x: torch.baddbmm(tensors[bias].unsqueeze(1), x, tensors[weight].transpose(1, 2))


def _layer_norm(module: nn.LayerNorm, own: dict[str, str]) -> Layer:
    def forward(tensors: Tensors, x: Tensor) -> Tensor:
        y = F.layer_norm(x, module.normalized_shape, eps=module.eps)
        if "weight" in own:
            y = y * tensors[own["weight"]].unsqueeze(1)
        return y + tensors[own["bias"]].unsqueeze(1) if "bias" in own else y

    return forward


def _batch_norm(module: nn.BatchNorm1d, own: dict[str, str]) -> Layer:
    """The units of all runs side by side, as if they were those of one layer."""

    def forward(tensors: Tensors, x: Tensor) -> Tensor:
        mean, variance, scale, shift = (
            tensors[own[name]].view(-1) for name in ("running_mean", "running_var", "weight", "bias")
        )
        if module.training:
            tensors[own["num_batches_tracked"]].add_(1)
        runs, rows, units = x.shape
        wide = x.transpose(0, 1).reshape(rows, runs * units)
        y = F.batch_norm(wide, mean, variance, scale, shift, module.training, module.momentum or 0.0, module.eps)
        return y.view(rows, runs, units).transpose(0, 1)

    return forward


def _itself(module: nn.Module, own: dict[str, str]) -> Layer:
    """The layer itself, with the stack's parameters and buffers: it can take a leading axis."""
    registries: list[dict[str, Tensor | None]] = [module._parameters, module._buffers]  # pyright: ignore[reportAssignmentType]

    def forward(tensors: Tensors, x: Tensor) -> Tensor:
        before = [dict(registry) for registry in registries]
        for registry in registries:
            registry.update({name: tensors[own[name]] for name in registry})
        try:
            return module(x)
        finally:
            for registry, values in zip(registries, before, strict=True):
                registry.update(values)

    return forward
