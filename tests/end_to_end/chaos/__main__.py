"""Run it for as long as you like: `make chaos ARGS="--minutes 10"`."""

import argparse
import asyncio
import json
import re
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from deploy.local import places
from deploy.local.ports import REPLICAS_MAX, SERVICES
from tests.end_to_end.chaos.judgement import WAIT_SECONDS_MAX, waits_after
from tests.end_to_end.chaos.notebook import WAITING
from tests.end_to_end.chaos.orders import ORDERS
from tests.end_to_end.chaos.run import Outcome, Plan, run

KINDS_SHOWN, SHOWN_OF_A_KIND = 12, 3
FOLDER = places.LOCAL / "chaos"


def main() -> int:
    """Run what was asked for, print the tables, and return 1 when something was lost, doubled or late."""
    parser = argparse.ArgumentParser(
        prog="make chaos",
        description="Many small projects are worked on while processes are killed (or, with --roll, replaced in "
        "order); a judge who reads the topics says what was lost or doubled, and the load's own notes who waited.",
    )
    parser.add_argument("--minutes", type=float, default=2.0, help="how long processes are killed (default 2)")
    parser.add_argument("--every", type=float, default=30.0, metavar="SECONDS", help="between two kills (default 30)")
    parser.add_argument("--roll", action="store_true", help="replace every process in order instead of killing any")
    parser.add_argument(
        "--orders",
        nargs="+",
        default=(),
        choices=ORDERS,
        metavar="ORDER",
        help=f"do these one after the other instead, as often as they are named: {', '.join(ORDERS)}",
    )
    parser.add_argument("--projects", type=int, default=20, help="how many there are (default 20)")
    parser.add_argument(
        "--replicas", type=int, default=2, choices=range(1, REPLICAS_MAX + 1), help="processes of a service (default 2)"
    )
    parser.add_argument("--seed", type=int, default=1, help="draws who is killed and what people say (default 1)")
    parser.add_argument(
        "--only", nargs="+", default=(), choices=SERVICES, metavar="SERVICE", help="end processes of these alone"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    asked = parser.parse_args()
    kills = 0 if asked.roll else max(1, round(60 * asked.minutes / asked.every))
    plan = Plan(asked.projects, asked.replicas, kills, asked.every, asked.seed, asked.only, asked.orders)
    shutil.rmtree(FOLDER, ignore_errors=True)
    outcome = asyncio.run(run(plan, FOLDER, lambda line: print(line, flush=True)))
    show(outcome, Console(width=None if sys.stdout.isatty() else 120))
    if asked.json is not None:
        asked.json.write_text(json.dumps(_figures(outcome), indent=2) + "\n")
    return int(bool(outcome.faults() or outcome.late))


def show(outcome: Outcome, console: Console) -> None:
    """Print what was lost or doubled, who waited how long, and every fault."""
    counts = Table("what", "acknowledged or told", "lost", "doubled", title="Counts", title_justify="left")
    for name, tally in outcome.tallies.items():
        counts.add_row(name, str(tally.count), str(tally.lost), str(tally.doubled))
    console.print(counts)
    times = Table(
        *("service", "ended", "kept", "moved", "beside", "503", "broken", "CPU s"),
        title="Longest waits in seconds: on projects that stayed, that changed hands, while other services were hit",
        title_justify="left",
    )
    notebook = outcome.notebook
    for service, waited in outcome.waits.items():
        seconds = (f"{wait:.2f}" for wait in (waited.kept, waited.moved, waited.beside))
        later, broken = notebook.later[service], notebook.broken[service]
        cpu = "" if service.endswith(WAITING) else f"{outcome.cpu_seconds[service]:.1f}"
        times.add_row(service, str(waited.blows), *seconds, str(later), str(broken), cpu)
    console.print(times)
    table = Table("process", "kept", "moved", "up again", title="After each blow, seconds", title_justify="left")
    for blow in outcome.blows:
        kept, moved = waits_after(notebook, blow, outcome.blows)
        table.add_row(blow.name, f"{kept:.2f}", f"{moved:.2f}", f"{blow.ready - blow.began:.1f}")
    console.print(table)
    console.print(
        f"{notebook.given_to_waiting} units were given to those who wait for work, and "
        f"{notebook.waited_for_nothing} times their patience ended first"
    )
    console.print(
        f"{len(outcome.blows)} processes were ended; all was told {outcome.settled_seconds:.0f} s after the end"
    )
    for fault in (*_some(outcome.faults()), *outcome.late):
        console.print(fault, style="red", markup=False, highlight=False, soft_wrap=True)


def _some(faults: Sequence[str]) -> Iterator[str]:
    """Yield a few faults of each kind, which is what is left of one without ids and times, and how many there are."""
    kinds = defaultdict[str, list[str]](list)
    for fault in faults:
        kinds[re.sub(r"local-[\w.-]+|\d{4}-[\d:T.Z-]+", "", fault)].append(fault)
    for alike in sorted(kinds.values(), key=len, reverse=True)[:KINDS_SHOWN]:
        yield from alike[:SHOWN_OF_A_KIND]
        if len(alike) > SHOWN_OF_A_KIND:
            yield f"  and {len(alike) - SHOWN_OF_A_KIND} more like it"


def _figures(outcome: Outcome) -> dict[str, object]:
    return {
        "ended": [asdict(blow) for blow in outcome.blows],
        "counts": {name: asdict(tally) for name, tally in outcome.tallies.items()},
        "waits": {name: asdict(waits) for name, waits in outcome.waits.items()},
        "later": outcome.notebook.later,
        "broken": outcome.notebook.broken,
        "given_to_waiting": outcome.notebook.given_to_waiting,
        "waited_for_nothing": outcome.notebook.waited_for_nothing,
        "settled_seconds": outcome.settled_seconds,
        "cpu_seconds": outcome.cpu_seconds,
        "faults": outcome.faults(),
        "late": outcome.late,
        "slow": [
            {"service": service, "project": project, **ask._asdict()}
            for service, project, ask in outcome.notebook.slow(WAIT_SECONDS_MAX)
        ],
    }


if __name__ == "__main__":
    sys.exit(main())
