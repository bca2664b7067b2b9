"""The command line: `python -m trainlab_bench [SECTION ...]`."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from trainlab_bench import goals, plan, record
from trainlab_bench.process import in_fresh_process

RECORD = Path("docs", "assets", "performance.json")
TRIAL = Path(".cache", "performance-trial.json")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and write each section to the record as soon as it is done."""
    options = _parser().parse_args(arguments)
    root = Path.cwd()
    if not (root / "mkdocs.yml").is_file():
        sys.exit("trainlab_bench: there is no mkdocs.yml here; run this in the root of a clone of the book")
    path = options.out or root / (TRIAL if options.quick else RECORD)
    todo = [(section, job) for section in options.sections for job in plan.jobs(section, options.quick)]
    start, done = time.monotonic(), 0
    short: list[str] = []
    try:
        for section in options.sections:
            measured = record.circumstances(root, f"make bench SECTIONS={section}", options.quick)
            began = time.monotonic()
            results = {}
            for job in [job for owner, job in todo if owner == section]:
                done += 1
                _say(f"[{done}/{len(todo)}] {section}: {job.key} ...")
                result = in_fresh_process(job.function, job.arguments, job.threads)
                _say(f"      {result.get('missing', 'done')}, {time.monotonic() - start:.0f} s since the start")
                results[job.key] = result | job.about
            spent = round(time.monotonic() - began, 1)
            record.merge(path, section, measured | {"seconds": spent, "results": results})
            _say(f"{section}: {spent:.0f} s, written to {path.name}")
            if section == "rows" and not options.quick:
                short = goals.fallen_short(results)
    except KeyboardInterrupt:
        sys.exit("\ntrainlab_bench: stopped; finished sections are kept")
    except (RuntimeError, ValueError, OSError) as error:
        sys.exit(f"trainlab_bench: {error}")
    if short:
        sys.exit("\n".join(["trainlab_bench: slower than it should be; is the machine busy?", *short]))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m trainlab_bench", description=__doc__)
    parser.add_argument(
        "sections",
        nargs="*",
        type=_section,
        default=plan.DEFAULT,
        metavar="SECTION",
        help=f"of {', '.join(plan.SECTIONS)}; by default {', '.join(plan.DEFAULT)}",
    )
    parser.add_argument("--quick", action="store_true", help="a trial of a minute, whose numbers mean nothing")
    parser.add_argument("--out", type=Path, help=f"the record to write to (default {RECORD}; a trial's {TRIAL})")
    return parser


def _section(name: str) -> str:
    if name not in plan.SECTIONS:
        raise argparse.ArgumentTypeError(f"there is no section {name}; the sections are {', '.join(plan.SECTIONS)}")
    return name


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
