"""Run the simulation: `python -m simulation --seeds 20`."""

import argparse
import json
import logging
import multiprocessing
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
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
        for outcome in _runs(seeds, asked.jobs, asked.trace):
            outcomes.append(outcome)
            progress.advance(outcome)
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


def _runs(seeds: Sequence[int], jobs: int, trace: bool) -> Iterable[Outcome]:
    """Yield what became of each seed, in their order; a seed is the same story in whatever process it runs."""
    if trace or min(jobs, len(seeds)) == 1:
        yield from (run(seed, print if trace else None) for seed in seeds)
        return
    # Forked, so that a planted bug is in every one of them.
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("fork")) as pool:
        yield from pool.map(run, seeds)


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
    parser.add_argument("--jobs", type=_count, default=1, help="how many seeds run at the same time (1)")
    parser.add_argument("--trace", action="store_true", help="print every record, insert and reply as it happens")
    parser.add_argument("--plant", choices=sorted({**PLANTED, **UNSEEN}), help="plant a bug, to see that it is caught")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what happened to a file")
    return parser


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is too few; say 1 or more")
    return number


if __name__ == "__main__":
    sys.exit(main())
