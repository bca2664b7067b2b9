"""Files that outlive a kill, and what happens when a disk takes no more."""

import errno
import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from trainlab import files
from trainlab.files import STALE, alone, draft_name, sweep, write


def test_what_is_written_is_there(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "x.bin"
    for content in (b"\0\r\n", b"", b"longer" * 1000):
        write(path, content)
        assert path.read_bytes() == content
    assert [*path.parent.iterdir()] == [path]


@pytest.mark.parametrize("umask", [0o022, 0o002, 0o077])
def test_the_mode_follows_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        write(tmp_path / "x", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o666 & ~umask


REMEDIES = {
    errno.ENOSPC: "free some space there",
    errno.EDQUOT: "free some space there",
    errno.EFBIG: "free some space there",
    errno.EROFS: "make it writable",
    errno.EACCES: "make it writable",
    errno.EIO: "mend that",
}


@pytest.mark.parametrize("code", REMEDIES, ids=errno.errorcode.get)
@pytest.mark.parametrize(("owner", "name"), [(os, "fsync"), (Path, "replace"), (Path, "mkdir"), (Path, "open")])
def test_a_failed_write_names_the_folder_and_the_remedy_and_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, code: int
) -> None:
    path = tmp_path / "x.npz"
    write(path, b"old")

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, fail)
        with pytest.raises(OSError, match="cannot write") as raised:
            write(path, b"new")
    assert str(raised.value) == (
        f"cannot write x.npz in {tmp_path} ({os.strerror(code)}); "
        f"{REMEDIES[code]} and repeat the command, finished runs are kept"
    )
    assert [*tmp_path.iterdir()] == [path]
    assert path.read_bytes() == b"old"


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "cache").touch()
    with pytest.raises(OSError, match=f"cannot write x in {tmp_path / 'cache'} "):
        write(tmp_path / "cache" / "x", b"x")


def test_a_folder_that_cannot_be_synced_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = os.fsync, []

    def only_files(handle: int) -> None:
        calls.append(stat.S_ISDIR(os.fstat(handle).st_mode))
        if calls[-1]:
            raise OSError(errno.EINVAL, "Invalid argument")
        real(handle)

    monkeypatch.setattr(os, "fsync", only_files)
    write(tmp_path / "x", b"x")
    assert calls == [False, True], "the content first, then its name"


def test_sweep_removes_old_drafts_only(tmp_path: Path) -> None:
    names = ["x.npz", "x.tmp", draft_name("x.npz"), f"deep/{draft_name('x.svg')}", f"{draft_name('site')}/fresh/a.html"]
    old = time.time() - STALE - 60
    for age in ("old", "young"):
        for name in names:
            path = tmp_path / age / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        if age == "old":
            for path in (tmp_path / age).rglob("*"):
                os.utime(path, (old, old))
    sweep(tmp_path)
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"old/x.npz", "old/x.tmp", *(f"young/{name}" for name in names)}


def test_sweep_of_no_folder_is_nothing(tmp_path: Path) -> None:
    sweep(tmp_path / "none")
    assert [*tmp_path.iterdir()] == []


COUNT = """
import os, sys, time
from pathlib import Path
from trainlab.files import alone
counter = Path(sys.argv[1], "count")
for _ in range(40):
    with alone(counter.parent):
        value = int(counter.read_text())
        time.sleep(0.001)
        counter.write_text(str(value + 1))
        if len(sys.argv) > 2:
            os.kill(os.getpid(), 9)
"""


@pytest.mark.skipif(files.fcntl is None, reason="this system has no file locks")
def test_processes_wait_for_each_other_and_a_killed_one_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "count").write_text("0")
    killed = subprocess.run([sys.executable, "-c", COUNT, str(tmp_path), "die"], check=False)
    assert killed.returncode == -9
    counting = [subprocess.Popen([sys.executable, "-c", COUNT, str(tmp_path)]) for _ in range(3)]
    assert [process.wait(60) for process in counting] == [0, 0, 0]
    assert (tmp_path / "count").read_text() == "121"
    assert [path.name for path in tmp_path.iterdir()] == ["count"]


def test_an_error_inside_lets_the_next_in(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="mine"), alone(tmp_path / "new"):
        raise ValueError("mine")
    with alone(tmp_path / "new"):
        assert (tmp_path / "new").is_dir()
