"""Networks that a stack would train wrongly, or not at all: each is refused, by a sentence that helps a stranger."""

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from test_stack import assert_equal
from trainlab.layers import Dropout
from trainlab.optimizers import Momentum
from trainlab.refusals import cannot_lift
from trainlab.runs import Run, grid
from trainlab.stack import build
from trainlab.training import train


class Base(nn.Module):
    """40-8-10, for the others to spoil."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(40, 8), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.a(x).tanh())


def refuses(network: type[nn.Module], tiny: Run, count: int, stack_size: int | None = None) -> str:
    """What `train` says to some runs of a network."""
    with pytest.raises((TypeError, ValueError)) as refused:
        train(grid(replace(tiny, model=network), seed=range(count)), stack_size=stack_size)
    said = str(refused.value)
    assert "\n" not in said
    assert "file an issue" not in said
    return said


# What cannot be lifted, and trains run by run


class Branches(Base):
    def forward(self, x: Tensor) -> Tensor:
        if self.training and x.mean() > 0:
            x = -x
        return super().forward(x)


class ReadsNumber(Base):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) / self.a.weight.norm().item()


class Masks(Base):
    def forward(self, x: Tensor) -> Tensor:
        large = self.b.weight[self.b.weight > 0.1]
        return super().forward(x) + large.sum()


class LeavesTorch(Base):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(torch.from_numpy(np.sign(x.numpy())))


class Recomputes(Base):
    def forward(self, x: Tensor) -> Tensor:
        hidden = checkpoint(self.a, x, use_reentrant=False)
        assert isinstance(hidden, Tensor)
        return self.b(hidden.tanh())


class Spectral(Base):
    def __init__(self) -> None:
        super().__init__()
        nn.utils.parametrizations.spectral_norm(self.a)


class AveragesForEver(Base):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(40, momentum=None)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(self.norm(x))


class Recurrent(nn.Module):
    """A recurrent layer of PyTorch over eight steps of five numbers."""

    kind: Callable[..., nn.Module]

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.leave = self.kind(5, 8, batch_first=True), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.layer(x.unflatten(1, (8, 5)))
        return self.leave(states[:, -1])


class OfLSTM(Recurrent):
    kind = nn.LSTM


class OfGRU(Recurrent):
    kind = nn.GRU


class OfRNN(Recurrent):
    kind = nn.RNN


class OfLSTMCell(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell, self.leave = nn.LSTMCell(5, 8), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        state = None
        for step in x.unflatten(1, (8, 5)).unbind(1):
            state = self.cell(step, state)
        assert state is not None
        return self.leave(state[0])


RUN_BY_RUN = [
    (Branches, "decides by the value of a tensor (if, while, bool), at `if self.training and x.mean() > 0:`; write"),
    (
        ReadsNumber,
        "makes a Python number of a tensor (item, float, int), or a layer does, at `return super().forward(x) /",
    ),
    (
        Masks,
        "shape of a result depends on values, as in x[x > 0], at `large = self.b.weight[self.b.weight > 0.1]`; write",
    ),
    (LeavesTorch, "leaves PyTorch (numpy, data_ptr), at `return super().forward(torch.from_numpy("),
    (Recomputes, "uses tensors after the forward pass, as torch.utils.checkpoint does"),
    (Spectral, "torch.func.vmap, which lifts it, raises RuntimeError (Batching rule not implemented for aten::div.out"),
    (AveragesForEver, "or a layer does, at `return super().forward(self.norm(x))`"),
    (OfLSTM, "PyTorch cannot lift its LSTM over a stack, at `states, _ = self.layer("),
    (OfGRU, "PyTorch cannot lift nn.GRU over a stack, at `states, _ = self.layer("),
    (OfRNN, "PyTorch cannot lift nn.RNN over a stack, at `states, _ = self.layer("),
    (OfLSTMCell, "PyTorch cannot lift its LSTM over a stack, at `state = self.cell(step, state)`"),
]


@pytest.mark.parametrize(("network", "message"), RUN_BY_RUN)
def test_what_cannot_be_lifted_is_named_with_its_line_and_trains_run_by_run_as_in_a_plain_loop(
    network: type[nn.Module], message: str, tiny: Run
) -> None:
    said = refuses(network, tiny, 2)
    assert said.startswith(f"{network.__name__} cannot be trained in a stack: ")
    assert message in said
    assert said.endswith(", or train run by run (stack_size=1)")
    runs = grid(replace(tiny, model=network, optimizer=Momentum(), lr=0.05), seed=range(2))
    assert_equal(train(runs, dtype="float64", stack_size=1), runs, torch.float64, 1e-9)


class DrawsNoise(Base):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x + torch.randn_like(x))


class DropsOut(Base):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(nn.functional.dropout(x, 0.5, self.training))


class RandomSlope(Base):
    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.RReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.slope(self.a(x)))


@pytest.mark.parametrize("network", [DrawsNoise, DropsOut, RandomSlope])
def test_random_numbers_in_forward_are_refused_in_a_stack(network: type[nn.Module], tiny: Run) -> None:
    said = refuses(network, tiny, 2)
    assert "draws random numbers in forward, at `return" in said
    assert "use trainlab.layers.Dropout" in said
    found = train(grid(replace(tiny, model=network), seed=range(2)), stack_size=1)
    assert np.isfinite(found.batch_loss.values).all()


def test_an_error_without_words_has_a_sentence_too() -> None:
    said = str(cannot_lift(Base(), RuntimeError()))
    assert "raises RuntimeError (no message); write it another way, or train run by run" in said


class Wrong(Base):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x[:, :20])


@pytest.mark.parametrize("stack_size", [None, 1, 2])
def test_a_mistake_of_its_own_is_raised_as_it_is(stack_size: int | None, tiny: Run) -> None:
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes cannot be multiplied"):
        train(grid(replace(tiny, model=Wrong), seed=range(2)), stack_size=stack_size)


class WrongWhenEvaluated(Base):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x if self.training else x[:, :20])


def test_so_is_one_that_only_evaluation_meets(tiny: Run) -> None:
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes cannot be multiplied"):
        train(grid(replace(tiny, model=WrongWhenEvaluated), seed=range(2)))


class Normed(Base):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(40)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(self.norm(x))


@pytest.mark.parametrize("count", [1, 2])
def test_batch_norm_over_one_example_is_pytorch_s_own_error(count: int, tiny: Run) -> None:
    with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
        train(grid(replace(tiny, model=Normed, batch_size=1), seed=range(count)))


# What would train wrongly, or not at all, in any stack


class TorchDropout(Base):
    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout(0.5)


class PlainTensor(Base):
    def __init__(self) -> None:
        super().__init__()
        self.mask = torch.rand(40)


class ListOfTensors(Base):
    def __init__(self) -> None:
        super().__init__()
        self.masks = {"first": [torch.rand(40)]}


class ListOfLayers(Base):
    def __init__(self) -> None:
        super().__init__()
        self.more = [nn.Linear(40, 40)]


class Replaces(Base):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(40))

    def forward(self, x: Tensor) -> Tensor:
        self.mean = 0.9 * self.mean + 0.1 * x.detach().mean(0)
        return super().forward(x - self.mean)


class ReturnsTwo(Base):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return super().forward(x), x


class MeansOverRows(Base):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).mean(0)


class Lazy(Base):
    def __init__(self) -> None:
        super().__init__()
        self.a = nn.LazyLinear(8)


class Complex(Base):
    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(3, dtype=torch.complex64))


class Frozen(Base):
    def __init__(self) -> None:
        super().__init__()
        self.a.weight.requires_grad_(False)


class Hooked(Base):
    def __init__(self) -> None:
        super().__init__()
        self.a.weight.register_hook(lambda g: 0 * g)


class Transposed(Base):
    def __init__(self) -> None:
        super().__init__()
        self.back = nn.Parameter(self.a.weight.detach().T)


class Watched(Base):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", self.a.weight.data)


class WithoutParameters(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x[:, :10]


@pytest.mark.parametrize(("count", "stack_size"), [(1, None), (2, None), (2, 1), (2, 2)])
@pytest.mark.parametrize(
    ("network", "message"),
    [
        (TorchDropout, "Dropout draws from a generator that all runs share; use trainlab.layers.Dropout"),
        (PlainTensor, "PlainTensor.mask is a plain tensor, .*write self.register_buffer('mask', ...)"),
        (
            ListOfTensors,
            "ListOfTensors.masks holds a Tensor in a dict, .*use self.register_buffer, or nn.ParameterList",
        ),
        (ListOfLayers, "ListOfLayers.more holds a Linear in a list, .*use nn.ModuleList"),
        (Replaces, "buffer mean is replaced in forward, and a stack would lose it; write self.mean.copy_(...)"),
        (ReturnsTwo, "ReturnsTwo must return one tensor, got a tuple; return what the loss takes"),
        (MeansOverRows, "first axis is the examples, got [10] for inputs [2, 40]"),
        (Lazy, "a.weight has no shape before the first batch; give the layer its sizes"),
        (Complex, "w is complex, but weights are trained as real numbers"),
        (Frozen, "a.weight has requires_grad=False, but all parameters are trained; make it a buffer"),
        (Hooked, "a.weight has a hook on its gradient, which a stack would not call"),
        (Transposed, "back and a.weight share their memory, which training would part"),
        (Watched, "a.weight and seen share their memory, which training would part"),
        (WithoutParameters, "WithoutParameters has no parameters to train"),
    ],
)
def test_what_would_train_wrongly_is_refused_in_any_stack(
    network: type[nn.Module], message: str, count: int, stack_size: int | None, tiny: Run
) -> None:
    pattern = ".*".join(map(re.escape, message.split(".*")))
    assert re.search(pattern, refuses(network, tiny, count, stack_size))


class DrawnNumber(Base):
    def __init__(self) -> None:
        super().__init__()
        self.scales = [float(torch.rand(())), np.float64(1)]

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x * self.scales[0])


class DrawnWidth(Base):
    def __init__(self) -> None:
        super().__init__()
        width = int(torch.randint(4, 100, ()))
        self.a, self.b = nn.Linear(40, width), nn.Linear(width, 10)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (DrawnNumber, r"DrawnNumber\.scales differs between the runs of a stack \(\[0\.\d+, 1\.0\] and"),
        (DrawnWidth, r"a\.out_features differs between the runs of a stack \(\d+ and \d+\)"),
    ],
)
def test_networks_that_differ_in_more_than_tensors_train_run_by_run_only(
    network: type[nn.Module], message: str, tiny: Run
) -> None:
    said = refuses(network, tiny, 2)
    assert re.search(message, said)
    assert said.endswith("make it a buffer, or train run by run (stack_size=1)")
    runs = grid(replace(tiny, model=network, optimizer=Momentum()), seed=range(2))
    assert_equal(train(runs, dtype="float64", stack_size=1), runs, torch.float64, 1e-9)


# What may look odd and is fine


class Tied(nn.Module):
    """One weight under two names, one layer in two places, and both also in a list."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(40, 40), nn.Linear(40, 10), nn.Linear(40, 10)
        self.c.weight = self.b.weight
        self.twice = nn.Sequential(self.a, nn.Tanh(), self.a)
        self.layers = [self.a, self.b]

    def forward(self, x: Tensor) -> Tensor:
        x = self.twice(x)
        return self.b(x) + self.c(x)


class Keeps(Base):
    """Keeps a count, the last output, and a list that a hook fills."""

    def __init__(self) -> None:
        super().__init__()
        self.calls, self.last, self.seen = 0, None, []
        self.a.register_forward_hook(lambda module, inputs, output: self.seen.append(output.mean()))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.last = super().forward(x)
        return self.last


class MovesBuffer(Base):
    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(40))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.mean.mul_(0.9).add_(0.1 * x.detach().mean(0))
        return super().forward(x - self.mean)


class Attends(nn.Module):
    """PyTorch's own encoder layer, whose dropout layers have a rate of zero."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.leave = nn.Linear(5, 8), nn.Linear(8, 10)
        self.block = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True, norm_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.leave(self.block(self.enter(x.unflatten(1, (8, 5)))).mean(1))


class OneRow(Base):
    def forward(self, x: Tensor) -> Tensor:
        return self.b(torch.relu_(self.a(x)))


@pytest.mark.filterwarnings("ignore:There is a performance drop")
@pytest.mark.parametrize("network", [Tied, Keeps, MovesBuffer, Normed, Attends, OneRow])
def test_what_is_fine_equals_a_plain_loop(network: type[nn.Module], tiny: Run) -> None:
    runs = grid(replace(tiny, model=network, optimizer=Momentum(), lr=0.05), seed=range(3))
    assert_equal(train(runs, dtype="float64"), runs, torch.float64, 1e-9)


@pytest.mark.parametrize("cell", [nn.GRUCell, nn.RNNCell])
def test_cells_are_lifted_with_a_warning_of_pytorch(cell: type[nn.Module], tiny: Run) -> None:
    model = OfGRUCell if cell is nn.GRUCell else OfRNNCell
    runs = grid(replace(tiny, model=model, optimizer=Momentum(), lr=0.05), seed=range(3))
    with pytest.warns(UserWarning, match="There is a performance drop"):
        together = train(runs, dtype="float64")
    assert_equal(together, runs, torch.float64, 1e-9)


class OfGRUCell(nn.Module):
    kind: Callable[..., nn.Module] = nn.GRUCell

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.leave = self.kind(5, 8), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        state = x.new_zeros(len(x), 8)
        for step in x.unflatten(1, (8, 5)).unbind(1):
            state = self.cell(step, state)
        return self.leave(state)


class OfRNNCell(OfGRUCell):
    kind = nn.RNNCell


def two_dropouts() -> nn.Module:
    return nn.Sequential(nn.Linear(40, 8), Dropout(0.5), Dropout(0.5), nn.Linear(8, 10))


def test_two_dropout_layers_without_a_number_drop_other_units(tiny: Run) -> None:
    layers = [module for module in build(replace(tiny, model=two_dropouts)).modules() if isinstance(module, Dropout)]
    first, second = (layer.mask(torch.Size([1000])) for layer in layers)
    assert 0.4 < (first == second).double().mean() < 0.6


# Losses


def mean_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    return nn.functional.cross_entropy(outputs, targets)


def centred_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    return nn.functional.cross_entropy(outputs - outputs.mean(0), targets, reduction="none")


def example_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    return nn.functional.cross_entropy(outputs, targets, reduction="none")


@pytest.mark.parametrize("count", [1, 2])
def test_a_loss_that_returns_the_mean_is_refused(count: int, tiny: Run) -> None:
    with pytest.raises(
        ValueError, match=r"loss mean_loss must return .* each example, \[\d+\], got \[\]; .*reduction='none'"
    ):
        train(grid(replace(tiny, loss=mean_loss), seed=range(count)))


def test_a_loss_that_would_mix_runs_is_refused_in_a_stack(tiny: Run) -> None:
    runs = grid(replace(tiny, loss=centred_loss), seed=range(2))
    with pytest.raises(ValueError, match=r"loss centred_loss of an example depends on other examples .*stack_size=1"):
        train(runs)
    assert np.isfinite(train(runs, stack_size=1).batch_loss.values).all()


def test_a_loss_of_ones_own_equals_that_of_the_package(tiny: Run) -> None:
    runs = grid(replace(tiny, loss=example_loss, optimizer=Momentum()), seed=range(2))
    assert_equal(train(runs, dtype="float64"), runs, torch.float64, 1e-9)
