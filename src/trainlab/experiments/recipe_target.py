"""How many updates to a given accuracy, and how many seconds?

Updates (left) and seconds (right) until the validation accuracy first reaches
{=recipe_target.curves_target:.0f} % on MNIST-1D (top) and {=recipe_target.images_target:.0f} % on images (bottom), for
the rungs of the ladder from He on and the steps aside (Muon on MNIST-1D only). Large dots are medians over
{=recipe_target.seeds:.0f} seeds; small dots are the single runs, stronger where several coincide. Hollow triangles
stand at the end of runs that did not get there. Seconds are a run's share of the time that its stack took on one
core of the machine that built this page, measurements included. Both horizontal axes are logarithmic.
"""

import numpy as np
import xarray as xr

from trainlab import ladder, plots
from trainlab.claims import OWN, Claim, Comparison, Verdict, steps_ratio
from trainlab.ladder import ASIDE, CURVES, FINISHED, IMAGES, MUON, RUNGS, SEEDS, START, key, updates_to_target
from trainlab.tuning import Train

PROBLEMS = {"curves": CURVES, "images": IMAGES}
TITLES = {"curves": "MNIST-1D", "images": "images"}
ROWS = {name: (*RUNGS[1:], *problem.aside) for name, problem in PROBLEMS.items()}


def measure(train: Train) -> xr.Dataset:
    parts = []
    for name, problem in PROBLEMS.items():
        climbed = ladder.ladder(train, problem)
        rungs = [f"{name}: {rung}" for rung in climbed.rung.values.tolist()]
        parts.append(climbed.assign_coords(rung=("run", rungs)))
    edges = [edge for part in parts for edge in part.attrs["at_edge"]]
    return ladder.joined(parts).assign_attrs(at_edge=edges)


def _updates(results: xr.Dataset, name: str, rung: str) -> np.ndarray:
    return updates_to_target(results, f"{name}: {rung}", PROBLEMS[name].target)


def _seconds_an_update(results: xr.Dataset, name: str, rung: str) -> float:
    runs = ladder.of(results, f"{name}: {rung}")
    return float((runs.seconds / runs.steps).median())


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(SEEDS))}
    for name, problem in PROBLEMS.items():
        out |= {f"{name}_target": 100 * problem.target, f"{name}_every": float(problem.every)}
        for rung in (START, *ROWS[name]):
            each, updates = _seconds_an_update(results, name, rung), _updates(results, name, rung)
            middle = float(np.median(updates))
            middle = middle if np.isfinite(middle) else np.nan  # half of the runs or more never got there
            out[f"{name}_{key(rung)}_updates"] = middle
            out[f"{name}_{key(rung)}_never"] = float(np.isinf(updates).sum())
            out[f"{name}_{key(rung)}_seconds"] = each * middle
            out[f"{name}_{key(rung)}_ms"] = 1000 * each
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 5.6)
    axes = fig.subplots(2, 2, sharex="col")
    for row, name in enumerate(PROBLEMS):
        for column, ax in enumerate(axes[row]):
            for place, rung in enumerate(ROWS[name]):
                color = plots.SERIES[1] if rung in ASIDE else plots.SERIES[0]
                each = _seconds_an_update(results, name, rung) if column else 1.0
                values = each * _updates(results, name, rung)
                seen = values[np.isfinite(values)]
                ax.plot(
                    seen, np.full(len(seen), place), ".", color=color, alpha=0.35, markersize=4, label=f"{rung}, runs"
                )
                end = each * PROBLEMS[name].start.steps
                late = np.full(np.isinf(values).sum(), end)
                ax.plot(
                    late,
                    np.full(len(late), place),
                    ">",
                    color=color,
                    markerfacecolor=plots.INK["paper"],
                    markersize=5,
                    label=f"{rung}, not there",
                )
                if np.isfinite(middle := np.median(values)):
                    ax.plot([middle], [place], "o", color=color, label=rung)
            ax.set(xscale="log", ylim=(len(ROWS[name]) - 0.5, -0.5))
            ax.set_title(TITLES[name] if not column else " ")
            ax.set_yticks(np.arange(len(ROWS[name])), ROWS[name] if not column else [""] * len(ROWS[name]))
            ax.tick_params(axis="y", length=0, labelcolor=plots.INK["text"])
            ax.grid(visible=False, axis="y")
            ax.tick_params(labelbottom=True)
    for ax, label in zip(axes[-1], ("updates to target", "seconds to target"), strict=True):
        ax.set_xlabel(label)
    for ax in axes[-1]:
        low, high = ax.get_xlim()
        plots.plain_ticks(ax.xaxis, [at for at in _TICKS if low <= at <= high])
        ax.set_xlim(low, high)


_TICKS = [digit * 10.0**power for power in range(-2, 4) for digit in (1, 2, 5)]


def alt(numbers: dict[str, float]) -> str:
    def said(name: str) -> str:
        rows = (
            f"{rung} {numbers[f'{name}_{key(rung)}_updates']:.0f} updates and "
            f"{numbers[f'{name}_{key(rung)}_seconds']:.2f} seconds"
            for rung in ROWS[name]
            if np.isfinite(numbers[f"{name}_{key(rung)}_updates"])
        )
        target, each = numbers[f"{name}_target"], numbers[f"{name}_{key(FINISHED)}_ms"]
        said = "; ".join(rows) or "none"
        return f"{TITLES[name]}, to {target:.0f} %: {said}; an update of the whole recipe takes {each:.1f} milliseconds"

    return f"Dot plots of updates and of seconds to a target. Medians. {said('curves')}. {said('images')}."


def _ratio(name: str, slow: str, fast: str) -> Comparison:
    sides = ({"rung": f"{name}: {rung}"} for rung in (slow, fast))
    return steps_ratio("validation_accuracy", PROBLEMS[name].target, *sides)


def _claim(
    id: str,  # noqa: A002
    text: str,
    name: str,
    slow: str,
    fast: str,
    expect: Verdict = "holds",
    why: str = "",
) -> Claim:
    return Claim(
        id=id,
        text=text,
        source=OWN,
        statistic=f"updates to the target on {TITLES[name]}, {slow} over {fast}, ratio of medians",
        compare=_ratio(name, slow, fast),
        expect=expect,
        why=why,
    )


CLAIMS = [
    _claim(
        "batch-norm-is-faster",
        "Batch norm reaches the target in fewer updates than He's weights alone.",
        "curves",
        "He",
        "batch norm",
        "null",
        "The medians are {=recipe_target.curves_he_updates:.0f or never} and "
        "{=recipe_target.curves_batch_norm_updates:.0f or never} updates, and the seeds differ by more.",
    ),
    _claim(
        "residual-is-faster",
        "Residual connections reach it in fewer updates than batch norm alone.",
        "curves",
        "batch norm",
        "residual",
    ),
    _claim(
        "adamw-is-faster",
        "AdamW reaches it in fewer updates than momentum.",
        "curves",
        "residual",
        "AdamW",
    ),
    _claim(
        "one-cycle-is-faster",
        "1cycle reaches it in fewer updates than a constant rate.",
        "curves",
        "AdamW",
        "1cycle",
        "reversed",
        "It spends its first updates at a low rate; what it gains, it gains at the end.",
    ),
    _claim(
        "muon-is-faster",
        "Muon reaches it in fewer updates than AdamW.",
        "curves",
        "AdamW",
        MUON,
        "null",
        "Both are there early in the run; Muon draws ahead later.",
    ),
    _claim(
        "recipe-is-faster",
        "The whole recipe reaches it in fewer updates than He's weights alone.",
        "curves",
        "He",
        FINISHED,
    ),
    _claim(
        "recipe-is-faster-on-images",
        "On images, the whole recipe reaches the target in fewer updates than He's weights alone.",
        "images",
        "He",
        FINISHED,
    ),
]
