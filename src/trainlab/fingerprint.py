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
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

Name = tuple[str, str]
"""(module, top-level name)."""

Imports = dict[str, set[Name]]
"""What a name stands for in a module that imports it; ("a.b", "") is the module a.b itself."""

Stamp = tuple[int, int, int] | None
"""Changes with every edit of a file: inode, time of change in ns, size; None where there is no file."""

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


# Before the modules that train are imported; their text is read later, when a first result is asked for.
_AT_START = {path: _stamp(path) for path in Path(__file__).parent.rglob("*.py")}

_READ: dict[str, tuple[Path, Stamp]] = {}
"""Module -> its file as it was when this process began to use it."""


def fingerprint(things: Iterable[Any]) -> dict[str, str]:
    """The digest of every project definition that the given functions and classes can reach.

    Args:
        things: functions and classes defined at the top level of a module, or (module, name) pairs.

    Returns:
        "module.name" -> digest, in alphabetical order. Definitions of installed libraries are left
        out: their versions stand for them.

    Raises:
        TypeError: one of the things was typed into a notebook or at a prompt, so that it has no file.
    """
    todo: set[Name] = {_name(thing) for thing in things}
    seen: set[Name] = set()
    found: dict[str, str] = {}
    while todo:
        seen.add(at := todo.pop())
        module, name = at
        if not _is_project(module):
            continue
        definitions, imported = _parse(module)
        if name in definitions:
            found[f"{module}.{name}"], mentioned = definitions[name]
        else:  # perhaps a name that the module passes on
            mentioned = _passed_on(name, imported)
        todo |= mentioned - seen
    return dict(sorted(found.items()))


def refuse_changed(names: Iterable[str]) -> None:
    """Check that source files are still what `fingerprint` read, so that all who imported them have the same code.

    A worker process imports a module some time after the fingerprint was taken. If the file is the same before and
    after, the worker has run the code that the fingerprint names.

    Args:
        names: of definitions, as `fingerprint` returns them; other names are passed over.

    Raises:
        RuntimeError: a file was edited, even if it was edited back.
    """
    for module in sorted({name.rpartition(".")[0] for name in names} & _READ.keys()):
        path, stamp = _READ[module]
        if _stamp(path) != stamp:
            shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
            raise RuntimeError(
                f"{shown} changed while its code was running, so nobody can say which version made the result; "
                "start again, finished runs are kept"
            )


def digest(text: str) -> str:
    """SHA-256, the first 16 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def mentioned_by(script: str) -> set[Name]:
    """What a script outside of any module mentions: starting points for `fingerprint`.

    Args:
        script: its text.
    """
    tree = ast.parse(script)
    body = [node for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom)]
    return _entry("__main__", body, set(), _imported(tree, "__main__", Path()))[1]


def _name(thing: Any) -> Name:
    if isinstance(thing, tuple):
        return thing
    if thing.__module__ == "__main__" and _source("__main__") is None:
        raise TypeError(
            f"{thing.__qualname__} was typed into a notebook or at a prompt, where no store can tell when it changes; "
            "move it to a module, or train without a store"
        )
    return thing.__module__, thing.__qualname__.split(".")[0]


@functools.cache
def _is_project(module: str) -> bool:
    """Source code that is edited beside the experiments, not an installed library. This package always counts."""
    package = module.split(".")[0]
    # Before looking for a part of a library, which would import all of it.
    if package != module and _source(package) is not None and not _is_project(package):
        return False
    path = _source(module)
    if path is None or package == __name__.split(".")[0]:
        return path is not None
    return not {"site-packages", "dist-packages"} & set(path.parts) and not _is_standard(path)


def _is_standard(path: Path) -> bool:
    return Path(ast.__file__).parent in path.parents


def _source(module: str) -> Path | None:
    loaded = sys.modules.get(module)
    origin = getattr(loaded, "__file__", None)
    if loaded is None:
        spec = _spec(module)
        origin = spec.origin if spec else None
    path = Path(origin) if origin else None
    return path if path and path.suffix == ".py" and path.exists() else None


def _spec(module: str) -> ModuleSpec | None:
    """Where a module would be imported from. Its package is not imported for it, as `find_spec` would."""
    package = module.rpartition(".")[0]
    if not package:
        try:
            return importlib.util.find_spec(module)
        except ValueError:  # such as `__main__`, which has none
            return None
    if loaded := sys.modules.get(package):
        folders = getattr(loaded, "__path__", None)
    else:
        spec = _spec(package)
        folders = spec.submodule_search_locations if spec else None
    return PathFinder.find_spec(module, folders) if folders else None


@functools.cache
def _parse(module: str) -> tuple[dict[str, tuple[str, set[Name]]], Imports]:
    """For each top-level name of a module: its digest and the names that it mentions; and what it imports."""
    path = _source(module)
    assert path is not None
    _READ[module] = path, _AT_START.get(path, _stamp(path))
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes: dict[str, list[ast.stmt]] = {}
    imported = _imported(tree, module, path)
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            continue
        for name in _defined(node) or ["<module>"]:
            nodes.setdefault(name, []).append(node)
    ambient = [node for node in nodes.pop("<module>", []) if not (_is_docstring(node) or _is_main_guard(node))]
    return {name: _entry(module, [*ambient, *body], set(nodes), imported) for name, body in nodes.items()}, imported


def _imported(tree: ast.Module, module: str, path: Path) -> Imports:
    """Everything that a module imports: not only at its top, also in functions and under `if TYPE_CHECKING:`."""
    imported: Imports = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for name, target in _imports(node, module, path):
                imported.setdefault(name, set()).add(target)
    return imported


def _defined(statement: ast.stmt) -> list[str]:
    """The names that a top-level statement defines; none where it is one for the whole module."""
    if isinstance(statement, Definition):
        return [statement.name]
    inner = list(ast.walk(statement))
    names = [node.id for node in inner if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    return names + [node.name for node in inner if isinstance(node, Definition)]


def _entry(module: str, body: list[ast.stmt], local: set[str], imported: Imports) -> tuple[str, set[Name]]:
    text, mentioned = "", set()
    for statement in body:
        text += ast.dump(_stripped(statement))
        for node in ast.walk(statement):
            if isinstance(node, ast.Name):
                mentioned |= {(module, node.id)} if node.id in local else set()
                mentioned |= _passed_on(node.id, imported)
            elif isinstance(node, ast.Attribute):  # module.name
                mentioned |= {(parent, node.attr) for parent in _modules(node.value, imported)}
    return digest(text), mentioned


def _passed_on(name: str, imported: Imports) -> set[Name]:
    """What a name may stand for that the module itself does not define."""
    return imported.get(name) or {(star, name) for star, _ in imported.get("*", ())}


def _modules(node: ast.expr, imported: Imports) -> set[str]:
    """The modules that an expression such as `package.module` may mean."""
    if isinstance(node, ast.Name):
        return {f"{parent}.{child}" if child else parent for parent, child in imported.get(node.id, ())}
    if isinstance(node, ast.Attribute):
        return {f"{parent}.{node.attr}" for parent in _modules(node.value, imported)}
    return set()


def _imports(node: ast.Import | ast.ImportFrom, module: str, path: Path) -> list[tuple[str, Name]]:
    """(name in this module, what it stands for)."""
    if isinstance(node, ast.Import):  # `import a.b` binds a, `import a.b as c` binds the module a.b
        return [
            (a.asname, (a.name, "")) if a.asname else ((top := a.name.split(".")[0]), (top, "")) for a in node.names
        ]
    base = node.module or ""
    if node.level:
        package = module.split(".")[: None if path.name == "__init__.py" else -1]
        base = ".".join([*package[: len(package) - node.level + 1], *([base] if base else [])])
    return [(alias.asname or alias.name, (base, alias.name)) for alias in node.names]


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _is_main_guard(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"


def _stripped(statement: ast.stmt) -> ast.stmt:
    """Without docstrings, and without the annotations of functions, which name types but run nothing."""
    for node in ast.walk(statement):
        if isinstance(node, Definition):
            node.body = [child for child in node.body if not _is_docstring(child)] or [ast.Pass()]
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
    return statement
