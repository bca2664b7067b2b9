"""Labs for Google Colab: where they can be opened, and the notebooks that lie there.

Colab opens notebooks from a branch of a GitHub repository. The workflow that publishes the site puts
them on a branch of their own, as one commit without a parent:

    python -m trainlab_press.colab FOLDER

writes them: without outputs, each with a first cell that installs this very commit.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
from pathlib import Path

from trainlab_press.errors import PressError
from trainlab_press.project import Project
from trainlab_press.recordings import write

BRANCH = "notebooks"

_GITHUB = re.compile(r"github\.com[:/](?P<slug>[\w.-]+/[\w.-]+?)(?:\.git)?/?$")


def repository(root: Path) -> str:
    """The project's owner/name on GitHub; "" where it has none.

    Args:
        root: the checkout. The environment variable GITHUB_REPOSITORY, set by GitHub's workflows, goes first.
    """
    if slug := os.environ.get("GITHUB_REPOSITORY"):
        return slug
    match = _GITHUB.search(_git(root, "remote", "get-url", "origin"))
    return match["slug"] if match else ""


def address(slug: str, lab: str) -> str:
    """Where Colab opens a lab.

    Args:
        slug: the repository, as owner/name.
        lab: the stem of the lab's page.
    """
    return f"https://colab.research.google.com/github/{slug}/blob/{BRANCH}/{lab}.ipynb"


def write_notebooks(project: Project, folder: Path, slug: str, commit: str) -> list[str]:
    """Write every lab as a notebook without outputs.

    Args:
        project: the checkout.
        folder: where they go.
        slug: the repository that the first cell installs from.
        commit: and its commit.

    Returns:
        The stems of the labs.
    """
    import jupytext
    from nbformat.v4 import new_code_cell

    install = f'%pip install --quiet "trainlab @ git+https://github.com/{slug}@{commit}"'
    stems = []
    for page in sorted((project.root / "docs" / "labs").glob("*.py")):
        notebook = jupytext.read(page)
        first = next(number for number, cell in enumerate(notebook.cells) if cell["cell_type"] == "code")
        notebook.cells.insert(first, new_code_cell(install))
        for number, cell in enumerate(notebook.cells):
            cell["id"] = f"{page.stem}-{number}"
        write(folder / f"{page.stem}.ipynb", jupytext.writes(notebook, fmt="ipynb"))
        stems.append(page.stem)
    return stems


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def main() -> None:
    """Write the notebooks of this checkout."""
    parser = argparse.ArgumentParser(description="Write the labs as notebooks for Colab.")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    project = Project.find(Path.cwd())
    slug, commit = repository(project.root), _git(project.root, "rev-parse", "HEAD")
    if not (slug and commit):
        raise PressError(
            "this checkout has no GitHub remote named origin, so there is nothing that Colab could install"
        )
    for stem in write_notebooks(project, folder, slug, commit):
        print(address(slug, stem))


if __name__ == "__main__":
    main()
