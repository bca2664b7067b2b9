"""What is timed: one function for each way to train, which returns the seconds of one step of one run."""

import functools
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from trainlab.data import Split
from trainlab.loop import TRAIN_ROWS
from trainlab.training import train
from trainlab_bench.nets import BATCH, DATA, RATE, Net

Contestant = Callable[[Net, int], float]
"""(network, updates) -> seconds of one step of one run."""

MATRIX = 1024
"""Side of the square matrices whose product shows how fast this core can multiply."""


def arithmetic_limit(net: Net, steps: int) -> float:
    """The time that the step's matrix products alone would take at the speed of a large product."""
    a, b = torch.randn(MATRIX, MATRIX), torch.randn(MATRIX, MATRIX)
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        torch.mm(a, b)
        seconds.append(time.perf_counter() - start)
    return net.flops() * statistics.median(seconds) / (2 * MATRIX**3)


def plain(net: Net, steps: int) -> float:
    """The textbook loop: tensors indexed by a permutation, `torch.optim.Adam` as it comes."""
    model = net.textbook()
    return _loop(model, torch.optim.Adam(model.parameters(), lr=RATE), _permuted(steps), steps)


def plain_measured(net: Net, steps: int) -> float:
    """The textbook loop, with the measurements before and after that `train` makes too."""
    model, data = net.textbook(), DATA.load()
    some = Split(*(values[:TRAIN_ROWS] for values in data.train))
    start = time.perf_counter()
    _evaluate(model, some, data.validation)
    _loop(model, torch.optim.Adam(model.parameters(), lr=RATE), _permuted(steps), steps)
    _evaluate(model, some, data.validation, data.test)
    return (time.perf_counter() - start) / steps


def two_plain_loops(net: Net, steps: int) -> float:
    """Two textbook loops at once, each in a process of its own: what the machine leaves of a second core."""
    both = [_two_processes().submit(plain, net, steps) for _ in range(2)]
    return max(loop.result() for loop in both) / 2


@functools.cache
def _two_processes() -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(2, mp_context=context, initializer=torch.set_num_threads, initargs=(1,))


def fused(net: Net, steps: int) -> float:
    """The textbook loop with PyTorch's fused Adam."""
    model = net.textbook()
    return _loop(model, torch.optim.Adam(model.parameters(), lr=RATE, fused=True), _permuted(steps), steps)


def data_loader(net: Net, steps: int) -> float:
    """The textbook loop over a `DataLoader`."""
    model = net.textbook()
    return _loop(model, torch.optim.Adam(model.parameters(), lr=RATE), _loaded(steps), steps)


def single(net: Net, steps: int) -> float:
    """One run through `train`, the whole call."""
    return _trained(net, steps, count=1, jobs=1)


def sweep(net: Net, steps: int) -> float:
    """A sweep of 32 runs through `train`, the whole call, on one core."""
    return _trained(net, steps, count=32, jobs=1)


def sweep_one_worker(net: Net, steps: int) -> float:
    """A sweep of 64 runs through `train`, the whole call, on one core."""
    return _trained(net, steps, count=64, jobs=1)


def sweep_two_workers(net: Net, steps: int) -> float:
    """The sweep of 64 runs on two worker processes."""
    return _trained(net, steps, count=64, jobs=2)


def _loop(model: nn.Module, optimizer: torch.optim.Optimizer, batches: Iterator[list[Tensor]], steps: int) -> float:
    criterion = nn.CrossEntropyLoss()
    start = time.perf_counter()
    for x, y in batches:
        loss = criterion(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return (time.perf_counter() - start) / steps


@torch.no_grad()
def _evaluate(model: nn.Module, *splits: Split) -> None:
    """Loss and accuracy on whole splits."""
    criterion = nn.CrossEntropyLoss()
    model.eval()
    for x, y in splits:
        outputs = model(x)
        criterion(outputs, y).item()
        (outputs.argmax(1) == y).float().mean().item()
    model.train()


def _permuted(steps: int) -> Iterator[list[Tensor]]:
    x, y = DATA.load().train
    while True:
        order = torch.randperm(len(y))
        for start in range(0, len(y) - BATCH + 1, BATCH):
            if steps == 0:
                return
            steps -= 1
            rows = order[start : start + BATCH]
            yield [x[rows], y[rows]]


def loader() -> DataLoader[tuple[Tensor, ...]]:
    """The training rows as a `DataLoader` gives them by default: shuffled, in this process."""
    return DataLoader(TensorDataset(*DATA.load().train), batch_size=BATCH, shuffle=True, drop_last=True)


def _loaded(steps: int) -> Iterator[list[Tensor]]:
    batches = loader()
    while True:
        for batch in batches:
            if steps == 0:
                return
            steps -= 1
            yield batch


def _trained(net: Net, steps: int, count: int, jobs: int) -> float:
    runs = net.runs(count, steps)
    start = time.perf_counter()
    train(runs, every=steps, jobs=jobs)
    return (time.perf_counter() - start) / steps / count
