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
# # Signals lab
#
# This page is a program. It was executed when the book was built, and you can download it as a
# notebook, change a line, and run it again. It belongs to the chapter
# [Vanishing and exploding gradients](../signals.md).
#
# We look inside networks of 20 layers: at what is left of the signal, and at the gradient of each
# layer.

# %%
import numpy as np
from torch import nn

from trainlab import (
    MLP,
    MNIST1D,
    ClipNorm,
    Glorot,
    He,
    Momentum,
    PyTorchDefault,
    Run,
    activation_statistics,
    gradient_norm,
    grid,
    plots,
    train,
)

# %% [markdown]
# ## Three networks
#
# The same network from three initializations. A probe measures inside a run, here before the
# first update and then every ten.

# %%
base = Run(
    data=MNIST1D(rows=1000, validation=500, test=500),
    model=MLP(inputs=40, outputs=10, depth=20, width=64),
    optimizer=Momentum(),
    lr=0.01,
    batch_size=64,
    steps=100,
)
inits = [He(), Glorot(), PyTorchDefault()]
results = train(
    grid(base, init=inits), [activation_statistics, gradient_norm], every=10
)
print(dict(results.sizes))

# %% [markdown]
# ## The signal, before training
#
# The standard deviation of each layer's outputs, and the share of units that give one output for the
# whole batch.

# %%
first = results.isel(step=0)
for init, std, dead in zip(
    results.init.values,
    first.activation_std.values,
    first.dead_fraction.values,
    strict=True,
):
    print(
        f"{init:15} std of layers 1, 10, 20: {np.array2string(std[[0, 9, 19]], precision=2)}   dead {dead.mean():.0%}"
    )

# %% [markdown]
# ## The gradient, layer by layer
#
# The norm of the gradient of each weight matrix before the first update.

# %%
with plots.style():
    figure = plots.figure()
    ax = figure.subplots()
    matrices = np.arange(1, first.sizes["weight"] + 1)
    for init, norms in zip(
        results.init.values, first.gradient_norm.values, strict=True
    ):
        ax.plot(matrices, norms, label=init, **plots.INIT_LINES[init])
    ax.set(
        yscale="log",
        xlabel="weight matrix",
        ylabel="gradient norm",
        xlim=(1, len(matrices)),
    )
    plots.label_ends(ax, {"PyTorchDefault": "PyTorch"})

said = ", ".join(
    f"{init} from {norms[0]:.1g} to {norms[-1]:.1g}"
    for init, norms in zip(
        results.init.values, first.gradient_norm.values, strict=True
    )
)
plots.show(
    figure,
    alt=f"Gradient norm against weight matrix for three initializations, first and last matrix: {said}.",
)

# %% [markdown]
# Glorot's line is flat, as the chapter says: small everywhere, and not only near the input.
#
# ## A network that explodes, and a clip
#
# With residual connections and no normalization, each layer adds a signal as large as its input.

# %%
residual = MLP(inputs=40, outputs=10, depth=10, width=40, residual=True)
for clipping in (None, ClipNorm(1.0)):
    runs = grid(
        base,
        model=[residual],
        init=[He()],
        clipping=[clipping],
        lr=[0.1],
        seed=range(3),
    )
    losses = train(runs, every=100).train_loss.isel(step=-1).values
    print(
        f"clipping {clipping}: training loss of three seeds at the end {np.array2string(losses, precision=2)}"
    )

# %% [markdown]
# ## A sigmoid
#
# The gradient of a deep sigmoid network, first and last matrix.

# %%
sigmoid = MLP(inputs=40, outputs=10, depth=20, width=64, activation=nn.Sigmoid)
norms = train(
    grid(base, model=[sigmoid], init=[Glorot()]), [gradient_norm]
).gradient_norm.values[0, 0]
print(f"first matrix {norms[0]:.0e}, last matrix {norms[-1]:.0e}")

# %% [markdown]
# ## Your turn
#
# 1. Replace `nn.Sigmoid` by `nn.Tanh`. How much does the gradient fall now?
# 2. Give `MLP` the argument `norm="batch"`. What becomes of the three lines in the plot?
# 3. Which is the largest rate at which the clipped network still learns?
