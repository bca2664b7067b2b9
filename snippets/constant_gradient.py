"""What does each optimizer make of a gradient that stays the same?

One weight, a gradient of 0.5 at every update, and rate 1. The table shows how far the weight moves at some updates.
"""

import torch

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)

OPTIMIZERS = {
    "SGD": lambda w: torch.optim.SGD(w, 1.0),
    "Momentum 0.9": lambda w: torch.optim.SGD(w, 1.0, momentum=0.9),
    "AdaGrad": lambda w: torch.optim.Adagrad(w, 1.0),
    "RMSProp": lambda w: torch.optim.RMSprop(w, 1.0),
    "Adadelta": lambda w: torch.optim.Adadelta(w, 1.0, eps=1e-6),
    "Adam": lambda w: torch.optim.Adam(w, 1.0),
    "NAdam": lambda w: torch.optim.NAdam(w, 1.0),
}
SHOWN = (1, 2, 10, 100, 1000)

print("length of update     " + "".join(f"{t:9d}" for t in SHOWN))
for name, make in OPTIMIZERS.items():
    w = torch.zeros(1)
    optimizer = make([w])
    lengths = []
    for _ in range(max(SHOWN)):
        w.grad = torch.full((1,), 0.5)
        before = w.clone()
        optimizer.step()
        lengths.append((before - w).item())
    print(f"{name:21}" + "".join(f"{lengths[t - 1]:9.2g}" for t in SHOWN))
