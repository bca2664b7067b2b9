import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag
from markdown import Markdown

from trainlab_press.elements import say_interval
from trainlab_press.errors import PressError

SVG = """<?xml version="1.0"?>
<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="race-t" viewBox="0 0 9 9"><style id="standalone">
svg{--fig-1:#0072b2}</style><title id="race-t">Race</title><path id="race-p" stroke="var(--fig-1, #0072b2)"/></svg>"""
SOURCE = '''"""Module."""


class Adam:
    """The class.

    More.
    """

    beta = 0.9

    def update(self, grad):
        """One step."""

        m = self.beta * grad  # the mean
        return m

    def nothing(self):
        """Only this."""


@decorate
def free(x):
    return "{=a.b} $x$"
'''


@pytest.fixture
def root(tmp_path: Path) -> Path:
    live = tmp_path / "docs" / "live"
    live.mkdir(parents=True)
    for name in ("race", "basins"):
        record = {
            "name": name,
            "caption": "Adam ends at {=race.adam:.1f} % & *wins*.",
            "alt": f"Line plot of {name}: Adam ends at 64.1 %.",
            "numbers": {"adam": 64.123, "sgd_steps": float("nan"), "missing": None, "count": 1234.0},
            "runs": 350,
            "seeds": 10,
            "training_steps": 700000,
            "seconds": 41.23,
            "versions": {"python": "3.11.7", "torch": "2.13.0"},
            "key": "9f31c2a4b7e0",
            "source": f"src/trainlab/experiments/{name}.py",
            "svg": f"{name}.svg",
            "csv": f"{name}.csv",
        }
        (live / f"{name}.json").write_text(json.dumps(record), "utf-8")
        (live / f"{name}.svg").write_text(SVG.replace("race-", f"{name}-"), "utf-8")
        (live / f"{name}.csv").write_text("x\n", "utf-8")
    claim = {
        "id": "race/adam-first",
        "experiment": "race",
        "text": "Adam is *first*, at {=race.adam:.0f} %.",
        "source": "Kingma and Ba 2015",
        "url": "https://arxiv.org/abs/1412.6980",
        "statistic": "difference in accuracy",
        "estimate": 3.2,
        "low": 2.1,
        "high": 4.0,
        "n": 10,
        "expected": "holds",
        "verdict": "holds",
    }
    unsourced = {**claim, "id": "race/null-one", "url": "", "verdict": "null"}
    (live / "claims.json").write_text(json.dumps([claim, unsourced]), "utf-8")
    (live / "index.json").write_text("{}", "utf-8")
    package = tmp_path / "src" / "trainlab"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("", "utf-8")
    (package / "optimizers.py").write_text(SOURCE, "utf-8")
    (package / "passing.py").write_text("from trainlab.optimizers import Adam, free as loose\n", "utf-8")
    return tmp_path


def html(root: Path, text: str, **options: Any) -> BeautifulSoup:
    extensions = ["tables", "attr_list", "toc", "admonition", "pymdownx.superfences", "trainlab_press.markdown"]
    md = Markdown(extensions=extensions, extension_configs={"trainlab_press.markdown": {"root": str(root), **options}})
    return BeautifulSoup(md.convert(text), "html.parser")


def one(soup: Tag, selector: str) -> Tag:
    found = soup.select(selector)
    assert len(found) == 1, f"{selector}: {len(found)} in {soup}"
    return found[0]


@pytest.mark.parametrize(
    "text",
    [
        "At {=race.adam:.1f} %.",
        "- item\n- {=race.adam:.1f}",
        "| a |\n|---|\n| {=race.adam:.1f} |",
        "## Adam: {=race.adam:.1f} {#adam}",
        "**bold {=race.adam:.1f}**",
        "!!! note\n    {=race.adam:.1f}",
        "[to {=race.adam:.1f}](x.md)",
        "{= race.adam:.1f }",
    ],
)
def test_a_number_stands_anywhere_in_text(root: Path, text: str) -> None:
    data = one(html(root, text), "data")
    assert data.text == "64.1"
    assert data["value"] == "64.123"


def test_the_default_format_has_three_digits(root: Path) -> None:
    assert one(html(root, "{=race.adam}"), "data").text == "64.1"
    assert one(html(root, "{=race.count:,.0f}"), "data").text == "1,234"


def test_powers_of_ten_are_written_as_in_a_text(root: Path) -> None:
    assert one(html(root, "{=race.count:.1e}"), "data").text == "1.2\u00a0×\u00a010³"
    file = root / "docs" / "live" / "race.json"
    record = json.loads(file.read_text("utf-8"))
    record["numbers"]["count"] = -3e-17
    file.write_text(json.dumps(record), "utf-8")
    assert one(html(root, "{=race.count:g}"), "data").text == "-3\u00a0×\u00a010⁻¹⁷"


def test_code_is_left_alone(root: Path) -> None:
    fenced = "```md\n{=no.such}\n\n!claim no/such\n\n![](fig:no)\n```"
    text = f"`{{=no.such}}` and `![](fig:no)`\n\n{fenced}\n\n    !source no.such\n"
    soup = html(root, text)
    assert not soup.select("data, figure, img, details")
    assert "{=no.such}" in soup.text
    assert "!source no.such" in soup.text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a {=rase.adam} b", "{=rase.adam}: experiment rase has no results; did you mean race?"),
        ("a {=race.adan} b", "{=race.adan}: race has no number adan; did you mean adam?"),
        ("a {=race.adam:.1q} b", "bad format .1q"),
        ("a {=race} b", "is not a number; write {=experiment.key}"),
        ("a {=} b", "is not a number"),
        ("a {=race.sgd_steps:.0f} b", "is nan; if that may be, say what to show: {=race.sgd_steps:.0f or never}"),
        ("a {=race.missing} b", "is nan"),
        ("a {=race.adam b", "'{=race.adam b' is left over"),
        ("<div>{=race.adam}</div>", "is left over"),
        ("a <b>{=race\n.adam}</b>", "is left over"),
    ],
)
def test_a_wrong_number_fails(root: Path, text: str, said: str) -> None:
    with pytest.raises(PressError) as error:
        html(root, text)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_nan_is_shown_with_permission_only(root: Path) -> None:
    data = one(html(root, "After {=race.sgd_steps:.0f or never reached}."), "data")
    assert (data.text, data["value"]) == ("never reached", "nan")
    assert one(html(root, "{=race.adam:.1f or never}"), "data").text == "64.1"


def test_a_figure_carries_caption_and_provenance(root: Path) -> None:
    figure = one(html(root, "Before.\n\n![](fig:race)\n\nAfter."), "figure#fig-race.live")
    assert figure.parent is not None
    assert figure.parent.name != "p"
    assert "standalone" not in str(figure)
    assert figure.select_one("svg[role=img] > title") is not None
    caption = figure.select_one("figcaption")
    assert caption is not None
    assert [part.name for part in caption.select(":scope > *")] == ["span", "details"]
    assert one(caption, ":scope > span").text == "Adam ends at 64.1 % & *wins*."
    details = caption.select_one("details.provenance")
    assert details is not None
    for said in ("350 runs, 10 seeds", "41.2 s", "700,000", "torch 2.13.0", "9f31c2a4b7e0", "trainlab run race"):
        assert said in details.text
    assert [a["href"] for a in details.select("a")] == ["live/race.csv", "live/race.svg", "live/race.json"]


def test_every_figure_has_what_is_its_own(root: Path) -> None:
    path = root / "docs" / "live" / "basins.json"
    own = {"caption": "SGD ends at {=basins.sgd} %.", "numbers": {"sgd": 71.0}, "key": "0123456789ab", "seeds": 12}
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | own), "utf-8")
    soup = html(root, "![](fig:race)\n\n![](fig:basins)")
    race, basins = (one(soup, f"#fig-{name}") for name in ("race", "basins"))
    for figure, name, words in (
        (race, "race", ("Adam ends at 64.1 %", "10 seeds", "9f31c2a4b7e0")),
        (basins, "basins", ("SGD ends at 71 %", "12 seeds", "0123456789ab")),
    ):
        assert [word for word in words if word not in figure.text] == []
        assert f"trainlab run {name}" in figure.text
    assert len(race.select("svg #race-p")) == 1
    assert race.select(".plot > img") == []


def test_a_figure_after_the_first_is_a_picture_that_waits(root: Path) -> None:
    soup = html(root, "![](fig:race)\n\n![](fig:basins)")
    assert one(soup, "#fig-basins .plot > *").attrs == {
        "src": "live/basins.svg",
        "alt": "Line plot of basins: Adam ends at 64.1 %.",
        "width": "9",
        "height": "9",
        "loading": "lazy",
    }


def test_source_files_are_linked_when_the_repository_is_known(root: Path) -> None:
    soup = html(root, "![](fig:race)\n\n!source trainlab.optimizers.free", repo="https://example.org/r/")
    hrefs = [a["href"] for a in soup.select("a")]
    assert "https://example.org/r/blob/main/src/trainlab/experiments/race.py" in hrefs
    assert "https://example.org/r/blob/main/src/trainlab/optimizers.py#L22-L24" in hrefs


def test_a_lab_is_offered_in_colab_only_where_the_repository_is_known(root: Path) -> None:
    (root / "docs" / "labs").mkdir()
    (root / "docs" / "labs" / "race.py").write_text("# %%\n")
    known = html(root, "!notebook race", repo="https://github.com/owner/name")
    colab = "https://colab.research.google.com/github/owner/name/blob/notebooks/race.ipynb"
    assert [a["href"] for a in known.select("a")] == ["live/labs/race.ipynb", colab]
    assert [a["href"] for a in html(root, "!notebook race").select("a")] == ["live/labs/race.ipynb"]
    with pytest.raises(PressError, match=r"!notebook rase: there is no docs/labs/rase\.py; did you mean race\?"):
        html(root, "!notebook rase")


@pytest.mark.parametrize("text", ["1. one\n2. two\n\n    ![](fig:race)", "- ![](fig:race)", "> ![](fig:race)"])
def test_a_figure_may_stand_in_a_list_or_quotation(root: Path, text: str) -> None:
    assert one(html(root, text), "figure svg") is not None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("![](fig:rase)", "fig:rase: experiment rase has no results; did you mean race?"),
        ("word ![](fig:rase) word", "did you mean race?"),
        ("- item ![](fig:rase)", "did you mean race?"),
        ("| a |\n|---|\n| ![](fig:rase) |", "did you mean race?"),
        ("word ![](fig:race)", "fig:race stands inside a text; put ![](fig:race) in a paragraph of its own"),
        ("[![](fig:race)](x.md)", "stands inside a text"),
        ("![a curve](fig:race)", "leave [] empty"),
        ("![](fig:race)\n\n![](fig:race)", "stands twice on one page"),
        ("[see](fig:race)", 'href="fig:race" is left over'),
        ('<div><img src="fig:race"></div>', 'src="fig:race" is left over'),
        ("<div>\n![](fig:race)\n</div>", "is left over"),
    ],
)
def test_a_wrong_figure_fails(root: Path, text: str, said: str) -> None:
    with pytest.raises(PressError) as error:
        html(root, text)
    assert said in str(error.value)


def test_a_missing_svg_names_the_command(root: Path) -> None:
    (root / "docs/live/race.svg").unlink()
    with pytest.raises(PressError, match="`trainlab run race` draws it"):
        html(root, "![](fig:race)")


def test_a_claim_opens_to_its_evidence(root: Path) -> None:
    claim = one(html(root, "!claim race/adam-first"), "details.claim")
    assert claim["data-verdict"] == "holds"
    assert claim["id"] == "claim-race-adam-first"
    summary = claim.select_one("summary")
    assert summary is not None
    assert summary.text == "Adam is *first*, at 64 %.Holds"
    assert "Difference in accuracy: 3.2, 95 % interval 2.1 to 4.0, over 10 seeds." in claim.text
    assert one(BeautifulSoup(str(claim), "html.parser"), "a")["href"] == "https://arxiv.org/abs/1412.6980"


def test_claims_may_follow_each_other_and_need_no_address(root: Path) -> None:
    soup = html(root, "!claim race/adam-first\n!claim race/null-one")
    assert [c["data-verdict"] for c in soup.select("details.claim")] == ["holds", "null"]
    assert [c.text for c in soup.select(".verdict")] == ["Holds", "No difference seen"]
    assert len(soup.select("a")) == 1, "there is no ledger in this book to link to"


def test_a_claim_says_what_it_is_held_against_and_why_it_does_not_hold(root: Path) -> None:
    claims = json.loads((root / "docs/live/claims.json").read_text("utf-8"))
    claims[1] |= {"kind": "theory band", "region": [-0.05, 0.05], "censored": 1, "why": "It is {=race.adam:.1f} only."}
    (root / "docs/live/claims.json").write_text(json.dumps(claims), "utf-8")
    (root / "docs/book.md").write_text("# Book\n\n!ledger\n", "utf-8")
    claim = one(html(root, "!claim race/null-one"), "details.claim")
    assert one(claim, "summary .why").text == "It is 64.1 only."
    assert one(claim, ".verdict").text == "Undecided"
    for said in ("Kind: theory band.", "whole interval lies within ±0.05.", "1 run never reached the target."):
        assert said in claim.text
    assert one(claim, "a")["href"] == "book.md#ledger-race-null-one"
    assert not html(root, "!claim race/adam-first").select(".why")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("!claim race/adam-frist", "did you mean race/adam-first?"),
        ("!claim race/adam-first\nand text", "put a blank line between them"),
        ("text\n!claim race/adam-first", "'!claim race/adam-first' is left over"),
        ("!claim", "is left over"),
        ("!ledger race", "!ledger race: this shows all there is; write !ledger alone"),
        ("!ranks 3", "!ranks 3: this shows all there is; write !ranks alone"),
        ("!source", "is left over"),
        ("!source trainlab.optimisers.Adam", "has no optimisers there; did you mean optimizers?"),
        ("!source trainlab.optimizers.Adan.update", "has no Adan there; did you mean Adam?"),
        ("!source trainlab.optimizers.Adam.updat", "did you mean update?"),
        ("!source trainlab.optimizers.Adam.zzz", "it defines update, nothing"),
        ("!source trainlab.optimizers.Adam without", "'without' is no option"),
        ("!source trainlab.optimizers", "is a module; add a function"),
        ("!source trainlab.passing.Adan", "src/trainlab/passing.py has no Adan there; did you mean Adam?"),
        ("!source trainlab.passing.Adam.updat", "src/trainlab/optimizers.py has no updat there; did you mean update?"),
        ("!source trainlap.optimizers.Adam", "did you mean trainlab.optimizers"),
    ],
)
def test_a_wrong_directive_fails(root: Path, text: str, said: str) -> None:
    with pytest.raises(PressError) as error:
        html(root, text)
    assert said in str(error.value)


def test_source_is_shown_without_docstring(root: Path) -> None:
    soup = html(root, "!source trainlab.optimizers.Adam.update")
    expected = "def update(self, grad):\n    m = self.beta * grad  # the mean\n    return m\n"
    assert one(soup, "figure.listing .highlight code").text == expected
    assert "trainlab.optimizers.Adam.update in src/trainlab/optimizers.py" in soup.text


def test_source_follows_a_name_that_a_module_passes_on(root: Path) -> None:
    for passed_on, defined in (("Adam.update", "Adam.update"), ("Adam", "Adam"), ("loose", "free")):
        listing = one(html(root, f"!source trainlab.passing.{passed_on}"), "pre code")
        assert listing.text == one(html(root, f"!source trainlab.optimizers.{defined}"), "pre code").text
    assert "in src/trainlab/optimizers.py" in html(root, "!source trainlab.passing.Adam").text


def test_source_keeps_decorators_and_shows_docstrings_on_request(root: Path) -> None:
    free = one(html(root, "!source trainlab.optimizers.free"), "code.x, pre code").text
    assert free == '@decorate\ndef free(x):\n    return "{=a.b} $x$"\n'
    whole = one(html(root, "!source trainlab.optimizers.Adam with docstring"), "pre code").text
    assert whole.startswith('class Adam:\n    """The class.')
    assert '"""One step."""' in whole
    bare = one(html(root, "!source trainlab.optimizers.Adam"), "pre code").text
    assert bare.startswith("class Adam:\n    beta = 0.9\n")
    assert "One step" not in bare
    assert '"""Only this."""' in bare, "a body that is only a docstring has to stay"


def test_intervals_show_the_decimals_they_warrant() -> None:
    assert say_interval(3.2, 2.1, 4.0) == ["3.2", "2.1", "4.0"]
    assert say_interval(0.0123, 0.0101, 0.0150) == ["0.0123", "0.0101", "0.0150"]
    assert say_interval(1234.4, 1000.0, 1500.0) == ["1,234", "1,000", "1,500"]
    assert say_interval(1.0, 1.0, 1.0) == ["1", "1", "1"]


def test_loading_the_extension_imports_no_torch() -> None:
    code = (
        "import sys, trainlab_press.markdown as m; print(m.makeExtension); assert 'torch' not in sys.modules, 'torch'"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_mkdocs_prints_one_line_and_fails(root: Path) -> None:
    config = "site_name: T\ntheme: {name: mkdocs}\nplugins: []\nmarkdown_extensions:\n  - trainlab_press.markdown:\n"
    (root / "mkdocs.yml").write_text(config + "      root: !relative $config_dir\n", "utf-8")
    (root / "docs/index.md").write_text("# T\n\n{=race.adan}\n", "utf-8")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file", str(root / "mkdocs.yml")]
    broken = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root.parent)
    assert broken.returncode == 1
    assert "index.md: {=race.adan}: race has no number adan; did you mean adam?" in broken.stderr
    assert "Traceback" not in broken.stderr
    (root / "docs/index.md").write_text("# T\n\nSee [it](deep/page.md#fig-race).\n", "utf-8")
    (root / "docs/deep").mkdir()
    (root / "docs/deep/page.md").write_text("# P\n\n![](fig:race)\n", "utf-8")
    built = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root.parent)
    assert built.returncode == 0, built.stderr
    page = BeautifulSoup((root / "site/deep/page/index.html").read_text("utf-8"), "html.parser")
    for link in page.select("details.provenance a"):
        target = root / "site/deep/page" / str(link["href"])
        assert target.is_file(), f"{link['href']} does not lead to a file"
