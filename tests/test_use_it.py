"""The page for practitioners: its code runs as it stands, here with shorter runs, and what it says is so."""

import contextlib
import importlib.util
import io
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

import trainlab
from test_stack import assert_equal
from trainlab import plots
from trainlab.data import FromFunction
from trainlab.optimizers import Momentum
from trainlab.runs import Run, grid, stacks
from trainlab.stack import CHUNK, CHUNKS
from trainlab.training import train

PAGE = Path(__file__).parents[1] / "docs" / "labs" / "use_it.py"
TEXT = PAGE.read_text(encoding="utf-8")


def short(runs: Sequence[Run], *arguments: Any, **options: Any) -> xr.Dataset:
    """Train, but for 12 updates at most."""
    return train([replace(run, steps=min(run.steps, 12)) for run in runs], *arguments, **options)


def few_images() -> list[tuple[torch.Tensor, torch.Tensor]]:
    """So few that the training loss is measured on all of them."""
    data = trainlab.FashionMNIST().load()
    return [(x[:200].view(-1, 1, 28, 28), y[:200]) for x, y in (data.train, data.validation, data.test)]


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    """The page as a module, after all of its code has run; with what it printed, and its text alternatives."""
    spec = importlib.util.spec_from_file_location("use_it", PAGE)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    alternatives, printed = [], io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.setitem(sys.modules, "use_it", module)
        patch.setattr(trainlab, "train", short, raising=False)
        patch.setattr(plots, "show", lambda figure, alt: alternatives.append(alt))
        spec.loader.exec_module(module)
        module.printed, module.alternatives = " ".join(printed.getvalue().split()), alternatives
        yield module


def test_the_tensors_are_those_of_the_function(page: Any) -> None:
    data = page.images.load()
    assert data.train.x.shape == (2000, 1, 28, 28)
    assert data.classes == 10
    assert torch.equal(data.test.x.flatten(1), trainlab.FashionMNIST().load().test.x[:1000])


def test_the_sweep_is_one_stack(page: Any) -> None:
    assert [len(stack) for stack in stacks(grid(page.base, lr=[0.01, 0.03, 0.1, 1.0], seed=range(3)))] == [12]
    assert page.sweep.sizes["run"] == 12
    assert page.alternatives[0].count("at rate") == 4


def test_the_plain_loop_of_the_page_agrees(page: Any) -> None:
    assert page.difference < 1e-9
    assert "every loss is the same to 1e-9: True" in page.printed


@pytest.mark.parametrize("name", ["ConvNet", "Residual", "Recurrent"])
def test_a_sweep_of_each_network_equals_plain_loops(page: Any, name: str, tiny: Run) -> None:
    data = FromFunction(few_images) if name == "ConvNet" else tiny.data
    base = replace(tiny, data=data, model=getattr(page, name), optimizer=Momentum(), steps=5)
    runs = grid(base, lr=[0.01, 0.1], seed=[0, 1])
    assert len(stacks(runs)) == 1
    assert_equal(train(runs, every=5, dtype="float64"), runs, torch.float64, 1e-9)


def test_the_optimizer_schedule_and_loss_of_the_page_train_in_a_stack_as_alone(page: Any) -> None:
    runs = grid(replace(page.own, steps=5), optimizer=page.signs, seed=[0, 1])
    assert len(stacks(runs)) == 1
    together = train(runs, [page.weight_norm], every=5, dtype="float64")
    alone = train(runs, [page.weight_norm], every=5, dtype="float64", stack_size=1)
    for name in ("batch_loss", "validation_loss", "test_loss", "weight_norm"):
        np.testing.assert_allclose(together[name], alone[name], rtol=1e-9, atol=1e-9, err_msg=name)
    assert len(np.unique(together.batch_loss.values[:, -1])) == 6


def test_the_schedule_and_the_loss_do_what_their_docstrings_say(page: Any) -> None:
    assert [page.halves(step, 8) for step in range(8)] == [1, 1, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125]
    scores = torch.tensor([[3.0, 1.0, 0.0], [0.0, 0.5, 0.0]])
    assert page.hinge(scores, torch.tensor([0, 0])).tolist() == [0.0, 2.5]


def test_every_refusal_is_printed_with_a_remedy(page: Any) -> None:
    for network in ("Branches", "ReadsNumber", "DrawsNoise", "TorchLSTM"):
        said = page.printed.partition(f"{network} cannot be trained in a stack: ")[2]
        assert re.match(r"[^;]*; [^;]*, or train run by run \(stack_size=1\)", said)
    for sentence in (
        "use trainlab.layers.Dropout",
        "write self.register_buffer('mask', ...)",
        "use nn.ModuleList",
        "write self.mean.copy_(...)",
    ):
        assert sentence in page.printed
    assert "one run of ConvNet on FromFunction(function=load_images) with batch_size 2000 needs about" in page.printed


@pytest.mark.parametrize("name", ["ReadsNumber", "TorchLSTM"])
def test_what_the_page_trains_run_by_run_equals_plain_loops(page: Any, name: str, tiny: Run) -> None:
    base = replace(tiny, model=getattr(page, name), optimizer=Momentum(), steps=5)
    runs = grid(base, seed=[0, 1])
    assert_equal(train(runs, every=5, dtype="float64", stack_size=1), runs, torch.float64, 1e-9)


def test_what_the_prose_names_exists() -> None:
    table = "".join(line for line in TEXT.splitlines() if line.startswith("# | "))
    named = set(re.findall(r"`([A-Z]\w+)", table)) - {"Run"}
    assert len(named) > 30
    assert named <= set(trainlab.__all__)
    assert {*re.findall(r"`([a-z_]+)`", table)} <= set(Run.__dataclass_fields__)
    assert f"evaluation takes {CHUNK} to {CHUNKS} examples at a time" in TEXT


def test_lines_fit_the_page() -> None:
    code = [line for line in TEXT.splitlines() if not line.startswith("#")]
    assert [line for line in code if len(line) > 95] == []
