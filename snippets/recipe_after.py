"""The same problem with the whole recipe: He's weights, batch norm, residual, AdamW, 1cycle, dropout.

AdamW has one group of parameters, so its decay also takes biases and the scales of batch norm, as in the chapter.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
INPUTS, CLASSES, DEPTH, WIDTH, UPDATES = 10, 5, 20, 100, 100
PEAK, DROPOUT = 0.003, 0.05


def problem(rows: int = 2000) -> tuple[Tensor, Tensor]:
    """A small random net gives each example a score; its class says in which fifth of all scores that lies."""
    torch.manual_seed(0)
    x = torch.randn(rows, INPUTS)
    score = torch.tanh(x @ torch.randn(INPUTS, 8)) @ torch.randn(8)
    return x, score.argsort().argsort() * CLASSES // rows


class Hidden(nn.Module):
    """Linear, batch norm, ReLU, dropout; added to the input, except in the first layer, where the sizes differ."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.skip = inputs == WIDTH
        self.branch = nn.Sequential(nn.Linear(inputs, WIDTH), nn.BatchNorm1d(WIDTH), nn.ReLU(), nn.Dropout(DROPOUT))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x) if self.skip else self.branch(x)


x, y = problem()
train_x, train_y, test_x, test_y = x[:1000], y[:1000], x[1000:], y[1000:]

torch.manual_seed(0)
net = nn.Sequential(*(Hidden(WIDTH if layer else INPUTS) for layer in range(DEPTH)), nn.Linear(WIDTH, CLASSES))
for module in net.modules():
    if isinstance(module, nn.Linear):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        nn.init.zeros_(module.bias)

signal, values = [], train_x  # with the statistics of these examples, as in training
with torch.no_grad():
    for hidden in net[:-1]:
        values = hidden(values)
        signal.append(values.var(0).mean().item())
print("hidden layer         1       5      10      15      20")
print("signal        " + "".join(f"{signal[layer - 1]:8.1f}" for layer in (1, 5, 10, 15, 20)))

print(f"a guess among {CLASSES} classes: loss {math.log(CLASSES):.2f}, {1 / CLASSES:.0%} right")
optimizer = torch.optim.AdamW(net.parameters(), lr=PEAK)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK, total_steps=UPDATES, cycle_momentum=False)
for step in range(1, UPDATES + 1):
    rows = torch.randint(len(train_y), (32,))
    optimizer.zero_grad()
    cross_entropy(net(train_x[rows]), train_y[rows]).backward()
    optimizer.step()
    scheduler.step()
    if step % 50 == 0:
        net.eval()  # batch norm takes its running averages, dropout is off
        with torch.no_grad():
            out = net(test_x)
        net.train()
        right = (out.argmax(1) == test_y).double().mean()
        print(f"after {step:3} updates: loss {cross_entropy(out, test_y):.2f}, {right:.0%} right")
