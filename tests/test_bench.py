"""The benchmark: what it times, how it compares, what it writes, and what the page promises of it."""

import importlib.util
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from trainlab.runs import stacks
from trainlab_bench import __main__ as command
from trainlab_bench import frameworks, goals, growth, loops, notebook, plan, record, rows
from trainlab_bench.nets import BATCH, EPOCH, NETS, Net
from trainlab_bench.process import in_fresh_process
from trainlab_press import performance, performance_tables
from trainlab_press.errors import PressError
from trainlab_press.livefiles import MEASURED, LiveFiles
from trainlab_press.project import Project

ROOT = Path(__file__).parents[1]
SMALL = Net(1, 4)
MEASUREMENT: dict[str, Any] = json.loads((ROOT / performance.RECORD).read_text(encoding="utf-8"))


# What is timed


@pytest.mark.parametrize("net", [*NETS, Net(0, 1), SMALL], ids=lambda net: net.name)
def test_flops_are_those_that_pytorch_counts(net: Net) -> None:
    model = net.textbook()
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(BATCH, net.sizes[0])).sum().backward()
    assert counter.get_total_flops() == net.flops()


@pytest.mark.parametrize("count", [1, 2, 32, 64])
def test_a_sweep_is_as_large_as_it_says_and_of_one_structure(count: int) -> None:
    runs = SMALL.runs(count, steps=5)
    assert len(set(runs)) == count
    assert stacks(runs, size=count) == [list(range(count))]


def test_the_plain_loops_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[torch.nn.Sequential] = []

    def remember(net: Net) -> torch.nn.Sequential:
        made.append(build(net))
        return made[-1]

    build = Net.textbook
    monkeypatch.setattr(Net, "textbook", remember)
    for contestant in (loops.plain, loops.fused, loops.data_loader):
        assert contestant(Net(2, 32), 5 * EPOCH) > 0
    x, y = loops.DATA.load().train
    for model in made:
        assert torch.nn.functional.cross_entropy(model(x), y) < 2.0


def test_the_arithmetic_limit_is_below_the_plain_loop() -> None:
    assert 0 < loops.arithmetic_limit(NETS[0], 1) < loops.plain(NETS[0], 20)


def test_every_row_has_a_function_and_a_reference() -> None:
    for row in rows.ROWS:
        assert callable(row.contestant())
        assert callable(getattr(loops, row.against))
    assert len(rows.ROW) == len(rows.ROWS)


def test_steps_are_timed_from_one_to_the_next_after_the_first_epoch() -> None:
    warm = [0.1 * i for i in range(frameworks.WARM)]
    assert frameworks.step_time([*warm, 100.0, 102.0, 104.0]) == 2.0
    with pytest.raises(ValueError, match="leave none to time"):
        frameworks.step_time(warm)


def test_the_clocked_loss_is_the_cross_entropy() -> None:
    clocked, logits, labels = frameworks.ClockedLoss(), torch.randn(5, 3), torch.tensor([0, 1, 2, 0, 1])
    assert clocked(logits, labels) == torch.nn.functional.cross_entropy(logits, labels)
    assert len(clocked.times) == 1


# How it is compared


def test_both_sides_take_turns_and_the_ratios_are_formed_within_a_turn() -> None:
    said: list[str] = []
    slow = iter([2.0, 20.0, 6.0])  # the machine is ten times slower in the second turn, for both
    fast = iter([1.0, 10.0, 2.0])

    def against(net: Net, steps: int) -> float:
        said.append(f"against {steps}")
        return next(slow)

    def own(net: Net, steps: int) -> float:
        said.append(f"own {steps}")
        return next(fast)

    compared = rows.compare(own, against, SMALL, steps=7, pairs=3)
    assert said == ["against 7", "own 7"] * 3
    assert (compared.ratio, compared.low, compared.high) == (2.0, 2.0, 3.0)
    assert (compared.microseconds, compared.against, compared.pairs, compared.steps) == (2e6, 6e6, 3, 7)


@pytest.mark.parametrize("name", frameworks.DISTRIBUTIONS)
def test_a_framework_is_measured_or_its_row_says_why_not(name: str) -> None:
    package = frameworks.DISTRIBUTIONS[name]
    if importlib.util.find_spec(package) is None:
        assert rows.measure_row(name) == {"missing": f"{package} is not installed"}
        return
    row = in_fresh_process("trainlab_bench.rows.measure_row", {"name": name, "nets": ["1x4"], "quick": True})
    assert row["cells"]["1x4"]["microseconds"] > 0
    assert row["package"]


def test_a_row_of_the_book_is_measured() -> None:
    row = in_fresh_process("trainlab_bench.rows.measure_row", {"name": "sweep", "nets": ["1x4"], "quick": True})
    cell = row["cells"]["1x4"]
    assert cell["ratio"] == pytest.approx(cell["against"] / cell["microseconds"])
    assert cell["low"] <= cell["ratio"] <= cell["high"]


def test_what_is_done_once_cancels_out_of_the_cost_of_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "seconds", lambda call, runs: 50.0 + 0.25 * len(runs) * runs[0].steps)
    assert growth.step_cost(lambda runs: None, SMALL, count=4, epochs=2) == pytest.approx(0.25)


def test_a_point_of_the_growth_curves_has_time_and_memory() -> None:
    point = in_fresh_process("trainlab_bench.growth.measure_point", {"net": "1x4", "count": 4, "quick": True})
    assert point["plain"] > 0
    assert point["megabytes"] >= 0
    assert (point["runs"], point["steps"]) == (8, 4 * growth.updates(1))


def test_stacks_of_any_size_are_timed() -> None:
    measured = growth.measure_stacks(4, sizes=(1, 64), depth=1, quick=True)
    assert measured["microseconds"].keys() == {"1", "64"}
    assert measured["microseconds"]["64"] < measured["microseconds"]["1"]


def test_a_failure_in_another_process_is_one_line() -> None:
    with pytest.raises(RuntimeError, match=r"measure_row\(.*\) ended with exit code 1: KeyError: 'nobody'$"):
        in_fresh_process("trainlab_bench.rows.measure_row", {"name": "nobody"})


# The notebook's comparison


def test_both_sides_of_the_notebook_train_the_same_network() -> None:
    ours = notebook.contenders(3)[0].model()
    assert [p.shape for p in ours.parameters()] == [p.shape for p in notebook.network().parameters()]


def test_both_sides_of_the_notebook_have_the_same_optimizers() -> None:
    for run, (name, make) in zip(notebook.contenders(3), notebook.TORCH.items(), strict=True):
        theirs = make([torch.nn.Parameter(torch.zeros(1))])
        assert type(theirs).__name__.lower() in (name.lower(), "sgd")
        assert theirs.defaults["lr"] == run.lr
        assert theirs.defaults.get("momentum", 0) == getattr(run.optimizer, "momentum", 0)


# The record and the command


def test_sections_are_measured_apart_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    record.merge(path, "rows", {"seconds": 1})
    record.merge(path, "growth", {"seconds": 2})
    record.merge(path, "rows", {"seconds": 3})
    assert record.read(path) == {"rows": {"seconds": 3}, "growth": {"seconds": 2}}
    path.write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match=r"record\.json is not JSON .*; delete it and measure again"):
        record.read(path)


def test_circumstances_say_where_and_with_what(tmp_path: Path) -> None:
    said = record.circumstances(tmp_path, "make bench", quick=True)
    assert said["versions"]["torch"] == torch.__version__.split("+")[0]
    assert said["cores"] >= 1
    assert said["quick"]
    assert said["commit"] == ""  # outside of git


def test_a_trial_leaves_the_record_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mkdocs.yml").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "in_fresh_process", lambda function, arguments, threads: {"function": function})
    command.main(["growth", "--quick"])
    assert not (tmp_path / command.RECORD).exists()
    trial = record.read(tmp_path / command.TRIAL)
    assert trial["growth"]["results"].keys() == {job.key for job in plan.jobs("growth", quick=True)}
    assert "[6/6] growth: depth_4" in capsys.readouterr().err
    command.main(["stacks"])
    assert record.read(tmp_path / command.RECORD).keys() == {"stacks"}


def test_mistakes_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=r"no mkdocs\.yml here; run this in the root"):
        command.main([])
    with pytest.raises(SystemExit):
        command.main(["rowss"])
    assert "there is no section rowss; the sections are rows, profile, growth" in capsys.readouterr().err


def test_the_press_knows_the_file_that_the_bench_writes() -> None:
    assert command.RECORD == performance.RECORD
    assert set(performance.SECTIONS) < set(plan.SECTIONS)
    assert list(performance_tables.NETS) == [net.name for net in NETS]


# The page


@pytest.fixture
def checkout(tmp_path: Path) -> Project:
    """A checkout with nothing but the record."""
    project = Project(tmp_path)
    (tmp_path / performance.RECORD).parent.mkdir(parents=True)
    shutil.copy(ROOT / performance.RECORD, tmp_path / performance.RECORD)
    return project


def rewrite(project: Project, measured: dict[str, Any]) -> None:
    (project.root / performance.RECORD).write_text(json.dumps(measured), encoding="utf-8")


def test_the_page_gets_numbers_tables_and_figures(checkout: Project) -> None:
    performance.publish(checkout)
    live = LiveFiles(checkout.live)
    sweep = MEASUREMENT["rows"]["results"]["sweep"]["cells"]["2x32"]
    assert live.number("performance", "sweep_2x32_ratio") == sweep["ratio"]
    assert live.names() == []  # no experiments, which an index would list, or else remove
    for name in MEASURED:
        assert live.svg(name).startswith("<svg")
        assert live.experiment(name)["alt"] in (checkout.live / f"{name}.svg").read_text(encoding="utf-8")
    table = (checkout.live / "performance_rows.md").read_text(encoding="utf-8")
    for row in rows.ROWS:
        assert (f"| {row.label} |" in table) == (row.name != "sweep_two_workers")
    setting = (checkout.live / "performance_setting.md").read_text(encoding="utf-8")
    assert f"torch {MEASUREMENT['rows']['versions']['torch']}" in setting
    assert MEASUREMENT["rows"]["processor"] in setting


def test_what_is_current_is_not_drawn_again_and_what_is_lost_is(checkout: Project) -> None:
    performance.publish(checkout)
    stamps = {path.name: path.stat().st_mtime_ns for path in checkout.live.iterdir()}
    performance.publish(checkout)
    assert stamps == {path.name: path.stat().st_mtime_ns for path in checkout.live.iterdir()}
    (checkout.live / "performance_growth.svg").unlink()
    performance.publish(checkout)
    assert (checkout.live / "performance_growth.svg").is_file()
    measured = json.loads(json.dumps(MEASUREMENT))
    measured["stacks"]["results"]["width_32"]["microseconds"]["1"] *= 2
    rewrite(checkout, measured)
    old = LiveFiles(checkout.live).number("performance_stacks", "width_32_size_1")
    performance.publish(checkout)
    assert LiveFiles(checkout.live).number("performance_stacks", "width_32_size_1") == 2 * old


def test_a_framework_that_is_missing_is_said_in_its_row(checkout: Project) -> None:
    measured = json.loads(json.dumps(MEASUREMENT))
    row = measured["rows"]["results"]["skorch"]
    measured["rows"]["results"]["skorch"] = {k: row[k] for k in ("label", "place")} | {"missing": "skorch is not there"}
    measured.pop("notebook", None)
    rewrite(checkout, measured)
    performance.publish(checkout)
    assert "| skorch | skorch is not there |" in (checkout.live / "performance_rows.md").read_text(encoding="utf-8")
    numbers = LiveFiles(checkout.live).experiment("performance")["numbers"]
    assert numbers["skorch_2x32_ratio"] is None
    assert numbers["notebook_minutes"] is None


def test_a_trial_is_called_one(checkout: Project) -> None:
    for quick in (True, False):
        measured = json.loads(json.dumps(MEASUREMENT))
        for section in measured.values():
            section["quick"] = quick
        rewrite(checkout, measured)
        performance.publish(checkout)
        said = (checkout.live / "performance_trial.md").read_text(encoding="utf-8")
        assert ("mean nothing" in said) == quick


def test_a_bad_record_is_named(checkout: Project) -> None:
    rewrite(checkout, {"rows": MEASUREMENT["rows"]})
    with pytest.raises(
        PressError,
        match=r"performance\.json lacks growth, stacks, profile; make bench SECTIONS='growth stacks profile'",
    ):
        performance.publish(checkout)
    (checkout.root / performance.RECORD).write_text("[1", encoding="utf-8")
    with pytest.raises(PressError, match=r"performance\.json is damaged .*; take it from git, or measure: make bench"):
        performance.publish(checkout)


def test_a_checkout_without_a_record_has_no_page_of_it(tmp_path: Path) -> None:
    performance.publish(Project(tmp_path))
    assert not list(tmp_path.iterdir())


# What the page promises


ROWS_WITH_GOALS = ("single", "sweep", "sweep_two_workers")


def cells(name: str) -> dict[str, Any]:
    if any(section["quick"] for section in MEASUREMENT.values()):
        assert os.environ.get("CI") != "true", "the record is a trial; measure it: make bench, make bench-notebook"
        pytest.skip("the record is a trial, whose numbers mean nothing; make bench measures it")
    return MEASUREMENT["rows"]["results"][name]["cells"]


@pytest.mark.parametrize("net", performance_tables.NETS)
@pytest.mark.parametrize("row", ROWS_WITH_GOALS)
def test_the_goals_are_reached(row: str, net: str) -> None:
    assert cells(row)[net]
    results = MEASUREMENT["rows"]["results"]
    [goal] = [goal for goal in goals.goals(results) if (goal.row, goal.net) == (row, net)]
    assert goal.measured >= goal.wanted, goal


def test_a_goal_missed_by_more_than_the_slack_is_named() -> None:
    results = {row: {"cells": {net: {"ratio": 9.0} for net in goals.SWEEP}} for row in ROWS_WITH_GOALS}
    assert not goals.fallen_short(results)
    results["sweep"]["cells"]["2x32"]["ratio"] = 3.39
    results["single"]["cells"]["20x100"]["ratio"] = 0.86
    assert goals.fallen_short(results) == ["sweep at 2x32: 3.39 times the plain loop, wanted 4.00"]


@pytest.mark.parametrize("row", rows.ROWS, ids=lambda row: row.name)
def test_every_row_has_enough_ratios(row: rows.Row) -> None:
    for net in performance_tables.NETS:
        assert cells(row.name)[net]["pairs"] >= 5
