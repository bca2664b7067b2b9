"""Notebooks for Colab: the address, and what lies there."""

import json
import subprocess
from pathlib import Path

import pytest

from trainlab_press import colab
from trainlab_press.project import Project

LAB = "# %% [markdown]\n# # A lab\n\n# %%\nprint(1)\n"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    return tmp_path


@pytest.mark.parametrize(
    ("remote", "slug"),
    [
        ("https://github.com/someone/book.git", "someone/book"),
        ("git@github.com:someone/my.book", "someone/my.book"),
        ("https://example.org/someone/book.git", ""),
    ],
)
def test_the_repository_comes_from_the_remote(checkout: Path, remote: str, slug: str) -> None:
    subprocess.run(["git", "remote", "add", "origin", remote], cwd=checkout, check=True)
    assert colab.repository(checkout) == slug


def test_no_remote_is_no_repository(checkout: Path) -> None:
    assert colab.repository(checkout) == ""


def test_a_workflow_names_the_repository(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_REPOSITORY", "owner/name")
    assert colab.repository(checkout) == "owner/name"
    expected = "https://colab.research.google.com/github/owner/name/blob/notebooks/x.ipynb"
    assert colab.address("owner/name", "x") == expected


def test_notebooks_install_the_commit_and_have_no_outputs(tmp_path: Path) -> None:
    (tmp_path / "docs" / "labs").mkdir(parents=True)
    (tmp_path / "docs" / "labs" / "x.py").write_text(LAB)
    out = tmp_path / "out"
    assert colab.write_notebooks(Project(tmp_path), out, "owner/name", "abc123") == ["x"]
    first = (out / "x.ipynb").read_bytes()
    cells = json.loads(first)["cells"]
    assert [cell["cell_type"] for cell in cells] == ["markdown", "code", "code"]
    assert "git+https://github.com/owner/name@abc123" in "".join(cells[1]["source"])
    assert all(cell["outputs"] == [] for cell in cells if cell["cell_type"] == "code")
    colab.write_notebooks(Project(tmp_path), out, "owner/name", "abc123")
    assert (out / "x.ipynb").read_bytes() == first


def test_the_first_code_of_every_lab_installs_a_fixed_commit(tmp_path: Path) -> None:
    labs = colab.write_notebooks(Project(Path(__file__).parents[1]), tmp_path, "owner/name", "abc123")
    assert len(labs) > 5
    for lab in labs:
        cells = json.loads((tmp_path / f"{lab}.ipynb").read_bytes())["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        assert code[0] == '%pip install --quiet "trainlab @ git+https://github.com/owner/name@abc123"'
