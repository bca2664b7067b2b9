"""Probes of what a network answers on a split: with dropout off, on, or averaged, and with which batch norm statistics.

Training measures losses on the training and validation splits by itself. These look further, and each names the data
that it looks at. A probe that sees the test split is for reports only; nothing may be chosen by it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from trainlab.layers import Dropout
from trainlab.probes import Snapshot
from trainlab.types import Tensors

CHUNK = 500
"""Rows that go through a network at once."""

SplitName = Literal["train", "validation", "test"]


class DataSpec(Protocol):
    """Names a data set and loads it."""

    def load(self) -> Any:
        """Something with splits `train`, `validation` and `test` of x and y."""
        ...


@contextmanager
def training_mode(network: nn.Module, *kinds: type[nn.Module]) -> Iterator[None]:
    """A network in evaluation mode, but for the layers of some kinds, which are in training mode.

    Args:
        network: in evaluation mode.
        *kinds: types of layers, such as `Dropout`.
    """
    before = [(module, module.training) for module in network.modules()]
    for module, _ in before:
        module.training = isinstance(module, kinds)
    try:
        yield
    finally:
        for module, was in before:
            module.training = was


def _split(data: DataSpec, split: SplitName, rows: int | None, like: Tensor) -> tuple[Tensor, Tensor]:
    part = getattr(data.load(), split)
    return part.x[:rows].to(like), part.y[:rows].to(like.device)


def _outputs(snapshot: Snapshot, x: Tensor, buffers: Tensors) -> tuple[Tensor, Tensors]:
    """The outputs for all rows, piece by piece; a dropout layer that is on draws new masks for each piece."""
    parts = []
    for piece in x.split(CHUNK):
        part, buffers = snapshot.forward(snapshot.weights, buffers, piece)
        parts.append(part)
    return torch.cat(parts), buffers


@dataclass(frozen=True)
class Predictions:
    r"""Log-probabilities of the classes on a split.

    With `passes` = 0 dropout is off, as usual. Otherwise it is on, and the probabilities are the mean of so many
    passes with different masks, $\frac1K \sum_k \mathrm{softmax}(f_k(x))$: Monte Carlo dropout.

    Args:
        data: the data set.
        split: "train", "validation" or "test".
        passes: K, >= 0.
        rows: how many of the split's first rows.

    Raises:
        ValueError: a number is out of its range.

    References:
        Gal and Ghahramani 2016, "Dropout as a Bayesian approximation", https://arxiv.org/abs/1506.02142
    """

    data: DataSpec
    split: SplitName = "test"
    passes: int = 0
    rows: int = 2000

    def __post_init__(self) -> None:
        if self.passes < 0:
            raise ValueError(f"Predictions: passes must be >= 0, got {self.passes}")
        if self.rows < 1:
            raise ValueError(f"Predictions: rows must be >= 1, got {self.rows}")

    @property
    def axes(self) -> tuple[str, str]:
        """Rows and classes; the rows of two splits are not the same."""
        return f"{self.split}_row", "answer"

    @property
    def name(self) -> str:
        """What the results call them: "test_logs", or "test_logs_of_20" for 20 passes."""
        return f"{self.split}_logs" + (f"_of_{self.passes}" if self.passes else "")

    def __call__(self, snapshot: Snapshot) -> Tensors:
        """Predict."""
        x, _ = _split(self.data, self.split, self.rows, snapshot.inputs)
        kinds = (Dropout,) if self.passes else ()
        total, buffers = [], snapshot.buffers
        with training_mode(snapshot.network, *kinds):
            for _ in range(max(self.passes, 1)):
                outputs, buffers = _outputs(snapshot, x, buffers)
                total.append(outputs.log_softmax(-1))
        mean = total[0] if len(total) == 1 else torch.stack(total).logsumexp(0) - torch.tensor(float(len(total))).log()
        return {self.name: mean}


@dataclass(frozen=True)
class Held:
    """Loss and accuracy on a split, at every measurement.

    Args:
        data: the data set.
        split: "train", "validation" or "test".
        anew: measure batch norm's means and variances anew on the training split, with dropout off, before.

    References:
        Li et al. 2019, "Understanding the disharmony between dropout and batch normalization by variance shift",
        section 5, for statistics measured anew, https://arxiv.org/abs/1801.05134
    """

    data: DataSpec
    split: SplitName = "test"
    anew: bool = False

    @property
    def name(self) -> str:
        """How the results' names begin: "held_test", or "anew_test"."""
        return f"{'anew' if self.anew else 'held'}_{self.split}"

    def __call__(self, snapshot: Snapshot) -> Tensors:
        """Measure.

        Returns:
            `<name>_loss` and `<name>_accuracy`.
        """
        x, y = _split(self.data, self.split, None, snapshot.inputs)
        buffers = self._statistics(snapshot) if self.anew else snapshot.buffers
        with training_mode(snapshot.network):
            outputs, _ = _outputs(snapshot, x, buffers)
        right = (outputs.argmax(-1) == y).to(outputs.dtype).mean()
        return {f"{self.name}_loss": snapshot.loss(outputs, y).mean(), f"{self.name}_accuracy": right}

    def _statistics(self, snapshot: Snapshot) -> Tensors:
        """The buffers after one look at the whole training split, without dropout."""
        x, _ = _split(self.data, "train", None, snapshot.inputs)
        norms = [module for module in snapshot.network.modules() if isinstance(module, _BatchNorm)]
        momenta = [norm.momentum for norm in norms]
        try:
            for norm in norms:
                norm.momentum = 1.0
            with training_mode(snapshot.network, _BatchNorm):
                return snapshot.forward(snapshot.weights, snapshot.buffers, x)[1]
        finally:
            for norm, momentum in zip(norms, momenta, strict=True):
                norm.momentum = momentum


@dataclass(frozen=True)
class BatchNormShift:
    """The variance that batch norm remembers from training, and what it meets on the same rows with dropout off.

    Args:
        data: the data set, whose training split is looked at.

    Raises:
        ValueError: when called: the network has no batch norm with running statistics.
    """

    axes: ClassVar[tuple[str, ...]] = ("norm",)

    data: DataSpec

    def __call__(self, snapshot: Snapshot) -> Tensors:
        """Measure.

        Returns:
            `norm_remembered`, the running variance; `norm_second` and `norm_squared_mean`, the mean square and the
            squared mean of what comes in with dropout off. Each is a mean over units, one value a norm layer.
        """
        x, _ = _split(self.data, "train", None, snapshot.inputs)
        found: dict[str, Tensor] = {}
        norms = {name: module for name, module in snapshot.network.named_modules() if isinstance(module, _BatchNorm)}

        def keeping(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
            return lambda _, inputs: found.update({name: inputs[0]})

        hooks = [norm.register_forward_pre_hook(keeping(name)) for name, norm in norms.items()]
        try:
            with training_mode(snapshot.network):
                snapshot.forward(snapshot.weights, snapshot.buffers, x)
        finally:
            for hook in hooks:
                hook.remove()
        if not found:
            raise ValueError("BatchNormShift needs batch norm in the network, got none; leave the probe out")
        remembered = [snapshot.buffers[f"{name}.running_var"].mean() for name in norms]
        return {
            "norm_remembered": torch.stack(remembered),
            "norm_second": torch.stack([found[name].square().mean() for name in norms]),
            "norm_squared_mean": torch.stack([found[name].mean(0).square().mean() for name in norms]),
        }
