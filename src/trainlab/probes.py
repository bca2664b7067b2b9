"""What to measure inside ONE run, at one step; the training loop lifts it over a stack.

A probe is called with a `Snapshot` and returns named tensors without a run axis. `@axes` names
what the axes of those tensors are.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call

from trainlab.types import Tensors


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
    """

    network: nn.Module
    weights: Tensors
    buffers: Tensors
    gradients: Tensors
    updates: Tensors
    inputs: Tensor
    targets: Tensor

    def activations(self) -> dict[str, Tensor]:
        """The output of every nonlinearity on the mini-batch, in forward order; dropout draws its next masks."""
        found: dict[str, Tensor] = {}
        hooks = [
            module.register_forward_hook(lambda _m, _i, output, name=name: found.setdefault(name, output))
            for name, module in self.network.named_modules()
            if type(module).__module__ == nn.ReLU.__module__
        ]
        try:
            # Copies: a forward pass in training mode changes running statistics.
            buffers = {name: buffer.clone() for name, buffer in self.buffers.items()}
            functional_call(self.network, (self.weights, buffers), (self.inputs,))
        finally:
            for hook in hooks:
                hook.remove()
        return found

    def matrices(self) -> list[str]:
        """Names of the parameters with two or more dimensions, in forward order."""
        return [name for name, weight in self.weights.items() if weight.ndim >= 2]


Probe = Callable[[Snapshot], Tensors]


def axes(*names: str) -> Callable[[Probe], Probe]:
    """Name the axes of the tensors that a probe returns."""

    def name_axes(probe: Probe) -> Probe:
        probe.__dict__["axes"] = names
        return probe

    return name_axes


@axes("layer")
def activation_statistics(snapshot: Snapshot) -> Tensors:
    """Mean, standard deviation and dead share of each layer's activations over the mini-batch.

    A unit is dead when its output has the same value for every example: it passes no gradient
    that depends on the input. For a ReLU that value is 0.

    Returns:
        `activation_mean`, `activation_std`, `dead_fraction`, each with one value a layer.

    Raises:
        ValueError: the network has no nonlinearity.
    """
    outputs = [output.flatten(1) for output in snapshot.activations().values()]
    if not outputs:
        raise ValueError(
            "activation_statistics needs a nonlinearity of torch.nn (such as nn.ReLU()) in the network, got none; "
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

    Returns:
        `gradient_norm`, one value a weight matrix.
    """
    return {"gradient_norm": torch.stack([snapshot.gradients[name].norm() for name in snapshot.matrices()])}


@axes("weight")
def update_ratio(snapshot: Snapshot) -> Tensors:
    """How far a step moves each weight matrix, as a share of its size: |update| / |weight|.

    Returns:
        `update_ratio`, one value a weight matrix.
    """
    names = snapshot.matrices()
    return {"update_ratio": torch.stack([snapshot.updates[n].norm() / snapshot.weights[n].norm() for n in names])}
