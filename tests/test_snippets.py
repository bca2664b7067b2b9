"""The snippets stand alone, and the book shows what they print."""

import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from trainlab_press import snippets as press
from trainlab_press.errors import PressError

SNIPPETS = Path(__file__).parents[1] / "snippets"
SCRIPTS = sorted(SNIPPETS.glob("*.py"))


class Project:
    """A folder of snippets with what is recorded of them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "snippets").mkdir()

    def write(self, name: str, code: str) -> None:
        (self.root / "snippets" / f"{name}.py").write_text(code, "utf-8")

    def record(self) -> list[str]:
        return press.record(self.root / "snippets", self.root / "live", self.root / "cache")

    def output(self, name: str) -> str:
        return (self.root / "live" / "snippets" / f"{name}.txt").read_text("utf-8")

    def recorded(self) -> list[str]:
        return sorted(path.name for path in (self.root / "live" / "snippets").iterdir())


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def seconds_of_children() -> float:
    """Processor time of the processes that ended so far: unlike the clock, it does not depend on who else is busy."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def test_the_three_snippets_exist() -> None:
    assert {"sgd", "momentum", "adam"} <= {script.stem for script in SCRIPTS}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_reader_who_runs_it_sees_what_the_book_shows(script: Path, tmp_path: Path, recorded: dict[str, str]) -> None:
    copy = tmp_path / "copied.py"
    copy.write_bytes(script.read_bytes())
    before = seconds_of_children()
    done = subprocess.run([sys.executable, copy], cwd=tmp_path, capture_output=True, encoding="utf-8")
    seconds = seconds_of_children() - before
    assert done.stderr == ""
    assert done.returncode == 0
    assert done.stdout == recorded[script.stem]
    assert list(tmp_path.iterdir()) == [copy]
    assert seconds < 10


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_the_output_is_short_and_without_digits_that_differ_between_machines(
    script: Path, recorded: dict[str, str]
) -> None:
    output = recorded[script.stem]
    assert 3 <= len(output.splitlines()) <= 12
    assert max(len(line) for line in output.splitlines()) <= 110
    found = re.findall(r"\d+(?:\.\d+)?", output)
    significant = [n.replace(".", "").lstrip("0") if "." in n else n.strip("0") for n in found]
    assert max((len(digits) for digits in significant), default=0) <= 3, output


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_it_needs_only_torch_numpy_and_matplotlib(script: Path) -> None:
    imported = set(re.findall(r"^\s*(?:import|from) (\w+)", script.read_text("utf-8"), re.MULTILINE))
    assert imported <= {"torch", "numpy", "matplotlib"} | sys.stdlib_module_names
    assert len(script.read_text("utf-8").splitlines()) <= 80


def test_trainlab_is_installed_here_but_not_for_a_snippet(project: Project) -> None:
    subprocess.run([sys.executable, "-I", "-c", "import trainlab, trainlab_press"], check=True)
    for module in ("trainlab", "trainlab_press", "trainlab.types"):
        project.write("cheat", f"import {module}\nprint('got it')")
        with pytest.raises(PressError, match=f"cheat.py.* cannot import {module.split('.')[0]}"):
            project.record()


def test_it_runs_in_an_empty_folder_on_one_thread(project: Project) -> None:
    project.write(
        "where", "import os, sys\nprint(os.listdir(), os.environ['OMP_NUM_THREADS'], sys.flags.isolated, 'β')"
    )
    assert project.record() == ["where"]
    assert project.output("where") == "[] 1 1 β\n"


def test_only_what_changed_runs_again(project: Project) -> None:
    project.write("one", "print(1)")
    project.write("two", "print(2)")
    assert project.record() == ["one", "two"]
    assert project.record() == []
    project.write("two", "print(22)")
    assert project.record() == ["two"]
    assert (project.output("one"), project.output("two")) == ("1\n", "22\n")
    project.write("two", "print(2)")
    assert project.record() == [], "what was recorded before is still known"
    assert project.output("two") == "2\n"


def test_it_runs_again_when_a_version_or_the_runner_changes(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write("one", "print(1)")
    assert project.record() == ["one"]
    monkeypatch.setattr(press, "versions", lambda *packages: "torch 99")
    assert project.record() == ["one"]


def test_what_was_lost_is_published_again_and_what_was_removed_goes(project: Project) -> None:
    project.write("one", "print(1)")
    project.write("two", "print(2)")
    project.record()
    (project.root / "live" / "snippets" / "one.txt").unlink()
    (project.root / "snippets" / "two.py").unlink()
    assert project.record() == []
    assert project.recorded() == ["one.txt"]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("print(1)\n1 / 0", "good.py: ZeroDivisionError: division by zero"),
        ("import warnings\nwarnings.warn('careful')", "good.py: UserWarning: careful"),
        ("import sys\nprint('note', file=sys.stderr)", "good.py: note"),
        ("import os\nos._exit(3)", "good.py ended with exit code 3"),
        ("def broken(:", "good.py: SyntaxError"),
    ],
)
def test_a_broken_snippet_is_an_error_and_leaves_what_is_recorded(project: Project, code: str, message: str) -> None:
    project.write("another", "print('old')")
    project.write("good", "print('old')")
    project.record()
    project.write("another", "print('new')")
    project.write("good", code)
    with pytest.raises(PressError, match=re.escape(message)):
        project.record()
    assert (project.output("good"), project.output("another")) == ("old\n", "old\n")
    assert project.recorded() == ["another.txt", "good.txt"], "and nothing half written"


def test_a_snippet_that_does_not_end_is_stopped(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(press, "TIME_LIMIT", 0.5)
    project.write("forever", "while True: pass")
    with pytest.raises(PressError, match=r"forever\.py took longer than 0\.5 s"):
        project.record()
