"""The experiments of the book, each cut to a few updates: they train, draw, and give what the pages quote."""

import ast
import gzip
import json
import math
import pickle
import re
import string
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from html import unescape
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import xarray as xr
from loky.backend.reduction import dumps
from matplotlib.figure import Figure

from checkout import SMALL, book, edited
from trainlab import experiments, plots, training
from trainlab.claims import LEAST_SEEDS, OWN
from trainlab.data import MNIST1D, FashionMNIST
from trainlab.engine import execute
from trainlab.store import Store, Task
from trainlab.training import Trainer
from trainlab.workloads import OPTIMIZERS
from trainlab_press import markdown
from trainlab_press.figures import render
from trainlab_press.livefiles import BOOK, MEASURED

ROOT = Path(__file__).parents[1]
NAMES = experiments.names()
WORDS = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]


@dataclass(frozen=True)
class Measured:
    name: str
    module: ModuleType
    trainer: Trainer
    results: xr.Dataset
    numbers: dict[str, float]

    @cached_property
    def figure(self) -> Figure:
        with plots.style():
            fig = Figure(figsize=plots.SIZE)
            self.module.draw(fig, self.results)
            fig.draw_without_rendering()
        return fig

    @property
    def alt(self) -> str:
        return self.module.alt(self.numbers)


Measure = Callable[[str], Measured]


def travelled(function: Callable[[Task], Any], tasks: Sequence[Task], *engine: Any) -> Iterator[tuple[int, Any]]:
    """Execute tasks in this process, where shapes are checked, as they would arrive in a worker process."""
    arrived = [pickle.loads(dumps(task)) for task in tasks]
    assert arrived == list(tasks)
    return execute(function, arrived, *engine)


@pytest.fixture(scope="module")
def measured(shared: Path) -> Iterator[Measure]:
    """Measures an experiment, once; what two of them share is trained once."""
    store = Store(shared / "runs")

    @cache
    def measure(name: str) -> Measured:
        module, trainer = experiments.load(name), Trainer(store=store, smoke=True)
        results = module.measure(trainer)
        return Measured(name, module, trainer, results, module.numbers(results))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "execute", travelled)
        yield measure


@pytest.fixture(scope="module", params=NAMES)
def one(request: pytest.FixtureRequest, measured: Measure) -> Measured:
    return measured(request.param)


def pages() -> dict[str, str]:
    """Every page of the book, without code, in which nothing is quoted."""
    docs = ROOT / "docs"
    files = [path for path in docs.rglob("*.md") if docs / "live" not in path.parents]
    texts = {path.relative_to(docs).as_posix(): path.read_text(encoding="utf-8") for path in sorted(files)}
    return {name: re.sub(r"```.*?```|`[^`\n]+`", "", text, flags=re.DOTALL) for name, text in texts.items()}


def found(pattern: str) -> list[tuple[str, str]]:
    """(page, what the pattern's group matched) on all pages."""
    return [(page, match) for page, text in pages().items() for match in re.findall(pattern, text, re.MULTILINE)]


# What was measured by the benchmark is no experiment; tests/test_bench.py draws it, and the site's build quotes it.
FIGURES = [(page, name) for page, name in found(r"^(?:!\[\]\(fig:|!touch )(\w+)") if name not in MEASURED]
CLAIMS = found(r"^\s*!claim (\S+)")
# Nor are the totals of the book, which tests/test_totals.py counts.
ELSEWHERE = (*MEASURED, BOOK)
QUOTES = [(page, inside) for page, inside in found(markdown.NUMBER) if inside.partition(".")[0] not in ELSEWHERE]


def claim_ids(name: str) -> list[str]:
    return [f"{name}/{claim.id}" for claim in experiments.load(name).CLAIMS]


def test_trains_and_gives_finite_numbers(one: Measured) -> None:
    assert one.trainer.runs
    assert set(one.results.seed.values) <= {run.seed for run in one.trainer.runs}
    assert one.numbers
    for key, value in one.numbers.items():
        assert type(value) is float, f"{one.name}.{key} is a {type(value).__name__}"
        assert math.isfinite(value) or math.isnan(value), f"{one.name}.{key} is {value}"
        assert re.fullmatch(r"\w[\w.-]*", key), f"no page can quote {one.name}.{key}"


def test_draws_without_warnings(one: Measured) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fig = one.figure  # drawn here for the first time
    assert not [str(warning.message) for warning in caught]
    assert all(ax.get_xlabel() for ax in fig.axes if ax.get_subplotspec().is_last_row())  # pyright: ignore[reportOptionalMemberAccess]


def test_every_seed_of_the_results_is_in_the_figure_or_its_summary(one: Measured) -> None:
    rows = plots.data(one.figure)
    assert len({row["series"] for row in rows}) > 1
    assert all(math.isfinite(row["x"]) for row in rows)
    assert any(math.isfinite(row["y"]) for row in rows)


DIGITS_IN_NAMES = re.compile(r"\bMNIST-1D\b|\bL[12]\b|\b1cycle\b")
"""Names with a digit in them, which is no number of a run."""


def test_text_alternative_has_no_number_of_its_own(one: Measured) -> None:
    """Every digit of it changes with the numbers of the run."""
    first = one.module.alt({key: 1000.5 + 10 * index for index, key in enumerate(one.numbers)})
    other = one.module.alt({key: 9000.25 - 10 * index for index, key in enumerate(one.numbers)})
    tokens = [re.findall(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?", DIGITS_IN_NAMES.sub("", text)) for text in (first, other)]
    assert len(tokens[0]) >= 2
    assert len(tokens[0]) == len(tokens[1])
    own = [same for same, token in zip(*tokens, strict=True) if same == token]
    assert not own, f"alt says {', '.join(own)}, whatever the run: take it from numbers"


def test_text_alternative_counts_right_in_words(one: Measured) -> None:
    """A number that is written out is that of the panels, or of the values that a field of the runs takes."""
    counts = {len(one.figure.axes), *(len(set(one.results[field].values.tolist())) for field in one.results.coords)}
    written = [WORDS.index(word) + 2 for word in re.findall(r"[a-z]+", one.alt) if word in WORDS]
    assert set(written) <= counts


def test_text_alternative_tells_of_its_own_run(one: Measured) -> None:
    spoken = [float(token) for token in re.findall(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?", DIGITS_IN_NAMES.sub("", one.alt))]
    assert spoken
    for value in spoken:
        near = min(abs(value - number) for number in one.numbers.values() if math.isfinite(number))
        assert near <= 0.5 + 0.01 * abs(value), f"{value} is none of the numbers"
    assert one.alt[0].isupper()
    assert one.alt.endswith(".")
    assert "nan" not in one.alt


def test_claims_are_complete_and_judged(one: Measured) -> None:
    ids = [claim.id for claim in one.module.CLAIMS]
    assert len(set(ids)) == len(ids)
    for claim in one.module.CLAIMS:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", claim.id)
        assert claim.text.endswith(".")
        assert claim.statistic
        assert claim.expect in ("holds", "null", "reversed")
        assert claim.source != OWN or not claim.url
        year = re.search(r"\b(1[89]|20)\d\d\b", claim.source)
        assert claim.source == OWN or year, f"{claim.id}: the source has no year"
        assert not claim.url or claim.url.startswith("https://")
        estimate, verdict = claim.judge(one.results)
        assert estimate.n >= LEAST_SEEDS
        undefined = math.isnan(estimate.value) and estimate.censored == 2 * estimate.n
        assert undefined or estimate.low <= estimate.value <= estimate.high, "only where no run of either came there"
        assert verdict in ("holds", "null", "reversed")


def test_question_and_caption(one: Measured) -> None:
    assert experiments.question(one.module).endswith("?")
    caption = experiments.caption(one.module)
    assert caption.endswith(".")
    assert "\n" not in caption
    assert caption != experiments.question(one.module)


def test_the_press_takes_the_figure(one: Measured) -> None:
    svg, csv = render(one.name, "Why?", one.alt, one.module.draw, one.results)
    assert svg.startswith("<svg")
    assert len(csv.splitlines()) == len(plots.data(one.figure)) + 1
    shown = unescape(" ".join(re.findall(r"<text[^>]*>(.*?)</text>", svg)))
    assert all(str(ax.get_ylabel()) in shown for ax in one.figure.axes)


def test_the_race_is_tuned_by_an_equal_budget(measured: Measure) -> None:
    runs = measured("optimizer_race").trainer.runs
    for data in (MNIST1D(), FashionMNIST()):
        mine = [run for run in runs if run.seed >= 1000 and run.data == data]
        trials = [(type(run.optimizer).__name__, run.lr, run.seed) for run in mine]
        budgets = {name: {(lr, seed) for other, lr, seed in trials if other == name} for name, _, _ in trials}
        assert set(budgets) == set(OPTIMIZERS)
        assert len({frozenset(budget) for budget in budgets.values()}) == 1


# What holds for the sources


@pytest.mark.parametrize("name", NAMES)
def test_experiments_never_import_each_other(name: str) -> None:
    path = ROOT / "src" / "trainlab" / "experiments" / f"{name}.py"
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        imported = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        imported += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        assert not [module for module in imported if "experiments" in module]


def test_names_are_those_of_the_files() -> None:
    files = (ROOT / "src" / "trainlab" / "experiments").glob("[!_]*.py")
    assert sorted(path.stem for path in files) == NAMES
    assert {"claims", "index"}.isdisjoint(NAMES), "docs/live has files of these names"
    assert all(set(name) <= {*string.ascii_lowercase, *string.digits, "_"} for name in NAMES)


@pytest.mark.parametrize(
    ("wrong", "close"), [("optimizer_rice", "optimizer_race"), ("lr_sensitivty", "lr_sensitivity")]
)
def test_an_unknown_name_brings_close_ones(wrong: str, close: str) -> None:
    with pytest.raises(ValueError, match=f"no experiment '{wrong}'; did you mean {close}"):
        experiments.load(wrong)


def test_an_unknown_name_that_is_close_to_none_brings_all() -> None:
    with pytest.raises(ValueError, match=f"^no experiment 'nonsense'; there are {', '.join(NAMES)}$"):
        experiments.load("nonsense")


@pytest.mark.parametrize("part", experiments.PARTS)
def test_a_missing_part_is_named(tmp_path: Path, part: str) -> None:
    with book(tmp_path) as one:
        one.write("lacking", re.sub(rf"\b{part}\b", f"{part}_", SMALL))
        with pytest.raises(ValueError, match=f"^experiment lacking lacks {part}; trainlab.experiments says"):
            experiments.load("lacking")


def test_a_missing_docstring_is_named(tmp_path: Path) -> None:
    with book(tmp_path) as one:
        one.write("lacking", edited(SMALL, ('"""Is Adam', 'TEXT = """Is Adam'), ("CLAIMS", "OTHERS")))
        with pytest.raises(ValueError, match=r"^experiment lacking lacks a docstring, CLAIMS; "):
            experiments.load("lacking")
    assert experiments.names() == NAMES


# What the pages show


def test_there_are_pages_with_figures_numbers_and_claims() -> None:
    assert min(len(FIGURES), len(QUOTES), len(CLAIMS)) > 0


@pytest.mark.parametrize(("page", "inside"), QUOTES)
def test_every_number_on_a_page_exists(measured: Measure, page: str, inside: str) -> None:
    quote = markdown.NUMBER_INSIDE.fullmatch(inside)
    assert quote, f"{page}: {{={inside}}}"
    assert quote["key"] in measured(quote["name"]).numbers, f"{page}: {{={inside}}}"
    assert format(1.0, quote["spec"] or "")


@pytest.mark.parametrize("name", NAMES)
def test_every_number_in_a_caption_or_claim_exists(measured: Measure, name: str) -> None:
    module = experiments.load(name)
    texts = [experiments.caption(module), *(text for claim in module.CLAIMS for text in (claim.text, claim.why))]
    quotes = [
        markdown.NUMBER_INSIDE.fullmatch(inside) for text in texts for inside in re.findall(markdown.NUMBER, text)
    ]
    assert all(quote and quote["key"] in measured(quote["name"]).numbers for quote in quotes)


@pytest.mark.parametrize(("page", "name"), FIGURES)
def test_every_figure_on_a_page_exists(page: str, name: str) -> None:
    assert name in NAMES, page


@pytest.mark.parametrize(("page", "claim"), CLAIMS)
def test_every_claim_on_a_page_exists(page: str, claim: str) -> None:
    assert claim in [one for name in NAMES for one in claim_ids(name)], page


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_and_claim_is_on_some_page(name: str) -> None:
    assert name in [shown for _, shown in FIGURES], f"no page shows the figure {name}"
    assert set(claim_ids(name)) <= {shown for _, shown in CLAIMS}


def test_results_of_smoke_runs_are_complete(measured: Measure) -> None:
    """What the smoke mode cuts is the number of updates alone."""
    one = measured("optimizer_race")
    assert one.results.sizes["update"] == 12
    assert set(one.results.steps.values) == {12}
    assert np.isfinite(one.results.test_accuracy.values).all()


TOUCHED = [name for name in NAMES if hasattr(experiments.load(name), experiments.TOUCH)]


@pytest.mark.parametrize("name", TOUCHED)
def test_the_data_of_an_interactive_figure_is_short_and_complete(measured: Measure, name: str) -> None:
    one = measured(name)
    data = one.module.touch(one.results)
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    assert len(gzip.compress(text.encode())) < 60_000
    assert (ROOT / "docs" / "assets" / "touch" / f"{data['figure']}.js").is_file()
    assert data["seeds"] == len(set(one.results.seed.values.tolist()))
    assert text == json.dumps(one.module.touch(one.results), separators=(",", ":")), "the same at every build"


def test_the_interactive_rates_are_those_of_the_figure(measured: Measure) -> None:
    one = measured("lr_sensitivity")
    data = one.module.touch(one.results)
    adam, rate = list(OPTIMIZERS).index("Adam"), data["rates"].index(0.01)
    mine = one.results.isel(run=(one.results.optimizer.values == "Adam") & (one.results.lr.values == 0.01))
    mine = mine.sortby("seed")
    np.testing.assert_allclose(
        np.array(data["accuracy"]["values"][adam][rate]) * data["accuracy"]["unit"], mine.test_accuracy, atol=0.0006
    )
    last = mine.batch_loss.values[:, data["edges"][-2] :].mean(1)
    found = [run[-1] * data["loss"]["unit"] for run in data["loss"]["values"][adam][rate]]
    np.testing.assert_allclose(found, last, atol=0.006)


def test_the_interactive_layers_are_those_of_the_figure(measured: Measure) -> None:
    one = measured("signal_and_gradient")
    data = one.module.touch(one.results)
    row, column = data["activations"].index("Tanh"), [line["name"] for line in data["series"]].index("Glorot")
    runs = one.results.isel(
        run=(one.results.activation.values == "Tanh")
        & (one.results.start.values == "Glorot")
        & (one.results.depth.values == data["depths"][0]),
        step=0,
    )
    gradient = data["gradient"][0]
    found = np.array(gradient["values"][row][column]) * gradient["unit"]
    wanted = np.log10(runs.sortby("seed").gradient_norm.values[:, : data["depths"][0] + 1])
    np.testing.assert_allclose(found, wanted, atol=0.011)
    assert np.array(data["signal"][0]["values"]).shape == (4, 5, data["seeds"], data["depths"][0])
