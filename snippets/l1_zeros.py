"""An L1 penalty in the loss, and a soft threshold after the step: which of them gives zeros?

Linear regression with 50 inputs of which 5 matter. Both minimize the same sum of squared error and L1 penalty.
"""

import torch

torch.set_num_threads(1)
torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
PENALTY, LR, STEPS = 0.1, 0.1, 2000

x = torch.randn(200, 50)
true = torch.zeros(50)
true[:5] = torch.tensor([2.0, -1.5, 1.0, -0.8, 0.6])
y = x @ true + 0.5 * torch.randn(200)

for name in ("penalty in the loss", "soft threshold"):
    w = torch.zeros(50, requires_grad=True)
    for _ in range(STEPS):
        loss = (x @ w - y).square().mean() / 2
        if name == "penalty in the loss":
            loss = loss + PENALTY * w.abs().sum()
        (gradient,) = torch.autograd.grad(loss, w)
        with torch.no_grad():
            w -= LR * gradient
            if name == "soft threshold":
                w.copy_(w.sign() * (w.abs() - LR * PENALTY).clamp(min=0))
    zeros, small = int((w == 0).sum()), int((w.abs() < 0.02).sum())
    print(f"{name}: {zeros} weights are zero, {small} are below 0.02")
    print("  the five that matter:", ", ".join(f"{value:.2f}" for value in w[:5].tolist()))
