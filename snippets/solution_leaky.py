"""Solution: the variance that keeps the mean square of a leaky ReLU layer.

A leaky ReLU passes positive numbers as they are and multiplies negative ones by a. By symmetry half of the mean square
is positive, so a layer keeps (1 + a^2) / 2 of it, and the weights need the variance 2 / ((1 + a^2) n).
"""

import torch

torch.set_num_threads(1)
torch.manual_seed(0)
depth, width = 50, 512

for slope in (0.0, 0.1, 0.5, 1.0):
    factors = []
    for variance in (2 / width, 2 / ((1 + slope**2) * width)):
        x = torch.randn(64, width)
        start = x.square().mean()
        for _ in range(depth):
            z = x @ (variance**0.5 * torch.randn(width, width))
            x = torch.where(z > 0, z, slope * z)
        factors.append(((x.square().mean() / start) ** (1 / depth)).item())
    print(f"slope {slope}: a layer multiplies by {factors[0]:.2f} with He's variance, by {factors[1]:.2f} with ours")
