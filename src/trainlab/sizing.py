"""How many runs train in one stack: as many as the cache likes, and as the memory holds."""

import functools
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor

from trainlab.data import Dataset
from trainlab.refusals import attempt
from trainlab.runs import STACK_SIZE, DatasetSpec, Run, label
from trainlab.stack import CHUNK, CHUNKS, build
from trainlab.types import Model

STACK_WEIGHTS = 3_000_000
"""Weights in a stack at most. Networks that reach it with fewer than four runs are faster one by one."""


def memory_limit(jobs: int, device: str) -> int:
    """Bytes that one of several worker processes may fill: half of the memory, shared out.

    Args:
        jobs: worker processes.
        device: whose memory; "cpu" means the machine's.
    """
    if torch.device(device).type == "cuda":
        return torch.cuda.mem_get_info(device)[1] // 2 // jobs
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):  # of a container
        with suppress(OSError, ValueError):
            total = min(total, int(Path(limit).read_text()))
    return total // 2 // jobs


def stack_size(run: Run, dtype: str, memory: int) -> int:
    """Runs like this one in a stack at most.

    Where memory does not bind, the number depends on the network alone and not on the machine,
    because results depend on it in the last bit.

    Args:
        run: any of the runs.
        dtype: "float32" or "float64".
        memory: bytes that the stack may fill, besides the libraries.

    Raises:
        ValueError: not even one run fits.
    """
    shared, each, weights = footprint(run, dtype)
    if shared + each > memory:
        raise ValueError(
            f"one run of {label(run.model)} on {label(run.data)} with batch_size {run.batch_size} needs about "
            f"{_told(shared + each)} of memory, more than the {_told(memory)} allowed for a process; allow more "
            "(memory=..., on the command line --memory), or take a smaller batch or network"
        )
    fast = min(STACK_SIZE, STACK_WEIGHTS // max(weights, 1))
    return min(fast if fast >= 4 else 1, (memory - shared) // each)


def _told(size: int) -> str:
    power = max(power for power in range(4) if not power or size >= 1024**power)
    return f"{size / 1024**power:.1f} {('B', 'KiB', 'MiB', 'GiB')[power]}"


def footprint(run: Run, dtype: str) -> tuple[int, int, int]:
    """What training takes, estimated from one forward pass of two examples, on the safe side.

    Returns:
        Bytes that all runs of a stack share (the data), bytes for each run, and weights of each run.
    """
    data, size = run.data.load(), getattr(torch, dtype).itemsize
    parameters, kept = _network(run.model, run.data)
    weights, largest = sum(p.numel() for p in parameters), max((p.numel() for p in parameters), default=0)
    state = sum(value.numel() for p in parameters for value in run.optimizer.init(p).values())
    # Weights, gradients by parameter and flat, update by part and flat, rates, evaluated weights; temporaries.
    copies = 8 * weights + 2 * state + 16 * largest
    # Kept for the backward pass, and copied while it runs; convolutions of a stack copy most, up to nine times, as
    # the allocator happens to reuse what is free.
    activations = 11 * kept // 2 * max(run.batch_size, CHUNK // 2)  # an evaluation keeps nothing
    rows = 3 * 8 * len(data.train.y)  # the order of the examples, as int64
    return (_numbers(data) + kept // 2 * CHUNKS) * size, (copies + activations) * size + rows + 16 * run.steps, weights


@functools.lru_cache(maxsize=100)
def _network(model: Model, data: DatasetSpec) -> tuple[list[Tensor], int]:
    """The parameters of a network, and the numbers that autograd keeps for two examples."""
    network = build(Run(data=data, model=model, lr=1.0, steps=1))
    parameters = [p.detach() for p in network.parameters()]
    return parameters, _kept(lambda: attempt(network, data.load().train.x[:2]), parameters)


def _kept(forward: Callable[[], Tensor], parameters: Sequence[Tensor]) -> int:
    """Numbers that autograd keeps for the backward pass, weights apart; and the output."""
    kept: dict[int, int] = {}
    own = {p.untyped_storage().data_ptr() for p in parameters}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = tensor.numel()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = forward()
    return sum(kept.values()) + output.numel()


def _numbers(data: Dataset) -> int:
    return sum(values.numel() for split in (data.train, data.validation, data.test) for values in (split.x, split.y))
