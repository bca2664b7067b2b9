"""Is it better to decay the weights outside of Adam than through its gradient?

Test accuracy by learning rate and weight decay, for Adam with an L2 penalty in its gradient and for AdamW,
which shrinks the weights apart from it. The problem is made to need it: {=adam_weight_decay.rows:.0f}
training examples of MNIST-1D, a quarter of the race's. Each number is the mean over
{=adam_weight_decay.seeds:.0f} seeds, in percent; the stronger the colour, the higher. The outlined cell is
the one that tuning chose, on other seeds and by validation accuracy. The strengths of the two are not in the
same unit, so compare the outlined cells and not the rows.
"""

from dataclasses import replace

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.claims import Claim, Comparison
from trainlab.data import MNIST1D
from trainlab.loop import AT_END
from trainlab.optimizers import L2, Adam, DecoupledDecay, Optimizer
from trainlab.runs import Run, grid
from trainlab.stats import Estimate, paired_difference
from trainlab.tuning import Train
from trainlab.workloads import FRESH_SEEDS, RACE

ROWS = 1000
RATES = (0.001, 0.003, 0.01, 0.03)
DECAYS = {"Adam + L2": (0.0, 0.0003, 0.003, 0.03, 0.3), "AdamW": (0.0, 0.03, 0.3, 3.0, 30.0)}
TUNING_SEEDS = range(1000, 1002)
STEPS = 300


def _optimizer(method: str, decay: float) -> Optimizer:
    return (L2 if method == "Adam + L2" else DecoupledDecay)(Adam(), weight_decay=decay)


def _runs(method: str, decay: float, seeds: range) -> list[Run]:
    base = replace(RACE, data=MNIST1D(rows=ROWS, test=5000), optimizer=_optimizer(method, decay), steps=STEPS)
    return grid(base, lr=RATES, seed=seeds)


def _table_of(train: Train, seeds: range) -> xr.Dataset:
    """All settings; a strength at a time, so that the runs of a stack share their optimizer, which is faster."""
    parts: list[xr.Dataset] = []
    for method, decays in DECAYS.items():
        for index, decay in enumerate(decays):
            runs = train(_runs(method, decay, seeds), every=AT_END).isel(step=-1, drop=True)
            labels = {"method": ("run", [method] * runs.sizes["run"]), "decay": ("run", [index] * runs.sizes["run"])}
            parts.append(runs[["validation_accuracy", "train_accuracy", "test_accuracy"]].assign_coords(labels))
    return xr.concat(parts, "run", data_vars="all", coords="minimal", compat="override", join="exact")


def _cells(results: xr.Dataset, method: str, variable: str) -> np.ndarray:
    """`[decays, rates, seeds]`; a run that diverged counts as 0."""
    mine = results.isel(run=np.flatnonzero(results.method.values == method))
    return np.nan_to_num(mine[variable].values).reshape(len(DECAYS[method]), len(RATES), -1)


def measure(train: Train) -> xr.Dataset:
    if spend := getattr(train, "spend", None):
        spend(TUNING_SEEDS)
    tuning, fresh = _table_of(train, TUNING_SEEDS), _table_of(train, FRESH_SEEDS)
    attrs: dict[str, object] = {}
    edges = []
    for method, decays in DECAYS.items():
        score = _cells(tuning, method, "validation_accuracy").mean(2)
        best = np.unravel_index(score.argmax(), score.shape)
        attrs[method] = [int(index) for index in best]
        edges += [f"{method} (decay = {decays[-1]:g})"] if best[0] == len(decays) - 1 else []
        edges += [f"{method} (lr = {RATES[best[1]]:g})"] if best[1] in (0, len(RATES) - 1) else []
    attrs["none"] = int(_cells(tuning, "AdamW", "validation_accuracy").mean(2)[0].argmax())
    return fresh.drop_vars("update", errors="ignore").assign_attrs(at_edge=edges, **attrs)


def _tuned(results: xr.Dataset, method: str) -> np.ndarray:
    decay, rate = results.attrs[method]
    return _cells(results, method, "test_accuracy")[decay, rate]


def _without(results: xr.Dataset) -> np.ndarray:
    """`[seeds]`: Adam at the rate that is best for it without any decay."""
    return _cells(results, "AdamW", "test_accuracy")[0, results.attrs["none"]]


def _gain(results: xr.Dataset, *ways: str) -> tuple[np.ndarray, np.ndarray]:
    """`[seeds]` of each way: tuned with a method, or Adam without decay."""
    first, second = (_tuned(results, way) if way in DECAYS else _without(results) for way in ways)
    return first, second


def _compare(*ways: str) -> Comparison:
    """The test accuracy of one way minus that of another, paired by seed, in percentage points."""
    return Comparison(
        "paired difference", lambda results: paired_difference(*(100 * side for side in _gain(results, *ways)))
    )


def _same_number(results: xr.Dataset) -> Estimate:
    """AdamW minus Adam with L2, both with the strength and rate that tuning chose for AdamW."""
    decay, rate = results.attrs["AdamW"]
    copied = int(np.argmin(np.abs(np.array(DECAYS["Adam + L2"]) - DECAYS["AdamW"][decay])))
    return paired_difference(
        100 * _cells(results, "AdamW", "test_accuracy")[decay, rate],
        100 * _cells(results, "Adam + L2", "test_accuracy")[copied, rate],
    )


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"rows": float(ROWS), "seeds": float(len(FRESH_SEEDS)), "rates": float(len(RATES)), "steps": float(STEPS)}
    out |= {"settings": float(len(RATES) * 5), "tuning_seeds": float(len(TUNING_SEEDS))}
    for key, method in (("l2", "Adam + L2"), ("adamw", "AdamW")):
        decay, rate = results.attrs[method]
        out |= {f"{key}_decay": DECAYS[method][decay], f"{key}_lr": RATES[rate]}
        out[f"{key}_tuned"] = 100 * float(_tuned(results, method).mean())
    out["none_tuned"] = 100 * float(_without(results).mean())
    copied = _cells(results, "Adam + L2", "test_accuracy")[-1, results.attrs["AdamW"][1]]
    out["l2_copied"] = 100 * float(copied.mean())
    out["ratio"] = out["adamw_decay"] / max(out["l2_decay"], 1e-9)
    out["none_train"] = 100 * float(_cells(results, "AdamW", "train_accuracy")[0, results.attrs["none"]].mean())
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 3.0)
    panels = fig.subplots(1, 2)
    means = {method: 100 * _cells(results, method, "test_accuracy").mean(2) for method in DECAYS}
    low, high = (end(np.concatenate(list(means.values()))) for end in (np.min, np.max))
    for ax, (method, mean) in zip(panels, means.items(), strict=True):
        color = plots.OPTIMIZER_LINES["Adam" if method == "Adam + L2" else "AdamW"]["color"]
        _map(ax, mean, (mean - low) / (high - low), color)
        decay, rate = results.attrs[method]
        ax.bar(
            rate, 0.94, bottom=decay - 0.47, width=0.94, facecolor="none", edgecolor=plots.INK["text"], linewidth=1.8
        )
        for index, strength in enumerate(DECAYS[method]):
            ax.plot(RATES, mean[index], linestyle="none", label=f"{method}, decay {strength:g}")
        ax.set_title(method, color=color)
        ax.set_yticks(range(len(mean)), [f"{strength:g}" for strength in DECAYS[method]])
        ax.set(xlim=(-0.5, len(RATES) - 0.5), ylim=(-0.5, len(mean) - 0.5), xlabel="learning rate")
    panels[0].set_ylabel("weight decay")


def _map(ax: "plots.Axes", values: np.ndarray, shade: np.ndarray, color: str) -> None:
    for (row, column), value in np.ndenumerate(values):
        alpha = 0.05 + 0.6 * float(shade[row, column]) ** 2
        ax.bar(column, 0.94, bottom=row - 0.47, width=0.94, color=color, alpha=alpha, linewidth=0)
        ax.text(column, row, f"{value:.1f}", ha="center", va="center", fontsize=9.5)
    ax.set_xticks(range(len(RATES)), [f"{rate:g}" for rate in RATES])
    ax.tick_params(length=0)
    ax.grid(visible=False)
    for spine in ax.spines.values():
        spine.set_visible(False)


def alt(numbers: dict[str, float]) -> str:
    return (
        f"Two tables of test accuracy by weight decay and learning rate. The tuned cell of Adam with L2 is at decay "
        f"{numbers['l2_decay']:g} and rate {numbers['l2_lr']:g} with {numbers['l2_tuned']:.1f} %, that of AdamW at "
        f"decay {numbers['adamw_decay']:g} and rate {numbers['adamw_lr']:g} with {numbers['adamw_tuned']:.1f} %."
    )


_SOURCE = "Loshchilov and Hutter 2019, Decoupled weight decay regularization"
_URL = "https://arxiv.org/abs/1711.05101"

CLAIMS = [
    Claim(
        id="decoupled-beats-l2",
        text="With rate and strength tuned, AdamW has a higher test accuracy than Adam with L2.",
        source=_SOURCE,
        url=_URL,
        statistic="test accuracy, tuned AdamW minus tuned Adam with L2, percentage points",
        compare=_compare("AdamW", "Adam + L2"),
        expect="null",
        why="A likely reason: the network and the run are small, and with both knobs tuned each kind of decay finds a "
        "strength that suits; the source tunes deep networks on images, for many epochs.",
    ),
    Claim(
        id="decay-helps",
        text="With rate and strength tuned, AdamW has a higher test accuracy than tuned Adam without decay.",
        source=_SOURCE,
        url=_URL,
        statistic="test accuracy, tuned AdamW minus tuned Adam, percentage points",
        compare=_compare("AdamW", "none"),
        expect="holds",
    ),
    Claim(
        id="same-number-other-strength",
        text="At the strength and rate that are best for AdamW, Adam with L2 has a lower test accuracy.",
        source=_SOURCE,
        url=_URL,
        statistic="test accuracy at AdamW's tuned setting, AdamW minus Adam with L2, percentage points",
        compare=Comparison("paired difference", _same_number),
        expect="holds",
    ),
]
