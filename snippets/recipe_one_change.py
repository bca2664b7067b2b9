"""One change at a time, on the same seeds: what each adds to the accuracy, with its 95 % interval.

`gain` and `climb` are the parts to copy. A seed fixes weights and mini-batches, so two recipes are compared in pairs.
Each optimizer has one fixed rate here; a fair race tunes the rate of each recipe first, on other seeds.
"""

import math
import statistics

import torch
from torch import nn
from torch.nn.functional import cross_entropy

torch.set_num_threads(1)
SEEDS, STUDENT = range(5), 2.78  # the 97.5 % point of Student's t for 4 degrees of freedom, one less than the seeds
DEPTH, WIDTH, UPDATES = 8, 24, 50

START = {"he": False, "norm": False, "residual": False, "adamw": False}
CHANGES = {"He": "he", "batch norm": "norm", "residual": "residual", "AdamW": "adamw"}

torch.manual_seed(0)
x = torch.randn(1600, 10)
y = (torch.tanh(x @ torch.randn(10, 8)) @ torch.randn(8)).argsort().argsort() * 5 // 1600


class Hidden(nn.Module):
    def __init__(self, inputs: int, recipe: dict[str, bool]) -> None:
        super().__init__()
        linear = nn.Linear(inputs, WIDTH)
        if recipe["he"]:
            nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
            nn.init.zeros_(linear.bias)
        self.branch = nn.Sequential(linear, nn.BatchNorm1d(WIDTH) if recipe["norm"] else nn.Identity(), nn.ReLU())
        self.skip = recipe["residual"] and inputs == WIDTH

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.branch(x) if self.skip else self.branch(x)


def accuracy(recipe: dict[str, bool], seed: int) -> float:
    """Percent of the test examples that a net of this recipe and seed gets right."""
    torch.manual_seed(seed)
    net = nn.Sequential(*(Hidden(WIDTH if layer else 10, recipe) for layer in range(DEPTH)), nn.Linear(WIDTH, 5))
    adamw, sgd = torch.optim.AdamW, torch.optim.SGD
    weights = net.parameters()
    optimizer = adamw(weights, lr=0.01) if recipe["adamw"] else sgd(weights, lr=0.03, momentum=0.9)
    batches = torch.Generator().manual_seed(seed)  # its own, or a change of the weights would change the batches
    for _ in range(UPDATES):
        rows = torch.randint(800, (32,), generator=batches)
        optimizer.zero_grad()
        cross_entropy(net(x[rows]), y[rows]).backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        return 100 * (net(x[800:]).argmax(1) == y[800:]).double().mean().item()


def gain(before: list[float], after: list[float]) -> tuple[float, float]:
    """The mean difference of the pairs, and half the width of its interval."""
    differences = [b - a for a, b in zip(before, after, strict=True)]
    return statistics.mean(differences), STUDENT * statistics.stdev(differences) / math.sqrt(len(differences))


def climb() -> None:
    recipe = START
    before = [accuracy(recipe, seed) for seed in SEEDS]
    print(f"as found      {statistics.mean(before):3.0f} % right")
    for name, field in CHANGES.items():
        recipe = recipe | {field: True}
        after = [accuracy(recipe, seed) for seed in SEEDS]
        mean, half = gain(before, after)
        sure = "" if abs(mean) > half else "   the interval holds zero"
        print(f"+ {name:11} {statistics.mean(after):3.0f} % right   gain {mean:+5.1f} ± {half:4.1f} points{sure}")
        before = after


climb()
