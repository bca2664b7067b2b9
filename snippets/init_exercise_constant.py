"""Solution: all weights equal, but not zero. The units of a layer stay twins, however long we train."""

import torch
from torch import nn
from torch.nn.functional import mse_loss

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
torch.manual_seed(0)
x = torch.randn(200, 4)
y = x[:, :1].sin() - x[:, 1:2] * x[:, 2:3]

for name, noise in (("all weights 0.3", 0.0), ("0.3 and a little noise", 0.1)):
    torch.manual_seed(1)
    hidden = nn.Linear(4, 20)
    net = nn.Sequential(hidden, nn.Tanh(), nn.Linear(20, 1))
    for parameter in net.parameters():
        nn.init.constant_(parameter, 0.3)
        parameter.data += noise * torch.randn_like(parameter)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(500):
        optimizer.zero_grad()
        mse_loss(net(x), y).backward()
        optimizer.step()
    different = len({tuple(round(value, 6) for value in row) for row in hidden.weight.tolist()})
    print(f"{name}: {different} of 20 hidden units differ, squared error {mse_loss(net(x), y).item():.2f}")
print(f"The targets have variance {y.var().item():.2f}.")
