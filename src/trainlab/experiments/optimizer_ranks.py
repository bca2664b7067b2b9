"""Which place does each optimizer take, when the race is tuned and run again?

Each row is an optimizer; its heights say how likely each place is, from first to last. Filled: every
optimizer tried {=optimizer_ranks.few:.0f} of the race's {=optimizer_ranks.rates:.0f} learning rates,
drawn at random. Outlined, with the likelihood in percent: it tried all of them. Each takes the rate
with the highest mean validation accuracy on the {=optimizer_ranks.tuning_seeds:.0f} tuning seeds and
runs once, on the same fresh seed as the others; the test accuracy decides the place. Shares are over
{=optimizer_ranks.seeds:.0f} fresh seeds, and where rates are drawn over {=optimizer_ranks.draws:.0f}
draws for each seed. Optimizers are ordered by their mean place with all rates.
"""

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.claims import Claim, by_seed, difference
from trainlab.trials import places_after
from trainlab.tuning import Train
from trainlab.workloads import OPTIMIZERS, race_sweep

FEW = 2
"""Learning rates that an optimizer tries when there is little time."""

DRAWS = 2000
"""How often the tuning is repeated for each seed."""

PLACES = np.arange(1, len(OPTIMIZERS) + 1)


def measure(train: Train) -> xr.Dataset:
    tuned, fresh = race_sweep(train)
    every = tuned.trials.sizes["trial"]
    tables = [places_after(tuned.trials, fresh, budget, DRAWS).assign_coords(budget=budget) for budget in (FEW, every)]
    table = xr.concat(tables, "budget").rename(contender="optimizer").rename("chance")
    rows = table.stack(run=("optimizer", "budget", "place", "seed")).reset_index("run")
    return rows.to_dataset().assign_attrs(at_edge=tuned.at_edge, tuning_seeds=tuned.trials.sizes["seed"])


def _all(results: xr.Dataset) -> int:
    return int(results.budget.values.max())


def _chances(results: xr.Dataset, name: str, budget: int) -> np.ndarray:
    """How likely each place is, over the seeds and draws."""
    return np.array([by_seed(results, "chance", optimizer=name, budget=budget, place=p).mean() for p in PLACES])


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {
        "few": float(FEW),
        "rates": float(_all(results)),
        "draws": float(DRAWS),
        "seeds": float(len(set(results.seed.values.tolist()))),
        "tuning_seeds": float(results.attrs["tuning_seeds"]),
    }
    for short, budget in (("few", FEW), ("all", _all(results))):
        for name in OPTIMIZERS:
            chances = _chances(results, name, budget)
            out[f"{name.lower()}_first_{short}"] = 100 * float(chances[0])
            out[f"{name.lower()}_place_{short}"] = float(chances @ PLACES)
        means = [out[f"{name.lower()}_place_{short}"] for name in OPTIMIZERS]
        out |= {f"best_place_{short}": min(means), f"worst_place_{short}": max(means)}
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 5.6)
    names = sorted(OPTIMIZERS, key=lambda name: _chances(results, name, _all(results)) @ PLACES)
    rows = fig.subplots(len(names), sharex=True, sharey=True)
    for ax, name in zip(rows, names, strict=True):
        _row(ax, name, _chances(results, name, FEW), _chances(results, name, _all(results)))
    words = f"outlined: all {_all(results)} rates tried\nfilled: {FEW} tried"
    style = {"fontsize": 8.5, "color": plots.INK["muted"], "ha": "right", "va": "top"}
    rows[0].text(1, 1, words, transform=rows[0].transAxes, **style)
    rows[-1].set(xlabel="place in the race", xlim=(0.5, PLACES[-1] + 0.5), ylim=(0, 1.15))
    plots.plain_ticks(rows[-1].xaxis, PLACES)


def _row(ax: "plots.Axes", name: str, few: np.ndarray, every: np.ndarray) -> None:
    color = plots.OPTIMIZER_LINES[name]["color"]
    ax.bar(PLACES, few, width=0.92, color=color, alpha=0.25, linewidth=0)
    ax.plot(PLACES, few, linestyle="none", label=f"{name}, few rates")
    ax.bar(PLACES, every, width=0.92, facecolor="none", edgecolor=color, linewidth=1.4)
    ax.plot(PLACES, every, linestyle="none", label=f"{name}, all rates")
    for place, chance in enumerate(every.tolist(), start=1):
        if chance >= 0.005:
            ax.text(place, chance + 0.04, f"{100 * chance:.0f}", ha="center", va="bottom", fontsize=8.5)
    ax.set_ylabel(name, rotation=0, ha="right", va="center", color=color)
    ax.set_yticks([])
    ax.grid(visible=False)
    ax.spines["left"].set_visible(False)


def alt(numbers: dict[str, float]) -> str:
    def rows(short: str) -> str:
        found = [
            (name, *(numbers[f"{name.lower()}_{what}_{short}"] for what in ("first", "place"))) for name in OPTIMIZERS
        ]
        return ", ".join(f"{name} {first:.0f} % and {place:.1f}" for name, first, place in found)

    return (
        f"A row of bars for each optimizer says how likely each place in the race is. Likelihood of the first place, "
        f"and mean place: with all {numbers['rates']:.0f} rates tried, {rows('all')}; with {numbers['few']:.0f} rates "
        f"tried, {rows('few')}."
    )


CLAIMS = [
    Claim(
        id="adam-first-more-often-with-few-rates",
        text="Adam comes first more often when each optimizer tried {=optimizer_ranks.few:.0f} learning rates than "
        "when each tried all {=optimizer_ranks.rates:.0f}.",
        source="Sivaprasad et al. 2020, Optimizer benchmarking needs to account for hyperparameter tuning",
        url="https://arxiv.org/abs/1910.11758",
        statistic="likelihood of the first place for Adam, few rates minus all rates, percentage points",
        compare=lambda results: difference(
            "chance",
            {"optimizer": "Adam", "place": 1, "budget": FEW},
            {"optimizer": "Adam", "place": 1, "budget": _all(results)},
            unit=100,
        )(results),
        expect="holds",
    ),
]
"""Written from the source, before any place was computed but after the race was known."""
