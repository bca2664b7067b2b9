"""From an experiment to the files that pages quote: what they hold, and when they are written again."""

import math
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkout import SMALL, Book, Checkout, book, edited, tree, without_seconds
from trainlab import store
from trainlab_press import publish as press
from trainlab_press.errors import PressError
from trainlab_press.publish import Published, read_claims, write_index
from trainlab_press.shown import shown
from trainlab_press.site import publish_all
from trainlab_press.verdicts import chapter_of

REVERSED = edited(SMALL, ('expect="holds"', 'expect="reversed", why="Nobody knows."'))
RECORD = {
    *("name", "question", "caption", "alt", "numbers", "claims", "runs", "seeds", "training_steps", "seconds"),
    *("versions", "key", "source", "svg", "csv", "touch", "parts", "made_of", "drawn", "table", "stacks"),
    *("problems", "seal"),
}
CLAIM = {
    *("id", "experiment", "figure", "chapter", "text", "why", "source", "url", "statistic", "kind", "null", "region"),
    *("estimate", "low", "high", "n", "censored", "expected", "verdict"),
}


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Book]:
    """A book with one small experiment, not yet published."""
    with book(tmp_path) as made:
        made.write("one")
        yield made


def build(made: Book, *names: str) -> list[Published]:
    return publish_all(made.project, list(names), lambda name: made.trainer())


# The files


def test_record_of_an_experiment(one: Book) -> None:
    assert one.publish("one") == Published("one", drawn=True, trained=20, problems=[])
    record = one.json("one")
    assert set(record) == RECORD
    assert record["question"] == "Is Adam ahead of SGD?"
    assert record["caption"] == "Training loss of a tiny network under two optimizers."
    numbers = record["numbers"]
    assert record["alt"] == (
        f"The training loss ends at {numbers['adam']:.2f} under Adam and at {numbers['sgd']:.2f} under SGD."
    )
    assert (record["runs"], record["seeds"], record["training_steps"]) == (20, 10, 240)
    assert record["seconds"] >= 0
    assert record["versions"] == store.versions()
    assert record["source"] == "src/trainlab/experiments/one.py"
    assert re.fullmatch(r"[0-9a-f]{16}", record["key"])
    assert record["claims"] == ["one/loss-falls"]
    assert [(row["values"], row["runs"], row["seeds"]) for row in record["table"]["rows"]] == [
        (["SGD"], 10, "0–9"),
        (["Adam"], 10, "0–9"),
    ]
    assert set(one.stamps()) == {"one.json", "claims.json", record["svg"], record["csv"]}


def test_files_of_the_figure(one: Book) -> None:
    one.publish("one")
    svg, csv = ((one.project.live / f"one.{kind}").read_text(encoding="utf-8") for kind in ("svg", "csv"))
    assert svg.startswith("<svg ")
    assert f'<desc id="one-desc">{one.json("one")["alt"]}</desc>' in svg
    assert "<title" in svg
    assert csv.splitlines()[0] == "panel,series,x,y,low,high"
    assert len(csv.splitlines()) == 9


def test_record_of_a_claim(one: Book) -> None:
    (one.project.root / "docs" / "losses.md").write_text("# Losses\n\n!claim one/loss-falls\n", encoding="utf-8")
    one.publish("one")
    [claim] = one.json("claims")
    assert claim == read_claims(one.project)[0]
    assert set(claim) == CLAIM
    assert claim["chapter"] == "losses.md"
    assert (claim["expected"], claim["verdict"], claim["n"]) == ("holds", "holds", 10)
    assert 0 < claim["low"] < claim["estimate"] < claim["high"]


@pytest.mark.parametrize("value", ["math.nan", "math.inf", "-math.inf"])
def test_a_number_that_no_run_reached_is_null(one: Book, value: str) -> None:
    one.write("one", edited(SMALL, ('"never": math.nan', f'"never": {value}')))
    one.publish("one")
    numbers = one.json("one")["numbers"]
    assert numbers["never"] is None
    assert all(math.isfinite(number) for key, number in numbers.items() if key != "never")


def test_index_has_every_record_without_numbers(one: Book) -> None:
    one.write("two")
    build(one, "one", "two")
    index = one.json("index")
    assert index["versions"] == store.versions()
    assert [entry["name"] for entry in index["experiments"]] == ["one", "two"]
    for entry in index["experiments"]:
        record = one.json(entry["name"])
        assert entry == {
            key: record[key]
            for key in RECORD
            - {"caption", "alt", "numbers", "versions", "parts", "made_of", "drawn", "table", "stacks", "touch"}
            - {"problems", "seal"}
        }


def test_the_index_counts_a_stack_once_however_many_experiments_ask_for_it(one: Book) -> None:
    one.write("two", edited(SMALL, ("batch_size=32", "batch_size=20")))
    one.write("like_one")
    build(one, "like_one", "one", "two")
    totals = one.json("index")["totals"]
    assert one.json("one")["stacks"].keys() == one.json("like_one")["stacks"].keys()
    assert (totals["runs_asked_for"], totals["runs"], totals["training_steps"]) == (60, 40, 480)
    stored = sum(stack["seconds"] for name in ("one", "two") for stack in one.json(name)["stacks"].values())
    assert totals["seconds"] == pytest.approx(stored, abs=0.06)
    assert one.json("index")["machine"]["cores"] >= 1
    assert {"matplotlib", "mkdocs-material"} <= one.json("index")["libraries"].keys()


def test_some_experiments_leave_the_index_alone(one: Book) -> None:
    one.write("two")
    build(one, "one")
    assert "index.json" not in one.stamps()


def test_two_builds_in_two_places_are_the_same_bytes(tmp_path: Path) -> None:
    files = []
    for place in ("here", "there"):
        (tmp_path / place).mkdir()
        with book(tmp_path / place) as made:
            made.write("one")
            made.write("two", edited(SMALL, ("batch_size=32", "batch_size=20")))
            build(made, "one", "two")
            files.append(tree(made.project.live))
    assert len(files[0]) == 8
    assert without_seconds(files[0]) == without_seconds(files[1])


def chapter(made: Book, claim_id: str) -> str | None:
    return chapter_of(shown(made.project.root, made.project.live), claim_id)


def test_chapter_of_a_claim_is_the_first_page_that_shows_it(one: Book) -> None:
    docs = one.project.root / "docs"
    (docs / "deep").mkdir()
    (docs / "deep" / "b.md").write_text("!claim one/a\n!claim one/a-b\n", encoding="utf-8")
    (docs / "z.md").write_text("Text of `!claim one/c`.\n\n!claim one/a\n", encoding="utf-8")
    assert chapter(one, "one/a") == "deep/b.md"
    assert chapter(one, "one/a-b") == "deep/b.md"
    assert chapter(one, "one/b") is None
    assert chapter(one, "one/c") is None


def test_a_claim_in_code_or_in_a_generated_page_has_no_chapter(one: Book) -> None:
    docs = one.project.root / "docs"
    one.project.live.mkdir()
    (docs / "live" / "a.md").write_text("!claim one/a\n", encoding="utf-8")
    (docs / "b.md").write_text("```\n!claim one/a\n```\n\n<!--\n!claim one/a\n-->\n", encoding="utf-8")
    assert chapter(one, "one/a") is None
    (docs / "c.md").write_text("!claim one/a\n", encoding="utf-8")
    assert chapter(one, "one/a") == "c.md"


# What is done again


def test_the_second_time_nothing_is_done(one: Book) -> None:
    build(one, "one")
    before = one.stamps()
    assert build(one, "one") == [Published("one", drawn=False, trained=0, problems=[])]
    assert one.stamps() == before


@pytest.mark.parametrize("file", ["one.svg", "one.csv"])
@pytest.mark.parametrize("damage", ["touched", "deleted"])
def test_a_file_that_was_changed_or_deleted_is_made_again(one: Book, file: str, damage: str) -> None:
    one.publish("one")
    path = one.project.live / file
    whole = path.read_bytes()
    if damage == "deleted":
        path.unlink()
    else:
        path.write_bytes(whole.replace(b"1", b"2", 1))
    module = press.experiments.load("one")
    dry = one.trainer(dry=True)
    module.measure(dry)
    assert press.why_redraw(one.project, module, dry) == ["its files were changed or deleted"]
    assert one.publish("one") == Published("one", drawn=True, trained=0, problems=[])
    assert path.read_bytes() == whole


@pytest.mark.parametrize("content", [None, "", "{", '{"name": "one"}'])
def test_a_damaged_record_is_written_again(one: Book, content: str | None) -> None:
    one.publish("one")
    path = one.project.live / "one.json"
    whole = path.read_text(encoding="utf-8")
    if content is None:
        path.unlink()
    else:
        path.write_text(content, encoding="utf-8")
    assert one.publish("one").drawn
    assert path.read_text(encoding="utf-8") == whole


EDITS = {
    "the drawing": (('ylabel="training loss"', 'ylabel="loss"'), "experiments.one.draw changed"),
    "what it uses": (("math.nan", "-math.nan"), "experiments.one.numbers changed"),
    "the caption": (("of a tiny network", "of one network"), "caption changed"),
}


@pytest.mark.parametrize(("edit", "why"), EDITS.values(), ids=EDITS)
def test_an_edit_redraws_only_its_own_experiment_and_trains_nothing(one: Book, edit: tuple[str, str], why: str) -> None:
    one.write("two")
    build(one, "one", "two")
    before = one.stamps()
    one.write("one", edited(SMALL, edit))
    module = press.experiments.load("one")
    dry = one.trainer(dry=True)
    module.measure(dry)
    assert press.why_redraw(one.project, module, dry) == [why]
    assert build(one, "one", "two") == [
        Published("one", drawn=True, trained=0, problems=[]),
        Published("two", drawn=False, trained=0, problems=[]),
    ]
    after = one.stamps()
    assert {name for name in after if after[name] == before[name]} >= {"two.json", "two.svg", "two.csv"}


def test_comments_and_layout_do_nothing(one: Book) -> None:
    one.publish("one")
    before = one.stamps()
    one.write("one", edited(SMALL, ("def draw(", "# A comment.\n\n\ndef draw(")))
    assert not one.publish("one").drawn
    assert one.stamps() == before


def test_other_runs_are_trained_and_drawn(one: Book) -> None:
    one.publish("one")
    before = one.json("one")
    one.write("one", edited(SMALL, ("lr=0.1", "lr=0.2")))
    assert one.publish("one") == Published("one", drawn=True, trained=20, problems=[])
    assert one.json("one")["key"] != before["key"]
    assert one.json("one")["numbers"]["sgd"] != before["numbers"]["sgd"]


@pytest.mark.slow
def test_code_of_an_optimizer(tmp_path: Path) -> None:
    """A docstring of SGD does nothing; a sign in Adam trains what uses Adam, and `trainlab list` says so before."""
    without = edited(SMALL, ("[SGD(), Adam()]", "[SGD()]"), ('"Adam"', '"SGD"'), ("import SGD, Adam", "import SGD"))
    checkout = Checkout(tmp_path, {"both": SMALL, "sgd": without})
    checkout.trainlab("run", "--jobs", "1")
    before = checkout.stored()
    checkout.edit("optimizers/momentum.py", ('class SGD:\n    r"""', 'class SGD:\n    r"""Other words. '))
    checkout.edit("optimizers/adam.py", ("return -lr * m_hat / (v_hat.sqrt()", "return lr * m_hat / (v_hat.sqrt()"))
    stale = checkout.trainlab("list").splitlines()
    assert stale[0].endswith("stale: 10 of 20 runs to train: optimizers.adam.Adam changed")
    assert stale[1].endswith("fresh")
    assert checkout.trainlab("run", "--jobs", "1").splitlines() == [
        "both: 10 runs trained, figure drawn",
        "sgd: 0 runs trained, figure unchanged",
    ]
    after = checkout.stored()
    assert {name: after[name] for name in before} == before, "nothing was trained twice"
    assert len(after) == len(before) + 1


# Claims


def test_a_verdict_that_differs_is_a_problem_with_its_evidence(one: Book) -> None:
    one.write("one", REVERSED)
    [problem] = one.publish("one").problems
    [claim] = one.json("claims")
    assert problem == (
        f"claim one/loss-falls: the book says reversed, the runs say holds: {claim['estimate']:.3g} "
        f"[{claim['low']:.3g}, {claim['high']:.3g}], n = 10; correct the sentence or what it expects"
    )
    assert (claim["expected"], claim["verdict"]) == ("reversed", "holds")


def test_every_problem_is_reported_at_once_and_everything_is_published(one: Book) -> None:
    one.write("one", REVERSED)
    one.write("three", REVERSED)
    one.write("two")
    with pytest.raises(PressError) as raised:
        build(one, "one", "three", "two")
    lines = str(raised.value).splitlines()
    assert [line.split(":")[0] for line in lines] == ["claim one/loss-falls", "claim three/loss-falls"]
    assert {"one.svg", "three.svg", "two.svg", "index.json"} <= set(one.stamps())


def test_smoke_runs_have_no_problems(one: Book) -> None:
    one.write("one", edited(REVERSED, ("every=4)", 'every=4).assign_attrs(at_edge=["SGD"])')))
    assert one.publish("one", smoke=True).problems == []
    assert len(one.publish("one").problems) == 2


def test_tuning_at_the_edge_is_a_problem(one: Book) -> None:
    one.write("one", edited(SMALL, ("every=4)", 'every=4).assign_attrs(at_edge=["SGD", "Adam"])')))
    assert one.publish("one").problems == ["one: SGD, Adam tuned best at the edge of the grid; widen it"]
    one.write("one", edited(SMALL, ("every=4)", "every=4).assign_attrs(at_edge=[])")))
    assert one.publish("one").problems == []


BAD_CLAIMS = {
    "two of one id": (("CLAIMS = [", "CLAIMS = 2 * ["), "claim loss-falls is defined twice; give each its own id"),
    "too few seeds": (("range(10)", "range(9)"), "claim loss-falls rests on 9 seeds; a claim needs at least 10 ("),
    "other seeds": (
        ("(0, 100)))", '(0, 100)), by_seed(results, "seed", lr=7))'),
        "claim loss-falls: {'lr': 7} chooses 0 runs, which should be one a seed",
    ),
    "no source": (("Robbins and Monro 1951, A stochastic approximation method", ""), "claim loss-falls: source is"),
    "no reason": (('expect="holds"', 'expect="null"'), "claim loss-falls: why is missing; say in a sentence why it is"),
    "seeds that tuned": (
        ("def measure(train):\n", "def measure(train):\n    train.spend(range(9, 12))\n"),
        "seeds [9] chose hyperparameters, so no claim may rest on them; report other seeds",
    ),
    "seeds for drafts": (("range(10)", "range(495, 505)"), "seeds [500, 501, 502, 503, 504] are for drafts of claims"),
}


@pytest.mark.parametrize(("edit", "words"), BAD_CLAIMS.values(), ids=BAD_CLAIMS)
def test_a_claim_that_cannot_be_judged_names_itself(one: Book, edit: tuple[str, str], words: str) -> None:
    one.write("one", edited(SMALL, edit))
    with pytest.raises(ValueError, match=re.escape(words)) as raised:
        one.publish("one")
    assert raised.value.__notes__ == ["experiment one"]
    assert not one.project.live.exists()


def test_claims_of_removed_experiments_vanish_with_their_files(one: Book) -> None:
    one.write("two")
    build(one, "one", "two")
    (one.project.live / "snippets").mkdir()
    (one.folder / "one.py").unlink()
    one.write("two")
    build(one, "two")
    assert set(one.stamps()) == {"two.json", "two.svg", "two.csv", "claims.json", "index.json", "snippets"}
    assert [claim["id"] for claim in read_claims(one.project)] == ["two/loss-falls"]
    assert [entry["name"] for entry in one.json("index")["experiments"]] == ["two"]


def test_a_claim_that_is_renamed_leaves_nothing_behind(one: Book) -> None:
    one.write("two")
    build(one, "one", "two")
    one.write("one", edited(SMALL, ('id="loss-falls"', 'id="falls"')))
    build(one, "one")
    assert [claim["id"] for claim in read_claims(one.project)] == ["one/falls", "two/loss-falls"]


def test_there_are_no_claims_before_the_first_build(one: Book) -> None:
    assert read_claims(one.project) == []
    with pytest.raises(PressError, match="experiment one has no results"):
        write_index(one.project, ["one"])


# The README's figure


@pytest.fixture
def race(tmp_path: Path) -> Iterator[Book]:
    """A book whose experiment has the name of the README's figure."""
    with book(tmp_path) as made:
        made.write("optimizer_race")
        yield made


def preview(made: Book) -> Path:
    return made.project.root / "docs" / "assets" / "figure-1.svg"


def test_preview_is_the_figure_under_a_mark(race: Book) -> None:
    race.publish("optimizer_race")
    mark, svg = preview(race).read_text(encoding="utf-8").split("\n", 1)
    assert re.fullmatch(r"<!-- runs and drawing: [0-9a-f]{16} -->", mark)
    assert svg == (race.project.live / "optimizer_race.svg").read_text(encoding="utf-8")


def test_preview_is_written_neither_again_nor_in_smoke_mode_nor_for_other_experiments(race: Book) -> None:
    race.write("one")
    race.publish("one")
    race.publish("optimizer_race", smoke=True)
    assert not preview(race).exists()
    race.publish("optimizer_race")
    os.utime(preview(race), ns=(0, 0))
    race.publish("optimizer_race")
    race.publish("optimizer_race", force=True)
    race.publish("optimizer_race", smoke=True)
    assert preview(race).stat().st_mtime_ns == 0


@pytest.mark.parametrize("library", ["python", "torch", "numpy"])
def test_preview_is_left_alone_by_other_versions(race: Book, library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    race.publish("optimizer_race")
    os.utime(preview(race), ns=(0, 0))
    key = race.json("optimizer_race")["key"]
    others = {**store.versions(), library: "99.1"}
    for module in ("trainlab.store", "trainlab.training", "trainlab_press.publish"):
        monkeypatch.setattr(sys.modules[module], "versions", lambda: others)
    done = race.publish("optimizer_race")
    assert done == Published("optimizer_race", drawn=True, trained=20, problems=[])
    assert race.json("optimizer_race")["versions"][library] == "99.1"
    assert race.json("optimizer_race")["key"] != key
    assert preview(race).stat().st_mtime_ns == 0


@pytest.mark.parametrize(
    "edit", [("lr=0.1", "lr=0.2"), ('ylabel="training loss"', 'ylabel="loss"'), ("of a tiny network", "of one network")]
)
def test_preview_follows_runs_drawing_and_caption(race: Book, edit: tuple[str, str]) -> None:
    race.publish("optimizer_race")
    before = preview(race).read_text(encoding="utf-8")
    race.write("optimizer_race", edited(SMALL, edit))
    race.publish("optimizer_race")
    after = preview(race).read_text(encoding="utf-8")
    assert after.split("\n")[0] != before.split("\n")[0]
    assert after.endswith((race.project.live / "optimizer_race.svg").read_text(encoding="utf-8"))


def test_preview_that_was_deleted_comes_back(race: Book) -> None:
    race.publish("optimizer_race")
    before = preview(race).read_bytes()
    preview(race).unlink()
    assert not race.publish("optimizer_race").drawn
    assert preview(race).read_bytes() == before


def test_a_preview_that_is_older_than_the_runs_is_told_of_before_it_is_written(race: Book) -> None:
    race.publish("optimizer_race")
    module, dry = press.experiments.load("optimizer_race"), race.trainer(dry=True)
    module.measure(dry)
    assert press.why_redraw(race.project, module, dry) == []
    preview(race).write_text("<!-- runs and drawing: 0123456789abcdef -->\n<svg/>", encoding="utf-8")
    [why] = press.why_redraw(race.project, module, dry)
    assert why == "docs/assets/figure-1.svg, which the README shows, is older than the runs"
    race.publish("optimizer_race")
    assert press.why_redraw(race.project, module, dry) == []
