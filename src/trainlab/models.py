"""Networks as frozen specs: calling a spec builds a fresh `nn.Module`.

A spec may also be any module-level function, or any frozen dataclass of yours, that returns an
`nn.Module` when it is called.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal

from torch import nn

from trainlab.layers import BranchEnd, Dropout, Residual, SwiGLU


@dataclass(frozen=True, kw_only=True)
class MLP:
    """A fully connected network: `depth` hidden layers of one width, then a linear output layer.

    Each hidden layer is linear, norm, activation, dropout, in this order. With `residual`, each
    hidden layer whose input has the right width adds its input to its output.

    Args:
        inputs: features of an example.
        outputs: classes, or values to predict.
        depth: hidden layers, >= 0; 0 is logistic or linear regression.
        width: units in a hidden layer, >= 1.
        activation: a module class without required arguments, such as `nn.ReLU`.
        norm: "batch", "layer" or None.
        dropout: the probability of zeroing a unit, in [0, 1); may differ between the runs of a stack.
        residual: add each hidden layer's input to its output.

    Raises:
        ValueError: a value is out of its range.
    """

    stacked_fields: ClassVar[tuple[str, ...]] = ("dropout",)
    """Fields that live in buffers, so that runs which differ in them can train in one stack."""

    inputs: int
    outputs: int
    depth: int
    width: int
    activation: type[nn.Module] = nn.ReLU
    norm: Literal["batch", "layer"] | None = None
    dropout: float = 0.0
    residual: bool = False

    def __post_init__(self) -> None:
        for field, least in (("inputs", 1), ("outputs", 1), ("depth", 0), ("width", 1)):
            if (value := getattr(self, field)) < least:
                raise ValueError(f"MLP: {field} must be >= {least}, got {value}")
        if self.norm not in (None, "batch", "layer"):
            raise ValueError(f"MLP: norm must be 'batch', 'layer' or None, got {self.norm!r}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"MLP: dropout must be in [0, 1), got {self.dropout}")

    def __call__(self) -> nn.Module:
        """Build the network."""
        hidden = [self._hidden(layer) for layer in range(self.depth)]
        return nn.Sequential(*hidden, nn.Linear(self.width if self.depth else self.inputs, self.outputs))

    def _hidden(self, layer: int) -> nn.Module:
        inputs = self.width if layer else self.inputs
        norm = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}
        modules: list[nn.Module] = [nn.Linear(inputs, self.width)]
        if self.norm:
            modules.append(norm[self.norm](self.width))
        modules.append(self.activation())
        if self.dropout:
            modules.append(Dropout(self.dropout, layer))
        block = nn.Sequential(*modules)
        return Residual(block) if self.residual and inputs == self.width else block


@dataclass(frozen=True, kw_only=True)
class GatedMLP:
    """`depth` hidden layers of SwiGLU units, then a linear output layer.

    Args:
        inputs: features of an example.
        outputs: classes, or values to predict.
        depth: hidden layers, >= 1.
        width: units in a hidden layer, >= 1; each has two rows of weights.

    Raises:
        ValueError: a value is out of its range.
    """

    inputs: int
    outputs: int
    depth: int
    width: int

    def __post_init__(self) -> None:
        _check_sizes(self, "inputs", "outputs", "depth", "width")

    def __call__(self) -> nn.Module:
        """Build the network."""
        sizes = [self.inputs] + self.depth * [self.width]
        return nn.Sequential(*(SwiGLU(a, b) for a, b in pairwise(sizes)), nn.Linear(self.width, self.outputs))


@dataclass(frozen=True, kw_only=True)
class OrderedMLP:
    """A fully connected network whose hidden layers have their parts in any order, for comparing such orders.

    Args:
        inputs: features of an example.
        outputs: classes, or values to predict.
        depth: hidden layers, >= 1.
        width: units in a hidden layer, >= 1.
        order: parts of a hidden layer from input to output: "linear" once, and "norm" (batch norm), "activation" and
            "dropout" where they are wanted.
        activation: a module class without required arguments.
        dropout: the probability of zeroing a unit, in [0, 1); may differ between the runs of a stack.
        dropout_layer: `Dropout`, or `AlphaDropout` beside SELU.
        only_last: leave dropout out of all hidden layers but the last.

    Raises:
        ValueError: a value is out of its range, or the order has an unknown part or not one "linear".
    """

    stacked_fields: ClassVar[tuple[str, ...]] = ("dropout",)
    """Fields that live in buffers, so that runs which differ in them can train in one stack."""

    inputs: int
    outputs: int
    depth: int
    width: int
    order: tuple[str, ...] = ("linear", "norm", "activation", "dropout")
    activation: type[nn.Module] = nn.ReLU
    dropout: float = 0.0
    dropout_layer: type[Dropout] = Dropout
    only_last: bool = False

    def __post_init__(self) -> None:
        _check_sizes(self, "inputs", "outputs", "depth", "width")
        known = ("linear", "norm", "activation", "dropout")
        if set(self.order) - {*known} or self.order.count("linear") != 1:
            raise ValueError(f"OrderedMLP: order must have 'linear' once, and others of {known}, got {self.order}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"OrderedMLP: dropout must be in [0, 1), got {self.dropout}")

    def __call__(self) -> nn.Module:
        """Build the network."""
        return nn.Sequential(*map(self._hidden, range(self.depth)), nn.Linear(self.width, self.outputs))

    def _hidden(self, layer: int) -> nn.Module:
        inputs = self.width if layer else self.inputs
        dropped = self.dropout and (layer == self.depth - 1 or not self.only_last)
        size, modules = inputs, []
        for part in self.order:
            if part == "linear":
                modules, size = [*modules, nn.Linear(inputs, self.width)], self.width
            elif part == "norm":
                modules = [*modules, nn.BatchNorm1d(size)]
            elif part == "activation":
                modules = [*modules, self.activation()]
            elif dropped:
                modules = [*modules, self.dropout_layer(self.dropout, layer)]
        return nn.Sequential(*modules)


@dataclass(frozen=True, kw_only=True)
class ResidualMLP:
    """A linear layer, `blocks` branches of two layers each, and a linear output layer.

    A branch is activation, linear, activation, linear (a `BranchEnd`). The last branch is followed by an activation.
    There is no normalization.

    Args:
        inputs: features of an example.
        outputs: classes, or values to predict.
        blocks: how many branches, >= 1.
        width: units in every layer, >= 1.
        activation: a module class without required arguments.
        residual: add each branch to its input; otherwise the branches follow each other, which is a plain net.

    Raises:
        ValueError: a value is out of its range.
    """

    inputs: int
    outputs: int
    blocks: int
    width: int
    activation: type[nn.Module] = nn.ReLU
    residual: bool = True

    def __post_init__(self) -> None:
        _check_sizes(self, "inputs", "outputs", "blocks", "width")

    def __call__(self) -> nn.Module:
        """Build the network."""
        blocks = [Residual(branch) if self.residual else branch for branch in map(self._branch, range(self.blocks))]
        head = (self.activation(), nn.Linear(self.width, self.outputs))
        return nn.Sequential(nn.Linear(self.inputs, self.width), *blocks, *head)

    def _branch(self, block: int) -> nn.Module:
        width, activation = self.width, self.activation
        return nn.Sequential(activation(), nn.Linear(width, width), activation(), BranchEnd(width, width))


def _check_sizes(spec: object, *names: str) -> None:
    for name in names:
        if (value := getattr(spec, name)) < 1:
            raise ValueError(f"{type(spec).__name__}: {name} must be >= 1, got {value}")
