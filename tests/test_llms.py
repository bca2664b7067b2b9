"""The book as plain text: llms.txt, and a Markdown file beside every page."""

from pathlib import Path

import pytest

from trainlab_press.errors import PressError
from trainlab_press.llms import markdown, write_texts

MATH = (
    '<span class="math"><math><semantics><mi>x</mi><annotation encoding="application/x-tex">x_1 * y</annotation>'
    '</semantics></math><span aria-hidden="true">garbled</span></span>'
)
ARTICLE = f"""
<h1 id="a">Optimizers<a class="headerlink" href="#a">#</a></h1>
<p>Adam ends at <data value="93.21">93.2</data>&nbsp;% with {MATH}; see <a href="../signals/#x">signals</a>.</p>
<figure class="live"><div class="plot">
<svg><title>T</title><desc>A line falls from 2 to 1.</desc><text>0.5</text></svg></div>
<figcaption>Caption.</figcaption><details class="provenance"><summary>Behind it</summary>key abc</details></figure>
<details class="claim"><summary>
<span class="sentence">Adam is first.</span> <span class="verdict">holds</span></summary>
<p>The estimate.</p></details>
<div class="highlight"><pre><code><span class="k">print</span>(a_b * 2)
</code></pre></div>
<div class="output"><pre>0.5
</pre></div>
<img alt="Two lines cross." src="data:,">
<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td>2</td></tr></tbody></table>
"""
SETTINGS = """
site_name: Book
site_description: About networks.
extra: !ENV [X, ""]
nav:
  - Home: index.md
  - Chapters:
      - Optimizers: optimizers.md
  - Reference:
      - reference/index.md
"""


def html(body: str, description: str = "d" * 60) -> str:
    head = f'<meta name="description" content="{description}">'
    return f"<html><head>{head}</head><body><nav>No</nav><article>{body}</article></body></html>"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    for path, body in {"": "<h1>Hello</h1>", "optimizers": ARTICLE, "reference": "<h1>All names</h1>"}.items():
        (tmp_path / "site" / path).mkdir(parents=True, exist_ok=True)
        (tmp_path / "site" / path / "index.html").write_text(html(body))
    (tmp_path / "mkdocs.yml").write_text(SETTINGS)
    return tmp_path / "site"


def test_a_page_as_text_says_what_the_page_says() -> None:
    text = markdown(html(ARTICLE), "https://owner.github.io/book/optimizers/")
    assert text.startswith("# Optimizers\n\nAdam ends at 93.2")
    assert "with $x_1 * y$; see [signals](https://owner.github.io/book/signals/#x)" in text
    assert "[Figure: A line falls from 2 to 1.]" in text
    assert "Adam is first. holds" in text
    assert "```python\nprint(a_b * 2)\n```" in text
    assert "```\n0.5\n```" in text
    assert "[Figure: Two lines cross.]" in text
    assert "| 1 | 2 |" in text
    for absent in ("garbled", "key abc", "<", "[#]", "No\n"):
        assert absent not in text, absent


def test_the_index_has_every_page_under_its_section(site: Path) -> None:
    write_texts(site, site.parent / "mkdocs.yml", "")
    assert (site / "llms.txt").read_text() == (
        "# Book\n\n> About networks.\n\n"
        f"## The book\n\n- [Home](index.md): {'d' * 60}\n\n"
        f"## Chapters\n\n- [Optimizers](optimizers/index.md): {'d' * 60}\n\n"
        f"## Reference\n\n- [All names](reference/index.md): {'d' * 60}\n"
    )
    for path in ("", "optimizers", "reference"):
        text = (site / path / "index.md").read_text()
        assert text in (site / "llms-full.txt").read_text()
    assert "[signals](../signals/#x)" in (site / "optimizers" / "index.md").read_text()


def test_links_are_whole_where_the_address_is_known(site: Path) -> None:
    write_texts(site, site.parent / "mkdocs.yml", "https://owner.github.io/book/")
    assert "(https://owner.github.io/book/optimizers/index.md)" in (site / "llms.txt").read_text()


def test_a_page_that_was_not_built_is_an_error(site: Path) -> None:
    (site / "reference" / "index.html").unlink()
    with pytest.raises(PressError, match=r"reference/index\.md, which was not built"):
        write_texts(site, site.parent / "mkdocs.yml", "")
