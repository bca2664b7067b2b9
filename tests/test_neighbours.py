"""The pages beside the ledger: the gallery, the bibliography, and how this was made."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag
from markdown import Markdown

from trainlab_press import citations, machine
from trainlab_press.citations import Note, Work
from trainlab_press.errors import PressError
from trainlab_press.shown import Page, shown

ROOT = Path(__file__).parents[1]
NAV = "nav:\n  - Home: index.md\n  - Chapters: [a.md, b.md]\n  - Ledger: ledger.md\n"
A = """# Speed

![](fig:race)

!claim race/far

!notebook speed

```python
--8<-- "snippets/one.py"
```

Also --8<-- "snippets/two.py"

## Sources

- Kingma and Ba 2015, [Adam](https://arxiv.org/abs/1412.6980v9). Polyak 1964, Some methods, for the heavy ball.
- The documentation of [`nn.Linear`](https://example.org/linear).
"""
B = """# Width[^he]

![](fig:width)

!claim width/less

[^he]: He et al. 2015, [Rectifiers](https://arxiv.org/abs/1502.01852). More words.

## Sources

- Kingma and Ba 2015, [Adam: a method](http://arxiv.org/pdf/1412.6980).
"""


def claim(claim_id: str, source: str, url: str = "", verdict: str = "holds") -> dict[str, Any]:
    made = {"id": claim_id, "experiment": claim_id.split("/")[0], "text": f"Sentence of {claim_id}."}
    made |= {"source": source, "url": url, "statistic": "difference", "n": 10, "verdict": verdict, "expected": verdict}
    return {**made, "estimate": 1.0, "low": 0.5, "high": 1.5, "chapter": None}


CLAIMS = [
    claim("race/far", "Polyak 1964, Some methods of speeding up, section 2", "https://doi.org/10.1/x(64)1"),
    claim("width/less", "Kingma and Ba 2015, Adam: a method (“quick”)", "https://arxiv.org/abs/1412.6980", "null"),
    claim("width/own", "an observation of this book"),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    live = tmp_path / "docs" / "live"
    live.mkdir(parents=True)
    entries = []
    for name, runs in (("race", 1200), ("width", 30)):
        record = {"name": name, "question": f"Which {name}?", "alt": f"A line: {name}.", "numbers": {}, "runs": runs}
        record |= {"svg": f"{name}.svg", "csv": f"{name}.csv", "training_steps": 10 * runs, "seconds": 1.5}
        entries.append(record)
        (live / f"{name}.json").write_text(json.dumps(record), "utf-8")
        (live / f"{name}.svg").write_text('<svg viewBox="0 0 403.2 259.6"></svg>', "utf-8")
    totals = {"runs_asked_for": 1230, "runs": 1210, "training_steps": 12100, "seconds": 2.9}
    index = {"experiments": entries, "totals": totals, "versions": {"python": "3.11.7"}, "libraries": {"mkdocs": "1.6"}}
    index["machine"] = {"processor": "Abacus 3", "cores": 2, "memory_gib": 7.8, "system": "Beads 1"}
    (live / "index.json").write_text(json.dumps(index), "utf-8")
    (live / "claims.json").write_text(json.dumps(CLAIMS), "utf-8")
    (tmp_path / "mkdocs.yml").write_text(NAV, "utf-8")
    home = "# Home\n\n![](fig:race)\n"
    for name, text in {"index": home, "a": A, "b": B, "ledger": "# Ledger\n\n!ledger\n"}.items():
        (tmp_path / "docs" / f"{name}.md").write_text(text, "utf-8")
    for file in ("snippets/one.py", "snippets/two.py", "snippets/three.py", "docs/labs/speed.py"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text("", "utf-8")
    return tmp_path


def html(root: Path, text: str, **options: str) -> BeautifulSoup:
    settings = {"trainlab_press.markdown": {"root": str(root), **options}}
    md = Markdown(extensions=["trainlab_press.markdown"], extension_configs=settings)
    return BeautifulSoup(md.convert(text), "html.parser")


def links(part: Tag) -> list[tuple[str, str]]:
    return [(link.text, str(link["href"])) for link in part.select("a")]


# What the pages are


def test_chapters_are_those_of_the_navigation_and_keep_their_figure(root: Path) -> None:
    found = shown(root, root / "docs" / "live")
    assert [page.path for page in found.pages.values()] == ["index.md", "a.md", "b.md", "ledger.md"]
    assert [page.path for page in found.pages.values() if page.chapter] == ["a.md", "b.md"]
    assert {name: page.path for name, page in found.figures.items()} == {"race": "a.md", "width": "b.md"}


@pytest.mark.parametrize("word", ["gallery", "bibliography", "making"])
def test_a_page_of_all_takes_no_name(root: Path, word: str) -> None:
    with pytest.raises(PressError, match=f"!{word} race: this shows all there is; write !{word} alone"):
        html(root, f"!{word} race")
    with pytest.raises(PressError, match=f"'!{word}' is left over"):
        html(root, f"<p>!{word}</p>")


# The gallery


def test_the_gallery_shows_each_figure_once_in_its_chapter(root: Path) -> None:
    soup = html(root, "!gallery")
    assert soup.select_one(".counted").text == "2 figures, in the order of the chapters."  # pyright: ignore[reportOptionalMemberAccess]
    assert [[*links(part)] for part in soup.select("section")] == [
        [("Speed", "a.md"), ("Which race?", "a.md#fig-race")],
        [("Width[^he]", "b.md"), ("Which width?", "b.md#fig-width")],
    ]
    assert soup.select("img")[0].attrs == {
        "src": "live/race.svg",
        "alt": "A line: race.",
        "width": "403",
        "height": "260",
        "loading": "lazy",
    }


def test_a_figure_without_a_size_fails(root: Path) -> None:
    (root / "docs" / "live" / "race.svg").write_text("<svg></svg>", "utf-8")
    with pytest.raises(PressError, match=r"race.svg has no viewBox; `trainlab run race --force` draws it again"):
        html(root, "!gallery")


# The bibliography


def test_one_entry_for_each_work_with_all_that_use_it(root: Path) -> None:
    soup = html(root, "!bibliography")
    kingma, *others = soup.select(".filters + ul.works > li")[1:]
    assert [item["id"] for item in soup.select(".filters + ul.works > li")] == [
        "source-he-2015-rectifiers",
        "source-kingma-2015-adam-a-method",
        "source-polyak-1964-some-methods-of-speeding",
    ]
    assert links(kingma) == [
        ("Adam: a method", "https://arxiv.org/abs/1412.6980v9"),
        ("Speed", "a.md#sources"),
        ("Width[^he]", "b.md#sources"),
        ("Sentence of width/less.", "ledger.md#ledger-width-less"),
    ]
    assert [part.text for part in kingma.select("summary, strong")] == [
        "1 claim tested here: 1 null",
        "No difference seen",
    ]
    assert links(others[0])[0] == ("Some methods of speeding up", "https://doi.org/10.1/x(64)1")


def test_what_is_no_work_keeps_its_line(root: Path) -> None:
    (other,) = html(root, "!bibliography").select("h2 + ul.works > li")
    assert other.text == "The documentation of nn.Linear.Used in Speed"
    assert links(other) == [("nn.Linear", "https://example.org/linear"), ("Speed", "a.md#sources")]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("- kingma 2015, [Adam](https://x.org)", "a.md: sources: 'kingma 2015,"),
        ("- He et al. 2015, [R](https://x.org), and [more](https://y.org)", "is not understood; write 'Authors 2015"),
    ],
)
def test_a_source_that_is_not_understood_fails(root: Path, line: str, said: str) -> None:
    (root / "docs" / "a.md").write_text(f"# A\n\n## Sources\n\n{line}\n", "utf-8")
    with pytest.raises(PressError, match=re.escape(said)):
        html(root, "!bibliography")


def test_a_claim_whose_source_is_not_understood_fails() -> None:
    with pytest.raises(PressError, match=r"claim a/b: source 'Somebody' is not understood"):
        citations.of_claim(claim("a/b", "Somebody"))


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Van Laarhoven 2017, [L2](https://x.org): why.", [("Van Laarhoven", "2017", "L2", "https://x.org")]),
        ("De and Smith 2020, [A](u); Müller et al. 2019, [B?](v)", [("De and Smith", "2020", "A", "u"), ("Müller et al.", "2019", "B?", "v")]),  # noqa: E501
        ("Prechelt 1998, Early stopping, but when? More.", [("Prechelt", "1998", "Early stopping, but when?", "")]),
        ("Tieleman and Hinton 2012, Lecture 6.5, for it.", [("Tieleman and Hinton", "2012", "Lecture 6.5", "")]),
        ("Daubechies, Defrise and De Mol 2004, [I](u)", [("Daubechies, Defrise and De Mol", "2004", "I", "u")]),
    ],
)  # fmt: skip
def test_forms_of_a_citation(text: str, read: list[tuple[str, ...]]) -> None:
    found = [*citations.in_page(Page("a.md", "A"), f"## Sources\n\n- {text}\n")]
    assert not any(isinstance(source, Note) for source in found)
    assert [(w.authors, w.year, w.title, w.url) for w in found if isinstance(w, Work)] == read


def test_two_works_of_one_year_stay_two() -> None:
    first, second = Work("He et al.", "2016", "Deep residual learning", "a"), Work("He et al.", "2016", "Identity", "b")
    assert len(citations.merged([first, second])) == 2
    assert len(citations.merged([first, Work("He et al.", "2016", "Deep", ""), second])) == 2


def test_every_arxiv_link_of_a_page_or_of_a_docstring_on_it_is_in_the_bibliography() -> None:
    """The sources of claims are in it by construction."""
    pages = {
        page: (ROOT / "docs" / path).read_text("utf-8")
        for path, page in shown(ROOT, ROOT / "docs" / "live").pages.items()
    }
    found = [source for page, text in pages.items() for source in citations.in_page(page, text)]
    works = {citations.key(source.url) for source in found if isinstance(source, Work)}
    assert len(works) > 60
    missing = []
    for page, text in pages.items():
        text += "".join(
            (ROOT / "src" / Path(*dotted.split(".")[:2])).with_suffix(".py").read_text("utf-8")
            for dotted in re.findall(r"^!source (trainlab\.\w+)\.\S+ with docstring", text, re.MULTILINE)
        )
        missing += [
            f"{page.path}: {link}"
            for link in re.findall(r"https://arxiv\.org/abs/[\w./-]*\w", text)
            if citations.key(link) not in works
        ]
    assert missing == []


# How this was made


def rows(soup: BeautifulSoup) -> list[list[str]]:
    return [[cell.text for cell in row.select("th, td")] for row in soup.select("table.making tr")]


def test_the_table_counts_by_chapter_and_in_all(root: Path) -> None:
    assert rows(html(root, "!making")) == [
        ["Chapter", "Figures", "Runs", "Training steps", "Seconds", "Holds", "Null", "Reversed", "Snippets", "Labs"],
        ["Speed", "1", "1,200", "12,000", "2", "1", "0", "0", "2", "1"],
        ["Width[^he]", "1", "30", "300", "2", "0", "1", "0", "0", "0"],
        ["On no page", "0", "0", "0", "0", "1", "0", "0", "0", "0"],
        ["The whole book", "2", "1,210", "12,100", "3", "2", "1", "0", "3", "1"],
    ]
    assert "counts each run once: 20 of those" in html(root, "!making").text


def test_the_facts_say_when_where_and_with_what(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    names, said = ([part.text for part in html(root, "!making").select(f"dl.making {tag}")] for tag in ("dt", "dd"))
    assert dict(zip(names, said, strict=True)) == {
        "Built": "2 January 1970, 00:00 UTC",
        "From": "files outside of git",
        "Machine": "Abacus 3, 2 cores, 7.8 GiB of memory",
        "System": "Beads 1",
        "Trained with": "python 3.11.7",
        "Drawn and set with": "mkdocs 1.6",
    }


def test_a_commit_is_linked_and_a_change_is_said(root: Path) -> None:
    git = ["git", "-c", "user.name=N", "-c", "user.email=n@example.org"]
    (root / "src").mkdir()
    (root / "src" / "a.py").write_text("a = 1\n", "utf-8")
    for command in (["init", "-q"], ["add", "src"], ["commit", "-qm", "First"]):
        subprocess.run([*git, *command], cwd=root, check=True)
    head = machine.commit(root)
    assert re.fullmatch(r"[0-9a-f]{7,}", head)
    (link,) = html(root, "!making", repo="https://github.com/o/n").select("dl.making a")
    assert (link.text, link["href"]) == (f"commit {head}", f"https://github.com/o/n/commit/{head}")
    (root / "src" / "a.py").write_text("a = 2\n", "utf-8")
    assert f"commit {head}+, with changes that are not committed" in html(root, "!making").text


def test_a_machine_says_what_it_is(tmp_path: Path) -> None:
    said = machine.machine(2)
    assert said == machine.machine(2)
    assert said["cores"] == 2
    assert said["system"]
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Abacus 3\n", encoding="utf-8")
    assert machine.processor(tmp_path / "cpuinfo") == "Abacus 3"
