"""Schedules at their ends, and against torch.optim.lr_scheduler at every step."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler
from torch.optim.lr_scheduler import LRScheduler

from trainlab.schedules import Constant, Cosine, Exponential, OneCycle, StepDecay, Warmup
from trainlab.types import Schedule

PEAK = 0.7

lengths = st.integers(1, 60)
fractions = st.floats(0, 1)
factors = st.floats(0.01, 1)


def rates(schedule: Schedule, steps: int) -> list[float]:
    return [PEAK * schedule(step, steps) for step in range(steps)]


def torch_rates(scheduler: Callable[[torch.optim.Optimizer], LRScheduler], steps: int) -> list[float]:
    """The rates of a scheduler that is stepped after every update."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], PEAK)
    with_rate = scheduler(optimizer)
    found = []
    for step in range(steps):
        found.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        if step < steps - 1:
            with_rate.step()
    return found


def assert_equal(ours: Schedule, theirs: Callable[[torch.optim.Optimizer], LRScheduler], steps: int) -> None:
    # torch multiplies step after step, so its own rounding grows with the number of steps.
    assert rates(ours, steps) == pytest.approx(torch_rates(theirs, steps), rel=1e-11, abs=1e-13)


@given(lengths)
def test_constant(steps: int) -> None:
    assert_equal(Constant(), lambda o: lr_scheduler.ConstantLR(o, factor=1.0), steps)


@given(lengths, st.integers(1, 70), fractions)
def test_step_decay_equals_step_lr(steps: int, every: int, factor: float) -> None:
    assert_equal(StepDecay(every, factor), lambda o: lr_scheduler.StepLR(o, every, factor), steps)


@given(lengths, fractions)
def test_exponential_equals_exponential_lr(steps: int, factor: float) -> None:
    assert_equal(Exponential(factor), lambda o: lr_scheduler.ExponentialLR(o, factor), steps)


@given(lengths, fractions)
def test_cosine_equals_cosine_annealing_lr(steps: int, final: float) -> None:
    assert_equal(Cosine(final), lambda o: lr_scheduler.CosineAnnealingLR(o, steps, eta_min=PEAK * final), steps)


@given(lengths, st.integers(1, 70), factors, fractions)
# SequentialLR itself calls step() in the way that lr_scheduler warns of.
@pytest.mark.filterwarnings("ignore:The epoch parameter in `scheduler.step")
def test_warmup_equals_linear_lr_and_then_another(steps: int, updates: int, start: float, final: float) -> None:
    rest = max(steps - updates, 1)

    def theirs(optimizer: torch.optim.Optimizer) -> LRScheduler:
        first = lr_scheduler.LinearLR(optimizer, start, total_iters=updates)
        then = lr_scheduler.CosineAnnealingLR(optimizer, rest, eta_min=PEAK * final)
        return lr_scheduler.SequentialLR(optimizer, [first, then], [updates])

    assert_equal(Warmup(updates, start, Cosine(final)), theirs, steps)


@given(st.integers(2, 80), st.floats(0.05, 0.95), st.floats(1, 100), st.floats(1, 1e5))
def test_one_cycle_equals_one_cycle_lr(steps: int, rise: float, start: float, final: float) -> None:
    def theirs(optimizer: torch.optim.Optimizer) -> LRScheduler:
        return lr_scheduler.OneCycleLR(
            optimizer,
            PEAK,
            total_steps=steps,
            pct_start=rise,
            cycle_momentum=False,
            div_factor=start,
            final_div_factor=final,
        )

    if rise * steps != 1:  # where torch divides by zero
        assert_equal(OneCycle(rise, start, final), theirs, steps)


@pytest.mark.parametrize(
    ("schedule", "first", "last"),
    [
        (Constant(), 1, 1),
        (StepDecay(30, 0.5), 1, 0.5**3),
        (StepDecay(1000), 1, 1),
        (StepDecay(99, 0.0), 1, 0),
        (Exponential(0.9), 1, 0.9**99),
        (Cosine(), 1, 0.000247),
        (Cosine(0.1), 1, 0.100222),
        (Warmup(10), 0, 1),
        (Warmup(10, 0.2, Cosine()), 0.2, 0.000305),
        (Warmup(200), 0, 99 / 200),
        (OneCycle(), 1 / 25, 1 / 25e4),
        (OneCycle(0.01), 1, 1 / 25e4),
    ],
    ids=str,
)
def test_the_first_and_last_of_100_updates(schedule: Schedule, first: float, last: float) -> None:
    assert (schedule(0, 100), schedule(99, 100)) == pytest.approx((first, last), rel=2e-3)


def test_cosine_is_halfway_in_the_middle_and_final_at_the_end() -> None:
    assert Cosine(0.2)(50, 100) == pytest.approx(0.6)
    assert Cosine(0.2)(100, 100) == pytest.approx(0.2)


def test_warmup_reaches_the_peak_at_the_update_after_it() -> None:
    warmup = Warmup(4, 0.2)
    assert [warmup(step, 10) for step in range(6)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 1])


def test_warmup_hands_the_rest_a_clock_that_starts_at_zero() -> None:
    assert Warmup(10, after=OneCycle())(10, 110) == pytest.approx(1 / 25)
    assert Warmup(10, after=StepDecay(5, 0.1))(14, 20) == 1
    assert Warmup(10, after=StepDecay(5, 0.1))(15, 20) == pytest.approx(0.1)


def test_one_cycle_peaks_once_after_its_rise() -> None:
    found = rates(OneCycle(0.3), 100)
    assert max(found) == pytest.approx(PEAK)
    assert found.index(max(found)) == 29
    assert found[:30] == sorted(found[:30])
    assert found[29:] == sorted(found[29:], reverse=True)


@given(st.integers(1, 200), st.data())
def test_a_multiplier_lies_between_zero_and_one_at_any_step(steps: int, data: st.DataObject) -> None:
    plain = (
        st.builds(StepDecay, st.integers(1, 300), fractions)
        | st.builds(Exponential, fractions)
        | st.builds(Cosine, fractions)
        | st.builds(OneCycle, st.floats(0.001, 0.999), st.floats(1, 1e3), st.floats(1, 1e6))
    )
    schedule = data.draw(plain | st.builds(Warmup, st.integers(1, 300), fractions, plain))
    for step in (0, steps // 2, steps - 1):
        assert 0 <= schedule(step, steps) <= 1 + 1e-12


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: StepDecay(0), "StepDecay: every must be >= 1 updates, got 0"),
        (lambda: StepDecay(5, -0.1), "StepDecay: factor must be in [0, 1], got -0.1"),
        (lambda: StepDecay(5, 1.1), "StepDecay: factor must be in [0, 1], got 1.1"),
        (lambda: Exponential(1.1), "Exponential: factor must be in [0, 1], got 1.1"),
        (lambda: Exponential(float("nan")), "Exponential: factor must be in [0, 1], got nan"),
        (lambda: Cosine(-0.1), "Cosine: final must be in [0, 1], got -0.1"),
        (lambda: Cosine(2.0), "Cosine: final must be in [0, 1], got 2.0"),
        (lambda: Warmup(0), "Warmup: updates must be >= 1, got 0; for none leave Warmup out"),
        (lambda: Warmup(5, 1.5), "Warmup: start must be in [0, 1], got 1.5"),
        (lambda: OneCycle(0.0), "OneCycle: rise must be in (0, 1), got 0.0"),
        (lambda: OneCycle(1.0), "OneCycle: rise must be in (0, 1), got 1.0"),
        (lambda: OneCycle(start_divisor=0.5), "OneCycle: start_divisor must be >= 1, got 0.5"),
        (lambda: OneCycle(final_divisor=0.5), "OneCycle: final_divisor must be >= 1, got 0.5"),
        (lambda: OneCycle(final_divisor=float("nan")), "OneCycle: final_divisor must be >= 1, got nan"),
    ],
)
def test_a_bad_value_is_named(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make()
