"""`concord lots`: where they stand, and waiting for them."""

from collections.abc import Sequence
from pathlib import Path

import click

from cli.session import Session, show_table, speaks
from concord.client.models import Interval, Lot
from concord.client.rechecks import Recheck

RECHECK_COLUMNS = ("lot", "status", "raised for", "raised at", "units", "among", "changed", "share changed")
COLUMNS = ("lot", "status", "units", "rework", "inspected", "wrong", "to repeat", "label error rate", "waits")


@click.group("lots")
def verb() -> None:
    """List lots, show one, wait for all; list rechecks, raise one, and get what they found wrong."""


@verb.command("list")
@click.argument("project_id")
@click.option("--status", default="", help="Only those that stand so, as accepted or auditing.")
@speaks
def listed(session: Session, project_id: str, status: str) -> None:
    """List the lots of PROJECT_ID."""
    with session.client() as concord:
        found = concord.lots(project_id, status=status)
    session.each(found, lambda: show_table(COLUMNS, rows(found)))


@verb.command("show")
@click.argument("lot_id")
@speaks
def show(session: Session, lot_id: str) -> None:
    """Show where LOT_ID stands, and its plan."""
    with session.client() as concord:
        found = concord.lot(lot_id)

    def told() -> None:
        show_table(COLUMNS, rows([found]))
        click.echo(found.plan or "its sample is not drawn yet")

    session.told(found, told)


@verb.command("wait")
@click.argument("project_id")
@click.option("--units", default=1, show_default=True, type=click.IntRange(min=1), help="At least so many accepted.")
@click.option("--seconds", default=86_400.0, show_default=True, help="How long to wait; then the status is 8.")
@speaks
def wait(session: Session, project_id: str, units: int, seconds: float) -> None:
    """Wait until every lot of PROJECT_ID is accepted."""
    with session.client() as concord:
        found = concord.wait_for_lots(project_id, units=units, seconds_max=seconds)
    session.each(found, lambda: show_table(COLUMNS, rows(found)))


@verb.command("rechecks")
@click.argument("project_id")
@speaks
def rechecks(session: Session, project_id: str) -> None:
    """List what of PROJECT_ID was inspected once more after it had left, for a drift or a rejection."""
    with session.client() as concord:
        found = concord.rechecks(project_id)
    session.each(found, lambda: show_table(RECHECK_COLUMNS, [_recheck(recheck) for recheck in found]))


@verb.command("recheck")
@click.argument("lot_id")
@speaks
def recheck(session: Session, lot_id: str) -> None:
    """Have what accepted lots hold of who is at fault for the rejected LOT_ID inspected once more."""
    with session.client() as concord:
        found = concord.raise_recheck(concord.lot(lot_id).project_id, lot_id)
    session.told(found, lambda: show_table(RECHECK_COLUMNS, [_recheck(found)]))


@verb.command("corrections")
@click.argument("lot_id")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="File to write.")
@speaks
def corrections(session: Session, lot_id: str, output: Path) -> None:
    """Get the signed list of what rechecks found wrong of LOT_ID since its certificate."""
    with session.client() as concord:
        output.write_bytes(concord.lot_corrections(lot_id))
    session.told({"written": [str(output)]}, lambda: click.echo(f"written: {output}"))


def rows(lots: Sequence[Lot]) -> list[tuple[object, ...]]:
    """Return lots as rows of COLUMNS."""
    return [
        (
            lot.lot_id,
            lot.status,
            lot.units,
            lot.rework,
            lot.inspected,
            lot.errors,
            lot.repeats_waiting or "",
            _rate(lot.label_error_rate),
            lot.waits or lot.problem,
        )
        for lot in lots
    ]


def _recheck(recheck: Recheck) -> tuple[object, ...]:
    drifted = f"{recheck.measure} {recheck.category or recheck.rejected_lot_id}".strip()
    return (
        recheck.lot_id,
        recheck.status,
        drifted,
        recheck.raised_at,
        recheck.units,
        recheck.among,
        recheck.changed,
        _rate(recheck.changed_rate),
    )


def _rate(rate: Interval | None) -> str:
    if rate is None or rate.value is None:
        return ""
    return (
        f"{rate.value:.3f}"
        if rate.low is None or rate.high is None
        else (f"{rate.value:.3f} [{rate.low:.3f}, {rate.high:.3f}]")
    )
