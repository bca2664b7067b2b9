"""Solution: stopping gradient descent after t steps shrinks a weight about as L2 of strength 1 / (rate * t) does.

On a quadratic with curvature s, t steps from zero reach the share 1 - (1 - rate * s)^t of the way to the minimum. With
a penalty, the minimum itself moves to the share s / (s + strength).
"""

import torch

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
RATE = 0.05
curvatures = torch.tensor([0.003, 0.03, 0.3, 3.0])

print("share of the way to the minimum, by curvature", *(f"{s:8g}" for s in curvatures.tolist()))
for steps in (10, 100, 1000):
    w = torch.zeros(4)
    for _ in range(steps):
        w -= RATE * curvatures * (w - 1)
    penalized = curvatures / (curvatures + 1 / (RATE * steps))
    print(f"stopped after {steps:4} steps                       ", *(f"{value:8.2f}" for value in w.tolist()))
    print(
        f"L2 of strength {1 / (RATE * steps):<8.3g}                      ",
        *(f"{value:8.2f}" for value in penalized.tolist()),
    )
