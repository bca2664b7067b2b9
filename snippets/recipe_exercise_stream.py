"""Solution: a stream to which ReLU branches with He's weights are added one after another.

q is the mean square of a unit, m its mean over units. A branch has mean square q and mean sqrt(q / pi), so
    q <- 2 q + 2 m sqrt(q / pi),   m <- m + sqrt(q / pi).
With batch norm a branch has the variance 1/2 - 1/(2 pi) over the examples, whatever the stream is like.
"""

import math

import torch

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
torch.manual_seed(0)
DEPTH, WIDTH, EXAMPLES, NETS = 20, 200, 100, 10
SHOWN = (1, 2, 5, 10, 20)


def measured(norm: bool) -> list[tuple[float, float]]:
    """(mean square, variance over the examples) of the stream after each branch, the mean over nets."""
    h = torch.randn(NETS, EXAMPLES, WIDTH)
    found = []
    for _ in range(DEPTH):
        z = h @ torch.randn(NETS, WIDTH, WIDTH) * (2 / WIDTH) ** 0.5
        if norm:
            z = (z - z.mean(1, keepdim=True)) / z.std(1, correction=0, keepdim=True)
        h = h + z.relu()
        found.append((h.square().mean().item(), h.var(1).mean().item()))
    return found


def mean_squares() -> list[float]:
    q, m, found = 1.0, 0.0, []
    for _ in range(DEPTH):
        q, m = 2 * q + 2 * m * math.sqrt(q / math.pi), m + math.sqrt(q / math.pi)
        found.append(q)
    return found


plain, normed = measured(norm=False), measured(norm=True)
rows = {
    "doubled at each branch": [2.0**n for n in range(1, DEPTH + 1)],
    "mean square, by the recursion": mean_squares(),
    "mean square, measured": [square for square, _ in plain],
    "variance over the examples, measured": [variance for _, variance in plain],
    "with batch norm, a straight line": [1 + n * (1 / 2 - 1 / (2 * math.pi)) for n in range(1, DEPTH + 1)],
    "with batch norm, variance measured": [variance for _, variance in normed],
}
print("branches" + " " * 30 + "".join(f"{n:9}" for n in SHOWN))
for name, values in rows.items():
    print(f"{name:38}" + "".join(f"{values[n - 1]:9.2g}" for n in SHOWN))
