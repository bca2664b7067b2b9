"""Solution: the right gain of a sine unit, by arithmetic and by a deep net."""

import math

import torch

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)

# sin(z)^2 = (1 - cos 2z) / 2, and the mean of cos(2z) over a standard normal z is exp(-2).
gain = 1 / math.sqrt((1 - math.exp(-2)) / 2)
print(f"right gain of the sine: {gain:.2f}")

torch.manual_seed(0)
for name, g in (("this gain", gain), ("gain 1", 1.0)):
    h = torch.randn(64, 500)
    for _ in range(20):
        h = torch.sin(h) @ torch.randn(500, 500) * g / math.sqrt(500)
    print(f"variance of the pre-activations after 20 layers with {name}: {h.var().item():.2f}")
