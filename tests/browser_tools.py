"""Tools from npm that look at a built site: html-validate, linkinator, Lighthouse. tests/browser/ pins them."""

import json
import os
import re
import statistics
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from served import FLAGS, IN_CI, Site

HERE = Path(__file__).parent / "browser"
INSTALL = "`make tests/browser/node_modules/installed` installs it, with Node 20 or newer"
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")


def need(package: str) -> None:
    """Skip the test where a package of npm is not installed; in CI, fail."""
    if not (HERE / "node_modules" / package).is_dir():
        assert not IN_CI, f"CI needs {package}; {INSTALL}"
        pytest.skip(f"{package} is not there; {INSTALL}")


def run(tool: str, *arguments: str, **variables: str) -> str:
    """What one of the tools puts out; each of them exits with another code than 0 when it finds something."""
    need(tool)
    command = [str(HERE / "node_modules" / ".bin" / tool), *arguments]
    done = subprocess.run(
        command, cwd=HERE, env=os.environ | variables, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.stdout, f"{tool} said nothing: {done.stderr[-2000:]}"
    return done.stdout


def invalid(files: Iterable[Path]) -> list[str]:
    """What html-validate finds wrong in files; htmlvalidate.mjs says which rules are off, and why."""
    arguments = ["--config", "htmlvalidate.mjs", "--formatter", "json", *map(str, files)]
    return [
        f"{report['filePath']}:{message['line']}:{message['column']} {message['ruleId']}: {message['message']}"
        for report in json.loads(run("html-validate", *arguments))
        for message in report["messages"]
    ]


def broken_links(site: Site) -> tuple[list[str], int]:
    """Links and anchors within a site that lead nowhere, and how many were followed."""
    elsewhere = f"^(?!{re.escape(site.url)})"
    options = ["--recurse", "--check-fragments", "--skip", elsewhere, "--format", "json"]
    links = json.loads(run("linkinator", site.url, *options, "--concurrency", "3"))["links"]
    followed = [link for link in links if link["state"] != "SKIPPED"]
    return [f"{one['parent']}: {one['url']}" for one in followed if one["state"] == "BROKEN"], len(followed)


def lighthouse(address: str, chromium: str, runs: int = 3) -> tuple[dict[str, float], list[str]]:
    """Scores from 0 to 100 of a page on a phone, each the median of some runs, and the audits that cost something."""
    reports = [_lighthouse(address, chromium) for _ in range(runs)]
    scores = {
        name: statistics.median(100 * report["categories"][name]["score"] for report in reports) for name in CATEGORIES
    }
    audits: dict[str, Any] = reports[0]["audits"]
    weighty = {ref["id"] for one in reports[0]["categories"].values() for ref in one["auditRefs"] if ref["weight"]}
    lost = [f"{name}: {audit['title']} {audit.get('displayValue', '')}".strip() for name, audit in audits.items()
            if name in weighty and audit["score"] is not None and audit["score"] < 0.9]  # fmt: skip
    return scores, lost


def _lighthouse(address: str, chromium: str) -> dict[str, Any]:
    flags = " ".join(["--headless=new", *FLAGS])
    arguments = [
        address,
        "--output=json",
        "--quiet",
        f"--chrome-flags={flags}",
        "--only-categories=" + ",".join(CATEGORIES),
    ]
    return json.loads(run("lighthouse", *arguments, CHROME_PATH=chromium))
