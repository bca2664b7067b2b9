"""Solution: one long run at a constant rate, with short decays that branch off, against runs planned for each length.

The decay starts from a copy of the weights and of Adam's state, so the long run goes on as if nothing had happened.
"""

import copy

import torch
from torch import nn
from torch.nn.functional import cross_entropy

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)

LENGTHS, DECAY, PEAK = (150, 300, 600), 0.2, 0.02


def network(seed: int) -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2))
    return net, torch.optim.Adam(net.parameters(), lr=PEAK)


def steps(net: nn.Module, optimizer: torch.optim.Optimizer, multipliers: list[float]) -> None:
    for multiplier in multipliers:
        optimizer.param_groups[0]["lr"] = PEAK * multiplier
        batch = torch.randint(len(x), (32,))
        optimizer.zero_grad()
        cross_entropy(net(x[batch]), y[batch]).backward()
        optimizer.step()


def loss(net: nn.Module) -> float:
    with torch.no_grad():
        return cross_entropy(net(x), y).item()


torch.manual_seed(0)
radius, y = torch.rand(1000, 1), torch.randint(2, (1000,))
angle = 3 * torch.pi * radius + torch.pi * y[:, None]
x = radius * torch.cat([angle.cos(), angle.sin()], dim=1) + 0.05 * torch.randn(1000, 2)

planned, branched, spent = dict.fromkeys(LENGTHS, 0.0), dict.fromkeys(LENGTHS, 0.0), 0
for seed in range(2):
    for length in LENGTHS:  # a straight line for each length
        net, optimizer = network(seed)
        steps(net, optimizer, [1 - step / length for step in range(length)])
        planned[length] += loss(net) / 2
    trunk, optimizer = network(seed)
    done = 0
    for length in LENGTHS:
        fall = int(DECAY * length)
        steps(trunk, optimizer, [1.0] * (length - fall - done))
        done = length - fall
        branch = copy.deepcopy(trunk)
        own = torch.optim.Adam(branch.parameters(), lr=PEAK)
        own.load_state_dict(copy.deepcopy(optimizer.state_dict()))
        steps(branch, own, [1 - step / fall for step in range(fall)])
        branched[length] += loss(branch) / 2
        spent += fall / 2
print("loss, mean of 2 seeds, after       150     300     600 updates")
print(f"{'planned for this length':28}", "".join(f"{planned[length]:8.2f}" for length in LENGTHS))
print(f"{'branched off one long run':28}", "".join(f"{branched[length]:8.2f}" for length in LENGTHS))
print(f"updates in all: planned {sum(LENGTHS) / 1000:.2f} thousand, branched {(done + spent) / 1000:.2f} thousand")
