"""Solution: multiply the loss by a tiny number. Which methods notice?

Tiny gradients are what Glorot's initialization gives a deep ReLU net. Adam divides each gradient by its own size, so a
factor cancels, until the gradients come near its epsilon. Clipping by norm only shortens, so it does not help here.
"""

import torch
from torch import nn
from torch.nn.functional import mse_loss

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


def trained(method: str, factor: float, epsilon: float = 1e-8) -> float:
    torch.manual_seed(0)
    x = torch.randn(200, 5)
    y = x.square().sum(1, keepdim=True) / 5
    net = nn.Sequential(nn.Linear(5, 32), nn.Tanh(), nn.Linear(32, 1))
    make = {"SGD": lambda: torch.optim.SGD(net.parameters(), lr=0.1)}
    optimizer = make.get(method, lambda: torch.optim.Adam(net.parameters(), lr=0.01, eps=epsilon))()
    for _ in range(300):
        optimizer.zero_grad()
        (factor * mse_loss(net(x), y)).backward()
        optimizer.step()
    return mse_loss(net(x), y).item()


print("loss after 300 steps, when the gradients are multiplied by   1   1e-4   1e-8  1e-12")
for name, method, epsilon in (
    ("SGD", "SGD", 0.0),
    ("Adam, eps 1e-8", "Adam", 1e-8),
    ("Adam, eps 1e-16", "Adam", 1e-16),
):
    losses = [trained(method, factor, epsilon) for factor in (1.0, 1e-4, 1e-8, 1e-12)]
    print(f"{name:52}", "".join(f"{loss:7.2f}" for loss in losses))
