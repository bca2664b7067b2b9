"""The page of all snippets has each one where the book shows it first."""

from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag
from markdown import Markdown

from trainlab_press.errors import PressError

CODE = '"""Adam: small steps.\n\nA second\nparagraph.\n"""\n\nprint("a < b")\n'
CHAPTER = """# Chapter one

## The `first` part of [all](x.md)

??? example "Copy and run"

    ```python
    # a comment, and no heading
    --8<-- "snippets/adam.py"
    ```

## Twice

## Twice

```python
--8<-- "snippets/sgd.py"
```

## Named {#own-name}

--8<-- "snippets/adam.py"
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("snippets", "docs/live/snippets"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "docs/chapter.md").write_text(CHAPTER)
    (tmp_path / "docs/later.md").write_text(
        '# Later\n\n## Own\n\n--8<-- "snippets/late.py"\n\n--8<-- "snippets/sgd.py"\n'
    )
    (tmp_path / "mkdocs.yml").write_text("nav: [chapter.md, later.md]\n")
    for name in ("adam", "late", "sgd"):
        (tmp_path / f"snippets/{name}.py").write_text(CODE)
        (tmp_path / f"docs/live/snippets/{name}.txt").write_text("a < b\n")
    return tmp_path


def page(root: Path) -> Tag:
    settings = {"trainlab_press.markdown": {"root": str(root)}}
    md = Markdown(extensions=["toc", "trainlab_press.markdown"], extension_configs=settings)
    return BeautifulSoup(md.convert("# Snippets\n\n!snippets\n"), "html.parser")


def test_snippets_stand_in_the_order_of_the_book_each_with_its_place(root: Path) -> None:
    soup = page(root)
    assert [heading.text for heading in soup.select("h2")] == ["Chapter one", "Later"]
    assert [card["id"] for card in soup.select("li")] == ["snippet-adam", "snippet-sgd", "snippet-late"]
    places = [(link.text, link["href"]) for link in soup.select(".ways a:first-child")]
    assert places == [
        ("In its place: The first part of all", "chapter.md#the-first-part-of-all"),
        ("In its place: Twice", "chapter.md#twice_1"),
        ("In its place: Own", "later.md#own"),
    ]


def test_the_anchors_are_those_of_the_chapter(root: Path) -> None:
    md = Markdown(extensions=["toc", "attr_list", "pymdownx.superfences", "pymdownx.details"])
    ids = {str(heading["id"]) for heading in BeautifulSoup(md.convert(CHAPTER), "html.parser").select("h2")}
    assert {"the-first-part-of-all", "twice_1", "own-name"} <= ids


def test_a_snippet_shows_what_it_says_its_code_and_its_output(root: Path) -> None:
    card = page(root).select("#snippet-adam")[0]
    assert [p.text for p in card.select("p")[1:3]] == ["Adam: small steps.", "A second paragraph."]
    code, output = card.select("details pre > code")
    assert (code.text, output.text) == (CODE, "a < b\n")
    assert not code.find_parent(class_="no-copy")
    assert output.find_parent(class_="no-copy")
    (link,) = card.select("a[download]")
    assert (link["href"], link["aria-label"]) == ("live/snippets/adam.py", "Download adam.py")


def test_what_is_missing_is_named(root: Path) -> None:
    (root / "snippets/lost.py").write_text(CODE)
    with pytest.raises(PressError, match=r"no page shows snippets/lost\.py; include it with"):
        page(root)
    (root / "snippets/lost.py").unlink()
    (root / "docs/live/snippets/sgd.txt").unlink()
    with pytest.raises(PressError, match=r"sgd\.txt is missing; `trainlab site` runs the snippet"):
        page(root)
    (root / "snippets/adam.py").write_text("print(1)\n")
    with pytest.raises(PressError, match=r"snippets/adam\.py has no docstring"):
        page(root)
