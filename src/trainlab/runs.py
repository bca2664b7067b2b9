"""A run: everything that determines one training run, and nothing else."""

import copy
import functools
import importlib
import inspect
import itertools
import math
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field, dataclass, fields, is_dataclass, replace
from typing import Any, Protocol

from trainlab.data import Dataset
from trainlab.inits import PyTorchDefault
from trainlab.losses import CrossEntropy
from trainlab.optimizers import SGD, Optimizer
from trainlab.schedules import Constant
from trainlab.types import Clip, Init, Loss, Model, Schedule

STACK_SIZE = 32
"""Runs in a stack at most; more gain little, and leave other cores without work."""


class DatasetSpec(Protocol):
    """Names a data set and loads it, cached."""

    def load(self) -> Dataset:
        """The three splits in memory."""
        ...


@dataclass(frozen=True, kw_only=True)
class Run:
    """One training run. Hashable, printable, and JSON-able through `describe`.

    Args:
        data: which data set.
        model: builds the network; a frozen dataclass such as `MLP(...)`, or a module-level function.
        init: fills each layer's weights.
        optimizer: turns gradients into updates.
        lr: the peak learning rate, > 0.
        schedule: multiplies the peak rate at each step.
        clipping: changes a run's gradients before the optimizer sees them; None leaves them alone.
        loss: of each example.
        batch_size: examples in a mini-batch, >= 1.
        steps: updates of the weights, >= 1.
        seed: draws the initial weights, the order of the examples and the dropout masks.

    Raises:
        ValueError: a number is out of its range.
        TypeError: a lambda, or anything else that cannot be named in a stored result.
    """

    data: DatasetSpec
    model: Model
    init: Init = PyTorchDefault()
    optimizer: Optimizer = SGD()
    lr: float
    schedule: Schedule = Constant()
    clipping: Clip | None = None
    loss: Loss = CrossEntropy()
    batch_size: int = 128
    steps: int
    seed: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.lr, bool) or not isinstance(self.lr, int | float):
            raise TypeError(f"lr must be a float, got {self.lr!r}")
        if not (self.lr > 0 and math.isfinite(self.lr)):
            raise ValueError(f"lr must be > 0 and finite, got {self.lr}")
        for field, least in (("batch_size", 1), ("steps", 1), ("seed", 0)):
            value = getattr(self, field)
            if isinstance(value, bool) or not isinstance(value, int):
                raise TypeError(f"{field} must be an int, got {value!r}")
            if value < least:
                raise ValueError(f"{field} must be >= {least}, got {value}")
        for field in fields(self):
            describe(getattr(self, field.name), f"Run.{field.name}")

    def __str__(self) -> str:
        parts = (f"{field.name}={label(getattr(self, field.name))}" for field in fields(self))
        return f"Run({', '.join(parts)})"


def describe(value: Any, where: str = "value") -> Any:
    """A JSON-able description that names every type and every field.

    Args:
        value: a `Run`, or anything that a `Run` may hold.
        where: how an error names the value.

    Raises:
        TypeError: the value is not a frozen dataclass, a module-level function or class, a number,
            a string, a tuple of these, or None.
    """
    if value is None or isinstance(value, (bool, int, float, str)):  # a union takes twice the time
        return value
    if isinstance(value, tuple):
        return [describe(item, f"{where}[{index}]") for index, item in enumerate(value)]
    if (names := _field_names(type(value))) is not None:
        if not value.__dataclass_params__.frozen:  # pyright: ignore[reportAttributeAccessIssue]
            raise TypeError(
                f"{where}: {type(value).__name__} must be a frozen dataclass; write @dataclass(frozen=True)"
            )
        described = {name: describe(getattr(value, name), f"{where}.{name}") for name in names}
        return {"type": _import_path(type(value), where), "fields": described}
    if isinstance(value, type | types.FunctionType | types.BuiltinFunctionType):
        return {"name": _import_path(value, where)}
    raise TypeError(
        f"{where} must be a frozen dataclass or a module-level function, got {type(value).__name__} {value!r}"
    )


@functools.cache
def _field_names(kind: type) -> list[str] | None:
    """Of a dataclass; None for another type."""
    return [field.name for field in fields(kind)] if is_dataclass(kind) else None


@functools.cache
def _import_path(thing: Any, where: str) -> str:
    """`module.name`, checked to lead back to the same object."""
    path = f"{thing.__module__}.{thing.__qualname__}"
    found = None
    if "<" not in thing.__qualname__:
        found = importlib.import_module(thing.__module__)
        for name in thing.__qualname__.split("."):
            found = getattr(found, name, None)
    if found is not thing:
        kind = "lambda" if thing.__name__ == "<lambda>" else f"local {thing.__name__}"
        raise TypeError(
            f"{where} is a {kind}, which a stored result cannot name; "
            "define it with def or @dataclass(frozen=True) at the top level of a module"
        )
    return path


def label(value: Any) -> str:
    """A short name for people: the type, with the fields that differ from their defaults.

    Args:
        value: a run's field, of any type.
    """
    if is_dataclass(value) and not isinstance(value, type):
        shown = [f"{field.name}={label(v)}" for field in fields(value) if _said(field, v := getattr(value, field.name))]
        return type(value).__name__ + (f"({', '.join(shown)})" if shown else "")
    if isinstance(value, type | types.FunctionType | types.BuiltinFunctionType):
        return value.__name__
    return f"{value:g}" if isinstance(value, float) else str(value)


def _said(field: Field[Any], value: Any) -> bool:
    return bool(value != field.default)


def grid(base: Run, **axes: Iterable[Any]) -> list[Run]:
    """Every combination of the given values, the last axis fastest.

    Args:
        base: gives the fields that are not named.
        **axes: values for fields of `Run`.

    Returns:
        One run for each combination.

    Raises:
        ValueError: an axis is no field of `Run`, or has no values.
    """
    known = [field.name for field in fields(Run)]
    values = {name: list(axis) for name, axis in axes.items()}
    for name, axis in values.items():
        if name not in known:
            raise ValueError(f"grid: {name!r} is no field of Run; the fields are {', '.join(known)}")
        if not axis:
            raise ValueError(f"grid: {name} has no values")
    return [replace(base, **dict(zip(values, point, strict=True))) for point in itertools.product(*values.values())]


def stacks(runs: Iterable[Run], size: int | Callable[[Run], int] = STACK_SIZE) -> list[list[int]]:
    """Which runs can train together.

    Floats stack, everything else is structure: learning rate, the float fields of the optimizer and of
    the clipping, dropout rate, init, schedule and seed may differ within a stack.

    Args:
        runs: in any order.
        size: runs in a stack at most, or what tells it from the first run of a structure.

    Returns:
        Indices into `runs`, in order, each in exactly one stack. The runs of one structure are
        shared out evenly: one stack, or an even number of them.
    """
    runs = list(runs)
    groups: dict[Any, list[int]] = {}
    for index, run in enumerate(runs):
        groups.setdefault(_structure(run), []).append(index)
    out = []
    for members in groups.values():
        most = size if isinstance(size, int) else size(runs[members[0]])
        count = math.ceil(len(members) / most)
        if 1 < count < len(members):
            count += count % 2  # of three equal stacks, one of two cores would train two
        cuts = [len(members) * part // count for part in range(count + 1)]
        out += [members[start:end] for start, end in itertools.pairwise(cuts)]
    return out


def _structure(run: Run) -> Any:
    """What must be equal for two runs to train in one stack."""
    stacked = getattr(run.model, "stacked_fields", ())
    # Zero or not is structure: a network without dropout has no dropout layer.
    model = tuple(value != 0 if name in stacked else value for name, value in _values(run.model).items())
    optimizer, clip = _without_floats(run.optimizer), _without_floats(run.clipping)
    return (run.data, _kind(run.model), model, optimizer, clip, run.loss, run.batch_size, run.steps)


def _without_floats(value: Any) -> Any:
    if isinstance(value, float):
        return float
    return (_kind(value), *map(_without_floats, inner.values())) if (inner := _values(value)) else value


def _kind(value: Any) -> Any:
    return value if inspect.isroutine(value) or isinstance(value, type) else type(value)


def _values(value: Any) -> dict[str, Any]:
    """The fields of a dataclass."""
    if not is_dataclass(value) or isinstance(value, type):
        return {}
    return {field.name: getattr(value, field.name) for field in fields(value)}


def floats(value: Any) -> dict[str, float]:
    """The float fields of a dataclass, those of dataclasses inside it too: `{"optimizer.beta1": 0.9}`.

    Args:
        value: a dataclass; anything else has none.
    """
    out = {}
    for name, field in _values(value).items():
        if isinstance(field, float):
            out[name] = field
        out |= {f"{name}.{inner}": number for inner, number in floats(field).items()}
    return out


def with_floats(value: Any, numbers: Mapping[str, Any]) -> Any:
    """A copy with other values in some float fields, named as `floats` does.

    The values may be tensors: range checks, done already when each run was made, are not run on them.

    Args:
        value: a dataclass.
        numbers: new values, by the names that `floats` gives.
    """
    clone = copy.copy(value)
    inner: dict[str, dict[str, Any]] = {}
    for name, number in numbers.items():
        field, _, rest = name.partition(".")
        if rest:
            inner.setdefault(field, {})[rest] = number
        else:
            object.__setattr__(clone, field, number)
    for field, rest in inner.items():
        object.__setattr__(clone, field, with_floats(getattr(clone, field), rest))
    return clone


def coordinate(runs: Iterable[Run], field: str) -> list[Any]:
    """The value of one field for each run: numbers as they are, everything else by its label.

    Args:
        runs: whose field is read.
        field: the name of a field of `Run`.
    """
    values = [getattr(run, field) for run in runs]
    return [value if isinstance(value, int | float) else label(value) for value in values]
