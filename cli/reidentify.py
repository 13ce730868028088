"""`concord reidentify`: who is behind what was replaced in a unit, as the one who answers for privacy."""

import sys

import click

from cli.session import Session, show_table, speaks
from concord.client.privacy import Reidentified


@click.group("reidentify")
def verb() -> None:
    """Say who is behind what was replaced in a unit; each answer is told in the unit's lineage, with your reason."""


@verb.command("compare")
@click.argument("unit_id")
@click.option("--kind", required=True, help="Of personal data: email, phone, name, …")
@click.option("--reason", required=True, help="Is kept for ever; it names nobody.")
@speaks
def compare(session: Session, unit_id: str, kind: str, reason: str) -> None:
    """Say which values are behind pseudonyms of UNIT_ID: 20 at most, read a line each, so that no shell keeps them."""
    if sys.stdin.isatty():
        click.echo(f"values of kind {kind}, a line each; end with Ctrl-D", err=True)
    values = [line.strip() for line in click.get_text_stream("stdin") if line.strip()]
    if not values:
        raise click.UsageError("send at least one value, a line each")
    with session.client() as concord:
        found = concord.compare_values(unit_id, reason, [(kind, value) for value in values])
    session.told(found, lambda: _show_compared(found))


@verb.command("originals")
@click.argument("unit_id")
@click.option("--reason", required=True, help="Is kept for ever; it names nobody.")
@speaks
def originals(session: Session, unit_id: str, reason: str) -> None:
    """Show what had been replaced in UNIT_ID, where its project says `reidentification: sealed`."""
    with session.client() as concord:
        found = concord.original_values(unit_id, reason)
    session.told(
        found, lambda: show_table(("kind", "value"), [(original.kind, original.value) for original in found.originals])
    )


def _show_compared(found: Reidentified) -> None:
    rows = [
        (
            number,
            "yes" if compared_value.matches else "no",
            compared_value.pseudonym,
            compared_value.times,
            compared_value.of,
            compared_value.in_clear,
        )
        for number, compared_value in enumerate(found.compared, start=1)
    ]
    show_table(("line", "behind one", "pseudonym", "times", "pseudonyms of this kind", "times in the clear"), rows)
    if not any(compared_value.of for compared_value in found.compared):
        click.echo("No pseudonym of this kind is in the unit: masks are all alike, and none can be compared.", err=True)
    unreplaced = sorted({compared_value.kind for compared_value in found.compared} - set(found.replaces))
    if unreplaced:
        click.echo(
            f"The unit's project does not replace {', '.join(unreplaced)} now (policy.privacy.treatments), so 'no' "
            "says nothing of what stands in the clear: see the last column, and its content in the export with data.",
            err=True,
        )
