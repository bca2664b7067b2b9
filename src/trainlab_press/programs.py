"""Runs the programs that pages show with their outputs: the snippets and the labs."""

from __future__ import annotations

from trainlab.fingerprint import fingerprint, mentioned_by
from trainlab_press import labs as press
from trainlab_press import snippets as scripts
from trainlab_press.project import Project


def snippets(project: Project, jobs: int = 0) -> list[str]:
    """Run every snippet that changed.

    Args:
        project: the checkout.
        jobs: not used: there are two at a time.

    Returns:
        The stems of those that ran.

    Raises:
        PressError: one of them is wrong.
    """
    return scripts.record(project.root / "snippets", project.live, project.cache)


def labs(project: Project, jobs: int) -> list[str]:
    """Execute every lab that changed, or whose code of this project did.

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
    return press.execute_labs(folder, project.live, project.cache, jobs, fingerprint(mentioned))
