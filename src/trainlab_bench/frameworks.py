"""The same training in other people's loops. Each is imported where it is used: none of them is needed.

The clock is read where the loss is computed, so what is timed is from one step to the next. Setting
up and tidying away, which several of these do at length, are left out.
"""

import math
import os
import time
import warnings

import torch
from torch import Tensor, nn

from trainlab_bench.loops import loader
from trainlab_bench.nets import BATCH, DATA, EPOCH, RATE, Net

os.environ["KERAS_BACKEND"] = "torch"  # Keras reads it when it is imported

WARM = EPOCH
"""Steps that are not timed: the first epoch."""

DISTRIBUTIONS = {
    "fabric": "lightning",
    "lightning": "lightning",
    "skorch": "skorch",
    "fastai": "fastai",
    "keras": "keras",
}
"""Row -> the package whose version is recorded."""


class ClockedLoss(nn.CrossEntropyLoss):
    """Cross-entropy that notes when it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002
        """The mean loss."""
        self.times.append(time.perf_counter())
        return super().forward(input, target)


def step_time(times: list[float]) -> float:
    """Seconds from one step to the next, without the first epoch.

    Args:
        times: when each step began.

    Raises:
        ValueError: there is nothing to time.
    """
    timed = times[WARM:]
    if len(timed) < 2:
        raise ValueError(f"{len(times)} steps leave none to time after the first {WARM}; take more steps")
    return (timed[-1] - timed[0]) / (len(timed) - 1)


def fabric(net: Net, steps: int) -> float:
    """The textbook loop under Lightning Fabric."""
    from lightning.fabric import Fabric  # pyright: ignore[reportMissingImports]

    launcher, loss_of = Fabric(accelerator="cpu"), ClockedLoss()
    model = net.textbook()
    model, optimizer = launcher.setup(model, torch.optim.Adam(model.parameters(), lr=RATE))
    x, y = DATA.load().train
    for _ in range(_epochs(steps)):
        for rows in torch.randperm(len(y)).split(BATCH)[:EPOCH]:
            loss = loss_of(model(x[rows]), y[rows])
            optimizer.zero_grad()
            launcher.backward(loss)
            optimizer.step()
    return step_time(loss_of.times)


def lightning(net: Net, steps: int) -> float:
    """A `LightningModule` in Lightning's `Trainer`, without logger, checkpoints and progress bar."""
    import logging

    import lightning as pl  # pyright: ignore[reportMissingImports]

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    loss_of = ClockedLoss()

    class Classifier(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.network = net.textbook()

        def training_step(self, batch: list[Tensor], index: int) -> Tensor:
            x, y = batch
            return loss_of(self.network(x), y)

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.Adam(self.parameters(), lr=RATE)

    quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it advises loader workers, which are slower here
        trainer = pl.Trainer(accelerator="cpu", max_epochs=_epochs(steps), **quiet)
        trainer.fit(Classifier(), loader())
    return step_time(loss_of.times)


def skorch(net: Net, steps: int) -> float:
    """A skorch `NeuralNetClassifier` without a validation split."""
    from skorch import NeuralNetClassifier  # pyright: ignore[reportMissingImports]

    loss_of = ClockedLoss()
    model = NeuralNetClassifier(
        net.textbook(),
        criterion=loss_of,
        optimizer=torch.optim.Adam,
        lr=RATE,
        batch_size=BATCH,
        max_epochs=_epochs(steps),
        iterator_train__shuffle=True,
        iterator_train__drop_last=True,
        train_split=None,
        verbose=0,
    )
    model.fit(*DATA.load().train)
    return step_time(loss_of.times)


def fastai(net: Net, steps: int) -> float:
    """A fastai `Learner` without a progress bar; of fastai.basics, since the rest needs torchvision."""
    from fastai.basics import Callback, CancelValidException, DataLoaders, Learner  # pyright: ignore[reportMissingImports]

    class NoValidation(Callback):
        def before_validate(self) -> None:
            raise CancelValidException

    loss_of = ClockedLoss()
    learner = Learner(DataLoaders(loader(), loader()), net.textbook(), loss_func=loss_of, cbs=[NoValidation()])
    with learner.no_logging():
        learner.fit(_epochs(steps), lr=RATE)
    return step_time(loss_of.times)


def keras(net: Net, steps: int) -> float:
    """A Keras 3 model on its torch backend, with `fit`."""
    import keras as k  # pyright: ignore[reportMissingImports]

    times: list[float] = []

    class Clock(k.callbacks.Callback):
        def on_train_batch_begin(self, batch: int, logs: object = None) -> None:
            times.append(time.perf_counter())

    hidden = [k.layers.Dense(size, activation="relu") for size in net.sizes[1:-1]]
    model = k.Sequential([k.Input((net.sizes[0],)), *hidden, k.layers.Dense(net.sizes[-1])])
    loss = k.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=k.optimizers.Adam(RATE), loss=loss)
    x, y = (part[: EPOCH * BATCH].numpy() for part in DATA.load().train)
    model.fit(x, y, batch_size=BATCH, epochs=_epochs(steps), shuffle=True, verbose=0, callbacks=[Clock()])
    return step_time(times)


def _epochs(steps: int) -> int:
    return 1 + math.ceil(steps / EPOCH)
