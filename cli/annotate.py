"""`concord annotate`: claim units and label them, in a terminal or by a script."""

import time

import click

from cli.session import Session, json_of, show_table, speaks
from concord.client import Concord
from concord.client.people import WAIT_SECONDS_MAX
from concord.client.work import Assignment

MS = 1_000


@click.group("annotate")
def verb() -> None:
    """Claim units and label them, as an annotator."""


@verb.command("claim")
@click.argument("project_id")
@click.option("--units", default=1, show_default=True, type=click.IntRange(1, 50), help="How many to hold.")
@click.option("--wait", default=0, type=click.IntRange(0, WAIT_SECONDS_MAX), help="Seconds to wait for work.")
@speaks
def claim(session: Session, project_id: str, units: int, wait: int) -> None:
    """Hold units of PROJECT_ID, and show what they say."""
    with session.client() as concord:
        found = concord.claim(project_id, units=units, wait_seconds=wait)
        held = [(one, concord.payload(one.payload_url)) for one in found.assignments]
    rows = [(one.assignment_id, one.lease_until, content) for one, content in held]

    def show() -> None:
        if rows:
            show_table(("assignment", "until", "content"), rows)
        else:
            click.echo(found.reason)

    told = [
        {"assignment_id": one.assignment_id, "unit_id": one.unit_id, "lease_until": one.lease_until, "content": content}
        for one, content in held
    ]
    session.told({"assignments": told, "reason": found.reason}, show)


@verb.command("submit")
@click.argument("assignment_id")
@click.argument("label")
@click.option("--flag", default="", help="Why the unit is odd, if it is.")
@speaks
def submit(session: Session, assignment_id: str, label: str, flag: str) -> None:
    """Give LABEL to ASSIGNMENT_ID: JSON, a file of it after an @, or a plain text such as a class's name."""
    with session.client() as concord:
        found = concord.submit(assignment_id, json_of(label, "label"), flag=flag)
    session.told(found, lambda: click.echo(found.status))


@verb.command("skip")
@click.argument("assignment_id")
@click.argument("reason")
@speaks
def skip(session: Session, assignment_id: str, reason: str) -> None:
    """Pass ASSIGNMENT_ID over, with the REASON."""
    with session.client() as concord:
        found = concord.skip(assignment_id, reason)
    session.told(found, lambda: click.echo(found.status))


@verb.command("all")
@click.argument("project_id")
@click.option("--wait", default=0, type=click.IntRange(0, WAIT_SECONDS_MAX), help="Seconds to wait for more work.")
@speaks
def everything(session: Session, project_id: str, wait: int) -> None:
    """Label one unit of PROJECT_ID after the other: each is shown, and your label is read; an empty line ends it."""
    given = 0
    with session.client() as concord:
        found = concord.claim(project_id, wait_seconds=wait)
        while found.assignments:
            one = found.assignments[0]
            said = _asked(concord, one)
            if not said:
                click.echo(f"{one.unit_id} is yours until {one.lease_until}", err=True)
                break
            label, active_ms = said
            told = concord.submit(one.assignment_id, json_of(label, "label"), active_ms=active_ms)
            given += told.status == "accepted"
            found = concord.claim(project_id, wait_seconds=wait)
        else:
            click.echo(found.reason, err=True)
    session.told({"accepted": given}, lambda: click.echo(f"{given} labels accepted"))


def _asked(concord: Concord, one: Assignment) -> tuple[str, int] | None:
    click.echo(concord.payload(one.payload_url))
    began = time.monotonic()
    classes = one.label_schema.get("classes")
    choice = ", ".join(map(str, classes)) if classes else f"{one.label_schema.get('kind')}, as JSON"
    prompt = f"label ({choice})"
    label: str = click.prompt(prompt, default="", show_default=False, err=True)
    return (label, round((time.monotonic() - began) * MS)) if label else None
