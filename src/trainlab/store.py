"""Results on disk, one file a stack, named by everything that determines them."""

import io
import json
import logging
import platform
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trainlab.data import SPLITS
from trainlab.files import part_alone, sweep, write
from trainlab.fingerprint import digest, fingerprint, refuse_changed
from trainlab.probes import Probe
from trainlab.runs import Run, describe

Arrays = dict[str, tuple[tuple[str, ...], np.ndarray]]
"""Name -> (axis names, values), as `xarray.Dataset` takes them."""

log = logging.getLogger("trainlab")


def versions() -> dict[str, str]:
    """The versions that a result may depend on."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__.split("+")[0],
        "numpy": np.__version__,
    }


@dataclass(frozen=True)
class Task:
    """One stack, ready to be trained, here or on another machine.

    Args:
        runs: of one structure.
        probes: module-level functions, or frozen dataclasses with `__call__`.
        every: updates between two measurements.
        dtype: "float32" or "float64".
        device: "cpu", "cuda", ...
        splits: those that are measured, of `data.SPLITS`.
    """

    runs: tuple[Run, ...]
    probes: tuple[Probe, ...]
    every: int
    dtype: str
    device: str
    splits: tuple[str, ...] = SPLITS

    def __str__(self) -> str:
        return f"stack of {len(self.runs)} runs, the first {self.runs[0]}"

    @cached_property
    def request(self) -> dict[str, str]:
        """What is asked for, apart from the code and the data that answer it."""
        return {
            "runs": digest(json.dumps([describe(run) for run in self.runs])),
            "probes": json.dumps([describe(probe) for probe in self.probes]),
            "every": str(self.every),
            "dtype": self.dtype,
            "device": self.device,
            "splits": ", ".join(self.splits),
        }

    def parts(self, worker: Any) -> dict[str, str]:
        """Everything that the result depends on, by name.

        Args:
            worker: the function that trains the stack.
        """
        # Once each: the runs of a stack share most of what they are made of.
        made = {id(value): value for run in self.runs for value in vars(run).values()}
        code = fingerprint([worker, *(thing for value in (*self.probes, *made.values()) for thing in _code_of(value))])
        # Without the address that the text of a function holds: it is another one in each process.
        data = {
            f"data of {re.sub(' at 0x[0-9a-f]+', '', str(run.data))}": run.data.load().digest for run in self.runs[:1]
        }
        return {**self.request, **data, **versions(), **code}


def _code_of(value: Any) -> set[Any]:
    """The types and functions of the project that a value is made of."""
    if is_dataclass(value) and not isinstance(value, type):
        return {type(value)} | {thing for field in fields(value) for thing in _code_of(getattr(value, field.name))}
    if isinstance(value, tuple):
        return {thing for item in value for thing in _code_of(item)}
    return {value} if callable(value) else set()


class Store:
    """A folder of results. Several processes may use it at once.

    A file is either complete or absent. Its checksums tell a damaged file, and the parts saved in it one
    that belongs to another stack; both count as absent. Nothing in it is executed.

    Args:
        folder: is made when the first result is saved.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def is_empty(self) -> bool:
        """Whether no result was ever saved."""
        return next(self.folder.glob("*.npz"), None) is None

    def names(self) -> set[str]:
        """The names of all results, without suffix."""
        return {path.stem for path in self.folder.glob("*.npz")}

    def is_sound(self, name: str) -> bool:
        """Whether there is an undamaged result of this name.

        Args:
            name: without suffix.
        """
        try:
            with zipfile.ZipFile(self.folder / f"{name}.npz") as archive:
                return archive.testzip() is None
        except (OSError, zipfile.BadZipFile, zlib.error):
            return False

    def path(self, request: dict[str, str], parts: dict[str, str]) -> Path:
        """Where the result with these parts lies. Results of one request share the start of the name.

        Args:
            request: what was asked for, part by part.
            parts: everything that the answer depends on.
        """
        return self.folder / f"{digest(json.dumps(request))}-{digest(json.dumps(parts))}.npz"

    def load(self, path: Path) -> tuple[Arrays, dict[str, Any]] | None:
        """The arrays and the notes saved with them; None where there is no sound file of this very stack.

        Args:
            path: as `path` names it.
        """
        try:
            content = io.BytesIO(path.read_bytes())
            with zipfile.ZipFile(content) as archive:
                # NumPy stops reading where the array ends, which can be before the checksum is looked at.
                if damaged := archive.testzip():
                    raise ValueError(f"wrong checksum of {damaged}")
            content.seek(0)
            with np.load(content, allow_pickle=False) as file:
                notes = json.loads(str(file["notes"]))
                if not path.stem.endswith(f"-{digest(json.dumps(notes['parts']))}"):
                    raise ValueError("it holds the result of other runs or other code")
                arrays = {name: (tuple(dims), file[f"array {name}"]) for name, dims in notes["dims"].items()}
                return arrays, {"parts": notes["parts"], "seconds": notes["seconds"]}
        except FileNotFoundError:
            return None
        except Exception as error:  # zip, zlib, numpy and JSON each have their own words for a flipped bit
            log.warning("%s is damaged (%s: %s); its runs are trained again", path, type(error).__name__, error)
            return None

    def save(self, path: Path, arrays: Arrays, parts: dict[str, str], seconds: float) -> None:
        """Write a result, whole or not at all.

        Args:
            path: as `path` names it.
            arrays: the results, by name.
            parts: everything that the answer depends on; saved beside it.
            seconds: how long the training took.

        Raises:
            OSError: the disk is full or read-only; the line names the folder and the remedy.
            RuntimeError: code that the result depends on was edited since its parts were named.
        """
        notes = {"dims": {name: dims for name, (dims, _) in arrays.items()}, "parts": parts, "seconds": seconds}
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            allow_pickle=False,
            notes=np.array(json.dumps(notes)),
            **{f"array {name}": values for name, (_, values) in arrays.items()},
        )
        refuse_changed(parts)
        write(path, buffer.getvalue())
        sweep(self.folder)

    @contextmanager
    def claimed(self, path: Path, wait: bool) -> Iterator[bool]:
        """Keep other processes from training the same stack until the end of the block.

        Args:
            path: as `path` names it.
            wait: for a process that has it, rather than be told so.

        Yields:
            Whether this process has it.
        """
        with part_alone(self.folder, int(digest(path.stem), 16) >> 2, wait) as mine:
            yield mine

    def why_missing(self, request: dict[str, str], parts: dict[str, str]) -> list[str]:
        """What has changed since the most recent result of the same request, as short phrases.

        Args:
            request: what was asked for, part by part.
            parts: everything that the answer depends on.
        """
        files = sorted(self.folder.glob(f"{digest(json.dumps(request))}-*.npz"), key=lambda path: path.stat().st_mtime)
        for path in reversed(files):
            if loaded := self.load(path):
                old = loaded[1]["parts"]
                names = sorted(name for name in {*old, *parts} if old.get(name) != parts.get(name))
                return [_changed(name, old.get(name), parts.get(name)) for name in names]
        return ["never trained"]


def _changed(name: str, old: str | None, new: str | None) -> str:
    short = name.removeprefix("trainlab.")
    if old is None or new is None:
        return f"{short} {'added' if old is None else 'removed'}"
    return f"{short} {old} -> {new}" if name in versions() else f"{short} changed"
