"""`concord spending`: what labels were spent on, what they saved, and what they were expected to be worth."""

import click

from cli.session import Session, show_table, speaks
from concord.client.ledger import Known, LabelLedger
from concord.client.models import Spending


@click.command("spending")
@click.argument("project_id")
@speaks
def verb(session: Session, project_id: str) -> None:
    """Show what the labels of PROJECT_ID were spent on and saved, and what they were expected to be worth and were."""
    with session.client() as concord:
        found = concord.spending(project_id)
    session.told(found, lambda: _show(found))


def _show(found: Spending) -> None:
    share = "" if found.saved_share is None else f", {found.saved_share:.1%} fewer than the most there may be"
    click.echo(f"{found.units} units took {found.labels} labels{share}")
    show_table(
        ("why no more", "units", "labels", "saved"),
        [(reason.reason, reason.units, reason.labels, reason.labels_saved) for reason in found.reasons],
    )
    if found.ledger is not None:
        for line in _lines(found.ledger):
            click.echo(line)


def _lines(ledger: LabelLedger) -> list[str]:
    lines = [f"sure of their labels on average: {shown(ledger.certainty, '.1%')}"]
    if ledger.fixed_overlap.value is None:
        lines.append("no fixed overlap of up to 20 labels makes average annotators as sure")
    else:
        lines.append(f"as sure by a fixed overlap: {shown(ledger.fixed_overlap, '.2f')} labels a unit")
        lines.append(f"saved against that: {shown(ledger.saved_at_fixed, '.0f')} labels")
    if ledger.units_bought:
        lines.append(
            f"{ledger.units_bought} units were given more by price: worth {ledger.real_gain:.1f} labels, "
            f"{ledger.expected_gain:.1f} expected; a unit {shown(ledger.gain_over_expected, '+.2f')}"
        )
    return lines


def shown(known: Known, form: str) -> str:
    """Return a mean with its interval, as far as there is one.

    >>> shown(Known(2.5, 2.0, None), ".1f"), shown(Known(None, None, None), ".1f")
    ('2.5 (2.0 to more)', 'not known')
    """
    if known.value is None:
        return "not known"
    if known.low is None:
        return f"{known.value:{form}}"
    return f"{known.value:{form}} ({known.low:{form}} to {'more' if known.high is None else format(known.high, form)})"
