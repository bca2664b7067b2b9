"""The training loop: what it measures, and that measuring changes nothing."""

from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import pytest
import torch

from trainlab.data import MNIST1D, Dataset, Split
from trainlab.loop import evaluate, order
from trainlab.losses import CrossEntropy, SquaredError
from trainlab.models import MLP
from trainlab.optimizers import SGD, Adam, Momentum
from trainlab.probes import Snapshot, activation_statistics, axes, gradient_norm, update_ratio
from trainlab.runs import Run, grid
from trainlab.schedules import Cosine
from trainlab.stack import Stack
from trainlab.training import train
from trainlab.types import Tensors

NET = MLP(inputs=40, outputs=10, depth=2, width=8, norm="batch", dropout=0.2)
PROBES = (activation_statistics, gradient_norm, update_ratio)
BY_STEP = {"train_loss", "train_accuracy", "validation_loss", "validation_accuracy"}
BY_RUN = {"test_loss", "test_accuracy"}


@pytest.fixture(scope="module")
def runs(tiny: Run) -> list[Run]:
    """Two stacks, of three runs and one."""
    some = grid(replace(tiny, model=NET), lr=[0.01, 0.1, 0.3])
    return [*some, replace(some[0], optimizer=Adam())]


def epoch(seeds: list[int], rows: int, batch_size: int) -> torch.Tensor:
    """The first epoch, `[runs, rows]`."""
    return torch.cat(list(islice(order(seeds, rows, batch_size), rows // batch_size)), 1)


def test_every_row_comes_once_an_epoch() -> None:
    batches = order([0, 1], 12, 4)
    for _ in range(3):
        rows = torch.cat(list(islice(batches, 3)), 1)
        assert rows.shape == (2, 12)
        assert rows.sort(1).values.tolist() == [list(range(12))] * 2


def test_incomplete_batch_is_dropped() -> None:
    batches = list(islice(order([0], 10, 4), 4))
    assert [batch.shape for batch in batches] == [(1, 4)] * 4
    for first in (0, 2):
        assert len(set(torch.cat(batches[first : first + 2], 1)[0].tolist())) == 8


def test_order_differs_between_epochs_and_seeds_only() -> None:
    batches = order([3, 4], 400, 100)
    first, second = (torch.cat(list(islice(batches, 4)), 1) for _ in range(2))
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first[0], second[0])
    assert torch.equal(epoch([4], 400, 100)[0], first[1])
    assert torch.equal(epoch([9, 4, 3], 400, 100)[1], first[1])
    assert torch.equal(epoch([3], 400, 50)[0], first[0])


def test_batch_must_fit_the_data() -> None:
    with pytest.raises(ValueError, match="batch_size must be at most the 10 training rows, got 11"):
        next(order([0], 10, 11))
    assert len(next(order([0], 10, 10))[0]) == 10


def test_evaluation_does_not_depend_on_the_chunk(tiny: Run) -> None:
    """2500 rows are evaluated in three chunks; the last one is smaller."""
    rows = MNIST1D(rows=400, validation=2500, test=10).load().validation
    stack = Stack(grid(replace(tiny, model=NET), seed=[0, 1]), torch.float32, "cpu")
    losses, accuracies = evaluate(stack, rows, CrossEntropy())
    stack.network.eval()
    outputs = stack.forward(rows.x, shared=True).detach()
    for index in range(2):
        expected = torch.nn.functional.cross_entropy(outputs[index].double(), rows.y)
        assert losses[index].item() == pytest.approx(expected.item(), rel=1e-6)
        assert accuracies[index].item() == (outputs[index].argmax(1) == rows.y).double().mean().item()


def test_types_are_those_of_the_measurement(runs: list[Run]) -> None:
    for dtype in ("float32", "float64"):
        found = train(runs[:2], PROBES, dtype=dtype)
        assert found.batch_loss.dtype == found.gradient_norm.dtype == found.dead_fraction.dtype == dtype
        assert all(found[name].dtype == "float64" for name in BY_STEP | BY_RUN)
        assert found.seed.dtype.kind == "i"


def test_diverged_run_stays_in_the_results(tiny: Run) -> None:
    found = train([tiny, replace(tiny, lr=1e30)], PROBES)
    assert np.isnan(found.test_accuracy.values).tolist() == [False, True]
    assert not np.isfinite(found.test_loss.values[1])
    assert np.isnan(found.batch_loss.values[1, -1])
    assert found.sizes["run"] == 2


def test_measuring_does_not_disturb_training(runs: list[Run]) -> None:
    """Batch norm and dropout carry state; neither evaluations nor probes may move it."""
    often, rarely = train(runs, every=1), train(runs, every=10)
    probed = train(runs, PROBES, every=1)
    for other in (rarely, probed):
        for name in ("batch_loss", *BY_RUN):
            assert often[name].values.tobytes() == other[name].values.tobytes(), name
    for name in BY_STEP:
        assert often[name].values.tobytes() == probed[name].values.tobytes(), name
        assert (often[name].sel(step=rarely.step) == rarely[name]).all()


def test_evaluation_drops_nothing_out(tiny: Run) -> None:
    """Before any update, dropout is the only difference between the two networks."""
    found = train(grid(tiny, model=[replace(NET, dropout=0.0), replace(NET, dropout=0.6)]), every=1)
    assert found.validation_loss.values[0, 0] == pytest.approx(found.validation_loss.values[1, 0], rel=1e-6)
    assert found.batch_loss.values[0, 0] != pytest.approx(found.batch_loss.values[1, 0], rel=1e-3)


def test_threads_of_the_caller_come_back(tiny: Run) -> None:
    torch.set_num_threads(2)
    try:
        with_two = train([tiny])
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
    assert with_two.identical(train([tiny]))


@dataclass(frozen=True)
class Named:
    """A probe whose result has the name that it is told."""

    name: str

    def __call__(self, snapshot: Snapshot) -> Tensors:
        return {self.name: snapshot.inputs.mean()}


@axes()
def mean_input(snapshot: Snapshot) -> Tensors:
    return {"mean_input": snapshot.inputs.mean()}


@pytest.mark.parametrize("count", [1, 2])
def test_probes_of_ones_own(tiny: Run, count: int) -> None:
    found = train(grid(tiny, seed=range(count)), [mean_input, Named("other")], every=4)
    assert found.mean_input.dims == found.other.dims == ("run", "step")
    assert found.mean_input.identical(found.other.rename("mean_input"))


def test_probe_must_not_take_a_name_that_is_taken(tiny: Run) -> None:
    for name in map(str, train([tiny], [mean_input]).variables):
        with pytest.raises(ValueError, match=rf"probe Named\(name='{name}'\) measures {name}, a name that is taken"):
            train([tiny], [mean_input, Named(name)])


@dataclass(frozen=True)
class Regression:
    """MNIST-1D with the sum of the inputs as the target."""

    def load(self) -> Dataset:
        data = MNIST1D(rows=400, validation=100, test=200).load()
        splits = (data.train, data.validation, data.test)
        return Dataset("sums", *(Split(split.x, split.x.sum(1, keepdim=True)) for split in splits), classes=1)


def test_targets_that_are_no_classes_have_no_accuracy(tiny: Run) -> None:
    run = replace(tiny, data=Regression(), loss=SquaredError(), model=replace(NET, outputs=1, dropout=0.0))
    found = train([run, replace(run, lr=0.01)])
    assert np.isnan(found.test_accuracy).all()
    assert np.isfinite(found.test_loss).all()


def test_schedule_and_momentum_reach_the_update(tiny: Run) -> None:
    """The last rate of a cosine is small, so the last update is; heavy ball moves further than plain descent."""
    constant, cosine = (train([replace(tiny, schedule=s)], [update_ratio], every=1) for s in (tiny.schedule, Cosine()))
    assert float(cosine.update_ratio[0, -2, 0]) < 0.1 * float(constant.update_ratio[0, -2, 0])
    sgd, heavy = (train([replace(tiny, optimizer=o)], [update_ratio], every=1) for o in (SGD(), Momentum()))
    assert float(sgd.update_ratio[0, 0, 0]) == float(heavy.update_ratio[0, 0, 0])
    assert float(heavy.update_ratio[0, -1, 0]) > 2 * float(sgd.update_ratio[0, -1, 0])


class Noisy(torch.nn.Module):
    """Draws by itself, so that it can only train alone."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(40, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x + torch.rand_like(x))


def noisy() -> torch.nn.Module:
    return Noisy()


def test_a_network_that_draws_by_itself_draws_from_its_seed(tiny: Run) -> None:
    run = replace(tiny, model=noisy)
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    first = train([run], stack_size=1).batch_loss.values
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(2)
    assert train([run], stack_size=1).batch_loss.values.tolist() == first.tolist()


def test_whole_numbers_stay_whole_numbers() -> None:
    results = train([Run(data=Words(), model=embedding, lr=1.0, batch_size=10, steps=30)])
    assert float(results.train_accuracy[0, -1]) == 1.0


@dataclass(frozen=True)
class Words:
    """Each of five words has a class of its own."""

    def load(self) -> Dataset:
        x = torch.arange(50) % 5
        split = Split(x, x)
        return Dataset("words", split, split, split, classes=5)


def embedding() -> torch.nn.Module:
    return torch.nn.Embedding(5, 5)


def unnamed(snapshot: Snapshot) -> Tensors:
    return {"pair": torch.stack([snapshot.inputs.mean(), snapshot.inputs.std()])}


def test_a_probe_whose_axes_have_no_name_is_refused(tiny: Run) -> None:
    with pytest.raises(ValueError, match=r"returns pair with 1 axes, but 0 are named \(none\); name each with @axes"):
        train([tiny], [unnamed])
