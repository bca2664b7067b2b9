"""What makes a net of twenty layers train?

Test accuracy on MNIST-1D of a net with {=recipe_ladder.depth:.0f} hidden layers of {=recipe_ladder.width:.0f} units,
after {=recipe_ladder.steps:.0f} updates. Each row has one change more than the row above it, down to the whole recipe.
The two rows at the bottom are steps to the side: SELU with LeCun's weights instead of ReLU with He's, and Muon instead
of AdamW. Each row runs at its own peak rate, the best of at least {=recipe_ladder.rates:.0f} on the validation split.
Filled circles are means over {=recipe_ladder.seeds:.0f} fresh seeds, thick lines their 95 % intervals (Student's),
small dots the single runs. The dotted line is guessing.
"""

import xarray as xr

from trainlab import ladder, plots
from trainlab.ladder import CURVES, FINISHED, MUON, SELU
from trainlab.tuning import Train


def measure(train: Train) -> xr.Dataset:
    return ladder.ladder(train, CURVES)


def numbers(results: xr.Dataset) -> dict[str, float]:
    return ladder.numbers(results, CURVES)


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    ladder.draw(fig, results, CURVES)


def alt(numbers: dict[str, float]) -> str:
    return ladder.alt(numbers, CURVES, "MNIST-1D")


CLAIMS = [
    ladder.does_not_train("As it was found, the net stays within two points of guessing, at the best of its rates."),
    ladder.claim(
        CURVES,
        "he-helps",
        "He",
        "He's weights instead of PyTorch's default raise the accuracy.",
        source="He et al. 2015, Delving deep into rectifiers",
        url="https://arxiv.org/abs/1502.01852",
    ),
    ladder.claim(
        CURVES,
        "batch-norm-helps",
        "batch norm",
        "Batch norm on top of that raises the accuracy.",
        "null",
        "In the plain net its gain differs much from seed to seed. There batch norm lets the gradient grow on its way "
        "back; residual connections take most of that away.",
        source="Ioffe and Szegedy 2015, Batch normalization",
        url="https://arxiv.org/abs/1502.03167",
    ),
    ladder.claim(
        CURVES,
        "residual-helps",
        "residual",
        "Residual connections on top of that raise the accuracy.",
        source="He et al. 2016, Deep residual learning for image recognition",
        url="https://arxiv.org/abs/1512.03385",
    ),
    ladder.claim(
        CURVES,
        "adamw-helps",
        "AdamW",
        "AdamW instead of momentum raises the accuracy further.",
        source="Loshchilov and Hutter 2019, Decoupled weight decay regularization",
        url="https://arxiv.org/abs/1711.05101",
    ),
    ladder.claim(
        CURVES,
        "one-cycle-helps",
        "1cycle",
        "1cycle instead of a constant rate raises the accuracy further.",
        source="Smith and Topin 2018, Super-convergence",
        url="https://arxiv.org/abs/1708.07120",
    ),
    ladder.claim(
        CURVES,
        "dropout-helps",
        "dropout",
        "Dropout on top of that raises the accuracy further.",
        "reversed",
        "A likely reason: in so short a run the net does not overfit yet, and twenty layers of noise slow it down.",
        source="Srivastava et al. 2014, Dropout",
        url="https://jmlr.org/papers/v15/srivastava14a.html",
    ),
    ladder.claim(
        CURVES,
        "selu-beats-he",
        SELU,
        "Without any norm, SELU with LeCun's weights reaches a higher accuracy than ReLU with He's.",
        source="Klambauer et al. 2017, Self-normalizing neural networks",
        url="https://arxiv.org/abs/1706.02515",
    ),
    ladder.claim(
        CURVES,
        "norm-and-skips-beat-selu",
        "residual",
        "ReLU with batch norm and residual connections reaches a higher accuracy than SELU without either.",
        "null",
        "With {=recipe_ladder.residual_accuracy:.1f} % and {=recipe_ladder.selu_accuracy:.1f} % they are closer to "
        "each other than these seeds can tell from chance.",
        worse=SELU,
    ),
    ladder.claim(
        CURVES,
        "muon-beats-adamw",
        MUON,
        "Muon in the place of AdamW reaches a higher accuracy.",
        source="Jordan et al. 2024, Muon: an optimizer for hidden layers in neural networks",
        url="https://kellerjordan.github.io/posts/muon/",
    ),
    ladder.claim(
        CURVES,
        "whole-recipe-beats-half",
        FINISHED,
        "The whole recipe reaches a higher accuracy than He's weights, batch norm and residual connections alone.",
        worse="residual",
    ),
]
