"""Clipping by norm shortens the gradient; clipping by value also turns it.

A residual net without normalization starts with a huge loss and huge gradients. Both ways of clipping are one line
between backward() and step().
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

torch.set_num_threads(1)


class Residual(nn.Module):
    """x + relu(W x), with He's initialization."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, width)
        nn.init.kaiming_normal_(self.linear.weight, nonlinearity="relu")
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.linear(x).relu()


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(20, 32), *(Residual(32) for _ in range(10)), nn.Linear(32, 4))


def flat(model: nn.Module) -> Tensor:
    return torch.cat([w.grad.flatten() for w in model.parameters() if w.grad is not None]).double()


def clip(model: nn.Module, how: str) -> None:
    if how == "by norm":
        nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
    elif how == "by value":
        nn.utils.clip_grad_value_(model.parameters(), clip_value=0.01)


torch.manual_seed(1)
inputs = torch.randn(256, 20)
labels = inputs[:, :4].argmax(1)
for how in ("nothing", "by norm", "by value"):
    model, turned = network(), 0.0
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
    for step in range(200):
        optimizer.zero_grad()
        loss = cross_entropy(model(inputs), labels)
        loss.backward()
        before = flat(model)
        clip(model, how)
        if step == 0:
            unit, after = before / before.norm(), flat(model)
            turned = 2 * torch.asin(((unit - after / after.norm()).norm() / 2).clamp(max=1)).rad2deg().item()
            print(f"clip {how:9} gradient of norm {before.norm():.0e}, turned by {turned:.0f} degrees")
        optimizer.step()
    with torch.no_grad():
        accuracy = (model(inputs).argmax(1) == labels).float().mean().item()
    print(
        f"     after 200 steps {'it is not a number' if loss.isnan() else f'{accuracy:.0%} of the examples are right'}"
    )
