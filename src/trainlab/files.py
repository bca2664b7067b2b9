"""Writes files that outlive a kill: whole or absent, also when several processes write at once."""

import errno
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where nothing is locked
    fcntl = None

STALE = 3600.0
"""Seconds after which a draft has no writer any more: a file is written in milliseconds, a site in minutes."""

_REMEDIES = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "free some space there"),
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), "make it writable"),
}


def write(path: Path, content: bytes) -> None:
    """Write a file so that nobody ever sees half of it, and a power cut after the return does not undo it.

    Args:
        path: where; missing folders are made. The file's mode follows the umask.
        content: all of it.

    Raises:
        OSError: names the folder and the remedy; the old file is as it was, and no draft is left.
    """
    folder = path.parent
    draft = folder / draft_name(path.name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with draft.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, "mend that")
        reason = error.strerror or str(error)
        raise OSError(
            f"cannot write {path.name} in {folder} ({reason}); {remedy} and repeat the command, finished runs are kept"
        ) from error
    _sync(folder)


def draft_name(name: str) -> str:
    """A name for a file or folder that nobody else uses and that `sweep` knows."""
    return f".{name}.{secrets.token_hex(8)}.tmp"


def sweep(folder: Path) -> None:
    """Remove what writers that were killed have left, in a folder and those below it.

    Drafts younger than `STALE` stay: another build may be writing them.
    """
    for draft in [*folder.rglob(".*.tmp")]:
        with suppress(FileNotFoundError):  # another build sweeps too
            if time.time() - draft.stat().st_mtime > STALE:
                shutil.rmtree(draft) if draft.is_dir() else draft.unlink()


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other processes out of their own `alone` on this folder until the end of the block.

    The lock is held by the operating system and leaves no file, so it ends with its process, however that ends.
    """
    if fcntl is None:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def part_alone(folder: Path, part: int, wait: bool) -> Iterator[bool]:
    """Keep other processes out of their own `part_alone` on one numbered part of a folder until the end of the block.

    A process holds one part at a time. The lock ends with its process, and all parts share one empty file.

    Args:
        folder: is made where it is missing.
        part: its number, from 0 to 2^62 - 1.
        wait: for the process that has the part, rather than be told so.

    Yields:
        Whether this process has it.
    """
    if fcntl is None:
        yield True
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "locks").open("ab") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB, 1, part)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EAGAIN):
                raise
            yield False
            return
        yield True


def _sync(folder: Path) -> None:
    """Make a rename last; where a folder cannot be synced, the file system does that in its own time."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
