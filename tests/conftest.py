"""Checks the shapes that trainlab's annotations promise, in every test; and what several tests share."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_origin

import jaxtyping
import pytest
import torch
from beartype import BeartypeConf, beartype
from hypothesis import settings
from jaxtyping import AbstractArray

import spread

pytest_plugins = ["served"]  # the fixtures of the site

torch.set_num_threads(1)

# A shell starts a command in the background with Ctrl-C ignored, and every child inherits that. Tests send Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples in every run, so that a red test means a changed program; and no clock on a shared machine.
settings.register_profile("trainlab", derandomize=True, deadline=None)
settings.load_profile("trainlab")

_beartype = beartype(conf=BeartypeConf(is_pep484_tower=True))  # the tower: an int is a float


def check_shapes(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let beartype check a function, if a tensor's shape is in its signature.

    The rest is left alone: pyright has read it already, checking it made imports five times slower, and a wrong value
    given to a frozen dataclass must reach the dataclass's own check.
    """
    has_shapes = any(_is_shape(annotation) for annotation in function.__annotations__.values())
    return _beartype(function) if has_shapes else function


def _is_shape(annotation: Any) -> bool:
    if get_origin(annotation) is Callable:  # nobody can check what a function takes without calling it
        return False
    is_array = isinstance(annotation, type) and issubclass(annotation, AbstractArray)
    return is_array or any(_is_shape(part) for part in get_args(annotation))


# Before any test imports trainlab. Worker processes and subprocesses go without.
jaxtyping.install_import_hook("trainlab", "conftest.check_shapes")

from trainlab.data import MNIST1D  # noqa: E402
from trainlab.files import alone  # noqa: E402
from trainlab.models import MLP  # noqa: E402
from trainlab.runs import Run  # noqa: E402
from trainlab_press import snippets  # noqa: E402

SNIPPETS = Path(__file__).parents[1] / "snippets"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Where `-n` stands alone; whoever says --dist as well gets that."""
    return spread.scheduler(config, log) if config.getoption("dist") == "load" else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):  # this is one of several processes
        items.sort(key=lambda item: spread.rank(item.nodeid))


@pytest.fixture(scope="session")
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this test run alone, which all of its processes see."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if hasattr(request.config, "workerinput") else base) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def recorded(shared: Path) -> dict[str, str]:
    """What the press records of each snippet. They run once in a test run: the second process finds the outputs."""
    live = shared / "live"
    with alone(shared):
        known = live.exists()
        ran = snippets.record(SNIPPETS, live, shared)
    scripts = sorted(path.stem for path in SNIPPETS.glob("*.py"))
    assert ran == ([] if known else scripts)
    texts = {path.stem: path.read_text("utf-8") for path in (live / "snippets").glob("*.txt")}
    assert sorted(texts) == scripts
    return texts


@pytest.fixture(scope="session")
def tiny() -> Run:
    """A run of about 10 ms: 40-8-10 on 400 rows, 12 updates."""
    data = MNIST1D(rows=400, validation=100, test=200)
    return Run(data=data, model=MLP(inputs=40, outputs=10, depth=1, width=8), lr=0.1, batch_size=32, steps=12)
