"""Runs the snippets as their readers do, in an empty folder and without trainlab, and records what they print."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from trainlab_press.errors import PressError
from trainlab_press.recordings import Recorder, complaint, versions

TIME_LIMIT = 60
"""Seconds that a snippet may take; a reader should wait a tenth of that."""

# The project is installed in the environment that runs the snippets, so hiding it takes an importer that refuses it.
_STAND_ALONE = """
import runpy, sys
class StandAlone:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"trainlab", "trainlab_press"}:
            raise ModuleNotFoundError(f"a snippet stands alone, it cannot import {name}", name=name)
sys.meta_path.insert(0, StandAlone())
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def record(snippets: Path, live: Path, cache: Path) -> list[str]:
    """Run every snippet that changed, and record what each one prints.

    Args:
        snippets: Folder of the scripts.
        live: Folder of generated files; the output of x.py becomes snippets/x.txt in it.
        cache: Folder of the project's caches; outputs are kept in its folder snippets, under a key of the script, the
            versions of Python, torch, numpy and matplotlib, and the code that runs it.

    Returns:
        The stems of the snippets that ran, in alphabetical order.

    Raises:
        PressError: When a snippet fails, warns, or takes longer than TIME_LIMIT. Then no recorded output changes.
    """
    salt = versions("torch", "numpy", "matplotlib") + Path(__file__).read_text("utf-8")
    recorder = Recorder(run_alone, live / "snippets", cache / "snippets", ".txt", salt)
    with ThreadPoolExecutor(max_workers=2) as pool:
        return recorder.record(snippets.glob("*.py"), pool)


def run_alone(script: Path) -> str:
    """Run one script in an empty folder, isolated from the user's settings, where trainlab cannot be imported.

    Args:
        script: A Python file.

    Returns:
        What it printed.

    Raises:
        PressError: When it fails, writes to stderr, or takes longer than TIME_LIMIT.
    """
    command = [sys.executable, "-I", "-X", "utf8", "-c", _STAND_ALONE, str(script.resolve())]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", timeout=TIME_LIMIT
            )
        except subprocess.TimeoutExpired:
            raise PressError(f"snippets/{script.name} took longer than {TIME_LIMIT} s; make it smaller") from None
    if done.stderr.strip():
        raise PressError(f"snippets/{script.name}: {complaint(done.stderr)}")
    if done.returncode:
        raise PressError(f"snippets/{script.name} ended with exit code {done.returncode} and no message")
    return done.stdout
