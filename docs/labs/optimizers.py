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
# # Optimizers lab
#
# This page is a program. It was executed when the book was built, and you can download it as a
# notebook, change a line, and run it again. It belongs to the chapter
# [Optimizers](../optimizers.md).
#
# We train one network under three optimizers, at several rates each, all in one call.

# %%
from dataclasses import replace

import numpy as np

from trainlab import MLP, MNIST1D, SGD, Adam, He, Momentum, Run, grid, plots, train
from trainlab.optimizers import Optimizer

# %% [markdown]
# ## A run
#
# A `Run` holds everything that determines one training run. Change anything in it, and it is another run.

# %%
base = Run(
    data=MNIST1D(),
    model=MLP(inputs=40, outputs=10, depth=2, width=32),
    init=He(),
    lr=0.1,
    steps=300,
)
print(base)

# %% [markdown]
# ## Many runs
#
# `grid` makes every combination of the values that you give. `train` puts runs that differ only in
# numbers, such as the rate and the seed, into one stack and trains them together.

# %%
optimizers: list[Optimizer] = [SGD(), Momentum(), Adam()]
rates = [0.001, 0.01, 0.1, 1.0]
runs = grid(base, optimizer=optimizers, lr=rates, seed=range(3))
results = train(runs, every=30)
print(
    len(runs),
    "runs;",
    ", ".join(f"{axis} {size}" for axis, size in results.sizes.items()),
)

# %% [markdown]
# The result is an `xarray.Dataset`. Every field of `Run` is a coordinate, so a question about the
# runs is one line.

# %%
final = results.validation_accuracy.isel(step=-1).to_dataframe()
table = final.groupby(["optimizer", "lr"]).validation_accuracy.mean().unstack()
table.map(lambda share: f"{share:.0%}")

# %% [markdown]
# ## A figure
#
# Validation accuracy by update, for each optimizer at the best rate of the table. The band reaches
# from the lowest to the highest of the three seeds.
#
# !!! note
#     The seeds that chose the rate are drawn again here, which is fine for a look around and wrong
#     for a report. The chapter reports on new seeds, and on the test split.

# %%
with plots.style():
    figure = plots.figure()
    ax = figure.subplots()
    for name in table.index:
        chosen = results.isel(
            run=(results.optimizer.values == name)
            & (results.lr.values == table.loc[name].idxmax())
        )
        plots.curve(
            ax,
            results.step.values,
            chosen.validation_accuracy.values,
            name,
            plots.OPTIMIZER_LINES[name],
        )
    ax.set(xlabel="updates", ylabel="validation accuracy")
    plots.percent(ax.yaxis)
    plots.label_ends(
        ax, {name: f"{name}, {table.loc[name].idxmax():g}" for name in table.index}
    )

ends = ", ".join(
    f"{name} {table.loc[name].max():.0%} at rate {table.loc[name].idxmax():g}"
    for name in table.index
)
plots.show(
    figure,
    alt=f"Validation accuracy against updates for three optimizers. Mean accuracy at the end: {ends}.",
)

# %% [markdown]
# ## Inside a run
#
# A probe measures what happens inside one run. `update_ratio` says how far a step moves each weight
# matrix, as a share of its size: $|\Delta w| / |w|$.

# %%
from trainlab import update_ratio

one = train(
    [replace(base, optimizer=optimizer, lr=0.01) for optimizer in optimizers],
    [update_ratio],
    every=100,
)
for name, ratios in zip(
    one.optimizer.values, one.update_ratio.isel(step=0).values, strict=True
):
    print(
        f"{name:8} first step, by weight matrix: {np.array2string(ratios, precision=4)}"
    )

# %% [markdown]
# ## Your turn
#
# 1. Give `Momentum` another value, `Momentum(momentum=0.99)`. Which rate does it want now?
# 2. Add `AdamW(weight_decay=0.1)` to the list. Does the accuracy change by more than the band?
# 3. Set `every=1` and look at the first thirty updates.
