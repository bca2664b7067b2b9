"""Solution: with two examples in a mini-batch, batch norm forgets by how much they differ."""

import torch
from torch import nn

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
torch.manual_seed(0)
norm = nn.BatchNorm1d(4, eps=1e-12)
near = torch.tensor([[1.0, 2.0, 3.0, 4.0], [1.1, 1.9, 3.2, 3.9]])
far = torch.tensor([[1.0, 2.0, 3.0, 4.0], [90.0, -80.0, 70.0, -60.0]])
for name, pair in (("two near examples", near), ("two far examples", far)):
    print(f"{name:18}", [f"{value:+.2f}" for value in norm(pair)[0].tolist()])
for size in (2, 4, 16, 64, 256):
    x = torch.randn(4000, size)  # 4000 mini-batches of one unit
    normalized = (x - x.mean(1, keepdim=True)) / x.std(1, correction=0, keepdim=True)
    noise = (normalized - x).std().item()
    print(f"batch of {size:3}: what the neighbours add to an output has a standard deviation of {noise:.2f}")
