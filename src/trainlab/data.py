"""Data sets as train, validation and test tensors: MNIST-1D (generated), Fashion-MNIST, and tensors of your own."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from trainlab.fashion_files import read_fashion_mnist, read_packaged_fashion_mnist

# The ten strokes of MNIST-1D, one a class, before whitening.
MNIST1D_STROKES = (
    (5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5),
    (5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5),
    (5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5),
    (5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5),
    (5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5),
    (5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5),
    (5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5),
    (5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5),
)


SPLITS = ("train", "validation", "test")
"""Names of the splits of a data set."""

REPORTS = ("validation", "test")
"""Splits that are measured where nobody asks for the training loss."""


class Split(NamedTuple):
    """The rows of one part of a data set.

    For classification x is float32 of shape [rows, ...] and y is int64 of shape [rows], class numbers from 0 on.
    """

    x: Tensor
    y: Tensor


@dataclass(frozen=True, eq=False)
class Dataset:
    """Three disjoint splits in memory; they are cached and shared, so never write into their tensors.

    Args:
        name: For people.
        train: What the gradients are taken on.
        validation: What choices are made on.
        test: What is reported.
        classes: How many class numbers there are; 0 where y holds other targets.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    classes: int

    @cached_property
    def digest(self) -> str:
        """SHA-256, in hex, of the dtype, shape and bytes of x and y of train, validation and test, in this order."""
        digest = hashlib.sha256()
        for tensor in (*self.train, *self.validation, *self.test):
            digest.update(f"{tensor.dtype}{list(tensor.shape)}".encode())
            digest.update(tensor.contiguous().numpy().tobytes())
        return digest.hexdigest()


@dataclass(frozen=True, kw_only=True)
class MNIST1D:
    """MNIST-1D: ten classes of noisy signals of 40 samples, drawn by the published generator at any size.

    The train split is the first `rows` of a shuffled, class-balanced draw of 10 * ceil(rows / 8), whose mean and
    standard deviation standardize all splits. So the defaults give the published 4000 of 5000 rows, and the classes of
    the train split are, like there, only nearly equal. Validation and test come from two other streams of the
    generator, with equal classes when their size is a multiple of 10.

    Args:
        rows: Rows of the train split, at least 1.
        seed: Seed of all three splits, 0 to 2**32 - 1; the published set has 42.
        validation: Rows of the validation split, at least 1.
        test: Rows of the test split, at least 1.

    Raises:
        ValueError: A value is not an integer of its range.

    References:
        Greydanus and Kobak, Scaling down deep learning with MNIST-1D, 2024, https://arxiv.org/abs/2011.14439
    """

    rows: int = 4000
    seed: int = 42
    validation: int = 2000
    test: int = 10_000

    def __post_init__(self) -> None:
        for name, least in {"rows": 1, "seed": 0, "validation": 1, "test": 1}.items():
            value, default = getattr(self, name), getattr(MNIST1D, name)
            if type(value) is not int or not least <= value < 2**32:  # the legacy generator takes seeds of 32 bits
                raise ValueError(f"{name} must be an integer >= {least} and < 2**32, got {value!r}; try {default}")

    def load(self) -> Dataset:
        """Return the data set, about 0.3 s for the defaults, then from memory."""
        return _load_mnist1d(self)


@dataclass(frozen=True, kw_only=True)
class FashionMNIST:
    """Fashion-MNIST: ten classes of 28 x 28 grey images, each flattened row by row to 784 features.

    The packaged part has 10,000 train, 2000 validation and 2000 test rows; the full set 55,000, 5000 and 10,000. Every
    split is balanced by class. Pixels are divided by 255, then standardized by one mean and one standard deviation,
    those of all pixels of the train split.

    Args:
        full: Read the full set, from the folder that the environment variable TRAINLAB_DATA names, else from that of
            the Debian package dataset-fashion-mnist.

    Raises:
        ValueError: full is not a bool.

    References:
        Xiao, Rasul and Vollgraf, Fashion-MNIST, 2017, https://arxiv.org/abs/1708.07747
    """

    full: bool = False

    def __post_init__(self) -> None:
        if type(self.full) is not bool:
            raise ValueError(f"full must be True (70,000 images) or False (14,000), got {self.full!r}")

    def load(self) -> Dataset:
        """Return the data set, then from memory.

        Raises:
            ValueError: A file is missing or damaged; the text says where it was looked for, and what to do.
        """
        return _load_fashion_mnist(self)


@dataclass(frozen=True, kw_only=True)
class RandomLabels:
    """Another data set, in whose train split some labels are replaced by classes drawn at random.

    Validation and test keep their labels, so a network that only remembers the train split is at chance there.

    Args:
        data: Has the inputs and the true labels, which are class numbers.
        share: Probability that a train label is replaced, in [0, 1]; by chance some stay what they were.
        seed: Draws which are replaced, and by what.

    Raises:
        ValueError: The share is not in [0, 1]; when loaded, the data has no classes.

    References:
        Zhang et al., Understanding deep learning requires rethinking generalization, 2017,
        https://arxiv.org/abs/1611.03530
    """

    data: Any
    share: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"share must be in [0, 1], got {self.share}; 1 replaces every label")

    def load(self) -> Dataset:
        """Return the data set, then from memory."""
        return _load_random_labels(self)


@dataclass(frozen=True)
class FromFunction:
    """Tensors of your own: the three splits that a function returns.

    The function is called once in each process that trains. Floating-point numbers become float32, all others int64.
    Where the data has settings, write a frozen dataclass with a method `load() -> Dataset` instead, as `MNIST1D` is.

    Args:
        function: Defined at the top level of a module. It takes no arguments and returns pairs (x, y) for train,
            validation and test, as tensors or arrays whose first axis is the examples.
    """

    function: Callable[[], Sequence[tuple[Any, Any]]]

    def load(self) -> Dataset:
        """Return the data set, then from memory.

        Raises:
            ValueError: The function does not return three pairs, a split has no rows or not as many of x as of y, or
                a number is not finite; the text names the function and the split.
        """
        return _load_from_function(self)


@lru_cache(maxsize=1)
def _stretched_strokes() -> np.ndarray:
    """Each stroke with 36 to 60 zeros behind it, at 72 points: `[class, padding, point]`."""
    strokes = np.array(MNIST1D_STROKES)
    strokes = (strokes - strokes.mean(1, keepdims=True)) / strokes.std(1, keepdims=True)
    strokes = (strokes - strokes[:, :1]) / 6 + 1e-8  # so that only padding is exactly zero
    fine = np.linspace(0, 1, 72)
    return np.array(
        [[np.interp(fine, np.linspace(0, 1, 12 + p), np.pad(s, (0, p))) for p in range(36, 61)] for s in strokes]
    )


def make_mnist1d(rows: int, rng: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
    """Draw shuffled MNIST-1D signals, with the random numbers of the published generator in its order.

    Each signal is a stroke that is padded with 36 to 60 zeros, stretched to 72 samples, scaled by 0.8 to 1.2, shifted
    by 0 to 47, filled with smooth noise where it is zero, roughened by white noise, tilted, and resampled to 40.

    Args:
        rows: Rows to return; ceil(rows / 10) of each class are drawn, and what is over is cut after the shuffle.
        rng: The generator, at the start of its stream.

    Returns:
        x, float64 of shape [rows, 40], not standardized, and y, int64 of shape [rows].
    """
    coarse, fine = np.linspace(0, 1, 40), np.linspace(0, 1, 72)
    stretched = _stretched_strokes()
    y = np.repeat(np.arange(10), -(-rows // 10))
    # The order of the calls in this line is the generator: padding, scale, shift, both noises, tilt.
    draws = [(rng.rand(), rng.rand(), rng.randint(48), rng.randn(2, 72), rng.rand()) for _ in y]
    padding, scale, shift, noise, tilt = (np.array(column) for column in zip(*draws, strict=True))

    x = stretched[y, (padding * 25).astype(int)] * (1 + 0.4 * (scale - 0.5))[:, None]
    x = np.take_along_axis(x, (np.arange(72) - shift[:, None]) % 72, axis=1)
    x = np.where(x == 0, gaussian_filter1d(0.25 * noise[:, 0], sigma=2, axis=1), x) + 0.02 * noise[:, 1]
    x -= 0.75 * (tilt - 0.5)[:, None] * np.linspace(-0.5, 0.5, 72)
    x = np.array([np.interp(coarse, fine, row) for row in x])
    order = rng.permutation(len(y))[:rows]
    return x[order], y[order]


@lru_cache(maxsize=16)
def _drawn(rows: int, *seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows of one stream; data sets of other sizes often share a split. Nobody may write into them."""
    return make_mnist1d(rows, np.random.RandomState(seed[0] if len(seed) == 1 else seed))


@lru_cache(maxsize=16)
def _load_mnist1d(spec: MNIST1D) -> Dataset:
    x, y = _drawn(10 * -(-spec.rows // 8), spec.seed)
    mean, std = x.mean(), x.std()

    def split(x: np.ndarray, y: np.ndarray) -> Split:
        return Split(torch.from_numpy(((x - mean) / std).astype(np.float32)), torch.from_numpy(y))

    # numpy seeds from an array by another rule than from an integer, so no train seed repeats these streams.
    validation, test = split(*_drawn(spec.validation, spec.seed, 1)), split(*_drawn(spec.test, spec.seed, 2))
    return Dataset("MNIST-1D", split(x[: spec.rows], y[: spec.rows]), validation, test, classes=10)


def choose_rows(y: np.ndarray, per_class: int, seed: int) -> np.ndarray:
    """Return the ascending indices of `per_class` rows of each class, drawn by `seed`, given the class of each row.

    Args:
        y: the class of each row.
        per_class: how many rows of each class.
        seed: of the draw.
    """
    rng = np.random.RandomState(seed)
    return np.sort(np.concatenate([rng.permutation(np.flatnonzero(y == c))[:per_class] for c in np.unique(y)]))


def split_rows(y: np.ndarray, full: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of Fashion-MNIST's train and validation rows, given the class of each row.

    Args:
        y: the class of each row.
        full: whether these are the rows of the full data set, or of the packaged part.
    """
    validation = choose_rows(y, per_class=500 if full else 200, seed=1)
    return np.setdiff1d(np.arange(len(y)), validation), validation


@lru_cache(maxsize=2)
def _load_fashion_mnist(spec: FashionMNIST) -> Dataset:
    images, labels, test_images, test_labels = read_fashion_mnist() if spec.full else read_packaged_fashion_mnist()
    train, validation = split_rows(labels, spec.full)
    levels = np.arange(256) / 255
    counts = np.bincount(images[train].ravel(), minlength=256)
    mean = np.average(levels, weights=counts)
    std = np.sqrt(np.average((levels - mean) ** 2, weights=counts))
    standardized = ((levels - mean) / std).astype(np.float32)

    def split(images: np.ndarray, labels: np.ndarray) -> Split:
        x = standardized[images.reshape(-1, 784)]
        return Split(torch.from_numpy(x), torch.from_numpy(labels.astype(np.int64)))

    parts = split(images[train], labels[train]), split(images[validation], labels[validation])
    name = "Fashion-MNIST" if spec.full else "Fashion-MNIST (14,000 images)"
    return Dataset(name, *parts, split(test_images, test_labels), classes=10)


@lru_cache(maxsize=8)
def _load_random_labels(spec: RandomLabels) -> Dataset:
    true = spec.data.load()
    if not true.classes:
        raise ValueError(f"{true.name} has no class numbers to replace; take a classification problem")
    x, y = true.train
    generator = torch.Generator().manual_seed(spec.seed)
    replaced = torch.rand(len(y), generator=generator) < spec.share
    labels = torch.where(replaced, torch.randint(true.classes, y.shape, generator=generator), y)
    name = f"{true.name}, {spec.share:.0%} random labels"
    return Dataset(name, Split(x, labels), true.validation, true.test, true.classes)


@lru_cache(maxsize=4)
def _load_from_function(spec: FromFunction) -> Dataset:
    name, parts = spec.function.__name__, spec.function()
    if _lengths(parts) != [2, 2, 2]:
        got = f"parts of {_lengths(parts)}" if _lengths(parts) else f"a {type(parts).__name__}"
        raise ValueError(f"{name} must return three pairs (x, y), for train, validation and test; got {got}")
    splits = [
        Split(*(_checked(value, f"{name}: {axis} of the {part} split") for axis, value in zip("xy", pair, strict=True)))
        for part, pair in zip(("train", "validation", "test"), parts, strict=True)
    ]
    for split in splits:
        if len(split.x) != len(split.y):
            raise ValueError(f"{name}: a split has {len(split.x)} rows of x and {len(split.y)} of y; make them equal")
    numbers = splits[0].y.dtype == torch.int64 and splits[0].y.ndim == 1
    return Dataset(name, *splits, classes=1 + max(int(split.y.max()) for split in splits) if numbers else 0)


def _checked(value: Any, where: str) -> Tensor:
    tensor = torch.as_tensor(value)
    tensor = tensor.detach().cpu().to(torch.float32 if tensor.is_floating_point() else torch.int64)
    if not tensor.ndim or not len(tensor):
        raise ValueError(f"{where} has no rows; its first axis must be the examples")
    if not tensor.isfinite().all():
        raise ValueError(f"{where} holds numbers that are NaN or infinite; leave these rows out, or fill them")
    return tensor


def _lengths(parts: object) -> list[int]:
    """Of each part; 0 where it is no tuple or list."""
    few = parts if isinstance(parts, tuple | list) else []
    return [len(part) if isinstance(part, tuple | list) else 0 for part in few]
