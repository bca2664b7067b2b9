"""L1, soft threshold and max-norm: by hand, against PyTorch's projection, and stacked against alone."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from optimizer_oracles import gradients_of, trained
from trainlab.optimizers import EMA, L2, SGD, Adam, Momentum, Muon, Optimizer, ScheduleFreeAdamW
from trainlab.optimizers.penalties import L1, MaxNorm, SoftThreshold
from trainlab.runs import Run, grid
from trainlab.training import train

RATES = [0.1, 0.03, 0.1, 0.2, 0.1, 0.05, 0.1, 0.01]
WRAPPERS = [L1, SoftThreshold, MaxNorm]
strengths = st.floats(0, 2)


@given(strength=strengths)
def test_l1_is_the_gradient_of_the_penalty(strength: float) -> None:
    start, gradients = gradients_of((5,), 1.0)
    expected = start.clone()
    for g, lr in zip(gradients, RATES, strict=True):
        w = expected.clone().requires_grad_()
        (of_penalty,) = torch.autograd.grad(strength * w.abs().sum(), w)
        expected = expected - lr * (g + of_penalty)
    actual = trained(L1(SGD(), penalty=strength), start, gradients, RATES)[0]
    torch.testing.assert_close(actual, expected, rtol=1e-12, atol=1e-12)


@given(strength=strengths)
def test_a_soft_threshold_solves_the_proximal_problem(strength: float) -> None:
    """No number is better: half the squared distance to the step, plus lr * penalty * |w|."""
    start, gradients = gradients_of((5,), 1.0)
    w = trained(SoftThreshold(SGD(), penalty=strength), start, gradients[:1], RATES[:1])[0]
    target = start - RATES[0] * gradients[0]

    def cost(candidate: Tensor) -> Tensor:
        return (candidate - target).square() / 2 + RATES[0] * strength * candidate.abs()

    for other in (w + 1e-4, w - 1e-4, torch.zeros_like(w), target):
        assert bool((cost(w) <= cost(other) + 1e-12).all())


def test_a_soft_threshold_gives_exact_zeros_and_l1_does_not() -> None:
    start, gradients = torch.full((50,), 0.05, dtype=torch.float64), [torch.zeros(50, dtype=torch.float64)] * 8
    soft, plain = (trained(kind(SGD(), penalty=1.0), start, gradients, RATES)[0] for kind in (SoftThreshold, L1))
    assert soft.tolist() == [0.0] * 50
    assert float(plain.abs().min()) > 0


@given(limit=st.floats(0.1, 5))
def test_max_norm_is_the_projection_of_torch(limit: float) -> None:
    start, gradients = gradients_of((4, 6), 1.0)
    w = start.clone()
    for g, lr in zip(gradients, RATES, strict=True):
        w = torch.renorm(w - lr * g, p=2, dim=0, maxnorm=limit)
    actual = trained(MaxNorm(SGD(), limit=limit), start, gradients, RATES)[0]
    # torch divides by the norm plus 1e-7.
    torch.testing.assert_close(actual, w, rtol=1e-5, atol=1e-6)
    assert float(actual.norm(dim=1).max()) <= limit * (1 + 1e-12)


def test_max_norm_leaves_biases_and_short_rows_alone_and_takes_filters_whole() -> None:
    for shape in ((5,), (3, 4)):
        start, gradients = gradients_of(shape, 1.0)
        limit = 0.01 if len(shape) == 1 else 1e6
        pair = [trained(o, start, gradients, RATES)[0] for o in (MaxNorm(Adam(), limit=limit), Adam())]
        torch.testing.assert_close(*pair, rtol=1e-12, atol=1e-12)
    filters = 10 * torch.ones(2, 3, 2, 2, dtype=torch.float64)
    w = trained(MaxNorm(SGD(), limit=1.0), filters, [torch.zeros_like(filters)], [0.1])[0]
    torch.testing.assert_close(w.flatten(1).norm(dim=1), torch.ones(2, dtype=torch.float64))


PAIRS: list[list[Optimizer]] = [
    [L1(Adam(), penalty=0.0), L1(Adam(beta1=0.5), penalty=0.1)],
    [SoftThreshold(Momentum(), penalty=0.0), SoftThreshold(Momentum(momentum=0.5), penalty=0.5)],
    [MaxNorm(Adam(), limit=0.3), MaxNorm(Adam(), limit=3.0)],
    [MaxNorm(Adam(), limit=0.5), MaxNorm(Adam(), limit=0.5)],
    [EMA(MaxNorm(SGD(), limit=0.5), decay=0.5), EMA(MaxNorm(SGD(), limit=0.7), decay=0.9)],
    [L1(ScheduleFreeAdamW(), penalty=0.1), L1(ScheduleFreeAdamW(), penalty=0.2)],
]


@pytest.mark.parametrize("optimizers", PAIRS, ids=lambda pair: str(type(pair[0]).__name__))
def test_a_stack_equals_each_alone(optimizers: list[Optimizer], tiny: Run) -> None:
    runs = grid(tiny, optimizer=optimizers, lr=[0.01, 0.003])
    together = train(runs, every=4, dtype="float64")
    for index, run in enumerate(runs):
        alone = train([run], every=4, dtype="float64")
        for name in ("batch_loss", "train_loss", "test_loss"):
            np.testing.assert_allclose(together[name].values[index], alone[name].values[0], rtol=1e-11)
    different = {(run.optimizer, run.lr) for run in runs}
    assert len({loss[-1] for loss in together.train_loss.values}) == len(different)


def test_what_is_elementwise_and_what_evaluates_an_average() -> None:
    assert L1(Adam()).elementwise
    assert SoftThreshold(L2(SGD())).elementwise
    assert not L1(Muon()).elementwise
    assert not MaxNorm(Adam()).elementwise
    assert hasattr(L1(EMA(Adam())), "evaluated")
    assert not any(hasattr(wrapper(Adam()), "evaluated") for wrapper in WRAPPERS)


@pytest.mark.parametrize("wrapper", [SoftThreshold, MaxNorm])
@pytest.mark.parametrize("inner", [EMA(Adam()), ScheduleFreeAdamW()])
def test_an_average_would_miss_the_step(wrapper: Any, inner: Optimizer) -> None:
    with pytest.raises(ValueError, match=f"^{wrapper.__name__}: {type(inner).__name__} evaluates an average"):
        wrapper(inner)


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("bad", [Adam, 0.9, None])
def test_what_is_no_optimizer_is_refused(wrapper: Any, bad: Any) -> None:
    with pytest.raises(TypeError, match=rf"^{wrapper.__name__}: optimizer must be one such as Adam\(\), got "):
        wrapper(bad)


@pytest.mark.parametrize(
    ("wrapper", "field", "value"),
    [
        *((kind, "penalty", value) for kind in (L1, SoftThreshold) for value in (-0.1, float("nan"))),
        *((MaxNorm, "limit", value) for value in (0.0, -1.0, float("nan"))),
    ],
)
def test_a_bad_value_is_named(wrapper: Any, field: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"^{wrapper.__name__}: {field} must be .*, got {value}$"):
        wrapper(Adam(), **{field: value})
