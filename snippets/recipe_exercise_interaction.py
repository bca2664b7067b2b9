"""Solution: batch norm and residual each need the other, so what leaving them out costs does not add up.

All seeds train side by side: every tensor has one more axis, and the losses are added. One rate for all, He's weights,
AdamW. For the test, batch norm takes the statistics of the test examples.
"""

from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

torch.set_num_threads(1)
SEEDS, STUDENT = 8, 2.36  # the 97.5 % point of Student's t for 7 degrees of freedom
DEPTH, WIDTH, UPDATES = 20, 24, 60

torch.manual_seed(0)
x = torch.randn(1600, 10)
y = (torch.tanh(x @ torch.randn(10, 8)) @ torch.randn(8)).argsort().argsort() * 5 // 1600


def accuracies(norm: bool, residual: bool) -> Tensor:
    """Percent of the test examples that each seed gets right."""
    torch.manual_seed(1)
    sizes = [10] + DEPTH * [WIDTH] + [5]
    weights = [torch.randn(SEEDS, a, b) * (2 / a) ** 0.5 for a, b in pairwise(sizes)]
    weights += [torch.zeros(SEEDS, 1, size) for size in sizes[1:]]
    optimizer = torch.optim.AdamW([w.requires_grad_() for w in weights], lr=0.003)

    def net(h: Tensor) -> Tensor:
        for layer, (weight, bias) in enumerate(zip(weights[:DEPTH], weights[DEPTH + 1 :], strict=False)):
            z = torch.baddbmm(bias, h, weight)
            if norm:
                z = (z - z.mean(1, keepdim=True)) / (z.var(1, correction=0, keepdim=True) + 1e-5).sqrt()
            h = h + z.relu() if residual and layer else z.relu()
        return torch.baddbmm(weights[-1], h, weights[DEPTH])

    for _ in range(UPDATES):
        rows = torch.randint(800, (SEEDS, 32))
        optimizer.zero_grad()
        (SEEDS * cross_entropy(net(x[rows]).flatten(0, 1), y[rows].flatten())).backward()
        optimizer.step()
    with torch.no_grad():
        right = net(x[800:].expand(SEEDS, -1, -1)).argmax(2) == y[800:]
    return 100 * right.double().mean(1)


both, no_norm, no_residual, neither = (accuracies(*parts) for parts in ((1, 1), (0, 1), (1, 0), (0, 0)))
print(f"with both              {both.mean():3.0f} % right")
for name, kept in (("without batch norm", no_norm), ("without residual", no_residual), ("without both", neither)):
    lost = both - kept
    half = STUDENT * lost.std() / SEEDS**0.5
    print(f"{name:22} {kept.mean():3.0f} % right, {lost.mean():5.1f} ± {half:4.1f} points lost")
more = (both - neither) - (both - no_norm) - (both - no_residual)
print(f"lost without both, less the sum of the two: {more.mean():.1f} ± {STUDENT * more.std() / SEEDS**0.5:.1f} points")
