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
from trainlab.claims import OWN, Claim, Verdict
from trainlab.ladder import FINISHED, IMAGES, RUNGS, SELU, START, gain, key
from trainlab.tuning import Train

MARKS = dict.fromkeys(RUNGS, plots.SERIES[0]) | dict.fromkeys(IMAGES.aside, plots.SERIES[1])
ROWS = (*RUNGS, *IMAGES.aside)


def measure(train: Train) -> xr.Dataset:
    return ladder.ladder(train, IMAGES)


def numbers(results: xr.Dataset) -> dict[str, float]:
    return ladder.numbers(results, IMAGES)


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 4.2)
    ax = fig.subplots()
    ladder.draw_rows(ax, results, ROWS, MARKS)
    ax.axvline(0.1, color=plots.INK["muted"], linewidth=1, linestyle=":", label="_guessing")
    ax.axhline(len(RUNGS) - 0.5, color=plots.INK["grid"], linewidth=1, label="_aside")


def alt(numbers: dict[str, float]) -> str:
    said = ", ".join(f"{name} {numbers[f'{key(name)}_accuracy']:.1f} %" for name in ROWS)
    return f"Dot plot of test accuracy on images with a row for each change, added one after another. Means: {said}."


_STATISTIC = "test accuracy on the packaged Fashion-MNIST, {} minus {}, percentage points"


def _claim(id: str, rung: str, text: str, expect: Verdict = "holds", why: str = "") -> Claim:  # noqa: A002
    return Claim(
        id=id,
        text=text,
        source=OWN,
        statistic=_STATISTIC.format(rung, ladder.below(rung)),
        compare=gain(rung, ladder.below(rung)),
        expect=expect,
        why=why,
    )


CLAIMS = [
    Claim(
        id="as-found-does-not-train",
        text="As it was found, the net stays within two points of guessing on images too, at the best of its rates.",
        source=OWN,
        statistic="test accuracy minus the 10 % of guessing, percentage points",
        compare=ladder.above_guessing(START),
        region=(-2.0, 2.0),
        expect="holds",
    ),
    _claim("he-helps", "He", "On images, He's weights instead of PyTorch's default raise the accuracy."),
    _claim(
        "batch-norm-helps",
        "batch norm",
        "On images, batch norm on top of that raises the accuracy.",
        "reversed",
        "A likely reason: in a plain net of this depth it makes gradients grow on their way back, and in a run this "
        "short that costs more than the norm brings.",
    ),
    _claim("residual-helps", "residual", "On images, residual connections on top of that raise the accuracy."),
    _claim("adamw-helps", "AdamW", "On images, AdamW instead of momentum raises the accuracy further."),
    _claim("one-cycle-helps", "1cycle", "On images, 1cycle instead of a constant rate raises the accuracy further."),
    _claim(
        "dropout-helps",
        "dropout",
        "On images, dropout on top of that raises the accuracy further.",
        "reversed",
        "A likely reason: in one pass over the images there is nothing to overfit, and noise in twenty layers slows "
        "the net down.",
    ),
    _claim(
        "selu-beats-he", SELU, "On images, SELU with LeCun's weights reaches a higher accuracy than ReLU with He's."
    ),
    Claim(
        id="whole-recipe-beats-half",
        text="On images, the whole recipe reaches a higher accuracy than He's weights, batch norm and residual "
        "connections alone.",
        source=OWN,
        statistic=_STATISTIC.format("the whole recipe", "residual"),
        compare=gain(FINISHED, "residual"),
        expect="holds",
    ),
]
