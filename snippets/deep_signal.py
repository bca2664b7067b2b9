"""What fifty ReLU layers do to a signal before training, under three initializations.

Two numbers a layer tell most of it: the mean square of the outputs, and the part of it that differs between examples.
"""

import torch
from torch import Tensor, nn

torch.set_num_threads(1)


def network(init: str, depth: int = 50, width: int = 256) -> list[nn.Linear]:
    torch.manual_seed(0)
    layers = [nn.Linear(width, width) for _ in range(depth)]  # PyTorch's default: nobody asked for it
    for layer in layers:
        if init == "He":
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
        elif init == "Glorot":
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    return layers


@torch.no_grad()
def signal(layers: list[nn.Linear], x: Tensor) -> list[tuple[float, float]]:
    """(mean square, variance over the examples) of the input and of every layer."""
    found = []
    for layer in [None, *layers]:
        x = x if layer is None else layer(x).relu()
        found.append((x.square().mean().item(), x.var(0, correction=0).mean().item()))
    return found


torch.manual_seed(1)
examples = torch.randn(64, 256)
print("layer                         0      5     10     20     50")
for init in ("He", "Glorot", "PyTorch"):
    found = signal(network(init), examples)
    for name, part in (("mean square", 0), ("differs", 1)):
        numbers = "".join(f"{found[layer][part]:7.0e}" for layer in (0, 5, 10, 20, 50))
        print(f"{init:8} {name:12} {numbers}")
