"""A stack: many networks of one structure, trained as one.

Everything that is written for ONE run (the network, the optimizer, a probe) is lifted over the
stack here, with `torch.func.vmap`. A stack of one run uses no `vmap` and no copies, so it costs what
a plain PyTorch loop costs.

Layout: all parameters of all runs lie in one flat vector, parameter after parameter, and within a
parameter run after run. So each parameter is a contiguous `[runs, *shape]` block, which batched
matrix products like, and an elementwise optimizer needs one kernel an operation however deep the
network is.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from trainlab.inits import initialize
from trainlab.layers import seed_dropout
from trainlab.optimizers import Optimizer
from trainlab.runs import Run
from trainlab.types import Loss, Tensors


def stream(seed: int, purpose: int) -> int:
    """A seed for one purpose of one run, so that the purposes of a run share no random numbers."""
    return int(np.random.SeedSequence([seed, purpose]).generate_state(1, np.uint64)[0] >> np.uint64(1))


def build(run: Run) -> nn.Module:
    """The network of one run, initialized from the run's seed, with float32 weights.

    Raises:
        TypeError: the model does not build an `nn.Module`.
        ValueError: it holds a layer whose result would depend on the other runs of a stack, or a
            parameter that is not to be trained.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream(run.seed, 0))
        network = run.model()
    if not isinstance(network, nn.Module):
        raise TypeError(f"model {run.model!r} must return an nn.Module when called, got {type(network).__name__}")
    for module in network.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            raise ValueError(
                f"{type(module).__name__} draws from a generator that all runs share; use trainlab.layers.Dropout"
            )
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            raise ValueError(f"{name} has requires_grad=False, but all parameters are trained; make it a buffer")
    initialize(network, run.init, torch.Generator().manual_seed(stream(run.seed, 1)))
    seed_dropout(network, stream(run.seed, 2))
    return network


class Stack:
    """The networks of several runs.

    Args:
        runs: of one structure, as `runs.stacks` groups them.
        dtype: of weights and inputs.
        device: where the weights live.
    """

    def __init__(self, runs: Sequence[Run], dtype: torch.dtype, device: str) -> None:
        networks = [build(run).to(device=device, dtype=dtype) for run in runs]
        self.count = len(runs)
        self.network = networks[0]
        per_run = [dict(network.named_parameters()) for network in networks]
        self.shapes = {name: weight.shape for name, weight in per_run[0].items()}
        self.flat = torch.cat([torch.stack([p[name].detach() for p in per_run]).flatten() for name in self.shapes])
        self.weights = {name: block.requires_grad_() for name, block in self.blocks(self.flat).items()}
        per_run = [dict(network.named_buffers()) for network in networks]
        self.buffers = {name: torch.stack([b[name] for b in per_run]) for name in per_run[0]}
        if self.count == 1:
            self.buffers = per_run[0]
            for name, parameter in self.network.named_parameters():
                parameter.data = self.weights[name].data
                self.weights[name] = parameter

    def blocks(self, flat: Tensor) -> Tensors:
        """Views of a flat vector as parameters: `[runs, *shape]`, or `[*shape]` for one run."""
        lead = () if self.count == 1 else (self.count,)
        parts = flat.detach().split([shape.numel() * self.count for shape in self.shapes.values()])
        return {
            name: part.view((*lead, *shape)) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)
        }

    def lift(self, function: Callable[..., Tensors]) -> Callable[..., Tensors]:
        """The function of one run as a function of the whole stack, whose results have a run axis."""
        if self.count > 1:
            return vmap(function)
        return lambda *arguments: {name: value.unsqueeze(0) for name, value in function(*arguments).items()}

    def forward(self, inputs: Tensor, shared: bool = False) -> Tensor:
        """The outputs of every network.

        Args:
            inputs: `[runs, batch, ...]`, or `[batch, ...]` for all runs if `shared`.
            shared: whether all runs see the same inputs.

        Returns:
            `[runs, batch, ...]`.
        """
        if self.count == 1:
            return self.network(inputs if shared else inputs[0]).unsqueeze(0)

        def one(weights: Tensors, buffers: Tensors, x: Tensor) -> Tensor:
            return functional_call(self.network, (weights, buffers), (x,))

        return vmap(one, in_dims=(0, 0, None if shared else 0))(self.weights, self.buffers, inputs)

    def losses(self, outputs: Tensor, targets: Tensor, loss: Loss) -> Tensor:
        """The mean loss of each run, `[runs]`, from outputs and targets `[runs, batch, ...]`."""
        return loss(outputs.flatten(0, 1), targets.flatten(0, 1)).view(self.count, -1).mean(1)

    def gradient(self, inputs: Tensor, targets: Tensor, loss: Loss) -> tuple[Tensor, Tensor]:
        """One forward and backward pass.

        The gradient of the sum of the runs' losses with respect to a run's weights is that run's own
        gradient: the other terms do not depend on them. One ordinary backward pass does for all.

        Returns:
            The losses `[runs]`, and the gradient in the layout of `flat`.
        """
        losses = self.losses(self.forward(inputs), targets, loss)
        gradients = torch.autograd.grad(losses.sum(), list(self.weights.values()), materialize_grads=True)
        return losses.detach(), torch.cat([gradient.reshape(-1) for gradient in gradients])


class StackedOptimizer:
    """The optimizers of a stack's runs, which may differ in their float fields.

    Args:
        stack: whose weights are updated.
        optimizers: one a run, of one type.
    """

    def __init__(self, stack: Stack, optimizers: Sequence[Optimizer]) -> None:
        self.stack = stack
        self.first = optimizers[0]
        values = {field.name: [getattr(o, field.name) for o in optimizers] for field in fields(self.first)}  # pyright: ignore[reportArgumentType]
        self.varying = {
            name: torch.tensor(column, dtype=torch.float64, device=stack.flat.device)
            for name, column in values.items()
            if len(set(column)) > 1
        }
        # With one value for all, an elementwise update takes every parameter of every run at once.
        self.weights = stack.blocks(stack.flat) if self.varying else {"": stack.flat}
        self.state = {name: self.first.init(weight) for name, weight in self.weights.items()}
        self.rate = torch.empty_like(stack.flat)
        self.rates: list[float] = []
        self.t = 0

    def step(self, gradient: Tensor, rates: list[float]) -> Tensor:
        """The next update.

        Args:
            gradient: in the layout of `stack.flat`.
            rates: the learning rate of each run at this step.

        Returns:
            What is to be added to `stack.flat`.
        """
        self.t += 1
        if self.varying:
            return self._step_by_parameter(gradient, rates)
        update, self.state[""] = self.first.update(
            gradient, self.state[""], self.stack.flat, self._broadcast(rates), self.t
        )
        return update

    def _broadcast(self, rates: list[float]) -> float | Tensor:
        """The rates in the layout of the flat vector; one number where all runs agree."""
        if len(set(rates)) == 1:
            return rates[0]
        if rates != self.rates:
            self.rates = rates
            column = torch.tensor(rates, dtype=self.rate.dtype, device=self.rate.device)
            for block in self.stack.blocks(self.rate).values():
                block.view(len(rates), -1).copy_(column.unsqueeze(1).expand(-1, block[0].numel()))
        return self.rate

    def _step_by_parameter(self, gradient: Tensor, rates: list[float]) -> Tensor:
        dtype, t = gradient.dtype, self.t

        def one(g: Tensor, state: Tensors, w: Tensor, lr: Tensor, values: Tensors) -> tuple[Tensor, Tensors]:
            update, state = _with_fields(self.first, values).update(g, state, w, lr, t)  # pyright: ignore[reportArgumentType]
            return update.to(dtype), {name: value.to(dtype) for name, value in state.items()}

        lr = torch.tensor(rates, dtype=dtype, device=gradient.device)
        updates = []
        for name, g in self.stack.blocks(gradient).items():
            update, self.state[name] = vmap(one)(g, self.state[name], self.weights[name], lr, self.varying)
            updates.append(update.reshape(-1))
        return torch.cat(updates)


def _with_fields(optimizer: Optimizer, values: Tensors) -> Any:
    """A copy whose fields are tensors; its range checks, done for each run already, are not run on them."""
    clone = copy.copy(optimizer)
    for name, value in values.items():
        object.__setattr__(clone, name, value)
    return clone
