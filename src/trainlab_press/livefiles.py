"""Reads what the press left under docs/live: results, figures, claims."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from trainlab_press.errors import PressError, did_you_mean

STANDALONE_STYLE = re.compile(r'<style id="standalone">.*?</style>', re.DOTALL)
NOT_EXPERIMENTS = {"claims", "index"}
MEASURED = ("performance", "performance_growth", "performance_stacks")
"""What the benchmark measured: quoted and drawn like an experiment, but no build measures it."""
BOOK = "book"
"""Stands for the whole book where a number is quoted, as in {=book.runs:,.0f}."""


@dataclass(frozen=True)
class LiveFiles:
    """The folder of generated results that a page quotes from.

    Args:
        folder: Usually docs/live under the project's root.
    """

    folder: Path

    def names(self) -> list[str]:
        """List the experiments that have results, in alphabetical order."""
        return sorted(p.stem for p in self.folder.glob("*.json") if p.stem not in {*NOT_EXPERIMENTS, *MEASURED})

    def experiment(self, name: str) -> dict[str, Any]:
        """Read the record of one experiment, or of a part of the benchmark.

        Args:
            name: Its module's name, such as "optimizer_race"; or one of `MEASURED`.

        Raises:
            PressError: When there is no such experiment.
        """
        if name in (*NOT_EXPERIMENTS, BOOK) or not (self.folder / f"{name}.json").is_file():
            known = [*self.names(), *(name for name in MEASURED if (self.folder / f"{name}.json").is_file())]
            hint = did_you_mean(name, known) or "."
            raise PressError(f"experiment {name} has no results{hint} `trainlab list` shows every experiment")
        return self._json(name)

    def svg(self, name: str) -> str:
        """Read a figure, ready to be inlined: no XML prologue and no colours of its own.

        Args:
            name: The experiment's name.

        Raises:
            PressError: When the experiment or its figure does not exist.
        """
        path = self.folder / self.experiment(name)["svg"]
        if not path.is_file():
            raise PressError(f"{path} is missing; `trainlab run {name}` draws it")
        svg = STANDALONE_STYLE.sub("", path.read_text("utf-8"))
        return svg[svg.index("<svg") :].strip()

    def touch(self, name: str) -> dict[str, Any]:
        """Read the data of an experiment's interactive figure.

        Args:
            name: The experiment's name.

        Raises:
            PressError: When the experiment does not exist or has no interactive figure.
        """
        file = self.experiment(name).get("touch")
        if not file:
            raise PressError(f"{name} has no interactive figure; write ![](fig:{name}), or give it a touch(results)")
        return self._json(file.removesuffix(".json"))

    def number(self, name: str, key: str) -> float:
        """Look up a number that a run gave; it may be NaN.

        Args:
            name: The experiment's name, or `BOOK`.
            key: A key of its numbers.

        Raises:
            PressError: When the experiment or the key does not exist.
        """
        numbers = self.index().get("totals", {}) if name == BOOK else self.experiment(name)["numbers"]
        if key not in numbers:
            hint = did_you_mean(key, numbers) or f"; it has {', '.join(sorted(numbers))}"
            raise PressError(f"{name} has no number {key}{hint}")
        return math.nan if numbers[key] is None else numbers[key]

    def index(self) -> dict[str, Any]:
        """Read the list of all experiments, with what they cost together.

        Raises:
            PressError: When there is no such list.
        """
        return self._json("index")

    def claims(self) -> list[dict[str, Any]]:
        """Read every claim with its evidence.

        Raises:
            PressError: When there is no list of claims.
        """
        return self._json("claims")

    def claim(self, claim_id: str) -> dict[str, Any]:
        """Read one claim with its evidence.

        Args:
            claim_id: Such as "optimizer_race/adam-beats-sgd".

        Raises:
            PressError: When there is no such claim.
        """
        claims = {claim["id"]: claim for claim in self.claims()}
        if claim_id not in claims:
            hint = did_you_mean(claim_id, claims) or "."
            raise PressError(f"claim {claim_id} does not exist{hint} `trainlab claims` shows every claim")
        return claims[claim_id]

    def _json(self, stem: str) -> Any:
        path = self.folder / f"{stem}.json"
        try:
            status = path.stat()
            return _read(path, status.st_mtime_ns, status.st_size)
        except FileNotFoundError:
            raise PressError(f"{path} is missing; `trainlab site` makes it") from None
        except ValueError as error:
            raise PressError(f"{path} is not JSON ({error}); delete it and run `trainlab site`") from None


@lru_cache(maxsize=256)
def _read(path: Path, written: int, size: int) -> Any:
    """Read a file once for the hundreds of numbers that pages quote from it; again when it was written."""
    return json.loads(path.read_text("utf-8"))
