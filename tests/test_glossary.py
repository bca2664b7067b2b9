"""The glossary: what an entry says, what counts as a use of its term, and the links from chapters."""

from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from markdown import Markdown

from trainlab_press import glossary, terms
from trainlab_press.errors import PressError
from trainlab_press.glossary import Finder, Term
from trainlab_press.shown import shown

ROOT = Path(__file__).parents[1]
PAGE = """# Glossary

Some words first.

batch {: also="mini-batch" }
:   The examples of *one* update, as in [SGD](a.md#sgd). [The chapter](a.md#batch)

batch size
:   How many they are. [Here](a.md), [there](b.md#x).

Adam
:   An optimizer with `m`.

gain {: pages="b.md" }
:   A factor.

penalty
:   A price.
"""
NAV = "nav:\n  - Home: index.md\n  - Chapters: [a.md, {B: b.md}]\n  - Glossary: glossary.md\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "docs" / "live").mkdir(parents=True)
    (tmp_path / "mkdocs.yml").write_text(NAV, "utf-8")
    for name, text in {"glossary": PAGE, "index": "# Home\n", "a": "# A\n", "b": "# B\n"}.items():
        (tmp_path / "docs" / f"{name}.md").write_text(text, "utf-8")
    return tmp_path


def page(root: Path, monkeypatch: pytest.MonkeyPatch, text: str, path: str = "a.md") -> BeautifulSoup:
    """A page as the extension makes it, as if MkDocs had said which one it is."""
    for module in ("trainlab_press.terms", "trainlab_press.press"):
        monkeypatch.setattr(f"{module}.page_of", lambda md: path)
    extensions = ["attr_list", "def_list", "footnotes", "tables", "admonition", "pymdownx.details"]
    extensions += ["pymdownx.superfences", "trainlab_press.math", "trainlab_press.markdown"]
    md = Markdown(extensions=extensions, extension_configs={"trainlab_press.markdown": {"root": str(root)}})
    return BeautifulSoup(md.convert(text), "html.parser")


def linked(soup: BeautifulSoup) -> list[tuple[str, str]]:
    return [(link.text, str(link["href"])) for link in soup.select("a.term")]


def found(text: str, *names: Term) -> list[tuple[str, str]]:
    return [(match[0], term.name) for match, term in Finder.of(names).find(text)]


# What an entry says


def test_entries_are_read_with_their_other_names_and_a_plain_definition(root: Path) -> None:
    read = glossary.read(root)
    assert [(term.name, term.also, term.pages, term.anchor) for term in read] == [
        ("batch", ("mini-batch",), (), "batch"),
        ("batch size", (), (), "batch-size"),
        ("Adam", (), (), "adam"),
        ("gain", (), ("b.md",), "gain"),
        ("penalty", (), (), "penalty"),
    ]
    assert [term.definition for term in read[:3]] == [
        "The examples of one update, as in SGD.",
        "How many they are.",
        "An optimizer with m.",
    ]


def test_a_book_without_a_glossary_has_no_terms(tmp_path: Path) -> None:
    assert glossary.read(tmp_path) == []


def test_two_entries_with_one_name_fail(root: Path) -> None:
    (root / "docs" / "glossary.md").write_text(PAGE + '\npassel {: also="batch" }\n:   Many.\n', "utf-8")
    with pytest.raises(PressError, match=r"glossary.md: 'batch' belongs to 'batch' and to 'passel'; leave it with one"):
        glossary.read(root)


# What counts as a use


@pytest.mark.parametrize(
    ("text", "matched"),
    [
        ("a learning rate", ["learning rate"]),
        ("Learning rates\u00a0differ", ["Learning rates"]),
        ("the learning\nrate, and learning-rate schedules", ["learning\nrate", "learning-rate"]),
        ("a learning rater, an unlearning rate, the learning-rate-free one", []),
        ("Learning Rate", []),
    ],
)
def test_words_forms_and_capitals(text: str, matched: list[str]) -> None:
    assert [match for match, _ in found(text, Term("learning rate", (), ""))] == matched


def test_a_capital_in_the_glossary_is_meant() -> None:
    he = Term("He initialization", ("He's rule",), "")
    assert found("he initialization, He and his rule; He's rule's use", he) == [("He's rule", "He initialization")]


def test_plurals_go_without_saying() -> None:
    names = [Term(name, (), "") for name in ("batch", "penalty", "loss", "array", "epoch")]
    words = "batches penalties losses arrays epochs"
    assert [match for match, _ in found(words, *names)] == words.split()


def test_the_longest_term_wins() -> None:
    decay, decoupled = Term("weight decay", (), ""), Term("decoupled weight decay", (), "")
    assert found("decoupled weight decay and weight decay", decay, decoupled) == [
        ("decoupled weight decay", "decoupled weight decay"),
        ("weight decay", "weight decay"),
    ]


def test_a_glossary_without_terms_finds_nothing() -> None:
    assert found("any text at all") == []


# Links from chapters


def test_the_first_use_is_linked_and_says_what_it_means(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soup = page(root, monkeypatch, "The **batch size** of Adam.\n\n- a batch, a batch size\n- mini-batches under Adam")
    assert linked(soup) == [
        ("batch size", "glossary.md#batch-size"),
        ("Adam", "glossary.md#adam"),
        ("batch", "glossary.md#batch"),
    ]
    assert soup.select("a.term")[1]["title"] == "An optimizer with m."
    assert soup.get_text(" ", strip=True) == "The batch size of Adam . a batch , a batch size mini-batches under Adam"


@pytest.mark.parametrize(
    "text",
    [
        "## Adam",
        "`Adam` and [Adam](a.md) and $Adam$",
        "```\nAdam\n```",
        "| Adam |\n|---|\n| Adam |",
        '??? note "Adam"\n\n    Adam',
        '!!! note "Adam"\n\n    Nothing.',
        "x[^1]\n\n[^1]: Adam",
        "# T\n\n## Sources\n\n- Kingma, Adam",
        '<figure markdown="0">Adam</figure>',
        "Nadam, Adam-like",
        "no gain here",
    ],
)
def test_what_is_no_running_text_of_this_chapter_is_left_alone(
    root: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    assert linked(page(root, monkeypatch, text)) == []


def test_a_note_that_is_open_is_text(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert linked(page(root, monkeypatch, "!!! tip\n\n    Take Adam.")) == [("Adam", "glossary.md#adam")]


def test_an_ordinary_word_is_a_term_on_its_own_pages(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert linked(page(root, monkeypatch, "the gain", "b.md")) == [("gain", "glossary.md#gain")]


@pytest.mark.parametrize("path", ["index.md", "glossary.md", ""])
def test_other_pages_are_no_chapters(root: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    assert linked(page(root, monkeypatch, "Adam on a batch", path)) == []


def test_each_entry_has_its_anchor_and_no_marks(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = page(root, monkeypatch, PAGE, "glossary.md").select("dt")
    assert [entry.attrs for entry in entries] == [{"id": term.anchor} for term in glossary.read(root)]


# The glossary of this book


def test_the_glossary_of_this_book_is_in_order_and_large_enough() -> None:
    read = glossary.read(ROOT)
    assert len(read) >= 60
    anchors = [term.anchor for term in read]
    assert len(set(anchors)) == len(anchors)
    letters = [("o" if term.name == "1cycle" else term.name[0].lower()) for term in read]
    assert letters == sorted(letters)
    for term in read:
        assert term.definition.endswith((".", ":")), term.name
    text = (ROOT / "docs" / "glossary.md").read_text("utf-8")
    assert text.count("\n:   ") == len(read), "an entry is not understood"
    assert {*terms.QUIET} >= {"a", "code", "figure", "details"}


def test_every_term_is_in_the_text_of_a_chapter() -> None:
    """A quick look; test_site.py looks at the links themselves."""
    pages = shown(ROOT, ROOT / "docs" / "live").pages.values()
    texts = {page.path: (ROOT / "docs" / page.path).read_text("utf-8") for page in pages if page.chapter}
    for term in glossary.read(ROOT):
        finder = Finder.of([term])
        own = [text for path, text in texts.items() if not term.pages or path in term.pages]
        assert any(next(iter(finder.find(text)), None) for text in own), f"no chapter uses {term.name}"
