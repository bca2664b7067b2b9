"""The reference: every public name has its place on a page, and a docstring that says all of it, in one order."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import griffe
import pytest
import yaml

import trainlab
from trainlab_press.shown import Settings

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs" / "reference").glob("*.md"))
DIRECTIVE = re.compile(r"^::: ([\w.]+)$", re.MULTILINE)
SHOWN = {module: page.name for page in PAGES for module in DIRECTIVE.findall(page.read_text())}
ORDER = ["text", "attributes", "parameters", "returns", "yields", "raises", "references"]
# One docstring in trainlab.optimizers.base, in nn.Module, or in the class itself speaks for all of these.
OF_A_PROTOCOL = {"init", "update", "evaluated", "forward"}
PACKAGE = griffe.load("trainlab", search_paths=[ROOT / "src"], allow_inspection=False)


def public(module: str) -> Iterator[griffe.Function | griffe.Class]:
    """Every public function and class of a module, and every public method of those."""
    todo = [PACKAGE[module.removeprefix("trainlab.")]]
    for holder in todo:
        for name, thing in holder.members.items():
            own = not thing.is_alias and not name.startswith("_") and name not in OF_A_PROTOCOL
            if own and (thing.is_function or thing.is_class):
                yield thing
                todo += [thing] if thing.is_class else []


@pytest.mark.parametrize("module", sorted(SHOWN))
def test_docstrings_say_every_argument_in_the_agreed_order(module: str) -> None:
    found = list(public(module))
    assert found or module == "trainlab.types"
    for thing in found:
        assert thing.docstring, f"{thing.path} has no docstring"
        first, *_ = lines = thing.docstring.value.splitlines()
        assert re.search(r"[.?:]$", first), f"{thing.path}: the first line {first!r} is no whole sentence"
        assert lines[1:2] in ([], [""]), f"{thing.path}: put a blank line after the first line"
        sections = thing.docstring.parse("google", warnings=False, returns_named_value=False)
        kinds = [
            str(section.title).lower() if section.kind.value == "admonition" else section.kind.value
            for section in sections
        ]
        places = [ORDER.index(kind) for kind in kinds if kind in ORDER]
        assert places == sorted(places), f"{thing.path} has {kinds}; the order is {ORDER}"
        said = {p.name.lstrip("*") for s in sections if s.kind.value in ("parameters", "attributes") for p in s.value}
        taken = {p.name.lstrip("*") for p in thing.parameters} - {"self", "cls"}
        assert taken <= said, f"{thing.path} does not say what {sorted(taken - said)} is"


def test_every_exported_name_is_on_a_page_and_linked_from_the_first() -> None:
    first = (ROOT / "docs" / "reference" / "index.md").read_text()
    for name in set(trainlab.__all__) - {"__version__"}:
        module = getattr(trainlab, name).__module__
        assert module in SHOWN, f"{name}: no page of docs/reference has a line ::: {module}"
        assert f"[`{name}`][{module}.{name}]" in first, f"docs/reference/index.md does not link {name}"


def test_every_optimizer_module_is_on_the_page() -> None:
    files = {file.stem for file in (ROOT / "src/trainlab/optimizers").glob("*.py")} - {"__init__"}
    assert {f"trainlab.optimizers.{stem}" for stem in files} <= set(SHOWN)


def test_the_pages_are_in_the_navigation_and_in_the_table() -> None:
    navigation, first = (ROOT / "mkdocs.yml").read_text(), (ROOT / "docs" / "reference" / "index.md").read_text()
    for page in PAGES:
        assert f"reference/{page.name}\n" in navigation
        assert page.name == "index.md" or f"]({page.name})" in first


def test_making_the_reference_imports_nothing_of_the_package(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs" / "reference", tmp_path / "docs")
    settings = yaml.load((ROOT / "mkdocs.yml").read_text(), Settings)
    plugin = next(p for p in settings["plugins"] if isinstance(p, dict) and "mkdocstrings" in p)
    plugin["mkdocstrings"]["handlers"]["python"]["paths"] = [str(ROOT / "src")]
    (tmp_path / "mkdocs.yml").write_text(yaml.dump({"site_name": "x", "plugins": [plugin]}))
    code = """
import sys
from mkdocs.commands import build
from mkdocs.config import load_config
build.build(load_config("mkdocs.yml"))
print(*sorted(name for name in sys.modules if name.split(".")[0] in ("torch", "trainlab")))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "", done.stderr
    page = (tmp_path / "site" / "optimizers" / "index.html").read_text()
    assert 'id="trainlab.optimizers.adam.Adam"' in page
    assert "beta1" in page
