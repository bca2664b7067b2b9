"""How far the training of an experiment, or of many, is, for the person who waits."""

import sys
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from tqdm import tqdm


class Progress:
    """One bar an experiment; it grows when the experiment asks for more runs.

    Args:
        title: what stands before the bar.
    """

    def __init__(self, title: str) -> None:
        self.title, self.before = title, 0
        self.bar: tqdm[NoReturn] | None = None

    def __call__(self, done: int, total: int, loaded: int) -> None:
        """Show how far it is.

        Args:
            done: runs that are there.
            total: runs that were asked for in this call.
            loaded: runs that came from the store.
        """
        if done == loaded:  # a call begins
            self.before = self.bar.n if self.bar else 0
            if done == total:
                return
            if self.bar is None:
                from tqdm import tqdm

                terminal = sys.stderr.isatty()
                interval = 0.2 if terminal else 10
                self.bar = tqdm(desc=self.title, total=total - loaded, unit="run", mininterval=interval)
            else:
                self.bar.total += total - loaded
        elif self.bar:
            self.bar.update(self.before + done - loaded - self.bar.n)

    def close(self) -> None:
        """End the line."""
        if self.bar:
            self.bar.close()
        else:
            print(f"{self.title}: nothing to train", file=sys.stderr)


class Overview:
    """One bar for all experiments, where several are published at a time.

    Args:
        total: experiments.
    """

    def __init__(self, total: int) -> None:
        from tqdm import tqdm

        self.runs, self.last, self.ended = 0, "none", threading.Event()
        terminal = sys.stderr.isatty()
        self.bar: tqdm[NoReturn] = tqdm(
            desc="experiments", total=total, unit="experiment", mininterval=0.2 if terminal else 10, smoothing=0
        )
        if terminal:
            threading.Thread(target=self._tick, daemon=True).start()

    def __call__(self, names: Sequence[str], trained: int) -> None:
        """Show what a process has done.

        Args:
            names: of experiments that are done now.
            trained: runs that it trained for them or for others.
        """
        self.runs += trained
        self.last = names[-1] if names else self.last
        self.bar.set_postfix_str(f"{self.runs} runs trained, last {self.last}", refresh=False)
        self.bar.update(len(names))

    def close(self) -> None:
        """End the line."""
        self.ended.set()
        self.bar.close()

    def _tick(self) -> None:
        """An experiment can take a minute: the clock goes on meanwhile."""
        while not self.ended.wait(1):
            self.bar.refresh()
