"""Experiments: one figure a file.

Each module of this package is one experiment, found by its file name. It has

- a docstring: its first line is the question, the rest the caption;
- `measure(train) -> xarray.Dataset`: declares runs and trains them; it may tune first;
- `numbers(results) -> dict[str, float]`: every number that a page quotes;
- `draw(fig, results) -> None`: draws on an empty figure in the house style;
- `alt(numbers) -> str`: the text alternative, made of the numbers;
- `CLAIMS`: a list of `claims.Claim`;
- `touch(results) -> dict`, where it has an interactive figure: `figure`, the name of a script in docs/assets/touch,
  and the data that this script draws; `trainlab.interactive` makes it short.

Experiments never import each other; what they share is in `trainlab.workloads`.
"""

import difflib
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

PARTS = ("measure", "numbers", "draw", "alt", "CLAIMS")
TOUCH = "touch"
"""The one part that may be missing."""


def names() -> list[str]:
    """The name of every experiment, in alphabetical order."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load(name: str) -> ModuleType:
    """Import one experiment.

    Raises:
        ValueError: there is none of this name, or it lacks a part.
    """
    if name not in names():
        close = difflib.get_close_matches(name, names(), n=3)
        hint = f"did you mean {', '.join(close)}?" if close else f"there are {', '.join(names())}"
        raise ValueError(f"no experiment {name!r}; {hint}")
    with naming(name):
        module = importlib.import_module(f"{__name__}.{name}")
    missing = [part for part in PARTS if not hasattr(module, part)]
    if not module.__doc__:
        missing.insert(0, "a docstring")
    if missing:
        raise ValueError(f"experiment {name} lacks {', '.join(missing)}; trainlab.experiments says what each part is")
    return module


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Note an experiment's name on an error that is raised inside, for the command line to say."""
    try:
        yield
    except (ValueError, TypeError, RuntimeError) as error:
        error.add_note(f"experiment {name}")
        raise


def question(module: ModuleType) -> str:
    """The first line of the experiment's docstring."""
    return inspect.cleandoc(module.__doc__ or "").split("\n")[0]


def caption(module: ModuleType) -> str:
    """The rest of the docstring, as one paragraph."""
    return " ".join(inspect.cleandoc(module.__doc__ or "").split("\n", 1)[-1].split())
