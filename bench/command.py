"""The command: what is measured, in which order, and where the figures go."""

import argparse
import asyncio
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from bench import peers_environment, published
from bench.services import report as services_report
from bench.services.door import Refused
from bench.services.floor import FloorFailed
from bench.services.load import NothingOffered
from bench.services.run import measure
from bench.services.site import Behind
from bench.statistics import report as statistics_report
from bench.statistics.comparison import COMPARISONS, ChildFailed, compare
from bench.statistics.workload import LABELS_PER_UNIT, UNITS
from bench.table import Table, show
from deploy.local.processes import NotStarted
from deploy.local.services import SERVICES
from deploy.local.terminal import StepFailed

STATISTICS, SERVICES_BENCH = "statistics", "services"
SIZES = (1_000, 10_000)
FAULTS = (StepFailed, ChildFailed, NotStarted, Behind, Refused, NothingOffered, FloorFailed)


def main(arguments: Sequence[str]) -> int:
    """Measure what was asked for, print it, and return the exit status: 1 when something could not be measured."""
    wanted = _parser().parse_args(arguments)
    names = _chosen(wanted.only)
    began = time.monotonic()
    tables: list[Table] = []
    figures: dict[str, Any] = {"machine": machine(), "at": datetime.now(UTC).isoformat(timespec="seconds")}
    try:
        if comparisons := [one for one in COMPARISONS if names & {STATISTICS, one.name}]:
            python = None if wanted.no_peers else peers_environment.ensure()
            compared = compare(comparisons, wanted.annotations // LABELS_PER_UNIT, python, _say)
            figures[STATISTICS] = statistics_report.as_json(compared)
            tables.append(statistics_report.table(compared))
        if SERVICES_BENCH in names:
            measured = asyncio.run(measure(wanted.units or SIZES, wanted.services.split(","), _say))
            figures[SERVICES_BENCH] = services_report.as_json(measured)
            tables += [*services_report.tables(measured), published.table()]
    except FAULTS as fault:
        print(f"bench: {fault}", file=sys.stderr)
        return 1
    show(tables, Console())
    if wanted.json is not None:
        wanted.json.write_text(json.dumps(figures, indent=2) + "\n")
        _say(f"figures in {wanted.json}")
    _say(f"done in {time.monotonic() - began:.0f} s")
    return 0


def machine() -> dict[str, Any]:
    """Return what the figures were measured on."""
    return {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description="What Concord's work costs, in CPU.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there as JSON, too")
    parser.add_argument("--only", action="append", metavar="NAME", help=f"one of: {', '.join(_names())}; repeatable")
    parser.add_argument(
        "--units",
        type=int,
        action="append",
        metavar="N",
        help=f"units for the services, repeatable (default {' and '.join(map(str, SIZES))}; 100000 takes a while)",
    )
    parser.add_argument(
        "--services",
        default=",".join(SERVICES),
        metavar="NAMES",
        help="which services run, by comma (default all; ingest and assign are needed)",
    )
    parser.add_argument("--no-peers", action="store_true", help="without crowd-kit and others, and their environment")
    parser.add_argument(
        "--annotations",
        type=int,
        default=UNITS * LABELS_PER_UNIT,
        metavar="N",
        help="labels for the statistics (default %(default)s; their limits are for that many)",
    )
    return parser


def _names() -> list[str]:
    return [STATISTICS, SERVICES_BENCH, *[one.name for one in COMPARISONS]]


def _chosen(only: Sequence[str] | None) -> set[str]:
    names = set(only or [STATISTICS, SERVICES_BENCH])
    if strangers := names - set(_names()):
        sys.exit(f"bench: no such measurement: {', '.join(sorted(strangers))}; choose from {', '.join(_names())}")
    return names


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
