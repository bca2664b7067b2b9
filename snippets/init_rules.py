"""Glorot, LeCun and He by hand: each is one number for the spread of the weights.

Thirty layers of 256 ReLU units are filled by each rule, and we look at what is left of the input's mean square. The
weights are then compared with those of torch.nn.init.
"""

import math

import torch
from torch import Tensor, nn

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


def fans(weight: Tensor) -> tuple[int, int]:
    """How many numbers a unit reads, and how many units read it."""
    units, inputs = weight.shape
    return inputs, units


def glorot(weight: Tensor) -> float:
    fan_in, fan_out = fans(weight)
    return math.sqrt(2 / (fan_in + fan_out))


def lecun(weight: Tensor) -> float:
    return math.sqrt(1 / fans(weight)[0])


def he(weight: Tensor) -> float:
    return math.sqrt(2 / fans(weight)[0])


def net() -> nn.Sequential:
    layers = [module for _ in range(30) for module in (nn.Linear(256, 256), nn.ReLU())]
    return nn.Sequential(*layers)


@torch.no_grad()
def fill(network: nn.Module, std) -> None:
    torch.manual_seed(1)
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            layer.weight.normal_(0, std(layer.weight))
            layer.bias.zero_()


torch.manual_seed(0)
x = torch.randn(64, 256)
print("mean square after         10 layers  20 layers  30 layers")
for name, rule in (("Glorot", glorot), ("LeCun", lecun), ("He", he)):
    network = net()
    fill(network, rule)
    sizes = []
    h = x
    for number, module in enumerate(network, 1):
        h = module(h)
        if number % 20 == 0:
            sizes.append(f"{h.square().mean().item():9.0e}")
    print(f"{name:22}", "  ".join(sizes))

ours, theirs = nn.Linear(300, 200), nn.Linear(300, 200)
fill(ours, he)
torch.manual_seed(1)
nn.init.kaiming_normal_(theirs.weight, nonlinearity="relu")
assert torch.allclose(ours.weight, theirs.weight)
print("Our He draws the same weights as kaiming_normal_.")
