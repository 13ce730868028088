"""Run it: `python -m tests.end_to_end.paging --until-page`."""

import argparse
import asyncio
import shutil
import sys

from deploy.local import observers, places, prometheus
from tests.end_to_end.paging.run import Plan, run

FOLDER = places.LOCAL / "paging"


def main() -> int:
    """Run what was asked for, print the table, and return 1 when a line does not hold."""
    parser = argparse.ArgumentParser(
        description="Alpha falls from .85 to .70 on a stack with a real Prometheus and Alertmanager: who is paged, "
        "how often and when; and nobody for 12 units at .10. The rule keeps firing 15 minutes after it recovered."
    )
    parser.add_argument("--until-page", action="store_true", help="do not wait until it is resolved")
    parser.add_argument("--patience", type=float, default=1_500.0, help="seconds for that (default %(default)s)")
    parser.add_argument("--watch", type=float, default=150.0, help="seconds for a second page (default %(default)s)")
    asked = parser.parse_args()
    if not observers.hears():
        print(f"no Alertmanager is installed: {prometheus.CURE}")
        return 1
    shutil.rmtree(FOLDER, ignore_errors=True)
    plan = Plan(asked.watch, None if asked.until_page else asked.patience)
    lines, heard = asyncio.run(run(plan, FOLDER, lambda text: print(text, flush=True)))
    shutil.rmtree(FOLDER, ignore_errors=True)
    for note in heard:
        print(f"heard by {note.receiver}: {note.alert} {note.status} {note.project}")
    for line in lines:
        print(f"{'holds' if line.holds else 'FAILS':<6} {line.promise:<34} {line.found}")
    return int(not all(line.holds for line in lines))


if __name__ == "__main__":
    sys.exit(main())
