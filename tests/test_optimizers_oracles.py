"""Every optimizer against torch.optim, or against a slow reference of another form."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from optimizer_oracles import by_torch, gradients_of, schedule_free, trained
from optimizer_rows import ROWS, Row
from trainlab.optimizers import (
    SGD,
    Adadelta,
    AdaGrad,
    Adam,
    AdaMax,
    AdamW,
    AMSGrad,
    Muon,
    NAdam,
    Optimizer,
    RAdam,
    RMSProp,
    ScheduleFreeAdamW,
)
from trainlab.optimizers.muon import orthogonal

each = pytest.mark.parametrize("row", ROWS, ids=lambda row: type(row.ours).__name__)
rate = st.floats(-4, 0).map(lambda exponent: 10**exponent)
scale = st.floats(-3, 2).map(lambda exponent: 10**exponent)


@each
@given(data=st.data(), rates=st.lists(rate, min_size=8, max_size=8), scale=scale)
def test_equals_its_oracle_for_any_hyperparameters(
    row: Row, data: st.DataObject, rates: list[float], scale: float
) -> None:
    ours = data.draw(row.draw)
    start, gradients = gradients_of(data.draw(st.sampled_from(row.shapes)), scale)
    expected = row.oracle(ours, start, gradients, rates)
    atol = 1e-12 * float(expected.abs().max())
    torch.testing.assert_close(trained(ours, start, gradients, rates)[0], expected, rtol=1e-12, atol=atol)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (SGD(), torch.optim.SGD),
        (AdaGrad(), torch.optim.Adagrad),
        (Adadelta(), torch.optim.Adadelta),
        (RMSProp(), torch.optim.RMSprop),
        (Adam(), torch.optim.Adam),
        (AMSGrad(), lambda w, lr: torch.optim.Adam(w, lr, amsgrad=True)),
        (AdaMax(), torch.optim.Adamax),
        (NAdam(), torch.optim.NAdam),
        (RAdam(), torch.optim.RAdam),
        (AdamW(), torch.optim.AdamW),
    ],
)
def test_defaults_are_those_of_torch(ours: Optimizer, theirs: Any) -> None:
    for scale in (1e-9, 1.0):  # gradients as small as eps, so that its default shows
        start, gradients = gradients_of((5,), scale)
        expected = by_torch(lambda w, lr, o: theirs(w, lr=lr))(ours, start, gradients, [0.1] * 8)
        torch.testing.assert_close(trained(ours, start, gradients, [0.1] * 8)[0], expected, rtol=1e-12, atol=1e-12)


# Schedule-Free


@given(
    ours=next(row.draw for row in ROWS if isinstance(row.ours, ScheduleFreeAdamW)),
    rates=st.lists(st.just(0.0) | rate, min_size=8, max_size=8),
    scale=scale,
)
def test_schedule_free_evaluates_the_average(ours: ScheduleFreeAdamW, rates: list[float], scale: float) -> None:
    """Also where the rate is zero at first, as in a warm-up."""
    start, gradients = gradients_of((5,), scale)
    columns = torch.stack(gradients).T.tolist()
    for which in (0, 1):
        expected = [
            schedule_free(ours, w, column, rates)[which] for w, column in zip(start.tolist(), columns, strict=True)
        ]
        found = trained(ours, start, gradients, rates)[which]
        atol = 1e-12 * max(map(abs, expected))
        torch.testing.assert_close(found, torch.tensor(expected, dtype=found.dtype), rtol=1e-12, atol=atol)


def test_schedule_free_at_a_constant_rate_evaluates_the_mean_of_the_fast_weights() -> None:
    optimizer, (start, gradients) = ScheduleFreeAdamW(), gradients_of((5,), 1.0)
    state, w, fast = optimizer.init(start), start, []
    torch.testing.assert_close(optimizer.evaluated(state, w), start)
    for t, g in enumerate(gradients, 1):
        step, state = optimizer.update(g, state, w, 0.1, t)
        w = w + step
        fast.append(state["z"])
        torch.testing.assert_close(optimizer.evaluated(state, w), torch.stack(fast).mean(0), rtol=1e-14, atol=1e-14)


# Muon


@pytest.mark.parametrize("nesterov", [True, False])
@pytest.mark.parametrize(("scaling", "theirs"), [("match_rms_adamw", "match_rms_adamw"), ("original", None)])
@pytest.mark.parametrize("shape", [(30, 20), (20, 30)])
def test_muon_is_near_that_of_torch(shape: tuple[int, int], nesterov: bool, scaling: Any, theirs: str | None) -> None:
    """As near as torch's bfloat16 lets it come: three updates differ by 0.7 to 1.0 % of their size."""
    start, gradients = gradients_of(shape, 1.0, updates=3)
    ours = Muon(nesterov=nesterov, scaling=scaling)
    w = start.clone()
    optimizer = torch.optim.Muon([w], lr=0.1, nesterov=nesterov, adjust_lr_fn=theirs)
    for g in gradients:
        w.grad = g
        optimizer.step()
    moved, expected = trained(ours, start, gradients, [0.1] * 3)[0] - start, w - start
    assert float((moved - expected).norm() / expected.norm()) < 0.02


def test_muons_defaults_are_those_of_torch_but_for_the_scaling() -> None:
    defaults = torch.optim.Muon([torch.zeros(2, 2)]).defaults
    ours = Muon()
    assert (ours.momentum, ours.nesterov, ours.weight_decay, ours.steps) == (
        *(defaults["momentum"], defaults["nesterov"], defaults["weight_decay"]),
        defaults["ns_steps"],
    )
    assert (ours.coefficients, ours.eps) == (defaults["ns_coefficients"], defaults["eps"])


def test_orthogonal_brings_singular_values_near_one() -> None:
    matrix = torch.randn(20, 30, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    values = torch.linalg.svdvals(orthogonal(matrix, 5, Muon().coefficients, 1e-7))
    assert 0.6 < float(values.min()) < float(values.max()) < 1.3
    slow_but_exact = orthogonal(matrix, 30, (1.5, -0.5, 0.0), 1e-7)
    torch.testing.assert_close(slow_but_exact @ slow_but_exact.T, torch.eye(20, dtype=torch.float64))
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    torch.testing.assert_close(slow_but_exact, left @ right)


def test_muon_leaves_a_matrix_without_gradient_where_it_is() -> None:
    start, zeros = torch.ones(3, 2), [torch.zeros(3, 2)] * 3
    torch.testing.assert_close(trained(Muon(weight_decay=0.0), start, zeros, [0.1] * 3)[0], start)


def test_a_step_of_muon_is_about_as_large_as_one_of_adamw() -> None:
    """Liu et al. 2025 scale by 0.2 because the root mean square of an AdamW step is 0.2 to 0.4 of the rate."""
    for shape in ((100, 20), (20, 100), (50, 50)):
        start, gradients = gradients_of(shape, 1.0)
        state = Muon().init(start)
        step, _ = Muon(weight_decay=0.0).update(gradients[0], state, start, 1.0, 1)
        assert 0.12 < float(step.square().mean().sqrt()) < 0.26
