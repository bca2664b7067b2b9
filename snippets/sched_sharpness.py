"""The sharpness, and the edge: under full-batch gradient descent it rises to about 2 / rate and stays near it.

`sharpness` is the part to copy: power iteration with products of the Hessian and a vector, which cost about two
gradients each and never build the matrix. It finds the eigenvalue that is largest in size, here the positive one.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


def sharpness(loss: Tensor, params: list[Tensor], iterations: int = 30) -> float:
    """The largest eigenvalue of the Hessian of the loss."""
    gradients = torch.autograd.grad(loss, params, create_graph=True)
    flat = torch.cat([g.flatten() for g in gradients])
    generator = torch.Generator().manual_seed(0)
    vector = torch.randn(len(flat), generator=generator)
    value = 0.0
    for _ in range(iterations):
        vector = vector / vector.norm()
        product = torch.autograd.grad(flat, params, grad_outputs=vector, retain_graph=True)
        product = torch.cat([p.flatten() for p in product])
        value = float(vector @ product)
        vector = product
    return value


torch.manual_seed(0)
radius, arm = torch.rand(100, 1), 2.0 * torch.randint(2, (100, 1)) - 1
angle = 2 * torch.pi * radius
x, y = arm * radius * torch.cat([angle.cos(), angle.sin()], dim=1), arm  # two spirals

print("updates                           0      600     1200     1800     2400")
for rate in (0.05, 0.1, 0.2):
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))
    params, row = list(net.parameters()), []
    for step in range(2401):
        loss = mse_loss(net(x), y)  # all points, at every update
        if step % 600 == 0:
            row.append(sharpness(loss, params) * rate / 2)
            loss = mse_loss(net(x), y)
        gradients = torch.autograd.grad(loss, params)
        with torch.no_grad():
            for weight, gradient in zip(params, gradients, strict=True):
                weight -= rate * gradient
    print(f"rate {rate:<4g} sharpness x rate / 2", "".join(f"{value:9.2f}" for value in row))
