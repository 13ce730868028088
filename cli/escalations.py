"""`concord escalations`: closing those that need no ruling."""

import click

from cli.session import Session, speaks


@click.group("escalations")
def verb() -> None:
    """Close escalations that are sure enough."""


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
