"""Adam: each weight moves by its mean gradient, divided by the root of its mean squared gradient.

Both running means start at zero, so at first they are too small. The bias correction mends that: compare the first step
with it and without. On the same batches, torch.optim.Adam arrives at the same weights.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)  # so that two correct programs agree to many digits


class Adam:
    """m <- b1 m + (1 - b1) g, v <- b2 v + (1 - b2) g^2, theta <- theta - lr (m / c1) / (sqrt(v / c2) + eps)."""

    def __init__(self, params: Iterable[Tensor], lr: float, correct: bool = True) -> None:
        self.params, self.lr, self.correct, self.t = list(params), lr, correct, 0
        self.b1, self.b2, self.eps = 0.9, 0.999, 1e-8
        self.means = [(torch.zeros_like(theta), torch.zeros_like(theta)) for theta in self.params]

    @torch.no_grad()
    def step(self) -> None:
        self.t += 1
        c1, c2 = (1 - self.b1**self.t, 1 - self.b2**self.t) if self.correct else (1, 1)
        for theta, (m, v) in zip(self.params, self.means, strict=True):
            if theta.grad is not None:
                m.mul_(self.b1).add_((1 - self.b1) * theta.grad)
                v.mul_(self.b2).add_((1 - self.b2) * theta.grad**2)
                theta -= self.lr * (m / c1) / ((v / c2).sqrt() + self.eps)


def spirals(points: int = 500) -> tuple[Tensor, Tensor]:
    """Two arms wound into each other: points in the plane, and the arm that each is on, -1 or +1."""
    torch.manual_seed(0)
    radius, arm = torch.rand(points, 1), 2.0 * torch.randint(2, (points, 1)) - 1
    angle = 2 * torch.pi * radius
    return arm * radius * torch.cat([angle.cos(), angle.sin()], dim=1), arm


def network() -> nn.Module:
    torch.manual_seed(1)  # every network starts from the same weights
    return nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))


def train(net: nn.Module, optimizer: Adam | torch.optim.Optimizer, steps: int = 500) -> list[float]:
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
print("loss after                    0   100   200   300   400   500 steps")
for correct in (True, False):
    net = network()
    losses = train(net, Adam(net.parameters(), 0.01, correct))
    print(f"bias correction {'on ' if correct else 'off'}       ", "  ".join(f"{loss:.2f}" for loss in losses[::100]))

for correct in (True, False):
    net, start = network(), network()
    train(net, Adam(net.parameters(), 0.01, correct), steps=1)
    moved = max((a - b).abs().max().item() for a, b in zip(net.parameters(), start.parameters(), strict=True))
    print(f"bias correction {'on' if correct else 'off'}: the first step moves a weight by up to {moved / 0.01:.2f} lr")

ours, theirs = network(), network()
train(ours, Adam(ours.parameters(), lr=0.01))
train(theirs, torch.optim.Adam(theirs.parameters(), lr=0.01))
gap = max((a - b).abs().max().item() for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))
assert gap < 1e-6, gap
print(f"Largest gap to the weights of torch.optim.Adam: {gap:.9f}")
