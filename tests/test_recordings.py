"""What is recorded is never half written, and an error is told in its own words."""

import platform
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from trainlab_press.errors import PressError
from trainlab_press.recordings import Recorder, complaint, versions, write


@pytest.mark.parametrize(
    ("stderr", "told"),
    [
        ("Traceback (most recent call last):\n  raise ValueError('x')\nValueError: x is 3\n", "ValueError: x is 3"),
        ("RuntimeError: shapes differ\n  hint: transpose\n", "RuntimeError: shapes differ"),
        ("/a/b.py:1: UserWarning: careful\n  warn('careful', UserWarning)\n", "UserWarning: careful"),
        ("KeyboardInterrupt\n", "KeyboardInterrupt"),
        ("torch.cuda.OutOfMemoryError: no memory\n", "torch.cuda.OutOfMemoryError: no memory"),
        ("first\n  second\n\n", "second"),
    ],
)
def test_the_complaint_is_the_line_that_says_what_is_wrong(stderr: str, told: str) -> None:
    assert complaint(stderr) == told


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "x.txt"
    write(path, "old\r\n")
    with pytest.raises(UnicodeEncodeError):
        write(path, "half" * 10_000 + "\ud800")
    assert path.read_bytes() == b"old\r\n"


def test_versions_are_named_without_importing() -> None:
    assert versions("no-such-thing") == f"python {platform.python_version()} no-such-thing none"
    assert "pytest " + pytest.__version__ in versions("pytest")


def test_what_went_well_is_kept_when_another_fails_but_nothing_is_published(tmp_path: Path) -> None:
    ran: list[str] = []

    def run(source: Path) -> str:
        ran.append(source.stem)
        if source.read_text() == "bad":
            raise PressError(f"{source.stem} is bad")
        return source.read_text().upper()

    def record() -> list[str]:
        recorder = Recorder(run, tmp_path / "live", tmp_path / "cache", ".out", "salt")
        with ThreadPoolExecutor(1) as pool:
            return recorder.record(tmp_path.glob("*.in"), pool)

    for name, text in {"a": "bad", "b": "good", "c": "bad"}.items():
        (tmp_path / f"{name}.in").write_text(text)
    with pytest.raises(PressError, match="a is bad"):
        record()
    assert not (tmp_path / "live").exists()
    for name in "ac":
        (tmp_path / f"{name}.in").write_text(f"mended {name}")
    assert record() == ["a", "c"]
    assert ran == ["a", "b", "c", "a", "c"]
    assert {path.name: path.read_text() for path in (tmp_path / "live").iterdir()} == {
        "a.out": "MENDED A",
        "b.out": "GOOD",
        "c.out": "MENDED C",
    }
