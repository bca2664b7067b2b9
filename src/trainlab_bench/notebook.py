"""The comparison of nine optimizers that many notebooks make: as they make it, and through `train`."""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from trainlab import optimizers
from trainlab.data import FashionMNIST, Split
from trainlab.inits import He
from trainlab.models import MLP
from trainlab.runs import Run, grid
from trainlab.training import train
from trainlab.workloads import FRESH_SEEDS, RATES, TUNING_SEEDS

DATA = FashionMNIST(full=True)
BATCH, RATE, EPOCHS, JOBS = 32, 0.05, 10, 2

Parameters = Iterable[nn.Parameter]
TORCH: dict[str, Callable[[Parameters], torch.optim.Optimizer]] = {
    "SGD": lambda p: torch.optim.SGD(p, lr=RATE),
    "Momentum": lambda p: torch.optim.SGD(p, lr=RATE, momentum=0.9),
    "Nesterov": lambda p: torch.optim.SGD(p, lr=RATE, momentum=0.9, nesterov=True),
    "AdaGrad": lambda p: torch.optim.Adagrad(p, lr=RATE),
    "RMSProp": lambda p: torch.optim.RMSprop(p, lr=RATE),
    "Adam": lambda p: torch.optim.Adam(p, lr=RATE),
    "AdaMax": lambda p: torch.optim.Adamax(p, lr=RATE),
    "NAdam": lambda p: torch.optim.NAdam(p, lr=RATE),
    "AdamW": lambda p: torch.optim.AdamW(p, lr=RATE),
}
"""Name in `trainlab.optimizers` -> the optimizer of PyTorch."""


class Accuracy:
    """The running share of correct answers, brought up to date at every batch."""

    def __init__(self) -> None:
        self.right, self.seen = 0, 0

    def update(self, logits: torch.Tensor, labels: torch.Tensor) -> None:
        """Count one batch."""
        self.right += int((logits.argmax(1) == labels).sum().item())
        self.seen += len(labels)

    def compute(self) -> float:
        """The share so far."""
        return self.right / self.seen


def network() -> nn.Sequential:
    """784-100-100-100-10 with ReLU, weights by He's rule, biases zero."""
    layers: list[nn.Module] = []
    for inputs, outputs in ((784, 100), (100, 100), (100, 100), (100, 10)):
        linear = nn.Linear(inputs, outputs)
        nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
        nn.init.zeros_(linear.bias)
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def plain_training(name: str, epochs: int, train_split: Split, validation: Split) -> list[float]:
    """One optimizer as a notebook trains it; its validation accuracy after each epoch."""
    torch.manual_seed(0)
    model, criterion = network(), nn.CrossEntropyLoss()
    optimizer = TORCH[name](model.parameters())
    batches = DataLoader(TensorDataset(*train_split), batch_size=BATCH, shuffle=True, drop_last=True)
    held_out = DataLoader(TensorDataset(*validation), batch_size=BATCH)
    history = []
    for _ in range(epochs):
        model.train()
        metric, total = Accuracy(), 0.0
        for x, y in batches:
            logits = model(x)
            loss = criterion(logits, y)
            total += loss.item()
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            metric.update(logits, y)
        model.eval()
        metric = Accuracy()
        with torch.no_grad():
            for x, y in held_out:
                metric.update(model(x), y)
        history.append(metric.compute())
    return history


def measure_plain(threads: int, rows: int | None = None, epochs: int = EPOCHS) -> dict[str, Any]:
    """Train all nine optimizers the plain way.

    Args:
        threads: of PyTorch in this process.
        rows: training rows used; all by default.
        epochs: passes over them.
    """
    torch.set_num_threads(threads)
    data = DATA.load()
    part = Split(data.train.x[:rows], data.train.y[:rows])
    start = time.perf_counter()
    accuracy = {name: plain_training(name, epochs, part, data.validation)[-1] for name in TORCH}
    return {"seconds": time.perf_counter() - start, "accuracy": accuracy}


def contenders(steps: int) -> list[Run]:
    """The nine runs of the comparison.

    Raises:
        ValueError: trainlab lacks one of the optimizers.
    """
    missing = [name for name in TORCH if not hasattr(optimizers, name)]
    if missing:
        raise ValueError(f"trainlab.optimizers has no {', '.join(missing)}; the comparison needs all of {[*TORCH]}")
    model = MLP(inputs=784, outputs=10, depth=3, width=100)
    base = Run(data=DATA, model=model, init=He(), lr=RATE, batch_size=BATCH, steps=steps)
    return [replace(base, optimizer=getattr(optimizers, name)()) for name in TORCH]


def measure_trainlab(steps: int | None = None) -> dict[str, Any]:
    """The same nine runs through `train` on two workers, from their start to the results.

    Args:
        steps: updates of each run; ten epochs by default.
    """
    epoch = len(DATA.load().train.y) // BATCH
    runs = contenders(steps or EPOCHS * epoch)
    start = time.perf_counter()
    results = train(runs, every=min(epoch, runs[0].steps), jobs=JOBS)
    seconds = time.perf_counter() - start
    last = results.validation_accuracy.isel(step=-1).values
    return {"seconds": seconds, "accuracy": {n: float(a) for n, a in zip(TORCH, last, strict=True)}}


def estimate_fair(short: int = 20, long: int = 120) -> dict[str, Any]:
    """What tuning and ten fresh seeds would take through `train` on two workers.

    A share of the updates is timed and extended to ten epochs. Evaluation is left out.

    Args:
        short: updates of the shorter measurement, which is taken off the longer one.
        long: updates of the longer one.
    """
    total = EPOCHS * (len(DATA.load().train.y) // BATCH)
    _fair(2)  # the workers start and load the data
    spent = {steps: _fair(steps) for steps in (short, long)}
    return {
        "seconds": (spent[long] - spent[short]) / (long - short) * total,
        "measured_share": (short + long) / total,
        "runs": len(TORCH) * (len(RATES) * len(TUNING_SEEDS) + len(FRESH_SEEDS)),
    }


def _fair(steps: int) -> float:
    runs = contenders(steps)
    start = time.perf_counter()
    for lr, seeds in ((RATES, TUNING_SEEDS), ([RATE], FRESH_SEEDS)):
        train([one for run in runs for one in grid(run, lr=lr, seed=seeds)], every=steps, jobs=JOBS)
    return time.perf_counter() - start
