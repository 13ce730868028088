"""`concord adjudicate`: what annotators disagree in, and rulings."""

import click

from cli.session import Session, json_of, show_table, speaks


@click.group("adjudicate")
def verb() -> None:
    """Rule what annotators disagree in, as an adjudicator."""


@verb.command("list")
@click.argument("project_id", default="")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 500))
@speaks
def listed(session: Session, project_id: str, limit: int) -> None:
    """List what waits for your ruling, most to be gained first, with what each unit says and both sides."""
    with session.client() as concord:
        found = [(one, concord.payload(one.payload_url)) for one in concord.escalations(project_id, limit=limit)]
    rows = [
        (one.unit_id, one.reason, "; ".join(f"{side.label} ×{side.annotations}" for side in one.sides), content)
        for one, content in found
    ]
    told = [
        {
            "unit_id": one.unit_id,
            "project_id": one.project_id,
            "reason": one.reason,
            "sides": one.sides,
            "content": content,
        }
        for one, content in found
    ]
    session.each(told, lambda: show_table(("unit", "why", "sides", "content"), rows))


@verb.command("rule")
@click.argument("unit_id")
@click.argument("label", required=False)
@click.option("--reason", required=True, help="Is kept with the ruling, and told with it.")
@click.option("--unanswerable", is_flag=True, help="No label is right for it, whatever one knows: it is settled so.")
@click.option("--unclear", is_flag=True, help="The guideline does not say: it waits until that is answered.")
@speaks
def rule(session: Session, unit_id: str, label: str | None, reason: str, unanswerable: bool, unclear: bool) -> None:
    """Rule UNIT_ID to be LABEL: JSON, a file of it after an @, or a plain text. The ruling is binding."""
    if sum((label is not None, unanswerable, unclear)) != 1:
        raise click.UsageError("give a LABEL, or --unanswerable, or --unclear")
    with session.client() as concord:
        if unanswerable:
            found = concord.rule_unanswerable(unit_id, reason)
        elif unclear:
            found = concord.rule_unclear(unit_id, reason)
        else:
            found = concord.rule(unit_id, json_of(str(label), "label"), reason)
    session.told(found, lambda: click.echo(found.status))
