"""Which edits of the code make a result stale, and which do not."""

import importlib
import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import trainlab
from trainlab import fingerprint as fp
from trainlab.layers import Dropout

Digests = Callable[..., dict[str, str]]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Digests]:
    """Call it with a project's files and the definition to start from; the digests come back."""
    counter = itertools.count()
    before = set(sys.modules)

    def digests(start: str = "main.f", **files: str) -> dict[str, str]:
        folder = tmp_path / str(next(counter))
        for name, text in files.items():
            path = folder / (name.replace(".", "/") + ".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
                del sys.modules[name]
        fp._parse.cache_clear()
        fp._is_project.cache_clear()
        with monkeypatch.context() as patch:
            patch.syspath_prepend(folder)
            patch.setattr(sys, "dont_write_bytecode", True)
            importlib.invalidate_caches()
            module, name = start.rsplit(".", 1)
            return fp.fingerprint([getattr(importlib.import_module(module), name)])

    yield digests
    fp._parse.cache_clear()
    fp._is_project.cache_clear()
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


PLAIN = '''"""Doc."""
RATE = 0.1

class Base:
    """Doc."""
    def g(self, x):
        return x

class Model(Base):
    def f(self, x: float) -> float:
        """Doc."""
        return helper(x) - RATE

def helper(x):
    return 2 * x

def unrelated(x):
    return 3 * x

def f(x):
    # comment
    return Model().f(x)
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Doc."""\nRATE', '"""Another sentence."""\nRATE'),
        ('        """Doc."""\n        return helper', "        return helper"),
        ('    """Doc."""\n    def g', '    """Other."""\n\n    def g'),
        ("    # comment\n", "    # another comment\n\n\n"),
        ("helper(x) - RATE", "(helper(\n            x) - RATE)"),
        ("x: float) -> float", "x: int) -> 'int'"),
        ("def f(x):", "def f(x: list[int]) -> None:"),
        ("return 3 * x", "return 4 * x"),
        ("def unrelated", "def renamed"),
    ],
)
def test_edits_that_change_no_result(project: Digests, old: str, new: str) -> None:
    assert PLAIN.count(old) == 1
    assert project(main=PLAIN) == project(main=PLAIN.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("helper(x) - RATE", "helper(x) + RATE", {"main.Model"}),
        ("return 2 * x", "return -2 * x", {"main.helper"}),
        ("RATE = 0.1", "RATE = -0.1", {"main.RATE"}),
        ("        return x\n", "        return -x\n", {"main.Base"}),
        ("def f(x):", "def f(x=1):", {"main.f"}),
        ("class Model(Base)", "class Model(Base, object)", {"main.Model"}),
    ],
)
def test_edits_that_change_results(project: Digests, old: str, new: str, changed: set[str]) -> None:
    assert PLAIN.count(old) == 1
    before, after = project(main=PLAIN), project(main=PLAIN.replace(old, new))
    assert set(before) == set(after) == {"main.Base", "main.Model", "main.RATE", "main.f", "main.helper"}
    assert {name for name in before if before[name] != after[name]} == changed


LIBRARY = "LIMIT = 1\n\ndef g(x):\n    return x + LIMIT\n\ndef other(x):\n    return x\n"


@pytest.mark.parametrize(
    "main",
    [
        "from lib import g\n\ndef f(x):\n    return g(x)\n",
        "from lib import g as h\n\ndef f(x):\n    return h(x)\n",
        "import lib\n\ndef f(x):\n    return lib.g(x)\n",
        "import lib as l\n\ndef f(x):\n    return l.g(x)\n",
        "from lib import *\n\ndef f(x):\n    return g(x)\n",
        "def f(x):\n    from lib import g\n    return g(x)\n",
        "def f(x):\n    import lib\n    return lib.g(x)\n",
        "try:\n    from lib import g\nexcept ImportError:\n    g = None\n\ndef f(x):\n    return g(x)\n",
        "from lib import g\n\n@(lambda h: g and h)\ndef f(x):\n    return x\n",
        "from lib import g\n\nclass f:\n    h = staticmethod(g)\n",
        "from lib import g\n\nTABLE = {'g': g}\n\ndef f(x):\n    return TABLE['g'](x)\n",
        "from lib import g\n\ndef f(x, h=g):\n    return h(x)\n",
        "from lib import g\n\nasync def f(x):\n    return g(x)\n",
        "from lib import g\n\nTABLE = {}\nTABLE['g'] = g\n\ndef f(x):\n    return TABLE['g'](x)\n",
        "from lib import g\n\nif True:\n    def h(x):\n        return g(x)\n\ndef f(x):\n    return h(x)\n",
    ],
)
def test_every_way_to_import_is_followed(project: Digests, main: str) -> None:
    before = project(main=main, lib=LIBRARY)
    after = project(main=main, lib=LIBRARY.replace("LIMIT = 1", "LIMIT = 2").replace("return x\n", "return -x\n"))
    assert {name for name in before if before[name] != after[name]} == {"lib.LIMIT"}
    assert "lib.g" in before
    assert "lib.other" not in before or "import *" in main


@pytest.mark.parametrize(
    "main",
    [
        "from package import module\n\ndef f(x):\n    return module.g(x)\n",
        "from package import module as m\n\ndef f(x):\n    return m.g(x)\n",
        "import package.module\n\ndef f(x):\n    return package.module.g(x)\n",
        "import package.module as m\n\ndef f(x):\n    return m.g(x)\n",
        "from package.module import g\n\ndef f(x):\n    return g(x)\n",
        "from package import g\n\ndef f(x):\n    return g(x)\n",
        "from package import renamed\n\ndef f(x):\n    return renamed(x)\n",
        "import package\n\ndef f(x):\n    return package.g(x)\n",
        "from package.sibling import twice\n\ndef f(x):\n    return twice(x)\n",
        "from package.sibling import Child\n\ndef f(x):\n    return Child().g(x)\n",
    ],
)
def test_packages_reexports_and_bases_are_followed(project: Digests, main: str) -> None:
    files = {
        "main": main,
        "package.__init__": "from package.module import g\nfrom .module import g as renamed\nfrom . import module\n",
        "package.sibling": (
            "from .module import g, Parent\nfrom . import module\n\n"
            "def twice(x):\n    return module.g(g(x))\n\nclass Child(module.Parent):\n    pass\n"
        ),
        "package.module": "def g(x):\n    return x + 1\n\nclass Parent:\n    def g(self, x):\n        return g(x)\n",
    }
    before = project(**files)
    after = project(**files | {"package.module": files["package.module"].replace("x + 1", "x - 1")})
    assert {name for name in before if before[name] != after[name]} == {"package.module.g"}


def test_decorators_and_base_classes_count(project: Digests) -> None:
    main = "from lib import wrap, Base\n\nclass Model(Base):\n    pass\n\n@wrap\ndef f(x):\n    return Model().g(x)\n"
    lib = "def wrap(h):\n    return h\n\nclass Base:\n    def g(self, x):\n        return x\n"
    before = project(main=main, lib=lib)
    assert {"lib.wrap", "lib.Base", "main.Model", "main.f"} == set(before)
    after = project(main=main, lib=lib.replace("return x", "return -x"))
    assert {name for name in before if before[name] != after[name]} == {"lib.Base"}


def test_a_statement_of_the_module_belongs_to_all_of_it(project: Digests) -> None:
    main = "import os\nos.environ.get('A')\n\ndef f(x):\n    return x\n"
    assert project(main=main) != project(main=main.replace("'A'", "'B'"))
    guard = "def f(x):\n    return x\n\nif __name__ == '__main__':\n    f(1)\n"
    assert project(main=guard) == project(main=guard.replace("f(1)", "f(2)"))


def test_names_that_lead_in_a_circle_end(project: Digests) -> None:
    files = {
        "main": "import lib\n\ndef f(x):\n    return f(x - 1) if x else lib.g(x)\n",
        "lib": "import main\n\ndef g(x):\n    return main.f(x)\n",
    }
    assert set(project(**files)) == {"main.f", "lib.g"}


def test_installed_libraries_are_left_out(project: Digests) -> None:
    main = "import torch\nfrom json import dumps\n\ndef f(x):\n    return torch.relu(x), dumps(x)\n"
    assert set(project(main=main)) == {"main.f"}


def test_names_that_the_package_passes_on_are_followed(project: Digests) -> None:
    main = (
        "from trainlab import MLP, train\n\ndef f():\n    return train, MLP(inputs=40, outputs=10, depth=1, width=8)\n"
    )
    assert {"trainlab.models.MLP", "trainlab.loop.train_stack"} <= set(project(main=main))


def test_a_script_mentions_what_it_imports_and_uses() -> None:
    script = "from trainlab import plots\nfrom trainlab.models import MLP\nplots.figure(), MLP, len\n"
    assert {("trainlab.plots", "figure"), ("trainlab.models", "MLP")} <= fp.mentioned_by(script)
    assert not fp.mentioned_by("from trainlab.models import MLP\n")


PROBE = """
from trainlab.data import MNIST1D
from trainlab.loop import train_stack
from trainlab.models import MLP
from trainlab.optimizers import SGD, Adam
from trainlab.runs import Run
from trainlab.store import Task, Store
from pathlib import Path
import trainlab
assert trainlab.__file__.startswith(%r), trainlab.__file__
for optimizer in (SGD(), Adam()):
    run = Run(data=MNIST1D(rows=40, validation=10, test=10), model=MLP(inputs=40, outputs=10, depth=1, width=8),
              optimizer=optimizer, lr=0.1, batch_size=32, steps=12)
    task = Task((run,), (), 1, "float32", "cpu")
    print(Store(Path()).path(task.request, task.parts(train_stack)))
"""


def keys(folder: Path) -> list[str]:
    """The store's file names for a run of SGD and one of Adam, by the copy of the package in a folder."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    script = PROBE % str(folder)
    (folder / "probe.py").write_text(script)
    done = subprocess.run(
        [sys.executable, str(folder / "probe.py")], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.slow
def test_editing_one_optimizer_leaves_the_keys_of_the_others(tmp_path: Path) -> None:
    package = tmp_path / "trainlab"
    shutil.copytree(
        Path(trainlab.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__", "experiments")
    )
    before = keys(tmp_path)

    def unchanged_after(module: str, old: str, new: str) -> list[bool]:
        file = package / "optimizers" / module
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))
        after = keys(tmp_path)
        file.write_text(text)
        return [a == b for a, b in zip(before, after, strict=True)]

    assert unchanged_after("momentum.py", "Stochastic gradient descent", "Another docstring") == [True, True]
    assert unchanged_after("adam.py", "return -lr * m_hat", "return +lr * m_hat") == [True, False]
    assert unchanged_after("momentum.py", "return -lr * g, state", "return +lr * g, state") == [False, True]


def test_what_was_typed_at_a_prompt_is_refused(tmp_path: Path) -> None:
    script = (
        "from trainlab.fingerprint import fingerprint\n"
        "def net(): pass\n"
        "try: fingerprint([net])\n"
        "except TypeError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-"], input=script, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "net was typed into a notebook" in done.stdout
    assert "move it to a module" in done.stdout


def test_code_behind_an_operation_of_pytorch_is_part_of_what_uses_it() -> None:
    found = fp.fingerprint([Dropout])
    for name in ("_counter_bits", "_counter_bits_of_many", "_mask_key", "_mask_key_of_many", "_keys"):
        assert f"trainlab.random_bits.{name}" in found
