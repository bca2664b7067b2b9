"""What does batch norm do for a residual net?

Above, before training: the mean square of the sum to which each branch adds, block by block, without and with batch
norm in the branches; dashed, what theory says, in which nothing is fitted. Below: test accuracy after
{=norm_residual.steps:.0f} updates against the number of blocks of two layers, {=norm_residual.width:.0f} ReLU units a
layer, for residual nets without and with batch norm and for the plain net with batch norm. Each net at each depth runs
at the rate that won on the validation split among at least {=norm_residual.rates:.0f}; a run that diverged counts as
guessing, the dotted line. Lines are medians, above over {=norm_residual.start_seeds:.0f} seeds and below over
{=norm_residual.seeds:.0f}, bands reach from the lowest to the highest.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from trainlab import plots
from trainlab.claims import Claim, Comparison, by_seed, difference, within
from trainlab.data import MNIST1D, REPORTS
from trainlab.inits import He
from trainlab.loop import AT_END
from trainlab.norm_workloads import joined
from trainlab.normnets import NormResidualMLP
from trainlab.optimizers import Momentum
from trainlab.probes import Snapshot, axes
from trainlab.runs import Run, grid
from trainlab.tuning import Train, tune
from trainlab.types import Tensors

BLOCKS = (2, 7, 24)
WIDTH, STEPS = 32, 150
RATES = (0.001, 0.004, 0.016, 0.064, 0.25)
SEEDS, TUNING_SEEDS = range(10), range(1000, 1001)
START_SEEDS = range(40)
"""Of the nets that are measured before training, which costs next to nothing."""

CHANCE = 10.0
LEARNED = 0.15
"""Below this validation accuracy no rate was better than guessing, and which of them won means nothing."""

TOLERANCE = 0.1
"""Share by which the measured growth may miss the formula."""

_NET = NormResidualMLP(inputs=40, outputs=10, blocks=1, width=WIDTH)
NETS = {
    "residual": replace(_NET, norm=None),
    "residual, batch norm": _NET,
    "plain, batch norm": replace(_NET, residual=False),
}
LABELS = {"residual": "residual,\nno norm", "residual, batch norm": "residual,\nbatch norm"}
LABELS |= {"plain, batch norm": "plain,\nbatch norm"}
LINES = {"residual": plots.NORM_LINES["none"], "residual, batch norm": plots.NORM_LINES["batch"]}
LINES |= {"plain, batch norm": {"color": plots.SERIES[7]}}


@axes("block")
def stream(snapshot: Snapshot) -> Tensors:
    """The mean square of what the first layer and each block hand on, over the mini-batch.

    Returns:
        `stream`, one value for the first layer and each block.
    """
    sizes: list[Tensor] = []

    def keep(module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        sizes.append(output.square().mean())

    parts = list(snapshot.network.children())
    hooks = [part.register_forward_hook(keep) for part in parts if isinstance(part, nn.Linear) or [*part.children()]]
    try:
        snapshot.forward(snapshot.weights, snapshot.buffers, snapshot.inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return {"stream": torch.stack(sizes[:-1])}  # the last one is the output


def _run(name: str, blocks: int) -> Run:
    return Run(
        data=MNIST1D(validation=500, test=2000),
        model=replace(NETS[name], blocks=blocks),
        init=He(),
        optimizer=Momentum(),
        lr=RATES[0],
        batch_size=64,
        steps=STEPS,
    )


def measure(train: Train) -> xr.Dataset:
    parts, edges, rates = [], [], []
    for blocks in BLOCKS:
        tuned = tune(train, {name: _run(name, blocks) for name in NETS}, RATES, TUNING_SEEDS)
        results = train(tuned.fresh(SEEDS), every=AT_END, splits=REPORTS)
        names = [name for name in NETS for _ in SEEDS]
        parts.append(results.assign_coords(net=("run", names), blocks=("run", [blocks] * len(names))))
        best = tuned.trials.validation_accuracy.fillna(0).mean("seed").max("trial").values
        learned = {name for name, accuracy in zip(NETS, best, strict=True) if accuracy > LEARNED}
        edges += [f"{blocks} blocks, {edge}" for edge in tuned.at_edge if edge.partition(" (")[0] in learned]
        rates.append(tuned.trials.sizes["trial"])
    for name in ("residual", "residual, batch norm"):
        start = replace(_run(name, BLOCKS[-1]), steps=1)
        results = train(grid(start, seed=START_SEEDS), [stream], every=1)
        count = len(START_SEEDS)
        parts.append(results.assign_coords(net=("run", [name] * count), blocks=("run", [0] * count)))
    return joined(parts).assign_attrs(at_edge=edges, rates=min(rates))


def _accuracy(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]` in percent; a diverged run counts as guessing."""
    return 100 * np.nan_to_num(by_seed(runs, "test_accuracy"), nan=CHANCE / 100)


def _table(results: xr.Dataset, net: str) -> np.ndarray:
    """`[seeds, depths]`, in percent."""
    return np.stack([by_seed(results, _accuracy, net=net, blocks=blocks) for blocks in BLOCKS], 1)


def _sizes(runs: xr.Dataset) -> np.ndarray:
    """`[seeds, blocks + 1]` before training."""
    return runs.sortby("seed")["stream"].sel(step=0).transpose("run", "block").values.astype(np.float64)


def _start(results: xr.Dataset, net: str) -> xr.Dataset:
    return results.isel(run=np.flatnonzero((results.net.values == net) & (results.blocks.values == 0)))


def _theory(net: str, sizes: np.ndarray) -> np.ndarray:
    """The mean square after each block, from that of the first layer."""
    block = np.arange(sizes.shape[1])
    return sizes[:, 0].mean() * 2.0**block if net == "residual" else sizes[:, 0].mean() + block


def _added(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: what a block adds on average, minus 1."""
    sizes = _sizes(runs)
    return (sizes[:, -1] - sizes[:, 0]) / (sizes.shape[1] - 1) - 1


def _doublings(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: doublings a block, minus 1. The mean of the factors, because theory is of the mean."""
    sizes = _sizes(runs)
    return (sizes[:, 1:] / sizes[:, :-1]).mean(1) / 2 - 1


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {
        "seeds": float(len(SEEDS)),
        "start_seeds": float(len(START_SEEDS)),
        "steps": float(STEPS),
        "width": float(WIDTH),
        "chance": CHANCE,
    }
    out |= {"rates": float(results.attrs["rates"]), "deepest": float(BLOCKS[-1]), "shallowest": float(BLOCKS[0])}
    out |= {"tolerance": 100 * TOLERANCE, "layers": float(2 * BLOCKS[-1] + 2)}
    for net in NETS:
        key = net.replace(", ", "_").replace(" ", "_")
        for blocks, value in zip(BLOCKS, _table(results, net).mean(0), strict=True):
            out[f"{key}_{blocks}"] = float(value)
            mine = results.isel(run=(results.net.values == net) & (results.blocks.values == blocks))
            out[f"{key}_{blocks}_lr"] = float(mine.lr.values[0])
            out[f"{key}_{blocks}_diverged"] = float((~np.isfinite(mine.test_loss.values)).sum())
    for net, key in (("residual", "bare"), ("residual, batch norm", "batch")):
        sizes = _sizes(_start(results, net))
        out[f"{key}_last_size"] = float(sizes[:, -1].mean())
        out[f"{key}_first_size"] = float(sizes[:, 0].mean())
        out[f"{key}_last_median"] = float(np.median(sizes[:, -1]))
        out[f"{key}_last_theory"] = float(_theory(net, sizes)[-1])
    out["batch_added"] = 1 + float(_added(_start(results, "residual, batch norm")).mean())
    out["bare_factor"] = 2 + 2 * float(_doublings(_start(results, "residual")).mean())
    out["last_share"] = 100 / out["batch_last_size"]
    return out


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 6.4)
    above, below = fig.subplots(2)
    for net in ("residual", "residual, batch norm"):
        sizes = _sizes(_start(results, net))
        block = np.arange(sizes.shape[1])
        label = f"{net}, mean square"
        plots.curve(above, block, sizes, label, LINES[net])
        plots.prediction(above, block, _theory(net, sizes), label)
    above.set(yscale="log", xlabel="block", ylabel="mean square before training", xlim=(0, BLOCKS[-1]))
    plots.label_ends(above, {f"{net}, mean square": label for net, label in LABELS.items()}, gap=26)
    blocks = np.array(BLOCKS)
    for net in NETS:
        plots.curve(below, blocks, _table(results, net) / 100, net, LINES[net] | {"marker": "o"})
    below.axhline(CHANCE / 100, color=plots.INK["muted"], linewidth=1, linestyle=":", label="_guess")
    below.set(xscale="log", xlabel="blocks", ylabel="test accuracy", xlim=(blocks[0] / 1.1, blocks[-1] * 1.1))
    below.set_ylim(0, None)
    plots.plain_ticks(below.xaxis, blocks)
    plots.percent(below.yaxis)
    plots.label_ends(below, LABELS, gap=26)


def alt(numbers: dict[str, float]) -> str:
    def said(key: str) -> str:
        return f"{numbers[f'{key}_{BLOCKS[0]}']:.1f} and {numbers[f'{key}_{BLOCKS[-1]}']:.1f}"

    return (
        f"Above, the mean square along residual nets before training: after {numbers['deepest']:.0f} blocks "
        f"{numbers['bare_last_median']:.1e} without and {numbers['batch_last_median']:.1f} with batch norm, in the "
        f"median. Below, test accuracy against depth; means in percent with {numbers['shallowest']:.0f} and "
        f"{numbers['deepest']:.0f} blocks: residual {said('residual')}, residual with batch norm "
        f"{said('residual_batch_norm')}, plain with batch norm {said('plain_batch_norm')}."
    )


_DE = "De and Smith 2020, Batch normalization biases residual blocks towards the identity function in deep networks"
_DE_URL = "https://arxiv.org/abs/2002.10444"


def _beats(better: str, worse: str) -> Comparison:
    more, less = ({"net": net, "blocks": BLOCKS[-1]} for net in (better, worse))
    return difference(_accuracy, more, less)


_STATISTIC = "test accuracy with 24 blocks, residual with batch norm minus {}, percentage points"

CLAIMS = [
    Claim(
        id="grows-by-one",
        text="With batch norm, each branch adds 1 to the mean square of the sum, within 10 %.",
        source=_DE,
        url=_DE_URL,
        statistic=f"growth of the mean square a block minus 1; the band is ±{TOLERANCE:g}",
        compare=within(_added, TOLERANCE, net="residual, batch norm", blocks=0),
        expect="holds",
    ),
    Claim(
        id="doubles-without",
        text="Without normalization, each branch doubles it, within 10 %.",
        source=_DE,
        url=_DE_URL,
        statistic=f"mean factor of a block over 2, minus 1; the band is ±{TOLERANCE:g}",
        compare=within(_doublings, TOLERANCE, net="residual", blocks=0),
        expect="holds",
    ),
    Claim(
        id="beats-no-norm",
        text="With 24 blocks, the residual net with batch norm reaches a higher test accuracy than the one without.",
        source=_DE,
        url=_DE_URL,
        statistic=_STATISTIC.format("residual without"),
        compare=_beats("residual, batch norm", "residual"),
        expect="holds",
    ),
    Claim(
        id="beats-plain",
        text="It reaches a higher one than the plain net with batch norm.",
        source="He et al. 2016, Deep residual learning for image recognition",
        url="https://arxiv.org/abs/1512.03385",
        statistic=_STATISTIC.format("plain with batch norm"),
        compare=_beats("residual, batch norm", "plain, batch norm"),
        expect="holds",
    ),
]
