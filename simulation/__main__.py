"""Run the simulation: `python -m simulation --seeds 20`."""

import argparse
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from simulation import report
from simulation.calibration import too_sure
from simulation.planted import PLANTED, UNSEEN, planted
from simulation.run import Outcome, run


def main(arguments: Sequence[str] | None = None) -> int:
    """Run seeds; return 0 when nothing was broken in any, else 1."""
    asked = _parser().parse_args(arguments)
    seeds = [asked.seed] if asked.seed is not None else list(range(asked.first, asked.first + asked.seeds))
    outcomes: list[Outcome] = []
    bug = planted(asked.plant) if asked.plant else nullcontext()
    with _told(asked.trace), bug, report.Progress(len(seeds), sys.stderr) as progress:
        for seed in seeds:
            outcomes.append(run(seed, print if asked.trace else None))
            progress.advance(outcomes[-1])
    print(report.table(outcomes))
    for outcome in outcomes:
        if outcome.broken:
            print(report.failure(outcome, asked.plant))
    if asked.json is not None:
        asked.json.write_text(json.dumps(report.as_json(outcomes), indent=2) + "\n")
    over_all = list(too_sure(outcome.settled for outcome in outcomes))
    for sentence in over_all:
        print(f"OVER ALL SEEDS: {sentence}")
    print(report.closing_line(outcomes))
    return 1 if over_all or any(outcome.broken for outcome in outcomes) else 0


@contextmanager
def _told(log_lines: bool) -> Iterator[None]:
    """Let the services' log lines through or not: under so many faults they are many."""
    before = logging.root.manager.disable
    logging.disable(before if log_lines else logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulation",
        description="A seeded town of clients and annotators over the five services, in memory and in virtual time, "
        "under seeded faults. Exit status 1: something that must hold did not.",
    )
    parser.add_argument("--seeds", type=_count, default=20, help="how many seeds to run (20)")
    parser.add_argument("--first", type=int, default=1, help="the first of them (1)")
    parser.add_argument("--seed", type=int, help="run this one alone, exactly as it ran before")
    parser.add_argument("--trace", action="store_true", help="print every record, insert and reply as it happens")
    parser.add_argument("--plant", choices=sorted({**PLANTED, **UNSEEN}), help="plant a bug, to see that it is caught")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what happened to a file")
    return parser


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} seeds cannot be run; say 1 or more")
    return number


if __name__ == "__main__":
    sys.exit(main())
