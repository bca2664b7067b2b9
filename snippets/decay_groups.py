"""Weight decay for matrices only: biases and the scales of norm layers go without.

A scale that is pulled to zero switches its unit off; a bias does not make a function wilder. Two groups do it.
"""

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)
model = nn.Sequential(
    *(nn.Linear(40, 128), nn.BatchNorm1d(128), nn.ReLU()),
    *(nn.Linear(128, 128), nn.BatchNorm1d(128), nn.ReLU()),
    nn.Linear(128, 10),
)

decayed = [w for w in model.parameters() if w.ndim >= 2]
others = [w for w in model.parameters() if w.ndim < 2]
optimizer = torch.optim.AdamW(
    [{"params": decayed, "weight_decay": 1.0}, {"params": others, "weight_decay": 0.0}], lr=0.001
)
for group in optimizer.param_groups:
    shapes = "matrices" if group["params"][0].ndim > 1 else "vectors: biases, and scales and shifts of norms"
    print(f"weight decay {group['weight_decay']:g}: {len(group['params'])} {shapes}")

before = [w.detach().norm().item() for w in (model[3].weight, model[1].weight)]
for _ in range(500):  # no gradient at all: what is left is the decay
    for w in model.parameters():
        w.grad = torch.zeros_like(w)
    optimizer.step()
after = [w.detach().norm().item() for w in (model[3].weight, model[1].weight)]
for name, old, new in zip(("matrix", "scales of batch norm"), before, after, strict=True):
    print(f"{name:22} norm {old:.3g} -> {new:.3g}")
