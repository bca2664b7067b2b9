"""Programs of pages lie where readers can download them."""

from pathlib import Path

from trainlab_press import programs
from trainlab_press.project import Project


def test_scripts_are_offered_and_go_when_they_are_gone(tmp_path: Path) -> None:
    project = Project(tmp_path)
    (tmp_path / "snippets").mkdir()
    for name in ("one", "two"):
        (tmp_path / "snippets" / f"{name}.py").write_text(f"print('{name}')", encoding="utf-8")
    assert programs.snippets(project) == ["one", "two"]
    offered = project.live / "snippets"
    assert (offered / "one.py").read_text(encoding="utf-8") == "print('one')"
    stamp = (offered / "one.py").stat().st_mtime_ns
    (tmp_path / "snippets" / "two.py").unlink()
    assert programs.snippets(project) == []
    assert sorted(path.name for path in offered.iterdir()) == ["one.py", "one.txt"]
    assert (offered / "one.py").stat().st_mtime_ns == stamp, "what has not changed is not written"
