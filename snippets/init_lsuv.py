"""LSUV: look at the data, and divide each layer's weights until its outputs have variance 1.

It needs no formula for the activation, because it measures. Here it sets up a net of 20 layers of SiLU units, in which
the signal dies with He's gain.
"""

import torch
from torch import Tensor, nn

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


@torch.no_grad()
def lsuv(network: nn.Sequential, x: Tensor) -> None:
    """Fill the linear layers of a chain of modules, from the first to the last."""
    for module in network:
        if isinstance(module, nn.Linear):
            nn.init.orthogonal_(module.weight)
            nn.init.zeros_(module.bias)
            module.weight /= module(x).std()
        x = module(x)


def he(network: nn.Sequential, x: Tensor) -> None:
    for module in network:
        if isinstance(module, nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            nn.init.zeros_(module.bias)


def sizes(network: nn.Sequential, x: Tensor) -> list[float]:
    """The standard deviation of the outputs of each linear layer."""
    found = []
    for module in network:
        x = module(x)
        if isinstance(module, nn.Linear):
            found.append(x.std().item())
    return found


print("deviation of the pre-activations in layer   1     5     10    15    20")
for name, fill in (("He", he), ("LSUV", lsuv)):
    torch.manual_seed(0)
    x = torch.randn(200, 100)
    network = nn.Sequential(*(part for _ in range(20) for part in (nn.Linear(100, 100), nn.SiLU())))
    fill(network, x)
    found = sizes(network, x)
    print(f"{name:40}", "  ".join(f"{found[layer - 1]:.2f}" for layer in (1, 5, 10, 15, 20)))
assert max(abs(size - 1) for size in found) < 1e-9
print("With LSUV every layer has deviation 1, to nine digits.")
