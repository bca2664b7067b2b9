"""Max-norm: after each step, scale back the weights into every unit whose norm is above a limit.

PyTorch has the projection as `torch.renorm`. It goes after `optimizer.step()`.
"""

import torch
from torch import nn
from torch.nn.functional import cross_entropy

torch.set_num_threads(1)
torch.manual_seed(0)
LIMIT = 1.0
x = torch.randn(512, 20)
y = (x[:, :5] + 0.5 * torch.randn(512, 5)).argmax(1)


@torch.no_grad()
def limit_norms(model: nn.Module, limit: float) -> None:
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            layer.weight.copy_(torch.renorm(layer.weight, p=2, dim=0, maxnorm=limit))


for limited in (False, True):
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 5))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    for _ in range(300):
        optimizer.zero_grad()
        loss = cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        if limited:
            limit_norms(model, LIMIT)
    norms = [layer.weight.norm(dim=1).max().item() for layer in model.modules() if isinstance(layer, nn.Linear)]
    said = ", ".join(f"{norm:.2f}" for norm in norms)
    print(f"{'with' if limited else 'without'} the limit: training loss {loss.item():.2f}")
    print(f"  largest norm by layer {said}")
