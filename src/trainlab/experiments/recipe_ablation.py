"""What would be missed if it were left out?

Test accuracy on MNIST-1D of the whole recipe, and of the recipe without one of its changes at a time. The net without a
change has a peak rate of its own, the best of at least {=recipe_ablation.rates:.0f} on the validation split. Filled
circles are means over {=recipe_ablation.seeds:.0f} fresh seeds, thick lines their 95 % intervals (Student's), small
dots the single runs. The dashed line is the mean of the whole recipe.
"""

import numpy as np
import xarray as xr

from trainlab import ladder, plots
from trainlab.claims import OWN, Claim, Verdict
from trainlab.ladder import CHANGES, CURVES, FINISHED, RATES, SEEDS, accuracies, gain, key
from trainlab.optimizers import AdamW
from trainlab.stats import paired_difference
from trainlab.tuning import Train

WHOLE = "whole recipe"
ROWS = (WHOLE, *(f"without {name}" for name in CHANGES))
MARKS = {name: plots.SERIES[0] if name == WHOLE else plots.SERIES[1] for name in ROWS}


def measure(train: Train) -> xr.Dataset:
    climbed = ladder.ladder(train, CURVES)
    names = {FINISHED: WHOLE, ladder.below(FINISHED): f"without {FINISHED}"}
    top = climbed.isel(run=np.flatnonzero(np.isin(climbed.rung.values, list(names))))
    top = top.assign_coords(rung=("run", [names[rung] for rung in top.rung.values.tolist()]))
    left = ladder.ablation(train, CURVES)
    left = left.assign_coords(rung=("run", [f"without {rung}" for rung in left.rung.values.tolist()]))
    edges = [*climbed.attrs["at_edge"], *left.attrs["at_edge"]]
    return ladder.joined([top, left]).assign_attrs(at_edge=edges)


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(SEEDS)), "rates": float(len(RATES[AdamW]))}
    for name in ROWS:
        runs = ladder.of(results, name)
        out[f"{key(name)}_accuracy"] = float(accuracies(results, name).mean())
        out[f"{key(name)}_lr"] = float(runs.lr.values[0])
        out[f"{key(name)}_seconds"] = float(runs.seconds.median())
        if name != WHOLE:
            loss = paired_difference(accuracies(results, WHOLE), accuracies(results, name))
            out |= {f"{key(name)}_loss": loss.value}
            out |= {f"{key(name)}_loss_low": loss.low, f"{key(name)}_loss_high": loss.high}
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 3.6)
    ax = fig.subplots()
    names = sorted(ROWS, key=lambda name: -accuracies(results, name).mean())
    ladder.draw_rows(ax, results, names, MARKS)
    ax.axvline(accuracies(results, WHOLE).mean() / 100, color=plots.INK["muted"], linewidth=1, linestyle=(0, (3, 3)))


def alt(numbers: dict[str, float]) -> str:
    said = ", ".join(f"{name} {numbers[f'{key(name)}_accuracy']:.1f} %" for name in ROWS)
    return f"Dot plot of test accuracy with a row for the whole recipe and one for each change left out. Means: {said}."


def _missed(name: str, text: str, expect: Verdict = "holds", why: str = "") -> Claim:
    return Claim(
        id=f"{key(name).replace('_', '-')}-is-missed",
        text=text,
        source=OWN,
        statistic=f"test accuracy, whole recipe minus the recipe without {name}, percentage points",
        compare=gain(WHOLE, f"without {name}"),
        expect=expect,
        why=why,
    )


CLAIMS = [
    _missed(
        "He",
        "Without He's weights the recipe loses accuracy.",
        "reversed",
        "Batch norm gives every layer's signal its size back, whatever the weights start from. Without He's weights "
        "the recipe even ends a little higher; why was not looked into.",
    ),
    _missed("batch norm", "Without batch norm the recipe loses accuracy."),
    _missed("residual", "Without residual connections the recipe loses accuracy."),
    _missed("AdamW", "With momentum instead of AdamW the recipe loses accuracy."),
    _missed("1cycle", "With a constant rate instead of 1cycle the recipe loses accuracy."),
    _missed(
        "dropout",
        "Without dropout the recipe loses accuracy.",
        "reversed",
        "A likely reason: in so short a run the net does not overfit yet, and noise in twenty layers slows it down.",
    ),
]
