"""Interactive figures: from an experiment's data to the element on a page."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from markdown import Markdown

from checkout import SMALL, Book, book
from trainlab_press.errors import PressError
from trainlab_press.freshness import unchanged
from trainlab_press.mentions import check_mentions
from trainlab_press.shown import shown

TOUCHABLE = (
    SMALL
    + '''

def touch(results):
    """The last losses."""
    return {"figure": "dots", "values": [round(float(loss), 3) for loss in results.train_loss.values[:, -1]]}
'''
)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Book]:
    """A book with an experiment that can be touched, and a script for it."""
    with book(tmp_path) as made:
        scripts = tmp_path / "docs" / "assets" / "touch"
        scripts.mkdir(parents=True)
        for name in ("dots", "parts"):
            (scripts / f"{name}.js").write_text("", encoding="utf-8")
        made.write("one", TOUCHABLE)
        made.publish("one")
        yield made


def html(made: Book, text: str) -> BeautifulSoup:
    settings = {"trainlab_press.markdown": {"root": str(made.project.root)}}
    md = Markdown(extensions=["attr_list", "trainlab_press.markdown"], extension_configs=settings)
    return BeautifulSoup(md.convert(text), "html.parser")


def is_fresh(made: Book) -> bool:
    return unchanged(made.project, "one", {path.stem for path in made.project.cache.rglob("*.npz")}) is not None


def edit_data(made: Book, **changes: Any) -> None:
    path = made.project.live / "touch" / "one.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), encoding="utf-8")


def test_the_data_lie_beside_the_figure_and_are_the_same_at_every_build(made: Book) -> None:
    path = made.project.live / "touch" / "one.json"
    first = path.read_bytes()
    data = json.loads(first)
    assert data["figure"] == "dots"
    assert len(data["values"]) == made.json("one")["runs"]
    assert data["question"] == made.json("one")["question"]
    assert b" " not in first.replace(data["question"].encode(), b"").strip()
    path.unlink()
    assert made.publish("one").drawn
    assert path.read_bytes() == first


def test_what_is_done_is_not_done_again_and_damage_is_seen(made: Book) -> None:
    assert is_fresh(made)
    assert not made.publish("one").drawn
    edit_data(made, values=[])
    assert not is_fresh(made)
    assert made.publish("one").drawn
    assert json.loads((made.project.live / "touch" / "one.json").read_text("utf-8"))["values"]


def test_data_that_are_no_longer_asked_for_are_removed(made: Book) -> None:
    made.write("one", SMALL)
    assert not is_fresh(made)
    assert made.publish("one").drawn
    assert not (made.project.live / "touch" / "one.json").exists()
    made.write("one", TOUCHABLE)
    assert not is_fresh(made)


def test_an_edit_of_the_data_makes_them_stale(made: Book) -> None:
    made.write("one", TOUCHABLE.replace("float(loss), 3", "float(loss), 2"))
    assert not is_fresh(made)


def test_a_page_gets_the_figure_and_below_it_the_element_with_a_link_to_the_data(made: Book) -> None:
    soup = html(made, "Before.\n\n!touch one\n\nAfter.")
    found = [child.name for child in soup.find_all(recursive=False)]
    assert found == ["p", "figure", "touch-dots", "p"]
    assert soup.select_one("figure#fig-one svg[role=img] desc")
    element = soup.select_one("touch-dots.touch#touch-one")
    assert element is not None
    assert element["data-name"] == "one"
    link = element.select_one("p a.touch-data")
    assert link is not None
    assert link["href"] == "live/touch/one.json"
    assert "JavaScript" in element.get_text()
    assert not element.select("script, [style]")


@pytest.mark.parametrize("text", ["![](fig:one)\n\n!touch one", "!touch one\n\n!touch one"])
def test_a_figure_stands_once_on_a_page(made: Book, text: str) -> None:
    with pytest.raises(PressError, match="fig:one stands twice on one page"):
        html(made, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("!touch on", "!touch on: experiment on has no results; did you mean one?"),
        ("Text !touch one\n!touch one", "'!touch one' is left over"),
    ],
)
def test_a_wrong_line_says_what_to_do(made: Book, text: str, message: str) -> None:
    with pytest.raises(PressError, match=message.replace("?", r"\?")):
        html(made, text)


@pytest.mark.parametrize(("figure", "hint"), [("dot", "did you mean dots"), ("../x", "there are dots")])
def test_a_figure_without_a_script_is_named(made: Book, figure: str, hint: str) -> None:
    edit_data(made, figure=figure)
    with pytest.raises(PressError, match=rf"!touch one: there is no docs/assets/touch/{figure}\.js; {hint}"):
        html(made, "!touch one")


def test_an_experiment_that_cannot_be_touched_is_named_before_and_after_it_runs(made: Book) -> None:
    made.write("one", SMALL)
    made.publish("one")
    page = made.project.root / "docs" / "index.md"
    page.write_text("!touch one\n", encoding="utf-8")
    with pytest.raises(PressError, match=r"index.md: !touch one: the experiment has no touch\(results\)"):
        check_mentions(made.project)
    with pytest.raises(PressError, match="!touch one: one has no interactive figure"):
        html(made, "!touch one")


def test_a_page_that_touches_a_figure_shows_it(made: Book) -> None:
    page = made.project.root / "docs" / "index.md"
    page.write_text("# Home\n\n!touch one\n", encoding="utf-8")
    check_mentions(made.project)
    assert shown(made.project.root, made.project.live).figures["one"].path == "index.md"
    page.write_text("# Home\n\n!touch ones\n", encoding="utf-8")
    with pytest.raises(PressError, match="!touch ones: there is no such experiment; did you mean one"):
        check_mentions(made.project)
