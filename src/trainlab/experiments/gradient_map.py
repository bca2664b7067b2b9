"""How large is the gradient of each layer while a network dies, explodes or trains?

One network a map: the Euclidean norm of the gradient of each weight matrix (upwards, the last one is the output layer)
before each of the first {=gradient_map.steps:.0f} updates. Blue: smaller than 0.01, the stronger the blue the smaller.
Orange: larger than 10. Grey: between. Hatched: infinite or not a number. Top: a sigmoid network of 20 hidden layers
with Glorot's initialization. Middle: a residual ReLU network of 10 with He's, at rate
{=gradient_map.explodes_rate:g}. Bottom: a plain ReLU network of 20 with He's. All have 64 units a layer, batches of 64
examples of MNIST-1D, and momentum, with rate {=gradient_map.rate:g} where none is named. Drawn is the first of
{=gradient_map.seeds:.0f} seeds.
"""

from dataclasses import replace

import numpy as np
import xarray as xr
from torch import nn

from trainlab import plots
from trainlab.claims import Claim
from trainlab.data import MNIST1D
from trainlab.inits import Glorot, He
from trainlab.models import MLP
from trainlab.optimizers import Momentum
from trainlab.probes import gradient_norm
from trainlab.runs import Run, grid
from trainlab.tuning import Train

SEEDS = range(10)
DEPTH = 20
NET = MLP(inputs=40, outputs=10, depth=DEPTH, width=64)
BASE = Run(
    data=MNIST1D(validation=500, test=500),
    model=NET,
    init=He(),
    optimizer=Momentum(),
    lr=0.01,
    batch_size=64,
    steps=40,
)
NETS = {
    "dies": replace(BASE, model=replace(NET, activation=nn.Sigmoid), init=Glorot()),
    "explodes": replace(BASE, model=replace(NET, depth=10, residual=True), lr=0.02),
    "trains": BASE,
}
TITLES = {"dies": "dies: sigmoid", "explodes": "explodes: ReLU, residual", "trains": "trains: ReLU"}

BLUE, ORANGE = plots.SERIES[0], plots.SERIES[1]
LEVELS = [(-np.inf, -8), (-8, -6), (-6, -4), (-4, -2), (-2, 0), (0, 1), (1, 2), (2, 4), (4, np.inf)]
"""Powers of ten of the gradient norm that share a colour."""
COLORS = [(BLUE, 0.95), (BLUE, 0.7), (BLUE, 0.45), (BLUE, 0.2), (plots.INK["grid"], 0.3), (plots.INK["grid"], 0.85)]
COLORS += [(ORANGE, 0.3), (ORANGE, 0.6), (ORANGE, 0.95)]


def measure(train: Train) -> xr.Dataset:
    parts = [
        train(grid(run, seed=SEEDS), [gradient_norm], every=1).assign_coords(net=("run", [name] * len(SEEDS)))
        for name, run in NETS.items()
    ]
    return xr.concat(parts, "run", data_vars="all", coords="minimal", compat="override", join="outer")


def _norms(results: xr.Dataset, net: str) -> np.ndarray:
    """`[seeds, updates, weight matrices]`, before each update."""
    runs = results.isel(run=results.net.values == net).sortby("seed")
    norms = runs.gradient_norm.transpose("run", "step", "weight").values[:, :-1].astype(np.float64)
    return norms[..., ~np.isnan(norms[0, 0])]  # a net with fewer layers has no numbers there, not even at first


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {
        "seeds": float(len(SEEDS)),
        "steps": float(results.sizes["update"]),
        "rate": BASE.lr,
        "explodes_rate": NETS["explodes"].lr,
        "depth": float(DEPTH),
    }
    for net in NETS:
        norms = _norms(results, net)
        out[f"{net}_first_layer"] = float(np.median(norms[:, 0, 0]))
        out[f"{net}_last_layer"] = float(np.median(norms[:, 0, -1]))
        finite = np.isfinite(norms).all(2)  # of a seed, at an update
        out[f"{net}_finite"] = float(np.median(finite.sum(1)))
        out[f"{net}_gone"] = float((finite.sum(1) < norms.shape[1]).sum())
        out[f"{net}_largest"], out[f"{net}_smallest"] = float(norms[finite].max()), float(norms[finite].min())
    return out


def _cells(ax: "plots.Axes", chosen: np.ndarray, **style: object) -> None:
    """One patch for all chosen cells `[columns, rows]`; neighbours in a row become one rectangle."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    paths = []
    for row in range(chosen.shape[1]):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], chosen[:, row].astype(int), [0]])))
        for start, end in edges.reshape(-1, 2):
            x0, x1, y0, y1 = start - 0.5, end - 0.5, row + 0.5, row + 1.5
            paths.append(Path([(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)], closed=True))
    if paths:
        ax.add_patch(PathPatch(Path.make_compound_path(*paths), linewidth=0, **style))  # pyright: ignore[reportArgumentType]


def _map(ax: "plots.Axes", norms: np.ndarray, net: str) -> None:
    with np.errstate(divide="ignore", invalid="ignore"):
        powers = np.log10(norms)
    for (low, high), (color, alpha) in zip(LEVELS, COLORS, strict=True):
        _cells(ax, (powers >= low) & (powers < high), facecolor=color, alpha=alpha)
    gone = ~np.isfinite(norms)
    _cells(ax, gone, facecolor="none", edgecolor=plots.INK["muted"], hatch="///")
    for layer in range(norms.shape[1]):  # the numbers behind the colours, for the plot's data only
        ax.plot(np.arange(len(norms)), norms[:, layer], visible=False, label=f"{net}, layer {layer + 1}")
    if gone.all(1).any():
        middle = (np.flatnonzero(gone.all(1))[0] + len(norms)) / 2
        box = {"facecolor": plots.INK["paper"], "edgecolor": "none", "pad": 2}
        ax.text(middle, norms.shape[1] / 2, "not a number", ha="center", va="center", color=plots.INK["text"], bbox=box)
    ax.set(xlim=(-0.5, len(norms) - 0.5), ylim=(0.5, norms.shape[1] + 0.5), ylabel="layer")
    ax.set_yticks([1, norms.shape[1] // 2, norms.shape[1]], ["1", f"{norms.shape[1] // 2}", "out"])
    ax.set_title(TITLES[net])
    ax.grid(visible=False)


def _key(ax: "plots.Axes") -> None:
    """What the colours mean."""
    from matplotlib.patches import Rectangle

    for place, (color, alpha) in enumerate(COLORS):
        ax.add_patch(Rectangle((place, 0), 1, 1, facecolor=color, alpha=alpha, linewidth=0))
    edges = [f"$10^{{{low:g}}}$" for low, _ in LEVELS[1:]]
    ax.set_xticks(range(1, len(COLORS)), edges)
    ax.set(xlim=(0, len(COLORS)), ylim=(0, 1), yticks=[], xlabel="gradient norm of a weight matrix")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.grid(visible=False)


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 7.4)
    *panels, key = fig.subplots(len(NETS) + 1, gridspec_kw={"height_ratios": [5, 5, 5, 0.7]})
    for ax, net in zip(panels, NETS, strict=True):
        _map(ax, _norms(results, net)[0], net)
    panels[-1].set_xlabel("updates")
    _key(key)


def alt(numbers: dict[str, float]) -> str:
    return (
        "Maps of the gradient norm by layer and update. The sigmoid network starts at "
        f"{numbers['dies_first_layer']:.1g} in the first layer and {numbers['dies_last_layer']:.1g} in the last, as "
        f"medians of {numbers['seeds']:.0f} seeds. The residual network has numbers for "
        f"{numbers['explodes_finite']:.1f} of {numbers['steps']:.0f} updates in the median, and loses them for "
        f"{numbers['explodes_gone']:.0f} seeds. In the plain ReLU network all norms lie between "
        f"{numbers['trains_smallest']:.1g} and {numbers['trains_largest']:.1f}."
    )


CLAIMS: list[Claim] = []
