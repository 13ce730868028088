"""Run it at its size: `python -m tests.end_to_end.blind --replies 100000`."""

import argparse
import asyncio
import json
import shutil
import sys

from deploy.local import places
from tests.end_to_end.blind.run import AUC_MAX, run

FOLDER = places.LOCAL / "blind"
REPLIES, PEOPLE = 100_000, 25
FAULTS_SHOWN = 20


def main() -> int:
    """Run what was asked for, print the figures, and return 1 when gold could be told from work."""
    parser = argparse.ArgumentParser(
        description="People label on a real stack, half of it gold; every reply to them is looked through for gold "
        f"marks, labels and names of others, and classifiers try to tell gold by the rest: under {AUC_MAX} they fail."
    )
    parser.add_argument("--replies", type=int, default=REPLIES, help="how many in all (default %(default)s)")
    parser.add_argument("--people", type=int, default=PEOPLE, help="how many label (default %(default)s)")
    asked = parser.parse_args()
    shutil.rmtree(FOLDER, ignore_errors=True)
    outcome = asyncio.run(run(asked.replies, asked.people, FOLDER, lambda line: print(line, flush=True)))
    shutil.rmtree(FOLDER, ignore_errors=True)
    body = {
        "replies": outcome.replies,
        "units_seen": len(outcome.seen),
        "gold_share": sum(seen.gold for seen in outcome.seen) / len(outcome.seen),
        "auc": outcome.straight._asdict(),
        "auc_of_what_sees_bends": outcome.bent._asdict(),
        "auc_of_a_byte_in_half_of_gold": outcome.planted,
    }
    print(json.dumps(body, indent=1))
    found = outcome.faults()
    for fault in found[:FAULTS_SHOWN]:
        print(fault)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
