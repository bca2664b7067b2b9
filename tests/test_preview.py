"""The preview follows edits of pages and figures, says what is wrong, and goes on."""

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from checkout import SMALL, Checkout
from trainlab_press.affected import affected
from trainlab_press.errors import PressError
from trainlab_press.project import Project
from trainlab_press.reload import NEWS, SCRIPT, News, server
from trainlab_press.rerender import address
from trainlab_press.watch import Watch

PATIENCE = 240.0
"""Seconds for what takes a few: tests run on loaded machines, and a preview that never follows fails all the same."""

SETTINGS = """
site_name: Test
theme: mkdocs
plugins: []
nav: [index.md, other.md]
markdown_extensions:
  - trainlab_press.markdown: {root: !relative $config_dir, live: docs/live}
"""
PAGE = "# A page\n\nBefore the edit.\n\n![](fig:one)\n"


# What changed


def test_a_watch_sees_what_was_written_added_and_removed(tmp_path: Path) -> None:
    for name in ("a/one.md", "a/b/two.md", "a/b/three.md", "outside.md", "alone.yml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    watch = Watch([tmp_path / "a", tmp_path / "alone.yml", tmp_path / "not-there"])
    assert watch.changed() == set()
    (tmp_path / "a/one.md").write_text("12")
    (tmp_path / "a/b/two.md").unlink()
    (tmp_path / "a/b/new.md").write_text("1")
    (tmp_path / "alone.yml").write_text("12")
    (tmp_path / "outside.md").write_text("12")
    for litter in ("a/.one.md.swp", "a/one.md~", "a/.x.md.0123.tmp"):
        (tmp_path / litter).write_text("1")
    names = {path.relative_to(tmp_path).as_posix() for path in watch.changed()}
    assert names == {"a/one.md", "a/b/two.md", "a/b/new.md", "alone.yml"}
    assert watch.changed() == set()


# What that touches


@pytest.fixture
def project(tmp_path: Path) -> Project:
    pages = {
        "index.md": "![](fig:race) {=book.runs}",
        "race.md": "{=race.adam:.1f}",
        "claims.md": "!claim race/first",
        "code.md": '--8<-- "snippets/adam.py"\n\n--8<-- "docs/live/snippets/adam.txt"',
        "ledger.md": "!ledger",
        "plain.md": "A race, and race_two.",
        "live/table.md": "race",
        "live/labs/x.ipynb": "{}",
    }
    for name, text in pages.items():
        (tmp_path / "docs" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "docs" / name).write_text(text)
    return Project(tmp_path)


@pytest.mark.parametrize(
    ("file", "found"),
    [
        ("docs/plain.md", {"pages": {"plain.md"}}),
        ("docs/removed.md", {"everything": True}),
        ("docs/live/race.svg", {"pages": {"index.md", "race.md", "claims.md", "plain.md"}, "later": {"ledger.md"}}),
        ("docs/live/race_two.json", {"pages": {"plain.md"}, "later": {"ledger.md"}}),
        ("docs/live/index.json", {"pages": {"index.md"}, "later": {"ledger.md"}}),
        ("docs/live/claims.json", {"later": {"ledger.md"}}),
        ("docs/live/snippets/adam.txt", {"pages": {"code.md"}}),
        ("docs/live/labs/x.ipynb", {"pages": {"live/labs/x.ipynb"}}),
        ("snippets/adam.py", {"pages": {"code.md"}, "snippets": True}),
        ("docs/labs/x.py", {"labs": True}),
        ("docs/assets/book.css", {"looks": True}),
        ("overrides/main.html", {"everything": True}),
        ("mkdocs.yml", {"everything": True}),
        ("src/trainlab/experiments/race.py", {"experiments": {"race"}}),
        ("src/trainlab/plots.py", {"figures": True}),
        ("src/trainlab/loop.py", {"code": {"src/trainlab/loop.py"}}),
    ],
)
def test_what_an_edit_touches(project: Project, file: str, found: dict[str, Any]) -> None:
    touched = vars(affected(project, [project.root / file]))
    assert {part: value for part, value in touched.items() if value} == found


@pytest.mark.parametrize(
    ("page", "expected"),
    [("index.md", "/"), ("a.md", "/a/"), ("b/index.md", "/b/"), ("live/labs/x.ipynb", "/live/labs/x/")],
)
def test_the_address_of_a_page(page: str, expected: str) -> None:
    assert address(page) == expected


# What open pages are told


def test_news_name_the_pages_since_a_version_and_what_is_wrong() -> None:
    news = News()
    assert news.since(1, patience=0) == {"version": 1, "pages": [], "problems": []}
    news.tell({"/a/"}, [])
    news.tell({"/b/"}, ["a line"])
    assert news.since(1) == {"version": 3, "pages": ["/a/", "/b/"], "problems": ["a line"]}
    assert news.since(2)["pages"] == ["/b/"]
    news.tell(None, [])
    assert news.since(3) == {"version": 4, "pages": None, "problems": []}
    assert news.since(99)["pages"] is None, "the page was loaded from an earlier preview"


def test_a_page_that_waits_hears_at_once() -> None:
    news, heard = News(), []
    waiting = threading.Thread(target=lambda: heard.append(news.since(1, patience=PATIENCE)))
    waiting.start()
    news.tell({"/"}, [])
    waiting.join(PATIENCE)
    assert heard == [{"version": 2, "pages": ["/"], "problems": []}]


def test_the_script_is_in_what_is_served_and_not_in_the_files(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<body>Text</body>")
    (tmp_path / "x.css").write_text("a {}")
    with server(tmp_path, 0, News(), threading.Lock()) as served:
        base = f"http://127.0.0.1:{served.server_port}"
        assert get(f"{base}/") == f'<body>Text<script src="{SCRIPT}" data-seen="1"></script></body>'
        assert NEWS in get(base + SCRIPT)
        assert get(f"{base}/x.css") == "a {}"
        with pytest.raises(urllib.error.HTTPError, match="404"):
            get(f"{base}/missing/")
        with pytest.raises(PressError, match=rf"port {served.server_port} is not free .* choose another with --port"):
            server(tmp_path, served.server_port, News(), threading.Lock())
        served.shutdown()
    assert SCRIPT not in (tmp_path / "index.html").read_text()


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        return answer.read().decode()


# The whole, in another process


class Preview:
    """A preview of a small book that runs elsewhere, and what it has printed."""

    def __init__(self, root: Path) -> None:
        self.book = Checkout(root, {"one": SMALL})
        (root / "mkdocs.yml").write_text(SETTINGS)
        self.write(PAGE)
        (root / "docs" / "other.md").write_text("# Another page\n\nNothing.\n")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process = self.book.start("serve", "--port", str(self.port), "--jobs", "1")
        self.lines: list[str] = []
        self.listener = threading.Thread(target=self._listen, daemon=True)
        self.listener.start()
        self.until(lambda: "Open http" in self.said(), "it never opened")

    def _listen(self) -> None:
        assert self.process.stdout
        self.lines.extend(iter(self.process.stdout.readline, ""))

    def write(self, text: str) -> None:
        (self.book.root / "docs" / "index.md").write_text(text)

    def said(self) -> str:
        return "".join(self.lines)

    def page(self, path: str = "/") -> str:
        return get(f"http://127.0.0.1:{self.port}{path}")

    def version(self) -> int:
        found = re.search(r'data-seen="(\d+)"', self.page())
        assert found
        return int(found[1])

    def news(self, seen: int) -> dict[str, Any]:
        return json.loads(get(f"http://127.0.0.1:{self.port}{NEWS}?seen={seen}"))

    def until(self, true: Callable[[], bool], otherwise: str) -> None:
        """Wait until something holds."""
        end = time.monotonic() + PATIENCE
        while not true():
            assert self.process.poll() is None, f"the preview has ended:\n{self.said()}\n{self._errors()}"
            assert time.monotonic() < end, f"{otherwise}; it said:\n{self.said()}"
            time.sleep(0.05)

    def _errors(self) -> str:
        return self.process.stderr.read() if self.process.stderr else ""


@pytest.fixture(scope="module")
def preview(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Preview]:
    made = Preview(tmp_path_factory.mktemp("book"))
    yield made
    made.process.kill()
    made.process.wait()
    made.listener.join(PATIENCE)
    for stream in (made.process.stdout, made.process.stderr):
        assert stream is not None
        stream.close()


@pytest.fixture
def as_before(preview: Preview) -> Iterator[Preview]:
    """The preview with its first page, and with it again afterwards."""
    yield preview
    preview.write(PAGE)
    (preview.book.root / "src/trainlab/experiments/one.py").write_text(SMALL)
    preview.until(lambda: "Before the edit" in preview.page(), "the page did not come back")


@pytest.mark.slow
def test_an_edit_of_prose_is_shown_and_told(as_before: Preview) -> None:
    assert 'id="fig-one"' in as_before.page()
    seen = as_before.version()
    as_before.write(PAGE.replace("Before", "After"))
    as_before.until(lambda: "After the edit." in as_before.page(), "the edit was not followed")
    assert as_before.news(seen)["pages"] == ["/"], "another page was rendered, or none was told"
    as_before.until(lambda: re.search(r"index\.md: \d+\.\d s after the edit", as_before.said()) is not None, "unsaid")
    kept = next((as_before.book.root / ".cache").glob(".preview.*"))
    assert SCRIPT not in (kept / "index.html").read_text(), "the script lies in the files"


@pytest.mark.slow
def test_an_edit_of_draw_draws_the_figure_and_trains_nothing(as_before: Preview) -> None:
    runs = as_before.book.stored()
    as_before.book.edit("experiments/one.py", ('xlabel="updates"', 'xlabel="steps of training"'))
    as_before.until(lambda: "steps of training" in as_before.page(), "the figure was not drawn again")
    assert as_before.book.stored() == runs


@pytest.mark.slow
def test_a_misspelt_figure_is_said_in_one_line_and_can_be_mended(as_before: Preview) -> None:
    seen = as_before.version()
    as_before.write(PAGE.replace("fig:one", "fig:oen").replace("Before", "While wrong"))
    as_before.until(lambda: as_before.news(seen)["problems"] != [], "no page was told")
    (line,) = as_before.news(seen)["problems"]
    assert re.fullmatch(r"index\.md: fig:oen: experiment oen has no results; did you mean one\?.*", line)
    as_before.until(lambda: f"problem: {line}\n" in as_before.said(), "the terminal did not say it")
    assert as_before.said().count(f"problem: {line}\n") == 1
    assert "Before the edit." in as_before.page(), "the last good page stays"
    as_before.write(PAGE.replace("Before", "Mended after"))
    as_before.until(lambda: "Mended after the edit." in as_before.page(), "it did not go on")
    as_before.until(lambda: as_before.news(0)["problems"] == [], "the problem is still told")


@pytest.mark.slow
def test_an_experiment_that_fails_or_wants_training_is_said_and_can_be_mended(as_before: Preview) -> None:
    as_before.book.edit("experiments/one.py", ("    ax = fig.subplots()\n", "    ax = fig.subplot()\n"))
    as_before.until(lambda: "problem: one: AttributeError: " in as_before.said(), "the error was not said")
    (as_before.book.root / "src/trainlab/experiments/one.py").write_text(SMALL)
    as_before.until(lambda: "figure one: mended" in as_before.said(), "mending was not noticed")
    as_before.book.edit("experiments/one.py", ("lr=0.1", "lr=0.2"))
    wanted = "problem: one: 20 of 20 runs are to be trained; `trainlab run one` does it"
    as_before.until(lambda: wanted in as_before.said(), "nobody was told to train")


@pytest.mark.slow
def test_ctrl_c_ends_it_cleanly(preview: Preview) -> None:
    os.kill(preview.process.pid, signal.SIGINT)
    try:
        code = preview.process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        pytest.fail("it did not end")
    assert code == 0
    assert "Traceback" not in preview._errors()
    assert preview.said().rstrip().endswith("The preview has ended.")
    assert list((preview.book.root / ".cache").glob(".preview.*")) == []
