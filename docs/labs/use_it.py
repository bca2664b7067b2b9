# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Use it on your own network
#
# You have a network and tensors, and want to know which learning rate, optimizer or schedule they
# want. This page goes from there to an answer that holds on seeds it was not chosen on. It is a
# program, executed when the book was built: what stands under a cell is what it printed.

# %%
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from trainlab import FashionMNIST, FromFunction, Momentum, Run, grid, plots, train

# %% [markdown]
# ## Your data
#
# Write a function that returns three pairs of tensors `(x, y)`: for training, for choosing
# (validation), and for the final report (test). The first axis is the examples. Arrays of NumPy do
# as well. `y` holds class numbers, or whatever your loss compares the outputs with.
#
# A few thousand images of Fashion-MNIST, which travel with the package, stand for your tensors here:


# %%
def load_images() -> list[tuple[Tensor, Tensor]]:
    """Images of shape [rows, 1, 28, 28] and their classes."""
    data = FashionMNIST().load()
    some = [(data.train, 2000), (data.validation, 1000), (data.test, 1000)]
    return [(split.x[:n].view(n, 1, 28, 28), split.y[:n]) for split, n in some]


images = FromFunction(load_images)
print(images.load().train.x.shape, images.load().train.y.shape)

# %% [markdown]
# The data stays in memory, and the function is called once. There is no loader, and nothing is
# augmented on the way. Where the data has settings of its own, write a frozen dataclass with a
# method `load` in place of the function, as `MNIST1D` does.
#
# ## Your network
#
# Any `nn.Module`. Here is a small convolutional one, as you would write it anywhere.


# %%
class ConvNet(nn.Module):
    """Two convolutions, each halving the image, and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 8, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.second = nn.Conv2d(8, 16, 3, stride=2, padding=1)
        self.out = nn.Linear(16 * 7 * 7, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.first(x)).relu()
        return self.out(self.second(x).relu().flatten(1))


# %% [markdown]
# ## A sweep
#
# A `Run` names everything that determines one training run; `model` is whatever builds the network.
# `grid` makes all combinations, and `train` trains the runs of one structure together as one *stack*: one
# forward pass, one backward pass and one update for all of them.

# %%
base = Run(
    data=images,
    model=ConvNet,
    optimizer=Momentum(),
    lr=0.1,
    batch_size=64,
    steps=60,
)
runs = grid(base, lr=[0.01, 0.03, 0.1, 1.0], seed=range(3))
sweep = train(runs, every=10)
print(len(runs), "runs:", dict(sweep.sizes))

# %% [markdown]
# The result is an `xarray.Dataset` with an axis `run`, on which every field of `Run` is a coordinate.
# So a question is a line. Which rate is best after the last update, on average over the seeds, on the
# validation split?

# %%
by_rate = sweep.validation_accuracy.isel(step=-1).groupby("lr").mean()
by_rate.to_series().map("{:.1%}".format).to_frame("validation accuracy")

# %%
with plots.style():
    figure = plots.figure()
    ax = figure.subplots()
    for color, (rate, loss) in enumerate(sweep.validation_loss.groupby("lr")):
        mean = loss.mean("run")
        ax.semilogy(mean.step, mean, plots.SERIES[color], label=f"rate {rate:g}")
    ax.set(xlabel="updates", ylabel="validation loss")
    ax.legend()
ends = sweep.validation_loss.isel(step=-1).groupby("lr").mean().to_series()
text = ", ".join(f"{loss:.2f} at rate {rate:g}" for rate, loss in ends.items())
plots.show(
    figure,
    alt=f"Mean validation loss by updates, a line a rate. It ends at {text}.",
)

# %% [markdown]
# ## It is your network, trained as you would train it
#
# A stack is another way to do the same sums, not another algorithm. Here are three of the runs once more, by
# a plain loop in PyTorch, in double precision. Only the initial weights (`build`) and the order of the examples
# (`order`) come from Trainlab.

# %%
from trainlab.loop import order
from trainlab.stack import build


def plain_loop(run: Run) -> list[float]:
    """The loss of each mini-batch."""
    x, y = run.data.load().train
    network = build(run).double()
    optimizer = torch.optim.SGD(network.parameters(), lr=run.lr, momentum=0.9)
    batches, losses = order([run.seed], len(y), run.batch_size), []
    for _ in range(run.steps):
        rows = next(batches)[0]
        loss = nn.functional.cross_entropy(network(x[rows].double()), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


some = [replace(run, steps=10) for run in runs[1:10:4]]
stacked = train(some, every=10, dtype="float64").batch_loss
difference = abs(stacked.values - [plain_loop(run) for run in some]).max()
print("every loss is the same to 1e-9:", bool(difference < 1e-9))

# %% [markdown]
# In single precision the two differ in the last digits, and training lets such differences grow. They would also
# come from another machine or another version of PyTorch.
#
# ## A residual and a recurrent network
#
# Write them as you like. What a network keeps must be a parameter or a buffer, because each run of a stack brings its
# own of these, and of nothing else. MNIST-1D has 40 numbers an example, here read as ten steps of four.


# %%
class Residual(nn.Module):
    """A residual network with a gain of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Linear(40, 32)
        self.inner = nn.Linear(32, 32)
        self.leave = nn.Linear(32, 10)
        self.gain = nn.Parameter(torch.tensor(0.5))

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x).relu()
        return self.leave(x + self.gain * self.inner(x).relu())


class Recurrent(nn.Module):
    """A gated recurrent network, cell by cell."""

    def __init__(self) -> None:
        super().__init__()
        self.gates = nn.Linear(4 + 32, 2 * 32)
        self.candidate = nn.Linear(4 + 32, 32)
        self.leave = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        state = x.new_zeros(len(x), 32)
        for step in x.unflatten(1, (10, 4)).unbind(1):
            gates = self.gates(torch.cat([step, state], 1)).sigmoid()
            reset, keep = gates.chunk(2, 1)
            new = self.candidate(torch.cat([step, reset * state], 1)).tanh()
            state = keep * state + (1 - keep) * new
        return self.leave(state)


# %%
from trainlab import MNIST1D, Adam, ClipNorm, Cosine, Warmup

signals = Run(
    data=MNIST1D(),
    model=Residual,
    optimizer=Adam(),
    lr=0.01,
    schedule=Warmup(updates=20, after=Cosine()),
    clipping=ClipNorm(1.0),
    steps=200,
)
models, rates = [Residual, Recurrent], [0.001, 0.003, 0.01, 0.03]
compared = train(grid(signals, model=models, lr=rates, seed=range(3)), every=50)
last = compared.validation_accuracy.isel(step=-1).to_dataframe()
table = last.groupby(["model", "lr"]).validation_accuracy.mean().unstack()
table.map("{:.1%}".format)

# %% [markdown]
# ## What there is to choose from
#
# | field of `Run` | among others | may differ within a stack |
# |---|---|---|
# | `optimizer` | `SGD`, `Momentum`, `Nesterov`, `RMSProp`, `Adam`, `AdamW`, `NAdam`, `Lion`, `Muon` | its numbers |
# | around it | `L2`, `DecoupledDecay`; `EMA` and `SWA` evaluate averaged weights | its numbers |
# | `schedule` | `Cosine`, `Linear`, `WSD`, `OneCycle`, `StepDecay`, `Warmup(..., after=...)`, `Plateau` | yes |
# | `clipping` | `ClipNorm`, `ClipValue` | its numbers |
# | `init` | `PyTorchDefault`, `He`, `Glorot`, `LeCun`, `Orthogonal`, `Normal`, `Zeros` | yes |
# | `loss` | `CrossEntropy(label_smoothing=...)`, `SquaredError` | no |
# | `lr`, `seed` | | yes |
# | `data`, `model`, `batch_size`, `steps` | | no |
#
# What may not differ starts another stack; `train` sorts that out.
#
# !!! note
#     `init` fills the weights of the layers that it knows (linear layers and convolutions). `PyTorchDefault`,
#     the default, leaves every layer as its constructor made it.
#
# ## A fair comparison
#
# Give every contender the same rates and the same seeds, let the validation split choose, and report on the
# test split and on seeds that chose nothing. `tune` does that, and refuses to report on a seed that was used
# for choosing.

# %%
from trainlab import EMA, AdamW, ScheduleFreeAdamW, tune
from trainlab.stats import paired_difference

averaged, warmup = EMA(AdamW(weight_decay=0.01), decay=0.95), Warmup(updates=20)
contenders = {
    "momentum, cosine": replace(signals, optimizer=Momentum()),
    "AdamW, cosine": replace(signals, optimizer=AdamW(weight_decay=0.01)),
    "AdamW, averaged": replace(signals, optimizer=averaged, schedule=warmup),
    "schedule-free": replace(
        signals, optimizer=ScheduleFreeAdamW(), schedule=warmup
    ),
}
rates = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0]
tuned = tune(train, contenders, rates, seeds=range(3))
report = train(tuned.fresh(range(10, 20)))
tests = dict(
    zip(contenders, report.test_accuracy.values.reshape(4, 10), strict=True)
)
for name, shares in tests.items():
    print(
        f"{name:17} rate {tuned.best[name].lr:<5g} test accuracy {shares.mean():.1%}"
    )
print("best rate at the edge of the grid:", tuned.at_edge or "none")

# %% [markdown]
# Ten seeds, the same for all, so the difference is taken seed by seed. With a 95 % interval (Student's):

# %%
first, second = sorted(tests, key=lambda name: -tests[name].mean())[:2]
found = paired_difference(tests[first], tests[second])
print(f"{first} minus {second}:")
print(f"{found.value:+.2%}, from {found.low:+.2%} to {found.high:+.2%}")

# %% [markdown]
# These two were picked because they came out best, so the interval is a little too kind to the first.
#
# ## Inside a run
#
# A *probe* measures one run at one step; `train` lifts it over the stack. There are `activation_statistics`,
# `gradient_norm`, `gradient_statistics`, `update_ratio`, `GradientNoiseScale` and `Sharpness`. One of your own is a
# function of a snapshot: it has the weights, gradients, updates, inputs and targets of one run.

# %%
from trainlab import update_ratio
from trainlab.probes import Snapshot, axes


@axes("weight")
def weight_norm(snapshot: Snapshot) -> dict[str, Tensor]:
    """The norm of each weight matrix."""
    norms = [snapshot.weights[name].norm() for name in snapshot.matrices()]
    return {"weight_norm": torch.stack(norms)}


inside = train(grid(base, lr=[0.01, 0.1]), [update_ratio, weight_norm], every=30)
means = inside[["update_ratio", "weight_norm"]].mean("weight").to_dataframe()
means[["lr", "update_ratio", "weight_norm"]].round(4)

# %% [markdown]
# ## Your own optimizer, schedule and loss
#
# An optimizer is a frozen dataclass with `init` (what it remembers of one parameter) and `update` (what is added to
# the weights, and the new memory). It is written for one tensor, and must not branch on its numbers, so that they
# may differ between runs. A schedule is a function of the step and the number of steps. A loss returns one number for
# each example; the loop takes the mean.
#
# Each of them is defined at the top level of a module, or of a notebook: a lambda is refused, because a stored
# result could not name it.


# %%
State = dict[str, Tensor]


@dataclass(frozen=True)
class SignMomentum:
    """Step by the sign of a momentum."""

    momentum: float = 0.9

    def init(self, w: Tensor) -> State:
        return {"m": torch.zeros_like(w)}

    def update(
        self,
        g: Tensor,
        state: State,
        w: Tensor,
        lr: Tensor | float,
        t: int,
    ) -> tuple[Tensor, State]:
        m = self.momentum * state["m"] + (1 - self.momentum) * g
        return -lr * m.sign(), {"m": m}


def halves(step: int, steps: int) -> float:
    """Half the rate after each quarter of the run."""
    return 0.5 ** (4 * step // steps)


def hinge(outputs: Tensor, targets: Tensor) -> Tensor:
    """How far the right class falls short of leading every other by one."""
    right = outputs.gather(1, targets.unsqueeze(1))
    return (1 + outputs - right).clamp(min=0).sum(1) - 1


signs = [SignMomentum(momentum) for momentum in (0.0, 0.5, 0.9)]
own = replace(base, optimizer=SignMomentum(), schedule=halves, loss=hinge)
results = train(grid(own, optimizer=signs, lr=[0.001, 0.003]))
shares = results.test_accuracy.to_dataframe().set_index(["optimizer", "lr"])
shares.test_accuracy.unstack().map("{:.1%}".format)

# %% [markdown]
# ## What cannot be stacked
#
# A stack runs your `forward` once, on all runs at a time, through `torch.func.vmap`. Some code cannot be run so.
# It is refused, with the line and a remedy. Here are the usual cases.


# %%
class Base(nn.Module):
    """40-16-10, for others to build on."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.leave = nn.Linear(40, 16), nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.leave(self.inner(x).relu())


class Branches(Base):
    """Decides by a value."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.inner(x)
        if x.mean() > 0:
            x = x - x.mean()
        return self.leave(x.relu())


class ReadsNumber(Base):
    """Makes a Python number of a tensor."""

    def forward(self, x: Tensor) -> Tensor:
        scale = self.inner.weight.norm().item()
        return super().forward(x) / scale


class DrawsNoise(Base):
    """Adds noise to its input."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x + 0.1 * torch.randn_like(x))


class TorchLSTM(nn.Module):
    """PyTorch's own recurrent layer."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(4, 16, batch_first=True)
        self.leave = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.lstm(x.unflatten(1, (10, 4)))
        return self.leave(states[:, -1])


def refusals(networks: Sequence[type[nn.Module]]) -> None:
    """Print what `train` says to two runs of each network."""
    for network in networks:
        try:
            train(grid(replace(signals, model=network, steps=5), seed=range(2)))
        except (TypeError, ValueError) as refusal:
            print(textwrap.fill(str(refusal), 76), end="\n\n")


refusals([Branches, ReadsNumber, DrawsNoise, TorchLSTM])

# %% [markdown]
# With `stack_size=1` every run is a stack of its own, and these train as they are. The runs then share no
# overhead. All else is the same: the same runs, probes, tuning and results.

# %%
alone = [Branches, ReadsNumber, DrawsNoise, TorchLSTM]
for network in alone:
    runs = grid(replace(signals, model=network, steps=20), seed=range(2))
    found = train(runs, stack_size=1)
    losses = found.train_loss.mean("run").values
    print(
        f"{network.__name__:12} training loss {losses[0]:.2f} -> {losses[-1]:.2f}"
    )

# %% [markdown]
# `DrawsNoise` draws from a generator that the seed of the run sets, so the same run gives the same
# numbers again. One thing holds everywhere: evaluation takes 250 to 1000 examples at a time, so the
# output for one example should then not depend on the others, as it does in `Branches`.
#
# `nn.GRUCell` and `nn.RNNCell` do stack, but PyTorch takes the runs one after another inside them, and warns: the
# stack gains nothing. A cell of `nn.Linear`, as above, gains.
#
# Other things would train, but wrongly: all runs would share what should be each run's own. They are refused in
# every case.


# %%
class TorchDropout(Base):
    """Draws from one generator for all."""

    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout(0.5)


class PlainTensor(Base):
    """Keeps a tensor that is no buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.mask = torch.rand(40) > 0.5


class ListOfLayers(Base):
    """Keeps layers where PyTorch does not see them."""

    def __init__(self) -> None:
        super().__init__()
        self.more = [nn.Linear(40, 40), nn.Linear(40, 40)]


class Replaces(Base):
    """Gives a buffer a new tensor instead of new values."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(40))

    def forward(self, x: Tensor) -> Tensor:
        self.mean = 0.9 * self.mean + 0.1 * x.mean(0)
        return super().forward(x - self.mean)


refusals([TorchDropout, PlainTensor, ListOfLayers, Replaces])

# %% [markdown]
# `trainlab.layers.Dropout` draws its mask from the run's seed, the layer and the step, so a run sees
# the same masks alone and in any stack.
#
# ## Many runs, large networks
#
# - `jobs=4` trains stacks in four worker processes, each with one thread.
# - `device="cuda"` trains on a GPU.
# - `store=Store(Path("runs"))` keeps finished stacks. Asked for the same runs again, with the same code and
#   data, `train` loads them. Your classes then have to live in a module, not in a notebook, so that the store
#   can tell when they change.
# - `memory=` bounds the bytes that a process may fill. A stack that would take more is split. By default all
#   processes together get half of the machine's memory.
#
# A run that does not fit alone is refused before anything is trained:

# %%
try:
    train([replace(base, batch_size=2000)], memory=32 * 2**20)
except ValueError as refusal:
    print(textwrap.fill(str(refusal), 76))
