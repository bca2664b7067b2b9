"""Schedules at their ends, and against torch.optim.lr_scheduler at every step."""

import math
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler
from torch.optim.lr_scheduler import LRScheduler

from trainlab import schedules
from trainlab.feedback import Feedback, Plateau
from trainlab.schedules import (
    WSD,
    Constant,
    Cosine,
    Exponential,
    InverseSqrt,
    Linear,
    OneCycle,
    Polynomial,
    RangeTest,
    StepDecay,
    WarmRestarts,
    Warmup,
)
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


@given(lengths, fractions)
def test_linear_equals_linear_lr(steps: int, final: float) -> None:
    def theirs(optimizer: torch.optim.Optimizer) -> LRScheduler:
        return lr_scheduler.LinearLR(optimizer, start_factor=1, end_factor=final, total_iters=steps)

    assert_equal(Linear(final), theirs, steps)


@given(lengths, st.floats(0, 5))
def test_polynomial_equals_polynomial_lr(steps: int, power: float) -> None:
    assert_equal(Polynomial(power), lambda o: lr_scheduler.PolynomialLR(o, steps, power), steps)


@given(lengths)
def test_linear_to_zero_is_polynomial_of_power_one(steps: int) -> None:
    assert rates(Linear(), steps) == pytest.approx(rates(Polynomial(1.0), steps), rel=1e-12)


@given(lengths, st.integers(1, 20), st.integers(1, 4), fractions)
def test_warm_restarts_equals_cosine_annealing_warm_restarts(
    steps: int, period: int, factor: int, final: float
) -> None:
    def theirs(optimizer: torch.optim.Optimizer) -> LRScheduler:
        return lr_scheduler.CosineAnnealingWarmRestarts(optimizer, period, factor, eta_min=PEAK * final)

    assert_equal(WarmRestarts(period, factor, final), theirs, steps)


@given(st.integers(2, 60), st.floats(1, 1e6))
def test_range_test_equals_a_rising_exponential_lr(steps: int, divisor: float) -> None:
    def theirs(optimizer: torch.optim.Optimizer) -> LRScheduler:
        optimizer.param_groups[0]["lr"] = PEAK / divisor
        return lr_scheduler.ExponentialLR(optimizer, divisor ** (1 / (steps - 1)))

    assert_equal(RangeTest(divisor), theirs, steps)


@given(st.integers(0, 20), st.integers(0, 20), st.integers(1, 20), factors)
@pytest.mark.filterwarnings("ignore:The epoch parameter in `scheduler.step")
def test_wsd_equals_three_schedulers_in_a_row(warmup: int, stable: int, decay: int, final: float) -> None:
    steps = warmup + stable + decay

    def theirs(optimizer: torch.optim.Optimizer) -> LRScheduler:
        parts: list[LRScheduler] = [
            # LinearLR does not take a first factor of 0; the first update is compared with 0 below.
            lr_scheduler.LinearLR(optimizer, 1e-300, total_iters=max(warmup, 1)),
            lr_scheduler.ConstantLR(optimizer, factor=1.0),
            lr_scheduler.LinearLR(optimizer, 1.0, final, total_iters=decay),
        ]
        return lr_scheduler.SequentialLR(optimizer, parts, [warmup, warmup + stable])

    assert_equal(WSD(warmup, decay / steps, "linear", final), theirs, steps)


@given(st.integers(1, 60), st.floats(0.01, 1), fractions, st.sampled_from(["linear", "1-sqrt"]), st.integers(0, 80))
def test_wsd_by_its_definition(steps: int, decay: float, final: float, shape: Any, warmup: int) -> None:
    """Hu et al.'s three phases in their words, with the two shapes of the fall from Hägele et al."""
    start = steps - decay * steps
    for step in range(steps):
        share = max(0.0, step - start) / (decay * steps)
        fall = 1 - share if shape == "linear" else 1 - share**0.5
        rise = min(1.0, step / warmup) if warmup else 1.0
        # The root is steep where the fall begins: a rounding error of the share is 1e-8 of the multiplier there.
        assert WSD(warmup, decay, shape, final)(step, steps) == pytest.approx(
            min(rise, final + (1 - final) * fall), abs=1e-7
        )


@given(st.integers(1, 50), st.integers(0, 200))
def test_inverse_sqrt_after_a_warmup_is_the_schedule_of_the_transformer(warmup: int, step: int) -> None:
    paper = min(step**-0.5 if step else math.inf, step * warmup**-1.5)
    ours = Warmup(warmup, after=InverseSqrt(warmup))(step, 300)
    assert ours * warmup**-0.5 == pytest.approx(paper, rel=1e-12)


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
        (Linear(), 1, 0.01),
        (Linear(0.5), 1, 0.505),
        (Polynomial(), 1, 0.0001),
        (Polynomial(0), 1, 1),
        (InverseSqrt(33), 1, 0.5),
        (WarmRestarts(99), 1, 1),
        (WarmRestarts(33, 2), 1, 1),
        (WarmRestarts(100, final=0.1), 1, 0.100222),
        (RangeTest(), 1e-5, 1),
        (RangeTest(1.0), 1, 1),
        (WSD(), 1, 0.02532),
        (WSD(10, 0.5, "linear", 0.2), 0, 0.216),
        (WSD(1000, 1.0, "linear"), 0, 0.01),
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


def test_warm_restarts_jump_back_to_the_peak_after_each_longer_period() -> None:
    found = [WarmRestarts(10, 2)(step, 70) for step in range(71)]
    assert [step for step in range(1, 71) if found[step] > found[step - 1]] == [10, 30, 70]
    assert [found[step] for step in (0, 10, 30, 70)] == [1, 1, 1, 1]
    assert (found[5], found[20]) == pytest.approx((0.5, 0.5))


def test_wsd_stays_at_the_peak_between_rise_and_fall() -> None:
    found = [WSD(10, 0.3, "linear")(step, 100) for step in range(101)]
    assert found[10:71] == pytest.approx([1.0] * 61)
    assert found[:11] == pytest.approx([step / 10 for step in range(11)])
    assert found[70:] == pytest.approx([1 - step / 30 for step in range(31)])


def test_wsd_as_one_minus_the_root_falls_fast_at_first() -> None:
    root = WSD(decay=1.0)
    assert [root(step, 100) for step in (0, 4, 25, 100)] == pytest.approx([1, 0.8, 0.5, 0])


def test_range_test_rises_by_one_factor_and_takes_one_update() -> None:
    found = [RangeTest(1e4)(step, 5) for step in range(5)]
    assert found == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1, 1])
    assert RangeTest(1e4)(0, 1) == pytest.approx(1e-4)


@given(st.integers(1, 200), st.data())
def test_a_multiplier_lies_between_zero_and_one_at_any_step(steps: int, data: st.DataObject) -> None:
    plain = (
        st.builds(StepDecay, st.integers(1, 300), fractions)
        | st.builds(Exponential, fractions)
        | st.builds(Cosine, fractions)
        | st.builds(OneCycle, st.floats(0.001, 0.999), st.floats(1, 1e3), st.floats(1, 1e6))
        | st.builds(Linear, fractions)
        | st.builds(Polynomial, st.floats(0, 9))
        | st.builds(InverseSqrt, st.integers(1, 300))
        | st.builds(WarmRestarts, st.integers(1, 300), st.integers(1, 5), fractions)
        | st.builds(RangeTest, st.floats(1, 1e9))
        | st.builds(WSD, st.integers(0, 300), st.floats(1e-3, 1), st.sampled_from(["linear", "1-sqrt"]), fractions)
    )
    schedule = data.draw(plain | st.builds(Warmup, st.integers(1, 300), fractions, plain))
    for step in (0, steps // 2, steps - 1):
        assert 0 <= schedule(step, steps) <= 1 + 1e-12


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: StepDecay(0), "StepDecay: every must be >= 1, got 0"),
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
        (lambda: Linear(1.5), "Linear: final must be in [0, 1], got 1.5"),
        (lambda: Polynomial(-1), "Polynomial: power must be >= 0, got -1"),
        (lambda: InverseSqrt(0), "InverseSqrt: timescale must be >= 1, got 0"),
        (lambda: WarmRestarts(0), "WarmRestarts: period must be >= 1, got 0"),
        (lambda: WarmRestarts(5, 0), "WarmRestarts: factor must be >= 1, got 0"),
        (lambda: WarmRestarts(5, final=2), "WarmRestarts: final must be in [0, 1], got 2"),
        (lambda: RangeTest(0.1), "RangeTest: start_divisor must be >= 1, got 0.1"),
        (lambda: WSD(-1), "WSD: warmup must be >= 0, got -1"),
        (lambda: WSD(decay=0.0), "WSD: decay must be in (0, 1], got 0.0"),
        (lambda: WSD(decay=1.1), "WSD: decay must be in (0, 1], got 1.1"),
        (lambda: WSD(shape="cosine"), "WSD: shape must be 'linear' or '1-sqrt', got 'cosine'"),  # pyright: ignore
        (lambda: WSD(final=-1.0), "WSD: final must be in [0, 1], got -1.0"),
        (
            lambda: Warmup(5, after=Plateau()),
            f"Warmup: {Plateau()} watches the losses and cannot follow a rise; use it without Warmup",
        ),
        (lambda: Plateau(1.0), "Plateau: factor must be in [0, 1), got 1.0"),
        (lambda: Plateau(float("nan")), "Plateau: factor must be in [0, 1), got nan"),
        (lambda: Plateau(patience=-1), "Plateau: patience must be >= 0 measurements, got -1"),
        (lambda: Plateau(threshold=1.0), "Plateau: threshold must be in [0, 1), got 1.0"),
        (lambda: Plateau(cooldown=-2), "Plateau: cooldown must be >= 0 measurements, got -2"),
        (lambda: Plateau(minimum=1.5), "Plateau: minimum must be in [0, 1], got 1.5"),
        (
            lambda: Plateau()(3, 10),
            f"{Plateau()} needs the validation losses measured so far; call watch(losses), not (step=3)",
        ),
    ],
)
def test_a_bad_value_is_named(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make()


# Plateau, which watches the losses

plateaus = st.builds(
    Plateau, factors.filter(lambda f: f < 1), st.integers(0, 4), st.floats(0, 0.5), st.integers(0, 4), fractions
)
# Few different values, so that ties and small improvements happen often.
losses = st.lists(st.sampled_from([math.nan, math.inf, -math.inf, -1.0, -0.9, 0.0, 0.8, 0.99, 1.0, 1.01]) | st.floats())


@given(plateaus, losses)
def test_plateau_equals_reduce_lr_on_plateau(plateau: Plateau, losses: list[float]) -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], PEAK)
    theirs = lr_scheduler.ReduceLROnPlateau(
        optimizer,
        factor=plateau.factor,
        patience=plateau.patience,
        threshold=plateau.threshold,
        cooldown=plateau.cooldown,
        min_lr=PEAK * plateau.minimum,
        eps=0,
    )
    assert plateau.watch([]) == 1
    for count, loss in enumerate(losses, start=1):
        theirs.step(loss)
        assert PEAK * plateau.watch(losses[:count]) == pytest.approx(float(optimizer.param_groups[0]["lr"]), rel=1e-11)


def test_plateau_drops_after_the_patience_and_waits_for_the_cooldown() -> None:
    plateau = Plateau(0.5, patience=1, cooldown=2, minimum=0.2)
    watched = [plateau.watch([1.0] * count) for count in range(13)]
    assert watched == [1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.2, 0.2]


def test_a_diverged_run_counts_as_no_improvement() -> None:
    plateau = Plateau(0.5, patience=0)
    assert [plateau.watch([1.0, bad, 0.5]) for bad in (math.nan, math.inf)] == [0.5, 0.5]
    assert plateau.watch([math.nan, 1.0, 0.5]) == 0.5


def test_plateau_alone_asks_for_feedback() -> None:
    assert isinstance(Plateau(), Feedback)
    plain = [thing for name, thing in vars(schedules).items() if getattr(thing, "__module__", "") == schedules.__name__]
    assert not [thing for thing in plain if hasattr(thing, "watch")]
