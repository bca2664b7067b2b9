# ---
# jupyter:
#   jupytext:
#     text_representation:
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Normalization lab
#
# This page is a program. It was executed when the book was built, and you can download it as a
# notebook, change a line, and run it again. It belongs to the chapter
# [Batch normalization](../normalization.md).
#
# We look at what batch norm does to one layer, train nets with four kinds of normalization, and break one on purpose.

# %%
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from trainlab import MNIST1D, Glorot, He, Momentum, Run, grid, plots, train
from trainlab.normnets import NormMLP
from trainlab.norms import BatchNorm, Groups

# %% [markdown]
# ## One layer
#
# Three units of very different size go in. In training mode each comes out with mean 0 and variance 1.
# In evaluation mode the running averages are used, which at first know little.

# %%
torch.manual_seed(0)
norm = BatchNorm(3)
x = torch.randn(64, 3) * torch.tensor([0.1, 1.0, 10.0]) + torch.tensor(
    [5.0, 0.0, -20.0]
)
out = norm(x)
print("training mode: means", (out.mean(0).detach().numpy() + 0.0).round(3))
for batch in range(1, 101):
    if batch in (1, 10, 100):
        seen = norm.eval()(x).mean(0).detach().numpy()
        print(f"evaluation mode after {batch:3} batches: means", seen.round(3))
    norm.train()(x)

# %% [markdown]
# ## Four kinds, one net
#
# A sigmoid net with five hidden layers, with each kind and with none. One rate for all, so this is a
# look around and no fair race. The chapter tunes the rate of each.

# %%
data = MNIST1D(rows=2000, validation=500, test=1000)
spec = NormMLP(
    inputs=40, outputs=10, depth=5, width=40, activation=nn.Sigmoid, norm=None
)
base = Run(
    data=data,
    model=spec,
    init=Glorot(),
    optimizer=Momentum(),
    lr=0.1,
    batch_size=64,
    steps=300,
)
kinds = {
    "none": None,
    "batch": BatchNorm,
    "layer": nn.LayerNorm,
    "group": Groups(4),
    "RMS": nn.RMSNorm,
}
results = {
    name: train(
        grid(replace(base, model=replace(spec, norm=kind)), seed=range(3)), every=20
    )
    for name, kind in kinds.items()
}

with plots.style():
    figure = plots.figure()
    ax = figure.subplots()
    for name, found in results.items():
        plots.curve(
            ax,
            found.step.values,
            found.train_loss.values,
            name,
            plots.NORM_LINES[name],
        )
    ax.set(xlabel="updates", ylabel="training loss")
    plots.label_ends(ax)

ends = {
    name: float(found.train_loss.isel(step=-1).mean())
    for name, found in results.items()
}
said = ", ".join(f"{name} {end:.2f}" for name, end in ends.items())
plots.show(
    figure,
    alt=f"Training loss of sigmoid nets against updates, by kind of norm. Mean at the end: {said}.",
)

# %% [markdown]
# ## The scale of the first weights
#
# Batch norm divides by the standard deviation, so weights that start far too large or far too small give the
# same outputs. Does training forgive them too? The table has the mean training loss after 200 updates.

# %%
from trainlab.inits import Scaled

for name, kind in (("none", None), ("batch", BatchNorm)):
    relu = NormMLP(inputs=40, outputs=10, depth=5, width=40, norm=kind)
    inits = [Scaled(gain) for gain in (0.14, 0.45, 1.41, 4.5, 14.0)]
    found = train(
        grid(replace(base, model=relu, steps=200), init=inits, seed=range(2)),
        every=200,
    )
    losses = found.train_loss.isel(step=-1).values.reshape(len(inits), 2).mean(1)
    print(
        f"{name:5} norm, gains from a tenth of He's to ten times:",
        np.array2string(losses, precision=2),
    )

# %% [markdown]
# ## Break it
#
# Small mini-batches make the statistics noisy. The table has the mean test accuracy with batch norm and with layer
# norm.

# %%
for batch in (2, 8, 32):
    row = []
    for kind in (BatchNorm, nn.LayerNorm):
        model = NormMLP(inputs=40, outputs=10, depth=3, width=40, norm=kind)
        run = replace(
            base, model=model, init=He(), lr=0.01, batch_size=batch, steps=400
        )
        row.append(
            float(train(grid(run, seed=range(3)), every=400).test_accuracy.mean())
        )
    print(f"batch of {batch:2}: batch norm {row[0]:.2f}, layer norm {row[1]:.2f}")

# %% [markdown]
# ## Your turn
#
# 1. Put the norm after the activation: `after=True` in `spec`. Who gains, who loses?
# 2. Raise `lr` to 1.0. Which nets survive?
# 3. Write a norm of your own: a module-level class that takes the number of units, such as one that only subtracts the
#    mean. Where does it stand?
