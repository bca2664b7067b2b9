"""The whole build: train, draw, record, execute, render. MkDocs comes last and only reads files."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trainlab import experiments
from trainlab.files import alone, draft_name, sweep
from trainlab_press import colab, folded, heads, lighten, llms, policy, programs, rendered
from trainlab_press.errors import PressError
from trainlab_press.mentions import check_mentions
from trainlab_press.project import Project
from trainlab_press.shown import shown

if TYPE_CHECKING:
    from trainlab.training import Trainer
    from trainlab_press.publish import Published

# What publishes figures is imported where it is used: it imports PyTorch, and a preview can do without.

Say = Callable[[str], None]


@dataclass(frozen=True)
class Crew:
    """Who publishes several experiments at a time.

    Args:
        trainer: makes one with the settings that all of them take.
        jobs: processes; with 1, nothing but what is as it was is left out.
        bar: makes what is told of the experiments as they are published, from their number.
        say: called with each line for the person who waits.
    """

    trainer: Callable[[], Trainer]
    jobs: int
    bar: Callable[[int], Callable[[Sequence[str], int], None]]
    say: Say


@dataclass(frozen=True)
class Prepared:
    """What was made for the pages.

    Args:
        published: every experiment.
        snippets: stems of those that ran now.
        labs: stems of those that were executed now.
    """

    published: list[Published]
    snippets: list[str]
    labs: list[str]


def build(
    project: Project, trainer: Callable[[str], Trainer], jobs: int, say: Say, crew: Crew | None = None
) -> list[str]:
    """Build the site, training only what is stale.

    Args:
        project: the checkout.
        trainer: makes the trainer for an experiment's name.
        jobs: processes for snippets and labs.
        say: called with each line for the person who waits.
        crew: publishes several experiments at a time, where there is one.

    Returns:
        The closing summary, a line each.

    Raises:
        PressError: a verdict differs from the book's, or a page, snippet or lab is wrong. Finished
            runs are kept, and the old site stays.
    """
    from trainlab_press.publish import read_claims

    start = time.monotonic()
    made = prepare(project, trainer, jobs, say, crew)
    made_of = rendered.sources(project, environment(project))
    if rendered.is_current(project, made_of):
        say("pages are as they were")
    else:
        say("pages ...")
        render_pages(project)
        rendered.remember(project, made_of)
    claims = read_claims(project)
    verdicts = [f"{sum(claim['verdict'] == v for claim in claims)} {v}" for v in ("holds", "null", "reversed")]
    others = sum("reference" in claim for claim in claims)
    differ = f"  {others} differ from the book's on this processor, and may: see `trainlab claims`."
    minutes, seconds = divmod(round(time.monotonic() - start), 60)
    trained, drawn = sum(p.trained for p in made.published), sum(p.drawn for p in made.published)
    return [
        f"Built {project.site.name}/ in {minutes} min {seconds:02d} s.",
        f"  {len(made.published)} experiments: {trained} runs trained and {drawn} figures drawn now.",
        f"  {len(made.snippets)} snippets and {len(made.labs)} labs executed now.",
        f"  {len(claims)} claims: {', '.join(verdicts)}.",
        *([differ] if others else []),
    ]


def prepare(
    project: Project, trainer: Callable[[str], Trainer], jobs: int, say: Say, crew: Crew | None = None
) -> Prepared:
    """Make everything that pages show, training what is stale; see `build`."""
    from trainlab_press import performance

    check_mentions(project)
    published = publish_all(project, experiments.names(), trainer, crew)
    performance.publish(project)
    say("snippets ...")
    recorded = programs.snippets(project)
    say("labs ...")
    return Prepared(published, recorded, programs.labs(project, jobs))


def publish_all(
    project: Project, names: list[str], trainer: Callable[[str], Trainer], crew: Crew | None = None
) -> list[Published]:
    """Publish experiments, and report every problem together.

    Args:
        project: the checkout.
        names: of experiments.
        trainer: makes the trainer for an experiment's name.
        crew: publishes several at a time; None publishes one after the other.

    Raises:
        PressError: names each claim whose verdict differs from the book's, and each grid that is too narrow; or all
            claims that differ on another processor, where they are too many.
    """
    from trainlab_press import publish, reference
    from trainlab_press.workers import publish_together

    for folder in (project.cache, project.live):
        sweep(folder)
    published = {}
    if crew:
        common, pages = crew.trainer(), shown(project.root, project.live)
        published = {name: one for name in names if (one := publish.as_before(project, name, common, pages))}
        changed = [name for name in names if name not in published]
        if published:
            crew.say(f"{len(published)} of {len(names)} experiments are as they were: nothing to train.")
        if crew.jobs > 1 and len(changed) > 1:
            together = publish_together(project, changed, common, crew.jobs, crew.bar(len(changed)))
            published |= {one.name: one for one in together}
    done = [published.get(name) or publish.publish(project, name, trainer(name)) for name in names]
    problems = [problem for one in done for problem in one.problems]
    if names == experiments.names():
        publish.write_index(project, names)
        problems += reference.too_many(publish.read_claims(project))
    if problems:
        raise PressError("\n".join(problems))
    return done


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
        _complete(project, fresh)
        with alone(project.cache):
            if project.site.exists():
                project.site.rename(old)
            fresh.rename(project.site)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def environment(project: Project) -> dict[str, str]:
    """The variables that mkdocs.yml reads."""
    slug = colab.repository(project.root)
    known = {"TRAINLAB_REPOSITORY": f"https://github.com/{slug}"} if slug else {}
    return {"NO_MKDOCS_2_WARNING": "1", "TRAINLAB_SITE_URL": heads.site_address(project.root), **known}


def _complete(project: Project, folder: Path) -> None:
    """Do to a whole site what is left to do before it is published."""
    finish(project, folder)
    address = heads.site_address(project.root)
    heads.finish(folder, address, project.root / "docs" / "assets", project.cache / "cards")
    llms.write_texts(folder, project.root / "mkdocs.yml", address)
    policy.secure(folder)  # last: it counts on each script as it stands


def finish(project: Project, folder: Path) -> None:
    """Do to the pages what MkDocs has left to do. A second time changes nothing."""
    lighten.lighten(folder, colab.repository(project.root))
    folded.fold(folder)


def _run_mkdocs(project: Project, folder: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    known = {**os.environ, **environment(project)}
    done = subprocess.run(command, cwd=project.root, env=known, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stdout + done.stderr).splitlines()
        wrong = [m["said"] for line in lines if (m := re.match(r"(?:ERROR|WARNING) +-  (?P<said>.+)", line))]
        said = [line for line in wrong if not line.startswith("Error reading page")]  # the next line says more
        raise PressError("\n".join(said or lines[-5:]))
