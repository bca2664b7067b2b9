"""The table of the optimizers' tests: what each is held against, how it is drawn, and how far it must get."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from torch import Tensor

from trainlab.optimizers import (
    SGD,
    Adadelta,
    AdaGrad,
    Adam,
    AdaMax,
    AdamW,
    AMSGrad,
    Lion,
    Momentum,
    Muon,
    NAdam,
    Nesterov,
    Optimizer,
    RAdam,
    RMSProp,
    ScheduleFreeAdamW,
)

Oracle = Callable[[Any, Tensor, list[Tensor], list[float]], Tensor]
"""(our optimizer, start, gradients, rates) -> the weights that training should reach."""

# Not between 0 and 0.1, where torch's own lerp loses digits: it computes with 1 - (1 - beta1).
below_one = st.just(0.0) | st.floats(0.1, 0.9999)
eps = st.floats(-12, -1).map(lambda exponent: 10**exponent)
decay = st.floats(0, 1)
adam = {"beta1": below_one, "beta2": below_one, "eps": eps}


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


@dataclass(frozen=True)
class Row:
    """One optimizer.

    Args:
        ours: with its defaults.
        oracle: what it must equal.
        draw: draws one with other hyperparameters.
        others: two more settings for a stack.
        parabola: (rate, highest final loss) of one descent.
        valley: (rate, highest final loss) of another.
        shapes: of the parameters that are held against the oracle.
    """

    ours: Optimizer
    oracle: Oracle
    draw: st.SearchStrategy[Any]
    others: tuple[Optimizer, ...]
    parabola: tuple[float, float]
    valley: tuple[float, float]
    shapes: tuple[tuple[int, ...], ...] = ((5,),)


ROWS = [
    Row(
        SGD(),
        by_torch(lambda w, lr, o: torch.optim.SGD(w, lr)),
        st.builds(SGD),
        (),
        parabola=(0.1, 1e-8),
        valley=(2e-3, 0.1),
    ),
    Row(
        Momentum(),
        by_torch(lambda w, lr, o: torch.optim.SGD(w, lr, momentum=o.momentum)),
        st.builds(Momentum, momentum=below_one),
        (Momentum(momentum=0.0), Momentum(momentum=0.99)),
        parabola=(0.03, 1e-8),
        valley=(1e-3, 1e-4),
    ),
    Row(
        Nesterov(),
        by_torch(lambda w, lr, o: torch.optim.SGD(w, lr, momentum=o.momentum, nesterov=True)),
        st.builds(Nesterov, momentum=st.floats(0.01, 0.9999)),  # torch refuses 0
        (Nesterov(momentum=0.0), Nesterov(momentum=0.99)),
        parabola=(0.03, 1e-8),
        valley=(1e-3, 1e-4),
    ),
    Row(
        AdaGrad(),
        by_torch(lambda w, lr, o: torch.optim.Adagrad(w, lr, eps=o.eps)),
        st.builds(AdaGrad, eps=eps),
        (AdaGrad(eps=1e-3), AdaGrad(eps=0.1)),
        parabola=(0.5, 1e-8),
        valley=(1.0, 0.3),
    ),
    Row(
        Adadelta(),
        by_torch(lambda w, lr, o: torch.optim.Adadelta(w, lr, rho=o.rho, eps=o.eps)),
        st.builds(Adadelta, rho=below_one, eps=eps),
        (Adadelta(rho=0.0, eps=1e-3), Adadelta(rho=0.99)),
        parabola=(3.0, 1e-2),
        valley=(1.0, 1.0),
    ),
    Row(
        RMSProp(),
        by_torch(lambda w, lr, o: torch.optim.RMSprop(w, lr, alpha=o.alpha, eps=o.eps)),
        st.builds(RMSProp, alpha=below_one, eps=eps),
        (RMSProp(alpha=0.0, eps=1e-2), RMSProp(alpha=0.9)),
        parabola=(0.01, 1e-3),
        valley=(0.01, 0.2),
    ),
    Row(
        Adam(),
        by_torch(lambda w, lr, o: torch.optim.Adam(w, lr, **betas(o))),
        st.builds(Adam, **adam),
        (Adam(beta1=0.0, beta2=0.99), Adam(beta2=0.99999, eps=1e-2)),
        parabola=(0.05, 1e-6),
        valley=(0.3, 1e-3),
    ),
    Row(
        AMSGrad(),
        by_torch(lambda w, lr, o: torch.optim.Adam(w, lr, **betas(o), amsgrad=True)),
        st.builds(AMSGrad, **adam),
        (AMSGrad(beta1=0.0, beta2=0.5), AMSGrad(beta2=0.9, eps=1e-2)),
        parabola=(0.05, 1e-6),
        valley=(0.3, 1e-3),
    ),
    Row(
        AdaMax(),
        by_torch(lambda w, lr, o: torch.optim.Adamax(w, lr, **betas(o))),
        st.builds(AdaMax, **adam),
        (AdaMax(beta1=0.0, beta2=0.5), AdaMax(beta2=0.9, eps=1e-2)),
        parabola=(0.05, 1e-6),
        valley=(1.0, 0.1),
    ),
    Row(
        NAdam(),
        by_torch(lambda w, lr, o: torch.optim.NAdam(w, lr, **betas(o), momentum_decay=o.momentum_decay)),
        st.builds(NAdam, **adam, momentum_decay=st.floats(0, 1)),
        (NAdam(beta1=0.0, momentum_decay=0.0), NAdam(beta2=0.9, eps=1e-2, momentum_decay=0.5)),
        parabola=(0.05, 1e-6),
        valley=(0.05, 1.0),
    ),
    Row(
        RAdam(),
        by_torch(lambda w, lr, o: torch.optim.RAdam(w, lr, **betas(o))),
        st.builds(RAdam, **adam),
        # The first divides from update 6 on, the second never, the third from update 7 on.
        (RAdam(beta1=0.0, beta2=0.5), RAdam(beta1=0.5, beta2=0.8, eps=1e-2)),
        parabola=(0.1, 1e-6),
        valley=(2e-3, 0.3),  # a low rate: the first updates, not yet divided, are along a steep slope
    ),
    Row(
        AdamW(),
        ADAMW_BY_TORCH,
        st.builds(AdamW, **adam, weight_decay=decay),
        (AdamW(weight_decay=0.0), AdamW(beta1=0.5, beta2=0.9, eps=1e-2, weight_decay=0.5)),
        parabola=(0.05, 1e-6),
        valley=(0.3, 0.1),
    ),
    Row(
        Lion(),
        number_by_number(lion),
        st.builds(Lion, beta1=below_one, beta2=below_one, weight_decay=decay),
        (Lion(beta1=0.0, weight_decay=0.1), Lion(beta1=0.99, beta2=0.5)),
        parabola=(0.03, 1e-2),
        valley=(0.01, 0.1),
    ),
    Row(
        Muon(),
        muon,
        st.builds(
            Muon,
            momentum=below_one,
            nesterov=st.booleans(),
            weight_decay=decay,
            steps=st.integers(1, 5),
            coefficients=st.sampled_from([(3.4445, -4.7750, 2.0315), (2.0, -1.5, 0.5)]),
            eps=eps,
            scaling=st.sampled_from(["match_rms_adamw", "original"]),
            adamw=st.builds(AdamW, **adam, weight_decay=decay),
        ),
        (Muon(momentum=0.0, adamw=AdamW(beta2=0.9)), Muon(weight_decay=0.5, eps=10.0, adamw=AdamW(weight_decay=0.5))),
        parabola=(0.1, 1e-2),
        valley=(0.03, 0.1),
        shapes=((5,), (3, 4), (4, 3), (2, 3, 1, 2)),
    ),
    Row(
        ScheduleFreeAdamW(),
        number_by_number(lambda *arguments: schedule_free(*arguments)[0]),
        st.builds(ScheduleFreeAdamW, **adam, weight_decay=decay),
        (
            ScheduleFreeAdamW(beta1=0.0, weight_decay=0.1),
            ScheduleFreeAdamW(beta1=0.5, beta2=0.9, eps=1e-2),
        ),
        parabola=(0.3, 1e-8),
        valley=(0.3, 0.1),
    ),
]


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
