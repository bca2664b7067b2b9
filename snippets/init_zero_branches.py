"""A residual net of 40 layers without normalization trains when the last layer of each branch starts at zero.

At the start every branch adds nothing, so the net is as shallow as its first and last layer. The branches wake up one
update later, because the zero layer itself gets a gradient.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


class Block(nn.Module):
    def __init__(self, width: int, skip: bool, zero: bool) -> None:
        super().__init__()
        self.first, self.last, self.skip = nn.Linear(width, width), nn.Linear(width, width), skip
        for layer in (self.first, self.last):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
        if zero:
            nn.init.zeros_(self.last.weight)

    def forward(self, x: Tensor) -> Tensor:
        branch = self.last(self.first(x.relu()).relu())
        return x + branch if self.skip else branch


def train(skip: bool, zero: bool, lr: float, blocks: int = 20, width: int = 16) -> list[float]:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, width), *(Block(width, skip, zero) for _ in range(blocks)), nn.Linear(width, 1))
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
    x = 2 * torch.rand(200, 2) - 1
    y = (x[:, :1] * x[:, 1:] > 0).double()  # which two of the four quadrants
    losses = []
    for _ in range(61):
        loss = mse_loss(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


print("squared error after                     0         30         60 updates")
for name, skip, zero in (("plain", False, False), ("residual, He", True, False), ("residual, zeros", True, True)):
    runs = [train(skip, zero, lr) for lr in (0.0003, 0.003, 0.03)]
    best = min(runs, key=lambda losses: losses[-1] if losses[-1] == losses[-1] else float("inf"))
    print(f"{name:30}", "  ".join(f"{best[step]:9.2g}" for step in (0, 30, 60)))
