"""A stack: many networks of one structure, trained as one.

Everything that is written for ONE run (the network, the optimizer, a probe) is lifted over the
stack here, with `torch.func.vmap`, unless the network can do without. A stack of one run uses no
`vmap` and no copies, so it costs what a plain PyTorch loop costs.

Layout: all parameters of all runs lie in one flat vector, parameter after parameter, and within a
parameter run after run. So each parameter is a contiguous `[runs, *shape]` block, which batched
matrix products like, and an elementwise optimizer needs one kernel an operation however deep the
network is.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import vmap

from trainlab.direct import direct
from trainlab.inits import initialize
from trainlab.layers import Dropout, seed_dropout
from trainlab.optimizers import Optimizer, Rate
from trainlab.refusals import attempt, cannot_lift, check_alike, check_loss, check_network
from trainlab.runs import Run, floats, with_floats
from trainlab.types import Clip, Loss, Tensors

PIECE = 1 << 16
"""Weights updated at once: a quarter of a megabyte, so that a piece, its state and temporaries stay in the cache."""

CHUNK = 250
"""Rows evaluated at once by each run: of 125 to 1000, the fastest for a stack of 32 on most networks."""

CHUNKS = 1000
"""Rows evaluated at once by all runs of a small stack."""


def stream(seed: int, purpose: int) -> int:
    """A seed for one purpose of one run, so that the purposes of a run share no random numbers."""
    return int(np.random.SeedSequence([seed, purpose]).generate_state(1, np.uint64)[0] >> np.uint64(1))


def build(run: Run) -> nn.Module:
    """The network of one run, initialized from the run's seed, with float32 weights.

    Raises:
        TypeError: the model does not build an `nn.Module`.
        ValueError: it cannot be trained as it is, or not in a stack.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(stream(run.seed, 0))  # `torch.manual_seed` takes half a millisecond
        network = run.model()
    if not isinstance(network, nn.Module):
        raise TypeError(f"model {run.model!r} must return an nn.Module when called, got {type(network).__name__}")
    check_network(network)
    initialize(network, run.init, torch.Generator().manual_seed(stream(run.seed, 1)))
    seed_dropout(network, stream(run.seed, 2))
    for number, layer in enumerate(module for module in network.modules() if isinstance(module, Dropout)):
        layer.layer = number  # two layers of one number would drop the same units
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
        check_alike(networks)
        self.first, self.count, self.network = runs[0], len(runs), networks[0]
        self.tried = self.measured = False
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
        self.places = _places(self.network)
        self.direct = direct(self.network) if self.count > 1 else None

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

        Raises:
            TypeError: the network computes something that can't be lifted over a stack.
        """
        if not self.tried:
            with torch.no_grad():
                attempt(build(self.first).to(self.flat), (inputs if shared else inputs[0])[:2])
            self.tried = True
        if self.count == 1:
            return self.network(inputs if shared else inputs[0]).unsqueeze(0)
        if self.direct and inputs.ndim == (2 if shared else 3):
            return self.direct(self.weights | self.buffers, inputs.expand(self.count, *inputs.shape[-2:]))
        tensors = [*self.weights.values(), *self.buffers.values()]
        try:
            return vmap(self._one, in_dims=(0, None if shared else 0))(tensors, inputs)
        except Exception as error:
            # An error of the network's own is the one to see.
            self._one([tensor[0].clone() for tensor in tensors], inputs if shared else inputs[0])
            raise cannot_lift(self.network, error) from error

    def _one(self, tensors: list[Tensor], x: Tensor) -> Tensor:
        """The outputs of the network with the weights and buffers of one run.

        What `torch.func.functional_call` does, in a fifth of its time: where they hang is looked up once.
        """
        own = [registry[key] for registry, key, _ in self.places]
        try:
            for registry, key, number in self.places:
                registry[key] = tensors[number]
            return self.network(x)
        finally:
            for (registry, key, _), tensor in zip(self.places, own, strict=True):
                registry[key] = tensor

    @contextmanager
    def at(self, flat: Tensor | None, inputs: Tensor) -> Iterator[None]:
        """The networks with other weights for a while; batch norm's statistics are measured anew for them.

        Args:
            flat: the weights, in the layout of `flat`; None changes nothing.
            inputs: `[rows, ...]`, on which the statistics are measured.
        """
        if flat is None:
            yield
            return
        weights, buffers = self.flat.clone(), {name: buffer.clone() for name, buffer in self.buffers.items()}
        self.flat.copy_(flat)
        self._measure_statistics(inputs)
        try:
            yield
        finally:
            self.flat.copy_(weights)
            for name, buffer in self.buffers.items():
                buffer.copy_(buffers[name])

    @torch.no_grad()
    def _measure_statistics(self, inputs: Tensor) -> None:
        """Running statistics as the plain mean over the mini-batches of some inputs."""
        norms = [m for m in self.network.modules() if isinstance(m, nn.modules.batchnorm._NormBase)]
        norms = [norm for norm in norms if norm.running_mean is not None]
        if not norms:
            return
        momenta = [norm.momentum for norm in norms]
        self.network.eval()
        for norm in norms:
            norm.train()
        for number, x in enumerate(inputs[: len(inputs) // CHUNK * CHUNK].split(CHUNK), 1):
            for norm in norms:
                norm.momentum = 1 / number
            self.forward(x, shared=True)
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        self.network.train()

    def losses(self, outputs: Tensor, targets: Tensor, loss: Loss) -> Tensor:
        """The mean loss of each run, `[runs]`, from outputs and targets `[runs, batch, ...]`."""
        losses = loss(outputs.flatten(0, 1), targets.flatten(0, 1))
        if not self.measured:
            check_loss(loss, outputs, targets, losses)
            self.measured = True
        return losses.view(self.count, -1).mean(1)

    def gradient(self, inputs: Tensor, targets: Tensor, loss: Loss) -> tuple[Tensor, Tensor]:
        """One forward and backward pass.

        The gradient of the sum of the runs' losses with respect to a run's weights is that run's own
        gradient: the other terms do not depend on them. One ordinary backward pass does for all.

        Returns:
            The losses `[runs]`, and the gradient in the layout of `flat`.
        """
        outputs = self.forward(inputs)
        if outputs.requires_grad:  # where it lies in another order, the last layer's products take three times as long
            outputs.register_hook(Tensor.contiguous)
        losses = self.losses(outputs, targets, loss)
        try:
            gradients = torch.autograd.grad(losses.sum(), list(self.weights.values()), materialize_grads=True)
        except RuntimeError as error:
            if self.count == 1 or "vmap" not in str(error):
                raise
            raise cannot_lift(self.network, error) from error
        return losses.detach(), self.flatten(gradients)

    def flatten(self, blocks: Sequence[Tensor]) -> Tensor:
        """One flat vector from blocks in the order of `shapes`, or from its pieces."""
        flat = torch.empty_like(self.flat)  # transposed blocks are copied once; `reshape` and `cat` would copy twice
        for part, block in zip(flat.split([block.numel() for block in blocks]), blocks, strict=True):
            part.view(block.shape).copy_(block)
        return flat


def _places(network: nn.Module) -> list[tuple[dict[str, Any], str, int]]:
    """Where a network holds its parameters and buffers; the same number twice where two modules share one."""
    tensors = [*network.parameters(), *network.buffers()]
    number = {id(tensor): number for number, tensor in enumerate(tensors)}
    registries: list[dict[str, Any]] = [
        r for module in network.modules() for r in (module._parameters, module._buffers)
    ]
    return [(r, key, number[id(tensor)]) for r in registries for key, tensor in r.items() if tensor is not None]


class _Varying:
    """Things of one structure, one a run: the first, and the float fields in which they differ."""

    def __init__(self, things: Sequence[Any], device: torch.device) -> None:
        self.first = things[0]
        columns = {name: [floats(thing)[name] for thing in things] for name in floats(self.first)}
        self.values = {
            name: torch.tensor(column, dtype=torch.float64, device=device)
            for name, column in columns.items()
            if len(set(column)) > 1
        }

    def of_one(self, values: Tensors) -> Any:
        """The thing of one run, from its share of `values`."""
        return with_floats(self.first, values)


def stacked_clip(stack: Stack, clips: Sequence[Clip]) -> Callable[[Tensor], Tensor]:
    """The clipping of each run's gradients, as a function of the gradient in the layout of `stack.flat`."""
    varying = _Varying(clips, stack.flat.device)

    def one(gradients: Tensors, values: Tensors) -> Tensors:
        return varying.of_one(values)(gradients)

    def clip(gradient: Tensor) -> Tensor:
        return stack.flatten(list(stack.lift(one)(stack.blocks(gradient), varying.values).values()))

    return clip


class StackedOptimizer:
    """The optimizers of a stack's runs, which may differ in their float fields.

    An elementwise optimizer with the same fields for all runs takes the flat vector of all weights,
    in pieces that fit the cache. Any other takes one parameter of one run, lifted over the stack.

    Args:
        stack: whose weights are updated.
        optimizers: one a run, of one type.
    """

    def __init__(self, stack: Stack, optimizers: Sequence[Optimizer]) -> None:
        self.stack = stack
        self.varying = _Varying(optimizers, stack.flat.device)
        self.first: Optimizer = self.varying.first
        self.flat = getattr(self.first, "elementwise", False) and not self.varying.values
        self.weights = self._parts(stack.flat)
        self.state = [self._lift(self.first.init)(w) for w in self.weights]
        self.rate = torch.empty_like(stack.flat)
        self.rates: list[float] = []
        self.t = 0

    def step(self, gradient: Tensor, rates: list[float]) -> Iterator[tuple[Tensor, Tensor]]:
        """The next update, part by part, so that each part is added while it is in the cache.

        Args:
            gradient: in the layout of `stack.flat`.
            rates: the learning rate of each run at this step.

        Yields:
            A part of `stack.flat`, and what is to be added to it.
        """
        self.t += 1
        for part, (g, w, lr) in enumerate(zip(self._parts(gradient), self.weights, self._rates(rates), strict=True)):
            if self.flat:
                update, self.state[part] = self.first.update(g, self.state[part], w, lr, self.t)
            else:
                update, self.state[part] = self._lift(self._update)(g, self.state[part], w, lr, self.varying.values)
            yield w, update

    def evaluated(self) -> Tensor | None:
        """The weights to evaluate, in the layout of `stack.flat`, where they are not those that are trained."""
        if not hasattr(self.first, "evaluated"):
            return None
        if self.flat:
            parts = [self.first.evaluated(state, w) for state, w in zip(self.state, self.weights, strict=True)]  # pyright: ignore[reportAttributeAccessIssue]
            return self.stack.flatten(parts)

        def one(state: Tensors, w: Tensor, values: Tensors) -> Tensor:
            return self.varying.of_one(values).evaluated(state, w).to(w.dtype)

        lifted = self._lift(one)
        states = zip(self.state, self.weights, strict=True)
        return self.stack.flatten([lifted(state, w, self.varying.values) for state, w in states])

    def _parts(self, flat: Tensor) -> Sequence[Tensor]:
        return flat.split(PIECE) if self.flat else list(self.stack.blocks(flat).values())

    def _lift(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return function if self.flat or self.stack.count == 1 else vmap(function)

    def _update(self, g: Tensor, state: Tensors, w: Tensor, lr: Rate, values: Tensors) -> tuple[Tensor, Tensors]:
        update, state = self.varying.of_one(values).update(g, state, w, lr, self.t)
        return update.to(g.dtype), {name: value.to(g.dtype) for name, value in state.items()}

    def _rates(self, rates: list[float]) -> Sequence[Rate]:
        """The rates as each part wants them."""
        if self.flat and len(set(rates)) > 1:
            return self._parts(self._broadcast(rates))
        one = rates[0] if self.flat or self.stack.count == 1 else torch.tensor(rates, dtype=torch.float64).to(self.rate)
        return [one for _ in self.weights]

    def _broadcast(self, rates: list[float]) -> Tensor:
        """The rates in the layout of the flat vector."""
        if rates != self.rates:
            self.rates = rates
            column = torch.tensor(rates, dtype=torch.float64).to(self.rate)
            for block in self.stack.blocks(self.rate).values():
                block.view(len(rates), -1).copy_(column.unsqueeze(1).expand(-1, block[0].numel()))
        return self.rate
