"""Does a deep net train if its residual branches start at zero?

Test accuracy after {=zero_branches.steps:.0f} updates against the number of layers, for nets of
{=zero_branches.width:.0f} ReLU units a layer without normalization. Plain: the layers follow each other. Residual: each
two layers are a branch that is added to its input, all with He's weights. Zero: the same, and the last layer of each
branch starts at zero. Both zero: so do both layers of each branch. Each net at each depth runs at the rate that won on
the validation split among {=zero_branches.rates:.0f}, each a factor of 8 from the next. Lines are medians over
{=zero_branches.seeds:.0f} fresh seeds, bands reach from the lowest to the highest; a run that diverged counts as
accuracy zero. The axis of layers is logarithmic.
"""

from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from torch import nn

from trainlab import plots
from trainlab.claims import OWN, Claim, Comparison, by_seed, difference
from trainlab.data import MNIST1D
from trainlab.inits import He, ZeroBranches
from trainlab.models import ResidualMLP
from trainlab.optimizers import Momentum
from trainlab.runs import Run
from trainlab.tuning import Train, tune
from trainlab.types import Init

BLOCKS = (2, 8, 24)
LAYERS = {blocks: 2 * blocks + 2 for blocks in BLOCKS}
WIDTH, STEPS = 32, 150
RATES = tuple(0.25 / 8**n for n in reversed(range(9)))
"""Down to 1.5e-8: with He's weights, 24 branches multiply the signal by 2^12, and each gradient by about as much."""
SEEDS, TUNING_SEEDS = range(10, 20), range(1000, 1001)
LEARNED = 0.15
"""Below this validation accuracy no rate was better than guessing, and which of them won means nothing."""


@dataclass(frozen=True)
class BothZero:
    """He's weights, and zeros in every layer inside a branch: those with as many outputs as inputs."""

    def __call__(self, layer: nn.Module, generator: torch.Generator) -> None:
        """Fill one layer in place."""
        He()(layer, generator)
        if isinstance(layer, nn.Linear) and layer.in_features == layer.out_features:
            layer.weight.zero_()


NETS: dict[str, tuple[bool, Init]] = {
    "plain": (False, He()),
    "residual": (True, He()),
    "zero": (True, ZeroBranches(He())),
    "both zero": (True, BothZero()),
}
LINES = {name: {"color": plots.SERIES[n], "marker": "o"} for n, name in zip((0, 1, 2, 3), NETS, strict=True)}
DEEPEST = LAYERS[BLOCKS[-1]]


def measure(train: Train) -> xr.Dataset:
    parts, edges, trials = [], [], 0
    for blocks in BLOCKS:
        contenders = {
            name: Run(
                data=MNIST1D(validation=1000, test=2000),
                model=ResidualMLP(inputs=40, outputs=10, blocks=blocks, width=WIDTH, residual=residual),
                init=init,
                optimizer=Momentum(),
                lr=RATES[0],
                batch_size=64,
                steps=STEPS,
            )
            for name, (residual, init) in NETS.items()
        }
        tuned = tune(train, contenders, RATES, TUNING_SEEDS)
        results = train(tuned.fresh(SEEDS), every=STEPS)
        names = [name for name in NETS for _ in SEEDS]
        parts.append(results.assign_coords(net=("run", names), layers=("run", [LAYERS[blocks]] * len(names))))
        best = tuned.trials.validation_accuracy.fillna(0).mean("seed").max("trial").values
        learned = {name for name, accuracy in zip(NETS, best, strict=True) if accuracy > LEARNED}
        edges += [f"{LAYERS[blocks]} layers, {e}" for e in tuned.at_edge if e.rpartition(" (")[0] in learned]
        trials = max(trials, tuned.trials.sizes["trial"])
    joined = xr.concat(parts, "run", data_vars="all", coords="minimal", compat="override", join="exact")
    return joined.assign_attrs(at_edge=edges, rates=trials)


def _accuracy(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`; a diverged run has none."""
    return np.nan_to_num(by_seed(runs, "test_accuracy"))


def _table(results: xr.Dataset, net: str) -> np.ndarray:
    """`[seeds, depths]`."""
    chosen = [(results.net.values == net) & (results.layers.values == layers) for layers in LAYERS.values()]
    return np.stack([_accuracy(results.isel(run=mask)) for mask in chosen], 1)


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(SEEDS)), "steps": float(STEPS), "width": float(WIDTH), "rates": float(results.rates)}
    out |= {"deepest": float(DEEPEST), "shallowest": float(LAYERS[BLOCKS[0]]), "guess": float(np.log(10))}
    for net in NETS:
        table = 100 * _table(results, net).mean(0)
        for layers, value in zip(LAYERS.values(), table, strict=True):
            mine = (results.net.values == net) & (results.layers.values == layers)
            out[f"{net.replace(' ', '_')}_{layers}"] = float(value)
            out[f"{net.replace(' ', '_')}_{layers}_lr"] = float(results.lr.values[mine][0])
        deep = results.isel(run=(results.net.values == net) & (results.layers.values == DEEPEST))
        out[f"{net.replace(' ', '_')}_{DEEPEST}_first_loss"] = float(np.nanmedian(deep.train_loss.isel(step=0)))
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    ax = fig.subplots()
    layers = np.array(list(LAYERS.values()))
    for net in NETS:
        plots.curve(ax, layers, _table(results, net), net, LINES[net])
    ax.set(xlabel="layers", ylabel="test accuracy", xscale="log", xlim=(layers[0] / 1.1, layers[-1] * 1.1))
    plots.plain_ticks(ax.xaxis, layers)
    plots.percent(ax.yaxis)
    plots.label_ends(ax)


def alt(numbers: dict[str, float]) -> str:
    def said(key: str) -> str:
        return f"{numbers[f'{key}_{LAYERS[BLOCKS[0]]}']:.1f} % and {numbers[f'{key}_{DEEPEST}']:.1f} %"

    return (
        f"Line plot of test accuracy against depth, from {numbers['shallowest']:.0f} to {numbers['deepest']:.0f} "
        f"layers, for four nets. Mean at both ends: plain {said('plain')}, residual {said('residual')}, zero "
        f"{said('zero')}, both zero {said('both_zero')}."
    )


_SOURCE = "Zhang, Dauphin and Ma 2019, Fixup initialization"
_URL = "https://arxiv.org/abs/1901.09321"


def _beats(better: str, worse: str) -> Comparison:
    more, less = ({"net": net, "layers": DEEPEST} for net in (better, worse))
    return difference(lambda runs: 100 * _accuracy(runs), more, less)


_STATISTIC = "test accuracy, {} minus {}, percentage points"

CLAIMS = [
    Claim(
        id="zero-beats-plain",
        text="With 50 layers, a residual net whose branches start at zero reaches a higher test accuracy than the "
        "plain net.",
        source=_SOURCE,
        url=_URL,
        statistic=_STATISTIC.format("zero", "plain"),
        compare=_beats("zero", "plain"),
        expect="holds",
    ),
    Claim(
        id="zero-beats-he",
        text="It reaches a higher one than the same residual net with He's weights everywhere.",
        source=_SOURCE,
        url=_URL,
        statistic=_STATISTIC.format("zero", "residual"),
        compare=_beats("zero", "residual"),
        expect="holds",
    ),
    Claim(
        id="depth-pays",
        text="It reaches a higher one than the net whose branches stay dead, so that the depth is of use.",
        source=OWN,
        statistic=_STATISTIC.format("zero", "both zero"),
        compare=_beats("zero", "both zero"),
        expect="null",
        why="A net whose branches are dead is the same net with one hidden layer at every depth. Yet it reaches "
        "{=zero_branches.both_zero_6:.1f} % at {=zero_branches.shallowest:.0f} layers and "
        "{=zero_branches.both_zero_50:.1f} % at {=zero_branches.deepest:.0f}, so at another rate it might do better "
        "here too, and depth may even cost accuracy.",
    ),
]
