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
# # Recipe lab
#
# This page is a program. It was executed when the book was built, and you can download it as a
# notebook, change a line, and run it again. It belongs to the chapter
# [The whole recipe](../recipe.md).
#
# We take a net of 20 hidden layers that does not train, change one thing at a time, and then leave
# one change out at a time.

# %%
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
from torch import nn

from trainlab import (
    MLP,
    MNIST1D,
    AdamW,
    He,
    LeCun,
    Momentum,
    Muon,
    OneCycle,
    PyTorchDefault,
    Run,
    first_reach,
    grid,
    plots,
    train,
)

# %% [markdown]
# ## The net as it was found
#
# ReLU, PyTorch's weights, SGD with momentum, a constant rate. A change is a function from a run to a
# run, and a recipe is a list of changes.
#
# The chapter tunes the peak rate of every recipe. Here each optimizer has one fixed rate, so this is a
# look around and no fair race.

# %%
data = MNIST1D(validation=500, test=1000)
found = Run(
    data=data,
    model=MLP(inputs=40, outputs=10, depth=20, width=50),
    init=PyTorchDefault(),
    optimizer=Momentum(),
    lr=0.03,
    batch_size=32,
    steps=150,
)


def with_model(run: Run, **fields: object) -> Run:
    """The run with other fields of its model."""
    return replace(run, model=replace(run.model, **fields))


changes: dict[str, Callable[[Run], Run]] = {
    "He": lambda run: replace(run, init=He()),
    "batch norm": lambda run: with_model(run, norm="batch"),
    "residual": lambda run: with_model(run, residual=True),
    "AdamW": lambda run: replace(run, optimizer=AdamW(), lr=0.003),
    "1cycle": lambda run: replace(run, schedule=OneCycle()),
    "dropout": lambda run: with_model(run, dropout=0.05),
}


def recipe(names: Iterable[str]) -> Run:
    """The net as it was found, with some of the changes, in their order."""
    run = found
    for name in names:
        run = changes[name](run)
    return run


# %% [markdown]
# ## The ladder
#
# Each rung has all changes up to its own. The last column is the median number of updates to the share
# of right answers that its heading names, on the validation split. Three seeds each, and the same three on
# every rung. All go into one call of `train`; those that may differ in a stack, such as the first two
# rungs, train together.

# %%
seeds, every = range(3), 15


def accuracies(runs: dict[str, Run]) -> dict[str, np.ndarray]:
    """Prints a row for each recipe; returns the validation accuracy, `[seeds, measurements]`."""
    results = train(
        [run for one in runs.values() for run in grid(one, seed=seeds)], every=every
    )
    tests = results.test_accuracy.values.reshape(len(runs), len(seeds))
    curves = results.validation_accuracy.values.reshape(len(runs), len(seeds), -1)
    print(f"{'':14} test accuracy, lowest to highest   updates to 30 %")
    for name, test, curve in zip(runs, tests, curves, strict=True):
        there = np.median(first_reach(curve, results.step.values, 0.3))
        reached = f"{there:.0f}" if np.isfinite(there) else "not reached"
        print(
            f"{name:14} {test.mean():4.0%} {test.min():14.0%} to {test.max():3.0%}   {reached:>20}"
        )
    return dict(zip(runs, curves, strict=True))


names = list(changes)
ladder = accuracies(
    {"as found": found}
    | {f"+ {name}": recipe(names[: names.index(name) + 1]) for name in names}
)

# %% [markdown]
# ## The same as a picture
#
# The median of three seeds, and the band from the lowest to the highest.

# %%
with plots.style():
    figure = plots.figure()
    ax = figure.subplots()
    for (name, curve), color in zip(
        ladder.items(), reversed(plots.SERIES), strict=False
    ):
        plots.curve(
            ax, every * np.arange(curve.shape[1]), curve, name, {"color": color}
        )
    ax.set(xlabel="updates", ylabel="validation accuracy", ylim=(0, None))
    plots.percent(ax.yaxis)
    plots.label_ends(ax)

ends = ", ".join(
    f"{name} {np.median(curve[:, -1]):.0%}" for name, curve in ladder.items()
)
plots.show(
    figure,
    alt=f"Validation accuracy against updates, by rung of the ladder. Median at the end: {ends}.",
)

# %% [markdown]
# ## Leave one out
#
# A ladder says what a change adds to those before it. What it is worth among all others is another
# question: take the finished recipe and leave one change out. That without dropout is the last rung
# but one.

# %%
without = {
    f"no {left}": recipe(name for name in names if name != left) for left in names
}
left_out = accuracies({"all": recipe(names)} | without)

# %% [markdown]
# ## Two steps aside
#
# SELU with LeCun's weights does without batch norm. Muon takes the place of AdamW; its steps are made
# to be as large as AdamW's, so it has the same rate here.

# %%
aside = accuracies(
    {
        "SELU": with_model(replace(found, init=LeCun()), activation=nn.SELU),
        "Muon": replace(
            recipe(["He", "batch norm", "residual", "AdamW"]), optimizer=Muon()
        ),
    }
)

# %% [markdown]
# ## Your turn
#
# 1. Leave out two changes at once: `recipe(name for name in names if name not in {"batch norm", "residual"})`.
#    Is the loss the sum of the two losses above?
# 2. Give `found` other rates, and train the first rung at each. Can a rate alone help the net as it was found?
# 3. Put the changes into another order. Which gains move, and which rung does not?
# 4. `train` returns how long the runs took: `results.seconds`. It is not printed above, because a page of this book is
#    the same at every build, and times are not. Which change costs the most?
