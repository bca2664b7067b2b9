"""What goes wrong when dropout stands right before batch norm?

Above: test accuracy of a net with batch norm, without dropout and with a dropout rate of
{=dropout_before_norm.rate:g} in three places. Filled circles: as it was trained. Open circles: the same weights, with
batch norm's means and variances measured anew on the training examples, dropout off. Each place has its own learning
rate, by an equal budget. Circles are means over {=dropout_before_norm.seeds:.0f} fresh seeds, thin lines 95 % intervals
(Student's). Below: how many times as large the variance is that each norm layer remembers from training as the one
that it meets on the same examples with dropout off. Lines are medians, bands reach from the lowest to the highest seed.
Dashed: what one line of algebra predicts for a single norm right after dropout.
"""

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.claims import OWN, Claim, Comparison, within
from trainlab.inits import He
from trainlab.models import OrderedMLP
from trainlab.optimizers import Adam
from trainlab.overfitting import FRESH_SEEDS, ROWS, data, finite
from trainlab.predictions import BatchNormShift, Held
from trainlab.runs import Run
from trainlab.stats import mean_interval, paired_difference
from trainlab.tuning import Train, tune

DEPTH, WIDTH, STEPS, RATE = 3, 64, 400, 0.5
RATES = (0.0003, 0.001, 0.003, 0.01, 0.03)
TUNING_SEEDS = range(1000, 1001)
AFTER = ("linear", "norm", "activation", "dropout")
BEFORE, EVERY, LAST, NONE = "right before the norm", "after each activation", "before the output only", "no dropout"
PLACES: dict[str, OrderedMLP] = {
    BEFORE: OrderedMLP(
        inputs=40, outputs=10, depth=DEPTH, width=WIDTH, order=("linear", "dropout", "norm", "activation"), dropout=RATE
    ),
    EVERY: OrderedMLP(inputs=40, outputs=10, depth=DEPTH, width=WIDTH, order=AFTER, dropout=RATE),
    LAST: OrderedMLP(inputs=40, outputs=10, depth=DEPTH, width=WIDTH, order=AFTER, dropout=RATE, only_last=True),
    NONE: OrderedMLP(inputs=40, outputs=10, depth=DEPTH, width=WIDTH, order=AFTER),
}
COLORS = dict(zip(PLACES, (plots.SERIES[1], plots.SERIES[0], plots.SERIES[2], plots.INK["muted"]), strict=True))
TOLERANCE = 0.1


def measure(train: Train) -> xr.Dataset:
    contenders = {
        place: Run(data=data(), model=model, init=He(), optimizer=Adam(), lr=RATES[0], batch_size=50, steps=STEPS)
        for place, model in PLACES.items()
    }
    tuned = tune(train, contenders, RATES, TUNING_SEEDS)
    probes = [Held(data(), anew=True), BatchNormShift(data())]
    results = train(tuned.fresh(FRESH_SEEDS), probes, every=STEPS).isel(step=-1, drop=True)
    places = [place for place in PLACES for _ in FRESH_SEEDS]
    return results.assign_coords(place=("run", places)).assign_attrs(at_edge=tuned.at_edge)


def _of(results: xr.Dataset, place: str) -> xr.Dataset:
    return results.isel(run=np.flatnonzero(results.place.values == place)).sortby("seed")


def _accuracies(results: xr.Dataset, place: str, variable: str = "test_accuracy") -> np.ndarray:
    """`[seeds]`; a run that diverged has none."""
    return finite(_of(results, place)[variable].values)


def _parts(runs: xr.Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`[seeds, norms]`: the variance remembered, and mean square and squared mean with dropout off."""
    names = ("norm_remembered", "norm_second", "norm_squared_mean")
    remembered, second, squared = (runs[name].transpose("run", "norm").values.astype(np.float64) for name in names)
    return remembered, second, squared


def _shift(runs: xr.Dataset) -> np.ndarray:
    """`[seeds, norms]`: the variance remembered over the variance met."""
    remembered, second, squared = _parts(runs)
    return remembered / (second - squared)


def _predicted(runs: xr.Dataset) -> np.ndarray:
    r"""`[seeds, norms]`: $(E[x^2]/q - E[x]^2) / (E[x^2] - E[x]^2)$ with $q$ the share of units that dropout keeps."""
    _, second, squared = _parts(runs)
    return (second / (1 - RATE) - squared) / (second - squared)


def _key(place: str) -> str:
    return place.replace(" ", "_")


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"rate": RATE, "seeds": float(len(FRESH_SEEDS)), "depth": float(DEPTH), "width": float(WIDTH)}
    out |= {"rows": float(ROWS), "rates": float(len(RATES)), "steps": float(STEPS), "tolerance": TOLERANCE}
    for place in PLACES:
        runs = _of(results, place)
        out[f"{_key(place)}_accuracy"] = 100 * float(_accuracies(results, place).mean())
        out[f"{_key(place)}_anew"] = 100 * float(_accuracies(results, place, "anew_test_accuracy").mean())
        out[f"{_key(place)}_shift"] = float(np.median(_shift(runs).mean(1)))
        out[f"{_key(place)}_first_shift"] = float(np.median(_shift(runs)[:, 0]))
        out[f"{_key(place)}_lr"] = float(runs.lr.values[0])
        out[f"{_key(place)}_last_shift"] = float(np.median(_shift(runs)[:, -1]))
    out["predicted"] = float(np.median(_predicted(_of(results, BEFORE))[:, 0]))
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 6.0)
    above, below = fig.subplots(2)
    for row, (place, color) in enumerate(reversed(COLORS.items())):
        for variable, height, filled in (("test_accuracy", 0.13, True), ("anew_test_accuracy", -0.13, False)):
            mean = mean_interval(_accuracies(results, place, variable))
            label = place if filled else f"{place}, measured anew"
            above.plot(
                [mean.low, mean.high], [row + height] * 2, color=color, linewidth=1.4, label=f"_interval {label}"
            )
            face = color if filled else plots.INK["paper"]
            above.plot([mean.value], [row + height], "o", color=color, markerfacecolor=face, label=label)
    above.set_yticks(np.arange(len(COLORS)), list(COLORS)[::-1])
    above.tick_params(axis="y", length=0, labelcolor=plots.INK["text"])
    above.grid(visible=False, axis="y")
    above.set_xlabel("test accuracy")
    plots.percent(above.xaxis)
    layers = np.arange(1, DEPTH + 1)
    for place, color in COLORS.items():
        plots.curve(below, layers, _shift(_of(results, place)), place, {"color": color, "marker": "o", "markersize": 4})
    plots.prediction(below, layers, np.median(_predicted(_of(results, BEFORE)), axis=0), BEFORE)
    below.set(xlabel="norm layer", ylabel="variance, remembered / met", ylim=(0, None))
    plots.plain_ticks(below.xaxis, layers)
    plots.label_ends(below, {BEFORE: "right before", EVERY: "after each", LAST: "output only"})


def alt(numbers: dict[str, float]) -> str:
    said = "; ".join(
        f"{place} {numbers[f'{_key(place)}_accuracy']:.1f} %, and {numbers[f'{_key(place)}_anew']:.1f} % measured anew"
        for place in PLACES
    )
    return (
        f"Two plots. Above, mean test accuracy by the place of dropout: {said}. Below, the ratio of the variance that "
        f"batch norm remembers to the one that it meets; with dropout right before the norm it is "
        f"{numbers['right_before_the_norm_first_shift']:.2f} in the first norm layer, where the prediction is "
        f"{numbers['predicted']:.2f}, and {numbers['right_before_the_norm_last_shift']:.2f} in the last."
    )


def _beats(better: tuple[str, str], worse: tuple[str, str]) -> Comparison:
    return Comparison(
        "paired difference",
        lambda results: paired_difference(100 * _accuracies(results, *better), 100 * _accuracies(results, *worse)),
    )


_SOURCE = "Li et al. 2019, Understanding the disharmony between dropout and batch normalization by variance shift"
_URL = "https://arxiv.org/abs/1801.05134"

CLAIMS = [
    Claim(
        id="shift-follows-theory",
        text="Where dropout stands right before batch norm, the first norm remembers a variance that is too large by "
        "the predicted factor.",
        source=_SOURCE,
        url=_URL,
        statistic="variance remembered over predicted in the first norm layer, minus 1; the band is ±0.1",
        compare=within(lambda runs: (_shift(runs) / _predicted(runs))[:, 0] - 1, TOLERANCE, place=BEFORE),
        expect="holds",
    ),
    Claim(
        id="shift-grows-with-depth",
        text="There, the last norm remembers a variance that is further off than the first.",
        source=OWN,
        statistic="variance remembered over met, last norm layer minus first",
        compare=Comparison(
            "paired difference",
            lambda results: paired_difference(_shift(_of(results, BEFORE))[:, -1], _shift(_of(results, BEFORE))[:, 0]),
        ),
        expect="holds",
    ),
    Claim(
        id="right-before-costs-accuracy",
        text="Dropout right before each batch norm has a lower test accuracy than dropout before the output only.",
        source=_SOURCE,
        url=_URL,
        statistic="test accuracy, output only minus right before the norm, percentage points",
        compare=_beats((LAST, "test_accuracy"), (BEFORE, "test_accuracy")),
        expect="holds",
    ),
    Claim(
        id="measuring-anew-mends",
        text="Measuring the statistics anew raises the test accuracy of the network with dropout right before each "
        "batch norm.",
        source=_SOURCE,
        url=_URL,
        statistic="test accuracy, measured anew minus as trained, percentage points",
        compare=_beats((BEFORE, "anew_test_accuracy"), (BEFORE, "test_accuracy")),
        expect="null",
        why="With the right variances the accuracy is no higher, so what it lacks has another cause.",
    ),
]
