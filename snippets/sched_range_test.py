"""A range test: raise the rate a little at every update of one short run, and look where the loss is lowest.

`range_test` is the part to copy. The usual rule takes about a tenth of the rate that it returns. Take that as
a place to start looking, and begin the real run afresh: the weights of the test are spoiled.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


def range_test(
    net: nn.Module, batch_loss: Callable[[], Tensor], low: float = 1e-5, high: float = 10.0, updates: int = 200
) -> float:
    """The rate of SGD at which the smoothed loss is lowest."""
    optimizer = torch.optim.SGD(net.parameters(), lr=low)
    rate, smooth, best, best_rate = low, 0.0, float("inf"), low
    for step in range(updates):
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        loss = batch_loss()
        smooth = 0.9 * smooth + 0.1 * loss.item()
        corrected = smooth / (1 - 0.9 ** (step + 1))
        if corrected < best:
            best, best_rate = corrected, rate
        if not corrected < 4 * best:  # it has exploded, or is no number any more
            break
        loss.backward()
        optimizer.step()
        rate *= (high / low) ** (1 / (updates - 1))
    return best_rate


torch.manual_seed(0)
radius, arm = torch.rand(500, 1), 2.0 * torch.randint(2, (500, 1)) - 1
angle = 2 * torch.pi * radius
x, y = arm * radius * torch.cat([angle.cos(), angle.sin()], dim=1), arm  # two spirals


def network(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))


def loss_of_batch(net: nn.Module) -> Tensor:
    batch = torch.randint(len(x), (50,))
    return mse_loss(net(x[batch]), y[batch])


def trained(rate: float, seed: int, updates: int = 500) -> float:
    """The loss on all points after training with this rate."""
    net = network(seed)
    optimizer = torch.optim.SGD(net.parameters(), lr=rate)
    for _ in range(updates):
        optimizer.zero_grad()
        loss_of_batch(net).backward()
        optimizer.step()
    return mse_loss(net(x), y).item()


for seed in (1, 2):
    net = network(seed)
    rate = range_test(net, lambda net=net: loss_of_batch(net))
    print(f"test {seed}: the smoothed loss is lowest at a rate of {rate:.2g}")
print("loss after 500 updates, mean of 2 seeds")
for rate in (0.01, 0.03, 0.1, 0.3, 1.0):
    print(f"  rate {rate:<5g} {sum(trained(rate, seed) for seed in (3, 4)) / 2:.2g}")
