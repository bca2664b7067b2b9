"""The command line: `trainlab list | run | pilot | claims | site | serve`."""

import argparse
import atexit
import gc
import json
import logging
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Self

from trainlab import experiments
from trainlab.engine import available_jobs, check_address
from trainlab.progress import Overview, Progress
from trainlab_press.errors import PressError
from trainlab_press.project import Project

# torch and what needs it is imported by the commands: the first words of a command come without a wait.
if TYPE_CHECKING:
    from trainlab.training import Trainer
    from trainlab_press.site import Crew


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; a mistake is one line on stderr and exit code 1, a signal is 128 and its number."""
    atexit.register(gc.freeze)  # else Python looks through all of torch for garbage before it ends, half a second
    try:
        with _terminable():
            options = _parser().parse_args(arguments)
            logging.basicConfig(format="trainlab: %(message)s", level=logging.WARNING)
            code = options.command(options, Project.find(Path.cwd()))
            sys.stdout.flush()  # here, so that a reader who is gone is noticed below
            sys.exit(code)
    except KeyboardInterrupt as stop:
        for number in (signal.SIGINT, signal.SIGTERM):  # a second one would interrupt the end
            signal.signal(number, signal.SIG_IGN)
        again = " without --force" if "--force" in (sys.argv if arguments is None else arguments) else ""
        text = f"trainlab: stopped. Finished runs are kept; the same command{again} goes on from there."
        print(f"\n{text}", file=sys.stderr)
        sys.exit(128 + (signal.SIGTERM if isinstance(stop, _Terminated) else signal.SIGINT))
    except BrokenPipeError:  # as in `trainlab list | head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains when it ends
        sys.exit(128 + signal.SIGPIPE)
    except (PressError, ValueError, TypeError, RuntimeError, OSError) as error:
        if os.environ.get("TRAINLAB_DEBUG"):
            raise
        notes = "".join(f"{note}: " for note in getattr(error, "__notes__", []))
        sys.exit("\n".join(f"trainlab: {notes}{line}" for line in str(error).splitlines()))


class _Terminated(KeyboardInterrupt):
    """SIGTERM, with which schedulers and CI runners stop a program, as tidy as Ctrl-C."""


@contextmanager
def _terminable() -> Iterator[None]:
    def stop(*_: object) -> NoReturn:
        raise _Terminated

    if threading.current_thread() is not threading.main_thread():  # only there may signals be handled
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Python's search for cyclic garbage off: a third of the time that imports take."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()  # nor is what is there now looked through later
        gc.enable()


@contextmanager
def _without_dask() -> Iterator[None]:
    """No Dask for xarray, which would import it, where it is installed, to ask whether an array is one of its."""
    hidden = {"dask", "xarray"}.isdisjoint(sys.modules)
    if hidden:
        sys.modules["dask"] = None  # pyright: ignore[reportArgumentType]
    try:
        yield
    finally:
        if hidden:
            del sys.modules["dask"]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line; `--help` has the rest."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="trainlab", description="Train, draw and test the book's experiments.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, function: Callable[..., int], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(command=function)
        return sub

    command("list", _list, "show every experiment: runs, whether it is stale and why, seconds of training")
    claims = command("claims", _claims, "show every claim; exit with 1 when a verdict differs from the book's")
    claims.add_argument("--json", action="store_true", help="as JSON, for scripts")
    claims.add_argument(
        "--record",
        nargs="*",
        metavar="NAME",
        help="write the verdicts of these experiments (default: all) down as the book's, with this processor",
    )
    pilot = command("pilot", _pilot, "try an experiment's claims on other seeds, before the reported ones are trained")
    pilot.add_argument("names", nargs="+", metavar="NAME", help="experiments")
    run = command("run", _run, "train what is stale and draw the figures")
    run.add_argument("names", nargs="*", metavar="NAME", help="experiments; all by default")
    site = command("site", _site, "train, draw, execute the labs, and build site/")
    serve = command("serve", _serve, "train what is stale, then show the book and follow every edit")
    serve.add_argument("--port", type=_port, default=8000, help="at http://127.0.0.1:PORT (default 8000)")
    for sub in (run, pilot, site, serve):
        sub.add_argument("--jobs", type=_positive, default=available_jobs(), help="processes (default: all cores)")
        sub.add_argument(
            "--engine", type=_engine, metavar="tcp://HOST:PORT", help="train on the Dask cluster of this scheduler"
        )
        sub.add_argument(
            "--memory",
            type=_size,
            metavar="SIZE",
            help="for each process, as 2G or 500M (default: half of all, shared)",
        )
        sub.add_argument("--device", type=_device, default="cpu", help="where to train: cpu, cuda, ... (default cpu)")
        sub.add_argument("--force", action="store_true", help="train again what is stored")
        sub.add_argument("--smoke", action="store_true", help="a few updates a run: a test, the numbers mean nothing")
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number >= 1, got {text}")
    return int(text)


def _size(text: str) -> int:
    match = re.fullmatch(r"(\d+)([KMGT]?)", text.upper())
    if not match or not int(match[1]):
        raise argparse.ArgumentTypeError(f"must be a size such as 2G or 500M, got {text}")
    return int(match[1]) * 1024 ** " KMGT".index(match[2] or " ")


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to 65535, got {text}")
    return int(text)


def _engine(text: str) -> str:
    try:
        return check_address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _device(text: str) -> str:
    if text == "cpu":
        return text
    import torch

    try:
        torch.empty(0, device=text)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise argparse.ArgumentTypeError(f"{text} is not to be had here ({reason}); take cpu") from None
    return text


class _Trainers:
    """Makes the trainer of each experiment, with a progress bar while it runs; a context, at whose end it ends."""

    def __init__(self, options: argparse.Namespace, project: Project, names: list[str]) -> None:
        self.options, self.project, self.names = options, project, names
        self.bar: Progress | Overview | None = None

    def __call__(self, name: str) -> "Trainer":
        self.close()
        self.bar = Progress(f"[{self.names.index(name) + 1}/{len(self.names)}] {name}")
        return self._plain().fresh(progress=self.bar)

    def crew(self) -> "Crew":
        """Publishes several experiments at a time, unless a cluster takes their stacks."""
        from trainlab_press.site import Crew

        return Crew(self._plain, 1 if self.options.engine else self.options.jobs, self._overview, self.say)

    def _overview(self, total: int) -> Overview:
        self.close()
        self.bar = overview = Overview(total)
        return overview

    def _plain(self) -> "Trainer":
        from trainlab.store import Store
        from trainlab.training import Trainer

        return Trainer(
            store=Store(self.project.cache / "runs"),
            jobs=self.options.jobs,
            engine=self.options.engine,
            device=self.options.device,
            memory=self.options.memory,
            smoke=self.options.smoke,
            force=self.options.force,
            pilot=self.options.command is _pilot,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: object, *_: object) -> None:
        if error is None:
            self.close()
        elif self.bar and self.bar.bar:  # the message has a line of its own
            self.bar.close()

    def close(self) -> None:
        """End the last bar's line."""
        if self.bar:
            self.bar.close()
        self.bar = None

    def say(self, line: str) -> None:
        """Tell the person who waits what happens next."""
        self.close()
        print(line, file=sys.stderr)


def _run(options: argparse.Namespace, project: Project) -> int:
    from trainlab_press.site import publish_all

    names = options.names or experiments.names()
    for name in names:
        experiments.load(name)
    with _Trainers(options, project, names) as trainers:
        published = publish_all(project, names, trainers, trainers.crew())
    for one in published:
        print(f"{one.name}: {one.trained} runs trained, figure {'drawn' if one.drawn else 'unchanged'}")
    return 0


def _site(options: argparse.Namespace, project: Project) -> int:
    from trainlab_press.site import build

    with _Trainers(options, project, experiments.names()) as trainers:
        summary = build(project, trainers, options.jobs, trainers.say, trainers.crew())
    print("\n".join(summary))
    if options.smoke:
        print("This was a smoke build: its numbers mean nothing. `make site` builds the real one.")
    print("Look at it: make serve, then open http://127.0.0.1:8000/")
    return 0


def _serve(options: argparse.Namespace, project: Project) -> int:
    from trainlab_press import preview, programs
    from trainlab_press.redraw import Redrawer

    settings = {"device": options.device, "memory": options.memory, "smoke": options.smoke}
    redrawer = Redrawer(project.root, settings, options.jobs)
    if options.smoke or options.force or not preview.is_fresh(project):
        from trainlab_press.site import prepare

        with _Trainers(options, project, experiments.names()) as trainers:
            prepare(project, trainers, options.jobs, trainers.say, trainers.crew())
    else:
        programs.snippets(project)
        programs.labs(project, options.jobs)
    try:
        preview.run(project, options.port, redrawer, lambda line: print(line, flush=True))
    except _Terminated:
        raise
    except KeyboardInterrupt:  # the way to end it
        print("\nThe preview has ended.")
    return 0


@_without_collector()
@_without_dask()
def _list(options: argparse.Namespace, project: Project) -> int:
    from trainlab_press.listing import listing

    for line in listing(project):
        print(line)
    return 0


def _claims(options: argparse.Namespace, project: Project) -> int:
    from trainlab_press.claim_table import table
    from trainlab_press.publish import read_claims
    from trainlab_press.verdicts import plain

    claims = read_claims(project)
    if not claims:
        raise PressError("no claim has been tested yet; `trainlab run` tests them")
    if options.record is not None:
        from trainlab_press.reference import record

        record(project, claims, options.record or experiments.names())
    other = [claim for claim in claims if claim["verdict"] != claim["expected"]]
    wrong = sum(not claim.get("reference") for claim in other)
    if options.json:
        filled = [claim | {part: plain(project, claim.get(part, "")) for part in ("text", "why")} for claim in claims]
        print(json.dumps(filled, indent=1, ensure_ascii=False))
    else:
        print(table(claims, lambda text: plain(project, text)))
        print(f"{len(claims)} claims; {wrong} with a verdict that differs from the book's")
        if len(other) > wrong:
            print(f"{len(other) - wrong} more (~) differ as they may on another processor than the book's")
    return 1 if wrong else 0


def _pilot(options: argparse.Namespace, project: Project) -> int:
    from trainlab_press.claim_table import table
    from trainlab_press.verdicts import pilot

    for name in options.names:
        experiments.load(name)
    with _Trainers(options, project, options.names) as trainers:
        claims = [claim for name in options.names for claim in pilot(project, name, trainers(name))]
    print(table(claims, str))
    print(f"{len(claims)} claims on pilot seeds; nothing was written. Fix them before you train the reported seeds.")
    return 0


if __name__ == "__main__":
    main()
