"""What the optimizers are held against: torch.optim, and slow references of another form."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainlab.optimizers import Lion, Muon, ScheduleFreeAdamW

Oracle = Callable[[Any, Tensor, list[Tensor], list[float]], Tensor]
"""(our optimizer, start, gradients, rates) -> the weights that training should reach."""


@contextmanager
def float64_by_default() -> Iterator[None]:
    """Else torch keeps the product of NAdam, and the number of the weights averaged, in float32."""
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


def by_torch(make: Callable[[list[Tensor], float, Any], torch.optim.Optimizer]) -> Oracle:
    """What the optimizer of `torch.optim` does that `make(parameters, rate, ours)` returns."""

    def final(ours: Any, start: Tensor, gradients: list[Tensor], rates: list[float]) -> Tensor:
        w = start.clone()
        with float64_by_default():
            optimizer = make([w], rates[0], ours)
            for g, lr in zip(gradients, rates, strict=True):
                w.grad = g.clone()
                optimizer.param_groups[0]["lr"] = lr
                optimizer.step()
        return w

    return final


def number_by_number(one: Callable[[Any, float, list[float], list[float]], float]) -> Oracle:
    """A loop in plain Python over the numbers of the parameter: (ours, start, gradients, rates) -> end."""

    def final(ours: Any, start: Tensor, gradients: list[Tensor], rates: list[float]) -> Tensor:
        columns = torch.stack(gradients).flatten(1).T.tolist()
        ends = [one(ours, w, column, rates) for w, column in zip(start.flatten().tolist(), columns, strict=True)]
        return torch.tensor(ends, dtype=start.dtype).view_as(start)

    return final


def lion(o: Lion, w: float, gradients: list[float], rates: list[float]) -> float:
    """Algorithm 2 of the paper, with the momentum written out as a sum over all past gradients."""
    for t, lr in enumerate(rates):
        m = sum((1 - o.beta2) * o.beta2 ** (t - 1 - i) * gradients[i] for i in range(t))
        c = o.beta1 * m + (1 - o.beta1) * gradients[t]
        w -= lr * (math.copysign(1, c) if c else 0.0)
        w -= lr * o.weight_decay * (w + lr * (math.copysign(1, c) if c else 0.0))
    return w


def schedule_free(o: ScheduleFreeAdamW, w: float, gradients: list[float], rates: list[float]) -> tuple[float, float]:
    """Trained and evaluated weight: sequences x, y, z, the average being a sum over all z, and so the mean square."""
    x = y = z = w
    zs: list[float] = []
    for t, lr in enumerate(rates, 1):
        mean_square = sum((1 - o.beta2) * o.beta2 ** (t - i) * gradients[i - 1] ** 2 for i in range(1, t + 1))
        root = math.sqrt(mean_square / (1 - o.beta2**t))
        z = z - lr * gradients[t - 1] / (root + o.eps) - lr * o.weight_decay * y
        zs.append(z)
        weights = [max(rates[: i + 1]) ** 2 for i in range(t)]
        x = sum(a * b for a, b in zip(weights, zs, strict=True)) / sum(weights) if sum(weights) else x
        y = (1 - o.beta1) * z + o.beta1 * x
    return y, x


def muon(o: Muon, start: Tensor, gradients: list[Tensor], rates: list[float]) -> Tensor:
    """In numpy: the iteration maps each singular value s to a s + b s^3 + c s^5, so do that, by an SVD."""
    if start.ndim < 2:
        return ADAMW_BY_TORCH(o.adamw, start, gradients, rates)
    w = start.flatten(1).numpy().copy()
    velocity = np.zeros_like(w)
    for g, lr in zip((g.flatten(1).numpy() for g in gradients), rates, strict=True):
        velocity += (1 - o.momentum) * (g - velocity)
        d = g + o.momentum * (velocity - g) if o.nesterov else velocity
        left, values, right = np.linalg.svd(d, full_matrices=False)
        values = values / max(float(np.sqrt((values**2).sum())), o.eps)
        for _ in range(o.steps):
            values = sum(k * values**p for k, p in zip(o.coefficients, (1, 3, 5), strict=True))
        scale = {
            "match_rms_adamw": 0.2 * math.sqrt(max(w.shape)),
            "original": math.sqrt(max(1.0, w.shape[0] / w.shape[1])),
        }
        w = (1 - lr * o.weight_decay) * w - lr * scale[o.scaling] * (left * values) @ right
    return torch.from_numpy(w).view_as(start)


def betas(o: Any) -> dict[str, Any]:
    return {"betas": (o.beta1, o.beta2), "eps": o.eps}


ADAMW_BY_TORCH = by_torch(lambda w, lr, o: torch.optim.AdamW(w, lr, **betas(o), weight_decay=o.weight_decay))


def trained(optimizer: Any, start: Tensor, gradients: list[Tensor], rates: list[float]) -> tuple[Tensor, Tensor]:
    """The weights that are trained, and those that are evaluated, after so many updates as the loop makes them."""
    w = start.clone()
    state = optimizer.init(w)
    for t, (g, lr) in enumerate(zip(gradients, rates, strict=True), 1):
        step, state = optimizer.update(g, state, w, lr, t)
        w.add_(step)  # in place, so that a state must not share memory with the weights
    return w, optimizer.evaluated(state, w) if hasattr(optimizer, "evaluated") else w


def gradients_of(shape: tuple[int, ...], scale: float, updates: int = 8) -> tuple[Tensor, list[Tensor]]:
    """A start, and gradients of a given scale, some of them zero; float64."""
    generator = torch.Generator().manual_seed(0)
    start, *gradients = torch.randn(updates + 1, *shape, generator=generator, dtype=torch.float64)
    return start, [g * scale * (torch.rand(shape, generator=generator) > 0.2) for g in gradients]
