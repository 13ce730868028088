"""Run it at its size: `python -m tests.end_to_end.rush --people 200 --units 10000`."""

import argparse
import asyncio
import json
import shutil
import sys

from deploy.local import places
from tests.end_to_end.rush.run import KILLED_SHARE, Plan, run

FOLDER = places.LOCAL / "rush"
FAULTS_SHOWN = 20


def main() -> int:
    """Run what was asked for, print the figures, and return 1 when something was not kept."""
    parser = argparse.ArgumentParser(
        description=f"Many annotators claim at once, {KILLED_SHARE:.0%} of them are killed holding leases; a judge who "
        "reads the topics says whether a unit was with more than its overlap, somebody had one twice, or a lease was "
        "lost."
    )
    parser.add_argument("--people", type=int, default=Plan.people, help="how many claim at once (default %(default)s)")
    parser.add_argument("--units", type=int, default=Plan.units, help="how many there are (default %(default)s)")
    parser.add_argument("--replicas", type=int, default=Plan.replicas, help="processes of a service (default 1)")
    parser.add_argument("--seed", type=int, default=Plan.seed, help="draws who is killed, and when (default 1)")
    asked = parser.parse_args()
    shutil.rmtree(FOLDER, ignore_errors=True)
    plan = Plan(asked.people, asked.units, asked.replicas, seed=asked.seed)
    outcome = asyncio.run(run(plan, FOLDER, lambda line: print(line, flush=True)))
    shutil.rmtree(FOLDER, ignore_errors=True)
    print(json.dumps(outcome.figures(), indent=1))
    found = outcome.faults()
    for fault in found[:FAULTS_SHOWN]:
        print(fault)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
