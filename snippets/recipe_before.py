"""A net as it is often found: 20 hidden layers, PyTorch's default weights, SGD with momentum. It does not train.

The signal is the variance over the examples: how far the outputs of a layer tell one example from another. Where it has
vanished, the best that the last layer can do is to say the same of every example.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
INPUTS, CLASSES, DEPTH, WIDTH, UPDATES = 10, 5, 20, 100, 100


def problem(rows: int = 2000) -> tuple[Tensor, Tensor]:
    """A small random net gives each example a score; its class says in which fifth of all scores that lies."""
    torch.manual_seed(0)
    x = torch.randn(rows, INPUTS)
    score = torch.tanh(x @ torch.randn(INPUTS, 8)) @ torch.randn(8)
    return x, score.argsort().argsort() * CLASSES // rows


def network(seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for layer in range(DEPTH):
        layers += [nn.Linear(WIDTH if layer else INPUTS, WIDTH), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(WIDTH, CLASSES))


x, y = problem()
train_x, train_y, test_x, test_y = x[:1000], y[:1000], x[1000:], y[1000:]

signal, values = [], train_x
with torch.no_grad():
    for module in network(seed=0):
        values = module(values)
        if isinstance(module, nn.ReLU):
            signal.append(values.var(0).mean().item())
print("hidden layer         1       5      10      15      20")
print("signal        " + "".join(f"{signal[layer - 1]:8.0e}" for layer in (1, 5, 10, 15, 20)))

print(f"a guess among {CLASSES} classes: loss {math.log(CLASSES):.2f}, {1 / CLASSES:.0%} right")
for lr in (0.01, 0.1, 1.0):
    net = network(seed=0)
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
    for _ in range(UPDATES):
        rows = torch.randint(len(train_y), (32,))
        optimizer.zero_grad()
        cross_entropy(net(train_x[rows]), train_y[rows]).backward()
        optimizer.step()
    with torch.no_grad():
        out = net(test_x)
    right = (out.argmax(1) == test_y).double().mean()
    print(f"rate {lr:<4g} after {UPDATES} updates: loss {cross_entropy(out, test_y):.2f}, {right:.0%} right")
