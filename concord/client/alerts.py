"""What is broken now in the caller's projects, and since when."""

from msgspec import Struct

from concord.client.asking import got, query_of
from concord.client.models import Estimate
from concord.client.steps import Flow

PAGE = 500
"""As many as a service sends at once."""


class Alert(Struct, frozen=True):
    """A promise that is missed, with its limit and what it is, or a drift (`drift/` and what has moved)."""

    project_id: str
    target: str
    limit: float | None
    found: Estimate | None
    since: str


class AlertPage(Struct, frozen=True):
    """Some alerts, the longest first."""

    alerts: list[Alert]
    next: str


def alerts(project_id: str = "") -> Flow[list[Alert]]:
    """Return what is broken now in all of the caller's projects, or in one, what has been for longest first."""
    found: list[Alert] = []
    cursor = ""
    while True:
        query = query_of(limit=PAGE, cursor=cursor, project_id=project_id)
        page = yield from got(AlertPage, "metrics", "/v1/alerts", query)
        found += page.alerts
        cursor = page.next
        if not cursor:
            return found
