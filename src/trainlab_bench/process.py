"""Calls one function in a fresh Python process, so that no measurement meets what another left behind."""

import json
import os
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any


def in_fresh_process(function: str, arguments: dict[str, Any], threads: int = 1) -> Any:
    """Call a function in a process of its own.

    Args:
        function: its module and name, such as `trainlab_bench.rows.measure_row`.
        arguments: by name; what JSON can say.
        threads: of PyTorch there.

    Returns:
        What the function returned, by way of JSON.

    Raises:
        RuntimeError: it failed; the message ends with the last line that it put out.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder, "answer.json")
        order = json.dumps({"function": function, "threads": threads, "arguments": arguments})
        command = [sys.executable, "-m", __name__, order, str(answer)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode or not answer.exists():
            said = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()[-1]
            raise RuntimeError(f"{function}({arguments}) ended with exit code {done.returncode}: {said}")
        return json.loads(answer.read_text(encoding="utf-8"))


def _obey(order: str, answer: str) -> None:
    import torch

    asked = json.loads(order)
    torch.set_num_threads(asked["threads"])
    module, _, name = asked["function"].rpartition(".")
    result = getattr(import_module(module), name)(**asked["arguments"])
    Path(answer).write_text(json.dumps(result, allow_nan=False), encoding="utf-8")


if __name__ == "__main__":
    _obey(*sys.argv[1:])
