"""What there is to measure: sections, and the jobs of each, every one in a process of its own."""

from dataclasses import dataclass, field
from typing import Any

from trainlab.engine import available_jobs
from trainlab_bench import growth, notebook, profile, rows

SECTIONS = ("rows", "profile", "growth", "stacks", "notebook")
DEFAULT = SECTIONS[:4]
"""What is measured unless sections are named; the notebook's comparison takes minutes more."""


@dataclass(frozen=True)
class Job:
    """One measurement.

    Args:
        key: of its result in the section.
        function: module and name.
        arguments: what it is called with.
        threads: of PyTorch.
        about: what it adds to the result that is known before.
    """

    key: str
    function: str
    arguments: dict[str, Any]
    threads: int = 1
    about: dict[str, Any] = field(default_factory=dict)


def jobs(section: str, quick: bool) -> list[Job]:
    """The jobs of a section.

    Args:
        section: one of `SECTIONS`.
        quick: the shortest ones that show whether everything works.
    """
    return {"rows": _rows, "profile": _profile, "growth": _growth, "stacks": _stacks, "notebook": _notebook}[section](
        quick
    )


def _rows(quick: bool) -> list[Job]:
    measure = f"{rows.__name__}.measure_row"
    return [
        Job(row.name, measure, {"name": row.name, "quick": quick}, about={"label": row.label, "place": place})
        for place, row in enumerate(rows.ROWS)
    ]


def _profile(quick: bool) -> list[Job]:
    measure = f"{profile.__name__}.measure_profile"
    return [Job(net, measure, {"net": net, "quick": quick}) for net in profile.NETS]


def _growth(quick: bool) -> list[Job]:
    return [
        Job(
            f"{axis}_{value}",
            f"{growth.__name__}.measure_point",
            {"net": net.name, "count": count, "quick": quick},
            about={"axis": axis, "value": value},
        )
        for axis, points in growth.AXES.items()
        for value, net, count in (points[:2] if quick else points)
    ]


def _stacks(quick: bool) -> list[Job]:
    sizes = growth.STACK_SIZES[:3] if quick else growth.STACK_SIZES
    return [
        Job(f"width_{width}", f"{growth.__name__}.measure_stacks", {"width": width, "sizes": sizes, "quick": quick})
        for width in growth.STACK_WIDTHS
    ]


def _notebook(quick: bool) -> list[Job]:
    home = notebook.__name__
    return [
        Job(
            "plain",
            f"{home}.measure_plain",
            {"threads": (cores := available_jobs())} | ({"rows": 640, "epochs": 1} if quick else {}),
            threads=cores,
        ),
        Job("trainlab", f"{home}.measure_trainlab", {"steps": 20} if quick else {}),
        Job("fair", f"{home}.estimate_fair", {"short": 2, "long": 4} if quick else {}),
    ]
