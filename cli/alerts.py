"""`concord alerts`: what is broken now, in whichever project, and since when."""

import click

from cli.annotators import beside, interval
from cli.session import Session, show_table, speaks
from concord.client.alerts import Alert


@click.command("alerts")
@click.option("--project", "project_id", default="", help="Only those of this project.")
@speaks
def verb(session: Session, project_id: str) -> None:
    """List what is broken now in all your projects, the longest first: promises missed, and drift."""
    with session.client() as concord:
        found = concord.alerts(project_id)
    rows = [(alert.since, alert.project_id, alert.target, *_against(alert)) for alert in found]
    session.each(found, lambda: show_table(("since", "project", "what", "is", "is to be"), rows))


def _against(alert: Alert) -> tuple[str, str]:
    """Return what it is and what it is to be, as they are shown beside each other."""
    if alert.found is None or alert.limit is None:
        return "" if alert.found is None else interval(alert.found), "" if alert.limit is None else f"{alert.limit:g}"
    return beside(alert.found, alert.limit)
