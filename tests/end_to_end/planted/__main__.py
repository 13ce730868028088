"""Run it at its size: `python -m tests.end_to_end.planted --values 1000`."""

import argparse
import asyncio
import shutil
import sys
import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from concord.privacy import KINDS
from deploy.local import places
from tests.end_to_end.planted.run import RECALL_MIN, Outcome, Plan, run, steps

FOLDER = places.LOCAL / "planted"
FAULTS_SHOWN = 40


def main() -> int:
    """Run what was asked for, print the tables, and return 1 when something was found where it may not be."""
    parser = argparse.ArgumentParser(
        description="Made-up personal data of every kind goes into a real stack by every door, is labelled, ruled, "
        "audited and exported, and is then looked for in every record, document, log, trace, reply and file. Canaries "
        "where nothing is replaced are looked for before and after they are erased."
    )
    parser.add_argument("--values", type=int, default=Plan().of_each_kind, help="of each kind (default %(default)s)")
    parser.add_argument("--canaries", type=int, default=Plan().sealed, help="sent sealed (default %(default)s)")
    parser.add_argument(
        "--no-files", action="store_true", help="do not wait, some minutes, until the intake's files are dropped"
    )
    asked = parser.parse_args()
    plan = Plan(of_each_kind=asked.values, sealed=asked.canaries, files=not asked.no_files)
    console, began = Console(), time.monotonic()
    shutil.rmtree(FOLDER, ignore_errors=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, redirect_stdout=False) as progress:
        task = progress.add_task("starting", total=steps(plan))

        def say(line: str) -> None:
            progress.update(task, description=line, advance=1)
            if not console.is_terminal:
                console.print(line)

        outcome = asyncio.run(run(plan, FOLDER, say))
    shutil.rmtree(FOLDER, ignore_errors=True)
    _print(console, outcome)
    console.print({**outcome.figures, "seconds": round(time.monotonic() - began)})
    found = outcome.faults()
    for fault in found[:FAULTS_SHOWN]:
        console.print(fault, markup=False)
    console.print(f"{len(found)} faults" if found else "nothing stands where it may not")
    return int(bool(found))


def _print(console: Console, outcome: Outcome) -> None:
    kinds = Table("kind", "planted", "missed", f"recall (at least {RECALL_MIN})")
    for kind in KINDS:
        kinds.add_row(kind, str(outcome.planted[kind]), str(outcome.missed[kind]), f"{outcome.recall(kind):.4f}")
    console.print(kinds)
    looked = Table("looked through", "bytes", "values that may not stand there")
    leaks = outcome.leaks_by_place()
    for place in sorted(outcome.counts.keys() | leaks.keys()):
        looked.add_row(place, f"{outcome.counts[place]:,}", str(leaks[place]))
    console.print(looked)


if __name__ == "__main__":
    sys.exit(main())
