"""The whole build: train, draw, record, execute, render. MkDocs comes last and only reads files."""

from __future__ import annotations

import http.server
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from trainlab import experiments
from trainlab.files import alone, draft_name, sweep
from trainlab.fingerprint import fingerprint, mentioned_by
from trainlab.training import Trainer
from trainlab_press import colab, labs, lighten, performance, policy, publish, snippets
from trainlab_press.errors import PressError
from trainlab_press.mentions import check_mentions
from trainlab_press.project import Project

Say = Callable[[str], None]


def build(project: Project, trainer: Callable[[str], Trainer], jobs: int, say: Say) -> list[str]:
    """Build the site, training only what is stale.

    Args:
        project: the checkout.
        trainer: makes the trainer for an experiment's name.
        jobs: processes for snippets and labs.
        say: called with each line for the person who waits.

    Returns:
        The closing summary, a line each.

    Raises:
        PressError: a verdict differs from the book's, or a page, snippet or lab is wrong. Finished
            runs are kept, and the old site stays.
    """
    start = time.monotonic()
    check_mentions(project)
    published = publish_all(project, experiments.names(), trainer)
    performance.publish(project)
    say("snippets ...")
    recorded = snippets.record(project.root / "snippets", project.live, project.cache)
    say("labs ...")
    pages = sorted((project.root / "docs" / "labs").glob("*.py"))
    mentioned = set().union(*(mentioned_by(page.read_text(encoding="utf-8")) for page in pages))
    code = fingerprint(mentioned)
    executed = labs.execute_labs(project.root / "docs" / "labs", project.live, project.cache, jobs, code)
    say("pages ...")
    render_pages(project)
    claims = publish.read_claims(project)
    verdicts = [f"{sum(claim['verdict'] == v for claim in claims)} {v}" for v in ("holds", "null", "reversed")]
    minutes, seconds = divmod(round(time.monotonic() - start), 60)
    trained, drawn = sum(p.trained for p in published), sum(p.drawn for p in published)
    return [
        f"Built {project.site.name}/ in {minutes} min {seconds:02d} s.",
        f"  {len(published)} experiments: {trained} runs trained and {drawn} figures drawn now.",
        f"  {len(recorded)} snippets and {len(executed)} labs executed now.",
        f"  {len(claims)} claims: {', '.join(verdicts)}.",
    ]


def publish_all(project: Project, names: list[str], trainer: Callable[[str], Trainer]) -> list[publish.Published]:
    """Publish experiments, and report every problem together.

    Raises:
        PressError: names each claim whose verdict differs from the book's, and each grid that is too narrow.
    """
    for folder in (project.cache, project.live):
        sweep(folder)
    published = [publish.publish(project, name, trainer(name)) for name in names]
    if names == experiments.names():
        publish.write_index(project, names)
    if problems := [problem for one in published for problem in one.problems]:
        raise PressError("\n".join(problems))
    return published


def render_pages(project: Project) -> None:
    """Run MkDocs into a new folder and, if nothing is wrong, put it in the place of the old site.

    Raises:
        PressError: with the lines in which MkDocs says what is wrong.
    """
    scratch = project.cache / draft_name("site")  # of its own: two builds may run at once
    fresh, old = scratch / "fresh", scratch / "old"
    try:
        scratch.mkdir(parents=True)
        _run_mkdocs(project, fresh)
        lighten.lighten(fresh)
        policy.secure(fresh)  # last: it counts on each script as it stands
        with alone(project.cache):
            if project.site.exists():
                project.site.rename(old)
            fresh.rename(project.site)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _run_mkdocs(project: Project, folder: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    slug = colab.repository(project.root)
    known = {"TRAINLAB_REPOSITORY": f"https://github.com/{slug}"} if slug else {}
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", **known}
    done = subprocess.run(command, cwd=project.root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stdout + done.stderr).splitlines()
        wrong = [m["said"] for line in lines if (m := re.match(r"(?:ERROR|WARNING) +-  (?P<said>.+)", line))]
        said = [line for line in wrong if not line.startswith("Error reading page")]  # the next line says more
        raise PressError("\n".join(said or lines[-5:]))


def serve(folder: Path, port: int, say: Say) -> None:
    """Show the built site on this machine only, until Ctrl-C.

    Raises:
        PressError: the port is taken.
    """
    handler = partial(_QuietHandler, directory=str(folder))
    try:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise PressError(f"port {port} is not free ({error}); choose another with --port") from None
    say(f"Open http://127.0.0.1:{port}/ (Ctrl-C stops)")
    with server:
        server.serve_forever()


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing of single requests."""
