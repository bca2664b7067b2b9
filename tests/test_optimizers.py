"""Every optimizer on its own (a parabola, Rosenbrock), stacked against alone, and its errors."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

import jaxtyping
import numpy as np
import pytest
import torch
from torch import Tensor

from optimizer_oracles import gradients_of, trained
from optimizer_rows import ROWS, Row
from trainlab import optimizers
from trainlab.data import MNIST1D
from trainlab.inits import Zeros
from trainlab.models import MLP
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
from trainlab.runs import Run, floats, grid
from trainlab.training import train

each = pytest.mark.parametrize("row", ROWS, ids=lambda row: type(row.ours).__name__)


def test_every_optimizer_has_a_row() -> None:
    defined = {name for name, thing in vars(optimizers).items() if is_dataclass(thing)}
    wrappers = {name for name in defined if "optimizer" in {field.name for field in fields(getattr(optimizers, name))}}
    assert wrappers == {"L2", "DecoupledDecay", "EMA", "SWA"}
    assert defined - wrappers == {type(row.ours).__name__ for row in ROWS}
    assert defined <= set(optimizers.__all__)


def parabola(w: Tensor) -> Tensor:
    return (w * w * torch.tensor([0.5, 5.0], dtype=w.dtype)).sum()


def rosenbrock(w: Tensor) -> Tensor:
    return (1 - w[0, 0]) ** 2 + 100 * (w[0, 1] - w[0, 0] ** 2) ** 2


def descend(optimizer: Optimizer, function: Callable[[Tensor], Tensor], lr: float, steps: int) -> float:
    """The function's value after so many updates from (-1.5, 1), which stand in a matrix of one row."""
    w = torch.tensor([[-1.5, 1.0]], dtype=torch.float64)
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


@each
def test_a_stack_of_different_hyperparameters_equals_each_alone(row: Row, tiny: Run) -> None:
    """The evaluated weights too: the training loss is theirs, the loss of a batch that of the trained ones."""
    runs = grid(tiny, optimizer=[row.ours, *row.others], lr=[0.01, 0.003])
    together = train(runs, every=4, dtype="float64")
    for index, run in enumerate(runs):
        alone = train([run], every=4, dtype="float64")
        for name in ("batch_loss", "train_loss"):
            np.testing.assert_allclose(together[name].values[index], alone[name].values[0], rtol=1e-11)
    assert len({loss[-1] for loss in together.batch_loss.values}) == len(runs)  # each setting did have its effect


def test_every_float_of_every_optimizer_varies_in_that_stack() -> None:
    for row in ROWS:
        for name in floats(row.ours):
            if name not in ("adamw.beta1", "adamw.eps"):  # two of Muon's AdamW stand for the four
                assert len({floats(optimizer)[name] for optimizer in (row.ours, *row.others)}) > 1, (row.ours, name)


@each
def test_elementwise_means_that_parameters_may_come_as_one_flat_vector(row: Row) -> None:
    if isinstance(row.ours, Muon):
        assert not row.ours.elementwise
        return
    assert row.ours.elementwise  # pyright: ignore[reportAttributeAccessIssue]
    (a, b), rates = (gradients_of(shape, 1.0) for shape in ((2, 3), (4,))), [0.1, 0.3]
    flat = [torch.cat([x.flatten(), y.flatten()]) for x, y in zip([a[0], *a[1]], [b[0], *b[1]], strict=True)]
    lr: Any = torch.tensor([rates[0]] * 6 + [rates[1]] * 4, dtype=torch.float64)
    together = trained(row.ours, flat[0], flat[1:], [lr] * 8)
    for which in (0, 1):
        alone = [trained(row.ours, *part, [rate] * 8)[which] for part, rate in zip((a, b), rates, strict=True)]
        torch.testing.assert_close(together[which], torch.cat([w.flatten() for w in alone]), rtol=1e-14, atol=1e-14)


SMOOTH = Run(
    data=MNIST1D(rows=400, validation=100, test=200),
    model=MLP(inputs=40, outputs=10, depth=0, width=1),
    init=Zeros(),
    lr=0.01,
    batch_size=50,
    steps=200,
)
BIAS_CORRECTED = [Adam, AMSGrad, NAdam, RAdam, AdamW, ScheduleFreeAdamW]


@pytest.mark.parametrize("kind", BIAS_CORRECTED)
@pytest.mark.parametrize("varying", [False, True])
def test_in_float32_it_stays_close_to_float64(kind: Callable[..., Optimizer], varying: bool) -> None:
    """Logistic regression with a large eps is smooth, so only the arithmetic of the update can part the two.

    Measured for Adam: 2e-7; with the hyperparameters and t in float32, 5e-6 for the larger beta2.
    """
    settings = [kind(beta2=beta2, eps=1e-3) for beta2 in (0.999, 0.99999)]
    for runs in [grid(SMOOTH, optimizer=settings)] if varying else [[replace(SMOOTH, optimizer=o)] for o in settings]:
        single, double = (train(runs, dtype=dtype).batch_loss.values for dtype in ("float32", "float64"))
        assert double[0, -1] < 0.95 * double[0, 0]  # it did move; RAdam with a long memory is slow
        np.testing.assert_allclose(single, double, rtol=1e-6)


ADAMS = (Adam, AMSGrad, AdaMax, NAdam, RAdam, AdamW, ScheduleFreeAdamW)
BELOW_ONE = [
    *((Momentum, "momentum"), (Nesterov, "momentum"), (Adadelta, "rho"), (RMSProp, "alpha"), (Muon, "momentum")),
    *((kind, beta) for kind in (*ADAMS, Lion) for beta in ("beta1", "beta2")),
]
POSITIVE = [(kind, "eps") for kind in (AdaGrad, Adadelta, RMSProp, Muon, *ADAMS)]
NOT_NEGATIVE = [
    *((kind, "weight_decay") for kind in (AdamW, Lion, Muon, ScheduleFreeAdamW)),
    (NAdam, "momentum_decay"),
]
BAD: list[tuple[Callable[..., Any], str, Any]] = [
    *((kind, field, value) for kind, field in BELOW_ONE for value in (-0.1, 1.0, float("nan"))),
    *((kind, field, value) for kind, field in POSITIVE for value in (0.0, -1e-8, float("nan"))),
    *((kind, field, value) for kind, field in NOT_NEGATIVE for value in (-0.1, float("nan"))),
    *((Muon, "steps", 0), (Muon, "scaling", "spectral"), (Muon, "coefficients", (1.5, -0.5))),
]


@pytest.mark.parametrize(("kind", "field", "value"), BAD)
def test_a_bad_hyperparameter_is_named_with_its_value(kind: Callable[..., Any], field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"^{kind.__name__}: {field} must be .*, got ") as error:
        kind(**{field: value})
    assert str(error.value).endswith(f", got {value!r}")


def test_replace_checks_too() -> None:
    with pytest.raises(ValueError, match="beta1 must be"):
        replace(Adam(), beta1=2.0)


def test_a_gradient_of_another_shape_is_refused() -> None:
    w = torch.zeros(3)
    with pytest.raises(jaxtyping.TypeCheckError):
        SGD().update(torch.zeros(2), {}, w, 0.1, 1)
