"""`concord audit`: what is to be checked before it leaves, and verdicts."""

import sys

import click

from cli import statuses
from cli.answering import BY, answer_of
from cli.session import Session, json_of, show_table, speaks, text_of
from concord.client import Refused


@click.group("audit")
def verb() -> None:
    """Check what is to leave, blind, as an auditor."""


@verb.command("list")
@click.argument("project_id", default="")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 500), help="So many at most.")
@speaks
def listed(session: Session, project_id: str, limit: int) -> None:
    """List what you may check, in the order of the samples, with what each unit says, and not its label."""
    with session.client() as concord:
        work = concord.inspections(project_id, limit=limit)
        found = [(inspection, concord.payload(inspection.payload_url)) for inspection in work.inspections]
    rows = [(inspection.unit_id, inspection.lot_id, content) for inspection, content in found]
    entries = [
        {"unit_id": inspection.unit_id, "lot_id": inspection.lot_id, "content": content}
        for inspection, content in found
    ]

    def show() -> None:
        show_table(("unit", "lot", "content"), rows)
        for lot in work.held_back:
            click.echo(f"lot {lot.lot_id} waits for another auditor: you had a part in all that it needs")

    session.each(entries, show)


@verb.command("check")
@click.argument("unit_id")
@click.argument("label")
@click.option("--reason", default="", help="Is kept with the verdict.")
@speaks
def check(session: Session, unit_id: str, label: str, reason: str) -> None:
    """Give your own LABEL of UNIT_ID: JSON, a file of it after an @, or a plain text."""
    with session.client() as concord:
        found = concord.inspect(unit_id, json_of(label, "label"), reason=reason)
    refused = f": {found.field} {found.problem}; {found.cure}" if found.status == "refused" else ""
    session.told(found, lambda: click.echo(f"{found.status}{refused}", err=bool(refused)))
    if refused:
        sys.exit(statuses.REFUSED)


@verb.command("all")
@click.argument("project_id", default="")
@BY
@speaks
def everything(session: Session, project_id: str, program: str | None) -> None:
    """Check one unit after the other, as `annotate all` labels them, until the plans want no more."""
    taken = 0
    with session.client() as concord:
        while work := concord.inspections(project_id, limit=1).inspections:
            content = concord.payload(work[0].payload_url)
            if program is None:
                click.echo(text_of(content))
                typed = click.prompt("label", default="", show_default=False, err=True)
                label = json_of(typed, "label") if typed else None
            else:
                label = answer_of(program, content)
            if label is None:
                break
            found = concord.inspect(work[0].unit_id, label)
            if found.status == "refused":
                raise Refused(f"{found.field} {found.problem}; {found.cure}")
            taken += found.status == "taken"
    session.told({"taken": taken}, lambda: click.echo(f"{taken} verdicts taken"))
