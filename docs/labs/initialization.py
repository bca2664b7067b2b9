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
# # Initialization lab
#
# This page is a program. It was executed when the book was built, and you can download it as a
# notebook, change a line, and run it again. It belongs to the chapter
# [Weight initialization](../initialization.md).
#
# We compute gains, look into a deep net before training, and train it from several starts.

# %%
import math
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from trainlab import (
    LSUV,
    MLP,
    MNIST1D,
    Adam,
    Glorot,
    He,
    Orthogonal,
    PyTorchDefault,
    Run,
    grid,
    plots,
    train,
)
from trainlab.gains import gradient_factor, right_gain, sensitivity
from trainlab.inits import initialize
from trainlab.types import Init

# %% [markdown]
# ## Gains
#
# `right_gain` is the gain that keeps pre-activations at variance 1. `sensitivity` says how much of an
# error of the variance one layer hands on. `gradient_factor` is what a layer does to the mean square of
# the gradient at that gain.

# %%
for activation in (nn.ReLU(), nn.Tanh(), nn.SELU(), nn.GELU(), nn.SiLU()):
    g = right_gain(activation)
    factor = gradient_factor(activation, g)
    print(
        f"{type(activation).__name__:5} gain {g:.3f}  sensitivity {sensitivity(activation):.2f}  gradient {factor:.2f}"
    )

# %% [markdown]
# ## Inside a deep net
#
# An init is applied to every linear layer of a network. LSUV also looks at the data, so it holds the
# data set. Here are the standard deviations of the pre-activations in some layers.

# %%
data = MNIST1D(rows=1000, validation=500, test=500)
spec = MLP(inputs=40, outputs=10, depth=20, width=64)
starts: dict[str, Init] = {
    "He": He(),
    "Glorot": Glorot(),
    "Orthogonal": Orthogonal(math.sqrt(2)),
    "LSUV": LSUV(data),
    "PyTorchDefault": PyTorchDefault(),
}
for name, init in starts.items():
    network = spec()
    initialize(network, init, torch.Generator().manual_seed(0))
    x, deviations = data.load().train.x[:256], []
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Linear):
                x = module(x)
                deviations.append(float(x.std()))
                x = x.relu()
    print(
        f"{name:15}",
        "  ".join(f"layer {k}: {deviations[k - 1]:.1e}" for k in (1, 7, 14, 20)),
    )

# %% [markdown]
# ## Train from each start
#
# One rate for all, so this is a look around and no fair race. The chapter tunes the rate of each.

# %%
base = Run(
    data=data, model=spec, optimizer=Adam(), lr=0.003, batch_size=64, steps=150
)
results = train(grid(base, init=starts.values(), seed=range(3)), every=15)

with plots.style():
    figure = plots.figure()
    ax = figure.subplots()
    for index, name in enumerate(starts):
        losses = results.train_loss.values[3 * index : 3 * index + 3]
        plots.curve(ax, results.step.values, losses, name, plots.INIT_LINES[name])
    ax.set(xlabel="updates", ylabel="training loss", ylim=(1, 3))
    plots.label_ends(ax)

ends = results.train_loss.isel(step=-1).values.reshape(len(starts), 3).mean(1)
said = ", ".join(
    f"{name} {end:.2f}" for name, end in zip(starts, ends, strict=True)
)
plots.show(
    figure,
    alt=f"Training loss against updates from five starts under Adam. Mean loss at the end: {said}.",
)

# %% [markdown]
# ## Depth
#
# How deep may the net be from He's start, and from Glorot's? The table has the mean training loss at the end.

# %%
for depth in (5, 10, 20):
    deep = replace(base, model=replace(spec, depth=depth), steps=100)
    found = train(
        grid(deep, init=[He(), Glorot(), PyTorchDefault()], seed=range(2)),
        every=100,
    )
    losses = found.train_loss.isel(step=-1).values.reshape(3, 2).mean(1)
    print(
        f"depth {depth:2}  He, Glorot, PyTorch:",
        np.array2string(losses, precision=2),
    )

# %% [markdown]
# ## Your turn
#
# 1. Replace ReLU by `activation=nn.SiLU` in `spec`. Which start suffers most?
# 2. Use `SGD()` in place of `Adam()`. Who still learns?
# 3. Write an init of your own: a function of a layer and a generator that fills `layer.weight`.
