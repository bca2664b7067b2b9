"""Stochastic gradient descent: each step moves every weight a little against its gradient.

A small network learns to tell two spirals apart; at a rate that is too big its loss explodes.
On the same batches, torch.optim.SGD arrives at the same weights.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)  # so that two correct programs agree to many digits


class SGD:
    """theta <- theta - lr g, where g is the gradient of the loss on one batch."""

    def __init__(self, params: Iterable[Tensor], lr: float) -> None:
        self.params, self.lr = list(params), lr

    @torch.no_grad()
    def step(self) -> None:
        for theta in self.params:
            if theta.grad is not None:
                theta -= self.lr * theta.grad


def spirals(points: int = 500) -> tuple[Tensor, Tensor]:
    """Two arms wound into each other: points in the plane, and the arm that each is on, -1 or +1."""
    torch.manual_seed(0)
    radius, arm = torch.rand(points, 1), 2.0 * torch.randint(2, (points, 1)) - 1
    angle = 2 * torch.pi * radius
    return arm * radius * torch.cat([angle.cos(), angle.sin()], dim=1), arm


def network() -> nn.Module:
    torch.manual_seed(1)  # every network starts from the same weights
    return nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))


def train(net: nn.Module, optimizer: SGD | torch.optim.Optimizer, steps: int = 500) -> list[float]:
    """Train on batches of 50 points; return the loss on all points at the start and after each step."""
    torch.manual_seed(2)  # every run sees the same batches
    losses = [mse_loss(net(x), y).item()]
    for _ in range(steps):
        batch = torch.randint(len(x), (50,))
        net.zero_grad()
        mse_loss(net(x[batch]), y[batch]).backward()
        optimizer.step()
        losses.append(mse_loss(net(x), y).item())
    return losses


x, y = spirals()
print("loss after        0   100   200   300   400   500 steps")
for lr in (0.003, 0.03, 0.1):
    net = network()
    losses = train(net, SGD(net.parameters(), lr))
    print(f"at rate {lr:<5} ", "  ".join(f"{loss:.2f}" for loss in losses[::100]))

net = network()
losses = train(net, SGD(net.parameters(), lr=3.0), steps=5)
print("at rate 3, after 0 to 5 steps:", ", ".join(f"{loss:.1g}" for loss in losses))

ours, theirs = network(), network()
train(ours, SGD(ours.parameters(), lr=0.1))
train(theirs, torch.optim.SGD(theirs.parameters(), lr=0.1))
gap = max((a - b).abs().max().item() for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))
assert gap < 1e-6, gap
print(f"Largest gap to the weights of torch.optim.SGD: {gap:.9f}")
