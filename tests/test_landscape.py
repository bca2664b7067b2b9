"""Noise scale and sharpness: against plain autograd, and where the exact answer is known."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from trainlab.landscape import GradientNoiseScale, Sharpness
from trainlab.layers import Dropout
from trainlab.losses import CrossEntropy, SquaredError
from trainlab.models import MLP
from trainlab.probes import Probe, Snapshot
from trainlab.runs import Run, grid
from trainlab.store import Store, Task
from trainlab.training import train
from trainlab.types import Tensors


def conv() -> nn.Module:
    layers = [nn.Conv1d(1, 2, 3), nn.BatchNorm1d(2), nn.ReLU(), nn.MaxPool1d(2), nn.Flatten(), nn.Linear(4, 3)]
    return nn.Sequential(nn.Unflatten(1, (1, 6)), *layers)


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "plain": lambda: nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)),
    "batch norm": lambda: nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 3)),
    "layer norm": lambda: nn.Sequential(nn.Linear(6, 5), nn.LayerNorm(5), nn.GELU(), nn.Linear(5, 3)),
    "dropout": lambda: nn.Sequential(nn.Linear(6, 5), nn.ReLU(), Dropout(0.3), nn.Linear(5, 3)),
    "convolution": conv,
}
kinds = pytest.mark.parametrize("kind", NETWORKS)


@dataclass
class Batch:
    """Three networks of one structure in float64, each with a mini-batch of 16."""

    networks: list[nn.Module]
    inputs: Tensor
    targets: Tensor

    def alone(self, index: int) -> Snapshot:
        network = self.networks[index]
        weights = {name: weight.detach() for name, weight in network.named_parameters()}
        buffers = dict(network.named_buffers())
        return Snapshot(network, weights, buffers, {}, {}, self.inputs[index], self.targets[index], CrossEntropy())

    def measure(self, probe: Probe) -> Tensors:
        """As the loop does: all three at once, with gradients off."""
        snapshots = [self.alone(index) for index in range(3)]
        weights = {name: torch.stack([s.weights[name] for s in snapshots]) for name in snapshots[0].weights}
        buffers = {name: torch.stack([s.buffers[name] for s in snapshots]) for name in snapshots[0].buffers}

        def one(weights: Tensors, buffers: Tensors, x: Tensor, y: Tensor) -> Tensors:
            return probe(Snapshot(self.networks[0], weights, buffers, {}, {}, x, y, CrossEntropy()))

        with torch.no_grad():
            return vmap(one)(weights, buffers, self.inputs, self.targets)


@pytest.fixture
def batch(kind: str) -> Batch:
    generator = torch.Generator().manual_seed(5)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        networks = [NETWORKS[kind]().double() for _ in range(3)]
    inputs = torch.randn(3, 16, 6, dtype=torch.float64, generator=generator)
    return Batch(networks, inputs, torch.randint(3, (3, 16), generator=generator))


# Noise scale


def naive_noise(snapshot: Snapshot, parts: int) -> list[float]:
    """Scale, variance and squared norm by McCandlish's two equations, with backward() on one part after another."""
    network = copy.deepcopy(snapshot.network)
    size = len(snapshot.inputs) // parts
    gradients = []
    for part in range(parts):
        rows = slice(part * size, (part + 1) * size)
        network.zero_grad()
        nn.functional.cross_entropy(network(snapshot.inputs[rows]), snapshot.targets[rows]).backward()
        gradients.append(torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None]))
    small = float(np.mean([float(g @ g) for g in gradients]))
    mean = torch.stack(gradients).mean(0)
    big = float(mean @ mean)
    squared = (parts * size * big - size * small) / (parts * size - size)
    variance = (small - big) / (1 / size - 1 / (parts * size))
    return [variance / squared, variance, squared]


NOISE = ("gradient_noise_scale", "gradient_variance", "gradient_squared_norm")


@kinds
@pytest.mark.parametrize("parts", [2, 4, 5])
def test_noise_scale_equals_the_twin_alone_and_in_a_stack(batch: Batch, parts: int) -> None:
    stacked = batch.measure(GradientNoiseScale(parts))
    for index in range(3):
        expected = naive_noise(batch.alone(index), parts)
        alone = GradientNoiseScale(parts)(batch.alone(index))
        assert [float(alone[name]) for name in NOISE] == pytest.approx(expected, rel=1e-9)
        assert [float(stacked[name][index]) for name in NOISE] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("kind", ["plain"])
def test_as_many_parts_as_examples_give_the_covariance_of_their_gradients(batch: Batch) -> None:
    taken = batch.alone(0)
    network, rows = batch.networks[0], []
    for x, y in zip(taken.inputs, taken.targets, strict=True):
        network.zero_grad()
        nn.functional.cross_entropy(network(x[None]), y[None]).backward()
        rows.append(torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None]))
    found = GradientNoiseScale(16)(taken)
    covariance = torch.cov(torch.stack(rows).T)
    torch.testing.assert_close(found["gradient_variance"], covariance.trace())


class Point(nn.Module):
    """A point that shall lie near the examples: the gradient of one example is the point minus the example."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.at = nn.Parameter(torch.zeros(size, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return self.at.expand(x.shape)


@pytest.mark.parametrize("parts", [2, 4, 12])
def test_both_numbers_are_unbiased_where_they_are_known(parts: int) -> None:
    """Examples from N(0, diag(1, 4, 9)): the variance is 14; the point is (1, 2, -1) away, the squared norm is 6."""
    spread = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    x = spread * torch.randn(4000, 12, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    point = Point(3)
    weights = {"at": torch.tensor([1.0, 2.0, -1.0], dtype=torch.float64)}
    probe = GradientNoiseScale(parts)
    found = vmap(lambda x: probe(Snapshot(point, weights, {}, {}, {}, x, x, SquaredError())))(x)
    for name, exact in (("gradient_variance", 14.0), ("gradient_squared_norm", 6.0)):
        values = found[name]
        assert abs(float(values.mean()) - exact) < 4 * float(values.std()) / len(values) ** 0.5
    # The estimate itself must not be so wide that any value passes.
    assert float(found["gradient_variance"].std()) / 4000**0.5 < 0.5
    torch.testing.assert_close(
        found["gradient_noise_scale"], found["gradient_variance"] / found["gradient_squared_norm"]
    )


# Sharpness


def exact_eigenvalues(snapshot: Snapshot) -> Tensor:
    """Of the whole Hessian, by autograd without torch.func; ascending."""
    names, sizes = list(snapshot.weights), [weight.numel() for weight in snapshot.weights.values()]

    def loss(flat: Tensor) -> Tensor:
        pieces = zip(names, flat.split(sizes), strict=True)
        weights = {name: piece.view(snapshot.weights[name].shape) for name, piece in pieces}
        buffers = {name: buffer.clone() for name, buffer in snapshot.buffers.items()}
        outputs = functional_call(snapshot.network, (weights, buffers), (snapshot.inputs,))
        return nn.functional.cross_entropy(outputs, snapshot.targets)

    flat = torch.cat([weight.flatten() for weight in snapshot.weights.values()])
    return torch.linalg.eigvalsh(torch.autograd.functional.hessian(loss, flat))  # pyright: ignore[reportArgumentType]


@kinds
def test_sharpness_equals_the_top_of_the_exact_hessian_alone_and_in_a_stack(batch: Batch) -> None:
    stacked = batch.measure(Sharpness(100))
    for index in range(3):
        exact = float(exact_eigenvalues(batch.alone(index))[-1])
        alone = Sharpness(100)(batch.alone(index))
        assert float(alone["sharpness"]) == pytest.approx(exact, rel=1e-10)
        assert float(stacked["sharpness"][index]) == pytest.approx(exact, rel=1e-10)
        assert float(stacked["sharpness_residual"][index]) < 1e-8


@kinds
def test_the_default_number_of_iterations_is_enough_for_a_small_network(batch: Batch) -> None:
    found = batch.measure(Sharpness())
    for index in range(3):
        assert float(found["sharpness"][index]) == pytest.approx(
            float(exact_eigenvalues(batch.alone(index))[-1]), rel=1e-6
        )


@kinds
def test_more_iterations_come_closer_from_below_and_the_residual_bounds_the_error(batch: Batch) -> None:
    exact = exact_eigenvalues(batch.alone(0))
    values = []
    for iterations in (1, 2, 4, 8, 16):
        found = Sharpness(iterations)(batch.alone(0))
        value, residual = float(found["sharpness"]), float(found["sharpness_residual"])
        assert float((exact - value).abs().min()) <= residual * abs(value) * (1 + 1e-9)
        values.append(value)
    assert values == sorted(values)
    assert values[0] < values[-1] <= float(exact[-1]) * (1 + 1e-12)


class Quadratic(nn.Module):
    """A loss with a known Hessian: half of w'Aw, the same for every example."""

    def __init__(self, diagonal: list[float]) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.ones(len(diagonal), dtype=torch.float64))
        self.register_buffer("diagonal", torch.tensor(diagonal, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return (self.get_buffer("diagonal") * self.w.square()).sum() / 2 + 0 * x


def itself(outputs: Tensor, targets: Tensor) -> Tensor:
    return outputs


@pytest.mark.parametrize(
    ("diagonal", "top"),
    [
        ([-50.0, 2.0, 1.0, -3.0], 2.0),  # power iteration would find -50
        ([-50.0, 49.0, 0.0], 49.0),
        ([-5.0, -2.0, -3.0], -2.0),
        ([3.0], 3.0),
        ([0.0, 0.0], 0.0),  # a plane
        ([1e-6, -1e-6, 5e-7], 1e-6),
    ],
)
def test_the_most_positive_eigenvalue_not_the_largest_in_magnitude(diagonal: list[float], top: float) -> None:
    network = Quadratic(diagonal)
    weights = {"w": network.w.detach()}
    found = Sharpness()(
        Snapshot(network, weights, dict(network.named_buffers()), {}, {}, torch.ones(2), torch.ones(2), itself)
    )
    assert float(found["sharpness"]) == pytest.approx(top, rel=1e-10)


# Both


@pytest.mark.parametrize("probe", [GradientNoiseScale(4), Sharpness(5)], ids=str)
@kinds
def test_a_probe_changes_nothing_and_gives_the_same_twice(batch: Batch, probe: Probe) -> None:
    before = [copy.deepcopy(network.state_dict()) for network in batch.networks]
    random = torch.get_rng_state()
    first, second = batch.measure(probe), batch.measure(probe)
    probe(batch.alone(0))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert torch.equal(torch.get_rng_state(), random)
    for network, state in zip(batch.networks, before, strict=True):
        assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("probe", [GradientNoiseScale(4), Sharpness(5)], ids=str)
@pytest.mark.parametrize("kind", ["plain"])
def test_a_diverged_run_is_nan_and_leaves_the_others_alone(batch: Batch, probe: Probe) -> None:
    sound = batch.measure(probe)
    with torch.no_grad():
        next(batch.networks[1].parameters()).fill_(torch.nan)
    for name, values in batch.measure(probe).items():
        assert values.isnan().tolist() == [False, True, False], name
        torch.testing.assert_close(values[[0, 2]], sound[name][[0, 2]])


@pytest.mark.parametrize("probe", [GradientNoiseScale(4), Sharpness(5)], ids=str)
@pytest.mark.parametrize("change", [{}, {"norm": "batch"}, {"dropout": 0.2}], ids=str)
def test_in_the_loop_a_stack_equals_its_runs_alone(tiny: Run, probe: Probe, change: dict[str, Any]) -> None:
    run = replace(tiny, model=MLP(inputs=40, outputs=10, depth=2, width=6, **change), steps=4)
    runs = grid(run, lr=[0.1, 0.3], seed=[0, 1])
    together = train(runs, [probe], every=2, dtype="float64")
    names = NOISE if isinstance(probe, GradientNoiseScale) else ("sharpness", "sharpness_residual")
    for name in names:
        assert together[name].dims == ("run", "step")
        alone = [train([one], [probe], every=2, dtype="float64")[name].values[0] for one in runs]
        np.testing.assert_allclose(together[name].values, alone, rtol=1e-6, err_msg=name)


def test_measuring_does_not_change_the_training(tiny: Run) -> None:
    runs = grid(
        replace(tiny, model=MLP(inputs=40, outputs=10, depth=1, width=6, norm="batch", dropout=0.2)), seed=[0, 1]
    )
    plain, probed = train(runs), train(runs, [GradientNoiseScale(4), Sharpness(3)])
    assert all(plain[name].equals(probed[name]) for name in ("batch_loss", "validation_loss", "test_loss"))


def test_the_store_tells_probes_apart_by_their_fields_and_follows_their_code(tiny: Run, tmp_path: Path) -> None:
    store = Store(tmp_path)
    short, long = (train([tiny], [Sharpness(n)], every=12, store=store).sharpness for n in (1, 4))
    assert (short.values < long.values).all()
    assert len([*tmp_path.iterdir()]) == 2
    assert train([tiny], [Sharpness(4)], every=12, store=store).sharpness.equals(long)
    assert len([*tmp_path.iterdir()]) == 2
    task = Task(runs=(tiny,), probes=(Sharpness(4),), every=12, dtype="float32", device="cpu")
    assert {"trainlab.landscape.Sharpness", "trainlab.landscape._top_eigenvector"} <= set(task.parts(train))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: GradientNoiseScale(1), "^GradientNoiseScale: parts must be >= 2, got 1$"),
        (lambda: Sharpness(0), "^Sharpness: iterations must be >= 1, got 0$"),
    ],
)
def test_a_bad_value_is_named(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("kind", ["plain"])
def test_a_batch_smaller_than_the_parts_is_refused(batch: Batch) -> None:
    with pytest.raises(ValueError, match=r"^GradientNoiseScale: 17 parts need as many examples, got 16$"):
        batch.measure(GradientNoiseScale(17))
