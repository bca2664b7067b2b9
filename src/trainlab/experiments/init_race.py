"""What do nine initializations make of the same deep net, under SGD and under Adam?

Training loss of a net with {=init_race.depth:.0f} hidden layers of {=init_race.width:.0f} ReLU units on MNIST-1D. Each
of the nine, under each of the two optimizers, runs at the learning rate that won on the validation split by an equal
budget of {=init_race.rates:.0f} rates. Lines are medians over {=init_race.seeds:.0f} fresh seeds, bands reach from the
lowest to the highest. Under SGD the median run learns from He's weights, from orthogonal ones and from LSUV, under Adam
also from Glorot's and LeCun's; from LeCun's not every seed does. Dashed is LSUV, dotted are zeros. The flat lines are
nets that learned nothing; a line that is missing is a loss too large to draw, or not a number.
"""

import math

import numpy as np
import xarray as xr

from trainlab import plots
from trainlab.claims import OWN, Claim, Comparison, by_seed, difference, within
from trainlab.data import MNIST1D
from trainlab.inits import LSUV, Glorot, He, LeCun, Normal, Orthogonal, PyTorchDefault, Zeros
from trainlab.models import MLP
from trainlab.optimizers import Adam, Momentum, Optimizer
from trainlab.runs import Run, grid
from trainlab.tuning import Train, tune
from trainlab.types import Init

DATA = MNIST1D(validation=500, test=2000)
DEPTH, WIDTH, STEPS = 20, 32, 200
INITS: dict[str, Init] = {
    "He": He(),
    "Orthogonal": Orthogonal(math.sqrt(2)),
    "LSUV": LSUV(DATA),
    "Glorot": Glorot(),
    "LeCun": LeCun(),
    "PyTorchDefault": PyTorchDefault(),
    "too small": Normal(0.01),
    "too large": Normal(1.0),
    "Zeros": Zeros(),
}
NAMES = {"PyTorchDefault": "PyTorch", "Orthogonal": "orthogonal", "Zeros": "zeros", "too large": "too large ↑"}
OPTIMIZERS: dict[str, tuple[Optimizer, tuple[float, ...]]] = {
    "SGD": (Momentum(), (0.001, 0.003, 0.01, 0.03)),
    "Adam": (Adam(), (0.0003, 0.001, 0.003, 0.01)),
}
SEEDS, TUNING_SEEDS = range(10), range(1000, 1001)
GUESSING = math.log(10)
LIMITS = (1.2, 2.9)
LEARNED = 0.15
"""Below this validation accuracy no rate was better than guessing, and which of them won means nothing."""


def measure(train: Train) -> xr.Dataset:
    parts, edges, trials, highest = [], [], 0, {}
    for name, (optimizer, rates) in OPTIMIZERS.items():
        base = Run(
            data=DATA,
            model=MLP(inputs=40, outputs=10, depth=DEPTH, width=WIDTH),
            optimizer=optimizer,
            lr=rates[0],
            batch_size=64,
            steps=STEPS,
        )
        contenders = {init: grid(base, init=[INITS[init]])[0] for init in INITS}
        tuned = tune(train, contenders, rates, TUNING_SEEDS)
        trials = tuned.trials.sizes["trial"]
        highest[f"highest_{name}"] = float(tuned.trials.lr.max())
        results = train(tuned.fresh(SEEDS), every=STEPS // 10)
        labels = [init for init in INITS for _ in SEEDS]
        parts.append(results.assign_coords(method=("run", [name] * len(labels)), start=("run", labels)))
        best = tuned.trials.validation_accuracy.fillna(0).mean("seed").max("trial").values
        learned = {init for init, accuracy in zip(INITS, best, strict=True) if accuracy > LEARNED}
        edges += [f"{name}, {edge}" for edge in tuned.at_edge if edge.rpartition(" (")[0] in learned]
    joined = xr.concat(parts, "run", data_vars="all", coords="minimal", compat="override", join="exact")
    return joined.assign_attrs(at_edge=edges, rates=trials, **highest)


def _of(results: xr.Dataset, method: str, init: str) -> xr.Dataset:
    return results.isel(run=(results.method.values == method) & (results.start.values == init))


def _median(runs: xr.Dataset, step: int) -> float:
    """Of the training loss; NaN where half of the runs diverged."""
    median = float(np.median(np.nan_to_num(runs.train_loss.isel(step=step).values, nan=np.inf)))
    return median if math.isfinite(median) else math.nan


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"depth": float(DEPTH), "width": float(WIDTH), "seeds": float(len(SEEDS)), "steps": float(STEPS)}
    out |= {"guessing": GUESSING, "rates": float(results.attrs["rates"])}
    for method in OPTIMIZERS:
        for init in INITS:
            key = f"{method.lower()}_{init.lower().replace(' ', '_').removesuffix('default')}"
            runs = _of(results, method, init)
            out[f"{key}_loss"] = _median(runs, -1)
            out[f"{key}_first"] = _median(runs, 0)
            out[f"{key}_accuracy"] = 100 * float(runs.test_accuracy.fillna(0).mean())
            out[f"{key}_lr"] = float(runs.lr.values[0])
        accuracies = [out[key] for key in out if key.startswith(method.lower()) and key.endswith("_accuracy")]
        out[f"{method.lower()}_learned"] = float(sum(accuracy > 100 * LEARNED for accuracy in accuracies))
        out[f"{method.lower()}_count"] = float(len(accuracies))
        out[f"{method.lower()}_highest_rate"] = float(results.attrs[f"highest_{method}"])
    lecun = _of(results, "Adam", "LeCun").test_accuracy.fillna(0)
    out["adam_lecun_learned"] = float((lecun > LEARNED).sum())
    return out | {"adam_orthogonal_lead": out["adam_orthogonal_accuracy"] - out["adam_he_accuracy"]}


def _end(results: xr.Dataset, method: str, init: str) -> float:
    """Where the label of a line stands: at its end, or at the top where the loss is off the scale."""
    return float(np.nan_to_num(_median(_of(results, method, init), -1), nan=LIMITS[1]))


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 7.4)
    panels = fig.subplots(2, sharex=True)
    for ax, method in zip(panels, OPTIMIZERS, strict=True):
        for init in INITS:
            losses = _of(results, method, init).train_loss.values
            shown = np.where(losses < 2 * GUESSING, losses, np.nan)
            plots.curve(ax, results.step.values, shown, init, plots.INIT_LINES[init])
        ax.set(ylabel="training loss (nats)", xlim=(0, STEPS), ylim=LIMITS)
        ax.set_title(f"{'SGD with momentum' if method == 'SGD' else method}")
        plots.label_ends(ax, NAMES, at={init: _end(results, method, init) for init in INITS})
    panels[-1].set_xlabel("updates")


def alt(numbers: dict[str, float]) -> str:
    said = "; ".join(
        f"{method}: "
        + ", ".join(
            f"{NAMES.get(init, init).removesuffix(' ↑')} {numbers[f'{method.lower()}_{key}_accuracy']:.1f} %"
            for init in INITS
            for key in [init.lower().replace(" ", "_").removesuffix("default")]
        )
        for method in OPTIMIZERS
    )
    return (
        f"Two plots of training loss against updates, for momentum SGD and for Adam, with a line for each of nine "
        f"initializations. Mean test accuracy after {numbers['steps']:.0f} updates: {said}."
    )


def _accuracy(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`, in percent; a diverged run has none."""
    return 100 * np.nan_to_num(by_seed(runs, "test_accuracy"))


def _beats(method: str, better: str, worse: str) -> Comparison:
    return difference(_accuracy, {"method": method, "start": better}, {"method": method, "start": worse})


_HE = "He et al. 2015, Delving deep into rectifiers"
_HE_URL = "https://arxiv.org/abs/1502.01852"

CLAIMS = [
    Claim(
        id="sgd-he-beats-pytorch",
        text="Under SGD with momentum, the deep ReLU net reaches a higher test accuracy from He's weights than from "
        "PyTorch's default.",
        source=_HE,
        url=_HE_URL,
        statistic="test accuracy, He minus PyTorch's default, percentage points",
        compare=_beats("SGD", "He", "PyTorchDefault"),
        expect="holds",
    ),
    Claim(
        id="adam-he-beats-pytorch",
        text="Under Adam too, the net reaches a higher test accuracy from He's weights than from PyTorch's default.",
        source=OWN,
        statistic="test accuracy, He minus PyTorch's default, percentage points",
        compare=_beats("Adam", "He", "PyTorchDefault"),
        expect="holds",
    ),
    Claim(
        id="adam-helps-lecun",
        text="LeCun's weights, which are too small for ReLU, give a higher test accuracy under Adam than under SGD.",
        source=OWN,
        statistic="test accuracy from LeCun's weights, Adam minus SGD, percentage points",
        compare=difference(_accuracy, {"method": "Adam", "start": "LeCun"}, {"method": "SGD", "start": "LeCun"}),
        expect="holds",
    ),
    Claim(
        id="sgd-orthogonal-beats-he",
        text="Under SGD with momentum, orthogonal weights of gain √2 give a higher test accuracy than He's.",
        source="Saxe, McClelland and Ganguli 2014, Exact solutions to the nonlinear dynamics of learning",
        url="https://arxiv.org/abs/1312.6120",
        statistic="test accuracy, orthogonal minus He, percentage points",
        compare=_beats("SGD", "Orthogonal", "He"),
        expect="null",
        why="The means are {=init_race.sgd_orthogonal_accuracy:.1f} % and {=init_race.sgd_he_accuracy:.1f} %, and ten "
        "seeds cannot tell them apart.",
    ),
    Claim(
        id="sgd-lsuv-beats-he",
        text="Under SGD with momentum, LSUV gives a higher test accuracy than He's weights.",
        source="Mishkin and Matas 2016, All you need is a good init",
        url="https://arxiv.org/abs/1511.06422",
        statistic="test accuracy, LSUV minus He, percentage points",
        compare=_beats("SGD", "LSUV", "He"),
        expect="reversed",
        why="A likely reason is the learning rate. Tuning, on one seed, chose {=init_race.sgd_lsuv_lr:g} for LSUV and "
        "{=init_race.sgd_he_lr:g} for He. For ReLU units the gain that LSUV measures is close to He's √2, so there "
        "is little to gain.",
    ),
    Claim(
        id="zeros-learn-nothing",
        text="A net whose weights are all zero stays at the accuracy of guessing, also under Adam.",
        source="Rumelhart, Hinton and Williams 1986, Learning internal representations by error propagation",
        url="https://doi.org/10.21236/ADA164453",
        statistic="test accuracy minus that of guessing one of ten classes, percentage points; the band is ±1",
        compare=within(lambda runs: _accuracy(runs) - 10, 1.0, method="Adam", start="Zeros"),
        expect="holds",
    ),
    Claim(
        id="small-learns-nothing",
        text="So does one with weights of standard deviation 0.01 in every layer.",
        source=OWN,
        statistic="test accuracy minus that of guessing one of ten classes, under Adam, percentage points; the band "
        "is ±1",
        compare=within(lambda runs: _accuracy(runs) - 10, 1.0, method="Adam", start="too small"),
        expect="holds",
    ),
]
