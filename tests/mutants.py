"""Applies deliberate faults, one at a time, to a copy of the checkout, and reports which check catches each.

`make mutants` runs all of `mutants.toml`, `make mutants NAMES="he-gain-one loss-summed"` some of them. A fault that
no check catches is a missing test; the exit code is then 1.
"""

import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIST = Path(__file__).with_suffix(".toml")
AT_ONCE = 2
LIMIT = 900
"""Seconds for one command. A fault under which it takes longer counts as caught: somebody would notice."""

LEFT_OUT = (".git", ".venv*", ".cache", ".*_cache", ".hypothesis", "__pycache__", "live", "site")
PYTEST = ("-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider", "--timeout=300")
# The checks of this list would fail under every fault, so they say nothing about any.
SUITE = ("-m", "not slow and not site", "--ignore=tests/test_mutants.py", "tests")

FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)
VERDICT = re.compile(r"claim (\S+): the book says (\w+), the runs say (\w+)")


class CannotJudge(Exception):
    """A command neither passed nor failed a check, so it says nothing about the fault."""


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One deliberate fault.

    Args:
        name: of the fault.
        file: under src/.
        old: text that stands in the file exactly once.
        new: what replaces it.
        tests: what pytest runs first.
        claim: the experiment whose verdict must change; no test is run then.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...] = ()
    claim: str = ""

    def __post_init__(self) -> None:
        if bool(self.tests) == bool(self.claim):
            raise ValueError(f"mutant {self.name}: give either tests or a claim")
        if self.old == self.new:
            raise ValueError(f"mutant {self.name}: old and new are the same")

    def applied(self, text: str) -> str:
        """The file's text with the fault.

        Raises:
            ValueError: the old text does not stand in it exactly once.
        """
        if (count := text.count(self.old)) != 1:
            raise ValueError(f"mutant {self.name}: old stands {count} times in src/{self.file}, which must be once")
        return text.replace(self.old, self.new)


def read(path: Path = LIST) -> list[Mutant]:
    """Every fault of the list."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return [Mutant(name=name, **{**table, "tests": tuple(table.get("tests", ()))}) for name, table in tables.items()]


def caught(mutant: Mutant, root: Path) -> str | None:
    """What catches a fault in this copy of the checkout, which is left as it was.

    Returns:
        The test, or the claim with both verdicts; None where nothing does.

    Raises:
        CannotJudge: a command did not get as far as its checks.
    """
    path = root / "src" / mutant.file
    text = path.read_text(encoding="utf-8")
    path.write_text(mutant.applied(text), encoding="utf-8")
    try:
        if mutant.claim:
            return changed_verdict(mutant.claim, root)
        return failed_test(mutant.tests, root) or failed_test(SUITE, root)
    finally:
        path.write_text(text, encoding="utf-8")


def failed_test(arguments: Sequence[str], root: Path) -> str | None:
    """The first test that fails; None where all pass."""
    code, said = run([*PYTEST, *arguments], root)
    if code is None:
        return f"no end after {LIMIT} s"
    if code == 0:
        return None
    found = FAILED.search(said)
    if code != 1 or not found:  # a test that cannot be collected is no test that fails
        raise CannotJudge(f"pytest {' '.join(arguments)} ended with {code}: {last_line(said)}")
    return found[1].removeprefix("tests/")


def changed_verdict(experiment: str, root: Path) -> str | None:
    """The first claim of an experiment whose verdict is not what the book says; None where all are."""
    code, said = run(["-m", "trainlab.cli", "run", experiment, "--force", "--jobs", "1"], root)
    if code is None:
        return f"no end after {LIMIT} s"
    if code == 0:
        return None
    if not (found := VERDICT.search(said)):
        raise CannotJudge(f"trainlab run {experiment} ended with {code}: {last_line(said)}")
    return f"claim {found[1]}: {found[2]} -> {found[3]}"


def run(arguments: Sequence[str], root: Path) -> tuple[int | None, str]:
    """The exit code and the output of Python in a copy of the checkout; no code where it had to be stopped."""
    environment = {**os.environ, "PYTHONPATH": str(root / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    pipe, both = subprocess.PIPE, subprocess.STDOUT
    with subprocess.Popen(
        [sys.executable, *arguments], cwd=root, env=environment, text=True, stdout=pipe, stderr=both, process_group=0
    ) as process:
        try:
            said, _ = process.communicate(timeout=LIMIT)
            return process.returncode, said
        except subprocess.TimeoutExpired:
            return None, ""
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def last_line(said: str) -> str:
    """The last line that says something."""
    return next((line for line in reversed(said.splitlines()) if line.strip()), "it said nothing")


def copy(target: Path) -> Path:
    """A copy of the checkout without what was built in it."""
    return Path(shutil.copytree(ROOT, target, ignore=shutil.ignore_patterns(*LEFT_OUT)))


def check_copy(root: Path, mutants: Iterable[Mutant]) -> None:
    """Check that a copy runs its own code, and that every check passes there without a fault.

    Raises:
        CannotJudge: or a check that fails anyway would seem to catch faults.
    """
    _, said = run(["-c", "import trainlab, trainlab_press; print(trainlab.__file__, trainlab_press.__file__)"], root)
    if said.count(str(root)) != 2:
        raise CannotJudge(f"the copy in {root} does not run its own code: {last_line(said)}")
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    if tests and (broken := failed_test(tests, root)):
        raise CannotJudge(f"{broken} fails without any fault; mend it first")
    for experiment in sorted({mutant.claim for mutant in mutants if mutant.claim}):
        if changed := changed_verdict(experiment, root):
            raise CannotJudge(f"{changed} without any fault; `trainlab run {experiment}` says more")


def try_all(mutants: Sequence[Mutant], copies: Sequence[Path], report: Callable[[str], None]) -> list[str]:
    """Apply every fault, one at a time in each copy, and report a line each.

    Returns:
        The names of those that nothing caught, or that could not be judged.
    """
    free: queue.Queue[Path] = queue.Queue()
    for root in copies:
        free.put(root)

    def one(mutant: Mutant) -> str | None:
        root, start = free.get(), time.monotonic()
        try:
            found = caught(mutant, root)
            report(f"{mutant.name:48} {time.monotonic() - start:5.0f} s  {found or 'SURVIVES'}")
        except (CannotJudge, ValueError) as error:
            found = None
            report(f"{mutant.name:48} CANNOT BE JUDGED: {error}")
        finally:
            free.put(root)
        return None if found else mutant.name

    with ThreadPoolExecutor(len(copies)) as pool:
        return [name for name in pool.map(one, mutants) if name]


def main(names: Sequence[str]) -> int:
    """Try the faults with these names, or all of them."""
    start, mutants = time.monotonic(), read()
    if unknown := set(names) - {mutant.name for mutant in mutants}:
        print(f"no mutant is called {', '.join(sorted(unknown))}; see {LIST.name}", file=sys.stderr)
        return 2
    mutants = [mutant for mutant in mutants if not names or mutant.name in names]
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies = [copy(Path(folder).resolve() / str(number)) for number in range(min(AT_ONCE, len(mutants)))]
        try:
            check_copy(copies[0], mutants)
        except CannotJudge as error:
            print(error, file=sys.stderr)
            return 2
        survivors = try_all(mutants, copies, lambda line: print(line, flush=True))
    minutes = (time.monotonic() - start) / 60
    print(f"\n{len(mutants) - len(survivors)} of {len(mutants)} mutants were caught, in {minutes:.1f} minutes.")
    if survivors:
        print(f"Write a test that catches {', '.join(survivors)}.")
    return bool(survivors)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
