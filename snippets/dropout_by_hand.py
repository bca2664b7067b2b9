"""Dropout by hand: what it does in training, and why nothing needs to be scaled afterwards.

The kept units are divided by the share that is kept, so the mean stays what it was; the variance does not.
"""

import torch
from torch import Tensor, nn

torch.set_num_threads(1)
torch.manual_seed(0)


def dropout(x: Tensor, rate: float, training: bool) -> Tensor:
    """Zero each unit with probability `rate`, divide the others by 1 - rate; outside of training do nothing."""
    if not training:
        return x
    kept = torch.rand_like(x) >= rate
    return x * kept / (1 - rate)


x = torch.randn(1000, 1000).relu()  # what a hidden layer might give
theirs = nn.Dropout(0.5)
print(f"{'':24}    mean   mean square   zeros")
for name, y in (
    ("no dropout", x),
    ("ours, training", dropout(x, 0.5, training=True)),
    ("nn.Dropout, training", theirs.train()(x)),
    ("ours, not training", dropout(x, 0.5, training=False)),
    ("nn.Dropout, eval()", theirs.eval()(x)),
):
    print(f"{name:24} {y.mean():7.3f} {y.square().mean():13.3f} {(y == 0).float().mean():7.0%}")
