"""What the head of a page says to search engines and to whoever shares its address."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from trainlab_press import heads
from trainlab_press.errors import PressError

ROOT = Path(__file__).parents[1]
ASSETS = ROOT / "docs" / "assets"
FIRST = "What becomes of a signal in a network of fifty layers, and why."
SECOND = "Which of fourteen optimizers is the fastest, and on which problem."
LAB = (
    "# A lab\n\nThis page is a program.\n\n"
    "We train [one network](../optimizers.md) under *three* optimizers, at several rates each. "
    "Then we look at what became of each of them, and at how much of it a reader can believe after all."
)


def page(description: str, title: str = "Signals &amp; noise") -> str:
    head = f'<meta name="description" content="{description}">'
    heading = f'<h1 id="t">{title}<a class="headerlink" href="#t">#</a></h1>'
    return f"<html><head>{head}</head><body><article>{heading}<p>Text</p></article></body></html>"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    root = tmp_path / "site"
    for path, html in {"": page(FIRST), "optimizers": page(SECOND), "live/labs/x": page("The book's own.")}.items():
        (root / path).mkdir(parents=True, exist_ok=True)
        (root / path / "index.html").write_text(html)
    cells = [{"cell_type": "markdown", "source": LAB}, {"cell_type": "code", "source": "1"}]
    (root / "live/labs/x/x.ipynb").write_text(json.dumps({"cells": cells}))
    (root / "404.html").write_text("<html></html>")
    return root


def said(site: Path, path: str) -> dict[str, str]:
    html = (site / path / "index.html").read_text()
    return dict(re.findall(r'<meta (?:name|property)="([^"]+)" content="([^"]*)">', html))


def test_where_the_address_is_known_each_page_has_an_absolute_one_and_a_picture(site: Path, tmp_path: Path) -> None:
    address = "https://owner.github.io/book/"
    assert heads.finish(site, address, ASSETS, tmp_path / "cards") == 3
    home, chapter = said(site, ""), said(site, "optimizers")
    assert (home["og:type"], chapter["og:type"]) == ("website", "article")
    assert (home["og:url"], chapter["og:url"]) == (address, f"{address}optimizers/")
    assert chapter["og:title"] == "Signals &amp; noise"
    assert chapter["og:description"] == chapter["description"] == SECOND
    assert chapter["og:image"] == f"{address}assets/cards/optimizers.png"
    assert chapter["twitter:card"] == "summary_large_image"
    for path in ("", "optimizers", "live/labs/x"):
        picture = site / said(site, path)["og:image"].removeprefix(address)
        assert picture.read_bytes().startswith(b"\x89PNG")
    assert (site / "404.html").read_text() == "<html></html>"


def test_a_second_time_changes_and_draws_nothing(site: Path, tmp_path: Path) -> None:
    heads.finish(site, "https://owner.github.io/book/", ASSETS, tmp_path / "cards")
    before = {file: file.read_bytes() for file in site.rglob("*") if file.is_file()}
    assert heads.finish(site, "https://owner.github.io/book/", ASSETS, tmp_path / "cards") == 0
    assert {file: file.read_bytes() for file in site.rglob("*") if file.is_file()} == before


def test_where_the_address_is_unknown_nothing_claims_one(site: Path, tmp_path: Path) -> None:
    assert heads.finish(site, "", ASSETS, tmp_path / "cards") == 0
    chapter = said(site, "optimizers")
    assert not {"og:url", "og:image"} & set(chapter)
    assert chapter["og:description"] == SECOND
    assert chapter["twitter:card"] == "summary"
    assert not (site / "assets").exists()


def test_a_lab_is_described_by_whole_sentences_of_its_first_text(site: Path, tmp_path: Path) -> None:
    heads.finish(site, "", ASSETS, tmp_path / "cards")
    assert said(site, "live/labs/x")["description"] == (
        "We train one network under three optimizers, at several rates each."
    )


@pytest.mark.parametrize(
    ("description", "remedy"),
    [
        ("Too short.", "has 10 characters.*front matter"),
        ("long " * 40, "characters"),
        (FIRST, "description of the home page"),
    ],
)
def test_a_description_that_is_missing_or_taken_is_an_error(
    site: Path, tmp_path: Path, description: str, remedy: str
) -> None:
    (site / "optimizers" / "index.html").write_text(page(description))
    with pytest.raises(PressError, match=remedy):
        heads.finish(site, "", ASSETS, tmp_path / "cards")


def test_a_lab_without_a_description_is_an_error(site: Path, tmp_path: Path) -> None:
    (site / "live/labs/x/x.ipynb").write_text(json.dumps({"cells": [{"cell_type": "markdown", "source": "# A lab"}]}))
    with pytest.raises(PressError, match=r"live/labs/x: .*first text cell"):
        heads.finish(site, "", ASSETS, tmp_path / "cards")


@pytest.mark.parametrize(
    ("slug", "address"),
    [
        ("Owner/book", "https://owner.github.io/book/"),
        ("owner/owner.github.io", "https://owner.github.io/"),
        ("", ""),
    ],
)
def test_the_address_follows_from_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slug: str, address: str
) -> None:
    for name in ("GITHUB_REPOSITORY", "TRAINLAB_SITE_URL"):
        monkeypatch.delenv(name, raising=False)
    git = shutil.which("git")
    assert git is not None
    subprocess.run([git, "init", "-q", tmp_path], check=True)
    if slug:
        remote = f"git@github.com:{slug}.git"
        subprocess.run([git, "remote", "add", "origin", remote], cwd=tmp_path, check=True)
    assert heads.site_address(tmp_path) == address


def test_an_address_that_is_told_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_REPOSITORY", "owner/book")
    assert heads.site_address(tmp_path) == "https://owner.github.io/book/"
    monkeypatch.setenv("TRAINLAB_SITE_URL", "https://book.example.org")
    assert heads.site_address(tmp_path) == "https://book.example.org/"


@pytest.mark.parametrize("address", ["https://owner.github.io/book/", ""])
def test_mkdocs_takes_the_address_so_that_the_404_page_finds_its_files_below_a_sub_path(
    tmp_path: Path, address: str
) -> None:
    setting = next(line for line in (ROOT / "mkdocs.yml").read_text().splitlines() if line.startswith("site_url:"))
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("# Home\n")
    (tmp_path / "mkdocs.yml").write_text(f"site_name: T\n{setting}\ntheme: {{name: material, font: false}}\n")
    environment = {**os.environ, "TRAINLAB_SITE_URL": address, "NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict"]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    site = tmp_path / "site"
    links = re.findall(r'<(?:link|script)[^>]*(?:href|src)="([^"]+)"', (site / "404.html").read_text())
    base = "/book/" if address else "/"
    assert len(links) >= 3
    for link in links:
        assert link.startswith((base, address or base)), link
        assert (site / link.removeprefix(address or base).removeprefix(base)).exists(), link
    home = (site / "index.html").read_text()
    assert ('<link rel="canonical" href="https://owner.github.io/book/">' in home) == bool(address)
    assert ("https://owner.github.io/book/" in (site / "sitemap.xml").read_text()) == bool(address)
