"""The list of deliberate faults fits the code, and its runner tells what is caught from what is not.

The faults themselves are tried by `make mutants`, which takes minutes.
"""

import re
import textwrap
from pathlib import Path

import pytest

import mutants
from mutants import CannotJudge, Mutant

LIST = mutants.read()
RIGHT = "def double(x):\n    return 2 * x\n"
FAULT = Mutant(name="fault", file="small.py", old="2 * x", new="3 * x", tests=("tests/test_small.py",))


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout of one function and one test, which looks at the number 2; pytest starts there without plugins."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setattr(mutants, "PYTEST", [part for part in mutants.PYTEST if not part.startswith("--timeout")])
    for folder in ("src", "tests"):
        (tmp_path / folder).mkdir()
    (tmp_path / "src" / "small.py").write_text(RIGHT, encoding="utf-8")
    test = "from small import double\n\n\ndef test_double():\n    assert double(2) == 4\n"
    (tmp_path / "tests" / "test_small.py").write_text(test, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("mutant", LIST, ids=lambda mutant: mutant.name)
def test_the_fault_fits_its_file_and_its_tests_exist(mutant: Mutant) -> None:
    text = (mutants.ROOT / "src" / mutant.file).read_text(encoding="utf-8")
    compile(mutant.applied(text), mutant.file, "exec")
    for test in mutant.tests:
        path, _, name = test.partition("::")
        assert f"\ndef {name.partition('[')[0]}" in (mutants.ROOT / path).read_text(encoding="utf-8"), test
    if mutant.claim:
        experiment = mutants.ROOT / "src" / "trainlab" / "experiments" / f"{mutant.claim}.py"
        assert "Claim(" in experiment.read_text(encoding="utf-8")


def test_the_list_is_long_and_some_faults_are_for_claims() -> None:
    assert len(LIST) >= 40
    assert len([mutant for mutant in LIST if mutant.claim]) >= 2
    assert len({mutant.file for mutant in LIST}) >= 15


def test_a_fault_is_caught_by_the_test_that_it_breaks(small: Path) -> None:
    assert mutants.caught(FAULT, small) == "test_small.py::test_double"
    assert (small / "src" / "small.py").read_text(encoding="utf-8") == RIGHT


def test_what_its_own_tests_overlook_the_suite_may_catch(small: Path) -> None:
    (small / "tests" / "test_other.py").write_text("def test_nothing():\n    assert True\n", encoding="utf-8")
    fault = Mutant(name="fault", file="small.py", old="2 * x", new="x + x + 1", tests=("tests/test_other.py",))
    assert mutants.caught(fault, small) == "test_small.py::test_double"


def test_a_fault_that_no_test_sees_survives(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fault = Mutant(name="survivor", file="small.py", old="2 * x", new="x**2", tests=("tests/test_small.py",))
    assert mutants.try_all([FAULT, fault], [small], print) == ["survivor"]
    lines = capsys.readouterr().out.splitlines()
    said = [re.sub(r" +\d+ s +", ": ", line) for line in lines]
    assert said == ["fault: test_small.py::test_double", "survivor: SURVIVES"]


def test_a_fault_under_which_tests_cannot_start_is_not_caught(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fault = Mutant(name="typo", file="small.py", old="2 * x", new="2 *", tests=("tests/test_small.py",))
    with pytest.raises(CannotJudge, match="ended with 2"):
        mutants.caught(fault, small)
    assert mutants.try_all([fault], [small], print) == ["typo"]
    assert "CANNOT BE JUDGED" in capsys.readouterr().out
    assert (small / "src" / "small.py").read_text(encoding="utf-8") == RIGHT


def test_a_copy_must_run_its_own_code_and_be_sound(small: Path) -> None:
    with pytest.raises(CannotJudge, match="does not run its own code"):
        mutants.check_copy(small, [FAULT])
    for package in ("trainlab", "trainlab_press"):
        (small / "src" / package).mkdir()
        (small / "src" / package / "__init__.py").touch()
    mutants.check_copy(small, [FAULT])
    (small / "src" / "small.py").write_text(RIGHT.replace("2", "3"), encoding="utf-8")
    with pytest.raises(CannotJudge, match=r"test_small.py::test_double fails without any fault"):
        mutants.check_copy(small, [FAULT])


def test_a_claim_catches_what_changes_its_verdict(tmp_path: Path) -> None:
    says = "claim one/a-is-b: the book says holds, the runs say null: 0.1 [-0.2, 0.4], n = 10; correct the sentence"
    package = tmp_path / "src" / "trainlab"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    program = f"""
        import sys
        from pathlib import Path
        assert sys.argv[1:] == ["run", "one", "--force", "--jobs", "1"]
        verdict = {{"one": "", "two": {says!r}, "three": "one: no such file"}}[Path({str(package)!r}, "n").read_text()]
        sys.exit(verdict or 0)
    """
    (package / "cli.py").write_text(textwrap.dedent(program), encoding="utf-8")
    (package / "n").write_text("one", encoding="utf-8")
    assert mutants.changed_verdict("one", tmp_path) is None
    fault = Mutant(name="fault", file="trainlab/n", old="one", new="two", claim="one")
    assert mutants.caught(fault, tmp_path) == "claim one/a-is-b: holds -> null"
    with pytest.raises(CannotJudge, match="ended with 1: one: no such file"):
        mutants.caught(Mutant(name="fault", file="trainlab/n", old="one", new="three", claim="one"), tmp_path)


def test_a_command_without_an_end_is_stopped(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutants, "LIMIT", 0.5)
    assert mutants.run(["-c", "import time; time.sleep(60)"], small) == (None, "")


def test_a_bad_entry_is_named() -> None:
    with pytest.raises(ValueError, match="mutant a: give either tests or a claim"):
        Mutant(name="a", file="small.py", old="x", new="y")
    with pytest.raises(ValueError, match="mutant a: old and new are the same"):
        Mutant(name="a", file="small.py", old="x", new="x", claim="one")
    with pytest.raises(ValueError, match=r"mutant fault: old stands 2 times in src/small.py"):
        FAULT.applied(RIGHT + RIGHT)


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert mutants.main(["no-such-fault"]) == 2
    assert "no mutant is called no-such-fault" in capsys.readouterr().err
