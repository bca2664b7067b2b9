"""Every optimizer on its own (a parabola, Rosenbrock), against torch.optim, and stacked against alone."""

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import jaxtyping
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from trainlab import optimizers
from trainlab.data import MNIST1D
from trainlab.inits import Zeros
from trainlab.models import MLP
from trainlab.optimizers import SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, Optimizer, RMSProp
from trainlab.runs import Run, grid
from trainlab.training import train

# Not between 0 and 0.1, where torch's own lerp loses digits: it computes with 1 - (1 - beta1).
below_one = st.just(0.0) | st.floats(0.1, 0.9999)
eps = st.floats(-12, -1).map(lambda exponent: 10**exponent)
rate = st.floats(-4, 0).map(lambda exponent: 10**exponent)


@dataclass(frozen=True)
class Row:
    """One optimizer.

    `torch` makes its twin from the weights, ours and the rate; `draw` draws ours; `others` are two more settings for a
    stack; `parabola` and `valley` are (rate, highest final loss) of the two descents.
    """

    ours: Optimizer
    torch: Callable[[Tensor, Any, float], torch.optim.Optimizer]
    draw: st.SearchStrategy[Optimizer]
    others: tuple[Optimizer, ...]
    parabola: tuple[float, float]
    valley: tuple[float, float]


ROWS = [
    Row(
        SGD(),
        lambda w, o, lr: torch.optim.SGD([w], lr),
        st.builds(SGD),
        (),
        parabola=(0.1, 1e-8),
        valley=(2e-3, 0.1),
    ),
    Row(
        Momentum(),
        lambda w, o, lr: torch.optim.SGD([w], lr, momentum=o.momentum),
        st.builds(Momentum, momentum=below_one),
        (Momentum(momentum=0.0), Momentum(momentum=0.99)),
        parabola=(0.03, 1e-8),
        valley=(1e-3, 1e-4),
    ),
    Row(
        Nesterov(),
        lambda w, o, lr: torch.optim.SGD([w], lr, momentum=o.momentum, nesterov=True),
        st.builds(Nesterov, momentum=st.floats(0.01, 0.9999)),  # torch refuses 0
        (Nesterov(momentum=0.0), Nesterov(momentum=0.99)),
        parabola=(0.03, 1e-8),
        valley=(1e-3, 1e-4),
    ),
    Row(
        AdaGrad(),
        lambda w, o, lr: torch.optim.Adagrad([w], lr, eps=o.eps),
        st.builds(AdaGrad, eps=eps),
        (AdaGrad(eps=1e-3), AdaGrad(eps=0.1)),
        parabola=(0.5, 1e-8),
        valley=(1.0, 0.3),
    ),
    Row(
        RMSProp(),
        lambda w, o, lr: torch.optim.RMSprop([w], lr, alpha=o.alpha, eps=o.eps),
        st.builds(RMSProp, alpha=below_one, eps=eps),
        (RMSProp(alpha=0.0, eps=1e-2), RMSProp(alpha=0.9)),
        parabola=(0.01, 1e-3),
        valley=(0.01, 0.2),
    ),
    Row(
        Adam(),
        lambda w, o, lr: torch.optim.Adam([w], lr, betas=(o.beta1, o.beta2), eps=o.eps),
        st.builds(Adam, beta1=below_one, beta2=below_one, eps=eps),
        (Adam(beta1=0.0, beta2=0.99), Adam(beta2=0.99999, eps=1e-2)),
        parabola=(0.05, 1e-6),
        valley=(0.3, 1e-3),
    ),
    Row(
        AdamW(),
        lambda w, o, lr: torch.optim.AdamW([w], lr, betas=(o.beta1, o.beta2), eps=o.eps, weight_decay=o.weight_decay),
        st.builds(AdamW, beta1=below_one, beta2=below_one, eps=eps, weight_decay=st.floats(0, 1)),
        (AdamW(weight_decay=0.0), AdamW(beta1=0.5, beta2=0.9, eps=1e-2, weight_decay=0.5)),
        parabola=(0.05, 1e-6),
        valley=(0.3, 0.1),
    ),
]
each = pytest.mark.parametrize("row", ROWS, ids=lambda row: type(row.ours).__name__)


def test_every_optimizer_has_a_row() -> None:
    defined = {name for name, thing in vars(optimizers).items() if is_dataclass(thing)}
    assert defined == {type(row.ours).__name__ for row in ROWS}


def parabola(w: Tensor) -> Tensor:
    return (w * w * torch.tensor([0.5, 5.0], dtype=w.dtype)).sum()


def rosenbrock(w: Tensor) -> Tensor:
    return (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2


def descend(optimizer: Optimizer, function: Callable[[Tensor], Tensor], lr: float, steps: int) -> float:
    """The function's value after so many updates from (-1.5, 1)."""
    w = torch.tensor([-1.5, 1.0], dtype=torch.float64)
    gradient, state = torch.func.grad(function), optimizer.init(w)
    for t in range(1, steps + 1):
        update, state = optimizer.update(gradient(w), state, w, lr, t)
        w = w + update
    return float(function(w))


@each
def test_a_parabola(row: Row) -> None:
    lr, bound = row.parabola
    assert descend(row.ours, parabola, lr, 200) < bound


@each
def test_rosenbrocks_valley(row: Row) -> None:
    lr, bound = row.valley
    assert descend(row.ours, rosenbrock, lr, 1000) < bound


def follow(optimizer: Optimizer, w: Tensor, gradients: list[Tensor], lr: float) -> Tensor:
    state = optimizer.init(w)
    for t, g in enumerate(gradients, 1):
        update, state = optimizer.update(g, state, w, lr, t)
        w = w + update
    return w


def assert_equals_torch(ours: Optimizer, theirs: Callable[[Tensor], torch.optim.Optimizer], lr: float, scale: float):
    """Eight updates in float64 by gradients of a given scale, some of them zero, agree to 12 digits."""
    generator = torch.Generator().manual_seed(0)
    start, *gradients = torch.randn(9, 5, generator=generator, dtype=torch.float64)
    gradients = [g * scale * (torch.rand(5, generator=generator) > 0.2) for g in gradients]
    w = start.clone()
    optimizer = theirs(w)
    for g in gradients:
        w.grad = g.clone()
        optimizer.step()
    torch.testing.assert_close(follow(ours, start, gradients, lr), w, rtol=1e-12, atol=1e-12 * float(w.abs().max()))


@each
@given(data=st.data(), lr=rate, scale=st.floats(-3, 2).map(lambda exponent: 10**exponent))
def test_equals_torch_for_any_hyperparameters(row: Row, data: st.DataObject, lr: float, scale: float) -> None:
    ours = data.draw(row.draw)
    assert_equals_torch(ours, lambda w: row.torch(w, ours, lr), lr, scale)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (SGD(), torch.optim.SGD),
        (AdaGrad(), torch.optim.Adagrad),
        (RMSProp(), torch.optim.RMSprop),
        (Adam(), torch.optim.Adam),
        (AdamW(), torch.optim.AdamW),
    ],
)
def test_defaults_are_those_of_torch(ours: Optimizer, theirs: Any) -> None:
    # Gradients as small as eps, so that its default shows.
    for scale in (1e-9, 1.0):
        assert_equals_torch(ours, lambda w: theirs([w], lr=0.1), 0.1, scale)


@each
def test_a_stack_of_different_hyperparameters_equals_each_alone(row: Row, tiny: Run) -> None:
    runs = grid(tiny, optimizer=[row.ours, *row.others], lr=[0.01, 0.003])
    together = train(runs, dtype="float64").batch_loss.values
    alone = [train([run], dtype="float64").batch_loss.values[0] for run in runs]
    np.testing.assert_allclose(together, alone, rtol=1e-11)
    assert len({loss[-1] for loss in together}) == len(runs)  # each setting did have its effect


def test_every_field_of_every_optimizer_varies_in_that_stack() -> None:
    for row in ROWS:
        for field in fields(row.ours):  # pyright: ignore[reportArgumentType]
            assert len({getattr(optimizer, field.name) for optimizer in (row.ours, *row.others)}) > 1, field.name


SMOOTH = Run(
    data=MNIST1D(rows=400, validation=100, test=200),
    model=MLP(inputs=40, outputs=10, depth=0, width=1),
    init=Zeros(),
    lr=0.01,
    batch_size=50,
    steps=200,
)


@pytest.mark.parametrize("beta2", [0.999, 0.99999])
@pytest.mark.parametrize("varying", [False, True])
def test_adam_in_float32_stays_close_to_adam_in_float64(beta2: float, varying: bool) -> None:
    """Logistic regression with a large eps is smooth, so only the arithmetic of the update can part the two.

    Measured: 2e-7; with the hyperparameters and t in float32, 5e-6 for the larger beta2.
    """
    others = [Adam(beta1=0.5, beta2=0.99, eps=1e-3)] if varying else []
    runs = grid(SMOOTH, optimizer=[Adam(beta2=beta2, eps=1e-3), *others])
    single, double = (train(runs, dtype=dtype).batch_loss.values for dtype in ("float32", "float64"))
    assert double[0, -1] < 0.7 * double[0, 0]
    np.testing.assert_allclose(single, double, rtol=1e-6)


BAD: list[tuple[Callable[..., Any], str, tuple[float, ...]]] = [
    (Momentum, "momentum", (-0.1, 1.0, float("nan"))),
    (Nesterov, "momentum", (-0.1, 1.0, float("nan"))),
    (AdaGrad, "eps", (0.0, -1e-8, float("nan"))),
    (RMSProp, "alpha", (-0.1, 1.0, float("nan"))),
    (RMSProp, "eps", (0.0, -1e-8, float("nan"))),
    *((kind, beta, (-0.1, 1.0, float("nan"))) for kind in (Adam, AdamW) for beta in ("beta1", "beta2")),
    *((kind, "eps", (0.0, -1e-8, float("nan"))) for kind in (Adam, AdamW)),
    (AdamW, "weight_decay", (-0.1, float("nan"))),
]


@pytest.mark.parametrize(
    ("kind", "field", "value"), [(kind, field, value) for kind, field, values in BAD for value in values]
)
def test_a_bad_hyperparameter_is_named_with_its_value(kind: Callable[..., Any], field: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"^{kind.__name__}: {field} must be .*, got {value}$"):
        kind(**{field: value})


def test_replace_checks_too() -> None:
    with pytest.raises(ValueError, match="beta1 must be"):
        replace(Adam(), beta1=2.0)


def test_a_gradient_of_another_shape_is_refused() -> None:
    w = torch.zeros(3)
    with pytest.raises(jaxtyping.TypeCheckError):
        SGD().update(torch.zeros(2), {}, w, 0.1, 1)
