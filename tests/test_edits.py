"""Code that is edited while a build uses it: no result is stored under the key of another version."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkout import SMALL, edited, forget_experiments
from compared import EXPERIMENTS, place, stamps, wait_until
from trainlab.fingerprint import fingerprint, refuse_changed


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_code_that_is_edited_while_it_trains_stores_nothing(tmp_path: Path, jobs: str) -> None:
    slow = edited(
        EXPERIMENTS["one"],
        ("import math\n", "import math\nimport time\n"),
        ("steps=12,", "steps=12,\n    schedule=slow,"),
        ("BASE = ", "def slow(step, steps):\n    time.sleep(0.01)\n    return 1.0\n\n\nBASE = "),
    )
    checkout = place(tmp_path / "book", {"one": slow})
    process = checkout.start("run", "--jobs", jobs)
    wait_until(lambda: bool(stamps(checkout)) or process.poll() is not None)
    losses = checkout.root / "src" / "trainlab" / "losses.py"
    losses.write_text(losses.read_text(encoding="utf-8") + "\n# A comment, which changes no key.\n", encoding="utf-8")
    time.sleep(0.1)  # for a result that was being written at the time of the edit; a stack takes longer than a second
    kept = stamps(checkout)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 1
    [line] = [line for line in re.split("[\r\n]+", errors) if line and not line.startswith("[")]
    assert line == (
        "trainlab: experiment one: src/trainlab/losses.py changed while its code was running, "
        "so nobody can say which version made the result; start again, finished runs are kept"
    )
    assert stamps(checkout) == kept, "a result of either version was stored"
    assert 1 <= len(kept) < 6
    assert checkout.trainlab("run", "--jobs", "1") == f"one: {60 - 10 * len(kept)} runs trained, figure drawn\n"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module `edited_module` with two functions, of which the fingerprint has been taken."""
    path = tmp_path / "edited_module.py"
    path.write_text("def one():\n    return 1\n\n\ndef two():\n    return 2\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert list(fingerprint([("edited_module", "one")])) == ["edited_module.one"]
    yield path
    forget_experiments()  # the fingerprints


def test_an_edit_is_refused_even_if_it_is_undone(module: Path) -> None:
    parts, before = ["edited_module.one", "torch", "runs", "data of MNIST1D(noise=0.1)"], module.read_text()
    refuse_changed(parts)
    module.write_text(before.replace("1", "3"))
    with pytest.raises(RuntimeError, match=r"edited_module\.py changed while its code was running"):
        refuse_changed(parts)
    module.write_text(before)
    with pytest.raises(RuntimeError, match=r"edited_module\.py changed"):
        refuse_changed(parts)
    refuse_changed(["torch", "runs", "edited_module"])


def test_a_source_file_that_is_deleted_is_refused(module: Path) -> None:
    module.unlink()
    with pytest.raises(RuntimeError, match=r"edited_module\.py changed"):
        refuse_changed(["edited_module.one"])


EARLY = """
import trainlab.fingerprint as f
from pathlib import Path
path = Path(f.__file__).with_name("losses.py")
import trainlab.losses
path.write_text(path.read_text() + "\\n# Edited between the import and the first look.\\n")
names = f.fingerprint([trainlab.losses.CrossEntropy])
try:
    f.refuse_changed(names)
except RuntimeError as error:
    print(error)
"""


def test_an_edit_between_start_and_the_first_look_is_refused(tmp_path: Path) -> None:
    checkout = place(tmp_path / "book", {})
    environment = {**os.environ, "PYTHONPATH": str(checkout.root / "src")}
    done = subprocess.run(
        [sys.executable, "-c", EARLY], cwd=checkout.root, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("src/trainlab/losses.py changed while its code was running")


def test_a_drawing_that_is_edited_while_its_runs_train_is_not_published(tmp_path: Path) -> None:
    touching = edited(
        SMALL,
        ("import math\n", "import math\nimport os\n"),
        ("    final = results", "    os.utime(__file__)  # as an editor would\n    final = results"),
    )
    checkout = place(tmp_path / "book", {"one": touching})
    process = checkout.start("run", "--jobs", "1")
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "src/trainlab/experiments/one.py changed while its code was running" in errors
    assert len(stamps(checkout)) == 2, "the runs do not depend on the drawing"
    assert not checkout.project.live.exists()
