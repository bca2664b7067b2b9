"""Solution: a stream to which ReLU branches with He's weights are added one after another.

q is the mean square of a unit, m its mean over units, c the mean product of two examples. Without norm, a branch is
positive with mean sqrt(q / pi) and mean square q, and h <- h + branch gives
    q <- 2 q + 2 m sqrt(q / pi),   c <- c + q k(c / q) + 2 m sqrt(q / pi),   m <- m + sqrt(q / pi)
with k of Cho and Saul. With batch norm a branch has variance 1/2 - 1/(2 pi) over the examples, at any depth.
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


def predicted() -> list[tuple[float, float]]:
    q, c, m, found = 1.0, 0.0, 0.0, []
    for _ in range(DEPTH):
        angle = math.acos(min(1.0, c / q))
        k = (math.sin(angle) + (math.pi - angle) * math.cos(angle)) / math.pi
        cross = 2 * m * math.sqrt(q / math.pi)
        q, c, m = 2 * q + cross, c + q * k + cross, m + math.sqrt(q / math.pi)
        found.append((q, q - c))
    return found


plain, theory, normed = measured(norm=False), predicted(), measured(norm=True)
print("branches" + " " * 34 + "".join(f"{n:9}" for n in SHOWN))
print(f"{'doubled at each branch':42}" + "".join(f"{2.0**n:9.2g}" for n in SHOWN))
for name, values in (("measured", plain), ("by the recursion", theory)):
    for what, part in (("mean square", 0), ("variance over the examples", 1)):
        print(f"{what + ', ' + name:42}" + "".join(f"{values[n - 1][part]:9.2g}" for n in SHOWN))
print(f"{'with batch norm: variance, measured':42}" + "".join(f"{normed[n - 1][1]:9.2f}" for n in SHOWN))
line = [1 + n * (1 / 2 - 1 / (2 * math.pi)) for n in range(1, DEPTH + 1)]
print(f"{'with batch norm: a straight line':42}" + "".join(f"{line[n - 1]:9.2f}" for n in SHOWN))
