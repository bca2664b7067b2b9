"""How many runs train together, and that they fit the memory they were promised."""

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import nn

from trainlab.data import MNIST1D
from trainlab.models import MLP
from trainlab.optimizers import SGD, Adam, Muon
from trainlab.runs import STACK_SIZE, Run, grid
from trainlab.sizing import STACK_WEIGHTS, footprint, memory_limit, stack_size
from trainlab.training import Trainer, train

DATA = MNIST1D(rows=400, validation=100, test=200)
BASE = Run(data=DATA, model=MLP(inputs=40, outputs=10, depth=2, width=32), lr=0.1, batch_size=32, steps=4)
PLENTY = 1 << 50


def test_small_networks_fill_a_stack() -> None:
    assert stack_size(BASE, "float32", PLENTY) == STACK_SIZE


@pytest.mark.parametrize(("width", "least", "most"), [(100, 32, 32), (512, 4, 8), (1024, 1, 1)])
def test_large_networks_train_in_smaller_stacks_or_alone(width: int, least: int, most: int) -> None:
    run = replace(BASE, model=MLP(inputs=40, outputs=10, depth=3, width=width))
    size = stack_size(run, "float32", PLENTY)
    assert least <= size <= most
    weights = sum(p.numel() for p in run.model().parameters())
    assert size == 1 or size * weights <= STACK_WEIGHTS


def test_a_small_allowance_splits_stacks_and_changes_no_result() -> None:
    runs = grid(BASE, seed=range(6))
    shared, each, _ = footprint(BASE, "float64")
    keys: list[Any] = []
    for memory in (PLENTY, shared + 2 * each, shared + each):
        trainer = Trainer(memory=memory)
        results = trainer(runs, dtype="float64")
        keys.append((len(trainer.keys), results.batch_loss.values))
    assert [count for count, _ in keys] == [1, 4, 6]
    for _, losses in keys[1:]:
        assert losses == pytest.approx(keys[0][1], rel=1e-9)


def test_a_run_that_does_not_fit_is_refused_before_anything_is_trained() -> None:
    with pytest.raises(ValueError, match=r"one run of MLP\(.*\) on MNIST1D.* needs about .* [KM]iB of memory"):
        train([BASE], memory=1 << 16)


@pytest.mark.parametrize("name", ["stack_size", "memory"])
def test_bad_numbers_are_named(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be >= 1, got 0"):
        Trainer(**cast(Any, {name: 0}))


def test_processes_share_half_of_the_memory() -> None:
    assert memory_limit(1, "cpu") // 4 == pytest.approx(memory_limit(4, "cpu"), abs=1)
    assert 0 < memory_limit(1, "cpu") < PLENTY


def test_more_state_and_more_examples_need_more() -> None:
    plain = footprint(BASE, "float32")[1]
    assert footprint(replace(BASE, optimizer=Adam()), "float32")[1] > plain
    assert footprint(replace(BASE, batch_size=400), "float32")[1] > plain
    assert footprint(BASE, "float64")[1] > 1.9 * plain


@dataclass(frozen=True)
class ConvNet:
    """Activations outweigh weights by far."""

    channels: int = 16

    def __call__(self) -> nn.Module:
        return nn.Sequential(
            nn.Unflatten(1, (1, 40)), nn.Conv1d(1, self.channels, 5, padding=2), nn.ReLU(),
            nn.Conv1d(self.channels, self.channels, 5, padding=2), nn.ReLU(), nn.Flatten(),
            nn.Linear(40 * self.channels, 10),
        )  # fmt: skip


MEASURE = """
import json, sys
from pathlib import Path
from tests.test_sizing import CASES, DATA
from trainlab.sizing import footprint, stack_size
from trainlab.training import Trainer, train
from trainlab.runs import grid
from dataclasses import replace
run = CASES[sys.argv[1]]
train([replace(run, steps=1, batch_size=2)])
def status(name):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(name))
Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
before, mapped = status("VmRSS"), status("RssFile")
shared, each, _ = footprint(run, "float32")
memory = shared + 12 * each
trainer = Trainer(memory=memory)
trainer(grid(run, seed=range(24)))
code = max(0, status("RssFile") - mapped)  # of libraries, paged in while it trained
print(json.dumps([len(trainer.keys), (status("VmHWM") - before - code) * 1024, memory]))
"""
CASES = {
    "wide": replace(BASE, model=MLP(inputs=40, outputs=10, depth=3, width=256), optimizer=Adam(), batch_size=128),
    "deep": replace(BASE, model=MLP(inputs=40, outputs=10, depth=20, width=64), optimizer=SGD(), batch_size=256),
    "norm": replace(BASE, model=MLP(inputs=40, outputs=10, depth=4, width=128, norm="batch"), batch_size=256),
    "conv": replace(BASE, model=ConvNet(), optimizer=Adam(), batch_size=128),
    "muon": replace(BASE, model=MLP(inputs=40, outputs=10, depth=3, width=256), optimizer=Muon(), batch_size=32),
}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells the peak of a while")
@pytest.mark.parametrize("name", CASES)
def test_a_sweep_stays_under_its_allowance(name: str) -> None:
    """In a process of its own: what training adds to its peak, against what was allowed."""
    done = subprocess.run([sys.executable, "-c", MEASURE, name], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    stacks, peak, memory = json.loads(done.stdout)
    assert stacks >= 2  # the allowance did bind
    assert peak <= memory
    assert memory < 8 * peak  # and is no wild guess


def test_the_estimate_leaves_the_generator_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    footprint(BASE, "float32")
    assert torch.equal(torch.rand(2), expected)
