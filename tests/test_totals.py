"""The numbers of the whole book count every run once, and a build that trains nothing leaves them alone."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkout import SMALL, Book, book, edited, tree
from trainlab_press import site
from trainlab_press.errors import PressError
from trainlab_press.livefiles import BOOK, LiveFiles
from trainlab_press.mentions import check_mentions

LONGER = edited(SMALL, ("steps=12", "steps=24"))
NULL = edited(SMALL, ("(0, 100)))", "(100, 100)))"), ('expect="holds"', 'expect="null", why="Nothing changes."'))


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Book]:
    with book(tmp_path) as made:
        made.write("one")
        yield made


def build(made: Book) -> dict[str, float]:
    names = sorted(path.stem for path in made.folder.glob("*.py"))
    site.publish_all(made.project, names, lambda name: made.trainer())
    return made.json("index")["totals"]


def test_every_run_counts_once_however_many_figures_show_it(one: Book) -> None:
    counts = {"runs_asked_for": 20, "runs": 20, "training_steps": 240, "figures": 1, "claims": 1}
    counts |= {"holds": 1, "null": 0, "reversed": 0, "quotes": 0, "snippets": 0, "labs": 0, "differ": 0, "most": 15.0}
    alone = build(one)
    assert {**alone, "seconds": 0} == counts | {"seconds": 0}
    assert alone["seconds"] == one.json("one")["seconds"]
    one.write("same")
    shared = build(one)
    assert shared == alone | {"runs_asked_for": 40, "figures": 2, "claims": 2, "holds": 2}
    one.write("longer", LONGER)
    more = build(one)
    assert (more["runs"], more["training_steps"], more["figures"]) == (40, 240 + 480, 3)


def test_claims_are_counted_by_verdict(one: Book) -> None:
    one.write("another", NULL)
    found = build(one)
    assert (found["claims"], found["holds"], found["null"], found["reversed"]) == (2, 1, 1, 0)


def test_snippets_and_labs_are_counted(one: Book) -> None:
    for folder, names in (("snippets", ("a", "b")), ("docs/labs", ("c",))):
        (one.project.root / folder).mkdir(parents=True)
        for name in names:
            (one.project.root / folder / f"{name}.py").write_text("", encoding="utf-8")
    assert (build(one)["snippets"], one.json("index")["totals"]["labs"]) == (2, 1)


def test_the_day_is_that_of_the_newest_run_and_stays_when_nothing_is_trained(one: Book) -> None:
    build(one)
    for place, path in enumerate(sorted((one.project.cache / "runs").glob("*.npz"))):
        os.utime(path, (86_400 * (10 + place), 86_400 * (10 + place)))
    (one.project.cache / "runs" / "of-no-figure.npz").write_bytes(b"")
    build(one)
    assert one.json("index")["trained"] == "1970-01-12"  # two stacks, on the 11th and the 12th
    before = tree(one.project.live)
    build(one)
    assert tree(one.project.live) == before


def test_a_page_quotes_them(one: Book) -> None:
    build(one)
    page = one.project.root / "docs" / "index.md"
    page.write_text("{=book.runs:,.0f} runs", encoding="utf-8")
    check_mentions(one.project)
    assert build(one)["quotes"] == 1
    live = LiveFiles(one.project.live)
    assert live.number(BOOK, "runs") == 20
    with pytest.raises(PressError, match="book has no number rums; did you mean runs"):
        live.number(BOOK, "rums")
    with pytest.raises(PressError, match="experiment book has no results"):
        live.experiment(BOOK)
