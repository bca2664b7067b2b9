"""The command line: what it prints, what it leaves behind when something is wrong, and that it can be stopped."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from checkout import SMALL, Book, Checkout, book, edited, tree, without_seconds
from trainlab import cli
from trainlab.data import MNIST1D
from trainlab.store import Store
from trainlab_press.elements import say_interval
from trainlab_press.staleness import some

ROOT = Path(__file__).parents[1]
DATA = MNIST1D(rows=400, validation=100, test=200)
NAMELESS = (
    "which a stored result cannot name; define it with def or @dataclass(frozen=True) at the top level of a module"
)

BROKEN = {
    "a rate below zero": (
        ("lr=0.1", "lr=-0.1"),
        "experiment one: lr must be > 0 and finite, got -0.1",
    ),
    "a rate below zero in measure": (
        ("seed=range(10))", "lr=[0.1, -0.1], seed=range(10))"),
        "experiment one: lr must be > 0 and finite, got -0.1",
    ),
    "an empty batch": (
        ("batch_size=32", "batch_size=0"),
        "experiment one: batch_size must be >= 1, got 0",
    ),
    "a batch larger than the data": (
        ("batch_size=32", "batch_size=401"),
        f"experiment one: batch_size must be at most the 400 training rows of {DATA}, got 401",
    ),
    "a lambda": (
        ("steps=12", "steps=12, schedule=lambda step, steps: 1.0"),
        f"experiment one: Run.schedule is a lambda, {NAMELESS}",
    ),
    "no steps": (
        ("steps=12", "steps=True"),
        "experiment one: steps must be an int, got True",
    ),
    "no runs": (
        ("[SGD(), Adam()]", "[]"),
        "experiment one: train needs at least one run, got none",
    ),
    "a part that is missing": (
        ("def alt(", "def text("),
        "experiment one lacks alt; trainlab.experiments says what each part is",
    ),
    "a colour of its own": (
        ('ax.set(xlabel="updates"', 'ax.axhline(1, color="red"); ax.set(xlabel="updates"'),
        "one: draw() uses #ff0000; take colours from plots.SERIES and plots.INK",
    ),
}


@dataclass
class Done:
    code: int
    out: str
    errors: str

    @property
    def message(self) -> str:
        """The only line on stderr, besides those of progress."""
        lines = [line for line in re.split("[\r\n]+", self.errors) if line and not re.match(r"\[\d+/\d+\] ", line)]
        assert len(lines) == 1, self.errors
        return lines[0].removeprefix("trainlab: ")


Run = Callable[..., Done]


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Book]:
    with book(tmp_path) as made:
        made.write("one")
        yield made


@pytest.fixture
def run(one: Book, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in this process, in the folder of the book."""
    monkeypatch.chdir(one.project.root)
    monkeypatch.delenv("TRAINLAB_DEBUG", raising=False)

    def command(*arguments: str) -> Done:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            cli.main(arguments)
        out, errors = capsys.readouterr()
        code = left.value.code
        return Done(1, out, f"{errors}\n{code}") if isinstance(code, str) else Done(int(code or 0), out, errors)

    return command


# trainlab run


def test_run_trains_and_draws_and_then_does_nothing(one: Book, run: Run) -> None:
    one.write("two")
    first = run("run", "--jobs", "1")
    assert first.code == 0
    assert first.out.splitlines() == ["one: 20 runs trained, figure drawn", "two: 0 runs trained, figure drawn"]
    before = tree(one.project.root)
    again = run("run", "--jobs", "1")
    assert again.out.splitlines() == ["one: 0 runs trained, figure unchanged", "two: 0 runs trained, figure unchanged"]
    assert again.errors.splitlines() == ["2 of 2 experiments are as they were: nothing to train."]
    assert tree(one.project.root) == before


def test_run_of_some_leaves_the_others(one: Book, run: Run) -> None:
    one.write("two")
    assert run("run", "two", "--jobs", "1").out == "two: 20 runs trained, figure drawn\n"
    assert set(one.stamps()) == {"two.json", "two.svg", "two.csv", "claims.json"}


def test_force_trains_again(run: Run) -> None:
    run("run", "--jobs", "1")
    assert run("run", "--force", "--jobs", "1").out == "one: 20 runs trained, figure unchanged\n"


def test_smoke_cuts_the_runs(one: Book, run: Run) -> None:
    one.write("one", edited(SMALL, ("steps=12", "steps=40")))
    assert run("run", "--smoke", "--jobs", "1").code == 0
    assert one.json("one")["training_steps"] == 240


def test_run_works_below_the_root(one: Book, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(one.folder)
    assert run("run", "--jobs", "1").code == 0
    assert (one.project.live / "one.svg").exists()


def test_a_differing_verdict_fails_the_run(one: Book, run: Run) -> None:
    one.write("one", edited(SMALL, ('expect="holds"', 'expect="null", why="It is small."')))
    done = run("run", "--jobs", "1")
    assert done.code == 1
    assert done.message.startswith("claim one/loss-falls: the book says null, the runs say holds: ")
    assert done.message.endswith("n = 10; correct the sentence or what it expects")


# Mistakes


@pytest.mark.parametrize(("edit", "words"), BROKEN.values(), ids=BROKEN)
def test_a_mistake_in_an_experiment_is_one_line_and_nothing_is_published(
    one: Book, run: Run, edit: tuple[str, str], words: str
) -> None:
    one.write("one", edited(SMALL, edit))
    before = tree(one.project.root)
    done = run("run", "--jobs", "1")
    assert done.code == 1
    assert done.message == words
    assert done.out == ""
    after = {name: content for name, content in tree(one.project.root).items() if not name.startswith(".cache/")}
    assert after == before
    if "draw()" not in words:
        assert not one.project.cache.exists(), "nothing was trained either"


def test_a_mistake_in_the_last_experiment_is_found_before_the_first_is_trained(one: Book, run: Run) -> None:
    one.write("two", edited(SMALL, ("lr=0.1", "lr=-0.1")))
    before = tree(one.project.root)
    assert run("run", "--jobs", "1").message == "experiment two: lr must be > 0 and finite, got -0.1"
    assert tree(one.project.root) == before


USAGE = {
    "an unknown experiment": (
        ["run", "nonsense"],
        1,
        "no experiment 'nonsense'; there are one",
    ),
    "a misspelt experiment": (["run", "onne"], 1, "no experiment 'onne'; did you mean one?"),
    "no jobs": (
        ["run", "--jobs", "0"],
        2,
        "trainlab run: argument --jobs: must be a whole number >= 1, got 0; see trainlab run --help",
    ),
    "jobs in words": (
        ["site", "--jobs", "many"],
        2,
        "trainlab site: argument --jobs: must be a whole number >= 1, got many; see trainlab site --help",
    ),
    "a port too far": (
        ["serve", "--port", "65536"],
        2,
        "trainlab serve: argument --port: must be a whole number from 1 to 65535, got 65536; see trainlab serve --help",
    ),
    "an unknown command": (["train"], 2, r"argument COMMAND: invalid choice: 'train' .*see trainlab --help"),
    "no command": ([], 2, "trainlab: the following arguments are required: COMMAND; see trainlab --help"),
    "an unknown device": (
        ["run", "--device", "abacus"],
        2,
        r"argument --device: abacus is not to be had here \(.*\); take cpu; see trainlab run --help",
    ),
    "a memory in words": (
        ["run", "--memory", "lots"],
        2,
        "trainlab run: argument --memory: must be a size such as 2G or 500M, got lots; see trainlab run --help",
    ),
    "a memory that holds no run": (
        ["run", "--memory", "1k", "--jobs", "1"],
        1,
        r"^experiment one: one run of MLP.* needs about .* KiB of memory, more than the 1.0 KiB allowed for a process",
    ),
    "an engine without a scheme": (
        ["run", "--engine", "localhost:8786"],
        2,
        r"argument --engine: engine must be the address of a Dask scheduler, tcp://HOST:PORT, got localhost:8786; see",
    ),
    "an engine that is not there": (
        ["run", "--engine", "tcp://127.0.0.1:1"],
        1,
        r"^experiment one: no Dask scheduler answers at tcp://127.0.0.1:1 \(.*\); start one: dask scheduler$",
    ),
    "no claims yet": (["claims"], 1, "no claim has been tested yet; `trainlab run` tests them"),
}


@pytest.mark.parametrize(("arguments", "code", "words"), USAGE.values(), ids=USAGE)
def test_a_mistake_on_the_command_line_is_one_line(
    one: Book, run: Run, arguments: list[str], code: int, words: str
) -> None:
    before = tree(one.project.root)
    done = run(*arguments)
    assert done.code == code
    assert re.search(words, done.message) or done.message == words.removeprefix("trainlab: ")
    assert done.out == ""
    assert tree(one.project.root) == before


def test_outside_of_a_checkout_nothing_happens(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "trainlab.cli", "run"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        f"trainlab: there is no mkdocs.yml in {tmp_path} or above it; run this inside a clone of the book\n"
    )
    assert not list(tmp_path.iterdir())


def test_debugging_shows_where_a_mistake_is(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINLAB_DEBUG", "1")
    with pytest.raises(ValueError, match="no experiment 'nonsense'"):
        cli.main(["run", "nonsense"])


def test_help_names_the_commands(run: Run) -> None:
    done = run("--help")
    assert done.code == 0
    assert [word for word in ("list", "run", "pilot", "claims", "site", "serve") if f"\n    {word} " in done.out] == [
        *("list", "run", "pilot", "claims", "site", "serve")
    ]


def test_the_command_line_itself_loads_nothing_heavy() -> None:
    code = "import sys, trainlab.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "trainlab.engine" in loaded
    heavy = {"torch", "numpy", "scipy", "xarray", "pandas", "matplotlib", "loky", "distributed", "tqdm"}
    assert heavy.isdisjoint(loaded)


# trainlab list


def states(done: Done) -> dict[str, str]:
    assert done.code == 0
    return {line.split()[0]: line.split(" s   ")[1] for line in done.out.splitlines()}


def test_list_says_what_there_is_to_do(one: Book, run: Run) -> None:
    one.write("two", edited(SMALL, ("batch_size=32", "batch_size=16")))
    assert states(run("list")) == dict.fromkeys(("one", "two"), "stale: 20 of 20 runs to train: never trained")
    assert not one.project.cache.exists()
    assert not one.project.live.exists()
    run("run", "one", "--jobs", "1")
    assert states(run("list")) == {"one": "fresh", "two": "stale: 20 of 20 runs to train: never trained"}
    line = run("list").out.splitlines()[0]
    assert re.fullmatch(r"one +20 runs +\d+\.\d s   fresh", line)
    (one.project.live / "one.json").unlink()
    one.write("one", edited(SMALL, ('ylabel="training loss"', 'ylabel="loss"')))
    assert states(run("list"))["one"] == "to be drawn: never drawn"
    run("run", "one", "--jobs", "1")
    one.write("one")
    assert states(run("list"))["one"] == "to be drawn: experiments.one.draw changed"


def test_list_counts_the_same_runs_for_each_experiment_that_has_them(one: Book, run: Run) -> None:
    one.write("two", edited(SMALL, ('ylabel="training loss"', 'ylabel="loss"')))
    stale = "20 runs     0.0 s   stale: 20 of 20 runs to train: never trained"
    assert [line.split(maxsplit=1)[1] for line in run("list").out.splitlines()] == [stale, stale]
    run("run", "one", "--jobs", "1")
    first, second = (line.split(maxsplit=1)[1] for line in run("list").out.splitlines())
    assert first.endswith(" s   fresh")
    assert second == first.replace("fresh", "to be drawn: never drawn")
    assert run("run", "two", "--jobs", "1").out == "two: 0 runs trained, figure drawn\n"
    assert set(states(run("list")).values()) == {"fresh"}


def test_list_tells_a_few_of_many_reasons() -> None:
    assert some(["a", "b", "c", "d"]) == "a, b, c, d"
    assert some(["a", "b", "c", "d", "e", "f"]) == "a, b, c, d, and 2 more"


def test_list_changes_nothing(one: Book, run: Run) -> None:
    run("run", "--jobs", "1")
    before = tree(one.project.root)
    run("list")
    one.write("one", edited(SMALL, ("lr=0.1", "lr=0.2")))
    assert states(run("list"))["one"].startswith("stale: 20 of 20 runs")
    one.write("one")
    assert tree(one.project.root) == before


def test_a_reader_who_leaves_early_hears_no_complaint() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "trainlab.cli", "list"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as command:
        assert command.stdout is not None
        assert command.stderr is not None
        command.stdout.close()  # as `head` does
        assert command.stderr.read() == b""
    assert command.returncode == 128 + signal.SIGPIPE


def test_list_names_the_experiment_with_a_mistake(one: Book, run: Run) -> None:
    one.write("two", edited(SMALL, ("seed=range(10))", "lr=[-1.0], seed=range(10))")))
    done = run("list")
    assert done.code == 1
    assert done.message == "experiment two: lr must be > 0 and finite, got -1.0"


@pytest.mark.slow
def test_a_first_list_takes_less_than_twice_as_long_as_importing_torch(tmp_path: Path) -> None:
    """Of processor time, the median of 3, one after the other, while there are no results to read and check."""
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    seconds: dict[str, list[float]] = {}
    for code in ["from trainlab.cli import main; main(['list'])", "import torch"] * 3:
        before = os.times()
        subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
        after = os.times()
        taken = after.children_user + after.children_system - before.children_user - before.children_system
        seconds.setdefault(code, []).append(taken)
    listing, torch_alone = map(np.median, seconds.values())
    assert listing < 2 * torch_alone


# trainlab claims

OTHERWISE = edited(SMALL, ('expect="holds"', 'expect="reversed", why="At {=two.sgd:.2f} nobody knows."'))


def test_claims_are_listed_with_their_evidence(one: Book, run: Run) -> None:
    run("run", "--jobs", "1")
    done = run("claims")
    assert done.code == 0
    [claim] = one.json("claims")
    head, row, name, sentence, *basis, summary = done.out.splitlines()
    assert head.split() == ["Verdict", "Estimate", "95", "%", "interval", "Seeds"]
    estimate, low, high = say_interval(*(claim[end] for end in ("estimate", "low", "high")))
    assert row.split() == ["Holds", estimate, low, "to", high, "10"]
    assert name.strip() == "one/loss-falls"
    assert sentence.strip() == claim["text"]
    assert " ".join(line.strip() for line in basis) == (
        f"T{claim['statistic'][1:]}. Kind: statistic of its own. The sentence holds where the whole interval lies "
        "above 0."
    )
    assert summary == "1 claims; 0 with a verdict that differs from the book's"


def test_claims_exits_with_1_when_a_verdict_differs(one: Book, run: Run) -> None:
    one.write("two", OTHERWISE)
    run("run", "--jobs", "1")
    done = run("claims")
    assert done.code == 1
    lines = done.out.splitlines()
    assert [(line[:2], line.split()[-1]) for line in lines if line.endswith(" 10")] == [("!!", "10"), ("  ", "10")]
    assert [line.strip() for line in lines if "/loss-falls" in line] == ["two/loss-falls", "one/loss-falls"]
    assert "   The book says: Reversed." in lines
    assert f"   Why: At {one.json('two')['numbers']['sgd']:.2f} nobody knows." in lines
    assert lines[-1] == "2 claims; 1 with a verdict that differs from the book's"
    one.write("two")
    run("run", "--jobs", "1")
    assert run("claims").code == 0


def test_claims_as_json_have_their_numbers_filled_in(one: Book, run: Run) -> None:
    one.write("two", OTHERWISE)
    run("run", "--jobs", "1")
    done = run("claims", "--json")
    assert done.code == 1
    found, stored = json.loads(done.out), one.json("claims")
    assert found[0] == stored[0]
    assert found[1] == stored[1] | {"why": f"At {one.json('two')['numbers']['sgd']:.2f} nobody knows."}


# trainlab pilot


def test_pilot_prints_verdicts_and_writes_no_page_file(one: Book, run: Run) -> None:
    before = tree(one.project.root)
    done = run("pilot", "one", "--jobs", "1")
    assert done.code == 0
    assert "one/loss-falls" in done.out
    assert done.out.splitlines()[-1].startswith("1 claims on pilot seeds; nothing was written.")
    assert {name: file for name, file in tree(one.project.root).items() if not name.startswith(".cache")} == before
    assert states(run("list"))["one"].startswith("stale: 20 of 20 runs"), "no reported seed was trained"
    run("run", "--jobs", "1")
    assert run("claims").out.splitlines()[1] != done.out.splitlines()[1]


def test_pilot_needs_the_name_of_an_experiment(one: Book, run: Run) -> None:
    assert run("pilot").code == 2
    assert run("pilot", "nonsense").message.startswith("no experiment 'nonsense'")


# Progress


def bars(errors: str) -> list[str]:
    return [line for line in re.split("[\r\n]+", errors) if line]


def test_progress_counts_experiments_and_runs_without_a_terminal(one: Book, run: Run) -> None:
    one.write("two", edited(SMALL, ("batch_size=32", "batch_size=16")))
    lines = bars(run("run", "--jobs", "1").errors)
    for title in ("[1/2] one", "[2/2] two"):
        mine = [line for line in lines if line.startswith(f"{title}: ")]
        assert re.search(r" 0/20 \[\d\d:\d\d<", mine[0])
        assert re.search(r"100%.* 20/20 \[\d\d:\d\d<\d\d:\d\d, ", mine[-1])
    assert [line.split(":")[0] for line in lines] == sorted(line.split(":")[0] for line in lines)


def test_progress_tells_the_time_that_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    progress = cli.Progress("[2/3] one")
    progress(0, 40, 0)
    assert progress.bar is not None
    progress.bar.mininterval = 0  # a line for every stack
    progress.bar.start_t -= 60  # as if a minute had passed
    progress.bar.last_print_t -= 60
    progress(10, 40, 0)
    line = bars(capsys.readouterr().err)[-1]
    assert line.startswith("[2/3] one:  25%|")
    assert re.search(r" 10/40 \[01:00<0[23]:\d\d, ", line)
    progress(40, 40, 0)
    progress.close()


def test_progress_grows_when_the_experiment_asks_for_more(capsys: pytest.CaptureFixture[str]) -> None:
    progress = cli.Progress("[1/1] one")
    progress(5, 25, 5)  # 5 of 25 were stored
    progress(25, 25, 5)
    progress(0, 10, 0)
    assert progress.bar is not None
    assert (progress.bar.n, progress.bar.total) == (20, 30)
    progress(10, 10, 0)
    progress(7, 7, 7)  # all of them were stored
    progress.close()
    assert (progress.bar.n, progress.bar.total) == (30, 30)
    assert " 30/30 [" in bars(capsys.readouterr().err)[-1]


# Interruptions

SLOW = edited(
    SMALL,
    ("import math\n", "import math\nimport os\nimport time\n"),
    ("[SGD(), Adam()]", "[SGD(), Momentum(), Nesterov(), AdaGrad(), RMSProp(), Adam()]"),
    ("import SGD, Adam\n", "import SGD, AdaGrad, Adam, Momentum, Nesterov, RMSProp\n"),
    ("steps=12,", "steps=12,\n    schedule=slow,"),
    (
        "BASE = ",
        'def slow(step, steps):\n    time.sleep(float(os.environ.get("SLEEP", "0")))\n    return 1.0\n\n\nBASE = ',
    ),
)
"""Six stacks of ten runs; each looks at its schedule 120 times."""

IN_SESSION = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")


def wait_until(condition: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def session_of(process: Path) -> int:
    try:
        state, _, _, session = (process / "stat").read_text().rpartition(")")[2].split()[:4]
    except OSError:
        return -1
    return -1 if state == "Z" else int(session)


def living(session: int) -> list[str]:
    """The processes of a session."""
    return [entry.name for entry in Path("/proc").glob("[0-9]*") if session_of(entry) == session]


STOPS = {
    "Ctrl-C": (["run", "--jobs", "2"], os.killpg, signal.SIGINT),  # a terminal tells the whole group
    "Ctrl-C in one process": (["run", "--force", "--jobs", "1"], os.killpg, signal.SIGINT),
    "SIGINT": (["run", "--jobs", "2"], os.kill, signal.SIGINT),
    "SIGTERM": (["run", "--jobs", "2"], os.kill, signal.SIGTERM),
    "SIGTERM to the group": (["run", "--jobs", "2"], os.killpg, signal.SIGTERM),
    "SIGTERM in one process": (["run", "--jobs", "1"], os.kill, signal.SIGTERM),
    "Ctrl-C while the site is built": (["site", "--jobs", "2"], os.killpg, signal.SIGINT),
    "SIGTERM while the site is built": (["site", "--jobs", "2"], os.kill, signal.SIGTERM),
}


@IN_SESSION
@pytest.mark.slow
@pytest.mark.parametrize(("command", "send", "number"), STOPS.values(), ids=STOPS)
def test_a_stopped_command_keeps_what_is_finished_and_leaves_nothing_behind(
    tmp_path: Path, command: list[str], send: Callable[[int, int], None], number: signal.Signals
) -> None:
    checkout = Checkout(tmp_path, {"one": SLOW})
    process = checkout.start(*command, SLEEP="0.01")
    wait_until(lambda: len(checkout.stored()) >= 2 or process.poll() is not None)
    assert len(living(process.pid)) >= (3 if "2" in command else 1), "the command and its two workers"
    send(process.pid, number)
    start = time.monotonic()
    out, errors = process.communicate(timeout=60)
    taken = time.monotonic() - start
    assert taken < 2 or taken < 2 * slowness()
    if living(process.pid):
        wait_until(lambda: not living(process.pid), 2 * slowness())
    assert process.returncode == 128 + number
    assert out == ""
    again = "the same command without --force" if "--force" in command else "the same command"
    assert bars(errors)[-1] == f"trainlab: stopped. Finished runs are kept; {again} goes on from there."
    assert [line for line in bars(errors)[:-1] if not line.startswith("[1/1] one: ")] == []
    store = Store(checkout.project.cache / "runs")
    assert 2 <= len(checkout.stored()) < 6
    assert all(store.load(store.folder / name) for name in checkout.stored())


def slowness() -> float:
    """How much longer everything takes on this machine at this moment than on one that is idle."""
    start = time.monotonic()
    subprocess.run([sys.executable, "-c", "import torch"], check=True)
    return max(1.0, (time.monotonic() - start) / 1.5)


@IN_SESSION
@pytest.mark.slow
def test_ctrl_c_while_everything_is_still_imported_is_as_tidy(tmp_path: Path) -> None:
    process = Checkout(tmp_path, {"one": SLOW}).start("run", "--jobs", "2", SLEEP="1")
    wait_until(lambda: "libtorch" in Path(f"/proc/{process.pid}/maps").read_text())
    os.killpg(process.pid, signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert errors == "\ntrainlab: stopped. Finished runs are kept; the same command goes on from there.\n"


@pytest.mark.slow
def test_what_clears_away_behind_a_killed_run_does_it_in_silence(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path, {"one": SLOW})
    process = checkout.start("run", "--jobs", "2", SLEEP="0.01")
    wait_until(lambda: bool(checkout.stored()) or process.poll() is not None)
    process.kill()
    _, errors = process.communicate(timeout=60)  # until the last of its processes is gone
    assert process.returncode == -signal.SIGKILL
    assert [line for line in bars(errors) if not line.startswith("[1/1] one: ")] == []


@pytest.mark.slow
def test_a_killed_run_goes_on_and_ends_like_one_that_was_not(tmp_path: Path) -> None:
    for place in ("killed", "calm"):
        (tmp_path / place).mkdir()
    killed, calm = (Checkout(tmp_path / place, {"one": SLOW}) for place in ("killed", "calm"))
    process = killed.start("run", "--smoke", "--jobs", "1", SLEEP="0.006")
    wait_until(lambda: len(killed.stored()) >= 2 or process.poll() is not None)
    process.kill()
    process.communicate()
    kept = killed.stored()
    assert process.returncode == -signal.SIGKILL
    assert 2 <= len(kept) < 6
    assert not killed.project.live.exists()
    out = killed.trainlab("run", "--smoke", "--jobs", "2")
    assert out == f"one: {60 - 10 * len(kept)} runs trained, figure drawn\n"
    assert {name: stamp for name, stamp in killed.stored().items() if name in kept} == kept
    calm.trainlab("run", "--smoke", "--jobs", "1")
    assert without_seconds(tree(killed.project.live)) == without_seconds(tree(calm.project.live))
    assert sorted(killed.stored()) == sorted(calm.stored())
    for name in calm.stored():
        _same_arrays(*(checkout.project.cache / "runs" / name for checkout in (killed, calm)))


def _same_arrays(*paths: Path) -> None:
    loaded = [Store(path.parent).load(path) for path in paths]
    first, second = (arrays for found in loaded if found for arrays in found[:1])
    assert list(first) == list(second)
    for name, (axes, values) in first.items():
        assert axes == second[name][0]
        np.testing.assert_array_equal(values, second[name][1])


def test_records_of_a_run_are_json_that_any_script_can_read(one: Book, run: Run) -> None:
    run("run", "--jobs", "1")
    for path in one.project.live.glob("*.json"):
        text = path.read_text(encoding="utf-8")
        assert text.endswith("\n")
        assert json.loads(text, parse_constant=refuse)


def refuse(word: str) -> float:
    raise ValueError(f"{word} is not JSON")
