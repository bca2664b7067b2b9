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
# # Regularization lab
#
# This page is a program. It was executed when the book was built, and you can download it as a
# notebook, change a line, and run it again. It belongs to the chapter
# [Dropout and regularization](../regularization.md).
#
# We let a network overfit, add dropout, and look at what it is sure of.

# %%
from dataclasses import replace

import numpy as np

from trainlab import (
    MLP,
    MNIST1D,
    Adam,
    He,
    Predictions,
    RandomLabels,
    Run,
    early_stop,
    grid,
    plots,
    train,
)
from trainlab.calibration import fit_temperature, reliability, tempered

# %% [markdown]
# ## A network that knows its examples by heart
#
# Few examples, many weights. Watch the loss on the training examples and on the validation split.

# %%
data = MNIST1D(rows=500, validation=1000, test=2000)
model = MLP(inputs=40, outputs=10, depth=2, width=100)
base = Run(
    data=data,
    model=model,
    init=He(),
    optimizer=Adam(),
    lr=0.003,
    batch_size=32,
    steps=400,
)
plain = train(grid(base, seed=range(3)), every=20)
table = (
    plain[["train_loss", "validation_loss", "validation_accuracy"]]
    .mean("run")
    .to_dataframe()
)
table.iloc[::4].round(2)

# %% [markdown]
# `early_stop` reads off a finished run where training should have ended. One history serves any
# patience.

# %%
for patience in (1, 3, 5):
    stop = early_stop(plain.validation_loss.values, patience)
    kept, stopped = plain.step.values[stop.kept], plain.step.values[stop.stopped]
    print(
        f"patience {patience}: stops after {stopped.tolist()} updates, keeps the weights of {kept.tolist()}"
    )

# %% [markdown]
# ## Dropout
#
# A rate is a number, so runs that differ in it train in one stack. `Predictions` is a probe: it
# returns the log-probabilities on a split, here with dropout off, and averaged over ten masks.

# %%
rates = [0.05, 0.1, 0.2, 0.4]
models = [replace(model, dropout=rate) for rate in rates]
probes = [Predictions(data), Predictions(data, passes=10)]
dropped = train(grid(base, model=models, seed=range(3)), probes, every=base.steps)
ends = dropped.isel(step=-1)
for number, rate in enumerate(rates):
    runs = ends.isel(
        run=slice(3 * number, 3 * number + 3)
    )  # the last axis of a grid is the fastest
    print(
        f"rate {rate:<5} training loss {runs.train_loss.mean():.2f}, test loss {runs.test_loss.mean():.2f}"
    )

# %% [markdown]
# ## How sure, and how right?
#
# A reliability diagram for the last rate: of the answers that the network was so sure of, how many
# are right?

# %%
labels = data.load().test.y.numpy()
logs = {
    "off": ends.test_logs.values[-1],
    "averaged": ends.test_logs_of_10.values[-1],
}
with plots.style():
    figure = plots.figure()
    ax = figure.subplots()
    ax.plot(
        [0, 1], [0, 1], color=plots.INK["muted"], linestyle="--", label="_diagonal"
    )
    for (name, values), color in zip(logs.items(), plots.SERIES, strict=False):
        found = reliability(values, labels, bins=8)
        ax.plot(
            found.confidence, found.accuracy, marker="o", color=color, label=name
        )
    ax.set(xlabel="confidence", ylabel="right answers", xlim=(0, 1), ylim=(0, 1))
    plots.label_ends(ax)

errors = ", ".join(
    f"{name} {reliability(values, labels).error:.1%}"
    for name, values in logs.items()
)
plots.show(
    figure,
    alt=f"Share of right answers by confidence, dropout off and averaged. Calibration error: {errors}.",
)

# %% [markdown]
# A temperature is one number. It is fitted on the validation split, and it changes no answer.

# %%
checked = train(
    [replace(base, seed=0)],
    [Predictions(data), Predictions(data, "validation")],
    every=base.steps,
)
last = checked.isel(step=-1, run=0)
temperature = fit_temperature(
    last.validation_logs.values, data.load().validation.y.numpy()
)
before = last.test_logs.values
after = tempered(before, temperature)
print(f"temperature {temperature:.2f}")
for name, values in (("before", before), ("after", after)):
    print(
        f"{name:7} calibration error {reliability(values, labels).error:.1%}, sure {np.exp(values.max(1)).mean():.0%}"
    )

# %% [markdown]
# ## Labels that mean nothing
#
# `RandomLabels` keeps the inputs and draws the labels. The network fits them all the same.

# %%
noise = replace(base, data=RandomLabels(data=data), steps=600)
random = train([noise], every=100)
for step, accuracy in zip(
    random.step.values, random.train_accuracy.values[0], strict=True
):
    print(
        f"after {step:3} updates {accuracy:.0%} of the training examples have the label that was drawn for them"
    )
print(f"test accuracy at the end: {random.test_accuracy.values[0]:.0%}")

# %% [markdown]
# ## Your turn
#
# 1. Give the data 4000 rows. What is left of the gain by dropout?
# 2. Write `optimizer=DecoupledDecay(Adam(), weight_decay=1.0)` into `base`, and draw the diagram again.
# 3. Which weight decay keeps the network from fitting random labels, and what does it do to true ones?
