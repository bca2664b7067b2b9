"""Keeps what scripts and notebooks put out: cached by everything that it depends on, published all or nothing."""

from __future__ import annotations

import hashlib
import platform
import re
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from trainlab_press.errors import PressError

_COMPLAINT = re.compile(r"\b[\w.]*(?:Warning|Error|Exception|Interrupt)(?:: .*|$)")


@dataclass(frozen=True)
class Recorder:
    """Runs sources whose output is not known yet, and publishes the output of all.

    Args:
        run: From a source to its output; it raises PressError when the source is wrong.
        live: Folder of the published outputs, one a source, under the source's stem.
        cache: Folder of every output so far, under its key.
        suffix: Of the outputs, such as ".txt".
        salt: What the output depends on beside the source: versions, code.
    """

    run: Callable[[Path], str]
    live: Path
    cache: Path
    suffix: str
    salt: str

    def record(self, sources: Iterable[Path], pool: Executor) -> list[str]:
        """Bring the live folder up to date.

        Args:
            sources: The scripts or pages.
            pool: Where those that are stale run.

        Returns:
            The stems of the sources that ran.

        Raises:
            PressError: When a source fails. What the others put out is cached, but nothing is published.
        """
        cached = {source: self._cached(source) for source in sorted(sources)}
        futures = {pool.submit(self.run, source): source for source, path in cached.items() if not path.is_file()}
        failures: dict[Path, PressError] = {}
        for future in as_completed(futures):
            source = futures[future]
            try:
                output = future.result()
                if self._cached(source) != cached[source]:
                    raise PressError(f"{source.name} changed while it ran; start again")
                write(cached[source], output)
            except PressError as error:
                failures[source] = error
        if failures:
            raise failures[min(failures)]
        self._publish({source.stem: path.read_bytes().decode() for source, path in cached.items()})
        return sorted(source.stem for source in futures.values())

    def _cached(self, source: Path) -> Path:
        content = b"\0".join([source.read_bytes(), self.salt.encode(), Path(__file__).read_bytes()])
        return self.cache / f"{hashlib.sha256(content).hexdigest()[:16]}{self.suffix}"

    def _publish(self, outputs: dict[str, str]) -> None:
        for old in self.live.glob(f"*{self.suffix}"):
            if old.stem not in outputs:
                old.unlink(missing_ok=True)  # another build may do the same
        for stem, text in outputs.items():
            path = self.live / f"{stem}{self.suffix}"
            if not path.is_file() or path.read_bytes() != text.encode():  # a live preview reloads what is written
                write(path, text)


def write(path: Path, text: str) -> None:
    """Write a text, whole or not at all.

    Args:
        path: Where; missing folders are made.
        text: Written as UTF-8, line ends as they are.

    Raises:
        OSError: The line names the folder and the remedy.
    """
    from trainlab import files  # here, because MkDocs loads this module and nothing of trainlab

    files.write(path, text.encode())


def versions(*packages: str) -> str:
    """Name the versions of Python and of packages, without importing them.

    Args:
        packages: Names of distributions; one that is not installed is named as such.
    """
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "none"
    return " ".join(f"{name} {number}" for name, number in found.items())


def complaint(stderr: str) -> str:
    """Pick the line of an error output that says what is wrong.

    Args:
        stderr: A traceback, warnings, or anything else; not blank.
    """
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    named = [match.group() for line in lines if (match := _COMPLAINT.search(line))]
    return named[-1] if named else lines[-1]
