"""A site that is as its sources give is not rendered again; any change to either is seen."""

from pathlib import Path

import pytest

from trainlab_press import rendered
from trainlab_press.project import Project

FILES = ("mkdocs.yml", "docs/page.md", "docs/live/one.json", "src/trainlab_press/site.py", "site/index.html")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"text of {name}", encoding="utf-8")
    made = Project(tmp_path)
    rendered.remember(made, rendered.sources(made, {}))
    return made


def is_current(project: Project, **variables: str) -> bool:
    return rendered.is_current(project, rendered.sources(project, variables))


def test_a_site_that_was_just_rendered_is_current(project: Project) -> None:
    assert is_current(project)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("deleted", [True, False])
def test_a_change_is_seen(project: Project, name: str, deleted: bool) -> None:
    path = project.root / name
    path.unlink() if deleted else path.write_text("edited", encoding="utf-8")
    assert not is_current(project)


@pytest.mark.parametrize("name", ["docs/new.md", "site/new.html"])
def test_a_new_file_is_seen(project: Project, name: str) -> None:
    (project.root / name).touch()
    assert not is_current(project)


@pytest.mark.parametrize("name", ["tests/test_new.py", ".git/index", "src/__pycache__/site.pyc"])
def test_what_no_page_is_made_of_does_not_count(project: Project, name: str) -> None:
    (project.root / name).parent.mkdir(parents=True, exist_ok=True)
    (project.root / name).touch()
    assert is_current(project)


def test_variables_and_libraries_count(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_current(project, TRAINLAB_SITE_URL="https://example.org/")
    monkeypatch.setattr(rendered.metadata, "distributions", list)
    assert not is_current(project)


def test_a_damaged_note_is_not_believed(project: Project) -> None:
    (project.cache / "rendered.json").write_text("{", encoding="utf-8")
    assert not is_current(project)
