"""`concord units`: find them, list where they stand, wait for their labels, seal and erase."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from cli.session import Session, show_table, speaks
from concord.client import read_resolutions
from concord.client.models import Resolution

SHOWN_MAX = 50


@click.group("units")
def verb() -> None:
    """Find units, list where they stand, seal and erase."""


@verb.command("find")
@click.argument("project_id")
@click.argument("ids", nargs=-1, required=True)
@speaks
def find(session: Session, project_id: str, ids: tuple[str, ...]) -> None:
    """Say what became of units, by your own IDS."""
    with session.client() as concord:
        found = concord.find(project_id, ids)
    rows = [
        (
            admitted_unit.source_id,
            admitted_unit.unit_id,
            admitted_unit.status,
            admitted_unit.duplicate_of and admitted_unit.duplicate_of.source_id,
        )
        for admitted_unit in found
    ]
    session.each(found, lambda: show_table(("id", "unit", "status", "duplicate of"), rows))


@verb.command("list")
@click.argument("project_id")
@click.option("--status", default="", help="Only those that stand so: open, escalated, consensus, adjudicated, …")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write all into a file, as JSON lines.")
@speaks
def listed(session: Session, project_id: str, status: str, output: Path | None) -> None:
    """List where every unit of PROJECT_ID stands, with its label once it has one; gold units are left out."""
    with session.client() as concord, TemporaryDirectory() as folder:
        file = concord.resolutions(project_id, output or Path(folder) / "resolutions.jsonl")
        if output is not None:
            click.echo(f"written: {output}", err=True)
            return

        def found() -> Iterator[Resolution]:
            return (
                read_resolution for read_resolution in read_resolutions(file) if status in ("", read_resolution.status)
            )

        columns = ("id", "unit", "status", "label", "confidence", "annotations")
        session.each(
            found(),
            lambda: show_table(
                columns,
                [
                    (
                        resolution.source_id,
                        resolution.unit_id,
                        resolution.status,
                        resolution.label,
                        f"{resolution.confidence:.3f}",
                        resolution.annotations,
                    )
                    for resolution in islice(found(), SHOWN_MAX)
                ],
            ),
        )


@verb.command("wait")
@click.argument("project_id")
@click.option("--units", required=True, type=click.IntRange(min=1), help="How many are to be resolved.")
@click.option("--seconds", default=86_400.0, show_default=True, help="How long to wait; then the status is 8.")
@speaks
def wait(session: Session, project_id: str, units: int, seconds: float) -> None:
    """Wait until so many units of PROJECT_ID are resolved."""
    with session.client() as concord:
        found = concord.wait_for_resolutions(project_id, units, seconds_max=seconds)
    text = f"{found.units} resolved with {found.labels} labels, {found.labels_saved} saved"
    session.told(found, lambda: click.echo(text))


@verb.command("stranded")
@click.argument("project_id")
@speaks
def stranded(session: Session, project_id: str) -> None:
    """List units of PROJECT_ID that nobody who is defined can label, and skills that nobody has."""
    with session.client() as concord:
        found = concord.stranded(project_id)

    def show() -> None:
        show_table(("unit", "told"), [(unit.unit_id, unit.told) for unit in found.units])
        show_table(
            ("skills that nobody has", "units"), [(", ".join(skill.skills), skill.units) for skill in found.skills]
        )

    session.told(found, show)


@verb.command("seal")
@click.argument("project_id")
@speaks
def seal(session: Session, project_id: str) -> None:
    """Cut what waits in PROJECT_ID into lots now, full or not: nothing more comes."""
    with session.client() as concord:
        found = concord.seal(project_id)
    session.told(found, lambda: click.echo(f"{found.lots} lots cut"))


@verb.command("erase")
@click.argument("project_id")
@click.argument("ids", nargs=-1)
@click.option("--subject", default="", help="All units that were sent as this subject's.")
@click.option("--reason", required=True, help="Is kept for ever; it names nobody.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@speaks
def erase(session: Session, project_id: str, ids: tuple[str, ...], subject: str, reason: str, yes: bool) -> None:
    """Withdraw units everywhere, by your own IDS or a subject: what they say is destroyed and does not come back."""
    if not ids and not subject:
        raise click.UsageError("say which: ids, or --subject")
    if not yes:
        click.confirm("What these units say is destroyed for good. Go on?", abort=True, err=True)
    with session.client() as concord:
        found = concord.erase(project_id, reason, ids=ids, subject=subject)
    rows = [(unit.source_id, unit.unit_id, unit.status) for unit in found.units[:SHOWN_MAX]]
    session.told(found, lambda: show_table(("id", "unit", "status"), rows))
