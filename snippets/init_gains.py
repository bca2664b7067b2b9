"""The right gain of an activation is one over the root of an integral.

A pre-activation with variance 1 is close to normal. The gain makes up for what the activation does to its mean square.
"""

import math

import torch
from torch import Tensor, nn

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)

z = torch.linspace(-12, 12, 24_001)
density = torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi)


def gain(activation: nn.Module) -> float:
    return 1 / math.sqrt(torch.trapezoid(density * activation(z).square(), z))


def last_size(activation: nn.Module, g: float, layers: int = 10, width: int = 400) -> float:
    """The mean square of the pre-activations of the last layer, which should be 1."""
    torch.manual_seed(0)
    h: Tensor = torch.randn(64, width)  # pre-activations of the first layer
    for _ in range(layers):
        h = activation(h) @ torch.randn(width, width) * g / math.sqrt(width)
    return h.square().mean().item()


print("activation   right gain   ten layers with it   with He's gain instead")
for activation in (nn.ReLU(), nn.Tanh(), nn.SELU(), nn.GELU(), nn.SiLU()):
    own = last_size(activation, gain(activation))
    he = last_size(activation, math.sqrt(2))
    print(f"{type(activation).__name__:10} {gain(activation):10.2f} {own:16.1f} {he:21.2g}")
