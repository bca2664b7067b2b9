"""What a figure opens to: how the table of runs is made from what was trained, and how a page shows it."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag
from markdown import Markdown

from trainlab.optimizers import Adam
from trainlab.runs import Run, grid
from trainlab.training import Trainer
from trainlab_press.provenance import MOST_ROWS
from trainlab_press.runtable import Watched, ranges, table

RECORD = {
    "name": "race",
    "question": "Who wins?",
    "caption": "A race.",
    "numbers": {},
    "runs": 13,
    "seeds": 13,
    "training_steps": 13000,
    "seconds": 41.23,
    "versions": {"python": "3.11.7"},
    "key": "9f31c2a4b7e0",
    "source": "src/race.py",
    "svg": "race.svg",
    "csv": "race.csv",
}


def end(seed: int, **changed: Any) -> dict[str, Any]:
    """A run of some setting that ended with 60 % (validation) and 50 % (test) of the answers right."""
    setting = {"data": "D", "model": "M", "init": "He", "optimizer": "SGD", "lr": 0.1, "schedule": "Constant"}
    setting |= {"clipping": "None", "loss": "CrossEntropy", "batch_size": 32, "steps": 1000, "seed": seed}
    measured = {"validation_accuracy": 0.6, "validation_loss": 1.0, "test_accuracy": 0.5, "test_loss": 2.0}
    return {**setting, **measured, **changed}


# The table


def test_what_was_trained_is_noted_as_it_ended(tiny: Run) -> None:
    watched = Watched(Trainer())
    runs = [*grid(tiny, lr=[0.1, 0.2], seed=[0, 1]), replace(tiny, optimizer=Adam(), steps=6)]
    results = watched(runs, every=4)
    assert watched.runs == runs, "everything else is the trainer's"
    made = table(watched.ends, set())
    assert made["varying"] == ["optimizer", "lr"]
    assert [row["values"] for row in made["rows"]] == [["SGD", 0.1], ["SGD", 0.2], ["Adam", 0.1]]
    assert [row["runs"] for row in made["rows"]] == [2, 2, 1]
    assert [row["updates"] for row in made["rows"]] == [12, 12, 6]
    first = results.isel(run=[0, 1])
    assert made["rows"][0]["test"] == pytest.approx(first.test_accuracy.values.mean(), rel=1e-5)
    assert made["rows"][0]["validation"] == pytest.approx(first.validation_accuracy.values[:, -1].mean(), rel=1e-5)
    shorter = results.isel(run=4).validation_accuracy.sel(step=6)
    assert made["rows"][2]["validation"] == pytest.approx(float(shorter), rel=1e-5)
    assert json.loads(json.dumps(made)) == made


def test_runs_for_tuning_stand_apart_and_their_test_results_are_left_out() -> None:
    made = table([end(0), end(1), end(1000, test_accuracy=0.9), end(1001)], {1000, 1001})
    assert [(row["tuning"], row["seeds"], row["test"]) for row in made["rows"]] == [
        (False, "0–1", 0.5),
        (True, "1000–1001", None),
    ]
    assert (made["seeds"], made["tuning_seeds"]) == ("0–1", "1000–1001")


def test_runs_that_diverged_are_counted() -> None:
    lost = end(1, validation_accuracy=math.nan, test_accuracy=math.nan, test_loss=math.inf)
    [row] = table([end(0), lost], set())["rows"]
    assert (row["runs"], row["diverged"], row["test"], row["validation"]) == (2, 1, 0.5, 0.6)
    [row] = table([lost], set())["rows"]
    assert (row["diverged"], row["test"]) == (1, None)


def test_without_classes_the_loss_is_shown() -> None:
    made = table([end(0, test_accuracy=math.nan, validation_accuracy=math.nan)], set())
    assert made["measure"] == "loss"
    assert (made["rows"][0]["test"], made["rows"][0]["diverged"]) == (2.0, 0)


def test_an_experiment_without_runs_has_no_rows() -> None:
    assert table([], set())["rows"] == []


def test_ranges() -> None:
    assert ranges([]) == ""
    assert ranges([3]) == "3"
    assert ranges([12, 0, 2, 1, 500, 501]) == "0–2, 12, 500–501"


# The page


def put(root: Path, ends: list[dict[str, Any]], tuning: set[int], **changed: Any) -> None:
    """Write the record, the picture and the source of an experiment with these runs."""
    live = root / "docs" / "live"
    live.mkdir(parents=True)
    (live / "race.json").write_text(json.dumps({**RECORD, "table": table(ends, tuning), **changed}), "utf-8")
    (live / "race.svg").write_text("<svg></svg>", "utf-8")
    (root / "src").mkdir()
    (root / "src" / "race.py").write_text("def measure(train):\n    return 1 < 2  # {=no.number}\n", "utf-8")


def shown(root: Path, ends: list[dict[str, Any]], tuning: set[int], **changed: Any) -> Tag:
    """What stands under the figure of an experiment with these runs."""
    put(root, ends, tuning, **changed)
    md = Markdown(
        extensions=["trainlab_press.markdown"], extension_configs={"trainlab_press.markdown": {"root": str(root)}}
    )
    box = BeautifulSoup(md.convert("![](fig:race)"), "html.parser").select_one("figcaption > details.provenance")
    assert box is not None
    return box


def cells(row: Tag) -> list[str]:
    return [cell.text for cell in row.select("th, td")]


def test_a_figure_opens_to_its_runs(tmp_path: Path) -> None:
    ends = [end(seed, lr=lr) for lr in (0.3, 0.1) for seed in (0, 1)] + [end(1000, lr=0.1)]
    box = shown(tmp_path, ends, {1000})
    rows = box.select("table.runs.sortable tr")
    assert cells(rows[0]) == ["lr", "for", "seeds", "runs", "validation accuracy", "test accuracy"]
    assert [cells(row) for row in rows[1:]] == [
        ["0.3", "results", "0–1", "2", "60.0 %", "50.0 %"],
        ["0.1", "results", "0–1", "2", "60.0 %", "50.0 %"],
        ["0.1", "tuning", "1000", "1", "60.0 %", "–"],
    ]
    facts = dict(zip(cells_of(box, "dt"), cells_of(box, "dd"), strict=True))
    assert facts == {
        "Question": "Who wins?",
        "Seeds": "0–1 for results, 1000 for tuning",
        "Training": "13,000 training steps in 41.2 s",
        "In all runs": "data D, model M, init He, optimizer SGD, schedule Constant, "
        "loss CrossEntropy, batch_size 32, 1,000 updates",
        "Versions": "python 3.11.7",
        "Key": "9f31c2a4b7e0",
    }


def cells_of(box: Tag, tag: str) -> list[str]:
    return [element.text for element in box.select(tag)]


def test_a_column_of_diverged_runs_is_there_when_there_are_any(tmp_path: Path) -> None:
    box = shown(tmp_path, [end(0), end(1, test_loss=math.nan, test_accuracy=math.nan)], set())
    head, row = box.select("table.runs tr")
    assert dict(zip(cells(head), cells(row), strict=True))["diverged"] == "1"
    assert "Means over the runs that did not diverge" in box.text
    assert "for tuning" not in box.text


def test_updates_have_a_column_where_they_differ(tmp_path: Path) -> None:
    box = shown(tmp_path, [end(0), end(0, steps=2000)], set())
    assert [cells(row)[2] for row in box.select("table.runs tr")] == ["updates", "1,000", "2,000"]
    assert "1,000 updates" not in box.text


def test_a_long_table_is_cut_and_says_so(tmp_path: Path) -> None:
    box = shown(tmp_path, [end(0, lr=1 / (n + 1)) for n in range(MOST_ROWS + 5)], set())
    assert len(box.select("table.runs tbody tr")) == MOST_ROWS
    assert f"The first {MOST_ROWS} settings are shown, and the record below has all {MOST_ROWS + 5}." in box.text
    assert "live/race.json" in [link["href"] for link in box.select("a")]


def test_the_code_and_the_command_can_be_copied(tmp_path: Path) -> None:
    box = shown(tmp_path, [end(0)], set())
    code = [element.text for element in box.select("pre > code")]
    assert code == ["def measure(train):\n    return 1 < 2  # {=no.number}\n", "trainlab run race"]
    assert box.select(".highlight .k"), "keywords are coloured"
    assert not box.select(".highlight .n, .highlight .p")


def test_a_measurement_without_runs_has_no_table(tmp_path: Path) -> None:
    box = shown(tmp_path, [], set(), measured="Measured on a day", command="make bench")
    assert not box.select("table")
    assert box.select("pre > code")[-1].text == "make bench"
