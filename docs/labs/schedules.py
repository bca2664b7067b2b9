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
# # Schedules lab
#
# This page is a program. It was executed when the book was built, and you can download it as a
# notebook, change a line, and run it again. It belongs to the chapter
# [Schedules](../schedules.md).
#
# We look at schedules, train one network under several of them, run a range test, and watch the
# sharpness.

# %%
from dataclasses import dataclass, replace

import numpy as np

from trainlab import (
    MLP,
    MNIST1D,
    SGD,
    WSD,
    Adam,
    Constant,
    Cosine,
    He,
    Linear,
    Momentum,
    OneCycle,
    RangeTest,
    Run,
    Sharpness,
    Warmup,
    grid,
    plots,
    train,
)

# %% [markdown]
# ## A schedule is a function
#
# It takes the number of updates done and the number of updates in all, and returns what the peak rate
# is multiplied by.

# %%
schedules = {
    "constant": Constant(),
    "cosine": Cosine(),
    "linear": Linear(),
    "warm-up": Warmup(40, after=Linear()),
    "1cycle": OneCycle(),
    "WSD": WSD(warmup=20, decay=0.2),
}
steps = 400
for name, schedule in schedules.items():
    row = "  ".join(f"{schedule(step, steps):.2f}" for step in range(0, steps, 57))
    print(
        f"{name:9} {row}  mean {np.mean([schedule(step, steps) for step in range(steps)]):.2f}"
    )

# %% [markdown]
# ## Train under each
#
# Three rates and three seeds for each schedule, in one call. Schedules may differ within a stack, so all
# of these networks train together.

# %%
data = MNIST1D(validation=500, test=2000)
base = Run(
    data=data,
    model=MLP(inputs=40, outputs=10, depth=2, width=32),
    init=He(),
    optimizer=Adam(),
    lr=0.01,
    batch_size=32,
    steps=steps,
)
rates = [0.005, 0.01, 0.02]
results = train(
    grid(base, schedule=schedules.values(), lr=rates, seed=range(3)), every=40
)
final = (
    results.validation_accuracy.isel(step=-1)
    .values.reshape(len(schedules), len(rates), 3)
    .mean(2)
)
for name, row in zip(schedules, final, strict=True):
    print(
        f"{name:9}",
        "  ".join(
            f"rate {lr:g}: {value:.0%}"
            for lr, value in zip(rates, row, strict=True)
        ),
    )

# %% [markdown]
# ## When does the loss fall?
#
# The training loss of three schedules at the middle rate. The band reaches from the lowest to the highest
# of the three seeds.

# %%
losses = results.train_loss.values.reshape(len(schedules), len(rates), 3, -1)[:, 1]
shown = {"constant": 7, "linear": 2, "WSD": 3}
with plots.style():
    figure = plots.figure()
    ax = figure.subplots()
    for name, color in shown.items():
        line = {"color": plots.SERIES[color]}
        plots.curve(
            ax, results.step.values, losses[list(schedules).index(name)], name, line
        )
    ax.set(xlabel="updates", ylabel="training loss", ylim=(None, 2))
    plots.label_ends(ax)

ends = ", ".join(
    f"{name} {losses[list(schedules).index(name), :, -1].mean():.2f}"
    for name in shown
)
plots.show(
    figure,
    alt=f"Training loss against updates under three schedules. Mean loss at the end: {ends}.",
)

# %% [markdown]
# ## A range test
#
# One short run in which the rate rises at every update. The loss of each mini-batch is kept.

# %%
test = replace(
    base, optimizer=Momentum(), lr=10.0, schedule=RangeTest(1e5), steps=150
)
batch_loss = train(grid(test, seed=range(3)), every=150).batch_loss.values
tested = 10.0 * np.array([RangeTest(1e5)(step, 150) for step in range(150)])
smooth = np.array(
    [np.convolve(row, np.ones(9) / 9, mode="same") for row in batch_loss]
)
for row in smooth:
    lowest = tested[np.nan_to_num(row[4:-4], nan=np.inf).argmin() + 4]
    print(
        f"the smoothed loss is lowest at a rate of {lowest:.2g}; a tenth of it is {lowest / 10:.2g}"
    )

# %% [markdown]
# ## The sharpness
#
# Full-batch gradient descent on a few examples: a batch is the whole training set. The table has the
# sharpness times half of the rate, which is 1 at the edge of stability. Which run comes near it?

# %%
few = replace(
    base,
    data=MNIST1D(rows=100, validation=100, test=100),
    optimizer=SGD(),
    batch_size=100,
    steps=400,
    lr=0.2,
)
edge = train(grid(few, lr=[0.1, 0.2, 0.4]), [Sharpness(iterations=12)], every=80)
for lr, row in zip(
    edge.lr.values, edge.sharpness.values * edge.lr.values[:, None] / 2, strict=True
):
    print(f"rate {lr:g}:", "  ".join(f"{value:.2f}" for value in row))

# %% [markdown]
# ## Your turn
#
# 1. Write a schedule of your own, as below, and add it to `schedules`.
# 2. Give the constant rate `EMA(Adam(), decay=0.97)` as its optimizer. What does it change, and at which rate most?
# 3. In the last cell, replace `SGD()` by `Momentum()`. Where does the sharpness settle now? An exercise of
#    the chapter has the formula.


# %%
@dataclass(frozen=True)
class Halves:
    """Half the rate after each quarter of the run."""

    def __call__(self, step: int, steps: int) -> float:
        """The multiplier at a step."""
        return 0.5 ** (4 * step // steps)


print([Halves()(step, steps) for step in range(0, steps, 50)])
