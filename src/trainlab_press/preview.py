"""The live preview: pages follow an edit of prose within a second or two, figures one of `draw` within five."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from trainlab import experiments
from trainlab_press.affected import Affected, affected, watched
from trainlab_press.errors import PressError
from trainlab_press.freshness import unchanged
from trainlab_press.project import Project
from trainlab_press.redraw import Redrawer, Wanted
from trainlab_press.reload import News, server
from trainlab_press.rerender import Renderer, address
from trainlab_press.watch import Watch

Say = Callable[[str], None]

PAUSE = 0.1
"""Seconds between two looks at the files."""


def is_fresh(project: Project) -> bool:
    """Whether every experiment's files are current, as far as their records tell."""
    stored = {path.stem for path in (project.cache / "runs").glob("*.npz")}
    indexed = all((project.live / name).is_file() for name in ("index.json", "claims.json"))
    return indexed and all(unchanged(project, name, stored) for name in experiments.names())


def run(project: Project, port: int, redrawer: Redrawer, say: Say) -> None:
    """Show the book on this machine and keep it current, until an interrupt.

    Args:
        project: the checkout, whose figures are there.
        port: where; 0 takes a free one.
        redrawer: makes figures, snippets and labs again.
        say: called with each line for the person who writes.

    Raises:
        PressError: the port is taken.
        KeyboardInterrupt: the way to end it.
    """
    watch = Watch(watched(project))
    project.cache.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix=".preview.", suffix=".tmp", dir=project.cache) as folder:
        renderer, news = Renderer(project, Path(folder)), News()
        preview = _Preview(project, renderer, redrawer, news, say)
        with server(Path(folder), port, news, renderer.busy) as served:
            try:
                preview.render(renderer.all, None, "every page", time.time())
                say(f"Open http://127.0.0.1:{served.server_port}/ (Ctrl-C stops)")
                redrawer.warm()
                while True:
                    if changed := watch.changed():
                        preview.follow(changed)
                    preview.listen()
                    time.sleep(PAUSE)
            finally:
                redrawer.stop()
                served.shutdown()


class _Preview:
    """Follows edits: what is to be made again is, and open pages and the terminal are told."""

    def __init__(self, project: Project, renderer: Renderer, redrawer: Redrawer, news: News, say: Say) -> None:
        self.project, self.renderer, self.redrawer, self.news, self.say = project, renderer, redrawer, news, say
        self.problems: dict[str, list[str]] = {}
        self.later: set[str] = set()

    def follow(self, changed: set[Path]) -> None:
        """Make again what an edit touches."""
        since = max((path.stat().st_mtime for path in changed if path.exists()), default=time.time())
        found = affected(self.project, changed)
        if wanted := Wanted(found.experiments, found.figures, found.snippets, found.labs):
            self.redrawer.start(wanted)
        for file in sorted(found.code):
            self.say(f"{file} was edited; start the preview again to follow it, `trainlab list` says what is stale")
        self._render(found, since)

    def _render(self, found: Affected, since: float) -> None:
        if found.everything:
            self.render(self.renderer.all, None, "every page", since)
        elif found.pages or found.looks:
            shown = None if found.looks else {address(page) for page in found.pages}
            what = ", ".join(sorted(found.pages)) or "what pages load"
            self.render(partial(self.renderer.some, found.pages), shown, what, since)
        if found.later:
            what = f"{', '.join(sorted(found.later))} (lists)"
            self.render(partial(self.renderer.some, found.later), {*map(address, found.later)}, what, since)

    def render(self, work: Callable[[], list[str]], shown: set[str] | None, what: str, since: float) -> None:
        """Render pages and tell those that are open, or say what is wrong."""
        try:
            lines = work()
        except PressError as error:
            self._wrong("pages", str(error).splitlines())
            self.news.tell(set(), self._lines())
            return
        self._wrong("pages", lines)
        self.news.tell(shown, self._lines())
        self.say(f"{what}: {time.time() - since:.1f} s after the edit")

    def listen(self) -> None:
        """Hear what became of figures, snippets and labs."""
        for kind, about, line in self.redrawer.said():
            if kind == "drawn":
                self.say(f"{about}: made again")
                continue
            before = self.problems.get(about, [])
            self._wrong(about, [line] if line else [])
            if before != self.problems.get(about, []):
                self.news.tell(set(), self._lines())

    def _wrong(self, about: str, lines: list[str]) -> None:
        """Remember what is wrong with something, and say it once."""
        for line in lines:
            if line not in self.problems.get(about, []):
                self.say(f"problem: {line}")
        if not lines and self.problems.pop(about, None):
            self.say(f"{about}: mended")
        elif lines:
            self.problems[about] = lines

    def _lines(self) -> list[str]:
        return [line for lines in self.problems.values() for line in lines]
