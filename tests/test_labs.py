"""Labs execute to the same bytes every time, and a lab that is wrong never reaches the site."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from checkout import forget_experiments
from trainlab.fingerprint import fingerprint
from trainlab_press import labs as press
from trainlab_press.errors import PressError

SHOW = """
from IPython.display import display
def show(alt):
    display({"image/png": "iVBORw0KGgo=", "text/plain": alt}, raw=True, metadata={"alt": alt})
"""
GOOD_ALT = "One dot that is the colour of snow"
FIRST = f"""\
# ---
# jupyter:
#   jupytext:
#     text_representation:
#       format_name: percent
# ---

# %% [markdown]
# # First lab

# %% tags=["keep"] collapsed=true
import os, sys, uuid
print(os.getcwd(), os.listdir(), os.environ["OMP_NUM_THREADS"])
print(sys.executable, object(), "\\x1b[31mred\\x1b[0m")
one, two = uuid.uuid4(), uuid.uuid4()
print(one, two, one)

# %%
{SHOW.strip()}
show("{GOOD_ALT}")

# %%
from IPython.display import HTML
HTML(f"<p id='{{one}}'>an id</p>")
"""


def write(folder: Path, name: str, code: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(code, "utf-8")
    return folder / name


NO_CODE: dict[str, str] = {}


class Project:
    """A folder of labs with their notebooks."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, name: str, code: str) -> None:
        write(self.root / "labs", f"{name}.py", code)

    def execute(self, code: dict[str, str] = NO_CODE, cache: str = "cache") -> list[str]:
        return press.execute_labs(self.root / "labs", self.root / "live", self.root / cache, 2, code)

    def notebook(self, name: str) -> bytes:
        return (self.root / "live" / "labs" / f"{name}.ipynb").read_bytes()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("a worker was asked for, but everything is known")

    monkeypatch.setattr("concurrent.futures.ThreadPoolExecutor.submit", never)


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    text = press.execute(write(tmp_path_factory.mktemp("labs"), "first.py", FIRST))
    nbformat.validate(nbformat.reads(text, as_version=4))
    return json.loads(text)


def output_text(notebook: dict[str, Any], cell: int) -> str:
    return "".join("".join(output.get("text", [])) for output in notebook["cells"][cell]["outputs"])


def test_a_lab_runs_in_an_empty_folder_on_one_thread_in_this_interpreter(executed: dict[str, Any]) -> None:
    assert output_text(executed, 1).splitlines() == [
        ". [] 1",
        f"<python>{sys.executable.removeprefix(sys.prefix)} <object object at 0x...> red",
        "id-1 id-2 id-1",
    ]


def test_nothing_is_left_that_differs_between_executions_or_machines(executed: dict[str, Any]) -> None:
    text = json.dumps(executed)
    assert sys.prefix not in text
    assert str(Path(__file__).parents[1]) not in text
    assert "\\u001b" not in text
    assert executed["cells"][3]["outputs"][0]["data"]["text/html"] == ["<p id='id-1'>an id</p>"]
    assert [cell["id"] for cell in executed["cells"]] == ["cell-1", "cell-2", "cell-3", "cell-4"]
    assert [cell["metadata"] for cell in executed["cells"]] == [{}, {"tags": ["keep"]}, {}, {}]
    assert set(executed["metadata"]) == {"kernelspec", "language_info"}


def test_an_image_keeps_its_text_alternative(executed: dict[str, Any]) -> None:
    (image,) = executed["cells"][2]["outputs"]
    assert image["metadata"] == {"alt": GOOD_ALT}
    assert image["data"]["image/png"].startswith("iVBOR")


def test_two_cold_executions_give_the_same_bytes_and_a_warm_one_executes_nothing(
    project: Project, request: pytest.FixtureRequest
) -> None:
    project.write("first", FIRST)
    project.write("second", "# %%\nprint('second')")
    assert project.execute() == ["first", "second"]
    before = project.notebook("first")
    assert project.execute(cache="another") == ["first", "second"]
    assert project.notebook("first") == before

    request.getfixturevalue("forbidden")
    (project.root / "live" / "labs" / "first.ipynb").unlink()
    (project.root / "labs" / "second.py").unlink()
    assert project.execute() == []
    assert project.notebook("first") == before
    assert [path.name for path in (project.root / "live" / "labs").iterdir()] == ["first.ipynb"]


def test_the_key_changes_with_the_page_the_code_and_the_versions(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(press, "_execute_apart", lambda page: asked.append(page.read_text("utf-8")) or "{}")
    project.write("first", "# %%\n1")
    assert project.execute() == ["first"]
    assert project.execute() == []
    assert project.execute(code={"a.b": "other"}) == ["first"]
    monkeypatch.setattr(press, "versions", lambda *_: "torch 99")
    assert project.execute() == ["first"]
    project.write("first", "# %%\n2")
    assert project.execute() == ["first"]
    assert asked == ["# %%\n1"] * 3 + ["# %%\n2"]


def test_a_broken_lab_leaves_what_is_published(project: Project) -> None:
    project.write("another", "# %%\nprint('old')")
    project.write("first", "# %%\nprint('old')")
    project.execute()
    before = project.notebook("first"), project.notebook("another")
    project.write("another", "# %%\nprint('new')")
    project.write("first", "# Text\n\n# %%\nx = 0\n\n# %%\nprint(1 / x)")
    with pytest.raises(
        PressError, match=re.escape("labs/first.py, cell 3 (print(1 / x)): ZeroDivisionError: division")
    ):
        project.execute()
    assert (project.notebook("first"), project.notebook("another")) == before


def test_code_that_is_edited_while_a_lab_executes_leaves_no_notebook(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, before = tmp_path / "edited_by_a_lab.py", "def one():\n    return 1\n"
    module.write_text(before, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    code = fingerprint([("edited_by_a_lab", "one")])
    project.write("first", f"# %%\nfrom pathlib import Path\nPath({str(module)!r}).write_text('def one(): return 2')")
    try:
        with pytest.raises(PressError, match=r"^labs/first\.py: .*edited_by_a_lab\.py changed while its code was"):
            project.execute(code)
        assert not (project.root / "live").exists()
        assert not list((project.root / "cache").rglob("*.ipynb")), "a lab of other code is cached"
        forget_experiments()
        module.write_text(before, "utf-8")
        project.write("first", "# %%\nprint('no edit')")
        assert fingerprint([("edited_by_a_lab", "one")]) == code
        assert project.execute(code) == ["first"]
    finally:
        forget_experiments()


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("raise ValueError('first line\\nlast line')", "cell 1 (raise ValueError('first line\\nlast line')): Value"),
        ("# %% tags=['raises-exception']\n1 / 0", "cell 1 (1 / 0): ZeroDivisionError: division by zero"),
        ("import warnings; warnings.warn('careful')", "wrote to stderr: UserWarning: careful"),
        (f"{SHOW}\nshow('too short')", "shows an image whose text alternative is 'too short'; end the cell with"),
        (f"{SHOW}\ndisplay({{'image/png': ''}}, raw=True)", "shows an image whose text alternative is ''"),
        ("# %% tags=['figure']\n1", "plots but shows no image"),
        ("def show(fig): pass\n\n# %%\n%time\nshow(1)", "cell 2 (%time) plots but"),
    ],
    ids=["error", "allowed-error", "warning", "short-alt", "no-alt", "tagged", "called"],
)
def test_a_cell_that_breaks_a_rule_is_named(tmp_path: Path, code: str, message: str) -> None:
    page = write(tmp_path / "labs", "bad.py", code if code.startswith("# %%") else f"# %%\n{code}")
    with pytest.raises(PressError) as caught:
        press.execute(page)
    assert str(caught.value).startswith("labs/bad.py, cell ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_another_backend_does_not_remove_a_figure_unseen(tmp_path: Path) -> None:
    code = "# %%\nimport matplotlib\nmatplotlib.use('Agg')\nimport matplotlib.pyplot as plt\nfig, ax = plt.subplots()"
    with pytest.raises(PressError, match=r"cell 1 \(import matplotlib\) plots but shows no image"):
        press.execute(write(tmp_path, "silent.py", code))


def test_a_cell_that_does_not_end_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(press, "TIME_LIMIT", 1)
    with pytest.raises(PressError, match=r"cell 1 \(while True: pass\) took longer than 1 s"):
        press.execute(write(tmp_path, "forever.py", "# %%\nwhile True: pass"))


def test_a_kernel_that_dies_is_reported(tmp_path: Path) -> None:
    with pytest.raises(PressError, match="its kernel was killed"):
        press.execute(write(tmp_path, "dies.py", "# %%\nimport os\nos._exit(1)"))
