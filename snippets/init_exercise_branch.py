"""Solution: zeros in one layer of a branch wake up, zeros in both never do."""

import torch
from torch import nn
from torch.nn.functional import mse_loss

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


def moved(zeros: tuple[int, ...]) -> list[float]:
    """How far the two weight matrices of one branch are from zero after 200 updates."""
    torch.manual_seed(0)
    stem, head = nn.Linear(2, 16), nn.Linear(16, 1)
    layers = [nn.Linear(16, 16, bias=False), nn.Linear(16, 16, bias=False)]
    for index in zeros:
        nn.init.zeros_(layers[index].weight)
    branch = nn.Sequential(layers[0], nn.ReLU(), layers[1])
    x = torch.randn(200, 2)
    y = x[:, :1] * x[:, 1:]
    optimizer = torch.optim.SGD([*stem.parameters(), *branch.parameters(), *head.parameters()], lr=0.05)
    for _ in range(200):
        h = stem(x).relu()
        optimizer.zero_grad()
        mse_loss(head((h + branch(h)).relu()), y).backward()
        optimizer.step()
    return [layer.weight.norm().item() for layer in layers]


for name, zeros in (("neither layer zero", ()), ("the last layer zero", (1,)), ("both layers zero", (0, 1))):
    first, last = moved(zeros)
    print(f"{name:20} size of the weights after training: first {first:.1f}, last {last:.1f}")
