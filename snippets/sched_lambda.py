"""A schedule is a function of the step: warm-up and cosine as one function, and as PyTorch's own pieces.

`warm_cosine` is the part to copy. It is called with the number of updates done, and returns what the peak rate is
multiplied by. The scheduler is stepped once after every update, not once an epoch.
"""

import math

import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LinearLR, LRScheduler, SequentialLR

torch.set_num_threads(1)

UPDATES, RISE, PEAK = 1000, 100, 0.01


def warm_cosine(step: int) -> float:
    """Rise in a straight line, then half a cosine to zero."""
    if step < RISE:
        return (step + 1) / RISE  # not step / RISE: the first update would be one of size zero
    return (1 + math.cos(math.pi * (step - RISE) / (UPDATES - RISE))) / 2


def rates(make: str) -> list[float]:
    """The rate of every update, read off the optimizer as it would train."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=PEAK)
    if make == "one function":
        scheduler: LRScheduler = LambdaLR(optimizer, warm_cosine)
    else:
        rise = LinearLR(optimizer, start_factor=1 / RISE, end_factor=1.0, total_iters=RISE - 1)
        fall = CosineAnnealingLR(optimizer, T_max=UPDATES - RISE)
        scheduler = SequentialLR(optimizer, [rise, fall], milestones=[RISE])
    out = []
    for _ in range(UPDATES):
        out.append(optimizer.param_groups[0]["lr"])
        optimizer.step()  # first the optimizer,
        scheduler.step()  # then the schedule
    return out


ours, theirs = rates("one function"), rates("PyTorch's pieces")
print("rate, in peaks, before update      1     50    100    325    550    775   1000")
for name, values in (("one function", ours), ("PyTorch's pieces", theirs)):
    print(f"{name:28}", "".join(f"{values[t - 1] / PEAK:7.2f}" for t in (1, 50, 100, 325, 550, 775, 1000)))
gap = max(abs(a - b) for a, b in zip(ours, theirs, strict=True))
print("largest difference is below a millionth of the peak:", gap < 1e-6 * PEAK)
