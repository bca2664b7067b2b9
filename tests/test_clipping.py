"""Gradient clipping against PyTorch's, alone and in a stack."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from trainlab.clipping import ClipNorm, ClipValue
from trainlab.data import MNIST1D
from trainlab.models import MLP
from trainlab.runs import Run, grid, stacks
from trainlab.training import train

BASE = Run(
    data=MNIST1D(rows=400, validation=100, test=200),
    model=MLP(inputs=40, outputs=10, depth=2, width=8),
    lr=0.5,
    batch_size=32,
    steps=12,
)
limits = st.floats(-4, 4).map(lambda exponent: 10**exponent)


def gradients(seed: int, scale: float = 1.0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shapes = {"weight": (4, 3), "bias": (4,), "gain": ()}
    return {
        name: scale * torch.randn(shape, dtype=torch.float64, generator=generator) for name, shape in shapes.items()
    }


def by_torch(found: dict[str, torch.Tensor], clip: ClipNorm | ClipValue) -> dict[str, torch.Tensor]:
    parameters = {name: nn.Parameter(torch.zeros_like(g)) for name, g in found.items()}
    for name, parameter in parameters.items():
        parameter.grad = found[name].clone()
    if isinstance(clip, ClipNorm):
        nn.utils.clip_grad_norm_(parameters.values(), clip.max_norm)
    else:
        nn.utils.clip_grad_value_(parameters.values(), clip.limit)
    return {name: parameter.grad for name, parameter in parameters.items() if parameter.grad is not None}


@given(seed=st.integers(0, 99), scale=limits, clip=limits.map(lambda c: ClipNorm(max_norm=c)) | limits.map(ClipValue))
def test_equals_pytorch(seed: int, scale: float, clip: ClipNorm | ClipValue) -> None:
    found = gradients(seed, scale)
    torch.testing.assert_close(clip(found), by_torch(found, clip), rtol=1e-12, atol=0)


def test_the_norm_is_that_of_all_parameters_together_and_keeps_the_direction() -> None:
    found = gradients(0)
    clipped = ClipNorm(max_norm=0.1)(found)
    before, after = (torch.cat([g.flatten() for g in gs.values()]) for gs in (found, clipped))
    assert float(after.norm()) == pytest.approx(0.1, rel=1e-5)
    assert float(before @ after / before.norm() / after.norm()) == pytest.approx(1)


def test_cutting_by_value_turns_the_direction() -> None:
    clipped = ClipValue(limit=1.0)({"w": torch.tensor([0.5, -7.0])})
    assert clipped["w"].tolist() == [0.5, -1.0]


def test_a_short_gradient_is_left_alone() -> None:
    found = gradients(0, 1e-3)
    assert all(torch.equal(ClipNorm()(found)[name], g) for name, g in found.items())


@pytest.mark.parametrize("clip", [ClipNorm(), ClipValue()])
def test_a_nan_is_not_hidden(clip: ClipNorm | ClipValue) -> None:
    assert clip({"w": torch.tensor([math.nan, 1.0])})["w"].isnan()[0]


def plain(run: Run) -> list[float]:
    """The run's mini-batch losses by a plain PyTorch loop that clips."""
    from trainlab.loop import order
    from trainlab.stack import build

    data = run.data.load().train
    network = build(run).double()
    optimizer = torch.optim.SGD(network.parameters(), lr=run.lr)
    batches, losses = order([run.seed], len(data.y), run.batch_size), []
    for _ in range(run.steps):
        rows = next(batches)[0]
        loss = nn.functional.cross_entropy(network(data.x[rows].double()), data.y[rows])
        optimizer.zero_grad()
        loss.backward()
        if isinstance(run.clipping, ClipNorm):
            nn.utils.clip_grad_norm_(network.parameters(), run.clipping.max_norm)
        elif isinstance(run.clipping, ClipValue):
            nn.utils.clip_grad_value_(network.parameters(), run.clipping.limit)
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize(
    "clips",
    [
        [ClipNorm(max_norm=0.1)],
        [ClipNorm(max_norm=0.1), ClipNorm(max_norm=0.3)],
        [ClipValue(limit=0.01), ClipValue(limit=0.02)],
        [ClipNorm(max_norm=0.1), ClipNorm(max_norm=0.1)],
    ],
)
def test_each_run_of_a_stack_is_clipped_by_its_own_gradient(clips: list[ClipNorm | ClipValue]) -> None:
    runs = [replace(BASE, clipping=clip, seed=seed) for seed, clip in enumerate(clips)]
    assert len(stacks(runs)) == 1
    found = train(runs, dtype="float64").batch_loss.values
    free = train([replace(run, clipping=None) for run in runs], dtype="float64").batch_loss.values
    for losses, unclipped, run in zip(found, free, runs, strict=True):
        assert losses == pytest.approx(plain(run), rel=1e-9)
        assert abs(losses[-1] - unclipped[-1]) > 1e-3  # the clipping did something


def test_the_sizes_of_a_sweep_are_a_coordinate() -> None:
    results = train(grid(BASE, clipping=[None, ClipNorm(max_norm=0.1)]))
    assert results.clipping.values.tolist() == ["None", "ClipNorm(max_norm=0.1)"]


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan])
def test_bad_limits_are_named(value: float) -> None:
    with pytest.raises(ValueError, match=f"ClipNorm: max_norm must be > 0, got {value}"):
        ClipNorm(max_norm=value)
    with pytest.raises(ValueError, match=f"ClipValue: limit must be > 0, got {value}"):
        ClipValue(limit=value)
