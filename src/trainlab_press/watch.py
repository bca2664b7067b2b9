"""Sees which files were written, added or removed, by looking at them again."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

Stamp = tuple[int, int]
"""When a file was written, and its size."""


class Watch:
    """Files and folders that are looked at from time to time.

    Looking takes milliseconds for a book, and unlike a system's own notices it works the same on every file system.

    Args:
        places: files, and folders that are watched with all below them. What does not exist counts as empty.
    """

    def __init__(self, places: Iterable[Path]) -> None:
        self.places = list(places)
        self.seen = self._look()

    def changed(self) -> set[Path]:
        """The files that are new, gone or written since the last call."""
        before, self.seen = self.seen, self._look()
        return {path for path in {*before, *self.seen} if before.get(path) != self.seen.get(path)}

    def _look(self) -> dict[Path, Stamp]:
        found = {}
        for place in self.places:
            for entry in [place] if place.is_file() else _files(place):
                try:
                    status = entry.stat()
                except FileNotFoundError:  # gone since it was listed
                    continue
                found[Path(entry)] = status.st_mtime_ns, status.st_size
        return found


def _files(folder: str | os.PathLike[str]) -> Iterator[os.DirEntry[str]]:
    """The files below a folder, without what editors, writers and Python leave beside them."""
    try:
        entries = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.name.endswith(("~", ".swp", ".tmp")) or entry.name == "__pycache__":
            continue
        if entry.is_dir():
            yield from _files(entry)
        else:
            yield entry
