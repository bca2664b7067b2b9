"""The record of what was measured, where and with what: docs/assets/performance.json."""

import datetime as dt
import json
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trainlab.engine import available_jobs
from trainlab.files import write
from trainlab_press.machine import commit, machine

Record = dict[str, Any]
"""Section -> its circumstances, and its results."""


def circumstances(root: Path, command: str, quick: bool) -> Record:
    """Where and with what a section is measured, noted before it begins.

    Args:
        root: the checkout.
        command: what measures it again.
        quick: whether this is a trial, whose numbers mean little.
    """
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "quick": quick,
        "command": command,
        "commit": commit(root),
        **machine(available_jobs()),
        "load_before": round(os.getloadavg()[0], 2),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__.split("+")[0],
            "numpy": np.__version__,
        },
    }


def read(path: Path) -> Record:
    """The record so far; empty where there is none.

    Raises:
        ValueError: the file is no record.
    """
    if not path.exists():
        return {}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}); delete it and measure again") from None


def merge(path: Path, section: str, measured: Record) -> None:
    """Put one section into the record; the others stay as they are."""
    record = read(path) | {section: measured}
    write(path, (json.dumps(record, indent=1, allow_nan=False, sort_keys=True) + "\n").encode())
