"""Is a network that averages over dropout masks as sure as it is right?

Reliability diagrams: test examples are sorted into bins by the probability that the network gives to its answer, and a
bar shows what share of a bin's answers is right. On the dashed diagonal a network is as right as it is sure; a bar
below it means too sure. Bars are means over {=dropout_calibration.seeds:.0f} seeds, and fainter where they hold fewer
examples. ECE is the expected calibration error, the mean gap between bar and diagonal. Temperature: the network without
dropout, its logits divided by one number that was fitted on the validation split. All is on the first
{=dropout_calibration.test_rows:.0f} test examples, of which all probabilities were kept.
"""

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.calibration import accuracy, fit_temperature, log_loss, reliability, tempered
from trainlab.claims import Claim, Comparison
from trainlab.overfitting import FRESH_SEEDS, NONE, PASSES, ROWS, data, fresh, joined, of, tune_all
from trainlab.stats import paired_difference
from trainlab.tuning import Train

BINS = 10
WAYS = ("no dropout", "temperature", "dropout, off", "dropout, averaged")
COLORS = dict(zip(WAYS, (plots.INK["muted"], plots.SERIES[2], plots.SERIES[1], plots.SERIES[0]), strict=True))
AVERAGED = f"test_logs_of_{PASSES}"


def measure(train: Train) -> xr.Dataset:
    tuned = tune_all(train)
    parts = [of(fresh(train, tuned, name), best=True) for name in (NONE, "dropout")]
    kept = ["test_logs", "validation_logs", AVERAGED]
    edges = [edge for edge in tuned.at_edge if edge.startswith(("none", "dropout"))]
    return joined([part[[name for name in kept if name in part]] for part in parts]).assign_attrs(at_edge=edges)


def _logs(results: xr.Dataset, method: str, variable: str) -> np.ndarray:
    """`[seeds, rows, answers]`; rows that this split does not have are cut."""
    values = of(results, method=method)[variable].transpose("run", ..., "answer").values.astype(np.float64)
    return values[:, ~np.isnan(values[0, :, 0])]


def _temperatures(results: xr.Dataset) -> np.ndarray:
    """`[seeds]`, of the network without dropout."""
    logs = _logs(results, NONE, "validation_logs")
    labels = data().load().validation.y.numpy()[: logs.shape[1]]
    return np.array([fit_temperature(one, labels) for one in logs])


def _of_way(results: xr.Dataset, way: str) -> np.ndarray:
    """`[seeds, rows, answers]` on the test split."""
    if way == "temperature":
        pairs = zip(_logs(results, NONE, "test_logs"), _temperatures(results), strict=True)
        return np.array([tempered(one, temperature) for one, temperature in pairs])
    if way == "no dropout":
        return _logs(results, NONE, "test_logs")
    return _logs(results, "dropout", "test_logs" if way == "dropout, off" else AVERAGED)


def _each(results: xr.Dataset, way: str, what: str) -> np.ndarray:
    """`[seeds]`: error of calibration, loss, accuracy or mean confidence."""
    logs = _of_way(results, way)
    labels = data().load().test.y.numpy()[: logs.shape[1]]
    ways = {
        "error": lambda one: reliability(one, labels, BINS).error,
        "loss": lambda one: log_loss(one, labels),
        "accuracy": lambda one: accuracy(one, labels),
        "confidence": lambda one: float(np.exp(one.max(1)).mean()),
    }
    return np.array([ways[what](one) for one in logs])


def _key(way: str) -> str:
    return way.replace(", ", "_").replace(" ", "_")


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(FRESH_SEEDS)), "rows": float(ROWS), "passes": float(PASSES), "bins": float(BINS)}
    out["test_rows"] = float(_logs(results, NONE, "test_logs").shape[1])
    out["rate"] = float(of(results, method="dropout").strength.values[0])
    out["fitted_temperature"] = float(_temperatures(results).mean())
    for way in WAYS:
        for what, unit in (("error", 100), ("loss", 1), ("accuracy", 100), ("confidence", 100)):
            out[f"{_key(way)}_{what}"] = unit * float(_each(results, way, what).mean())
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 5.8)
    panels = fig.subplots(2, 2, sharex=True, sharey=True).ravel().tolist()
    middles = (np.arange(BINS) + 0.5) / BINS
    for ax, way in zip(panels, WAYS, strict=True):
        logs = _of_way(results, way)
        labels = data().load().test.y.numpy()[: logs.shape[1]]
        found = [reliability(one, labels, BINS) for one in logs]
        share = np.mean([one.share for one in found], axis=0)
        counted = np.array([np.nan_to_num(one.accuracy) * one.share for one in found]).mean(0)
        heights = np.where(share > 0, counted / np.maximum(share, 1e-12), np.nan)
        for middle, height, part in zip(middles, heights, share, strict=True):
            if part > 0:
                ax.bar(middle, height, 0.92 / BINS, color=COLORS[way], alpha=min(1.0, 0.2 + 2 * part), linewidth=0)
        ax.plot(middles, heights, linestyle="none", label=way)
        ax.plot([0, 1], [0, 1], color=plots.INK["text"], linewidth=1, linestyle=(0, (4, 3)), label="_diagonal")
        ax.set_title(way, color=COLORS[way])
        ax.text(0.04, 0.9, f"ECE {100 * np.mean([one.error for one in found]):.1f} %", transform=ax.transAxes)
        ax.set(xlim=(0, 1), ylim=(0, 1))
        plots.percent(ax.xaxis)
        plots.percent(ax.yaxis)
    for ax in panels[2:]:
        ax.set_xlabel("confidence")
    for ax in panels[::2]:
        ax.set_ylabel("right answers")


def alt(numbers: dict[str, float]) -> str:
    said = "; ".join(f"{way} {numbers[f'{_key(way)}_error']:.1f} %" for way in WAYS)
    return f"Four reliability diagrams, accuracy by confidence in bins. Expected calibration error: {said}."


def _lower(what: str, unit: float, worse: str, better: str) -> Comparison:
    return Comparison(
        "paired difference",
        lambda results: paired_difference(unit * _each(results, worse, what), unit * _each(results, better, what)),
    )


_GAL = "Gal and Ghahramani 2016, Dropout as a Bayesian approximation"
_GAL_URL = "https://arxiv.org/abs/1506.02142"
_GUO = "Guo et al. 2017, On calibration of modern neural networks"
_GUO_URL = "https://arxiv.org/abs/1706.04599"
_ECE = "expected calibration error, percentage points"

CLAIMS = [
    Claim(
        id="averaging-calibrates",
        text="Averaged over {=dropout_calibration.passes:.0f} masks, the network has a lower calibration error than "
        "the same weights with dropout off.",
        source=_GAL,
        url=_GAL_URL,
        statistic=f"{_ECE}, off minus averaged",
        compare=_lower("error", 100, "dropout, off", "dropout, averaged"),
        expect="holds",
    ),
    Claim(
        id="averaging-lowers-loss",
        text="It has a lower test loss, too.",
        source=_GAL,
        url=_GAL_URL,
        statistic="test loss, off minus averaged, nats",
        compare=_lower("loss", 1, "dropout, off", "dropout, averaged"),
        expect="holds",
    ),
    Claim(
        id="temperature-calibrates",
        text="One temperature, fitted on the validation split, lowers the calibration error of the network without "
        "dropout.",
        source=_GUO,
        url=_GUO_URL,
        statistic=f"{_ECE}, without minus with the temperature",
        compare=_lower("error", 100, "no dropout", "temperature"),
        expect="holds",
    ),
    Claim(
        id="temperature-beats-averaging",
        text="The network without dropout and with a temperature has a lower calibration error than the average over "
        "masks.",
        source=_GUO,
        url=_GUO_URL,
        statistic=f"{_ECE}, averaged masks minus temperature",
        compare=_lower("error", 100, "dropout, averaged", "temperature"),
        expect="holds",
    ),
]
