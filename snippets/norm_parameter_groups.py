"""Weight decay for weight matrices only: not for the scales and shifts of norms, and not for biases."""

import torch
from torch import nn

torch.set_num_threads(1)


def groups(net: nn.Module, weight_decay: float) -> list[dict]:
    """Parameter groups for any optimizer of PyTorch: vectors and single numbers are spared."""
    decayed = [w for w in net.parameters() if w.ndim >= 2]
    spared = [w for w in net.parameters() if w.ndim < 2]
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": spared, "weight_decay": 0.0}]


torch.manual_seed(0)
net = nn.Sequential(
    nn.Linear(40, 64, bias=False),  # the norm takes the mean out, so a bias would do nothing
    nn.BatchNorm1d(64),
    nn.ReLU(),
    nn.Linear(64, 10),
)
optimizer = torch.optim.AdamW(groups(net, weight_decay=0.01), lr=0.01)
for group in optimizer.param_groups:
    print(f"decay {group['weight_decay']:<5} shapes {[tuple(w.shape) for w in group['params']]}")

for _ in range(200):  # a loss of zero: only the decay moves the weights
    optimizer.zero_grad()
    (0 * net(torch.randn(16, 40)).sum()).backward()
    optimizer.step()
print(f"scales after 200 steps of decay alone: {net[1].weight.mean().item():.2f}")
