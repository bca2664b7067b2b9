"""Layers that stack safely: what a run computes never depends on the runs beside it."""

import functools

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

SELU_LOW = -1.7580993408473766
"""The value that SELU approaches for very negative inputs."""


def _words(values: Tensor) -> np.ndarray:
    """The lowest 32 bits of integers, without a sign."""
    return values.cpu().numpy().astype(np.uint32)


def _mix(x: np.ndarray, spare: np.ndarray, bits: int) -> None:
    """`x ^ (x >> bits)`, in place."""
    np.right_shift(x, bits, out=spare)
    np.bitwise_xor(x, spare, out=x)


FIRST, SECOND, PLACE = np.uint32(0x7FEB352D), np.uint32(0x846CA68B), np.uint32(0x9E3779B9)


def counter_bits(key: Int[Tensor, "2 *runs"], count: int) -> Int[Tensor, "*runs count"]:
    """32 random bits for each of `count` positions, from a 64-bit key and the position alone.

    An integer hash in the manner of counter-based generators: no state, so a run draws the same
    bits alone and in any stack.

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


def _counter_bits(key: Tensor, count: int) -> Tensor:
    first, second = _words(key)[..., None]
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


def _counter_bits_of_many(_: object, dims: tuple[int | None, ...], key: Tensor, count: int) -> tuple[Tensor, int]:
    bits = counter_bits(key.movedim(dims[0] or 0, -1), count)
    return bits, bits.ndim - 2


BLOCK = 64
"""Steps whose keys are mixed together, because so few numbers take as long as one."""


@functools.lru_cache(maxsize=256)
def _keys(seeds: bytes, layer: int, block: int) -> np.ndarray:
    """Keys `[BLOCK, 2, runs]` of a block of steps, for the same layer of several runs."""
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


def _dropout_key(seed: Tensor, step: Tensor, layer: int) -> Tensor:
    seeds, steps = seed.cpu().numpy().ravel(), step.cpu().numpy().ravel()
    keys = np.empty((2, seeds.size), np.int32)
    for number in np.unique(steps):  # the runs of a stack are all at the same step
        here = steps == number
        block, place = divmod(int(number), BLOCK)
        keys[:, here] = _keys(seeds[here].tobytes(), layer, block)[place]
    return torch.from_numpy(keys.reshape(2, *seed.shape)).to(seed.device)


def _dropout_key_of_many(
    _: object, dims: tuple[int | None, ...], seed: Tensor, step: Tensor, layer: int
) -> tuple[Tensor, int]:
    runs = next(x.shape[dim] for x, dim in zip((seed, step), dims, strict=False) if dim is not None)
    seed, step = (
        x.expand(runs, *x.shape) if dim is None else x.movedim(dim, 0)
        for x, dim in zip((seed, step), dims, strict=False)
    )
    return torch.ops.trainlab.dropout_key(seed, step, layer), 1


_LIBRARY = torch.library.Library("trainlab", "DEF")
"""Operations of NumPy, which has unsigned integers and takes half of PyTorch's time; `vmap` must be told of them."""

_LIBRARY.define("counter_bits(Tensor key, int count) -> Tensor")
_LIBRARY.define("dropout_key(Tensor seed, Tensor step, int layer) -> Tensor")
_LIBRARY.impl("counter_bits", _counter_bits, "CompositeExplicitAutograd")
_LIBRARY.impl("dropout_key", _dropout_key, "CompositeExplicitAutograd")
torch.library.register_vmap("trainlab::counter_bits", _counter_bits_of_many, lib=_LIBRARY)
torch.library.register_vmap("trainlab::dropout_key", _dropout_key_of_many, lib=_LIBRARY)


class Dropout(nn.Module):
    r"""Zeroes a share of its input at random and scales the rest by $1/(1-p)$, in training mode only.

    The mask depends on the seed, on the layer and on how many masks were drawn before, and on
    nothing else. `nn.Dropout` draws from one shared generator, so under `torch.func.vmap` the mask
    of a run would depend on its stack. The rate is a buffer, so that it may differ between runs. Where the
    buffers have an axis of runs, the input has it too, as its first.

    Args:
        rate: the probability p of zeroing an element, in [0, 1).
        layer: the position of this layer among the dropout layers of its network.

    Raises:
        ValueError: the rate is not in [0, 1).

    References:
        Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting".
    """

    rate: Tensor
    seed: Tensor
    step: Tensor

    def __init__(self, rate: float, layer: int = 0) -> None:
        if not 0 <= rate < 1:
            raise ValueError(f"dropout rate must be in [0, 1), got {rate}")
        super().__init__()
        self.layer = layer
        self.register_buffer("rate", torch.tensor(rate))
        self.register_buffer("seed", torch.zeros((), dtype=torch.int64))
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def key(self) -> Int[Tensor, "2 *runs"]:
        """Two int32 words, of four that differ whenever seed, layer or step differ.

        Mixed, not added: with an additive key, seed 1 at step 1 would equal seed 0 at step 2.
        """
        return torch.ops.trainlab.dropout_key(self.seed, self.step, self.layer)

    def mask(self, shape: torch.Size) -> Bool[Tensor, "*shape"]:
        """True where an element survives.

        Args:
            shape: of what is to be masked.
        """
        bits = counter_bits(self.key(), shape[self.seed.ndim :].numel())
        # The first 24 bits are a number from 0 to 1 in steps of 2^-24; it is compared as an integer.
        least = (self.rate.double() * (1 << 24)).ceil() - (1 << 23)
        return (bits >= (least * 256).to(torch.int32).unsqueeze(-1)).view(shape)

    def _rate(self, x: Tensor) -> Tensor:
        """The rate in a shape that spreads over the input's."""
        return self.rate.view(*self.rate.shape, *(x.ndim - self.rate.ndim) * (1,))

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Zero some of `x` in training mode; return `x` itself in evaluation mode."""
        if not self.training:
            return x
        kept = self.mask(x.shape)
        self.step.add_(1)
        return x * kept / (1 - self._rate(x))


class AlphaDropout(Dropout):
    r"""Sets a share of its input to SELU's lowest value at random, then corrects mean and variance for it.

    With $q = 1 - p$ and SELU's limit $\alpha' \approx -1.758$: dropped units become $\alpha'$, and all are mapped by
    $a x + b$, $a = (q + \alpha'^2 q p)^{-1/2}$, $b = -a\, p\, \alpha'$. An input of mean 0 and variance 1 keeps both.

    Args:
        rate: the probability p of dropping an element, in [0, 1).
        layer: the position of this layer among the dropout layers of its network.

    Raises:
        ValueError: the rate is not in [0, 1).

    References:
        Klambauer et al. 2017, "Self-normalizing neural networks", https://arxiv.org/abs/1706.02515
    """

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Drop some of `x` in training mode; return `x` itself in evaluation mode."""
        if not self.training:
            return x
        kept = self.mask(x.shape)
        self.step.add_(1)
        rate = self._rate(x)
        scale = ((1 - rate) * (1 + rate * SELU_LOW**2)).rsqrt()
        return scale * (torch.where(kept, x, SELU_LOW) - rate * SELU_LOW)


class Residual(nn.Module):
    """x + branch(x).

    Args:
        branch: a network whose output has the shape of its input.
    """

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Add the branch to its input."""
        return x + self.branch(x)


class BranchEnd(nn.Linear):
    """The last linear layer of a residual branch, which `inits.ZeroBranches` starts at zero."""

    ends_branch = True


class ReLUSquared(nn.Module):
    r"""$\max(x, 0)^2$, whose derivative has no jump.

    References:
        So et al. 2021, "Primer: searching for efficient transformers", https://arxiv.org/abs/2109.08668
    """

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Square the positive part."""
        return x.relu().square()


class SwiGLU(nn.Module):
    r"""$\mathrm{SiLU}(V x + c) \odot (W x + b)$: one linear map opens and closes the other.

    Args:
        inputs: features of an example.
        units: outputs; the layer has two matrices of this many rows.

    References:
        Shazeer 2020, "GLU variants improve transformer", https://arxiv.org/abs/2002.05202
    """

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.gate = nn.Linear(inputs, units)
        self.value = nn.Linear(inputs, units)
        self.activation = nn.SiLU()

    def forward(self, x: Float[Tensor, "*batch inputs"]) -> Float[Tensor, "*batch units"]:
        """Gate the value."""
        return self.activation(self.gate(x)) * self.value(x)


def seed_dropout(network: nn.Module, seed: int) -> None:
    """Make every `Dropout` of the network draw the masks that belong to `seed`, from the first step on.

    Args:
        network: changed in place.
        seed: the run's.
    """
    for module in network.modules():
        if isinstance(module, Dropout):
            module.seed.fill_(seed)
            module.step.zero_()
