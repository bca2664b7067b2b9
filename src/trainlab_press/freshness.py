"""Whether an experiment's files are what its code, its runs and its caption give now, told from their record alone.

The record names all that the files were made of. Where every part is still the same, so are the files, and neither
a run nor PyTorch is needed to say so. What the runs were is not asked again: the code that declares them is a part.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import platform
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainlab import experiments
from trainlab.fingerprint import digest, fingerprint
from trainlab_press.errors import PressError
from trainlab_press.livefiles import LiveFiles
from trainlab_press.project import Project

if TYPE_CHECKING:
    from trainlab.training import Trainer

PREVIEW = ("optimizer_race", Path("docs", "assets", "figure-1.svg"))
"""The figure that the README shows, and the file in the repository that holds it."""

LIBRARIES = ("matplotlib", "scipy", "xarray")
"""Whose versions a figure depends on, besides those that its runs depend on."""

BY_DEFAULT = {"device": "cpu", "memory": None, "smoke": False}
"""Settings of a command that was given none. Other runs belong to other settings."""

RESOURCES = Path(experiments.__file__).parents[1] / "resources"


def made_of(trainer: Trainer) -> dict[str, Any]:
    """What runs were made of, for the record: settings, files in the store, code, and the packaged data."""
    said = {"settings": settings(trainer), "stacks": trainer.keys, "code": trainer.code, "resources": _resources()}
    return said | {"publisher": publisher()}


def settings(trainer: Trainer) -> dict[str, Any]:
    """Those of a trainer on which its results may depend."""
    return {"device": trainer.device, "memory": trainer.memory, "smoke": trainer.smoke}


@cache
def publisher() -> str:
    """A digest of the code that turns results into the files of an experiment."""
    return digest(json.dumps(fingerprint([("trainlab_press.publish", "publish")])))


def unchanged(project: Project, name: str, stored: set[str]) -> dict[str, Any] | None:
    """The record of an experiment whose files are current.

    Two things are left to the build, which reads them: whether what is stored is sound, and whether a data file
    outside the package is still the same.

    Args:
        project: the checkout.
        name: the experiment's.
        stored: names of the results in the store, without suffix.

    Returns:
        None where something has changed, or where the record does not tell.
    """
    try:
        record = LiveFiles(project.live).experiment(name)
        parts, runs = record["parts"], record["made_of"]
        code = {part: value for part, value in parts.items() if part.startswith("trainlab")} | runs["code"]
        same = (
            fingerprint([_split(part) for part in code]) == dict(sorted(code.items()))
            and parts["caption"] == caption_digest(ast.get_docstring(tree := _tree(name), clean=False))
            and bool(record["touch"]) == _defines(tree, experiments.TOUCH)
            and record["versions"] == _versions()
            and all(parts[library] == metadata.version(library) for library in LIBRARIES)
            and runs["settings"] == BY_DEFAULT
            and runs["resources"] == _resources()
            and stored.issuperset(runs["stacks"])
            and parts["runs"] == digest(json.dumps(runs["stacks"]))
            and is_current(project, record)
            and (name != PREVIEW[0] or preview_has(project, record["preview"]))
        )
    except (PressError, OSError, SyntaxError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return record if same else None


def caption_digest(docstring: str | None) -> str:
    """The digest of an experiment's question and caption, the same in versions of Python that indent them otherwise."""
    return digest(inspect.cleandoc(docstring or ""))


def is_current(project: Project, record: dict[str, Any]) -> bool:
    """Whether the figure on disk is the one that the parts of a record give, untouched."""
    try:
        old = LiveFiles(project.live).experiment(record["name"])
        return old["key"] == record["key"] and old.get("drawn") == drawn(project, record)
    except (PressError, OSError, KeyError, TypeError):
        return False


def drawn(project: Project, record: dict[str, Any]) -> str:
    """A digest of the figure's files, the data of an interactive one among them."""
    files = [record["svg"], record["csv"], *([record["touch"]] if record.get("touch") else [])]
    # A damaged file need not be text, and must have a digest all the same.
    return digest("".join((project.live / file).read_text(encoding="utf-8", errors="replace") for file in files))


def preview_has(project: Project, mark: str) -> bool:
    """Whether the README's figure begins with this line."""
    path = project.root / PREVIEW[1]
    return path.exists() and path.read_bytes().startswith(mark.encode())


def _split(name: str) -> tuple[str, str]:
    module, _, definition = name.rpartition(".")
    return module, definition


def _tree(name: str) -> ast.Module:
    folder = next(Path(folder) for folder in experiments.__path__ if (Path(folder) / f"{name}.py").is_file())
    return ast.parse((folder / f"{name}.py").read_text(encoding="utf-8"))


def _defines(tree: ast.Module, part: str) -> bool:
    return any(isinstance(node, ast.FunctionDef) and node.name == part for node in tree.body)


@cache
def _versions() -> dict[str, str]:
    """What `trainlab.store.versions` says, without importing the libraries."""
    torch, numpy = (metadata.version(library).split("+")[0] for library in ("torch", "numpy"))
    return {"python": platform.python_version(), "torch": torch, "numpy": numpy}


@cache
def _resources() -> dict[str, str]:
    """Digests of the data files in the package."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(RESOURCES.glob("*.npz"))}
