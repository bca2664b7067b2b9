"""What a run accepts, how it names itself, and which runs may share a stack."""

import json
import math
from dataclasses import dataclass, fields, replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from trainlab.clipping import ClipNorm, ClipValue
from trainlab.data import MNIST1D
from trainlab.inits import Glorot, He, Orthogonal, PyTorchDefault
from trainlab.losses import CrossEntropy
from trainlab.models import MLP
from trainlab.optimizers import EMA, L2, SGD, SWA, Adam, AdamW, Momentum
from trainlab.runs import STACK_SIZE, Run, coordinate, describe, floats, grid, label, stacks, with_floats
from trainlab.schedules import Constant, Cosine, StepDecay, Warmup

NET = MLP(inputs=40, outputs=10, depth=1, width=8)
BASE = Run(data=MNIST1D(rows=400, validation=100, test=200), model=NET, lr=0.1, batch_size=32, steps=12)


def linear() -> nn.Module:
    return nn.Linear(40, 10)


@dataclass
class Thawed:
    def __call__(self) -> nn.Module:
        return nn.Linear(40, 10)


@dataclass(frozen=True)
class Tagged:
    """Two fields that a careless description would mistake for its own."""

    type: str = "a"
    name: str = "b"


@dataclass(frozen=True)
class OtherTagged(Tagged):
    pass


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"lr": -0.1}, ValueError, "lr must be > 0 and finite, got -0.1"),
        ({"lr": 0.0}, ValueError, "lr must be > 0 and finite, got 0.0"),
        ({"lr": math.nan}, ValueError, "lr must be > 0 and finite, got nan"),
        ({"lr": math.inf}, ValueError, "lr must be > 0 and finite, got inf"),
        ({"lr": "0.1"}, TypeError, "lr must be a float, got '0.1'"),
        ({"lr": True}, TypeError, "lr must be a float, got True"),
        ({"batch_size": 0}, ValueError, "batch_size must be >= 1, got 0"),
        ({"batch_size": 2.5}, TypeError, "batch_size must be an int, got 2.5"),
        ({"batch_size": True}, TypeError, "batch_size must be an int, got True"),
        ({"steps": 0}, ValueError, "steps must be >= 1, got 0"),
        ({"seed": -1}, ValueError, "seed must be >= 0, got -1"),
    ],
)
def test_bad_number_is_refused(change: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as raised:
        replace(BASE, **change)
    assert str(raised.value) == message


def test_nameless_model_is_refused() -> None:
    def local() -> nn.Module:
        return nn.Linear(40, 10)

    for model, kind in ((lambda: nn.Linear(40, 10), "lambda"), (local, "local local")):
        with pytest.raises(TypeError, match=rf"Run.model is a {kind}, .*top level of a module") as raised:
            replace(BASE, model=model)
        assert "\n" not in str(raised.value)


def test_thawed_dataclass_is_refused() -> None:
    with pytest.raises(
        TypeError, match=r"Run.model: Thawed must be a frozen dataclass; write @dataclass\(frozen=True\)"
    ):
        replace(BASE, model=Thawed())


def test_nested_value_is_named_in_the_error() -> None:
    with pytest.raises(TypeError, match=r"Run\.schedule\.after is a lambda"):
        replace(BASE, schedule=Warmup(updates=3, after=lambda step, steps: 1.0))


@pytest.mark.parametrize("value", [torch.relu, nn.Linear(2, 2), [1], {"a": 1}, {1}, b"x", object()])
def test_value_without_a_description_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match=r"^Run.lr "):
        describe(value, "Run.lr")


def test_run_is_hashable_and_printable() -> None:
    assert len({BASE, replace(BASE), replace(BASE, seed=1)}) == 2
    assert str(replace(BASE, optimizer=Momentum(momentum=0.5))) == (
        "Run(data=MNIST1D(rows=400, validation=100, test=200), model=MLP(inputs=40, outputs=10, depth=1, width=8), "
        "init=PyTorchDefault, optimizer=Momentum(momentum=0.5), lr=0.1, schedule=Constant, clipping=None, "
        "loss=CrossEntropy, batch_size=32, steps=12, seed=0)"
    )


CHANGES: dict[str, list[Any]] = {
    "data": [MNIST1D(rows=401, validation=100, test=200), MNIST1D(rows=400, validation=100, test=200, seed=7)],
    "model": [linear, replace(NET, width=9), replace(NET, norm="batch"), replace(NET, activation=nn.Tanh)],
    "init": [He(), He("uniform"), Glorot(), Orthogonal(gain=2.0)],
    "optimizer": [Momentum(), Momentum(momentum=0.5), Adam(), Adam(beta1=0.8), Adam(beta2=0.8)],
    "lr": [0.2, 0.1 + 1e-16],
    "schedule": [Cosine(), Cosine(final=0.1), StepDecay(every=3), Warmup(updates=3), Warmup(updates=3, after=Cosine())],
    "clipping": [ClipNorm(), ClipNorm(max_norm=0.5), ClipValue()],
    "loss": [CrossEntropy(label_smoothing=0.1), nn.functional.mse_loss],
    "batch_size": [33],
    "steps": [13],
    "seed": [1],
}


def test_description_is_json_and_tells_every_field_apart() -> None:
    assert set(CHANGES) == {field.name for field in fields(Run)}
    runs = {BASE, *(replace(BASE, **{name: value}) for name, values in CHANGES.items() for value in values)}
    texts = {json.dumps(describe(run)) for run in runs}
    assert len(texts) == len(runs) == 1 + sum(len(values) for values in CHANGES.values())


def test_description_survives_json() -> None:
    described = describe(replace(BASE, schedule=Warmup(updates=3, after=Cosine())))
    assert json.loads(json.dumps(described)) == described
    assert described["type"] == "trainlab.runs.Run"


def test_fields_called_type_and_name_hide_nothing() -> None:
    values = [Tagged(), OtherTagged(), Tagged(type="c"), Tagged(name="c"), Tagged, "a", ("a", "b"), None, 1, 1.0, True]
    assert len({json.dumps(describe(value)) for value in values}) == len(values)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (SGD(), "SGD"),
        (Momentum(), "Momentum"),
        (Momentum(momentum=0.5), "Momentum(momentum=0.5)"),
        (replace(NET, activation=nn.Tanh), "MLP(inputs=40, outputs=10, depth=1, width=8, activation=Tanh)"),
        (linear, "linear"),
        (Warmup(updates=3, after=Cosine(final=0.1)), "Warmup(updates=3, after=Cosine(final=0.1))"),
        (0.30000000000000004, "0.3"),
        (7, "7"),
    ],
)
def test_label(value: Any, text: str) -> None:
    assert label(value) == text


def test_coordinate_is_numbers_or_labels() -> None:
    runs = grid(BASE, lr=[0.1, 0.2], optimizer=[SGD(), Momentum(momentum=0.5)])
    assert coordinate(runs, "lr") == [0.1, 0.1, 0.2, 0.2]
    assert coordinate(runs, "optimizer") == ["SGD", "Momentum(momentum=0.5)"] * 2


def test_grid_runs_through_the_last_axis_fastest() -> None:
    runs = grid(BASE, lr=[0.1, 0.2], seed=range(3))
    assert [(run.lr, run.seed) for run in runs] == [(lr, seed) for lr in (0.1, 0.2) for seed in range(3)]
    assert all(replace(run, lr=BASE.lr, seed=BASE.seed) == BASE for run in runs)
    assert grid(BASE) == [BASE]
    assert len(grid(BASE, lr=iter([0.1, 0.2]), seed=iter([0, 1]))) == 4


def test_grid_refuses_an_unknown_and_an_empty_axis() -> None:
    with pytest.raises(ValueError, match=r"grid: 'momentum' is no field of Run; the fields are data, model, .*seed"):
        grid(BASE, momentum=[0.9])
    with pytest.raises(ValueError, match="grid: lr has no values"):
        grid(BASE, lr=[], seed=[0])


def test_floats_inits_schedules_and_seeds_share_a_stack() -> None:
    axes: dict[str, list[Any]] = {
        "lr": [0.1, 0.2],
        "optimizer": [Momentum(momentum=0.5), Momentum()],
        "init": [He(), PyTorchDefault()],
        "schedule": [Constant(), Cosine()],
        "seed": [0, 1],
    }
    assert stacks(grid(BASE, **axes)) == [list(range(32))]


@pytest.mark.parametrize(
    "change",
    [
        {"model": replace(NET, width=9)},
        {"model": linear},
        {"model": replace(NET, norm="layer")},
        {"model": replace(NET, dropout=0.5)},
        {"optimizer": Momentum()},
        {"batch_size": 31},
        {"steps": 13},
        {"loss": CrossEntropy(label_smoothing=0.1)},
        {"data": MNIST1D(rows=400, validation=100, test=200, seed=1)},
    ],
)
def test_structure_splits_stacks(change: dict[str, Any]) -> None:
    assert stacks([BASE, replace(BASE, **change), replace(BASE, seed=1)]) == [[0, 2], [1]]


def test_dropout_rates_share_a_stack_but_not_with_none() -> None:
    runs = grid(BASE, model=[replace(NET, dropout=rate) for rate in (0.0, 0.1, 0.5, 0.0)])
    assert stacks(runs) == [[0, 3], [1, 2]]


def test_large_groups_are_shared_out_evenly() -> None:
    sizes = [len(stack) for stack in stacks(grid(BASE, seed=range(STACK_SIZE + 1)))]
    assert sizes == [16, 17]


def structure(run: Run) -> tuple[Any, ...]:
    """The rule of `stacks`, written out for the runs drawn below."""
    assert isinstance(run.model, MLP)
    return type(run.optimizer), run.model.dropout > 0, run.model.width, run.batch_size, run.steps


drawn_runs = st.builds(
    lambda width, dropout, **rest: replace(BASE, model=replace(NET, width=width, dropout=dropout), **rest),
    width=st.sampled_from([4, 8]),
    dropout=st.sampled_from([0.0, 0.1, 0.5]),
    optimizer=st.sampled_from([SGD(), Momentum(), Momentum(momentum=0.5), Adam(), Adam(beta1=0.5)]),
    init=st.sampled_from([He(), PyTorchDefault()]),
    schedule=st.sampled_from([Constant(), Cosine()]),
    lr=st.sampled_from([0.01, 0.1]),
    batch_size=st.sampled_from([16, 32]),
    steps=st.sampled_from([5, 9]),
    seed=st.integers(0, 3),
)


@given(st.lists(drawn_runs, max_size=60), st.integers(1, 40))
def test_stacks_are_a_partition_into_few_homogeneous_groups(runs: list[Run], size: int) -> None:
    groups = stacks(runs, size)
    assert sorted(index for group in groups for index in group) == list(range(len(runs)))
    for group in groups:
        assert 1 <= len(group) <= size
        assert group == sorted(group)
        assert len({structure(runs[index]) for index in group}) == 1
    counts: dict[Any, int] = {}
    for run in runs:
        counts[structure(run)] = counts.get(structure(run), 0) + 1
    assert len(groups) == sum(math.ceil(count / size) for count in counts.values())


def test_default_stack_is_at_most_32() -> None:
    assert max(len(group) for group in stacks(grid(BASE, seed=range(100)))) <= STACK_SIZE == 32


NESTED = EMA(L2(Adam(beta1=0.8), weight_decay=0.1), decay=0.5)


def test_floats_are_found_inside_of_wrappers_too() -> None:
    assert floats(NESTED) == {
        "decay": 0.5,
        "optimizer.weight_decay": 0.1,
        "optimizer.optimizer.beta1": 0.8,
        "optimizer.optimizer.beta2": 0.999,
        "optimizer.optimizer.eps": 1e-8,
    }
    assert floats(SGD()) == floats(None) == floats(linear) == {}


def test_other_floats_leave_the_original_alone() -> None:
    changed = with_floats(NESTED, {"decay": 0.9, "optimizer.optimizer.beta2": 0.7})
    assert changed == EMA(L2(Adam(beta1=0.8, beta2=0.7), weight_decay=0.1), decay=0.9)
    assert NESTED.optimizer.optimizer.beta2 == 0.999  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ({"optimizer": L2(Adam())}, {"optimizer": L2(Adam(beta1=0.1), weight_decay=0.3)}, True),
        ({"optimizer": L2(Adam())}, {"optimizer": L2(AdamW())}, False),
        ({"optimizer": SWA(Adam(), start=2)}, {"optimizer": SWA(Adam(), start=3)}, False),
        ({"clipping": ClipNorm()}, {"clipping": ClipNorm(max_norm=9.0)}, True),
        ({"clipping": ClipNorm()}, {"clipping": ClipValue()}, False),
        ({"clipping": ClipNorm()}, {"clipping": None}, False),
    ],
)
def test_floats_inside_of_wrappers_stack(one: dict[str, Any], other: dict[str, Any], together: bool) -> None:
    assert (len(stacks([replace(BASE, **one), replace(BASE, **other)])) == 1) is together


def test_the_size_of_a_stack_may_depend_on_the_run() -> None:
    runs = [*grid(BASE, seed=range(8)), *grid(replace(BASE, batch_size=16), seed=range(8))]
    groups = stacks(runs, lambda run: run.batch_size // 8)
    assert [len(group) for group in groups] == [4, 4, 2, 2, 2, 2]
