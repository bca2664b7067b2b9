"""What do many random matrices in a row do to the lengths of vectors?

Singular values of the product of square random matrices of {=product_singular_values.width:.0f} rows, against the
number of matrices. Of each product the figure shows the largest value, the 10th, the 20th and the 30th. Lines are
medians over {=product_singular_values.seeds:.0f} draws, bands reach from the lowest to the highest; the lines of the
orthogonal matrices lie on each other. Gaussian entries have variance 1/n, so on average each matrix keeps the mean
square of a vector. Dashed: the slopes that theory gives for Gaussian products in the long run, with nothing to fit.
"""

import math

import numpy as np
import torch
import xarray as xr
from scipy.special import digamma
from torch import nn

from trainlab import plots
from trainlab.claims import Claim, Comparison, within
from trainlab.data import MNIST1D
from trainlab.inits import LeCun, Orthogonal
from trainlab.models import MLP
from trainlab.probes import Snapshot, axes
from trainlab.runs import Run, grid
from trainlab.stats import mean_interval
from trainlab.tuning import Train
from trainlab.types import Init, Tensors

WIDTH, DEPTH = 40, 30
"""As many units as MNIST-1D has inputs, so that every matrix is square."""

INITS: dict[str, Init] = {"Gaussian": LeCun(), "orthogonal": Orthogonal()}
LINES = {"Gaussian": plots.INIT_LINES["LeCun"], "orthogonal": plots.INIT_LINES["Orthogonal"]}
RANKS = (1, 10, 20, 30)
"""Of the 40 singular values, the largest first. The last ten soon drown in the rounding of the first."""

SEEDS = range(20)
TOLERANCE, EXACT = 0.1, 1e-5


@axes("layer", "rank")
def product_singular_values(snapshot: Snapshot) -> Tensors:
    """Singular values of the products of the first 1, 2, ... hidden layers' weights, for some ranks.

    Returns:
        `singular_value`, `[layers, ranks]`.
    """
    matrices = [snapshot.weights[name] for name in snapshot.matrices()][:-1]
    product, values = matrices[0], []
    for matrix in [None, *matrices[1:]]:
        product = product if matrix is None else matrix @ product
        values.append(torch.linalg.svdvals(product)[[rank - 1 for rank in RANKS]])
    return {"singular_value": torch.stack(values)}


def measure(train: Train) -> xr.Dataset:
    base = Run(
        data=MNIST1D(rows=10, validation=10, test=10),
        model=MLP(inputs=WIDTH, outputs=10, depth=DEPTH, width=WIDTH, activation=nn.Identity),
        lr=1e-6,
        batch_size=10,
        steps=1,
    )
    results = train(grid(base, init=INITS.values(), seed=SEEDS), [product_singular_values], dtype="float64")
    return results.assign_coords(start=("run", [name for name in INITS for _ in SEEDS]))


def exponents() -> np.ndarray:
    r"""What a Gaussian matrix adds to the logarithm of each singular value of a long product, `[ranks]`.

    $$\lambda_i = \tfrac12 \left( \ln \tfrac2n + \psi\!\left( \tfrac{n - i + 1}{2} \right) \right)$$

    References:
        Newman 1986, "The distribution of Lyapunov exponents: exact results for random matrices".
    """
    return 0.5 * (math.log(2 / WIDTH) + digamma((WIDTH - np.array(RANKS) + 1) / 2))


def _logs(results: xr.Dataset, name: str) -> np.ndarray:
    """`[seeds, layers, ranks]`: natural logarithms before the update."""
    runs = results.isel(run=results.start.values == name).sortby("seed")
    return np.log(runs.singular_value.isel(step=0).transpose("run", "layer", "rank").values)


def _furthest_from_one(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: of all products and ranks."""
    return np.abs(np.exp(_logs(runs, "orthogonal")) - 1).max((1, 2))


def _spread(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: powers of ten between the largest and the 20th singular value of the whole product."""
    logs = _logs(runs, "Gaussian")[:, -1]
    return (logs[:, 0] - logs[:, 2]) / math.log(10)


def _slope_deviation(runs: xr.Dataset) -> np.ndarray:
    """`[seeds]`: how fast the largest and the 20th part in the second half, over what theory says, minus 1."""
    logs = _logs(runs, "Gaussian")
    apart = logs[:, :, 0] - logs[:, :, 2]
    theory = exponents()[0] - exponents()[2]
    return (apart[:, -1] - apart[:, DEPTH // 2 - 1]) / (DEPTH - DEPTH // 2) / theory - 1


def numbers(results: xr.Dataset) -> dict[str, float]:
    last = np.exp(np.median(_logs(results, "Gaussian")[:, -1], 0))
    out = {f"gaussian_{rank}": float(value) for rank, value in zip(RANKS, last, strict=True)}
    out |= {f"factor_{rank}": float(value) for rank, value in zip(RANKS, np.exp(exponents()), strict=True)}
    return out | {
        "seeds": float(len(SEEDS)),
        "width": float(WIDTH),
        "depth": float(DEPTH),
        "ratio": float(10 ** _spread(results).mean()),
        "decades": float(_spread(results).mean()),
        "orthogonal_error": float(_furthest_from_one(results).max()),
        "slope_deviation": 100 * float(_slope_deviation(results).mean()),
    }


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    ax = fig.subplots()
    layers = np.arange(1, DEPTH + 1)
    for name in INITS:
        for index, rank in enumerate(RANKS):
            series = f"{name}, {rank}th" if rank > 1 else f"{name}, largest"
            plots.curve(ax, layers, np.exp(_logs(results, name)[:, :, index]), series, LINES[name])
            if name == "Gaussian":
                middle = np.median(_logs(results, name)[:, DEPTH // 2 - 1, index])
                late = layers[DEPTH // 2 - 1 :]
                plots.prediction(ax, late, np.exp(middle + exponents()[index] * (late - late[0])), series)
    ax.set(yscale="log", xlabel="matrices in the product", ylabel="singular value", xlim=(1, DEPTH))
    labels = {f"Gaussian, {rank}th": f"Gaussian, {rank}th" for rank in RANKS[1:]}
    same = dict.fromkeys([f"orthogonal, {rank}th" for rank in RANKS[1:]], "")
    plots.label_ends(ax, labels | same | {"orthogonal, largest": "orthogonal, all"})


def alt(numbers: dict[str, float]) -> str:
    return (
        f"Line plot of singular values of products of up to {numbers['depth']:.0f} random matrices. All those of "
        f"orthogonal matrices stay at a horizontal line. Of the Gaussian products the largest ends at "
        f"{numbers['gaussian_1']:.2g}, the tenth at {numbers['gaussian_10']:.2g}, the twentieth at "
        f"{numbers['gaussian_20']:.2g} and the thirtieth at {numbers['gaussian_30']:.2g}, parallel to theory's lines."
    )


_SOURCE = "Saxe, McClelland and Ganguli 2014, Exact solutions to the nonlinear dynamics of learning"
_URL = "https://arxiv.org/abs/1312.6120"

CLAIMS = [
    Claim(
        id="orthogonal-keeps-all",
        text="A product of 30 orthogonal matrices has all singular values at 1.",
        source=_SOURCE,
        url=_URL,
        statistic="largest distance of a singular value from 1, over all products; the weights are drawn in single "
        f"precision; the band is ±{EXACT:g}",
        compare=within(_furthest_from_one, EXACT),
        expect="holds",
    ),
    Claim(
        id="gaussian-spreads",
        text="In a product of 30 Gaussian matrices the largest singular value is more than a thousand times the middle "
        "one.",
        source=_SOURCE,
        url=_URL,
        statistic="largest over 20th of 40 singular values, in powers of ten",
        compare=Comparison("mean", lambda results: mean_interval(_spread(results)), region=(3.0, math.inf)),
        expect="holds",
    ),
    Claim(
        id="gaussian-follows-theory",
        text="The largest and the middle singular value of a Gaussian product part at the speed of Newman's formula.",
        source="Newman 1986, The distribution of Lyapunov exponents",
        url="https://doi.org/10.1007/BF01463400",
        statistic="growth of the logarithm of their ratio over the second half of the product, over that of the "
        f"formula, minus 1; the band is ±{TOLERANCE:g}",
        compare=within(_slope_deviation, TOLERANCE),
        expect="null",
        why="They part {=product_singular_values.slope_deviation:.0f} % faster than the formula, whose speed is that "
        "of infinitely long products; the interval reaches beyond the band.",
    ),
]
