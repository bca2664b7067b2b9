"""Random bits that depend on a key and a position alone, so that a run draws the same alone and in any stack.

The work is done by NumPy, which has unsigned integers and takes half of PyTorch's time. For `torch.func.vmap`, which
sees no further than PyTorch, both are operations of PyTorch with a rule for many runs at once.
"""

import functools

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

FIRST, SECOND, PLACE = np.uint32(0x7FEB352D), np.uint32(0x846CA68B), np.uint32(0x9E3779B9)

BLOCK = 64
"""Steps whose keys are mixed together, because so few numbers take as long as one."""

Dims = tuple[int | None, ...]
"""Where each argument has the axis of `vmap`."""


def counter_bits(key: Int[Tensor, "2 *runs"], count: int) -> Int[Tensor, "*runs count"]:
    """32 random bits for each of `count` positions, from a 64-bit key and the position.

    An integer hash in the manner of counter-based generators.

    Args:
        key: two int32 words, or two for each run.
        count: how many numbers to draw.

    Returns:
        int32, every bit equally likely to be set.

    References:
        Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3". The mixing constants are
        those of Wellons 2018, "Prospecting for hash functions" (lowbias32).
    """
    return torch.ops.trainlab.counter_bits(key, count)


def mask_key(seed: Int[Tensor, "*runs"], step: Int[Tensor, "*runs"], layer: int) -> Int[Tensor, "2 *runs"]:
    """Two words, of four that differ whenever seed, layer or step differ.

    Mixed, not added: with an additive key, seed 1 at step 1 would equal seed 0 at step 2.

    Args:
        seed: int64, of each run.
        step: int64, how many masks the layer drew before.
        layer: its position.

    Returns:
        int32.
    """
    return torch.ops.trainlab.mask_key(seed, step, layer)


def _mix(x: np.ndarray, spare: np.ndarray, bits: int) -> None:
    """`x ^ (x >> bits)`, in place."""
    np.right_shift(x, bits, out=spare)
    np.bitwise_xor(x, spare, out=x)


def _counter_bits(key: Tensor, count: int) -> Tensor:
    first, second = key.cpu().numpy().view(np.uint32)[..., None]
    x = np.arange(count, dtype=np.uint32) ^ first
    spare = np.empty_like(x)
    _mix(x, spare, 16)
    x *= FIRST
    # The second word enters between the rounds, or two keys would give each other's numbers in another order.
    x ^= second
    _mix(x, spare, 15)
    x *= SECOND
    _mix(x, spare, 16)
    return torch.from_numpy(x.view(np.int32)).to(key.device)


def _counter_bits_of_many(_: object, dims: Dims, key: Tensor, count: int) -> tuple[Tensor, int]:
    bits = counter_bits(key.movedim(dims[0] or 0, -1), count)
    return bits, bits.ndim - 2


def _mask_key(seed: Tensor, step: Tensor, layer: int) -> Tensor:
    seeds, steps = seed.cpu().numpy().ravel(), step.cpu().numpy().ravel()
    keys = np.empty((2, seeds.size), np.int32)
    for number in np.unique(steps):  # the runs of a stack are all at the same step
        here = steps == number
        block, place = divmod(int(number), BLOCK)
        keys[:, here] = _keys(seeds[here].tobytes(), layer, block)[place]
    return torch.from_numpy(keys.reshape(2, *seed.shape)).to(seed.device)


@functools.lru_cache(maxsize=256)
def _keys(seeds: bytes, layer: int, block: int) -> np.ndarray:
    """The keys `[BLOCK, 2, runs]` of a block of steps."""
    seed = np.frombuffer(seeds, np.int64)
    step = np.arange(block * BLOCK, (block + 1) * BLOCK)[:, None]
    words = np.stack([x.astype(np.uint32) for x in np.broadcast_arrays(seed, seed >> 32, step, layer)])
    # Each place has a constant of its own, or words in another order would give the key in another order; and
    # the factor 2 gives the sum an inverse, or words that differ by (1, -1, 1, -1) would give one key.
    constants = (np.arange(1, 5, dtype=np.uint32) * PLACE)[:, None, None]
    spare = np.empty_like(words)
    for _ in range(4):
        words += 2 * words[[3, 0, 1, 2]] + constants
        _mix(words, spare, 16)
        words *= FIRST
        _mix(words, spare, 15)
        words *= SECOND
    return words[2:].swapaxes(0, 1).view(np.int32)


def _mask_key_of_many(_: object, dims: Dims, seed: Tensor, step: Tensor, layer: int) -> tuple[Tensor, int]:
    pairs = list(zip((seed, step), dims, strict=False))
    runs = next(x.shape[dim] for x, dim in pairs if dim is not None)
    seed, step = (x.expand(runs, *x.shape) if dim is None else x.movedim(dim, 0) for x, dim in pairs)
    return mask_key(seed, step, layer), 1


_LIBRARY = torch.library.Library("trainlab", "DEF")
_LIBRARY.define("counter_bits(Tensor key, int count) -> Tensor")
_LIBRARY.define("mask_key(Tensor seed, Tensor step, int layer) -> Tensor")
_LIBRARY.impl("counter_bits", _counter_bits, "CompositeExplicitAutograd")
_LIBRARY.impl("mask_key", _mask_key, "CompositeExplicitAutograd")
torch.library.register_vmap("trainlab::counter_bits", _counter_bits_of_many, lib=_LIBRARY)
torch.library.register_vmap("trainlab::mask_key", _mask_key_of_many, lib=_LIBRARY)
