"""Runs the programs that pages show with their outputs: the snippets and the labs."""

from __future__ import annotations

from pathlib import Path

from trainlab.fingerprint import fingerprint, mentioned_by
from trainlab_press import labs as press
from trainlab_press import snippets as scripts
from trainlab_press.project import Project
from trainlab_press.recordings import write


def snippets(project: Project, jobs: int = 0) -> list[str]:
    """Run every snippet that changed, and put all of them where readers can download them.

    Args:
        project: the checkout.
        jobs: not used: there are two at a time.

    Returns:
        The stems of those that ran.

    Raises:
        PressError: one of them is wrong.
    """
    ran = scripts.record(project.root / "snippets", project.live, project.cache)
    _offer(project.root / "snippets", project.live / "snippets")
    return ran


def labs(project: Project, jobs: int) -> list[str]:
    """Execute every lab that changed, or whose code of this project did, and put the scripts beside the notebooks.

    Args:
        project: the checkout.
        jobs: how many at once.

    Returns:
        The stems of those that were executed.

    Raises:
        PressError: one of them is wrong.
    """
    folder = project.root / "docs" / "labs"
    mentioned = set().union(*(mentioned_by(page.read_text(encoding="utf-8")) for page in sorted(folder.glob("*.py"))))
    ran = press.execute_labs(folder, project.live, project.cache, jobs, fingerprint(mentioned))
    _offer(folder, project.live / "labs")
    return ran


def _offer(programs: Path, folder: Path) -> None:
    """Copy programs to where the site has them, and remove those that are gone."""
    texts = {program.name: program.read_text(encoding="utf-8") for program in programs.glob("*.py")}
    for old in folder.glob("*.py"):
        if old.name not in texts:
            old.unlink(missing_ok=True)  # another build may do the same
    for name, text in texts.items():
        if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != text:
            write(folder / name, text)
