"""`concord escalations`: closing those that need no ruling, and how far rulings agree."""

import click

from cli.session import Session, show_table, speaks


@click.group("escalations")
def verb() -> None:
    """Close escalations that are sure enough; see how far rulings agree."""


@verb.command("close")
@click.argument("project_id")
@click.option("--above", required=True, type=click.FloatRange(0.5, 1), help="The confidence from which on they are.")
@click.option("--reason", required=True, help="Why they need no ruling; is kept, and told with each.")
@click.option("--dry-run", is_flag=True, help="Only tell how many, and how many errors are to be expected.")
@speaks
def close(session: Session, project_id: str, above: float, reason: str, dry_run: bool) -> None:
    """Settle escalations of PROJECT_ID on their leading labels; what was flagged waits for a ruling."""
    with session.client() as concord:
        found = concord.close_escalations(project_id, above, reason, dry_run=dry_run)

    def told() -> None:
        errors = "" if found.expected_errors is None else f"; {found.expected_errors:.1f} wrong are to be expected"
        left = f"; {found.left} more are left for another call" if found.left else ""
        click.echo(f"{found.units} {'would be' if dry_run else 'are'} closed{errors}{left}")

    session.told(found, told)


@verb.command("bars")
@click.argument("project_id")
@speaks
def bars(session: Session, project_id: str) -> None:
    """Show how many escalations of PROJECT_ID closing would settle, and the errors to be expected, bar by bar."""
    with session.client() as concord:
        found = concord.closing_bars(project_id)
    rows = [
        (f"{bar.above:g}", bar.units, "not known" if bar.expected_errors is None else f"{bar.expected_errors:.1f}")
        for bar in found.bars
    ]

    def told() -> None:
        click.echo(f"{found.waiting} wait for a ruling")
        show_table(("above", "would close", "wrong, expected"), rows)
        if any(bar.expected_errors is None for bar in found.bars):
            click.echo("not known: by majority a confidence is a share of annotators, and no chance")

    session.told(found, told)


@verb.command("agreement")
@click.argument("project_id")
@speaks
def agreement(session: Session, project_id: str) -> None:
    """Show how far adjudicators of PROJECT_ID agree, by rulings that a second one gave blind, and where they do not."""
    with session.client() as concord:
        found = concord.ruling_agreement(project_id)

    def told() -> None:
        share = "" if found.agreement is None else f": {found.agreement:.1%} ({found.low:.1%} to {found.high:.1%})"
        click.echo(f"{found.same} of {found.made} rulings were given alike by two{share}; {found.waiting} wait")
        rows = [
            (
                difference.unit_id,
                difference.first.label,
                difference.first.reason,
                difference.second.label,
                difference.second.reason,
            )
            for difference in found.differences
        ]
        if rows:
            show_table(("unit", "stands", "why", "second", "why"), rows)

    session.told(found, told)
