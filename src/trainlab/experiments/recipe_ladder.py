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
from trainlab.claims import OWN, Claim, Verdict
from trainlab.ladder import ASIDE, CURVES, FINISHED, MUON, RUNGS, SELU, START, gain, key
from trainlab.tuning import Train

MARKS = dict.fromkeys(RUNGS, plots.SERIES[0]) | dict.fromkeys(ASIDE, plots.SERIES[1])
ROWS = (*RUNGS, *ASIDE)


def measure(train: Train) -> xr.Dataset:
    return ladder.ladder(train, CURVES)


def numbers(results: xr.Dataset) -> dict[str, float]:
    return ladder.numbers(results, CURVES)


def draw(fig: "plots.Figure", results: xr.Dataset) -> None:
    fig.set_size_inches(5.6, 4.2)
    ax = fig.subplots()
    ladder.draw_rows(ax, results, ROWS, MARKS)
    ax.axvline(0.1, color=plots.INK["muted"], linewidth=1, linestyle=":", label="_guessing")
    ax.axhline(len(RUNGS) - 0.5, color=plots.INK["grid"], linewidth=1, label="_aside")


def alt(numbers: dict[str, float]) -> str:
    said = ", ".join(f"{name} {numbers[f'{key(name)}_accuracy']:.1f} %" for name in ROWS)
    return f"Dot plot of test accuracy on MNIST-1D with a row for each change, added one after another. Means: {said}."


_STATISTIC = "test accuracy on MNIST-1D, {} minus {}, percentage points"


def _claim(
    id: str,  # noqa: A002
    text: str,
    rung: str,
    source: str,
    url: str,
    expect: Verdict = "holds",
    why: str = "",
) -> Claim:
    return Claim(
        id=id,
        text=text,
        source=source,
        url=url,
        statistic=_STATISTIC.format(rung, ladder.below(rung)),
        compare=gain(rung, ladder.below(rung)),
        expect=expect,
        why=why,
    )


CLAIMS = [
    Claim(
        id="as-found-does-not-train",
        text="As it was found, the net stays within two points of guessing, at the best of its rates.",
        source=OWN,
        statistic="test accuracy minus the 10 % of guessing, percentage points",
        compare=ladder.above_guessing(START),
        region=(-2.0, 2.0),
        expect="holds",
    ),
    _claim(
        "he-helps",
        "He's weights instead of PyTorch's default raise the accuracy.",
        "He",
        "He et al. 2015, Delving deep into rectifiers",
        "https://arxiv.org/abs/1502.01852",
    ),
    _claim(
        "batch-norm-helps",
        "Batch norm on top of that raises the accuracy.",
        "batch norm",
        "Ioffe and Szegedy 2015, Batch normalization",
        "https://arxiv.org/abs/1502.03167",
        "null",
        "A likely reason: in a plain net of this depth it makes gradients grow on their way back, which costs about as "
        "much as the norm brings.",
    ),
    _claim(
        "residual-helps",
        "Residual connections on top of that raise the accuracy.",
        "residual",
        "He et al. 2016, Deep residual learning for image recognition",
        "https://arxiv.org/abs/1512.03385",
        "null",
        "With momentum at a constant rate it gets there much sooner and then stays about as high. The ablation shows "
        "what it is for.",
    ),
    _claim(
        "adamw-helps",
        "AdamW instead of momentum raises the accuracy further.",
        "AdamW",
        "Loshchilov and Hutter 2019, Decoupled weight decay regularization",
        "https://arxiv.org/abs/1711.05101",
    ),
    _claim(
        "one-cycle-helps",
        "1cycle instead of a constant rate raises the accuracy further.",
        "1cycle",
        "Smith and Topin 2018, Super-convergence",
        "https://arxiv.org/abs/1708.07120",
    ),
    _claim(
        "dropout-helps",
        "Dropout on top of that raises the accuracy further.",
        "dropout",
        "Srivastava et al. 2014, Dropout",
        "https://jmlr.org/papers/v15/srivastava14a.html",
        "reversed",
        "A likely reason: in so short a run the net does not overfit yet, and twenty layers of noise slow it down.",
    ),
    _claim(
        "selu-beats-he",
        "Without any norm, SELU with LeCun's weights reaches a higher accuracy than ReLU with He's.",
        SELU,
        "Klambauer et al. 2017, Self-normalizing neural networks",
        "https://arxiv.org/abs/1706.02515",
        "null",
        "The interval just reaches zero. On images SELU is clearly ahead.",
    ),
    Claim(
        id="norm-and-skips-beat-selu",
        text="ReLU with batch norm and residual connections reaches a higher accuracy than SELU without either.",
        source=OWN,
        statistic=_STATISTIC.format("residual", SELU),
        compare=gain("residual", SELU),
        expect="null",
        why="Both keep the signal alive, and under momentum at a constant rate they end at about the same accuracy.",
    ),
    _claim(
        "muon-beats-adamw",
        "Muon in the place of AdamW reaches a higher accuracy.",
        MUON,
        "Jordan et al. 2024, Muon: an optimizer for hidden layers in neural networks",
        "https://kellerjordan.github.io/posts/muon/",
    ),
    Claim(
        id="whole-recipe-beats-half",
        text="The whole recipe reaches a higher accuracy than He's weights, batch norm and residual connections alone.",
        source=OWN,
        statistic=_STATISTIC.format("the whole recipe", "residual"),
        compare=gain(FINISHED, "residual"),
        expect="holds",
    ),
]
