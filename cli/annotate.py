"""`concord annotate`: claim units and label them, in a terminal or by a script."""

import time

import click

from cli import own_conduct, own_quality
from cli.answering import BY, answer_of
from cli.session import Session, json_of, show_table, speaks, text_of
from concord.client import Concord
from concord.client.models import Json
from concord.client.people import WAIT_SECONDS_MAX
from concord.client.revising import Revised
from concord.client.work import Assignment

MS = 1_000


@click.group("annotate")
def verb() -> None:
    """Claim units and label them, as an annotator."""


@verb.command("claim")
@click.argument("project_id", default="")
@click.option("--units", default=1, show_default=True, type=click.IntRange(1, 50), help="How many to hold.")
@click.option("--wait", default=0, type=click.IntRange(0, WAIT_SECONDS_MAX), help="Seconds to wait for work.")
@speaks
def claim(session: Session, project_id: str, units: int, wait: int) -> None:
    """Hold units of PROJECT_ID, or without it of whichever project's turn it is, and show what they say."""
    if wait and not project_id:
        raise click.UsageError("work is waited for in one project; name it, or leave --wait out")
    with session.client() as concord:
        found = (
            concord.claim(project_id, units=units, wait_seconds=wait) if project_id else concord.claim_any(units=units)
        )
        held = [(assignment, concord.payload(assignment.payload_url)) for assignment in found.assignments]
    rows = [(assignment.assignment_id, assignment.lease_until, content) for assignment, content in held]

    def show() -> None:
        if rows:
            show_table(("assignment", "until", "content"), rows)
        else:
            click.echo(found.reason)

    entries = [
        {
            "assignment_id": assignment.assignment_id,
            "unit_id": assignment.unit_id,
            "lease_until": assignment.lease_until,
            "content": content,
        }
        for assignment, content in held
    ]
    session.told({"assignments": entries, "reason": found.reason, "why": found.why}, show)


@verb.command("standing")
@speaks
def standing(session: Session) -> None:
    """Show who you are here, and of each project how much waits for you or why nothing does, caps among it."""
    with session.client() as concord:
        found = concord.standing()

    def show() -> None:
        until = f" until {found.state_until}" if found.state_until else ""
        why = f": {found.state_reason}" if found.state_reason else ""
        click.echo(f"{found.annotator_id}: {found.state}{until}{why}; {len(found.leases)} units in hand")
        rows = [
            (project.project_id, project.name, project.waiting, project.due_at, project.reason)
            for project in found.projects
        ]
        show_table(("project", "name", "waiting", "wanted by", "why nothing"), rows)

    session.told(found, show)


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


@verb.command("given")
@click.argument("project_id")
@speaks
def given(session: Session, project_id: str) -> None:
    """List your labels of PROJECT_ID that came in lately and may be revised, the newest first."""
    with session.client() as concord:
        labels = concord.own_labels(project_id)
        shown = [concord.own_label(entry.annotation_id) for entry in labels]
    rows = [(label.annotation_id, label.submitted_at, label.revision, label.label) for label in shown]
    session.each(shown, lambda: show_table(("annotation", "given at", "revision", "label"), rows))


@verb.command("revise")
@click.argument("annotation_id")
@click.argument("label")
@click.option("--flag", default=None, help="Why the unit is odd; left out, what you gave stays; empty: none.")
@speaks
def revise(session: Session, annotation_id: str, label: str, flag: str | None) -> None:
    """Give LABEL in the place of the one that you gave for ANNOTATION_ID, while its unit is not resolved.

    An annotation has the id of the assignment that it was given for. Run again, it changes nothing.
    """
    wanted = json_of(label, "label")
    with session.client() as concord:
        now = concord.own_label(annotation_id)
        flagged = now.flag if flag is None else flag
        if now.revision and (now.label, now.flag) == (wanted, flagged):
            found = Revised(annotation_id, now.revision, "repeated")
        else:
            found = concord.revise(annotation_id, now.revision + 1, wanted, flag=flagged)
    session.told(found, lambda: click.echo(f"{found.status}: revision {found.revision}"))


@verb.command("skip")
@click.argument("assignment_id")
@click.argument("reason")
@click.option(
    "--code",
    type=click.Choice(["guideline_unclear", "payload_broken", "language", "knowledge", "harm", "other"]),
    default="other",
    show_default=True,
    help="What kind of reason: the first two are told to those who can put it right.",
)
@speaks
def skip(session: Session, assignment_id: str, reason: str, code: str) -> None:
    """Pass ASSIGNMENT_ID over, with the REASON."""
    with session.client() as concord:
        found = concord.skip(assignment_id, reason, code)
    session.told(found, lambda: click.echo(found.status))


@verb.command("all")
@click.argument("project_id")
@click.option("--wait", default=0, type=click.IntRange(0, WAIT_SECONDS_MAX), help="Seconds to wait for more work.")
@click.option("--labels", type=click.IntRange(min=1), help="Stop after so many.")
@BY
@speaks
def everything(session: Session, project_id: str, wait: int, labels: int | None, program: str | None) -> None:
    """Label one unit of PROJECT_ID after the other: each is shown, and your label is read; an empty line ends it.

    With --by a command labels in place of you, until nothing is left; it may be a model.
    """
    given = 0
    with session.client() as concord:
        found = concord.claim(project_id, wait_seconds=wait)
        while found.assignments and (labels is None or given < labels):
            assignment = found.assignments[0]
            began = time.monotonic()
            label = _label_of(concord, assignment, program)
            if label is None:
                click.echo(f"{assignment.unit_id} is yours until {assignment.lease_until}", err=True)
                break
            active_ms = round((time.monotonic() - began) * MS)
            submitted = concord.submit(assignment.assignment_id, label, active_ms=active_ms)
            given += submitted.status == "accepted"
            if labels is None or given < labels:
                found = concord.claim(project_id, wait_seconds=wait)
        if not found.assignments:
            click.echo(found.reason, err=True)
    session.told({"accepted": given}, lambda: click.echo(f"{given} labels accepted"))


def _label_of(concord: Concord, assignment: Assignment, program: str | None) -> Json:
    content = concord.payload(assignment.payload_url)
    if program is not None:
        return answer_of(program, content)
    click.echo(text_of(content))
    classes = assignment.label_schema.get("classes")
    choice = ", ".join(map(str, classes)) if classes else f"{assignment.label_schema.get('kind')}, as JSON"
    text: str = click.prompt(f"label ({choice})", default="", show_default=False, err=True)
    return json_of(text, "label") if text else None


@verb.command("missed")
@click.argument("project_id")
@speaks
def missed(session: Session, project_id: str) -> None:
    """Show what you got wrong in PROJECT_ID, with the right answers, after you failed to qualify."""
    with session.client() as concord:
        found = concord.retraining(project_id)
        contents = [concord.payload(unit.payload_url) for unit in found.units]
    both = list(zip(found.units, contents, strict=True))
    rows = [
        (
            missed_unit.unit_id,
            missed_unit.known_label,
            missed_unit.given_label,
            missed_unit.appeal,
            missed_unit.reason,
            entry,
        )
        for missed_unit, entry in both
    ]
    entries = [
        {
            "unit_id": missed_unit.unit_id,
            "known_label": missed_unit.known_label,
            "given_label": missed_unit.given_label,
            "appeal": missed_unit.appeal,
            "reason": missed_unit.reason,
            "content": entry,
        }
        for missed_unit, entry in both
    ]
    session.each(entries, lambda: show_table(("unit", "right", "you said", "appeal", "why", "content"), rows))


@verb.command("appeal")
@click.argument("project_id")
@click.argument("unit_id")
@click.option("--reason", required=True, help="Why you were right; an adjudicator reads it.")
@speaks
def appeal(session: Session, project_id: str, unit_id: str, reason: str) -> None:
    """Say that you were right on UNIT_ID, of those that `missed` shows."""
    with session.client() as concord:
        found = concord.appeal_gold(project_id, unit_id, reason)
    session.told(found, lambda: click.echo(found.appeal))


@verb.command("appeals")
@click.argument("project_id")
@speaks
def appeals(session: Session, project_id: str) -> None:
    """Show what became of your appeals in PROJECT_ID, whether you have tried again since or not."""
    with session.client() as concord:
        found = concord.own_gold_appeals(project_id)
    heads = ("unit", "appeal", "right", "you said", "why", "appealed")
    rows = [
        (entry.unit_id, entry.appeal, entry.known_label, entry.said, entry.reason, entry.appealed_at)
        for entry in found.appeals
    ]
    session.told(found, lambda: show_table(heads, rows))


@verb.command("again")
@click.argument("project_id")
@speaks
def again(session: Session, project_id: str) -> None:
    """Say that you have looked at all that `missed` shows, and try again to qualify for PROJECT_ID."""
    with session.client() as concord:
        attempt = concord.retraining(project_id).attempt
        found = concord.finish_retraining(project_id, attempt)
    session.told(found, lambda: click.echo("you may try again"))


for own in (own_quality.verb, own_conduct.verb, own_conduct.appeal):
    verb.add_command(own)
