"""Weight decay of two kinds against torch.optim, averages of weights against torch's AveragedModel, compositions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, get_swa_multi_avg_fn

from optimizer_oracles import by_torch, float64_by_default, gradients_of, trained
from trainlab.optimizers import (
    EMA,
    L2,
    SGD,
    SWA,
    Adadelta,
    AdaGrad,
    Adam,
    AdaMax,
    AdamW,
    AMSGrad,
    DecoupledDecay,
    Momentum,
    Muon,
    NAdam,
    Nesterov,
    Optimizer,
    RAdam,
    RMSProp,
    ScheduleFreeAdamW,
)
from trainlab.optimizers.wrappers import is_elementwise
from trainlab.runs import Run, grid
from trainlab.training import train
from trainlab.types import State

RATES = [0.1, 0.03, 0.1, 0.2, 0.1, 0.05, 0.1, 0.01]
weight_decay = st.floats(0, 1)


def assert_equal(ours: Optimizer, make: Callable[..., torch.optim.Optimizer], **options: Any) -> None:
    start, gradients = gradients_of((5,), 1.0)
    expected = by_torch(lambda w, lr, o: make(w, lr=lr, **options))(ours, start, gradients, RATES)
    torch.testing.assert_close(trained(ours, start, gradients, RATES)[0], expected, rtol=1e-12, atol=1e-12)


L2_OF_TORCH: list[tuple[Optimizer, Callable[..., Any], dict[str, Any]]] = [
    (SGD(), torch.optim.SGD, {}),
    (Momentum(), torch.optim.SGD, {"momentum": 0.9}),
    (Nesterov(), torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    (AdaGrad(), torch.optim.Adagrad, {}),
    (Adadelta(), torch.optim.Adadelta, {}),
    (RMSProp(), torch.optim.RMSprop, {}),
    (Adam(), torch.optim.Adam, {}),
    (AMSGrad(), torch.optim.Adam, {"amsgrad": True}),
    (AdaMax(), torch.optim.Adamax, {}),
    (NAdam(), torch.optim.NAdam, {}),
    (RAdam(), torch.optim.RAdam, {}),
]


@pytest.mark.parametrize(("ours", "theirs", "options"), L2_OF_TORCH, ids=lambda value: type(value).__name__)
@given(weight_decay=weight_decay)
def test_l2_is_the_weight_decay_of_torch(ours: Optimizer, theirs: Any, options: Any, weight_decay: float) -> None:
    assert_equal(L2(ours, weight_decay=weight_decay), theirs, weight_decay=weight_decay, **options)


DECOUPLED_IN_TORCH: list[tuple[Optimizer, Callable[..., Any], dict[str, Any]]] = [
    (Adam(), torch.optim.AdamW, {}),
    (AMSGrad(), torch.optim.AdamW, {"amsgrad": True}),
    (Adam(), torch.optim.Adam, {"decoupled_weight_decay": True}),
    (NAdam(), torch.optim.NAdam, {"decoupled_weight_decay": True}),
    (RAdam(), torch.optim.RAdam, {"decoupled_weight_decay": True}),
]


@pytest.mark.parametrize(("ours", "theirs", "options"), DECOUPLED_IN_TORCH)
@given(weight_decay=weight_decay)
def test_decoupled_decay_is_that_of_torch(ours: Optimizer, theirs: Any, options: Any, weight_decay: float) -> None:
    assert_equal(DecoupledDecay(ours, weight_decay=weight_decay), theirs, weight_decay=weight_decay, **options)


def test_decoupled_decay_of_adam_is_adamw() -> None:
    start, gradients = gradients_of((5,), 1.0)
    for ours, theirs in [
        (DecoupledDecay(Adam()), AdamW()),
        (DecoupledDecay(Adam(beta1=0.5), weight_decay=0.7), AdamW(beta1=0.5, weight_decay=0.7)),
    ]:
        pair = [trained(o, start, gradients, RATES)[0] for o in (ours, theirs)]
        torch.testing.assert_close(*pair, rtol=1e-15, atol=1e-15)


def test_the_two_kinds_of_decay_are_one_for_sgd_and_two_for_adam() -> None:
    start, gradients = gradients_of((5,), 1.0)

    def end(optimizer: Optimizer) -> Tensor:
        return trained(optimizer, start, gradients, RATES)[0]

    pair = [end(kind(SGD(), weight_decay=0.1)) for kind in (L2, DecoupledDecay)]
    torch.testing.assert_close(*pair, rtol=1e-14, atol=1e-14)
    assert float((end(L2(Adam(), weight_decay=0.1)) - end(DecoupledDecay(Adam(), weight_decay=0.1))).abs().min()) > 1e-5


# Averages


def averaged(optimizer: Optimizer, average: Any, start: int = 1) -> tuple[Tensor, Tensor]:
    """Ours, and torch's average of the very weights that ours trained, updated after each of our updates."""
    w, gradients = gradients_of((5,), 1.0)
    model = nn.Linear(5, 1, bias=False).double()
    theirs = AveragedModel(model, multi_avg_fn=average)
    state = optimizer.init(w)
    for t, (g, lr) in enumerate(zip(gradients, RATES, strict=True), 1):
        step, state = optimizer.update(g, state, w, lr, t)
        w = w + step
        model.weight.data.copy_(w)
        if t >= start:
            with float64_by_default():
                theirs.update_parameters(model)
    module: Any = theirs.module
    return optimizer.evaluated(state, w), module.weight.detach()[0]  # pyright: ignore[reportAttributeAccessIssue]


@given(decay=st.floats(0, 0.9999))
def test_ema_is_that_of_torch(decay: float) -> None:
    ours, theirs = averaged(EMA(Adam(), decay=decay), get_ema_multi_avg_fn(decay))
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("start", [1, 2, 5, 8])
def test_swa_is_that_of_torch(start: int) -> None:
    ours, theirs = averaged(SWA(Adam(), start=start), get_swa_multi_avg_fn(), start)
    torch.testing.assert_close(ours, theirs, rtol=1e-14, atol=1e-14)


def test_swa_is_the_mean_of_all_weights_from_its_start_on() -> None:
    w, gradients = gradients_of((5,), 1.0)
    optimizer, visited = SWA(SGD(), start=3), []
    state = optimizer.init(w)
    for t, g in enumerate(gradients, 1):
        step, state = optimizer.update(g, state, w, 0.1, t)
        w = w + step
        visited.append(w)
        expected = torch.stack(visited[2:]).mean(0) if t >= 3 else w
        torch.testing.assert_close(optimizer.evaluated(state, w), expected, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("wrapper", [EMA, SWA])
def test_before_the_first_update_the_average_is_the_initial_weights(wrapper: Any) -> None:
    w = torch.ones(3)
    optimizer = wrapper(Momentum())
    state = optimizer.init(w)
    w.add_(1)
    assert optimizer.evaluated(state, w).tolist() == [1, 1, 1]


@pytest.mark.parametrize("wrapped", [EMA(Adam()), SWA(Adam(), start=4)])
def test_training_goes_on_as_if_there_were_no_average(wrapped: Optimizer) -> None:
    start, gradients = gradients_of((5,), 1.0)
    with_average, without = (trained(o, start, gradients, RATES)[0] for o in (wrapped, Adam()))
    assert torch.equal(with_average, without)


# Compositions


COMPOSED: list[list[Optimizer]] = [
    [L2(Adam(), weight_decay=0.0), L2(Adam(beta1=0.5), weight_decay=0.5)],
    [DecoupledDecay(NAdam(), weight_decay=0.0), DecoupledDecay(NAdam(beta2=0.9), weight_decay=5.0)],
    [EMA(L2(Adam(), weight_decay=0.1), decay=0.5), EMA(L2(Adam(), weight_decay=0.2), decay=0.9)],
    [SWA(DecoupledDecay(Momentum(), weight_decay=0.1), start=5), SWA(DecoupledDecay(Momentum(momentum=0.5)), start=5)],
    [EMA(Muon(), decay=0.5), EMA(Muon(momentum=0.5), decay=0.9)],
    [L2(ScheduleFreeAdamW(), weight_decay=0.1), L2(ScheduleFreeAdamW(beta1=0.5), weight_decay=0.2)],
    [EMA(SGD(), decay=0.5), EMA(SGD(), decay=0.5)],
]


@pytest.mark.parametrize("optimizers", COMPOSED, ids=lambda pair: str(type(pair[0]).__name__))
def test_a_stack_of_compositions_equals_each_alone(optimizers: list[Optimizer], tiny: Run) -> None:
    runs = grid(tiny, optimizer=optimizers, lr=[0.01, 0.003])
    together = train(runs, every=4, dtype="float64")
    for index, run in enumerate(runs):
        alone = train([run], every=4, dtype="float64")
        for name in ("batch_loss", "train_loss", "test_loss"):
            np.testing.assert_allclose(together[name].values[index], alone[name].values[0], rtol=1e-11)
    different = {(run.optimizer, run.lr) for run in runs}
    assert len({loss[-1] for loss in together.train_loss.values}) == len(different)


def test_wrapped_twice_is_the_sum_of_both() -> None:
    start, gradients = gradients_of((5,), 1.0)
    twice = EMA(DecoupledDecay(L2(Adam(), weight_decay=0.1), weight_decay=0.2), decay=0.0)
    w, average = trained(twice, start, gradients, RATES)
    by_hand = [g.clone() for g in gradients]
    expected, state = start.clone(), Adam().init(start)
    for t, (g, lr) in enumerate(zip(by_hand, RATES, strict=True), 1):
        step, state = Adam().update(g + 0.1 * expected, state, expected, lr, t)
        expected = (1 - lr * 0.2) * expected + step
    torch.testing.assert_close(w, expected, rtol=1e-14, atol=1e-14)
    torch.testing.assert_close(average, expected, rtol=1e-14, atol=1e-14)  # an average that forgets at once


@dataclass(frozen=True)
class Own:
    """An optimizer of a reader's own, who never heard of `elementwise`."""

    def init(self, w: Tensor) -> State:
        return {}

    def update(self, g: Tensor, state: State, w: Tensor, lr: float | Tensor, t: int) -> tuple[Tensor, State]:
        return -lr * g / g.norm(), state


def test_a_wrapper_is_elementwise_where_its_optimizer_is() -> None:
    for wrapper in (L2, DecoupledDecay, EMA, SWA):
        assert is_elementwise(wrapper(Adam()))
        assert is_elementwise(wrapper(L2(SGD())))
        assert not is_elementwise(wrapper(Muon()))
        assert not is_elementwise(wrapper(L2(Own())))


def test_only_averages_evaluate_other_weights() -> None:
    plain = [L2(Adam()), DecoupledDecay(Adam()), L2(Own()), Adam(), Muon()]
    averages = [EMA(Adam()), SWA(Adam()), L2(EMA(Adam())), ScheduleFreeAdamW(), L2(L2(ScheduleFreeAdamW()))]
    assert not any(hasattr(optimizer, "evaluated") for optimizer in plain)
    assert all(hasattr(optimizer, "evaluated") for optimizer in averages)


# Errors


@pytest.mark.parametrize("wrapper", [EMA, SWA, DecoupledDecay])
@pytest.mark.parametrize(
    ("inner", "remedy"),
    [
        (ScheduleFreeAdamW(), "ScheduleFreeAdamW evaluates an average of its own"),
        (L2(ScheduleFreeAdamW()), "L2 evaluates an average of its own"),
        (EMA(Adam()), "EMA evaluates an average of its own"),
        (SWA(Adam()), "SWA evaluates an average of its own"),
    ],
)
def test_one_average_is_enough_and_comes_outermost(wrapper: Any, inner: Optimizer, remedy: str) -> None:
    with pytest.raises(ValueError, match=f"^{wrapper.__name__}: {remedy}"):
        wrapper(inner)


@pytest.mark.parametrize("wrapper", [L2, DecoupledDecay, EMA, SWA])
@pytest.mark.parametrize("bad", [Adam, 0.9, None])
def test_what_is_no_optimizer_is_refused(wrapper: Any, bad: Any) -> None:
    with pytest.raises(TypeError, match=rf"^{wrapper.__name__}: optimizer must be one such as Adam\(\), got "):
        wrapper(bad)


@pytest.mark.parametrize(
    ("wrapper", "field", "value"),
    [
        *((kind, "weight_decay", value) for kind in (L2, DecoupledDecay) for value in (-0.1, float("nan"))),
        *((EMA, "decay", value) for value in (-0.1, 1.0, float("nan"))),
        *((SWA, "start", value) for value in (0, -1)),
    ],
)
def test_a_bad_value_is_named(wrapper: Any, field: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"^{wrapper.__name__}: {field} must be .*, got {value}$"):
        wrapper(Adam(), **{field: value})
