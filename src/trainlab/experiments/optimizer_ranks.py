"""How likely is each optimizer to win the race, when few or many learning rates can be tried?

Each row is an optimizer, each column a number of the race's {=optimizer_ranks.rates:.0f} learning rates that
every optimizer tries, drawn at random. A number says how often, in percent, this optimizer then has the
highest test accuracy of all; the stronger the colour, the more often. Each optimizer takes the rate with the
highest mean validation accuracy on the {=optimizer_ranks.tuning_seeds:.0f} tuning seeds and runs once, on the
same fresh seed as the others. Shares are over {=optimizer_ranks.seeds:.0f} fresh seeds, and where rates are
drawn over {=optimizer_ranks.draws:.0f} draws for each seed. The last column is the mean place with all rates,
which orders the rows.
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

BUDGETS = (1, FEW, 3, 5)
"""Shown beside all rates."""

DRAWS = 2000
"""How often the tuning is repeated for each seed."""

PLACES = np.arange(1, len(OPTIMIZERS) + 1)


def measure(train: Train) -> xr.Dataset:
    tuned, fresh = race_sweep(train)
    every = tuned.trials.sizes["trial"]
    tables = [
        places_after(tuned.trials, fresh, budget, DRAWS).assign_coords(budget=budget) for budget in (*BUDGETS, every)
    ]
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
    for short, budget in (("one", 1), ("few", FEW), ("all", _all(results))):
        for name in OPTIMIZERS:
            chances = _chances(results, name, budget)
            out[f"{name.lower()}_first_{short}"] = 100 * float(chances[0])
            out[f"{name.lower()}_place_{short}"] = float(chances @ PLACES)
        means = [out[f"{name.lower()}_place_{short}"] for name in OPTIMIZERS]
        out |= {f"best_place_{short}": min(means), f"worst_place_{short}": max(means)}
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 4.9)
    ax = fig.subplots()
    names = sorted(OPTIMIZERS, key=lambda name: _chances(results, name, _all(results)) @ PLACES)
    budgets = np.array([*BUDGETS, _all(results)])
    columns = np.arange(len(budgets) + 1)
    for row, name in enumerate(names):
        first = np.array([_chances(results, name, budget)[0] for budget in budgets.tolist()])
        line = plots.OPTIMIZER_LINES[name]
        ax.plot(budgets, first, linestyle="none", label=name)
        for column, chance in enumerate(first.tolist()):
            ax.barh(row, 0.94, left=column - 0.47, height=0.9, color=line["color"], alpha=min(1.0, chance) * 0.75, lw=0)
            ax.text(column, row, f"{100 * chance:.0f}", ha="center", va="center", fontsize=9.5)
        place = _chances(results, name, _all(results)) @ PLACES
        ax.text(columns[-1], row, f"{place:.1f}", ha="center", va="center", fontsize=9.5)
    ax.set(xlim=(-0.5, columns[-1] + 0.5), ylim=(len(names) - 0.5, -0.5), xlabel="learning rates tried")
    ax.set_xticks(columns, [*map(str, budgets.tolist()), "mean place"])
    ax.set_yticks(np.arange(len(names)), [plots.SHORT_NAMES.get(name, name) for name in names])
    ax.tick_params(length=0, labelcolor=plots.INK["text"])
    ax.grid(visible=False)
    for spine in ax.spines.values():
        spine.set_visible(False)


def alt(numbers: dict[str, float]) -> str:
    def rows(short: str) -> str:
        found = [
            (name, *(numbers[f"{name.lower()}_{what}_{short}"] for what in ("first", "place"))) for name in OPTIMIZERS
        ]
        return ", ".join(f"{name} {first:.0f} % and {place:.1f}" for name, first, place in found)

    return (
        f"Table with a row for each optimizer and a column for each number of rates tried. Likelihood of the first "
        f"place, and mean place: with all {numbers['rates']:.0f} rates tried, {rows('all')}; with "
        f"{numbers['few']:.0f} rates tried, {rows('few')}."
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
