"""What stands folded away under figures: out of the page, in a file, and there when a reader unfolds it."""

import json
from pathlib import Path

from bs4 import BeautifulSoup
from markdown import Markdown

from test_provenance import end, put
from trainlab_press.folded import fold


def page_of(root: Path) -> str:
    """The markup of a figure with two settings, a tuned one among them."""
    put(root, [end(0), end(1), end(1000, lr=0.2)], {1000})
    options = {"trainlab_press.markdown": {"root": str(root)}}
    return Markdown(extensions=["trainlab_press.markdown"], extension_configs=options).convert("![](fig:race)")


def test_parts_lie_in_files_that_the_page_names(tmp_path: Path) -> None:
    markup = page_of(tmp_path)
    whole = [part.decode_contents() for part in BeautifulSoup(markup, "html.parser").select("details.part")]
    assert len(whole) == 2
    for page in ("index.html", "a/b/index.html"):
        site = tmp_path / page.replace("/", "-")
        file = site / page
        file.parent.mkdir(parents=True)
        file.write_text(markup, "utf-8")
        fold(site)
        text = file.read_text("utf-8")
        parts = BeautifulSoup(text, "html.parser").select("details.part[data-from]")
        kept = [json.loads((file.parent / str(part["data-from"])).read_text("utf-8"))["html"] for part in parts]
        summaries = [part.select_one("summary") for part in parts]
        for before, summary, after in zip(whole, summaries, kept, strict=True):
            assert str(summary) in before
            assert BeautifulSoup(before, "html.parser").text.endswith(BeautifulSoup(after, "html.parser").text)
        assert "<td" in kept[0]
        assert "<td" not in text
        assert "<span" in kept[1]
        fold(site)
        assert file.read_text("utf-8") == text, "a second time changes nothing"
        assert [json.loads(path.read_text("utf-8"))["html"] for path in sorted(site.rglob("*.json"))] == kept[::-1]


def test_a_page_without_figures_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<details class='provenance'><summary>x</summary></details>", "utf-8")
    before = (tmp_path / "index.html").stat().st_mtime_ns
    fold(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]
    assert (tmp_path / "index.html").stat().st_mtime_ns == before
