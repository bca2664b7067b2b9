"""After training, batch norm is a scale and a shift. Fold both into the linear layer before it."""

import torch
from torch import nn

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


@torch.no_grad()
def fold(linear: nn.Linear, norm: nn.BatchNorm1d) -> nn.Linear:
    """One linear layer that does what both do in eval mode."""
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    folded = nn.Linear(linear.in_features, linear.out_features)
    folded.weight.copy_(scale[:, None] * linear.weight)
    folded.bias.copy_(norm.bias - scale * norm.running_mean)
    if linear.bias is not None:
        folded.bias += scale * linear.bias
    return folded


torch.manual_seed(0)
linear, norm = nn.Linear(30, 20), nn.BatchNorm1d(20)
with torch.no_grad():
    norm.weight.uniform_(0.5, 2)
    norm.bias.uniform_(-1, 1)
for _ in range(50):
    norm(linear(3 * torch.randn(64, 30)))
norm.eval()
x = torch.randn(100, 30)
folded = fold(linear, norm)
error = (folded(x) - norm(linear(x))).abs().max().item()
print(f"parameters and statistics before {sum(t.numel() for m in (linear, norm) for t in m.state_dict().values()) - 1}")
print(f"parameters after folding         {sum(p.numel() for p in folded.parameters())}")
print(f"largest difference below 1e-12:  {error < 1e-12}")
