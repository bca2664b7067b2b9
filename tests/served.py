"""A built site, a web server that treats it as GitHub Pages would, and a browser. Fixtures for every test of the site.

By default the site is built in smoke mode into a temporary copy. TRAINLAB_SITE names a built site to check instead.
"""

import functools
import gzip
import http.server
import math
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).parents[1]
CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
IN_CI = os.environ.get("CI") == "true"
NAMED = os.environ.get("TRAINLAB_SITE")
PIECES = 4
TEXT = {".html", ".css", ".js", ".json", ".svg", ".csv", ".xml", ".txt", ".ipynb", ".py"}


@dataclass(frozen=True)
class Site:
    """A built site that is being served.

    Args:
        folder: its files.
        url: its address, under a sub-path, ending in a slash.
        slow_url: the same, where fonts come half a second late and pages piece by piece; neither is kept.
    """

    folder: Path
    url: str
    slow_url: str

    def pages(self) -> list[str]:
        """Addresses of all pages, relative to the site."""
        found = sorted(page.relative_to(self.folder).as_posix() for page in self.folder.rglob("*.html"))
        return [page.removesuffix("index.html") for page in found]

    def readable(self) -> list[str]:
        """The same without 404.html, whose links are absolute, for the root of the host it is published on."""
        return [page for page in self.pages() if page != "404.html"]


@functools.cache
def compressed(path: Path) -> bytes:
    """A file as it travels."""
    return gzip.compress(path.read_bytes(), 6) if path.suffix in TEXT else path.read_bytes()


def weight(page: Path) -> int:
    """Bytes of a page as it travels, with the figures of its text."""
    figures = re.findall(r'<div class="plot"[^>]*><img\b[^>]* src="([^"]+)"', page.read_text("utf-8"))
    return sum(len(compressed(file)) for file in (page, *((page.parent / name).resolve() for name in figures)))


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves as GitHub Pages does: compressed, kept for ten minutes, and 404.html for what is not there."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if path.is_dir() and not self.path.partition("?")[0].endswith("/"):
            self.send_response(HTTPStatus.MOVED_PERMANENTLY)
            self.send_header("Location", self.path + "/")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        file = path / "index.html" if path.is_dir() else path
        status = HTTPStatus.OK if file.is_file() else HTTPStatus.NOT_FOUND
        if status == HTTPStatus.NOT_FOUND:
            file = Path(self.directory) / "book" / "404.html"
        slow = self.path.startswith("/slow/")
        if slow and file.suffix == ".woff2":
            time.sleep(0.5)
        self.reply(status, file, slow=slow and file.suffix in {".woff2", ".html"})

    do_HEAD = do_GET  # noqa: N815

    def reply(self, status: HTTPStatus, file: Path, *, slow: bool) -> None:
        content = compressed(file)
        self.send_response(status)
        self.send_header("Content-Type", self.guess_type(file))
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store" if slow else "max-age=600")
        if file.suffix in TEXT:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        if self.command != "GET":
            return
        size = math.ceil(len(content) / PIECES) if slow else len(content)
        for start in range(0, len(content), max(size, 1)):
            time.sleep(0.05 if start else 0)
            self.wfile.write(content[start : start + size])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing of single requests."""


@contextmanager
def serving(built: Path, above: Path) -> Iterator[Site]:
    """A built site on a loopback port, below a sub-path as on a project's pages.

    Args:
        built: the folder of the site.
        above: an empty folder.
    """
    for name in ("book", "slow"):
        (above / name).symlink_to(built)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(above))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        host = f"http://127.0.0.1:{server.server_port}"
        yield Site(built, f"{host}/book/", f"{host}/slow/")
        server.shutdown()
        thread.join()


def copy_project(target: Path) -> Path:
    """A copy of what a build reads, without what a build writes."""
    shutil.copytree(ROOT / "docs", target / "docs", ignore=shutil.ignore_patterns("live"))
    for folder in ("snippets", "overrides", "src"):
        shutil.copytree(ROOT / folder, target / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("mkdocs.yml", "README.md"):
        shutil.copy(ROOT / file, target / file)
    return target


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """The folder of a built site. The build takes over what other tests of this run have trained and recorded."""
    if NAMED:
        return Path(NAMED).resolve()
    project = copy_project(tmp_path_factory.mktemp("project"))
    request.getfixturevalue("recorded")
    for stored in ("runs", "snippets"):
        if (folder := request.getfixturevalue("shared") / stored).exists():
            shutil.copytree(folder, project / ".cache" / stored, ignore=shutil.ignore_patterns(".*.tmp"))
    command = [sys.executable, "-m", "trainlab.cli", "site", "--smoke"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "make serve" in done.stdout
    assert " 0 snippets and " in done.stdout
    return project / "site"


@pytest.fixture(scope="session")
def site(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The built site, being served."""
    with serving(built, tmp_path_factory.mktemp("served")) as served:
        yield served


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Chromium."""
    if CHROMIUM is None:
        assert not IN_CI, "CI needs Chromium; install the package chromium"
        pytest.skip("no Chromium on this machine")
    return CHROMIUM


@pytest.fixture(scope="session")
def browser(chromium: str) -> "Iterator[Browser]":
    """Headless Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield running
        running.close()
