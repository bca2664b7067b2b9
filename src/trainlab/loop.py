"""The training loop; the only one. It trains one stack, from the first step to the last."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from trainlab.data import Split
from trainlab.feedback import Feedback
from trainlab.probes import Probe, Snapshot
from trainlab.stack import CHUNK, CHUNKS, Stack, StackedOptimizer, stacked_clip, stream
from trainlab.store import Arrays, Task
from trainlab.types import Loss, Tensors

TRAIN_ROWS = 1000
"""Rows of the training split on which the training loss is measured."""

AT_END = 0
"""In place of the updates between two measurements: only one, after the last update."""

TAKEN = (
    *("run", "step", "update", "batch_loss", "train_loss", "train_accuracy"),
    *("validation_loss", "validation_accuracy", "test_loss", "test_accuracy"),
)
"""Names in the results, besides those of a run's fields, that a probe must leave alone."""


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread: small networks train fastest so, and the bits do not depend on the machine's cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # dying signals are not worth a hundredfold slower multiplication
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(False)


def train_stack(task: Task) -> tuple[Arrays, float]:
    """Train one stack.

    Returns:
        The measurements, with axes run, step and whatever the probes add; and the seconds it took.
    """
    start = time.perf_counter()
    with _one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream(task.runs[0].seed, 4))  # for networks that draw by themselves, which train alone
        arrays = _Loop(task).run()
    return arrays, time.perf_counter() - start


class _Loop:
    """The state of one stack's training."""

    def __init__(self, task: Task) -> None:
        self.task, self.runs = task, task.runs
        self.steps, self.batch_size, self.loss = task.runs[0].steps, task.runs[0].batch_size, task.runs[0].loss
        data = task.runs[0].data.load()
        dtype = getattr(torch, task.dtype)

        def place(split: Split) -> Split:
            x = split.x.to(dtype) if split.x.is_floating_point() else split.x  # integers choose embeddings
            return Split(x.to(task.device), split.y.to(task.device))

        self.train, self.validation, self.test = place(data.train), place(data.validation), place(data.test)
        self.stack = Stack(task.runs, dtype, task.device)
        self.optimizer = StackedOptimizer(self.stack, [run.optimizer for run in task.runs])
        clips = [run.clipping for run in task.runs if run.clipping is not None]
        self.clip = stacked_clip(self.stack, clips) if clips else None
        self.axes: dict[str, tuple[str, ...]] = {}
        self.tested: tuple[Tensor, ...] | None = None
        self.watched: list[float | None] = [None for _ in task.runs]

    def run(self) -> Arrays:
        steps, every = self.steps, self.task.every
        marks = [steps] if every == AT_END else sorted({*range(0, steps + 1, every), steps})
        batch_losses: list[Tensor] = []
        measured: list[dict[str, Tensor]] = []
        batches = order([run.seed for run in self.runs], len(self.train.y), self.batch_size)
        for step in range(steps + 1):
            if step in marks:  # before the probes' look, whose forward pass moves running statistics
                measured.append(self._evaluate(last=step == steps))
                self._watch(measured)
            if step == steps and not self.task.probes:
                break
            inputs, targets = _rows(self.train, next(batches))
            losses, gradient = self.stack.gradient(inputs, targets, self.loss)
            # After the last update the probes still look at one step more, which is not taken.
            rates = self._rates(min(step, steps - 1))
            updates = self.optimizer.step(self.clip(gradient) if self.clip else gradient, rates)
            if step in marks and self.task.probes:
                updates = list(updates)
                update = self.stack.flatten([update for _, update in updates])
                measured[-1] |= self._probe(gradient, update, inputs, targets)
            if step == steps:
                break
            for weights, update in updates:
                weights.add_(update)
            batch_losses.append(losses)
        return self._arrays(marks, batch_losses, measured)

    def _rates(self, step: int) -> list[float]:
        """The learning rate of each run at a step."""
        return [
            run.lr * (watched if watched is not None else run.schedule(step, self.steps))
            for run, watched in zip(self.runs, self.watched, strict=True)
        ]

    def _watch(self, measured: list[dict[str, Tensor]]) -> None:
        """Multipliers of the schedules that look at the validation losses so far."""
        for index, run in enumerate(self.runs):
            if isinstance(run.schedule, Feedback):
                self.watched[index] = run.schedule.watch([float(at["validation_loss"][index]) for at in measured])

    def _evaluate(self, last: bool) -> dict[str, Tensor]:
        out = {}
        some = Split(self.train.x[:TRAIN_ROWS], self.train.y[:TRAIN_ROWS])
        with self.stack.at(self.optimizer.evaluated(), some.x):
            for name, split in (("train", some), ("validation", self.validation)):
                if name in self.task.splits:
                    out[f"{name}_loss"], out[f"{name}_accuracy"] = evaluate(self.stack, split, self.loss)
            if last and "test" in self.task.splits:
                self.tested = evaluate(self.stack, self.test, self.loss)
        return out

    def _probe(self, gradient: Tensor, update: Tensor, inputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        stack, loss = self.stack, self.loss
        out: dict[str, Tensor] = {}

        def lifted(probe: Probe) -> Callable[..., Tensors]:
            def one(weights: Tensors, buffers: Tensors, g: Tensors, u: Tensors, x: Tensor, y: Tensor) -> Tensors:
                return probe(Snapshot(stack.network, weights, buffers, g, u, x, y, loss))

            return stack.lift(one)

        if stack.count == 1:
            inputs, targets = inputs[0], targets[0]
        weights = {name: weight.detach() for name, weight in stack.weights.items()}
        state = (weights, stack.buffers, stack.blocks(gradient), stack.blocks(update), inputs, targets)
        with torch.no_grad():
            for probe in self.task.probes:
                found = lifted(probe)(*state)
                if taken := found.keys() & {*TAKEN, *vars(self.runs[0]), *out}:
                    raise ValueError(f"probe {probe} measures {', '.join(taken)}, a name that is taken; take another")
                self._name_axes(probe, found)
                out |= found
        return out

    def _name_axes(self, probe: Probe, found: Tensors) -> None:
        axes = getattr(probe, "axes", ())
        for name, values in found.items():
            if values.ndim != 1 + len(axes):
                raise ValueError(
                    f"probe {probe} returns {name} with {values.ndim - 1} axes, but {len(axes)} are named "
                    f"({', '.join(axes) or 'none'}); name each with @axes(...)"
                )
            self.axes[name] = axes

    def _arrays(self, marks: list[int], batch_losses: list[Tensor], measured: list[dict[str, Tensor]]) -> Arrays:
        out: Arrays = {
            "step": (("step",), np.array(marks)),
            "batch_loss": (("run", "update"), torch.stack(batch_losses, 1).cpu().numpy()),
        }
        for name in measured[0]:
            values = torch.stack([at[name] for at in measured], 1).cpu().numpy()
            out[name] = (("run", "step", *self.axes.get(name, ())), values)
        for name, values in zip(("test_loss", "test_accuracy"), self.tested or (), strict=bool(self.tested)):
            out[name] = (("run",), values.cpu().numpy())
        return out


def _rows(split: Split, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Inputs and targets of each run's rows `[runs, batch]`; `index_select` is several times faster than indexing."""
    flat = rows.flatten()
    inputs, targets = (values.index_select(0, flat) for values in (split.x, split.y))
    return inputs.view(*rows.shape, *inputs.shape[1:]), targets.view(*rows.shape, *targets.shape[1:])


def order(seeds: Sequence[int], rows: int, batch_size: int) -> Iterator[Tensor]:
    """The rows of each mini-batch, for ever: a fresh permutation an epoch, the incomplete last batch dropped.

    Args:
        seeds: one a run; a run's order depends on its own seed alone.
        rows: examples in the training split.
        batch_size: examples in a mini-batch.

    Yields:
        int64 `[runs, batch]`.

    Raises:
        ValueError: a batch is larger than the split.
    """
    if batch_size > rows:
        raise ValueError(f"batch_size must be at most the {rows} training rows, got {batch_size}")
    generators = [torch.Generator().manual_seed(stream(seed, 3)) for seed in seeds]
    while True:
        epoch = torch.stack([torch.randperm(rows, generator=generator) for generator in generators])
        for start in range(0, rows - batch_size + 1, batch_size):
            yield epoch[:, start : start + batch_size]


@torch.no_grad()
def evaluate(stack: Stack, split: Split, loss: Loss) -> tuple[Tensor, Tensor]:
    """Mean loss and accuracy of each run on a split, in evaluation mode.

    Returns:
        Both `[runs]`; the accuracy is a share in [0, 1]. Where the loss is not finite (a diverged
        run), or the targets are not class numbers, the accuracy is NaN.
    """
    stack.network.eval()
    loss_sum = torch.zeros(stack.count, dtype=torch.float64, device=stack.flat.device)
    right = torch.zeros_like(loss_sum)
    rows = max(CHUNK, CHUNKS // stack.count)
    for x, y in zip(split.x.split(rows), split.y.split(rows), strict=True):
        outputs = stack.forward(x, shared=True)
        targets = y.expand(stack.count, *y.shape)
        loss_sum += stack.losses(outputs, targets, loss).double() * len(y)
        right += (outputs.argmax(-1) == targets).sum(1) if y.dtype == torch.int64 else torch.nan
    stack.network.train()
    losses = loss_sum / len(split.y)
    return losses, torch.where(losses.isfinite(), right / len(split.y), torch.nan)
