"""The contract: a stack trains each of its runs as plain PyTorch would train it alone."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from trainlab.data import MNIST1D, Split
from trainlab.inits import Glorot, He, Orthogonal, PyTorchDefault
from trainlab.layers import Dropout
from trainlab.loop import order
from trainlab.losses import CrossEntropy
from trainlab.models import MLP
from trainlab.optimizers import SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, RMSProp
from trainlab.runs import Run, grid, stacks
from trainlab.schedules import Constant, Cosine, Exponential, StepDecay, Warmup
from trainlab.stack import Stack, build, stream
from trainlab.training import train

DATA = MNIST1D(rows=400, validation=100, test=200)
NET = MLP(inputs=40, outputs=10, depth=2, width=8, norm="batch")
BASE = Run(data=DATA, model=NET, lr=0.1, batch_size=32, steps=30)
MEASURED = (
    *("batch_loss", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy"),
    *("test_loss", "test_accuracy"),
)


def convolutional() -> nn.Module:
    """40 features as 8 steps of 5 channels."""
    return nn.Sequential(
        nn.Unflatten(1, (5, 8)), nn.Conv1d(5, 6, 3, padding=1), nn.BatchNorm1d(6), nn.ReLU(), nn.Flatten(),
        nn.Linear(48, 10),
    )  # fmt: skip


class Skip(nn.Module):
    """A residual network of one's own, with a parameter that is no layer's."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.inner, self.leave = nn.Linear(40, 8), nn.Linear(8, 8), nn.Linear(8, 10)
        self.gain = nn.Parameter(torch.tensor(0.5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.enter(x).tanh()
        return self.leave(x + self.gain * self.inner(x).relu())


def residual() -> nn.Module:
    return Skip()


def plain(run: Run, dtype: torch.dtype) -> dict[str, Any]:
    """The run by a plain PyTorch loop; only the first weights and the order of the rows are Trainlab's."""
    data = run.data.load()
    network = build(run).to(dtype)
    momentum = run.optimizer.momentum if isinstance(run.optimizer, Momentum) else 0.0
    optimizer = torch.optim.SGD(network.parameters(), lr=run.lr, momentum=momentum)
    batches = order([run.seed], len(data.train.y), run.batch_size)
    out: dict[str, Any] = {"batch_loss": []}
    for step in range(run.steps):
        optimizer.param_groups[0]["lr"] = run.lr * run.schedule(step, run.steps)
        rows = next(batches)[0]
        loss = nn.functional.cross_entropy(network(data.train.x[rows].to(dtype)), data.train.y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        out["batch_loss"].append(loss.item())
    network.eval()
    for name, split in (("train", data.train), ("validation", data.validation), ("test", data.test)):
        out |= {f"{name}_{what}": value for what, value in score(network, split, dtype).items()}
    return out


@torch.no_grad()
def score(network: nn.Module, split: Split, dtype: torch.dtype) -> dict[str, float]:
    outputs = network(split.x.to(dtype))
    right = (outputs.argmax(1) == split.y).double().mean().item()
    return {"loss": nn.functional.cross_entropy(outputs, split.y).item(), "accuracy": right}


def last(results: xr.Dataset, name: str) -> np.ndarray:
    return results[name].values if "step" not in results[name].dims else results[name].values[:, -1]


def assert_equal(results: xr.Dataset, runs: Sequence[Run], dtype: torch.dtype, tolerance: float) -> None:
    for index, run in enumerate(runs):
        expected = plain(run, dtype)
        for name in MEASURED:
            found = last(results, name)[index]
            np.testing.assert_allclose(
                found, expected[name], rtol=tolerance, atol=tolerance, err_msg=f"{name} of {run}"
            )


def test_64_runs_in_two_stacks_equal_64_plain_loops() -> None:
    runs = grid(
        BASE,
        lr=[0.003, 0.03, 0.1, 0.3],
        optimizer=[Momentum(momentum=0.5), Momentum()],
        init=[He(), Glorot()],
        schedule=[Constant(), Cosine()],
        seed=[0, 1],
    )
    assert len(runs) == 64
    assert [len(stack) for stack in stacks(runs)] == [32, 32]
    results = train(runs, dtype="float64")
    assert_equal(results, runs, torch.float64, 1e-9)
    assert len(np.unique(results.batch_loss.values[:, -1])) == 64
    assert float(results.test_accuracy.max()) > 0.2  # chance is 0.1


@pytest.mark.parametrize("model", [convolutional, residual, replace(NET, residual=True, norm="layer")])
def test_a_network_of_ones_own_equals_its_plain_loop(model: Any) -> None:
    run = replace(BASE, model=model, optimizer=Momentum(), schedule=Warmup(updates=5, after=Cosine()), seed=5)
    assert_equal(train([run], dtype="float64"), [run], torch.float64, 1e-12)
    for other in (Momentum(), Momentum(momentum=0.5)):  # one update for all, and one a parameter
        runs = [run, replace(run, seed=6, lr=0.01, optimizer=other)]
        assert stacks(runs) == [[0, 1]]
        assert_equal(train(runs, dtype="float64"), runs, torch.float64, 1e-9)


def test_one_run_in_float32_is_the_plain_loop_to_rounding() -> None:
    run = replace(BASE, steps=10)
    assert_equal(train([run]), [run], torch.float32, 1e-5)


def test_diverged_run_leaves_its_neighbours_alone() -> None:
    model = replace(NET, norm=None)
    rates = [0.1, 0.2, 0.05]
    sound = train([replace(BASE, model=model, lr=lr, seed=i) for i, lr in enumerate(rates)])
    rates[1] = 1e6
    wild = train([replace(BASE, model=model, lr=lr, seed=i) for i, lr in enumerate(rates)])
    assert not np.isfinite(wild.batch_loss.values[1]).all()
    assert np.isnan(wild.test_accuracy.values[1])
    assert np.isfinite(sound.batch_loss.values).all()
    for name in MEASURED:
        for neighbour in (0, 2):
            assert sound[name].values[neighbour].tobytes() == wild[name].values[neighbour].tobytes(), name


unit = st.floats(0.0, 0.95)
eps = st.floats(1e-8, 1e-3)
optimizers: dict[str, st.SearchStrategy[Any]] = {
    "SGD": st.builds(SGD),
    "Momentum": st.builds(Momentum, momentum=unit),
    "Nesterov": st.builds(Nesterov, momentum=unit),
    "AdaGrad": st.builds(AdaGrad, eps=eps),
    "RMSProp": st.builds(RMSProp, alpha=unit, eps=eps),
    "Adam": st.builds(Adam, beta1=unit, beta2=st.floats(0.5, 0.999), eps=eps),
    "AdamW": st.builds(AdamW, beta1=unit, beta2=st.floats(0.5, 0.999), eps=eps, weight_decay=st.floats(0, 0.1)),
}
schedules = st.sampled_from(
    [Constant(), Cosine(), Exponential(0.9), StepDecay(every=3), Warmup(updates=3, after=Cosine())]
)


@st.composite
def stackable(draw: st.DrawFn) -> list[Run]:
    """Two to four runs of one structure that differ in all else."""
    model = MLP(
        inputs=40,
        outputs=10,
        depth=draw(st.integers(0, 3)),
        width=draw(st.sampled_from([1, 5, 8])),
        activation=draw(st.sampled_from([nn.ReLU, nn.Tanh])),
        norm=draw(st.sampled_from([None, "batch", "layer"])),
        residual=draw(st.booleans()),
    )
    kind = draw(st.sampled_from(sorted(optimizers)))
    dropout = draw(st.booleans())
    loss = CrossEntropy(label_smoothing=draw(st.sampled_from([0.0, 0.1])))
    return [
        Run(
            data=DATA,
            model=replace(model, dropout=draw(st.floats(0.05, 0.7)) if dropout else 0.0),
            init=draw(st.sampled_from([PyTorchDefault(), He(), Glorot("normal"), Orthogonal()])),
            optimizer=draw(optimizers[kind]),
            lr=draw(st.floats(1e-4, 0.05)),
            schedule=draw(schedules),
            loss=loss,
            batch_size=16,
            steps=8,
            seed=draw(st.integers(0, 2**40)),
        )
        for _ in range(draw(st.integers(2, 4)))
    ]


@settings(max_examples=20, deadline=None)
@given(stackable())
def test_stacked_equals_alone(runs: list[Run]) -> None:
    assert len(stacks(runs)) == 1
    together = train(runs, every=4, dtype="float64")
    for index, run in enumerate(runs):
        alone = train([run], every=4, dtype="float64")
        for name in MEASURED:
            np.testing.assert_allclose(together[name].values[index], alone[name].values[0], rtol=1e-7, err_msg=name)


def test_place_in_the_stack_does_not_matter() -> None:
    """To the last bit: both orders hold the same batched products."""
    runs = grid(replace(BASE, model=replace(NET, dropout=0.3)), lr=[0.1, 0.01], seed=[0, 1])
    forward, backward = train(runs), train(runs[::-1])
    for name in MEASURED:
        assert forward[name].values.tobytes() == backward[name].values[::-1].tobytes(), name


def test_build_depends_on_the_run_alone() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first, again, other = build(BASE), build(BASE), build(replace(BASE, seed=1))
    assert torch.equal(torch.get_rng_state(), before)
    for (name, a), b, c in zip(first.named_parameters(), again.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
        assert ("weight" in name and a.ndim == 2) <= (not torch.equal(a, c))


def test_every_seed_drops_out_other_units() -> None:
    runs = grid(replace(BASE, model=replace(NET, dropout=0.5)), seed=range(8))
    masks = [tuple(layer.mask(torch.Size([64])).tolist()) for run in runs for layer in dropouts(build(run))]
    assert len(set(masks)) == len(masks) == 16


def dropouts(network: nn.Module) -> list[Dropout]:
    return [module for module in network.modules() if isinstance(module, Dropout)]


def test_purposes_and_seeds_share_no_random_numbers() -> None:
    streams = {stream(seed, purpose) for seed in range(200) for purpose in range(4)}
    assert len(streams) == 800
    assert all(0 <= number < 2**63 for number in streams)


def with_torch_dropout() -> nn.Module:
    return nn.Sequential(nn.Linear(40, 8), nn.Dropout(0.5), nn.Linear(8, 10))


def frozen() -> nn.Module:
    network = nn.Sequential(nn.Linear(40, 8), nn.Linear(8, 10))
    network[0].weight.requires_grad_(False)
    return network


def no_module() -> Any:
    return 7


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (with_torch_dropout, ValueError, r"Dropout draws from a generator .* use trainlab\.layers\.Dropout"),
        (frozen, ValueError, r"0\.weight has requires_grad=False.*make it a buffer"),
        (no_module, TypeError, "must return an nn.Module when called, got int"),
    ],
)
def test_network_that_cannot_be_stacked_is_refused(
    model: Any, error: type[Exception], message: str, count: int
) -> None:
    with pytest.raises(error, match=message):
        train(grid(replace(BASE, model=model), seed=range(count)))


def test_weights_are_blocks_of_one_vector() -> None:
    runs = grid(BASE, seed=range(3))
    stack = Stack(runs, torch.float64, "cpu")
    assert stack.flat.numel() == 3 * sum(weight.numel() for weight in build(BASE).parameters())
    for index, run in enumerate(runs):
        for name, weight in build(run).named_parameters():
            assert torch.equal(stack.weights[name][index], weight.double())
    stack.flat.zero_()
    assert all(not weight.any() for weight in stack.weights.values())
