"""Which optimizers notice when the loss is multiplied by a constant?

Every gradient is then multiplied by it too. A network is trained twice from the same weights on the same batches, once
on the loss and once on a thousandth of it. An optimizer that divides by the size of its gradients takes the same steps.
"""

import torch
from torch import nn
from torch.nn.functional import mse_loss

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)

torch.manual_seed(0)
x = torch.randn(400, 8)
y = (x[:, :1] * x[:, 1:2]).tanh() + 0.5 * x[:, 2:3]

OPTIMIZERS = {
    "SGD": lambda w: torch.optim.SGD(w, 0.1),
    "Momentum": lambda w: torch.optim.SGD(w, 0.01, momentum=0.9),
    "AdaGrad": lambda w: torch.optim.Adagrad(w, 0.03),
    "RMSProp": lambda w: torch.optim.RMSprop(w, 0.003),
    "Adadelta": lambda w: torch.optim.Adadelta(w, 1.0, eps=1e-6),
    "Adam": lambda w: torch.optim.Adam(w, 0.01),
}


def final_loss(name: str, scale: float, steps: int = 300) -> float:
    """Train on `scale` times the loss, and return the loss itself."""
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 1))
    optimizer = OPTIMIZERS[name](net.parameters())
    for _ in range(steps):
        batch = torch.randint(len(x), (50,))
        optimizer.zero_grad()
        (scale * mse_loss(net(x[batch]), y[batch])).backward()
        optimizer.step()
    return mse_loss(net(x), y).item()


print("final loss when trained on   the loss   a thousandth of it")
for name in OPTIMIZERS:
    print(f"{name:26}   {final_loss(name, 1.0):8.2f}   {final_loss(name, 0.001):18.2f}")
