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

from bench import published
from bench.doors import measure as doors
from bench.exports import report as exports_report
from bench.exports.report import NotWritten
from bench.live import catch_up, steady
from bench.live import report as steady_report
from bench.live.follow import NotCounted
from bench.memory import report as memory_report
from bench.memory.report import NotHeld
from bench.platforms import label_studio, potato
from bench.platforms import platform as platform_costs
from bench.services import forwarding, pair
from bench.services import report as services_report
from bench.services.door import Refused
from bench.services.floor import FloorFailed
from bench.services.load import NothingOffered
from bench.services.phases import ASSIGN, INGEST
from bench.services.run import measure
from bench.services.site import Behind
from bench.starts import measure as starts
from bench.starts import process as starts_process
from bench.starts import report as starts_report
from bench.statistics import report as statistics_report
from bench.statistics.comparison import COMPARISONS, ChildFailed, compare
from bench.statistics.workload import LABELS_PER_UNIT, UNITS
from bench.table import Table, show
from bench.waiting import measure as waiting
from bench.whole import against, growth
from bench.whole import measure as whole
from bench.whole import report as whole_report
from concord.capacity import costs
from deploy.local import places, side_environment
from deploy.local.processes import NotStarted
from deploy.local.services import SERVICES
from deploy.local.terminal import StepFailed

STATISTICS, SERVICES_BENCH, FORWARDING, STARTS, PAIR = "statistics", "services", "forwarding", "starts", "pair"
STEADY, CATCH_UP = "steady", "catch_up"
EXPORTS, WHOLE, GROWTH, PLATFORMS, MEMORY, DOORS = "exports", "whole", "growth", "platforms", "memory", "doors"
WAITING = "waiting"
ALWAYS = (STATISTICS, SERVICES_BENCH, FORWARDING, EXPORTS)
"""What is measured when nothing is named; the others write a large journal first, or want a quiet machine."""
SIZES = (1_000, 10_000)
UNITS_MIN, ANNOTATIONS_MIN, LABELS_MIN = 100, 500, 20
RATE_MAX, MINUTES_MIN, MINUTES_MAX = 5_000, 0.1, 120
PLATFORM_LABELS_MAX = 300
"""Labels that another platform is asked for: each takes it a fifth of a second and more."""
INTERRUPTED = 130
FAULTS = (
    NotWritten,
    NotHeld,
    NotCounted,
    StepFailed,
    ChildFailed,
    NotStarted,
    Behind,
    Refused,
    NothingOffered,
    FloorFailed,
    starts_process.NotStarted,
    platform_costs.NotUp,
    against.NotMeasured,
)


def main(arguments: Sequence[str]) -> int:
    """Measure what was asked for, print it, and return the exit status: 1 when something could not be measured."""
    wanted = _wanted(arguments)
    began = time.monotonic()
    status = 0
    tables: list[Table] = []
    figures: dict[str, Any] = {"machine": machine(), "at": datetime.now(UTC).isoformat(timespec="seconds")}
    try:
        if comparisons := [comparison for comparison in COMPARISONS if {STATISTICS, comparison.name} & wanted.names]:
            python = None if wanted.no_peers else side_environment.ensure("peers")
            compared = compare(comparisons, wanted.annotations // LABELS_PER_UNIT, python, _say)
            figures[STATISTICS] = statistics_report.as_json(compared)
            tables.append(statistics_report.table(compared))
        if SERVICES_BENCH in wanted.names:
            measured = asyncio.run(measure(wanted.units or SIZES, wanted.services, _say))
            figures[SERVICES_BENCH] = services_report.as_json(measured)
            tables += [*services_report.tables(measured), published.table()]
        if FORWARDING in wanted.names:
            folder = places.LOCAL / "bench"
            folder.mkdir(parents=True, exist_ok=True)
            handed_on = asyncio.run(forwarding.measure(folder))
            figures[FORWARDING] = forwarding.as_json(handed_on)
            tables.append(forwarding.table(handed_on))
        if PAIR in wanted.names:
            both = asyncio.run(pair.measure(_say))
            figures[PAIR] = pair.as_json(both)
            tables.append(pair.table(both))
        if STARTS in wanted.names:
            begun = asyncio.run(_starts(wanted))
            figures[STARTS] = starts_report.as_json(begun)
            tables.append(starts_report.table(begun))
        _beside(wanted, figures, tables)
        _live(wanted, figures, tables)
    except FAULTS as fault:
        # What was measured before it is shown all the same.
        _say(f"bench: {fault}")
        status = 1
    except KeyboardInterrupt:
        _say("bench: stopped")
        return INTERRUPTED
    show(tables, Console())
    if wanted.json is not None:
        wanted.json.write_text(json.dumps(figures, indent=2) + "\n")
        _say(f"figures in {wanted.json}")
    _say(f"done in {time.monotonic() - began:.0f} s")
    return status


def _checkouts(wanted: argparse.Namespace) -> dict[str, Path]:
    """Return what is measured in turn, by name."""
    return {"this": places.ROOT} | ({"beside": wanted.beside.resolve()} if wanted.beside else {})


async def _starts(wanted: argparse.Namespace) -> list[starts.Start]:
    services = [name for name in starts.SERVICES if name in wanted.services]
    return await starts.measure(_checkouts(wanted), wanted.closed, wanted.open, services, places.LOCAL / "bench", _say)


def _beside(wanted: argparse.Namespace, figures: dict[str, Any], tables: list[Table]) -> None:
    """Measure what is beside the services: the whole of them, and exports."""
    if WHOLE in wanted.names:
        spent, beside = _whole(wanted)
        figures[WHOLE] = whole_report.as_json(spent)
        tables.append(whole_report.table(spent, [*whole_report.history(), *beside]))
    if DOORS in wanted.names:
        imported = asyncio.run(doors.measure(wanted.units or doors.SIZES, _say))
        figures[DOORS] = doors.as_json(imported)
        tables.append(doors.table(imported))
    if WAITING in wanted.names:
        held = asyncio.run(waiting.measure(wanted.units or waiting.SIZES, _say))
        figures[WAITING] = waiting.as_json(held)
        tables.append(waiting.table(held))
    if PLATFORMS in wanted.names:
        spent, beside = _whole(wanted)
        tables.append(whole_report.table(spent, beside))
        figures[PLATFORMS] = {"ours": whole_report.as_json(spent), "before": beside}
        labels = min(wanted.labels, PLATFORM_LABELS_MAX)
        others = [
            (module_type.NAME, asyncio.run(module_type.measure(spent.units, labels, whole.ANNOTATORS, _say)))
            for module_type in (label_studio, potato)
        ]
        figures[PLATFORMS].update(platform_costs.as_json(others))
        tables.append(platform_costs.table(spent, others))
    if GROWTH in wanted.names:
        grown = asyncio.run(growth.grow(wanted.units or SIZES, wanted.labels, _say))
        figures[GROWTH] = growth.as_json(grown)
        tables += [growth.table(grown), growth.lives(grown)]
        if wanted.plot is not None:
            growth.draw_growth(grown, wanted.plot)
            growth.draw_history(whole_report.history(), wanted.plot.with_stem(f"{wanted.plot.stem}-history"))
    if EXPORTS in wanted.names:
        exported = exports_report.measure(_say)
        figures[EXPORTS] = exports_report.as_json(exported)
        tables.append(exports_report.table(exported))
    if MEMORY in wanted.names:
        kept = memory_report.measure(_say)
        figures[MEMORY] = memory_report.as_json(kept)
        tables.append(memory_report.table(kept))


def _live(wanted: argparse.Namespace, figures: dict[str, Any], tables: list[Table]) -> None:
    """Measure live quality under a load."""
    if STEADY in wanted.names:
        held = asyncio.run(steady.measure(wanted.rate, wanted.minutes, _say, whole=wanted.whole))
        figures[STEADY] = steady_report.as_json(held)
        tables.append(steady_report.table(held))
        if wanted.plot is not None:
            steady_report.draw(held, wanted.plot)
    if CATCH_UP in wanted.names:
        caught_up = asyncio.run(catch_up.measure(_checkouts(wanted), wanted.annotations, _say))
        figures[CATCH_UP] = catch_up.as_json(caught_up)
        tables.append(catch_up.table(caught_up))


def _whole(wanted: argparse.Namespace) -> tuple[whole.Whole, list[dict[str, Any]]]:
    """Return what the whole costs here, and a line of what it costs at the revision that was named."""
    units = (wanted.units or [whole.UNITS])[0]
    beside = []
    if wanted.against is not None:
        beside = [{"commit": wanted.against, **against.measure(wanted.against, units, wanted.labels, _say)}]
    spent = asyncio.run(whole.measure(units, wanted.labels, _say))
    if wanted.keep:
        line = whole_report.line(spent)
        whole_report.keep(line)
        costs.published().write_text(json.dumps(line, indent=1) + "\n")
    return spent, beside


def machine() -> dict[str, Any]:
    """Return what the figures were measured on."""
    return {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}


def _wanted(arguments: Sequence[str]) -> argparse.Namespace:
    """Return what was asked for; end the process with the cure when that cannot be."""
    names = [*ALWAYS, PAIR, STARTS, WHOLE, GROWTH, PLATFORMS, MEMORY, DOORS, WAITING, STEADY, CATCH_UP]
    names += [comparison.name for comparison in COMPARISONS]
    parser = argparse.ArgumentParser(prog="python -m bench", description="What Concord's work costs, in CPU.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there as JSON, too")
    parser.add_argument("--only", action="append", metavar="NAME", help=f"one of: {', '.join(names)}; repeatable")
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
        help="which services run or are started, by comma (default all; to run, ingest and assign are needed)",
    )
    parser.add_argument("--no-peers", action="store_true", help="without crowd-kit and others, and their environment")
    parser.add_argument(
        "--annotations",
        type=int,
        default=UNITS * LABELS_PER_UNIT,
        metavar="N",
        help="labels for the statistics (default %(default)s; their limits are for that many), and to catch up with",
    )
    parser.add_argument(
        "--labels", type=int, default=whole.LABELS, metavar="N", help="labels given in the whole (default %(default)s)"
    )
    parser.add_argument("--against", metavar="REV", help="measure the whole of another revision, too, before this one")
    parser.add_argument(
        "--keep",
        action="store_true",
        help="add what the whole cost to its history in bench/whole, for `concord capacity`, too",
    )
    parser.add_argument(
        "--plot",
        type=Path,
        metavar="FILE",
        help="draw growth as SVG there, and the history of the whole beside it; of a steady load its lag over time",
    )
    _of_starts(parser)
    _of_live(parser)
    wanted = parser.parse_args(arguments)
    wanted.names = set(wanted.only or ALWAYS)
    wanted.services = wanted.services.split(",")
    if strangers := wanted.names - set(names):
        parser.error(f"no such measurement: {', '.join(sorted(strangers))}; choose from {', '.join(names)}")
    needed = {INGEST, ASSIGN} if SERVICES_BENCH in wanted.names else set()
    if not needed <= set(wanted.services) <= set(SERVICES):
        also = f", {INGEST} and {ASSIGN} too" if needed else ""
        parser.error(f"--services {','.join(wanted.services)}: name some of {', '.join(SERVICES)}{also}")
    if WAITING in wanted.names and min(wanted.units or waiting.SIZES) < waiting.UNITS_MIN:
        parser.error(f"--units: give waiting {waiting.UNITS_MIN:,} and more, for so many are labelled at each size")
    most = max(wanted.units or SIZES) if GROWTH in wanted.names else (wanted.units or [whole.UNITS])[0]
    if not LABELS_MIN <= wanted.labels <= most:
        parser.error(f"--labels {wanted.labels}: give {LABELS_MIN} to {most}, one a unit at most")
    if not (1 <= wanted.rate <= RATE_MAX and MINUTES_MIN <= wanted.minutes <= MINUTES_MAX):
        parser.error(
            f"--rate {wanted.rate} --minutes {wanted.minutes:g}: give a rate of 1 to {RATE_MAX} labels a second, \
and {MINUTES_MIN} to {MINUTES_MAX} minutes"
        )
    if min(wanted.units or SIZES) < UNITS_MIN or wanted.annotations < ANNOTATIONS_MIN:
        parser.error(f"at least {UNITS_MIN} units and {ANNOTATIONS_MIN} annotations are needed")
    for option, file in (("--json", wanted.json), ("--plot", wanted.plot)):
        if file is not None and not file.parent.is_dir():
            parser.error(f"{option} {file}: there is no folder {file.parent}")
    return wanted


def _of_starts(parser: argparse.ArgumentParser) -> None:
    """Add the options of starts."""
    parser.add_argument("--closed", type=int, default=100_000, metavar="N", help="closed units for starts (100000)")
    parser.add_argument("--open", type=int, default=1_000, metavar="N", help="open units for starts (1000)")
    parser.add_argument(
        "--beside", type=Path, metavar="CHECKOUT", help="another checkout whose starts, or catching up, are measured"
    )


def _of_live(parser: argparse.ArgumentParser) -> None:
    """Add the options of a steady load."""
    parser.add_argument(
        "--rate", type=int, default=steady.RATE, metavar="N", help="labels a second of steady (default %(default)s)"
    )
    parser.add_argument(
        "--minutes", type=float, default=steady.MINUTES, metavar="N", help="for how long (default %(default)s)"
    )
    parser.add_argument(
        "--whole",
        action="store_true",
        help="steady: all services, and labels through assign's door; else metrics alone",
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
