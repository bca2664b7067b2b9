"""Weight decay inside of Adam's gradient, and outside: which weights shrink?

Two weights of the same size. One has large gradients, the other small ones, both pure noise. L2 adds the weight to the
gradient, and Adam then divides by the size of the gradient; AdamW shrinks the weight apart from that.
"""

import torch

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)

SIZES = torch.tensor([10.0, 0.1])
RUNS, STEPS, LR = 2000, 200, 0.001


def kept(optimizer_type: type[torch.optim.Optimizer], decay: float) -> list[float]:
    """The share of each weight that is left, mean over many runs, in percent."""
    torch.manual_seed(0)
    w = torch.ones(RUNS, 2)
    optimizer = optimizer_type([w], lr=LR, weight_decay=decay)
    for _ in range(STEPS):
        w.grad = SIZES * torch.randn(RUNS, 2)
        optimizer.step()
    return (100 * w.mean(0)).tolist()


print("weights left after 200 updates of noise    large gradients   small gradients")
for name, optimizer_type, decay in (
    ("Adam, no decay", torch.optim.Adam, 0.0),
    ("Adam + L2, weight_decay 1", torch.optim.Adam, 1.0),
    ("AdamW, weight_decay 1", torch.optim.AdamW, 1.0),
):
    large, small = kept(optimizer_type, decay)
    print(f"{name:42} {large:13.0f} % {small:15.0f} %")
