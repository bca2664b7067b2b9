"""How time and memory grow with the number of runs, the width and the depth; and what a stack's size does."""

import itertools
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from trainlab.data import MNIST1D
from trainlab.loop import train_stack
from trainlab.runs import Run
from trainlab.store import Task
from trainlab.training import train
from trainlab_bench.loops import plain
from trainlab_bench.nets import EPOCH, Net

SMALL = MNIST1D(validation=100, test=100)
"""The same training rows, and few to evaluate on: here only the updates count."""

REPEATS = 3
SWEEP = 32
AXES = {
    "runs": [(runs, Net(2, 32), runs) for runs in (1, 4, 16, 64, 256, 1024)],
    "width": [(width, Net(2, width), SWEEP) for width in (16, 32, 64, 128, 256, 512)],
    "depth": [(depth, Net(depth, 32), SWEEP) for depth in (2, 4, 8, 16, 32, 64)],
}
"""Axis -> (value on it, network, runs) of each point."""

STACK_WIDTHS = (32, 100, 256)
STACK_SIZES = (1, 2, 4, 8, 16, 32, 64, 128)
SHORT = 2
RUN_EPOCHS = 32
"""A measurement trains about so many epochs, all its runs together, and at least one for each run."""


def peak_memory() -> float:
    """The most memory that this process has held, in MB of 10**6 bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def seconds(call: Callable[[list[Run]], object], runs: list[Run]) -> float:
    """How long a call takes."""
    start = time.perf_counter()
    call(runs)
    return time.perf_counter() - start


def step_cost(call: Callable[[list[Run]], object], net: Net, count: int, epochs: int) -> float:
    """Seconds of one more update of one run: a long training minus a short one.

    What is done once, such as initial weights and the evaluation at both ends, cancels. The difference is
    whole epochs, so that the drawing of their order counts as often as it should.

    Args:
        call: trains the runs.
        net: what they train.
        count: how many they are.
        epochs: by how much the longer is longer.
    """
    short, long = (seconds(call, net.runs(count, steps, SMALL)) for steps in (SHORT, SHORT + EPOCH * epochs))
    return (long - short) / (EPOCH * epochs * count)


def updates(epochs: int) -> int:
    """How many updates of each run `step_cost` makes."""
    return 2 * SHORT + EPOCH * epochs


def measure_point(net: str, count: int, quick: bool = False) -> dict[str, Any]:
    """One point of the growth curves, in a process that has done nothing else.

    Args:
        net: name of the network.
        count: runs in the sweep.
        quick: one short measurement.

    Returns:
        Microseconds of one step of one run in the sweep and in the plain loop, and by how many MB the
        process grew beyond its size after imports, data and a tiny training.
    """
    network, epochs = Net.parse(net), 1 if quick else max(1, RUN_EPOCHS // count)
    _sweep(Net(1, 2).runs(1, SHORT, SMALL))
    before = peak_memory()
    costs = [step_cost(_sweep, network, count, epochs) for _ in range(1 if quick else REPEATS)]
    memory = peak_memory() - before
    by_hand = [plain(network, 2 * EPOCH) for _ in costs]
    return {
        "microseconds": statistics.median(costs) * 1e6,
        "plain": statistics.median(by_hand) * 1e6,
        "megabytes": memory,
        "runs": 2 * count * len(costs),
        "steps": updates(epochs) * count * len(costs),
    }


def measure_stacks(
    width: int, sizes: Sequence[int] = STACK_SIZES, depth: int = 2, quick: bool = False
) -> dict[str, Any]:
    """One step of one run against the size of its stack, sizes taking turns.

    Args:
        width: of the network.
        sizes: runs in a stack.
        depth: of the network.
        quick: one short measurement.
    """
    net, costs, repeats = Net(depth, width), {size: [] for size in sizes}, 1 if quick else REPEATS
    epochs = {size: 1 if quick else max(1, RUN_EPOCHS // size) for size in sizes}
    _one_stack(net.runs(sizes[0], SHORT, SMALL))
    for _, size in itertools.product(range(repeats), sizes):
        costs[size].append(step_cost(_one_stack, net, size, epochs[size]))
    return {
        "microseconds": {str(size): statistics.median(times) * 1e6 for size, times in costs.items()},
        "runs": 2 * repeats * sum(sizes),
        "steps": repeats * sum(size * updates(epochs[size]) for size in sizes),
    }


def _sweep(runs: list[Run]) -> None:
    train(runs, every=runs[0].steps)


def _one_stack(runs: list[Run]) -> None:
    """Train the runs as one stack, whatever size `train` would take."""
    train_stack(Task(runs=tuple(runs), probes=(), every=runs[0].steps, dtype="float32", device="cpu"))
