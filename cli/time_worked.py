"""`concord annotators time`: who worked how long on which day, for whoever pays by it."""

import csv
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click

from cli.session import Session, show_table, speaks
from concord.client.worked import TimeWorked, WorkedDay

HOUR_MS = 3_600_000
COLUMNS = ("annotator_id", "day", "labels", "labels_untold", "active_ms", "active_hours")
HEAD = ("annotator", "day", "labels", "without a time", "active hours")
EARLIER = "earlier"
DAY = click.DateTime(["%Y-%m-%d"])


@click.command("time")
@click.argument("project_id")
@click.option("--since", type=DAY, help="From this day on, UTC, as 2026-11-01.")
@click.option("--until", type=DAY, help="Until this day, it included.")
@click.option("--days", "by_day", is_flag=True, help="Each day by itself, not their sum.")
@click.option(
    "--csv", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write each day there, a line for each."
)
@speaks
def verb(
    session: Session, project_id: str, since: datetime | None, until: datetime | None, by_day: bool, file: Path | None
) -> None:
    """Tell how long annotators of PROJECT_ID worked: active time, idle time left out, exactly as it was told.

    Days are by UTC. The newest 92 days of each annotator are told one by one, what was before is one sum: fetch them
    once a month. Labels with which no time was told stand apart, for their time is not known.
    """
    with session.client() as concord:
        found = concord.time_worked(project_id, since=_written(since), until=_written(until))
    if file is not None:
        _write(found, file)
        session.told(found, lambda: click.echo(f"written: {file}, {len(found.days)} lines"))
    else:
        rows = found.days if by_day else _summed(found.days)
        session.each(rows, lambda: _show(rows, by_day))
    if found.days_from is not None and _written(since) < found.days_from:
        more = "their sums are among these" if since is until is None else "they are not in this"
        click.echo(f"before {found.days_from} some annotators' days are summed up: {more}", err=True)


def _show(rows: Sequence[WorkedDay], by_day: bool) -> None:
    cells = [_row(day) for day in rows]
    if by_day:
        show_table(HEAD, cells)
    else:
        show_table((*HEAD[:1], *HEAD[2:]), [(*row[:1], *row[2:]) for row in cells])


def _written(day: datetime | None) -> str:
    return "" if day is None else day.date().isoformat()


def _summed(days: Sequence[WorkedDay]) -> list[WorkedDay]:
    """Return one row an annotator, without a day."""
    by_annotator: dict[str, list[WorkedDay]] = defaultdict(list)
    for day in days:
        by_annotator[day.annotator_id].append(day)
    return [
        WorkedDay(
            annotator_id,
            None,
            sum(day.labels for day in rows),
            sum(day.labels_untold for day in rows),
            sum(day.active_ms for day in rows),
        )
        for annotator_id, rows in by_annotator.items()
    ]


def _hours(day: WorkedDay) -> str:
    return f"{day.active_ms / HOUR_MS:.3f}"


def _row(day: WorkedDay) -> tuple[object, ...]:
    return day.annotator_id, day.day or "", day.labels, day.labels_untold, _hours(day)


def _write(found: TimeWorked, file: Path) -> None:
    from concord.exports.csv_file import defused  # noqa: PLC0415 - with all formats it takes longer than the others' verbs

    with file.open("w", encoding="utf-8", newline="") as opened:
        lines = csv.writer(opened)
        lines.writerow(COLUMNS)
        for day in found.days:
            name = defused(day.annotator_id)
            lines.writerow((name, day.day or EARLIER, day.labels, day.labels_untold, day.active_ms, _hours(day)))
