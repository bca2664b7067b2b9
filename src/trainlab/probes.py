"""What to measure inside ONE run, at one step; the training loop lifts it over a stack.

A probe is called with a `Snapshot` and returns named tensors without a run axis. `@axes` names
what the axes of those tensors are. A probe is a module-level function, or a frozen dataclass with
`__call__` where there is something to choose. `torch.func.vmap` runs it for all runs of a stack at
once, so it does not branch on a value, nor draw from torch's generator, nor change the snapshot.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from trainlab.types import Loss, Tensors


@dataclass(frozen=True)
class Snapshot:
    """One run at one step, just before its weights change.

    Args:
        network: its structure; the values are in the fields below.
        weights: parameters by name.
        buffers: buffers by name (running statistics, dropout counters).
        gradients: of the mini-batch loss, by parameter name.
        updates: what this step is about to add, by parameter name.
        inputs: the mini-batch.
        targets: the mini-batch's labels.
        loss: of each example.
    """

    network: nn.Module
    weights: Tensors
    buffers: Tensors
    gradients: Tensors
    updates: Tensors
    inputs: Tensor
    targets: Tensor
    loss: Loss

    def forward(self, weights: Tensors, buffers: Tensors, inputs: Tensor) -> tuple[Tensor, Tensors]:
        """The outputs, and the buffers as the forward pass leaves them; those that come in stay as they are.

        Args:
            weights: by name, as `weights` has them.
            buffers: by name; empty where the network has none.
            inputs: a batch of examples.
        """
        buffers = {name: buffer.clone() for name, buffer in buffers.items()}
        return functional_call(self.network, (weights, buffers), (inputs,)), buffers

    def activations(self) -> dict[str, Tensor]:
        """The output of every nonlinearity on the mini-batch, in forward order; dropout draws its next masks.

        A nonlinearity is an activation of torch.nn, or an `nn.Module` of your own without parameters,
        buffers and submodules that returns other values in the shape of its input. A function that
        some `forward` calls cannot be seen.
        """
        found: dict[str, Tensor] = {}

        def keep(name: str, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            x = inputs[0] if inputs else None
            own = _torch_class(module) is nn.Module
            if not own or (isinstance(x, Tensor) and output is not x and getattr(output, "shape", None) == x.shape):
                found.setdefault(name, output)

        hooks = [
            module.register_forward_hook(partial(keep, name))
            for name, module in self.network.named_modules()
            if _may_be_nonlinearity(module)
        ]
        try:
            self.forward(self.weights, self.buffers, self.inputs)
        finally:
            for hook in hooks:
                hook.remove()
        return found

    def matrices(self) -> list[str]:
        """Names of the parameters with two or more dimensions, in forward order."""
        return [name for name, weight in self.weights.items() if weight.ndim >= 2]


def _torch_class(module: nn.Module) -> type:
    """What a module is to PyTorch: its class, or the nearest that it is derived from."""
    return next(base for base in type(module).__mro__ if base.__module__.startswith("torch."))


def _may_be_nonlinearity(module: nn.Module) -> bool:
    known = _torch_class(module)
    if known is nn.Module:
        return not [*module.children(), *module.parameters(), *module.buffers()]
    return known.__module__ == nn.ReLU.__module__ and known is not nn.MultiheadAttention


Probe = Callable[[Snapshot], Tensors]


def axes(*names: str) -> Callable[[Probe], Probe]:
    """Name the axes of the tensors that a probe returns.

    Args:
        *names: one for each axis of the tensors, in order.
    """

    def name_axes(probe: Probe) -> Probe:
        probe.__dict__["axes"] = names
        return probe

    return name_axes


@axes("layer")
def activation_statistics(snapshot: Snapshot) -> Tensors:
    """Mean, standard deviation and dead share of each layer's activations over the mini-batch.

    A unit is dead when its output has the same value for every example: it passes no gradient
    that depends on the input. For a ReLU that value is 0.

    Args:
        snapshot: the run at this step.

    Returns:
        `activation_mean`, `activation_std`, `dead_fraction`, each with one value a layer.

    Raises:
        ValueError: the network has no nonlinearity.
    """
    outputs = [output.flatten(1) for output in snapshot.activations().values()]
    if not outputs:
        raise ValueError(
            "activation_statistics needs a nonlinearity that is a module (such as nn.ReLU()) in the network, got none; "
            "leave the probe out"
        )
    return {
        "activation_mean": torch.stack([output.mean() for output in outputs]),
        "activation_std": torch.stack([output.std(correction=0) for output in outputs]),
        "dead_fraction": torch.stack([(output == output[0]).all(0).to(output.dtype).mean() for output in outputs]),
    }


@axes("weight")
def gradient_norm(snapshot: Snapshot) -> Tensors:
    """The Euclidean norm of the mini-batch gradient of each weight matrix.

    Args:
        snapshot: the run at this step.

    Returns:
        `gradient_norm`, one value a weight matrix.
    """
    return {"gradient_norm": torch.stack([snapshot.gradients[name].norm() for name in snapshot.matrices()])}


@axes("weight")
def gradient_statistics(snapshot: Snapshot) -> Tensors:
    """Mean and standard deviation of the entries of each weight matrix's mini-batch gradient.

    Args:
        snapshot: the run at this step.

    Returns:
        `gradient_mean` and `gradient_std`, each with one value a weight matrix.
    """
    gradients = [snapshot.gradients[name] for name in snapshot.matrices()]
    return {
        "gradient_mean": torch.stack([gradient.mean() for gradient in gradients]),
        "gradient_std": torch.stack([gradient.std(correction=0) for gradient in gradients]),
    }


@axes("weight")
def update_ratio(snapshot: Snapshot) -> Tensors:
    """How far a step moves each weight matrix, as a share of its size: |update| / |weight|.

    Args:
        snapshot: the run at this step.

    Returns:
        `update_ratio`, one value a weight matrix.
    """
    names = snapshot.matrices()
    return {"update_ratio": torch.stack([snapshot.updates[n].norm() / snapshot.weights[n].norm() for n in names])}
