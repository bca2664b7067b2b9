"""The activations of the book, side by side: what each is, its right gain, and a net of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from trainlab import gains
from trainlab.layers import ReLUSquared
from trainlab.models import MLP, GatedMLP
from trainlab.types import Model


@dataclass(frozen=True)
class Kind:
    """One kind of unit.

    Args:
        activation: a module class without required arguments.
        gated: the activation of one linear map times another linear map, as in SwiGLU.
    """

    activation: type[nn.Module]
    gated: bool = False

    @property
    def gain(self) -> float:
        """See `gains.right_gain`."""
        return gains.right_gain(self.activation(), gated=self.gated)

    @property
    def sensitivity(self) -> float:
        """See `gains.sensitivity`."""
        return gains.sensitivity(self.activation(), gated=self.gated)

    def model(self, *, inputs: int, depth: int, width: int, outputs: int = 10) -> Model:
        """A net of `depth` hidden layers of these units.

        Args:
            inputs: features of an example.
            depth: hidden layers.
            width: units of each.
            outputs: classes.
        """
        if self.gated:
            return GatedMLP(inputs=inputs, outputs=outputs, depth=depth, width=width)
        return MLP(inputs=inputs, outputs=outputs, depth=depth, width=width, activation=self.activation)


ACTIVATIONS: Mapping[str, Kind] = {
    "sigmoid": Kind(nn.Sigmoid),
    "tanh": Kind(nn.Tanh),
    "ReLU": Kind(nn.ReLU),
    "leaky ReLU": Kind(nn.LeakyReLU),
    "ELU": Kind(nn.ELU),
    "SELU": Kind(nn.SELU),
    "GELU": Kind(nn.GELU),
    "SiLU": Kind(nn.SiLU),
    "Mish": Kind(nn.Mish),
    "SwiGLU": Kind(nn.SiLU, gated=True),
    "ReLU squared": Kind(ReLUSquared),
}


def key(name: str) -> str:
    """The name as part of a number's name: "relu_squared".

    Args:
        name: as in `ACTIVATIONS`.
    """
    return name.lower().replace(" ", "_")
