"""Solution: how long the running averages remember, and what to do when they are wrong."""

import math

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)
for momentum in (0.1, 0.01):
    half = math.log(0.5) / math.log(1 - momentum)
    print(f"momentum {momentum}: half of what is remembered comes from the last {half:.1f} mini-batches")

norm = nn.BatchNorm1d(1)
for step in range(1, 61):
    mean = 0.1 * step  # the inputs move a little at every step
    norm(mean + torch.randn(256, 1))
print(f"inputs at {mean:.1f}, running mean at {norm.running_mean.item():.1f}: it lags")

norm.reset_running_stats()
norm.momentum = None  # a plain mean over all mini-batches from now on
for _ in range(10):
    norm(mean + torch.randn(256, 1))
print(f"measured anew on 10 mini-batches: {norm.running_mean.item():.1f}")
