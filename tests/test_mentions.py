"""A misspelt name in a page is found before anything is trained."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from checkout import SMALL, Book, book, edited
from trainlab.training import Trainer
from trainlab_press.errors import PressError
from trainlab_press.mentions import check_mentions
from trainlab_press.project import Project
from trainlab_press.site import build

RIGHT = """# Losses

![](fig:one) Adam ends at {=one.adam:.2f}, and {= two.adam or never }.

!claim one/loss-falls
!claim two/loss-falls
"""

WRONG = {
    "figure": ("![](fig:onee)", "fig:onee: there is no such experiment; did you mean one?"),
    "far figure": ("![](fig:zzz){ .wide }", "fig:zzz: there is no such experiment; there are one, two"),
    "number": ("It is {=tvo.adam:.1f} %.", "{=tvo.adam:.1f}: there is no such experiment; did you mean two?"),
    "number in a list": ("- It is {=tvo.adam}.", "{=tvo.adam}: there is no such experiment; did you mean two?"),
    "number after code": ("`x` {=tvo.a} `y`", "{=tvo.a}: there is no such experiment; did you mean two?"),
    "format": ("It is {=two.adam:.1z}.", "{=two.adam:.1z}: bad format .1z ("),
    "form": ("It is {=two.adam!}.", "{=two.adam!} is not a number; write {=experiment.key}"),
    "claim": ("!claim one/loss-fals", "!claim one/loss-fals: there is no such claim; did you mean one/loss-falls"),
    "claim of another": ("!claim three/x", "!claim three/x: there is no such claim"),
}

CODE = {
    "span": "Write `![](fig:NAME)`, ``{=NAME.key}`` or `` `{=NAME.key}` ``.",
    "fence": "```text\n!claim NAME/id\n\n![](fig:NAME)\n```",
    "long fence": "````md\n```\n![](fig:NAME)\n```\n{=NAME.key}\n````",
    "tildes": "~~~\n{=NAME.key}\n~~~",
    "fence in a list": "1. So:\n\n    ```\n    {=NAME.key}\n    ```",
    "fence without an end": "```\n{=NAME.key}",
    "indented": "So:\n\n    !claim NAME/id\n    ![](fig:NAME)\n",
    "comment": "<!-- later:\n![](fig:NAME) -->",
    "words": "A fig: is sweet, and !claim is a line; {=} is empty.",
}


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Book]:
    """A book of two experiments, one/loss-falls and two/loss-falls their claims."""
    with book(tmp_path) as made:
        made.write("one")
        made.write("two", edited(SMALL, ("batch_size=32", "batch_size=16")))
        yield made


def page(made: Book, text: str, name: str = "losses.md") -> None:
    path = made.project.root / "docs" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_right_names_are_right(two: Book) -> None:
    page(two, RIGHT)
    check_mentions(two.project)


@pytest.mark.parametrize(("text", "words"), WRONG.values(), ids=WRONG)
def test_a_wrong_name_is_named_with_its_page(two: Book, text: str, words: str) -> None:
    page(two, f"{RIGHT}\n{text}\n", "deep/losses.md")
    with pytest.raises(PressError) as raised:
        check_mentions(two.project)
    assert str(raised.value).startswith(f"deep/losses.md: {words}")
    assert len(str(raised.value).splitlines()) == 1


def test_a_wrong_name_in_a_caption_or_a_claim_is_named_with_its_place(two: Book) -> None:
    wrong = edited(
        SMALL,
        ("Training loss of a tiny network", "Training loss {=onee.adam} of a tiny network with {=one.adam}"),
        ("Training lowers", "With {= two.sgd:.1f or none } to {=two.sgd:1}, training lowers"),
        ('expect="holds"', 'expect="null", why="It is {=three.adam:.1f} and {=two}."'),
    )
    two.write("two", wrong)
    with pytest.raises(PressError) as raised:
        check_mentions(two.project)
    assert str(raised.value).splitlines() == [
        "caption of two: {=onee.adam}: there is no such experiment; did you mean one?",
        "claim two/loss-falls: {=three.adam:.1f}: there is no such experiment; there are one, two",
        "claim two/loss-falls: {=two} is not a number; write {=experiment.key} or {=experiment.key:.1f}",
    ]


def test_all_wrong_names_are_told_at_once(two: Book) -> None:
    for name in ("a.md", "b.md"):
        page(two, "\n\n".join(text for text, _ in WRONG.values()), name)
    with pytest.raises(PressError) as raised:
        check_mentions(two.project)
    assert [line.split(":")[0] for line in str(raised.value).splitlines()] == ["a.md"] * len(WRONG) + ["b.md"] * len(
        WRONG
    )


@pytest.mark.parametrize("text", CODE.values(), ids=CODE)
def test_code_and_comments_do_not_count(two: Book, text: str) -> None:
    page(two, f"{text}\n")
    check_mentions(two.project)


def test_generated_pages_do_not_count(two: Book) -> None:
    page(two, "![](fig:NAME)\n", "live/x.md")
    check_mentions(two.project)


def test_a_build_looks_before_it_trains(two: Book) -> None:
    page(two, "![](fig:onee)\n")

    def trainer(name: str) -> Trainer:
        raise AssertionError(f"{name} would be trained")

    with pytest.raises(PressError, match=r"losses\.md: fig:onee"):
        build(two.project, trainer, 1, print)


def test_the_pages_of_this_book_name_what_exists() -> None:
    check_mentions(Project(Path(__file__).parents[1]))
