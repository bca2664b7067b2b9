"""For which depth and which scale of the weights does a plain net learn?

Each cell is a net of 32 units a layer, trained for {=trainability_map.steps:.0f} updates by momentum. Its number is the
training loss in nats, which guessing leaves at {=trainability_map.guessing:.1f}; the stronger its colour, the lower. It
is a median over {=trainability_map.map_seeds:.0f} seeds, in the deepest row over {=trainability_map.seeds:.0f}, and of
{=trainability_map.rates:.0f} learning rates that are ten times apart the better one counts, seed by seed. A dash stands
for a loss that is not a number, or above that of guessing by more than half. The vertical line is the critical gain of
theory, where gradients keep their size on the way back. At the dashed curves theory says that all layers together
change the gradient's mean square by a factor of a thousand. For tanh the right-hand one only just enters the panel.
Nothing in the lines is fitted.
"""

import math

import numpy as np
import xarray as xr
from torch import nn

from trainlab import plots
from trainlab.claims import Claim, Comparison, by_seed, within
from trainlab.data import MNIST1D
from trainlab.gains import gradient_factor, right_gain
from trainlab.inits import Scaled
from trainlab.loop import AT_END
from trainlab.models import MLP
from trainlab.optimizers import Momentum
from trainlab.runs import Run, grid, label
from trainlab.stats import mean_interval
from trainlab.tuning import Train

ACTIVATIONS: dict[str, tuple[type[nn.Module], float]] = {"ReLU": (nn.ReLU, math.sqrt(2)), "tanh": (nn.Tanh, 1.0)}
"""With the critical gain, which `gradient_factor` has at 1."""

DEPTHS = (3, 6, 12, 24)
OCTAVES = np.arange(-4, 5) / 4
"""Gains, as powers of two of the critical one."""

RATES = (0.003, 0.03)
STEPS = 100
# Of ten seeds the interval ended so near to 0 that the order of additions decided the verdict.
SEEDS, MAP_SEEDS = range(30), range(3)
GUESSING = math.log(10)
HIDDEN = 1.5 * GUESSING
FACTOR = 1000.0
TOLERANCE = 0.25


def _gains(name: str) -> list[float]:
    return [float(gain) for gain in ACTIVATIONS[name][1] * 2**OCTAVES]


def _runs(name: str, depth: int) -> list[Run]:
    base = Run(
        data=MNIST1D(validation=500, test=500),
        model=MLP(inputs=40, outputs=10, depth=depth, width=32, activation=ACTIVATIONS[name][0]),
        optimizer=Momentum(),
        lr=RATES[0],
        batch_size=64,
        steps=STEPS,
    )
    seeds = SEEDS if depth == DEPTHS[-1] else MAP_SEEDS
    return grid(base, init=[Scaled(gain) for gain in _gains(name)], lr=RATES, seed=seeds)


def measure(train: Train) -> xr.Dataset:
    cases = {(name, depth): _runs(name, depth) for name in ACTIVATIONS for depth in DEPTHS}
    results = train([run for runs in cases.values() for run in runs], every=AT_END)
    names = [name for (name, _), runs in cases.items() for _ in runs]
    depths = [depth for (_, depth), runs in cases.items() for _ in runs]
    return results.assign_coords(activation=("run", names), depth=("run", depths))


def _losses(results: xr.Dataset, name: str, depth: int) -> np.ndarray:
    """`[gains, seeds]`: the training loss at the better rate; infinite where both diverged."""
    mine = results.isel(run=(results.activation.values == name) & (results.depth.values == depth))
    table = [
        [by_seed(mine, "train_loss@100%", init=label(Scaled(gain)), lr=lr) for lr in RATES] for gain in _gains(name)
    ]
    return np.nan_to_num(np.array(table), nan=np.inf).min(1)


def _offset(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: the gain of the lowest loss in the deepest net over the critical gain, in octaves."""
    return OCTAVES[_losses(runs, runs.activation.values[0], DEPTHS[-1]).argmin(0)]


def _nearer(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: how much nearer the best gain is to critical than to that which keeps the variance, in octaves."""
    name = runs.activation.values[0]
    activation, critical = ACTIVATIONS[name]
    offset = _offset(runs)
    return np.abs(offset - math.log2(right_gain(activation()) / critical)) - np.abs(offset)


def _depth_of_theory(name: str, gains: np.ndarray) -> np.ndarray:
    """The depth at which the gradient's mean square has changed by `FACTOR`."""
    activation = ACTIVATIONS[name][0]()
    chi = np.array([gradient_factor(activation, gain) for gain in gains])
    return math.log(FACTOR) / np.abs(np.log(chi))


def _learning(name: str, losses: np.ndarray) -> list[float]:
    """The gains whose loss ends a tenth below that of guessing."""
    return [gain for gain, loss in zip(_gains(name), losses, strict=True) if loss < 0.9 * GUESSING]


def numbers(results: xr.Dataset) -> dict[str, float]:
    out = {"seeds": float(len(SEEDS)), "map_seeds": float(len(MAP_SEEDS)), "steps": float(STEPS)}
    out |= {"guessing": GUESSING, "rates": float(len(RATES)), "depth": float(DEPTHS[-1]), "shallow": float(DEPTHS[0])}
    for name, (activation, critical) in ACTIVATIONS.items():
        key = name.lower()
        deep, shallow = (np.median(_losses(results, name, depth), 1) for depth in (DEPTHS[-1], DEPTHS[0]))
        mine = results.isel(run=results.activation.values == name)
        out |= {
            f"{key}_critical": critical,
            f"{key}_right": right_gain(activation()),
            f"{key}_critical_loss": float(deep[len(OCTAVES) // 2]),
            f"{key}_best_loss": float(deep.min()),
            f"{key}_best_gain": _gains(name)[int(deep.argmin())],
            f"{key}_small_loss": float(deep[0]),
            f"{key}_shallow_small_loss": float(shallow[0]),
            f"{key}_octaves": float(_offset(mine).mean()),
            f"{key}_factor": float(2 ** _offset(mine).mean()),
            f"{key}_lowest_gain": min(_learning(name, deep), default=math.nan),
            f"{key}_highest_gain": max(_learning(name, deep), default=math.nan),
            f"{key}_learn": float((deep < 0.9 * GUESSING).sum()),
            f"{key}_shallow_learn": float((shallow < 0.9 * GUESSING).sum()),
            f"{key}_chi": gradient_factor(activation(), critical * 2**0.5),
        }
    return out


def _panel(ax: "plots.Axes", results: xr.Dataset, name: str) -> None:
    from matplotlib.patches import Rectangle

    for row, depth in enumerate(DEPTHS):
        for column, loss in enumerate(np.median(_losses(results, name, depth), 1)):
            share = float(np.clip((GUESSING - loss) / GUESSING * 2, 0, 0.7))
            ax.add_patch(
                Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=plots.SERIES[0], alpha=share, linewidth=0)
            )
            text = f"{loss:.1f}" if loss < HIDDEN else "–"
            ax.text(column, row, text, ha="center", va="center", fontsize=9.5)
    fine = np.linspace(0, len(OCTAVES) - 1, 65)
    critical = ACTIVATIONS[name][1]
    depths = _depth_of_theory(name, critical * 2 ** np.interp(fine, np.arange(len(OCTAVES)), OCTAVES))
    rows = np.interp(np.log2(depths), np.log2(DEPTHS), np.arange(len(DEPTHS)), left=np.nan, right=np.nan)
    gap = np.array([-0.5, -0.2, np.nan, 0.2, 0.5])  # the line is broken behind the numbers
    heights = (np.arange(len(DEPTHS))[:, None] + gap).ravel()
    middle = np.full(len(heights), (len(OCTAVES) - 1) / 2)
    ax.plot(middle, heights, color=plots.SERIES[1], linewidth=1.6, label="_critical")
    ax.plot(
        fine, rows, color=plots.SERIES[1], linewidth=1.6, linestyle=(0, (4, 2)), label="a thousandfold" + plots.THEORY
    )
    ax.set_xticks(range(0, len(OCTAVES), 2), [f"{gain:.2f}" for gain in _gains(name)[::2]])
    ax.set_yticks(range(len(DEPTHS)), [str(depth) for depth in DEPTHS])
    ax.set(xlim=(-0.5, len(OCTAVES) - 0.5), ylim=(-0.5, len(DEPTHS) - 0.5), ylabel="hidden layers")
    ax.set_xlabel("gain of the weights, $g$ (standard deviation $g/\\sqrt{n}$)")
    ax.grid(visible=False)
    ax.set_title(name)
    # The data of the plot: the numbers in the cells, as lines that are not drawn.
    twin = ax.twinx()
    twin.set_title(name).set_visible(False)
    twin.set_xlabel(ax.get_xlabel())
    for depth in DEPTHS:
        losses = np.median(_losses(results, name, depth), 1)
        shown = np.where(np.isfinite(losses), losses, np.nan)
        twin.plot(np.arange(len(OCTAVES)), shown, linestyle="none", label=f"loss at depth {depth}, by column")
    twin.set_axis_off()


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 5.6)
    for ax, name in zip(fig.subplots(2), ACTIVATIONS, strict=True):
        _panel(ax, results, name)


def alt(numbers: dict[str, float]) -> str:
    said = " ".join(
        f"{name}: with {numbers['shallow']:.0f} layers {numbers[f'{name.lower()}_shallow_learn']:.0f} gains learn, "
        f"with {numbers['depth']:.0f} layers {numbers[f'{name.lower()}_learn']:.0f}; there the lowest loss is "
        f"{numbers[f'{name.lower()}_best_loss']:.2f} at gain {numbers[f'{name.lower()}_best_gain']:.2f}, and theory's "
        f"critical gain is {numbers[f'{name.lower()}_critical']:.2f}."
        for name in ACTIVATIONS
    )
    return f"Two maps of training loss, of depth against the gain of the weights, for ReLU and tanh. {said}"


_SOURCE = "Schoenholz et al. 2017, Deep information propagation"
_URL = "https://arxiv.org/abs/1611.01232"

CLAIMS = [
    Claim(
        id="relu-best-is-critical",
        text="With 24 hidden layers of ReLU units, the gain that learns fastest is the critical one, He's √2.",
        source=_SOURCE,
        url=_URL,
        statistic=f"gain of the lowest training loss over the critical one, in octaves; the band is ±{TOLERANCE:g}",
        compare=within(_offset, TOLERANCE, activation="ReLU"),
        expect="holds",
    ),
    Claim(
        id="tanh-best-nearer-to-critical",
        text="With 24 hidden layers of tanh units, the gain that learns fastest is nearer to the critical one, 1, "
        "which keeps gradients, than to {=trainability_map.tanh_right:.2f}, which keeps the variance of a layer at 1.",
        source=_SOURCE,
        url=_URL,
        statistic="distance of the gain of the lowest training loss from the one, minus its distance from the other, "
        "in octaves",
        compare=Comparison("mean", lambda results: mean_interval(by_seed(results, _nearer, activation="tanh"))),
        expect="holds",
    ),
]
