"""Serves a preview on this machine, and tells open pages when to load again. Nothing of it is in the built site."""

from __future__ import annotations

import http.server
import json
import threading
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from trainlab_press.errors import PressError

NEWS, SCRIPT = "/-/news", "/-/reload.js"
PATIENCE = 25.0
"""Seconds that a page's question waits for news."""

CODE = """\
(() => {
  "use strict";
  let seen = document.currentScript.dataset.seen;
  const box = document.createElement("pre");
  box.setAttribute("role", "alert");
  Object.assign(box.style, {
    position: "fixed", inset: "auto 0 0 0", zIndex: 99, margin: 0, padding: "0.8em 1.2em", whiteSpace: "pre-wrap",
    font: "14px/1.5 monospace", color: "#fff", background: "#8a1f11",
  });
  const ask = async () => {
    try {
      const news = await (await fetch(`NEWS?seen=${seen}`)).json();
      seen = news.version;
      box.textContent = news.problems.join("\\n");
      if (news.problems.length) document.body.append(box);
      else box.remove();
      if (!news.pages || news.pages.includes(decodeURI(location.pathname))) return location.reload();
    } catch {
      await new Promise((done) => setTimeout(done, 1000));
    }
    return ask();
  };
  ask();
})();
""".replace("NEWS", NEWS)

UNBUILT = b"<!doctype html><html lang=en><title>Not there</title><body><p>This page is not there, or not built yet."


class News:
    """What has happened since a page was loaded: a number that grows, and with it which pages are new."""

    def __init__(self) -> None:
        self.version = 1
        self.problems: list[str] = []
        self._pages: dict[int, set[str] | None] = {}
        self._told = threading.Condition()

    def tell(self, pages: set[str] | None, problems: list[str]) -> None:
        """Wake every page that waits.

        Args:
            pages: addresses that have new content; None for all.
            problems: what is wrong now, a line each.
        """
        with self._told:
            self.version += 1
            self._pages[self.version] = pages
            self.problems = problems
            self._told.notify_all()

    def since(self, seen: int, patience: float = PATIENCE) -> dict[str, object]:
        """What is new, as soon as anything is.

        Args:
            seen: the version that a page knows.
            patience: seconds after which the answer is that nothing is.
        """
        with self._told:
            self._told.wait_for(lambda: self.version != seen, patience)
            new = [self._pages.get(version) for version in range(seen + 1, self.version + 1)]
            known = seen <= self.version and None not in new  # else this is another preview than the page's
            pages = sorted({page for each in new for page in each or ()})
            return {"version": self.version, "pages": pages if known else None, "problems": self.problems}


def server(folder: Path, port: int, news: News, busy: threading.Lock) -> http.server.ThreadingHTTPServer:
    """A server for this machine only, which runs until it is shut down.

    Args:
        folder: what it shows.
        port: where; 0 takes a free one.
        news: what pages are told.
        busy: held by whoever writes pages.

    Raises:
        PressError: the port is taken.
    """
    handler = partial(_Handler, folder=folder, news=news, busy=busy)
    try:
        made = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise PressError(f"port {port} is not free ({error}); choose another with --port") from None
    threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    return made


class _Handler(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *args: object, folder: Path, news: News, busy: threading.Lock) -> None:
        self.news, self.busy = news, busy
        super().__init__(*args, directory=str(folder))  # pyright: ignore[reportArgumentType]

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        path = unquote(asked.path)
        if path == NEWS:
            seen = parse_qs(asked.query).get("seen", ["0"])[0]
            self._answer(json.dumps(self.news.since(int(seen) if seen.isdecimal() else 0)).encode(), "application/json")
        elif path == SCRIPT:
            self._answer(CODE.encode(), "text/javascript; charset=utf-8")
        elif path.endswith(("/", ".html")):
            self._page(Path(self.translate_path(path)))
        else:
            super().do_GET()

    def _page(self, file: Path) -> None:
        """Send a page with the script that loads it again."""
        version = self.news.version  # before the page is read, so that no news in between is missed
        with self.busy:
            file = file / "index.html" if file.is_dir() else file
            found = file.is_file()
            content = file.read_bytes() if found else UNBUILT
        script = f'<script src="{SCRIPT}" data-seen="{version}"></script>'.encode()
        head, end, tail = content.rpartition(b"</body>")
        page = head + script + end + tail if end else content + script
        self._answer(page, "text/html; charset=utf-8", 200 if found else 404)

    def _answer(self, content: bytes, kind: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")  # or a page would load an old style sheet again
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing of single requests."""
