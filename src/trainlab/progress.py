"""How far the training of an experiment is, for the person who waits."""

import sys
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
