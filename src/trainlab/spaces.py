"""What tuning may try: grids and random draws of hyperparameters, named by dotted paths of a `Run`."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, Protocol, TypeGuard

import numpy as np

from trainlab.runs import Run, label

LEAST = 3
"""Fewer different numbers have none between their ends."""


class Distribution(Protocol):
    """What random search draws numbers from, such as `scipy.stats.loguniform(1e-4, 1)`."""

    def rvs(self, *, size: int, random_state: np.random.Generator) -> Any:
        """So many numbers.

        Args:
            size: how many.
            random_state: the source of every random number.
        """
        ...

    def support(self) -> tuple[Any, Any]:
        """The lowest and the highest number that it can give."""
        ...


Values = Sequence[Any] | Distribution
"""What a hyperparameter may be: a list to try, or what random search draws from."""

Space = Mapping[str, Values]
"""Dotted path of a `Run`, such as "optimizer.weight_decay" -> what it may be."""

Settings = dict[str, Any]
"""Dotted path -> the value of one trial."""


def spaces(
    contenders: Iterable[str],
    rates: Values | Mapping[str, Values],
    space: Space | Mapping[str, Space],
) -> dict[str, Space]:
    """What each contender tries, the learning rate first, and numbers in ascending order.

    Args:
        contenders: their names.
        rates: the learning rates, or contender -> its own.
        space: the other hyperparameters, or contender -> its own.

    Raises:
        ValueError: a contender is left out, the rate is given twice, or there are too few values.
    """
    own = isinstance(space, Mapping) and any(isinstance(values, Mapping) for values in space.values())
    all_rates = _of_each(contenders, rates, isinstance(rates, Mapping), "rates")
    all_spaces = _of_each(contenders, space, own, "space")
    if "lr" in itertools.chain.from_iterable(all_spaces.values()):
        raise ValueError("space has 'lr'; give the learning rates as `rates` only")
    whole = {name: {"lr": all_rates[name], **all_spaces[name]} for name in contenders}
    return {name: {path: _checked(path, values) for path, values in one.items()} for name, one in whole.items()}


def _of_each(contenders: Iterable[str], given: Any, own: bool, what: str) -> dict[str, Any]:
    names = list(contenders)
    if own and set(given) != set(names):
        raise ValueError(f"{what} must be given for the contenders {', '.join(names)}, got {', '.join(given)}")
    return {name: given[name] if own else given for name in names}


def _checked(path: str, values: Values) -> Values:
    if path.partition(".")[0] == "seed":
        raise ValueError("'seed' can't be tuned: it is the noise over which tuning averages")
    if not is_list(values):
        return values
    values = list(values)
    least = LEAST if numeric(values) else 2
    if len(values) < least or any(values.count(value) > 1 for value in values):
        what = "rates" if path == "lr" else f"values of {path}"
        raise ValueError(f"tuning needs at least {least} different {what}, got {values}")
    return sorted(values) if numeric(values) else values


def is_list(values: Values) -> TypeGuard[Sequence[Any]]:
    """Whether the values are listed; otherwise they are to be drawn.

    Args:
        values: of one hyperparameter.
    """
    return isinstance(values, Iterable)


def numeric(values: Values) -> bool:
    """Whether all values are numbers; True and False are not.

    Args:
        values: of one hyperparameter.
    """
    return not is_list(values) or all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)


def settings(space: Space, draws: int | None = None, seed: int = 0) -> list[Settings]:
    """The settings of each trial.

    Args:
        space: of one contender.
        draws: None takes the whole grid, the last path fastest; a number takes so many random draws.
        seed: of the draws.

    Raises:
        ValueError: a distribution needs `draws`, or they are too few.
    """
    if draws is None:
        columns = []
        for path, values in space.items():
            if not is_list(values):
                raise ValueError(f"{path} is to be drawn; say how many settings, as in draws=20")
            columns.append(values)
        return [dict(zip(space, point, strict=True)) for point in itertools.product(*columns)]
    if draws < LEAST:
        raise ValueError(f"draws must be >= {LEAST}, got {draws}")
    random = np.random.default_rng(seed)
    columns = [_drawn(values, draws, random) for values in space.values()]
    return [dict(zip(space, point, strict=True)) for point in zip(*columns, strict=True)]


def _drawn(values: Values, draws: int, random: np.random.Generator) -> list[Any]:
    if is_list(values):
        return [values[index] for index in random.integers(len(values), size=draws)]
    return values.rvs(size=draws, random_state=random).tolist()  # pyright: ignore[reportAttributeAccessIssue]


def with_settings(thing: Any, values: Mapping[str, Any]) -> Any:
    """A copy of a `Run`, or of anything inside it, with other values at some dotted paths.

    Args:
        thing: a frozen dataclass; it stays as it is.
        values: path -> value, such as `{"optimizer.beta1": 0.95}`.

    Raises:
        ValueError: a path leads nowhere, or a value is out of its range.
    """
    for path, value in values.items():
        field, _, rest = path.partition(".")
        if field not in (known := _fields(thing)):
            raise ValueError(f"{field!r} is no field of {label(thing)}; it has {', '.join(known) or 'none'}")
        old = getattr(thing, field)
        if rest:
            value = with_settings(old, {rest: value})
        elif isinstance(old, float) and isinstance(value, int):
            value = float(value)  # an int would be structure, and split stacks
        thing = replace(thing, **{field: value})
    return thing


def _fields(thing: Any) -> list[str]:
    return [field.name for field in fields(thing)] if is_dataclass(thing) and not isinstance(thing, type) else []


def setting(run: Run, path: str) -> Any:
    """The value at a dotted path; None where the run has no such field.

    Args:
        run: where to look.
        path: such as "optimizer.beta1".
    """
    value: Any = run
    for field in path.split("."):
        value = getattr(value, field, None)
    return value


def beyond(values: Sequence[Any], side: int) -> Any:
    """One more value outside a grid: one step further, by ratio or by difference as the grid has it.

    Args:
        values: at least 3 numbers, ascending.
        side: 1 above the highest, -1 below the lowest.

    Returns:
        A number of the same kind; not below 0 unless the grid is.
    """
    third, second, last = values[-3:] if side > 0 else values[2::-1]
    steps = abs(second - third), abs(last - second)
    grows = max(steps) > 1.01 * min(steps) and (steps[1] > steps[0]) == (side > 0)  # away from zero
    if grows and second * last > 0:
        value = last * (last / second)
    else:
        value = last + (last - second)
        value = value if values[0] < 0 else max(0, value)
    return round(value) if all(isinstance(v, int) for v in values) else float(f"{value:.6g}")
