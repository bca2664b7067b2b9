"""The workflows: pinned, with no more rights than they use, and the one that publishes notebooks tried on a repository.

actionlint, which `make lint` runs, reads their syntax.
"""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
WRITES = {
    ("site.yml", "pages"): {"pages": "write", "id-token": "write"},
    ("site.yml", "notebooks"): {"contents": "write"},
    ("notebooks.yml", "publish"): {"contents": "write"},
}


def jobs(file: Path) -> dict[str, dict[str, Any]]:
    return yaml.safe_load(file.read_text())["jobs"]


def test_there_are_three() -> None:
    assert [file.stem for file in WORKFLOWS] == ["notebooks", "site", "test"]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_actions_are_pinned_by_commit_and_say_which_version_that_is(file: Path) -> None:
    used = re.findall(r"uses: (.*)", file.read_text())
    assert used
    for one in used:
        assert one.startswith("./.github/workflows/") or re.fullmatch(
            r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one
        )


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_a_job_has_the_rights_that_it_uses_and_a_limit_of_time(file: Path) -> None:
    assert yaml.safe_load(file.read_text())["permissions"] == {}
    for name, job in jobs(file).items():
        assert job["permissions"] == WRITES.get((file.name, name), {"contents": "read"}), name
        assert "uses" in job or job["timeout-minutes"] <= 60, name
        for step in job.get("steps", []):
            if "actions/checkout" in step.get("uses", "") and job["permissions"] == {"contents": "read"}:
                assert step["with"]["persist-credentials"] is False, name


def test_the_same_action_is_the_same_commit_everywhere() -> None:
    used = {one for file in WORKFLOWS for one in re.findall(r"uses: ([\w-]+/.*)", file.read_text())}
    assert len({one.split("@")[0] for one in used}) == len(used)


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def test_notebooks_are_one_commit_without_a_parent_on_a_branch_of_their_own(tmp_path: Path) -> None:
    origin, clone, temp = tmp_path / "origin.git", tmp_path / "clone", tmp_path / "temp"
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(origin))
    git(tmp_path, "clone", "--quiet", str(origin), str(clone))
    (clone / "code.py").write_text("1\n")
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    git(clone, "add", "code.py")
    git(clone, *who, "commit", "--quiet", "-m", "Code")
    git(clone, "push", "--quiet", "origin", "HEAD:main")
    before = git(origin, "rev-parse", "main")

    *_, publish = jobs(ROOT / ".github" / "workflows" / "notebooks.yml")["publish"]["steps"]
    for content in ("first", "second"):
        notebooks = temp / "notebooks"
        notebooks.mkdir(parents=True, exist_ok=True)
        (temp / "index").unlink(missing_ok=True)  # each workflow run has a folder of its own
        (notebooks / f"{content}.ipynb").write_text(content)
        environment = {**os.environ, "RUNNER_TEMP": str(temp), "GITHUB_SHA": before}
        command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", publish["run"]]
        done = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert git(origin, "rev-list", "--count", "notebooks") == "1"
        assert git(origin, "show", f"notebooks:{content}.ipynb") == content
    assert git(origin, "ls-tree", "-r", "--name-only", "notebooks").split() == ["first.ipynb", "second.ipynb"]
    assert git(origin, "rev-parse", "main") == before
    assert git(clone, "status", "--porcelain") == ""
