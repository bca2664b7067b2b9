"""Whatever a run is made of, a stack trains it as it is trained alone; and what a run drops out is its own affair."""

from dataclasses import is_dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from trainlab import optimizers, schedules
from trainlab.clipping import ClipNorm, ClipValue
from trainlab.data import MNIST1D
from trainlab.feedback import Plateau
from trainlab.inits import He, Orthogonal, PyTorchDefault
from trainlab.layers import Dropout
from trainlab.models import MLP
from trainlab.probes import Snapshot, activation_statistics, axes, gradient_norm, gradient_statistics, update_ratio
from trainlab.runs import Run, stacks
from trainlab.training import train

DATA = MNIST1D(rows=200, validation=50, test=50)
PROBES = (activation_statistics, gradient_norm, gradient_statistics, update_ratio)

unit = st.floats(0.0, 0.95)
eps = st.floats(1e-6, 1e-3)
decay = st.floats(0.0, 0.1)
betas = {"beta1": unit, "beta2": st.floats(0.5, 0.999), "eps": eps}
FIELDS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "SGD": {},
    "Momentum": {"momentum": unit},
    "Nesterov": {"momentum": unit},
    "AdaGrad": {"eps": eps},
    "Adadelta": {"rho": unit, "eps": eps},
    "RMSProp": {"alpha": unit, "eps": eps},
    "Adam": betas,
    "AMSGrad": betas,
    "AdaMax": betas,
    "NAdam": betas,
    "RAdam": betas,
    "AdamW": betas | {"weight_decay": decay},
    "Lion": {"beta1": unit, "beta2": unit, "weight_decay": decay},
    "Muon": {"momentum": unit, "weight_decay": decay},
    "ScheduleFreeAdamW": betas | {"weight_decay": decay},
}
WRAPPERS: dict[str, dict[str, Any]] = {
    "L2": {"weight_decay": 0.01},
    "DecoupledDecay": {"weight_decay": 0.01},
    "EMA": {"decay": 0.7},
    "SWA": {"start": 2},
}
SCHEDULES: list[Any] = [
    schedules.Constant(),
    schedules.StepDecay(every=2, factor=0.5),
    schedules.Exponential(0.9),
    schedules.Linear(),
    schedules.Polynomial(2.0),
    schedules.InverseSqrt(2),
    schedules.Cosine(),
    schedules.WarmRestarts(2),
    schedules.Warmup(updates=2, after=schedules.Cosine()),
    schedules.OneCycle(),
    schedules.WSD(warmup=1, decay=0.5),
    schedules.RangeTest(100.0),
    Plateau(factor=0.5, patience=0),
]


def test_the_table_leaves_no_optimizer_and_no_schedule_out() -> None:
    exported = {name for name in dir(optimizers) if is_dataclass(getattr(optimizers, name))}
    assert {*FIELDS, *WRAPPERS} == exported
    defined = {thing for thing in vars(schedules).values() if getattr(thing, "__module__", "") == schedules.__name__}
    assert {type(schedule) for schedule in SCHEDULES} == {thing for thing in defined if is_dataclass(thing)} | {Plateau}


@st.composite
def stackable_optimizers(draw: st.DrawFn, count: int) -> list[Any]:
    """One a run: of one type, with other numbers or the same, perhaps wrapped."""
    name = draw(st.sampled_from(sorted(FIELDS)))
    same = draw(st.booleans())
    columns = {field: draw(st.lists(values, min_size=count, max_size=count)) for field, values in FIELDS[name].items()}
    made = [
        getattr(optimizers, name)(**{field: column[0 if same else run] for field, column in columns.items()})
        for run in range(count)
    ]
    averages = name == "ScheduleFreeAdamW"  # so it can be wrapped in L2 only
    wrapper = draw(st.sampled_from([None, "L2"] if averages else [None, *WRAPPERS]))
    return [getattr(optimizers, wrapper)(one, **WRAPPERS[wrapper]) for one in made] if wrapper else made


def magnifies_rounding(optimizer: Any) -> bool:
    """Whether a weight whose gradient is zero up to rounding is moved far, as a bias before a batch norm would be.

    Lion takes a full step by the sign. With L2 such a weight w has the gradient a w, and what divides that by its own
    size, or by eps where it is smaller, multiplies w by up to lr a / eps at every update.
    """
    inner = getattr(optimizer, "optimizer", optimizer)
    name = type(inner).__name__
    return name == "Lion" or (isinstance(optimizer, optimizers.L2) and name not in {"SGD", "Momentum", "Nesterov"})


@st.composite
def stackable(draw: st.DrawFn) -> list[Run]:
    """One to four runs of one structure that differ in all else."""
    count = draw(st.integers(1, 4))
    model = MLP(
        inputs=40,
        outputs=10,
        depth=draw(st.integers(1, 2)),
        width=6,
        norm=draw(st.sampled_from([None, "batch", "layer"])),
        residual=draw(st.booleans()),
    )
    chosen = draw(stackable_optimizers(count))
    assume(not (model.norm == "batch" and any(map(magnifies_rounding, chosen))))
    dropout = draw(st.booleans())
    clips: list[Any] = draw(
        st.sampled_from([[None], [ClipNorm(0.1), ClipNorm(0.5)], [ClipValue(0.01), ClipValue(0.1)]])
    )
    return [
        Run(
            data=DATA,
            model=replace(model, dropout=draw(st.floats(0.05, 0.7)) if dropout else 0.0),
            init=draw(st.sampled_from([PyTorchDefault(), He(), Orthogonal()])),
            optimizer=optimizer,
            lr=draw(st.floats(1e-4, 0.05)),
            schedule=draw(st.sampled_from(SCHEDULES)),
            clipping=draw(st.sampled_from(clips)),
            batch_size=16,
            steps=6,
            seed=draw(st.integers(0, 2**40)),
        )
        for optimizer in chosen
    ]


def measured(results: xr.Dataset) -> dict[str, np.ndarray]:
    return {str(name): values.values for name, values in results.data_vars.items()}


@settings(max_examples=60)
@given(stackable())
def test_stacked_equals_alone_in_everything_that_is_measured(runs: list[Run]) -> None:
    assert len(stacks(runs)) == 1
    together = measured(train(runs, PROBES, every=2, dtype="float64"))
    for index, run in enumerate(runs):
        alone = measured(train([run], PROBES, every=2, dtype="float64"))
        assert together.keys() == alone.keys()
        for name, values in alone.items():
            np.testing.assert_allclose(
                together[name][index], values[0], rtol=1e-9, atol=1e-9, err_msg=f"{name} of {run}"
            )


@settings(max_examples=15)
@given(stackable())
def test_the_same_stack_twice_is_the_same_bits(runs: list[Run]) -> None:
    first, second = (measured(train(runs, PROBES, every=2)) for _ in range(2))
    assert first.keys() == second.keys()
    assert [name for name in first if first[name].tobytes() != second[name].tobytes()] == []


# Dropout


@axes("dropout", "unit")
def masks(snapshot: Snapshot) -> dict[str, Tensor]:
    """What the next forward pass keeps, for each dropout layer: 1 or 0 for each unit and example."""
    kept = []

    def keep(module: torch.nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        ones = torch.ones_like(inputs[0])
        kept.append(torch.where(inputs[0] == 0, ones, (output != 0).to(ones)).flatten())

    layers = [module for module in snapshot.network.modules() if isinstance(module, Dropout)]
    hooks = [layer.register_forward_hook(keep) for layer in layers]
    try:
        snapshot.forward(snapshot.weights, snapshot.buffers, snapshot.inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return {"mask": torch.stack(kept)}


@pytest.mark.parametrize("size", [7, 32])
def test_a_run_drops_out_the_same_units_alone_and_in_any_stack(size: int) -> None:
    """Recorded at several steps, for runs of other rates and seeds beside it."""
    model = MLP(inputs=40, outputs=10, depth=2, width=16, activation=torch.nn.Tanh, dropout=0.5)
    base = Run(data=DATA, model=model, lr=0.1, batch_size=16, steps=9, seed=3)
    others = [
        replace(base, seed=100 + n, lr=0.01 * (n + 1), model=replace(model, dropout=0.1 + 0.02 * n)) for n in range(31)
    ]
    alone = train([base], [masks], every=3).mask.values
    assert alone.shape == (1, 4, 2, 16 * 16)
    patterns = {alone[0, step, layer].tobytes() for step in range(4) for layer in range(2)}
    assert len(patterns) == 8
    assert 0.4 < alone.mean() < 0.6
    place = size // 2
    runs = [*others[:place], base, *others[place : size - 1]]
    assert [len(stack) for stack in stacks(runs)] == [size]
    together = train(runs, [masks], every=3).mask.values
    np.testing.assert_array_equal(together[place], alone[0])
    assert not (together[place - 1] == alone[0]).all()
