"""What nn.Linear does when nobody asks, and how to undo it.

Its source calls kaiming_uniform_ with a = sqrt(5). That is the formula for a leaky ReLU whose negative side has slope
sqrt(5), which nobody uses. With it the bound of the uniform distribution becomes 1 / sqrt(inputs).
"""

import math

import torch
from torch import nn

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
torch.manual_seed(0)

layer = nn.Linear(400, 10_000)
print(f"largest weight times sqrt(inputs):   {layer.weight.abs().max() * 20:.2f}")
print(f"deviation times sqrt(inputs):        {layer.weight.std() * 20:.2f}")
print(f"the formula's gain for a = sqrt(5):  {nn.init.calculate_gain('leaky_relu', math.sqrt(5)):.2f}")
print(f"the gain that a ReLU needs:          {nn.init.calculate_gain('relu'):.2f}")


def he(module: nn.Module) -> None:
    """Use it as network.apply(he)."""
    if isinstance(module, nn.Linear):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        nn.init.zeros_(module.bias)


x = torch.randn(64, 256)
for name, function in (("as it comes", lambda module: None), ("after network.apply(he)", he)):
    torch.manual_seed(1)
    network = nn.Sequential(*(part for _ in range(20) for part in (nn.Linear(256, 256), nn.ReLU())))
    network.apply(function)
    out = network(x)
    apart = out.var(dim=0).mean()
    print(f"20 layers {name:25} examples differ by {apart.sqrt().item():.0e}")
