"""The page on diagnosis: every symptom has its parts and its runs, and the program beside it finds what it names."""

import contextlib
import io
import re
import runpy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from trainlab import experiments
from trainlab_press.shown import shown

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "diagnosis.md").read_text("utf-8")
PARTS = ["Confirm", "Try first", "Then", "Fails when", "Shown by"]
LINK = re.compile(r"\]\((?P<page>[\w-]+\.md)?#(?P<anchor>[^)]+)\)")


@dataclass(frozen=True)
class Entry:
    symptom: str
    parts: dict[str, str]


def read(text: str) -> list[Entry]:
    """The entries: headings of the third level that have a definition list."""
    entries = []
    for section in re.split(r"^### ", text, flags=re.MULTILINE)[1:]:
        symptom, body = section.split("\n", 1)
        body = re.split(r"^## ", body, flags=re.MULTILINE)[0]
        if parts := re.findall(r"^(\w[\w ]*)\n:   (.+)$", body, re.MULTILINE):
            entries.append(Entry(symptom.strip(), dict(parts)))
    return entries


def anchor(heading: str) -> str:
    """As the table of contents makes it."""
    return re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower())


ENTRIES = read(TEXT)
EACH = pytest.mark.parametrize("entry", ENTRIES, ids=[anchor(entry.symptom) for entry in ENTRIES])
EXPECTED = {
    f"claim-{name}-{claim.id}": claim.expect for name in experiments.names() for claim in experiments.load(name).CLAIMS
}


@pytest.fixture(scope="module")
def homes() -> dict[str, str]:
    """The page of every figure and claim, by its anchor."""
    found = shown(ROOT, ROOT / "docs" / "live")
    figures = {f"fig-{name}": page.path for name, page in found.figures.items()}
    return figures | {f"claim-{claim.replace('/', '-')}": page.path for claim, page in found.claims.items()}


def runs(text: str) -> list[tuple[str, str]]:
    """(page, anchor) of the links to figures and claims."""
    links = [(link["page"] or "diagnosis.md", link["anchor"]) for link in LINK.finditer(text)]
    return [(page, place) for page, place in links if place.startswith(("fig-", "claim-"))]


def test_there_are_enough_symptoms_and_none_twice() -> None:
    assert len(ENTRIES) >= 14
    assert len({anchor(entry.symptom) for entry in ENTRIES}) == len(ENTRIES)


@EACH
def test_an_entry_says_how_to_confirm_what_to_try_and_when_that_fails(entry: Entry) -> None:
    assert list(entry.parts) == PARTS
    assert all(len(text.split()) > 1 for text in entry.parts.values())


@EACH
def test_an_entry_is_shown_by_a_figure(entry: Entry) -> None:
    assert [place for _, place in runs(entry.parts["Shown by"]) if place.startswith("fig-")]


@EACH
def test_an_entry_gives_a_number_of_a_run(entry: Entry) -> None:
    assert re.search(r"\{=\w+\.", "".join(entry.parts.values()))


@EACH
def test_advice_that_did_not_hold_is_told_as_such(entry: Entry) -> None:
    """A claim that holds may support an entry; one that does not may only say when the advice fails."""
    for part, text in entry.parts.items():
        verdicts = {EXPECTED[place] for _, place in runs(text) if place.startswith("claim-")}
        allowed = {"null", "reversed"} if part == "Fails when" else {"holds"}
        assert verdicts <= allowed, part


def test_every_link_leads_to_the_page_that_shows_it(homes: dict[str, str]) -> None:
    links = runs(TEXT)
    assert len(links) > 60
    assert not [(page, place) for page, place in links if homes.get(place) != page]


def test_the_overview_leads_to_every_entry_once() -> None:
    overview = TEXT.split("## Which symptom?")[1].split("\n## ")[0]
    assert re.findall(r"\]\(#([^)]+)\)", overview) == [anchor(entry.symptom) for entry in ENTRIES]


def test_a_missing_part_or_a_dead_link_would_be_noticed(homes: dict[str, str]) -> None:
    entry = read("## A\n\n### B, c\n\nConfirm\n:   Look.\n\nThen\n:   [x](signals.md#fig-nothing)\n\n## D\n")[0]
    assert (anchor(entry.symptom), list(entry.parts)) == ("b-c", ["Confirm", "Then"])
    assert [homes.get(place) for _, place in runs(entry.parts["Then"])] == [None]


def test_the_probes_of_the_page_run_as_they_stand() -> None:
    code = re.findall(r"^```python\n(from trainlab.+?)^```", TEXT, re.MULTILINE | re.DOTALL)
    assert len(code) == 1
    with contextlib.redirect_stdout(said := io.StringIO()):
        exec(code[0], {})
    assert re.search(r"update_ratio +\(weight\)", said.getvalue())


# The program


Diagnose = Callable[[nn.Module, Tensor, Tensor, torch.optim.Optimizer], None]


@pytest.fixture(scope="module")
def diagnose() -> Diagnose:
    with contextlib.redirect_stdout(io.StringIO()):
        return runpy.run_path(str(ROOT / "snippets" / "diagnose.py"))["diagnose"]


def words(diagnose: Diagnose, model: nn.Module, inputs: Tensor | None = None, lr: float = 0.01) -> str:
    """The last line: what looks wrong."""
    x = torch.randn(128, 40, generator=torch.Generator().manual_seed(1)) if inputs is None else inputs
    with contextlib.redirect_stdout(said := io.StringIO()):
        diagnose(model, x, torch.arange(len(x)) % 10, torch.optim.SGD(model.parameters(), lr=lr))
    return said.getvalue().splitlines()[-1]


def plain(depth: int, activation: type[nn.Module] = nn.ReLU, gain: float = 2.0) -> nn.Sequential:
    """Of `depth` hidden layers of 64 units, with weights of variance gain / n."""
    torch.manual_seed(0)
    layers = [nn.Linear(40 if not place else 64, 64) for place in range(depth)] + [nn.Linear(64, 10)]
    for layer in layers:
        nn.init.normal_(layer.weight, std=(gain / layer.in_features) ** 0.5)
        nn.init.zeros_(layer.bias)
    modules = [module for layer in layers[:-1] for module in (layer, activation())]
    return nn.Sequential(*modules, layers[-1])


@pytest.mark.parametrize(
    ("model", "lr", "said"),
    [
        (plain(3), 0.01, ["nothing looks wrong"]),
        (plain(12, gain=1.0 / 3), 0.01, ["alike", "all gradients are small"]),
        (plain(12, gain=8.0), 0.01, ["far from guessing", "gradients are large", "too far"]),
        (plain(8, nn.Sigmoid, gain=1.0), 0.01, ["alike", "falls towards the input"]),
        (plain(3), 10.0, ["too far"]),
    ],
    ids=["sound", "too small", "too large", "sigmoid", "rate"],
)
def test_it_says_what_is_wrong(diagnose: Diagnose, model: nn.Module, lr: float, said: list[str]) -> None:
    found = words(diagnose, model, lr=lr)
    assert all(part in found for part in said), found


def test_dead_units_are_those_that_give_one_value_for_all(diagnose: Diagnose) -> None:
    model = plain(2)
    assert "dead" not in words(diagnose, model)
    _, bias = model[0].parameters()
    nn.init.constant_(bias, -100.0)
    assert "many units are dead" in words(diagnose, model)


def test_weights_of_zero_are_no_division_by_zero(diagnose: Diagnose) -> None:
    model = plain(3)
    for layer in model:
        for weight in layer.parameters():
            nn.init.zeros_(weight)
    assert {"the examples end up alike", "all gradients are small"} <= {*words(diagnose, model).strip().split("; ")}


def test_it_takes_convolutions_norms_and_dropout_and_leaves_the_network_as_it_was(diagnose: Diagnose) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        *(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.1), nn.Flatten(), nn.Linear(8 * 36, 10))
    )
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert "nothing looks wrong" in words(diagnose, model, torch.randn(64, 1, 8, 8))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(weight.grad is None for weight in model.parameters())
    assert not any(module._forward_pre_hooks for module in model.modules())
