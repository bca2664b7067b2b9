"""Executes the lab pages into notebooks that are the same bytes at every build.

A lab is a page of docs/labs in jupytext's percent format. Three rules beyond "it runs":

* nothing may be written to stderr: a warning on a page is a mistake, and a progress bar is never twice the same;
* a cell that plots must show an image. A cell plots when it calls `show`, `figure`, `subplots` or `subplot_mosaic`, or
  carries the tag `figure`; an imported module that selects another backend would otherwise remove every figure unseen;
* an image needs a text alternative of at least 20 characters as `metadata["alt"]` of its output, which is what
  `trainlab.plots.show(fig, alt=...)` gives it.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from trainlab.fingerprint import digest, refuse_changed
from trainlab_press.errors import PressError
from trainlab_press.recordings import Recorder, complaint, versions

TIME_LIMIT = 120
"""Seconds that a cell may take."""

SHORTEST_ALT = 20
"""Characters of a text alternative."""

_BROKEN_RULE = 3
"""Exit code of this module as a program when the last line on stderr is a PressError's."""

_PLOTTING = {"show", "figure", "subplots", "subplot_mosaic"}
_PACKAGES = ("torch", "numpy", "scipy", "matplotlib", "xarray", "ipython", "ipykernel", "nbclient", "jupytext")
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_ADDRESS = re.compile(r"\b0x[0-9a-f]{6,}\b")
_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")


def execute_labs(labs: Path, live: Path, cache: Path, jobs: int, code: Mapping[str, str]) -> list[str]:
    """Execute every lab that changed, each in its own kernel and empty folder.

    Args:
        labs: Folder of the pages, docs/labs.
        live: Folder of generated files; x.py becomes labs/x.ipynb in it.
        cache: Folder of the project's caches; notebooks are kept in its folder labs, under a key of the page, the
            project's code, the versions of Python and of what labs use, and the code that executes them.
        jobs: How many labs execute at once.
        code: Fingerprint of the project's code that labs import.

    Returns:
        The stems of the labs that were executed, in alphabetical order.

    Raises:
        PressError: When a lab breaks a rule; it names the lab and the cell. Or when the code was edited since the
            fingerprint was taken. Then no published notebook changes.
    """

    def run(page: Path) -> str:
        notebook = _execute_apart(page)
        try:
            refuse_changed(code)
        except RuntimeError as error:
            raise PressError(f"labs/{page.name}: {error}") from None
        return notebook

    salt = "\0".join([versions(*_PACKAGES), digest(str(code)), Path(__file__).read_text("utf-8")])
    recorder = Recorder(run, live / "labs", cache / "labs", ".ipynb", salt)
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        return recorder.record(labs.glob("*.py"), pool)


def _execute_apart(page: Path) -> str:
    """Execute a lab in a process of its own, which ends with its kernel on Ctrl-C and does not outlive its work."""
    command = [sys.executable, "-P", "-X", "utf8", "-m", "trainlab_press.labs", str(page)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8")
    if done.returncode == _BROKEN_RULE:
        raise PressError(done.stderr.strip().splitlines()[-1])
    if done.returncode:
        raise PressError(f"labs/{page.name}: {complaint(done.stderr or f'killed, exit code {done.returncode}')}")
    return done.stdout


def execute(page: Path) -> str:
    """Execute one lab.

    Args:
        page: A Python file in percent format.

    Returns:
        The notebook as JSON, without anything that differs between two executions.

    Raises:
        PressError: When the lab breaks a rule.
    """
    import jupytext  # here, so that a build whose notebooks are all known does not wait for Jupyter
    import nbformat

    notebook = jupytext.read(page, fmt="py:percent")
    with tempfile.TemporaryDirectory() as settings, tempfile.TemporaryDirectory() as folder:
        client = _client(notebook, settings)
        with client.setup_kernel(cleanup_kc=True, cwd=folder, env=_environment(settings)):
            for index, cell in enumerate(notebook.cells):
                _execute_cell(client, cell, index, f"labs/{page.name}, cell {index + 1} ({_first_line(cell)})")
        stable = _Stable({folder: "."} | _MACHINE_PATHS)
    return nbformat.writes(_tidy(notebook, stable)) + "\n"


def _client(notebook: Any, settings: str) -> Any:
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient

    manager = AsyncKernelManager(
        kernel_name="python3",
        # Without folders to search, the only kernel there is runs in this very interpreter.
        kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),
        connection_file=f"{settings}/kernel.json",
        transport="ipc",  # no ports, so nobody else can connect and two kernels cannot collide
        ip=f"{settings}/kernel",
    )
    return NotebookClient(
        notebook,
        km=manager,
        timeout=TIME_LIMIT,
        record_timing=False,
        coalesce_streams=True,
        store_widget_state=False,
        force_raise_errors=True,
    )


def _environment(settings: str) -> dict[str, str]:
    return os.environ | {
        "OMP_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "IPYTHONDIR": settings,  # not the user's own start-up files
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # a remark of the debugger's, on the terminal of the build
    }


def _execute_cell(client: Any, cell: Any, index: int, where: str) -> None:
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    try:
        client.execute_cell(cell, index)
    except CellExecutionError as error:
        message = _ANSI.sub("", error.evalue).strip().splitlines() or [""]
        raise PressError(f"{where}: {error.ename}: {message[-1]}") from None
    except CellTimeoutError:
        raise PressError(f"{where} took longer than {TIME_LIMIT} s; make it smaller") from None
    except DeadKernelError:
        raise PressError(f"{where}: its kernel was killed; is there enough memory?") from None
    if cell.cell_type == "code":
        _check(cell, where)


def _first_line(cell: Any) -> str:
    return textwrap.shorten(next(iter(cell.source.splitlines()), "empty"), 50, placeholder=" ...")


def _check(cell: Any, where: str) -> None:
    images = 0
    for output in cell.outputs:
        if output.output_type == "stream" and output.name == "stderr" and output.text.strip():
            raise PressError(f"{where} wrote to stderr: {complaint(_ANSI.sub('', output.text))}")
        if any(kind.startswith("image/") for kind in output.get("data", {})):
            images += 1
            alt = str(output.metadata.get("alt", "")).strip()
            if len(alt) < SHORTEST_ALT:
                remedy = "end the cell with show(fig, alt=...), in a sentence of numbers"
                raise PressError(f"{where} shows an image whose text alternative is {alt!r}; {remedy}")
    if not images and _plots(cell):
        raise PressError(f"{where} plots but shows no image; end it with show(fig, alt=...), and set no backend")


def _plots(cell: Any) -> bool:
    from IPython.core.inputtransformer2 import TransformerManager

    def called(node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            return  # defined here, called elsewhere
        if isinstance(node, ast.Call):
            yield getattr(node.func, "id", getattr(node.func, "attr", ""))
        for child in ast.iter_child_nodes(node):
            yield from called(child)

    code = TransformerManager().transform_cell(cell.source)
    return "figure" in cell.metadata.get("tags", []) or not _PLOTTING.isdisjoint(called(ast.parse(code)))


_MACHINE_PATHS = {
    sys.prefix: "<python>",
    sys.base_prefix: "<python>",
    str(Path(__file__).resolve().parents[2]): "<trainlab>",
    str(Path.home()): "~",
}
"""What stands for a path of this machine in an output."""


class _Stable:
    """Takes out of a text what differs between two executions or two machines."""

    def __init__(self, paths: dict[str, str]) -> None:
        self.paths = paths
        longest_first = sorted((path for path in paths if len(Path(path).parts) > 1), key=len, reverse=True)
        self.path = re.compile(rf"({'|'.join(map(re.escape, longest_first))})(?![\w-])")
        self.uuids: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        text = _ADDRESS.sub("0x...", _ANSI.sub("", text))
        text = _UUID.sub(lambda match: self.uuids.setdefault(match.group(), f"id-{len(self.uuids) + 1}"), text)
        return self.path.sub(lambda match: self.paths[match.group()], text)


def _tidy(notebook: Any, stable: _Stable) -> Any:
    notebook.nbformat, notebook.nbformat_minor = 4, 5  # the first that has cell ids
    notebook.metadata = type(notebook.metadata)(
        kernelspec={"display_name": "Python 3", "language": "python", "name": "python3"},
        language_info={"name": "python", "file_extension": ".py", "pygments_lexer": "ipython3"},
    )
    for index, cell in enumerate(notebook.cells):
        cell.id = f"cell-{index + 1}"
        for key in set(cell.metadata) - {"tags"}:
            del cell.metadata[key]
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                output.text = stable(output.text)
            for kind, value in output.get("data", {}).items():
                if kind.startswith("text/"):
                    output.data[kind] = stable(value)
    return notebook


if __name__ == "__main__":
    try:
        sys.stdout.write(execute(Path(sys.argv[1])))
    except PressError as error:
        print(error, file=sys.stderr)
        sys.exit(_BROKEN_RULE)
