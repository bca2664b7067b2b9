"""Networks with any normalization, before or after the activation, plain or residual; as frozen specs."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from trainlab.layers import Residual
from trainlab.norms import BatchNorm

Norm = Callable[[int], nn.Module]
"""Builds the normalization of a layer with so many units: a class such as `nn.LayerNorm`, a function at the top level
of a module, or a frozen dataclass such as `norms.Groups(4)`."""


@dataclass(frozen=True, kw_only=True)
class NormMLP:
    """A fully connected network with a normalization in each hidden layer, and a linear output layer.

    Args:
        inputs: features of an example.
        outputs: classes, or values to predict.
        depth: hidden layers, >= 1.
        width: units in a hidden layer, >= 1.
        activation: a module class without required arguments.
        norm: builds a layer's normalization; None for a net without.
        after: whether it comes after the activation instead of before it.
        bias: whether the hidden linear layers have a bias.

    Raises:
        ValueError: a number is out of its range.
    """

    inputs: int
    outputs: int
    depth: int
    width: int
    activation: type[nn.Module] = nn.ReLU
    norm: Norm | None = BatchNorm
    after: bool = False
    bias: bool = True

    def __post_init__(self) -> None:
        _check_sizes(self, "inputs", "outputs", "depth", "width")

    def __call__(self) -> nn.Module:
        """Build the network."""
        blocks = [self._hidden(self.width if layer else self.inputs) for layer in range(self.depth)]
        return nn.Sequential(*blocks, nn.Linear(self.width, self.outputs))

    def _hidden(self, inputs: int) -> nn.Module:
        parts = [*_norms(self.norm, self.width), self.activation()]
        if self.after:
            parts.reverse()
        return nn.Sequential(nn.Linear(inputs, self.width, bias=self.bias), *parts)


@dataclass(frozen=True, kw_only=True)
class NormResidualMLP:
    """A linear layer, `blocks` branches of two normalized layers each, and a head.

    A branch is norm, activation, linear, norm, activation, linear, as in He et al. 2016, "Identity mappings in deep
    residual networks", https://arxiv.org/abs/1603.05027. The head is norm, activation, linear.

    Args:
        inputs: features of an example.
        outputs: classes, or values to predict.
        blocks: how many branches, >= 1.
        width: units in every layer, >= 1.
        activation: a module class without required arguments.
        norm: builds a layer's normalization; None for a net without.
        residual: add each branch to its input; otherwise the branches follow each other, which is a plain net.

    Raises:
        ValueError: a number is out of its range.
    """

    inputs: int
    outputs: int
    blocks: int
    width: int
    activation: type[nn.Module] = nn.ReLU
    norm: Norm | None = BatchNorm
    residual: bool = True

    def __post_init__(self) -> None:
        _check_sizes(self, "inputs", "outputs", "blocks", "width")

    def __call__(self) -> nn.Module:
        """Build the network."""
        branches = [nn.Sequential(*self._layer(self.width), *self._layer(self.width)) for _ in range(self.blocks)]
        blocks = [Residual(branch) if self.residual else branch for branch in branches]
        return nn.Sequential(nn.Linear(self.inputs, self.width), *blocks, *self._layer(self.outputs))

    def _layer(self, outputs: int) -> list[nn.Module]:
        return [*_norms(self.norm, self.width), self.activation(), nn.Linear(self.width, outputs)]


def _norms(norm: Norm | None, units: int) -> list[nn.Module]:
    return [] if norm is None else [norm(units)]


def _check_sizes(spec: object, *names: str) -> None:
    for name in names:
        if (value := getattr(spec, name)) < 1:
            raise ValueError(f"{type(spec).__name__}: {name} must be >= 1, got {value}")
