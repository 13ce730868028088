"""`concord adjudicate`: what annotators disagree in, and rulings."""

import json

import click

from cli.session import Session, json_of, show_table, speaks, text_of


@click.group("adjudicate")
def verb() -> None:
    """Rule what annotators disagree in, as an adjudicator."""


@verb.command("list")
@click.argument("project_id", default="")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 500), help="So many at most.")
@speaks
def listed(session: Session, project_id: str, limit: int) -> None:
    """List what waits for your ruling, most to be gained first, with what each unit says and both sides."""
    with session.client() as concord:
        found = [
            (escalation, concord.payload(escalation.payload_url))
            for escalation in concord.escalations(project_id, limit=limit)
        ]
    rows = [
        (
            escalation.unit_id,
            escalation.reason,
            "; ".join(f"{text_of(side.label)} ×{side.annotations}" for side in escalation.sides),
            content,
        )
        for escalation, content in found
    ]
    entries = [
        {
            "unit_id": escalation.unit_id,
            "project_id": escalation.project_id,
            "reason": escalation.reason,
            "sides": escalation.sides,
            "content": content,
        }
        for escalation, content in found
    ]
    session.each(entries, lambda: show_table(("unit", "why", "sides", "content"), rows))


@verb.command("objects")
@click.argument("unit_id")
@speaks
def objects(session: Session, unit_id: str) -> None:
    """List the spans, boxes or polygons on UNIT_ID, object by object: how many drew each, and whether it stands."""
    with session.client() as concord:
        found = concord.escalated_objects(unit_id)
    rows = [
        (
            object_.object_id,
            object_.field,
            object_.stands,
            f"{object_.annotations} of {object_.of}",
            json.dumps(object_.region),
        )
        for object_ in found.objects
    ]
    session.each(found.objects, lambda: show_table(("object", "field", "stands", "drawn by", "as"), rows))


@verb.command("rule")
@click.argument("unit_id")
@click.argument("label", required=False)
@click.option("--objects", "by_object", is_flag=True, help="Of its drawn objects those that the quorum is for.")
@click.option("--take", multiple=True, metavar="OBJECT", help="And this one. May be repeated.")
@click.option("--drop", multiple=True, metavar="OBJECT", help="But not this one. May be repeated.")
@click.option("--reason", required=True, help="Is kept with the ruling, and told with it.")
@click.option("--unanswerable", is_flag=True, help="No label is right for it, whatever one knows: it is settled so.")
@click.option("--unclear", is_flag=True, help="The guideline does not say: it waits until that is answered.")
@click.option(
    "--back",
    type=click.Choice(["same", "others"]),
    help="No ruling yet: it goes back to who labelled it, or to others.",
)
@speaks
def rule(
    session: Session,
    unit_id: str,
    label: str | None,
    by_object: bool,
    take: tuple[str, ...],
    drop: tuple[str, ...],
    reason: str,
    unanswerable: bool,
    unclear: bool,
    back: str | None,
) -> None:
    """Rule UNIT_ID to be LABEL: JSON, a file of it after an @, or a plain text. The ruling is binding.

    With --back its labels are set aside, and the reason is shown to who is given it next, twice at most.

    With --objects the label is made of what is drawn on it: see `concord adjudicate objects`. Of a form, LABEL is then
    the answers to its other fields.
    """
    by_object = by_object or bool(take or drop)
    if sum((label is not None or by_object, unanswerable, unclear, back is not None)) != 1:
        raise click.UsageError("give a LABEL, or --objects, or --unanswerable, or --unclear, or --back")
    with session.client() as concord:
        if unanswerable:
            found = concord.rule_unanswerable(unit_id, reason)
        elif unclear:
            found = concord.rule_unclear(unit_id, reason)
        elif back is not None:
            found = concord.refer_back(unit_id, reason, to="same" if back == "same" else "others")
        elif by_object:
            answers = None if label is None else json_of(label, "label")
            try:
                composed = concord.escalated_objects(unit_id).composed(take=take, drop=drop, answers=answers)
            except ValueError as fault:
                raise click.UsageError(str(fault)) from fault
            found = concord.rule(unit_id, composed, reason)
        else:
            found = concord.rule(unit_id, json_of(str(label), "label"), reason)
    session.told(found, lambda: click.echo(found.status))
