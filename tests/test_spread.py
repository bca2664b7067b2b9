"""Several processes share the suite, and what belongs together stays in one of them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import spread
from trainlab import experiments

ROOT = Path(__file__).parents[1]


def test_every_experiment_is_a_unit_and_so_is_every_other_file() -> None:
    for name in experiments.names():
        own = f"{spread.EXPERIMENTS}[{name}]"
        assert spread.unit(f"{spread.EXPERIMENTS}::test_question_and_caption[{name}]") == own
        assert spread.unit(f"{spread.EXPERIMENTS}::test_a_number[deep-er.md-{name}.a-b_1.5:.1f]") == own
    assert spread.unit(f"{spread.EXPERIMENTS}::test_names_are_those_of_the_files") == spread.EXPERIMENTS
    for test in ("test_a", "test_a[adam]", "test_a[x.md-adam.b]"):
        assert spread.unit(f"tests/test_site.py::{test}") == "tests/test_site.py"


def test_long_files_come_first_and_exist() -> None:
    assert [file for file in spread.FIRST if not (ROOT / file).is_file()] == []
    files = ["tests/test_a.py", *reversed(spread.FIRST), "tests/test_b.py"]
    assert sorted(files, key=spread.rank) == [*spread.FIRST, "tests/test_a.py", "tests/test_b.py"]


CONFTEST = """
import pytest, spread

@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return spread.scheduler(config, log)
"""

LONG = """
import os, pytest
from pathlib import Path

@pytest.mark.parametrize("number", range(8))
def test_long(number):
    with Path(__file__).with_suffix(".log").open("a") as file:
        print(os.getpid(), number, file=file)
"""


def test_a_file_stays_in_one_process_and_in_its_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    (tmp_path / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    names = [f"test_{letter}" for letter in "abcdef"]
    for name in names:
        (tmp_path / f"{name}.py").write_text(LONG, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "xdist", "-n", "2", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert re.search(r"^48 passed", done.stdout, re.MULTILINE), done.stdout + done.stderr
    logs = [(tmp_path / f"{name}.log").read_text(encoding="utf-8").split() for name in names]
    assert [len(set(log[::2])) for log in logs] == [1] * 6
    assert [log[1::2] for log in logs] == [[str(number) for number in range(8)]] * 6
    assert len({log[0] for log in logs}) == 2, "both processes took part"
