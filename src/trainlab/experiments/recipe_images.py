"""Does the ladder stand on images too?

The same changes in the same order, on the packaged Fashion-MNIST: test accuracy of a net with
{=recipe_images.depth:.0f} hidden layers of {=recipe_images.width:.0f} units after {=recipe_images.steps:.0f} updates of
{=recipe_images.batch:.0f} images, about one pass over them. Each row has one change more than the row above it; the one
at the bottom is a step to the side: SELU with LeCun's weights instead of ReLU with He's. Each row runs at its own peak
rate, the best of at least {=recipe_images.rates:.0f} on the validation split. Filled circles are means over
{=recipe_images.seeds:.0f} fresh seeds, thick lines their 95 % intervals (Student's), small dots the single runs. The
dotted line is guessing.
"""

import xarray as xr

from trainlab import ladder, plots
from trainlab.ladder import FINISHED, IMAGES, SELU
from trainlab.tuning import Train


def measure(train: Train) -> xr.Dataset:
    return ladder.ladder(train, IMAGES)


def numbers(results: xr.Dataset) -> dict[str, float]:
    return ladder.numbers(results, IMAGES)


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    ladder.draw(fig, results, IMAGES)


def alt(numbers: dict[str, float]) -> str:
    return ladder.alt(numbers, IMAGES, "images")


CLAIMS = [
    ladder.does_not_train(
        "As it was found, the net stays within two points of guessing on images too, at the best of its rates."
    ),
    ladder.claim(IMAGES, "he-helps", "He", "On images, He's weights instead of PyTorch's default raise the accuracy."),
    ladder.claim(
        IMAGES,
        "batch-norm-helps",
        "batch norm",
        "On images, batch norm on top of that raises the accuracy.",
        "reversed",
        "A likely reason: in a plain net of this depth it makes gradients grow on their way back, and in a run this "
        "short that costs more than the norm brings.",
    ),
    ladder.claim(
        IMAGES, "residual-helps", "residual", "On images, residual connections on top of that raise the accuracy."
    ),
    ladder.claim(
        IMAGES,
        "adamw-helps",
        "AdamW",
        "On images, AdamW instead of momentum raises the accuracy further.",
        "null",
        "The mean is on the side of AdamW, but at a constant rate the accuracy scatters widely from seed to seed.",
    ),
    ladder.claim(
        IMAGES,
        "one-cycle-helps",
        "1cycle",
        "On images, 1cycle instead of a constant rate raises the accuracy further.",
    ),
    ladder.claim(
        IMAGES,
        "dropout-helps",
        "dropout",
        "On images, dropout on top of that raises the accuracy further.",
        "null",
        "In one pass over the images there is little to overfit. On MNIST-1D the same rate did cost accuracy.",
    ),
    ladder.claim(
        IMAGES,
        "selu-beats-he",
        SELU,
        "On images, SELU with LeCun's weights reaches a higher accuracy than ReLU with He's.",
    ),
    ladder.claim(
        IMAGES,
        "whole-recipe-beats-half",
        FINISHED,
        "On images, the whole recipe reaches a higher accuracy than He's weights, batch norm and residual "
        "connections alone.",
        worse="residual",
    ),
]
