"""Momentum: the weights roll like a heavy ball, which keeps most of its velocity from step to step.

A small network learns to tell two spirals apart without momentum and with it. Then both methods go down a valley for
which their best constants are known. On the same batches, torch.optim.SGD arrives at the same weights.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)  # so that two correct programs agree to many digits


class HeavyBall:
    """v <- beta v + g, then theta <- theta - lr v. At beta = 0 it is plain SGD."""

    def __init__(self, params: Iterable[Tensor], lr: float, beta: float) -> None:
        self.params, self.lr, self.beta = list(params), lr, beta
        self.velocities = [torch.zeros_like(theta) for theta in self.params]

    @torch.no_grad()
    def step(self) -> None:
        for theta, v in zip(self.params, self.velocities, strict=True):
            if theta.grad is not None:
                v.mul_(self.beta).add_(theta.grad)
                theta -= self.lr * v


def spirals(points: int = 500) -> tuple[Tensor, Tensor]:
    """Two arms wound into each other: points in the plane, and the arm that each is on, -1 or +1."""
    torch.manual_seed(0)
    radius, arm = torch.rand(points, 1), 2.0 * torch.randint(2, (points, 1)) - 1
    angle = 2 * torch.pi * radius
    return arm * radius * torch.cat([angle.cos(), angle.sin()], dim=1), arm


def network() -> nn.Module:
    torch.manual_seed(1)  # every network starts from the same weights
    return nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))


def train(net: nn.Module, optimizer: HeavyBall | torch.optim.Optimizer, steps: int = 500) -> list[float]:
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
print("loss after                  0   100   200   300   400   500 steps")
for lr, beta in ((0.03, 0.0), (0.3, 0.0), (0.03, 0.9)):
    net = network()
    losses = train(net, HeavyBall(net.parameters(), lr, beta))
    print(f"at rate {lr:<4}, beta {beta}   ", "  ".join(f"{loss:.2f}" for loss in losses[::100]))

curvature = torch.tensor([1.0, 100.0])  # along the valley and across it; its best constants are Polyak's (1964)
for name, lr, beta in (("SGD", 2 / 101, 0.0), ("the heavy ball", 4 / 11**2, (9 / 11) ** 2)):
    theta, steps = torch.ones(2), 0
    ball = HeavyBall([theta], lr, beta)
    while theta.norm() > 1e-3:
        theta.grad = curvature * theta
        ball.step()
        steps += 1
    print(f"In the valley, {name} at its best constants takes {steps} steps.")

ours, theirs = network(), network()
train(ours, HeavyBall(ours.parameters(), lr=0.03, beta=0.9))
train(theirs, torch.optim.SGD(theirs.parameters(), lr=0.03, momentum=0.9))
gap = max((a - b).abs().max().item() for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))
assert gap < 1e-6, gap
print(f"Largest gap to the weights of torch.optim.SGD: {gap:.9f}")
