"""What docs/reliability.md promises of two builds at once, full disks, and damaged generated files."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from checkout import SMALL, Book, Checkout, book, edited, tree
from compared import assert_same, drafts, place, results, stamps
from trainlab_press import publish, site
from trainlab_press.errors import PressError
from trainlab_press.project import Project
from trainlab_press.publish import read_claims

# Two builds at once


@pytest.mark.slow
def test_two_builds_at_once_end_like_one_alone(tmp_path: Path) -> None:
    """From nothing; with all results but no files; and with everything trained again."""
    shared, calm = place(tmp_path / "shared"), place(tmp_path / "calm")
    calm.trainlab("run", "--jobs", "1")
    for arguments in ([], [], ["--force"]):
        shutil.rmtree(shared.project.live, ignore_errors=True)
        both = [shared.start("run", "--jobs", jobs, *arguments) for jobs in ("1", "2")]
        for process, (_, errors) in [(process, process.communicate(timeout=300)) for process in both]:
            assert process.returncode == 0, errors
            assert "damaged" not in errors
        assert_same(shared, calm)
        assert drafts(shared) == []


def test_commands_for_different_experiments_at_once_keep_all_claims(tmp_path: Path) -> None:
    """Each rewrites claims.json, which holds those of all. Locks hold between threads as between processes."""
    project = Project(tmp_path)

    def merge(name: str) -> None:
        publish._merge_claims(project, name, [{"id": f"{name}/falls", "experiment": name}])

    names = [f"e{number}" for number in range(8)]
    for _ in range(5):
        with ThreadPoolExecutor(len(names)) as pool:
            list(pool.map(merge, names))
        assert [claim["id"] for claim in read_claims(project)] == [f"{name}/falls" for name in names]
        (project.live / "claims.json").unlink()


def test_many_sites_at_once_replace_each_other_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project(tmp_path)

    def render(_: Project, folder: Path) -> None:
        folder.mkdir()
        for page in range(20):
            (folder / f"{page}.html").write_text(folder.parent.name)

    monkeypatch.setattr(site, "_run_mkdocs", render)
    monkeypatch.setattr(site, "_complete", lambda project, folder: None)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(site.render_pages, [project] * 100))
    pages = list(project.site.iterdir())
    assert len(pages) == 20
    assert len({page.read_text() for page in pages}) == 1, "pages of two builds"
    assert list(project.cache.iterdir()) == []


BOOK = """site_name: Test
site_description: A small book of one page, with one figure and one claim, which two builds make at once
theme: {name: material, font: false}
plugins: []
markdown_extensions:
  - trainlab_press.markdown: {root: !relative $config_dir}
nav: [{Book: index.md}]
"""


@pytest.mark.slow
def test_two_sites_at_once_are_the_same_pages(tmp_path: Path) -> None:
    shared = place(tmp_path / "shared", {"one": SMALL})
    (shared.root / "mkdocs.yml").write_text(BOOK)
    (shared.root / "docs" / "index.md").write_text("# Book\n\n![](fig:one)\n\n!claim one/loss-falls\n")
    for _ in range(2):
        both = [shared.start("site", "--jobs", "1") for _ in range(2)]
        for process, (_, errors) in [(process, process.communicate(timeout=300)) for process in both]:
            assert process.returncode == 0, errors
    assert "loss-falls" in (shared.project.site / "index.html").read_text()
    assert drafts(shared) == []


# Disks


GROWING = {"a": SMALL, "b": edited(SMALL, ("steps=12", "steps=600"), ("every=4", "every=200"))}
"""The results of b take much more room than those of a."""

LIMIT = 16_000
"""Bytes: more than a result of a, less than one of b."""

LIMITED = f"""
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, ({LIMIT}, {LIMIT}))
from trainlab.cli import main
main()
"""
PLAIN = "from trainlab.cli import main; main()"


def refused(checkout: Checkout, command: list[str], reason: str) -> None:
    """The command trains b in vain: it ends with 1 and one line, which names the folder, the reason and the remedy."""
    environment = {**os.environ, "PYTHONPATH": str(checkout.root / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [*command, "run", "--jobs", "1"]
    done = subprocess.run(command, cwd=checkout.root, env=environment, capture_output=True, text=True, check=False)
    progress = re.compile(r"\[|1 of 2 experiments are as they were: nothing to train\.")
    lines = [line for line in re.split("[\r\n]+", done.stderr) if line and not progress.match(line)]
    folder = re.escape(str(checkout.project.cache / "runs"))
    words = rf"trainlab: experiment b: cannot write \S+\.npz in {folder} \({reason} and repeat the command, .* are kept"
    assert done.returncode == 1, done.stderr
    assert len(lines) == 1, done.stderr
    assert re.fullmatch(words.replace("experiment b: ", "(experiment b: )?"), lines[0]), lines[0]
    assert not drafts(checkout)


def goes_on(checkout: Checkout) -> None:
    """With room again, the same command trains b only."""
    before = stamps(checkout)
    out = checkout.trainlab("run", "--jobs", "1")
    assert out.splitlines() == ["a: 0 runs trained, figure unchanged", "b: 20 runs trained, figure drawn"]
    assert {name: stamps(checkout)[name] for name in before} == before
    assert len(before) == 2
    assert len(results(checkout)) == 4


@pytest.mark.slow
def test_no_room_for_a_result_is_one_line_and_what_is_finished_is_kept(tmp_path: Path) -> None:
    """The operating system refuses to write more than so many bytes."""
    checkout = place(tmp_path / "book", GROWING)
    refused(checkout, [sys.executable, "-c", LIMITED], r"File too large\); free some space there")
    goes_on(checkout)


@pytest.mark.slow
def test_a_read_only_folder_is_one_line_and_what_is_finished_is_kept(tmp_path: Path) -> None:
    checkout = place(tmp_path / "book", GROWING)
    checkout.trainlab("run", "a", "--jobs", "1")
    # Root may write everywhere, unless this right is taken from it.
    prefix = [] if os.geteuid() else ["setpriv", "--bounding-set=-dac_override"]
    if prefix and not shutil.which(prefix[0]):
        pytest.skip("root without setpriv writes to read-only folders")
    folder = checkout.project.cache / "runs"
    folder.chmod(0o555)
    try:
        refused(checkout, [*prefix, sys.executable, "-c", PLAIN], r"Permission denied\); make it writable")
    finally:
        folder.chmod(0o755)
    goes_on(checkout)


FULL = f'mount -t tmpfs -o size={LIMIT} none .cache/runs && "$@"; code=$?; cp .cache/runs/*.npz kept; exit $code'


@pytest.mark.slow
def test_a_full_disk_is_one_line_and_what_is_finished_is_kept(tmp_path: Path) -> None:
    """A real one, of a few kilobytes, which only the command sees."""
    checkout = place(tmp_path / "book", GROWING)
    (checkout.project.cache / "runs").mkdir(parents=True)
    (checkout.root / "kept").mkdir()
    apart = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    if not shutil.which("unshare") or subprocess.run([*apart, "mount", "-t", "tmpfs", "none", "/mnt"]).returncode:
        pytest.skip("no small disk can be mounted here; the test of the size limit stands for this one")
    command = [*apart, "sh", "-c", FULL, "sh", sys.executable, "-c", PLAIN]
    refused(checkout, command, r"No space left on device\); free some space there")
    for path in (checkout.root / "kept").iterdir():
        shutil.copy(path, checkout.project.cache / "runs")
    goes_on(checkout)


# Damaged generated files

DAMAGE = {"emptied": b"", "truncated": b'[{"id":', "not text": b"\xff\xfe\x00", "not ours": b"[1]", "an object": b"{}"}


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Book]:
    with book(tmp_path) as made:
        made.write("one")
        yield made


@pytest.mark.parametrize("content", DAMAGE.values(), ids=DAMAGE)
def test_damaged_generated_files_are_written_again(one: Book, content: bytes) -> None:
    site.publish_all(one.project, ["one"], lambda name: one.trainer())
    whole = tree(one.project.live)
    assert whole.keys() == {"one.json", "one.svg", "one.csv", "claims.json", "index.json"}
    for name in whole:
        (one.project.live / name).write_bytes(content)
        [again] = site.publish_all(one.project, ["one"], lambda name: one.trainer())
        assert again.trained == 0
        assert tree(one.project.live) == whole, name


@pytest.mark.parametrize("content", DAMAGE.values(), ids=DAMAGE)
def test_damaged_claims_are_named_with_the_remedy(one: Book, content: bytes) -> None:
    path = one.project.live / "claims.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(
        PressError, match=rf"^{re.escape(str(path))} is damaged \(.*\); `trainlab run` writes it again$"
    ):
        read_claims(one.project)
