"""Whether the built site is what its sources give now, so that nothing has to be rendered."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from trainlab.files import write
from trainlab_press.project import Project

BESIDE = ("site", "tests", "node_modules", "__pycache__")
"""Folders that no page is made of, besides those whose names begin with a dot."""


def sources(project: Project, variables: dict[str, str]) -> str:
    """A digest of all that pages are made of: the checkout, installed libraries, and variables.

    Args:
        project: the checkout.
        variables: of the environment, that MkDocs reads.
    """
    libraries = sorted(f"{found.name} {found.version}" for found in metadata.distributions())
    return _digest([json.dumps([libraries, variables], sort_keys=True).encode(), *_contents(project.root, BESIDE)])


def is_current(project: Project, made_of: str) -> bool:
    """Whether the site was rendered from these sources, and no file in it has changed since.

    Args:
        project: the checkout.
        made_of: as `sources` tells it.
    """
    try:
        return json.loads(_note(project).read_bytes()) == [made_of, _digest(_contents(project.site, ()))]
    except (OSError, ValueError):
        return False


def remember(project: Project, made_of: str) -> None:
    """Note from which sources the site was rendered.

    Args:
        project: the checkout.
        made_of: as `sources` told it before.
    """
    write(_note(project), json.dumps([made_of, _digest(_contents(project.site, ()))]).encode())


def _note(project: Project) -> Path:
    return project.cache / "rendered.json"


def _contents(root: Path, beside: Iterable[str]) -> Iterator[bytes]:
    """Name and content of every file, in one order on every machine."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in beside)
        for name in sorted(files):
            path = Path(folder, name)
            yield path.relative_to(root).as_posix().encode()
            yield path.read_bytes()


def _digest(parts: Iterable[bytes]) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()
