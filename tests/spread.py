"""How the suite is shared out when several processes run it (`pytest -n 2`): what stays together, what comes first."""

import re
from typing import Any

EXPERIMENTS = "tests/test_experiments.py"

FIRST = [EXPERIMENTS, *(f"tests/test_{name}.py" for name in ("site", "snippets", "cli", "reliability", "cluster"))]
"""Long files, so that no process is left with one of them at the end. The site takes over what the others made."""


def unit(nodeid: str) -> str:
    """What a test belongs to, which one process runs as a whole: its file, or its experiment.

    A file's fixtures are made once then, and its tests do not run beside each other.
    """
    file, _, test = nodeid.partition("::")
    named = re.search(r"\[(?:.+\.md-)?(\w+)(?:\.[^\]]*)?\]$", test)
    return f"{file}[{named[1]}]" if file == EXPERIMENTS and named else file


def rank(nodeid: str) -> int:
    """When the file of a test is to be run; files of equal rank keep their order."""
    file = nodeid.partition("::")[0]
    return FIRST.index(file) if file in FIRST else len(FIRST)


def scheduler(config: Any, log: Any) -> Any:
    """Hands out whole units in the order of the tests."""
    from xdist.scheduler import LoadScopeScheduling

    class Units(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return unit(nodeid)

    config.option.loadscopereorder = False  # which would put files of many tests first, however short
    return Units(config, log)
