"""The house: who may import whom, what `trainlab` exports, and that the shape checks of the tests are on."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import is_dataclass
from importlib import import_module
from pathlib import Path
from types import FunctionType

import jaxtyping
import pytest
import torch

import trainlab
from trainlab.fingerprint import fingerprint
from trainlab.loop import train_stack
from trainlab.losses import CrossEntropy
from trainlab.optimizers import Adam
from trainlab.probes import update_ratio
from trainlab.runs import Run
from trainlab.store import Task
from trainlab.training import train

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"

# A module imports modules of a lower rank only.
RANKS = {
    "types": 0,
    "fingerprint": 0,
    "fashion_files": 0,
    "feedback": 0,
    "files": 0,
    "progress": 0,
    **dict.fromkeys(
        (
            "clipping",
            "data",
            "layers",
            "inits",
            "optimizers",
            "schedules",
            "losses",
            "probes",
            "stats",
            "history",
        ),
        1,
    ),
    "theory": 1,
    "calibration": 1,
    "predictions": 2,
    "weights": 2,
    "overfitting": 8,
    "gains": 0,
    "random_bits": 0,
    "norms": 1,
    "normnets": 2,
    "norm_workloads": 8,
    "activations": 3,
    **dict.fromkeys(("direct", "models", "landscape", "meanfield", "refusals", "comparisons"), 2),
    "runs": 3,
    **dict.fromkeys(("stack", "store", "engine", "spaces"), 4),
    **dict.fromkeys(("loop", "sizing"), 5),
    "training": 6,
    **dict.fromkeys(("tuning", "claims", "plots"), 7),
    **dict.fromkeys(("workloads", "trials", "scheduled", "ladder", "interactive"), 8),
    "experiments": 9,
    "cli": 10,
}
# Within a package likewise; a file that is not named here comes in the middle, the package itself last.
PLACES = {"optimizers.base": 0, "optimizers.muon": 2, "optimizers": 3}
MODULES = {
    ".".join(file.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"): file
    for file in sorted((SOURCE / "trainlab").rglob("*.py"))
}


def imports(file: Path) -> Iterator[str]:
    """The dotted name of every module that a file imports, in functions too."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file.name}: write the whole name instead of {'.' * node.level}{node.module or ''}"
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if name in MODULES else str(node.module)


def rank(module: str) -> tuple[int, int]:
    """KeyError: give a new module its place in RANKS; in trainlab itself, import a name from where it is defined."""
    name = module.removeprefix("trainlab.")
    return RANKS[name.split(".")[0]], PLACES.get(name, 1)


@pytest.mark.parametrize("module", [module for module in MODULES if module != "trainlab"])
def test_a_module_imports_lower_ranks_only(module: str) -> None:
    for imported in imports(MODULES[module]):
        top = imported.split(".")[0]
        if top == "trainlab":
            assert rank(imported) < rank(module), f"{module} (rank {rank(module)}) imports {imported}"
        assert top != "mkdocs", "trainlab knows nothing of the site"
        assert top != "matplotlib" or rank(module) >= rank("plots"), f"{module} imports matplotlib"
        assert top != "trainlab_press" or module == "trainlab.cli", f"{module} imports the press"
        assert top != "torch" or module != "trainlab.plots"


def modules_after(code: str) -> set[str]:
    """What a fresh Python has loaded after the code."""
    loaded = f"{code}\nimport sys\nprint(*sys.modules)"
    return set(
        subprocess.run([sys.executable, "-c", loaded], check=True, capture_output=True, text=True).stdout.split()
    )


@pytest.mark.parametrize("module", ["trainlab", "trainlab.plots", "trainlab.experiments"])
def test_what_loads_without_torch(module: str) -> None:
    assert "torch" not in modules_after(f"import {module}")


@pytest.mark.parametrize("module", ["errors", "markdown", "math", "passages", "table_boxes"])
def test_what_mkdocs_loads_of_the_press_leaves_torch_and_trainlab_out(module: str) -> None:
    loaded = modules_after(f"import trainlab_press.{module}")
    assert f"trainlab_press.{module}" in loaded
    assert not {name for name in loaded if name.split(".")[0] in ("torch", "trainlab")}


# What is exported


def test_every_exported_name_is_imported_from_where_it_is_defined() -> None:
    for name in set(trainlab.__all__) - {"__version__"}:
        thing = getattr(trainlab, name)
        assert thing.__name__ == name
        assert thing is vars(sys.modules[thing.__module__])[name]


def test_type_checkers_are_shown_the_same_names_from_the_same_modules() -> None:
    tree = ast.parse(MODULES["trainlab"].read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    shown = {a.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for a in node.names}
    assert shown == {name: getattr(trainlab, name).__module__ for name in set(trainlab.__all__) - {"__version__"}}


@pytest.mark.parametrize("module", ["optimizers", "inits", "schedules", "feedback", "losses", "probes", "landscape"])
def test_nothing_that_a_run_is_made_of_is_left_out(module: str) -> None:
    found = {
        name
        for name, thing in vars(import_module(f"trainlab.{module}")).items()
        if f"{getattr(thing, '__module__', '')}.".startswith(f"trainlab.{module}.")
        and (is_dataclass(thing) or hasattr(thing, "axes"))
        and name != "Snapshot"
    }
    assert found
    assert found <= set(trainlab.__all__)


def test_star_dir_and_version() -> None:
    space: dict[str, object] = {}
    exec("from trainlab import *", space)
    assert set(trainlab.__all__) <= set(space)
    assert set(trainlab.__all__) <= set(dir(trainlab))
    assert len(set(trainlab.__all__)) == len(trainlab.__all__)
    assert trainlab.__version__ == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'trainlab' has no attribute 'Rprop'"):
        _ = trainlab.Rprop  # pyright: ignore[reportAttributeAccessIssue]


def test_the_fingerprint_follows_an_exported_name_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "uses_exported_names.py").write_text("from trainlab import Adam\n\n\ndef make():\n    return Adam()\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert "trainlab.optimizers.adam.Adam" in fingerprint([import_module("uses_exported_names").make])


# The checks of shapes


def test_shapes_are_checked_in_tests() -> None:
    with pytest.raises(jaxtyping.TypeCheckError):
        CrossEntropy()(torch.zeros(5, 3), torch.zeros(4, dtype=torch.int64))


def test_the_checks_change_no_fingerprint(tiny: Run) -> None:
    """A store that tests have filled is good for everybody else."""
    code = """
from trainlab.data import MNIST1D
from trainlab.loop import train_stack
from trainlab.models import MLP
from trainlab.optimizers import Adam
from trainlab.probes import update_ratio
from trainlab.runs import Run
from trainlab.store import Task

data = MNIST1D(rows=400, validation=100, test=200)
run = Run(data=data, model=MLP(inputs=40, outputs=10, depth=1, width=8), lr=0.1, batch_size=32, steps=12)
parts = Task(runs=(run,), probes=(update_ratio,), every=1, dtype="float32", device="cpu").parts(train_stack)
print(sorted(parts.items()))
"""
    plain = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    task = Task(runs=(tiny,), probes=(update_ratio,), every=1, dtype="float32", device="cpu")
    assert isinstance(train_stack, FunctionType)
    assert plain.strip() == str(sorted(task.parts(train_stack).items()))


def test_worker_processes_go_without_the_checks_and_give_the_same_bits(tiny: Run) -> None:
    runs = [tiny, Run(data=tiny.data, model=tiny.model, optimizer=Adam(), lr=0.01, batch_size=32, steps=12)]
    here, there = (train(runs, [update_ratio], jobs=jobs) for jobs in (1, 2))
    assert here.equals(there)
