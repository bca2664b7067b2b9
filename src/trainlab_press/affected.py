"""What has to be made again when files of the book were edited."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from trainlab_press.project import Project

_LISTS = re.compile(r"^!\w+[ \t]*$", re.MULTILINE)
"""A directive without a name shows all of a kind, so any result may change it."""


@dataclass
class Affected:
    """What an edit touches.

    Args:
        pages: to be rendered again, relative to docs/.
        later: pages that list everything, which can wait.
        everything: whether all pages are to be rendered again.
        looks: whether a file changed that every page loads.
        experiments: whose figures may be drawn again.
        figures: whether every figure may be.
        snippets: whether snippets were edited.
        labs: whether labs were.
        code: files whose edits a preview does not follow.
    """

    pages: set[str] = field(default_factory=set)
    later: set[str] = field(default_factory=set)
    everything: bool = False
    looks: bool = False
    experiments: set[str] = field(default_factory=set)
    figures: bool = False
    snippets: bool = False
    labs: bool = False
    code: set[str] = field(default_factory=set)


def watched(project: Project) -> list[Path]:
    """The files and folders of which `affected` knows what an edit touches."""
    return [project.root / name for name in ("docs", "snippets", "overrides", "src", "mkdocs.yml")]


def affected(project: Project, changed: Iterable[Path]) -> Affected:
    """Tell what a set of edited, added or removed files touches.

    A page is taken to show whatever its text names, so it is sometimes rendered for nothing and never left out.

    Args:
        project: the checkout.
        changed: absolute paths.
    """
    found, names = Affected(), set[str]()
    for path in changed:
        file = path.relative_to(project.root).as_posix()
        place, _, rest = file.partition("/")
        if place == "docs":
            names |= _in_docs(found, path, rest)
        elif place == "snippets":
            found.snippets = True
            names.add(file)
        elif place == "src":
            _in_code(found, path, file)
        else:  # overrides/ and mkdocs.yml
            found.everything = True
    texts = _texts(project) if names else {}
    named = re.compile("|".join(rf"(?<![\w-]){re.escape(name)}(?![\w-])" for name in names))
    found.pages |= {page for page, text in texts.items() if named.search(text)}
    if any(name.startswith("=") or "/" not in name for name in names):
        found.later |= {page for page, text in texts.items() if _LISTS.search(text)} - found.pages
    return found


def _in_docs(found: Affected, path: Path, file: str) -> set[str]:
    """Note a file of docs/; returns the names under which pages show it."""
    if file.startswith("labs/"):
        found.labs = True
    elif file.startswith("assets/"):
        found.looks = True
    elif file.startswith("live/"):
        if path.suffix == ".ipynb":
            found.pages |= {file} if path.exists() else set()
        elif "/" in file.removeprefix("live/") or path.suffix == ".md":
            return {f"docs/{file}"}
        else:
            return {"book" if path.stem == "index" else path.stem}
    elif path.suffix == ".md":
        if path.exists():
            found.pages.add(file)
        else:
            found.everything = True
    else:
        found.looks = True
    return set()


def _in_code(found: Affected, path: Path, file: str) -> None:
    if path.suffix != ".py":
        return
    if path.parent.name == "experiments" and path.stem != "__init__":
        found.experiments.add(path.stem)
    elif file == "src/trainlab/plots.py":
        found.figures = True
    else:
        found.code.add(file)


def _texts(project: Project) -> dict[str, str]:
    """Every page that is written by hand."""
    docs = project.root / "docs"
    pages = [path for path in docs.rglob("*.md") if project.live not in path.parents]
    return {path.relative_to(docs).as_posix(): path.read_text(encoding="utf-8") for path in pages}
