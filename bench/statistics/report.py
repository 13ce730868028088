"""The statistics' figures as a table and as JSON."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from bench.statistics.comparison import Compared
from bench.statistics.workload import CLASSES, LABELS_PER_UNIT, annotators_for
from bench.table import Column, Table, seconds, times

COLUMNS = (
    Column("statistic", numbers=False),
    Column("by", numbers=False),
    Column("CPU"),
    Column("of ours"),
    Column("peak MB"),
    Column("limit"),
    Column("value"),
    Column("remark", numbers=False),
)


def table(found: Sequence[Compared]) -> Table:
    """Return one row a package, ours first."""
    rows = []
    for comparison in found:
        ours = comparison.ours
        value = "" if ours.value is None else f"{ours.value:.5f}"
        peak = f"{ours.peak_mb:.0f}"
        rows.append(
            [
                comparison.comparison.what,
                ours.who,
                seconds(ours.cpu_seconds),
                "",
                peak,
                _limit(comparison),
                value,
                ours.note,
            ]
        )
        for peer in comparison.peers:
            value = "" if peer.value is None else f"{peer.value:.5f}"
            ratio = times(comparison.ratio(peer))
            rows.append(["", peer.who, seconds(peer.cpu_seconds), ratio, f"{peer.peak_mb:.0f}", "", value, peer.note])
    units = found[0].units
    title = (
        f"Statistics: {units * LABELS_PER_UNIT:,} annotations ({units:,} units x {LABELS_PER_UNIT}, "
        f"{annotators_for(units):,} annotators, {CLASSES} classes)"
    )
    return Table(title, COLUMNS, rows, ["CPU of one operation in a process of its own, one thread, quickest call."])


def as_json(found: Sequence[Compared]) -> list[dict[str, Any]]:
    """Return the figures: one object a statistic, with what the peers used beside it."""
    return [
        {
            "name": comparison.comparison.name,
            "what": comparison.comparison.what,
            "annotations": comparison.annotations,
            **asdict(comparison.ours),
            "cpu_seconds_max": comparison.comparison.cpu_seconds_max,
            "peak_mb_max": comparison.comparison.peak_mb_max,
            "within_limits": comparison.within,
            "peers": [{**asdict(peer), "ratio": comparison.ratio(peer)} for peer in comparison.peers],
        }
        for comparison in found
    ]


def _limit(comparison: Compared) -> str:
    """Return the limits with whether ours kept them; nothing where there are none."""
    if comparison.within is None:
        return ""
    limits = []
    if comparison.comparison.cpu_seconds_max is not None:
        limits.append(seconds(comparison.comparison.cpu_seconds_max))
    if comparison.comparison.peak_mb_max is not None:
        limits.append(f"{comparison.comparison.peak_mb_max:.0f} MB")
    return f"{', '.join(limits)}: {'kept' if comparison.within else 'BROKEN'}"
