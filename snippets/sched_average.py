"""Average the weights at a constant rate, or let the rate fall? PyTorch has both.

The average is `torch.optim.swa_utils.AveragedModel` with an exponential moving average. It is updated after each
update, and evaluated in the place of the network. A network with batch norm would need `update_bn` before that.
"""

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)

UPDATES = 400


def spirals(points: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Two noisy arms, and the arm that each point is on."""
    generator = torch.Generator().manual_seed(seed)
    radius = torch.rand(points, 1, generator=generator)
    label = torch.randint(2, (points,), generator=generator)
    angle = 3 * torch.pi * radius + torch.pi * label[:, None]
    noise = 0.08 * torch.randn(points, 2, generator=generator)
    return radius * torch.cat([angle.cos(), angle.sin()], dim=1) + noise, label


def losses(falls: bool, seed: int) -> tuple[float, float]:
    """Test loss of the last weights, and of the average."""
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    scheduler = LambdaLR(optimizer, lambda step: 1 - step / UPDATES if falls else 1.0)
    average = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.97))
    for _ in range(UPDATES):
        batch = torch.randint(len(x), (32,))
        optimizer.zero_grad()
        cross_entropy(net(x[batch]), y[batch]).backward()
        optimizer.step()
        scheduler.step()
        average.update_parameters(net)
    with torch.no_grad():
        return cross_entropy(net(test_x), test_y).item(), cross_entropy(average(test_x), test_y).item()


x, y = spirals(1000, seed=0)
test_x, test_y = spirals(2000, seed=1)
print("test loss, mean of 2 seeds   last weights   average")
for name, falls in (("constant rate", False), ("linear to zero", True)):
    last, mean = (sum(column) / 2 for column in zip(*(losses(falls, seed) for seed in range(2)), strict=True))
    print(f"{name:28} {last:12.2f} {mean:9.2f}")
