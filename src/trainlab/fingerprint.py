"""What code a result depends on: digests of the definitions that a function or class can reach.

A stored result is stale when the code that made it has changed. The unit is one top-level
definition, so that an edit of one optimizer leaves the runs of the others alone. Comments,
docstrings and layout do not count: the digest is of the syntax tree without them.

The walk follows names: what a definition mentions, in its own module or by import from another
module of the project. What it is handed at run time (the optimizer inside a `Run`) is not
mentioned, so the caller lists the types of those objects as further starting points.
"""

import ast
import functools
import hashlib
import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Name = tuple[str, str]
"""(module, top-level name)."""


def fingerprint(things: Iterable[Any]) -> dict[str, str]:
    """The digest of every project definition that the given functions and classes can reach.

    Args:
        things: functions and classes defined at the top level of a module.

    Returns:
        "module.name" -> digest, in alphabetical order. Definitions of installed libraries are left
        out: their versions stand for them.
    """
    todo: list[Name] = [(thing.__module__, thing.__qualname__.split(".")[0]) for thing in things]
    found: dict[str, str] = {}
    while todo:
        module, name = todo.pop()
        path = f"{module}.{name}"
        if path in found or not _is_project(module):
            continue
        definitions, imported = _parse(module)
        if name in definitions:
            found[path], mentioned = definitions[name]
            todo += mentioned
        elif name in imported:  # a name that the module passes on
            todo.append(imported[name])
    return dict(sorted(found.items()))


def digest(text: str) -> str:
    """SHA-256, the first 16 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def module_names(module: str) -> list[str]:
    """Every top-level name that a project module defines."""
    return list(_parse(module)[0])


@functools.cache
def _is_project(module: str) -> bool:
    """Source code that is edited beside the experiments, not an installed library."""
    path = _source(module)
    return path is not None and not {"site-packages", "dist-packages"} & set(path.parts) and not _is_standard(path)


def _is_standard(path: Path) -> bool:
    return Path(ast.__file__).parent in path.parents


def _source(module: str) -> Path | None:
    loaded = sys.modules.get(module)
    origin = getattr(loaded, "__file__", None)
    if loaded is None:
        try:
            spec = importlib.util.find_spec(module)
        except (ModuleNotFoundError, ValueError):
            return None
        origin = spec.origin if spec else None
    path = Path(origin) if origin else None
    return path if path and path.suffix == ".py" and path.exists() else None


@functools.cache
def _parse(module: str) -> tuple[dict[str, tuple[str, list[Name]]], dict[str, Name]]:
    """For each top-level name of a module: its digest and the names that it mentions; and what it imports."""
    path = _source(module)
    assert path is not None
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes: dict[str, list[ast.stmt]] = {}
    imported: dict[str, Name] = {}
    for node in ast.walk(tree):  # not only at the top: also those under `if TYPE_CHECKING:` that a package passes on
        if isinstance(node, ast.Import | ast.ImportFrom):
            imported |= _imports(node, module, path)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            nodes.setdefault(node.name, []).append(node)
        elif not isinstance(node, ast.Import | ast.ImportFrom):
            # An assignment belongs to its targets; any other statement to the whole module.
            targets = [n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
            for target in targets or ["<module>"]:
                nodes.setdefault(target, []).append(node)
    ambient = [node for node in nodes.pop("<module>", []) if not _is_docstring(node)]
    return {name: _entry(module, [*ambient, *body], set(nodes), imported) for name, body in nodes.items()}, imported


def _entry(module: str, body: list[ast.stmt], local: set[str], imported: dict[str, Name]) -> tuple[str, list[Name]]:
    text, mentioned = "", set()
    for statement in body:
        text += ast.dump(_stripped(statement))
        for node in ast.walk(statement):
            if isinstance(node, ast.Name):
                if node.id in local:
                    mentioned.add((module, node.id))
                elif node.id in imported:
                    mentioned.add(imported[node.id])
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in imported:
                parent, child = imported[node.value.id]  # `from package import module`, then module.name
                mentioned.add((f"{parent}.{child}" if child else parent, node.attr))
    return digest(text), sorted(mentioned)


def _imports(node: ast.Import | ast.ImportFrom, module: str, path: Path) -> dict[str, Name]:
    if isinstance(node, ast.Import):
        return {alias.asname or alias.name: (alias.name, "") for alias in node.names}
    base = node.module or ""
    if node.level:
        package = module.split(".")[: None if path.name == "__init__.py" else -1]
        base = ".".join([*package[: len(package) - node.level + 1], *([base] if base else [])])
    return {alias.asname or alias.name: (base, alias.name) for alias in node.names}


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _stripped(statement: ast.stmt) -> ast.stmt:
    """Without docstrings, and without the annotations of functions, which name types but run nothing."""
    for node in ast.walk(statement):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            node.body = [child for child in node.body if not _is_docstring(child)] or [ast.Pass()]
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
    return statement
