"""Where the time of one step of a stack goes."""

import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from trainlab.loop import _Loop, _rows, order
from trainlab.store import Task
from trainlab_bench.nets import BATCH, Net

NETS = ("2x32", "3x100", "20x32", "20x100")
STACK = 32
STEPS = 40
PHASES = ("batch", "forward", "loss", "backward", "update")


def measure_profile(net: str, quick: bool = False) -> dict[str, Any]:
    """One step of a stack, taken apart.

    Args:
        net: name of the network.
        quick: a few steps.

    Returns:
        Microseconds of one step of one run: in all, in each phase, and what the matrix products of the
        step take by themselves. Medians over the steps.
    """
    network, steps = Net.parse(net), 3 if quick else STEPS
    torch.set_flush_denormal(True)
    times = _phases(network, steps)
    medians = {phase: statistics.median(column) for phase, column in zip(PHASES, zip(*times, strict=True), strict=True)}
    microseconds = {phase: seconds * 1e6 / STACK for phase, seconds in medians.items()}
    whole = {"total": sum(microseconds.values()), "products": _products(network, steps) * 1e6 / STACK}
    return {"microseconds": microseconds | whole, "runs": STACK, "steps": STACK * len(times)}


def _phases(network: Net, steps: int) -> list[list[float]]:
    """Seconds of each phase at each step, the first three steps left out."""
    task = Task(runs=tuple(network.runs(STACK, steps)), probes=(), every=steps, dtype="float32", device="cpu")
    loop = _Loop(task)
    batches = order([run.seed for run in task.runs], len(loop.train.y), BATCH)
    rates = [run.lr for run in task.runs]
    out = []
    for _ in range(steps + 3):
        clock = [time.perf_counter()]
        inputs, targets = _rows(loop.train, next(batches))
        clock.append(time.perf_counter())
        outputs = loop.stack.forward(inputs)
        clock.append(time.perf_counter())
        losses = loop.stack.losses(outputs, targets, loop.loss)
        clock.append(time.perf_counter())
        gradients = torch.autograd.grad(losses.sum(), list(loop.stack.weights.values()))
        clock.append(time.perf_counter())
        for weights, update in loop.optimizer.step(loop.stack.flatten(gradients), rates):
            weights.add_(update)
        clock.append(time.perf_counter())
        out.append([after - before for before, after in pairwise(clock)])
    return out[3:]


def _products(network: Net, steps: int) -> float:
    """Seconds that the step's batched matrix products take, one after the other and nothing else."""
    total = 0.0
    for layer, (inputs, outputs) in enumerate(pairwise(network.sizes)):
        x, w, g = (torch.randn(STACK, *shape) for shape in ((BATCH, inputs), (outputs, inputs), (BATCH, outputs)))
        total += _median(lambda x=x, w=w: torch.bmm(x, w.transpose(1, 2)), steps)
        total += _median(lambda x=x, g=g: torch.bmm(g.transpose(1, 2), x), steps)
        if layer:  # nobody asks for the gradient of the data
            total += _median(lambda w=w, g=g: torch.bmm(g, w), steps)
    return total


def _median(call: Callable[[], Tensor], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)
