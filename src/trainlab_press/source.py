"""Finds the source of a function, class or method by its dotted name, without importing anything."""

from __future__ import annotations

import ast
import textwrap
from dataclasses import dataclass
from pathlib import Path

from trainlab_press.errors import PressError, did_you_mean

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Listing:
    """A piece of source, and where it stands.

    Args:
        code: The definition, dedented, ending in a newline.
        file: Its file, relative to the project's root, with forward slashes.
        first: Number of its first line, counted from 1.
        last: Number of its last line.
    """

    code: str
    file: str
    first: int
    last: int


def find(root: Path, dotted: str, *, docstring: bool = False) -> Listing:
    """Find a definition under root/src.

    Args:
        root: The project's root.
        dotted: Such as "trainlab.optimizers.Adam.update".
        docstring: Whether to keep the docstrings.

    Returns:
        The definition with its decorators, from the module that defines it, where the named one only passes it on.

    Raises:
        PressError: When no module or no definition has that name.
    """
    file, names = _module(root / "src", dotted.split("."))
    text = file.read_text("utf-8")
    node: ast.AST = ast.parse(text)
    for place, name in enumerate(names, 1):
        inside = {n.name: n for n in ast.iter_child_nodes(node) if isinstance(n, Definition)}
        elsewhere = _passed_on(node)
        if name not in inside and name in elsewhere:
            return find(root, ".".join([elsewhere[name], *names[place:]]), docstring=docstring)
        if name not in inside:
            beside = [p.stem for p in file.parent.glob("*.py")] if file.name == "__init__.py" else []
            hint = did_you_mean(name, [*inside, *elsewhere, *beside])
            hint = hint or f"; it defines {', '.join(inside) or 'nothing'}"
            raise PressError(f"!source {dotted}: {file.relative_to(root).as_posix()} has no {name} there{hint}")
        node = inside[name]
    assert isinstance(node, Definition)
    first, last = min([node.lineno, *(d.lineno for d in node.decorator_list)]), node.end_lineno or node.lineno
    lines = text.splitlines()
    hidden = set() if docstring else _docstring_lines(node, lines)
    kept = [line for number, line in enumerate(lines[first - 1 : last], first) if number not in hidden]
    code = textwrap.dedent("\n".join(kept)).strip() + "\n"
    return Listing(code, file.relative_to(root).as_posix(), first, last)


def _module(folder: Path, parts: list[str]) -> tuple[Path, list[str]]:
    """Split a dotted name into the file of its module and the names inside; the longest module wins."""
    for length in range(len(parts), 0, -1):
        stem = folder.joinpath(*parts[:length])
        for file in (stem.with_suffix(".py"), stem / "__init__.py"):
            if file.is_file() and length == len(parts):
                raise PressError(f"!source {'.'.join(parts)} is a module; add a function, class or Class.method of it")
            if file.is_file():
                return file, parts[length:]
    known = [".".join(p.relative_to(folder).with_suffix("").parts) for p in sorted(folder.rglob("*.py"))]
    hint = did_you_mean(".".join(parts), known) or "."
    raise PressError(f"!source {'.'.join(parts)}: no such module under src/{hint} Write package.module.Class.method")


def _passed_on(node: ast.AST) -> dict[str, str]:
    """The names that a module imports from others, each with the dotted name that it has there."""
    imports = (n for n in ast.iter_child_nodes(node) if isinstance(n, ast.ImportFrom) and not n.level)
    return {alias.asname or alias.name: f"{n.module}.{alias.name}" for n in imports for alias in n.names}


def _docstring_lines(node: Definition, lines: list[str]) -> set[int]:
    """Number the lines that docstrings take, with the blank lines right after them."""
    hidden: set[int] = set()
    for inner in ast.walk(node):
        if not isinstance(inner, Definition) or ast.get_docstring(inner) is None:
            continue
        doc = inner.body[0]
        end = doc.end_lineno or doc.lineno
        if len(inner.body) == 1 or doc.lineno == inner.lineno:  # the docstring is the body, or shares its line
            continue
        while end < len(lines) and not lines[end].strip():
            end += 1
        hidden.update(range(doc.lineno, end + 1))
    return hidden
