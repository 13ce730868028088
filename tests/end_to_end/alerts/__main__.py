"""Run it: `python -m tests.end_to_end.alerts standing drift`."""

import argparse
import asyncio
import shutil
import sys

from deploy.local import observers, places, prometheus
from tests.end_to_end.alerts.catalogue import WALKS
from tests.end_to_end.alerts.run import run

FOLDER = places.LOCAL / "alerts"


def main() -> int:
    """Run what was asked for on one stack, print the table, and return 1 when a line does not hold."""
    parser = argparse.ArgumentParser(
        description="Provoke alerts on a stack with a real Prometheus and Alertmanager, with the waits of the deployed "
        "rules: each must fire, reach whom it is for, and end by the cure that the runbook names. All that are asked "
        "for run at once on one stack; docs/runbook.md says how long each takes."
    )
    parser.add_argument("walks", nargs="+", choices=sorted(WALKS), help="which causes, at the same time")
    parser.add_argument("--replicas", type=int, default=1, help="processes of a service (default %(default)s)")
    parser.add_argument(
        "--times", type=int, default=1, help="how many times as short the rules' waits and windows are (default: 1)"
    )
    asked = parser.parse_args()
    if not observers.hears():
        print(f"no Alertmanager is installed: {prometheus.CURE}")
        return 1
    folder = FOLDER.with_name(f"alerts-{asked.walks[0]}")
    shutil.rmtree(folder, ignore_errors=True)
    walks = [WALKS[name] for name in asked.walks]
    rows = asyncio.run(run(walks, folder, lambda text: print(text, flush=True), asked.replicas, asked.times))
    shutil.rmtree(folder, ignore_errors=True)
    for row in rows:
        print(row)
    return int(not all(row.holds for row in rows))


if __name__ == "__main__":
    sys.exit(main())
