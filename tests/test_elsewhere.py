"""Verdicts on another processor than the book's: shown beside the book's, and no failure unless they are many."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from checkout import SMALL, Book, book, edited
from trainlab import experiments
from trainlab_press import evidence, reference, site
from trainlab_press.claim_table import table
from trainlab_press.errors import PressError
from trainlab_press.project import Project
from trainlab_press.reference import differing, record, too_many

ROOT = Path(__file__).parents[1]
OTHERWISE = edited(SMALL, ('expect="holds"', 'expect="null", why="It is small."'))
"""Its runs say that the claim holds."""


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Book]:
    with book(tmp_path) as made:
        (tmp_path / "docs" / "assets").mkdir()
        made.write("one")
        yield made


def recorded(made: Book, **changes: Any) -> None:
    """A file that says what was measured for the one claim, on another processor."""
    claim = {"verdict": "null", "estimate": 0.1, "low": -0.2, "high": 0.4}
    entry = {"arithmetic": "of another processor", "processor": "Another", "claims": {"loss-falls": claim}}
    (made.project.root / reference.FILE).write_text(json.dumps({"one": entry | changes}), encoding="utf-8")


def test_a_verdict_that_differs_elsewhere_is_shown_beside_the_books(one: Book) -> None:
    one.write("one", OTHERWISE)
    recorded(one)
    assert one.publish("one").problems == []
    [claim] = one.json("claims")
    assert claim["verdict"] == "holds"
    known = claim["reference"]
    assert (known["verdict"], known["low"], known["high"], known["processor"]) == ("null", -0.2, 0.4, "Another")
    assert known["overlap"] is (claim["low"] <= 0.4)
    said = evidence.basis(claim)
    assert "another processor, Another, and says: No difference seen, 0.10 (-0.20 to 0.40)." in said
    assert said.endswith(evidence.OVERLAP if known["overlap"] else evidence.APART)
    assert "~  Holds" in table([claim], str)
    assert "The book says: No difference seen." in table([claim], str)


@pytest.mark.parametrize(("low", "high", "overlap"), [(0.4, 1.0, True), (0.41, 1.0, False), (-3, -0.2, True)])
def test_intervals_overlap_where_they_share_a_point(one: Book, low: float, high: float, overlap: bool) -> None:
    recorded(one)
    known = differing(reference.elsewhere(one.project, "one"), "loss-falls", "null", low, high)
    assert known
    assert known["overlap"] is overlap


def test_with_the_books_own_arithmetic_a_differing_verdict_fails(one: Book) -> None:
    one.write("one", OTHERWISE)
    recorded(one, arithmetic=reference.arithmetic())
    [problem] = one.publish("one").problems
    assert problem.startswith("claim one/loss-falls: the book says null, the runs say holds")
    assert "reference" not in one.json("claims")[0]


@pytest.mark.parametrize(
    "claims",
    [{}, {"loss-falls": {"verdict": "reversed", "estimate": 0.1, "low": -0.2, "high": 0.4}}],
    ids=["never recorded", "expected otherwise since"],
)
def test_what_was_not_recorded_so_fails(one: Book, claims: dict[str, Any]) -> None:
    one.write("one", OTHERWISE)
    recorded(one, claims=claims)
    assert len(one.publish("one").problems) == 1


def test_an_edge_elsewhere_is_a_warning(one: Book, caplog: pytest.LogCaptureFixture) -> None:
    start, end = "return train(", "every=4)"
    marked = edited(
        SMALL, (start, "results = train("), (end, f"{end}\n    return results.assign_attrs(at_edge=['lr = 0.1'])")
    )
    one.write("one", marked)
    assert one.publish("one").problems == ["one: lr = 0.1 tuned best at the edge of the grid; widen it"]
    recorded(one)
    assert one.publish("one").problems == []
    assert "tuned best at the edge of the grid on this processor, and not on the book's, Another" in caplog.text


def test_too_many_of_them_fail_the_build(one: Book) -> None:
    few = [{"id": f"a/{n}", "reference": {}} for n in range(3)]
    many = [{"id": f"b/{n}"} for n in range(17)]
    assert too_many([*few, *many]) == []
    [line] = too_many([*few, *many[:-1], {"id": "c/1", "reference": {}}])
    assert line.startswith("4 of 20 verdicts differ from the book's, more than another processor explains: a/0, a/1")
    one.write("one", OTHERWISE)
    recorded(one)
    with pytest.raises(PressError, match="1 of 1 verdicts differ"):
        site.publish_all(one.project, ["one"], lambda name: one.trainer())


def test_recording_keeps_other_experiments_and_refuses_what_differs(one: Book) -> None:
    one.write("two", edited(SMALL, ("batch_size=32", "batch_size=20")))
    for name in ("one", "two"):
        one.publish(name)
    claims = one.json("claims")
    record(one.project, claims, ["one"])
    record(one.project, claims, ["two"])
    entries = reference.read(one.project)
    assert entries.keys() == {"one", "two"}
    assert entries["two"]["arithmetic"] == reference.arithmetic()
    found = entries["two"]["claims"]["loss-falls"]
    assert found["verdict"] == "holds"
    assert [found[end] for end in ("estimate", "low", "high")] == pytest.approx(
        [claims[1][end] for end in ("estimate", "low", "high")], rel=1e-5
    )
    with pytest.raises(PressError, match="claim two/loss-falls: the book says null, the runs say holds"):
        record(one.project, [claims[0], claims[1] | {"expected": "null"}], ["one", "two"])
    assert reference.read(one.project) == entries


def test_a_damaged_file_is_named(one: Book) -> None:
    (one.project.root / reference.FILE).write_text("{", encoding="utf-8")
    with pytest.raises(PressError, match=r"reference\.json is damaged .*; take it from git again"):
        reference.read(one.project)


def test_the_arithmetic_has_the_same_name_twice() -> None:
    first = reference.arithmetic()
    reference.arithmetic.cache_clear()
    assert reference.arithmetic() == first


def test_every_verdict_of_the_book_is_recorded_as_the_book_has_it() -> None:
    entries = reference.read(Project(ROOT))
    written = {name: experiments.load(name).CLAIMS for name in experiments.names()}
    expected = {name: {claim.id: claim.expect for claim in claims} for name, claims in written.items() if claims}
    found = {name: {key: one["verdict"] for key, one in entry["claims"].items()} for name, entry in entries.items()}
    assert found == expected, "trainlab claims --record writes it"
