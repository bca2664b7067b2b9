"""Weights before batch norm have a direction, and no size: ten times the weights, the same outputs.

So the gradient is at right angles to the weights, and becomes smaller as they grow.
"""

import torch
from torch import nn
from torch.nn.functional import cross_entropy

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(20, 50, bias=False), nn.BatchNorm1d(50, eps=1e-12), nn.ReLU(), nn.Linear(50, 4))
x = torch.randn(128, 20)
y = x[:, :4].argmax(1)
weight = net[0].weight
first = None
for factor in (1, 10, 100):
    scaled = (factor * weight).detach().requires_grad_()
    outputs = torch.func.functional_call(net, {"0.weight": scaled}, (x,))
    (gradient,) = torch.autograd.grad(cross_entropy(outputs, y), scaled)
    first = outputs if first is None else first
    same = torch.allclose(outputs, first)
    cosine = torch.cosine_similarity(gradient.flatten(), scaled.flatten(), dim=0).abs().item()
    right = "at right angles" if cosine < 1e-6 else f"cosine {cosine:.2f}"
    print(f"weights x {factor:<3}  same outputs: {same}  gradient {gradient.norm().item():.1e}, {right} to the weights")

print("\n300 steps of SGD at one rate, from three sizes of the first layer's weights:")
for factor in (0.1, 1, 10):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(20, 50, bias=False), nn.BatchNorm1d(50), nn.ReLU(), nn.Linear(50, 4))
    weight = net[0].weight
    weight.data *= factor
    start = weight.norm().item()
    optimizer = torch.optim.SGD(net.parameters(), lr=1.0)
    for _ in range(300):
        optimizer.zero_grad()
        loss = cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
    print(f"x {factor:<4} norm {start:5.3g} became {weight.norm().item():5.3g}, loss {loss.item():.4f}")
