"""Looks through pages, captions and claims, before anything is trained, for names that do not exist.

MkDocs would find them too, after minutes of training. This look is quick and errs on the side of silence: what stands
in code, in a comment or in an indented block does not count here, and MkDocs has the last word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from trainlab import experiments
from trainlab_press.errors import PressError, did_you_mean
from trainlab_press.livefiles import BOOK, MEASURED
from trainlab_press.press import NUMBER, read_number
from trainlab_press.project import Project

_NOT_TEXT = re.compile(
    r"<!--.*?-->"
    r"|^[ \t]*(?P<fence>`{3,}|~{3,}).*?(?:^[ \t]*(?P=fence)[`~]*[ \t]*$|\Z)"
    r"|^(?: {4}|\t)[^\n]*$"
    r"|(?<!`)(?P<tick>`+)(?!`).+?(?<!`)(?P=tick)(?!`)",
    re.DOTALL | re.MULTILINE,
)
_MENTION = re.compile(
    r"\]\((?P<figure>fig:(?P<drawn>[^)\s]+))\)"
    r"|^!touch[ \t]+(?P<touched>\S+)[ \t]*$"
    r"|^!claim[ \t]+(?P<claim>\S+)[ \t]*$"
    r"|\{=(?P<number>\s*\w+\.[^{}\n]*)\}",
    re.MULTILINE,
)


def check_mentions(project: Project) -> None:
    """Check every figure, claim and number that a text asks for, as far as this is known before a run.

    Raises:
        PressError: a line for each name that does not exist or number that cannot be written, with its place.
    """
    names = experiments.names()
    claims = [f"{name}/{claim.id}" for name in names for claim in experiments.load(name).CLAIMS]
    docs = project.root / "docs"
    wrong = [f"{place}: {line}" for place, text in _said(names) for line in _numbers(text, names)]
    for page in sorted(docs.rglob("*.md")):
        if project.live in page.parents:
            continue
        said = page.relative_to(docs).as_posix()
        wrong += [f"{said}: {line}" for line in _unknown(page.read_text(encoding="utf-8"), names, claims)]
    if wrong:
        raise PressError("\n".join(wrong))


def _unknown(text: str, names: list[str], claims: list[str]) -> Iterator[str]:
    for found in _MENTION.finditer(_NOT_TEXT.sub("", text)):
        if claim := found["claim"]:
            if claim not in claims:
                hint = did_you_mean(claim, claims) or f"; there are {', '.join(claims) or 'none'}"
                yield f"!claim {claim}: there is no such claim{hint}"
        elif (name := found["drawn"]) and name not in (*names, *MEASURED):
            yield f"{found['figure']}: {_no_experiment(name, names)}"
        elif name := found["touched"]:
            if name not in names:
                yield f"!touch {name}: {_no_experiment(name, names)}"
            elif not hasattr(experiments.load(name), experiments.TOUCH):
                yield f"!touch {name}: the experiment has no touch(results); write ![](fig:{name}), or give it one"
        elif found["number"]:
            yield from _numbers(found[0], names)


def _said(names: list[str]) -> Iterator[tuple[str, str]]:
    """The texts of experiments that may quote numbers, each with its place."""
    for name in names:
        module = experiments.load(name)
        yield f"caption of {name}", experiments.caption(module)
        for claim in module.CLAIMS:
            yield f"claim {name}/{claim.id}", f"{claim.text} {claim.why}"


def _numbers(text: str, names: list[str]) -> Iterator[str]:
    for found in re.finditer(NUMBER, text):
        try:
            name = read_number(found[1])["name"]
        except PressError as error:
            yield str(error)
        else:
            if name not in (*names, *MEASURED, BOOK):
                yield f"{found[0]}: {_no_experiment(name, names)}"


def _no_experiment(name: str, names: list[str]) -> str:
    return "there is no such experiment" + (did_you_mean(name, names) or f"; there are {', '.join(names) or 'none'}")
