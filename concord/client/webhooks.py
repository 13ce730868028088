"""Webhooks of a project, and what became of what they were to be told; docs/webhooks.md says what comes."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from concord.client.asking import got, path_of, query_of, sent
from concord.client.steps import Flow

PATH = "/v1/projects/{project}/webhooks"
ONE = PATH + "/{webhook}"
PAGE = 500
"""As many as a service sends at once."""


class Webhook(Struct, frozen=True, omit_defaults=True):
    """A webhook; `secret` is there when it was just made, and never again."""

    webhook_id: str
    url: str
    events: list[str]
    registered_at: str
    secret: str | None = None
    secret_before_until: str | None = None
    left_out_at: str | None = None


class WebhookList(Struct, frozen=True):
    """A project's webhooks."""

    webhooks: list[Webhook]


class Delivery(Struct, frozen=True):
    """What one event's delivery came to: waiting, delivered, dead or dropped."""

    delivery_id: str
    event_type: str
    status: str
    made_at: str
    attempts: int
    last_at: str | None
    last: str
    next_at: str | None


class DeliveryPage(Struct, frozen=True):
    """Some deliveries that wait or are dead."""

    deliveries: list[Delivery]
    next: str | None


def webhooks(project_id: str) -> Flow[list[Webhook]]:
    """Return a project's webhooks, without their secrets."""
    found = yield from got(WebhookList, "audit", path_of(PATH, project=project_id))
    return found.webhooks


def add_webhook(project_id: str, url: str, events: Sequence[str] = ()) -> Flow[Webhook]:
    """Register a webhook, and return it with its secret, which is told here and never again.

    An address is registered once: where the answer was lost on the way, the second try raises Conflict; make it a new
    secret then by `rotate_webhook`.

    Args:
        project_id: whose events.
        url: where they are sent: https, port 443, of the public internet.
        events: their types; all if there are none.
    """
    body: dict[str, Any] = {"url": url} | ({"events": list(events)} if events else {})
    return sent(Webhook, "audit", "POST", path_of(PATH, project=project_id), body)


def change_webhook(project_id: str, webhook_id: str, *, url: str = "", events: Sequence[str] = ()) -> Flow[Webhook]:
    """Give a webhook another address, or have it told of other events; what is left out stays."""
    body: dict[str, Any] = ({"url": url} if url else {}) | ({"events": list(events)} if events else {})
    return sent(Webhook, "audit", "PATCH", path_of(ONE, project=project_id, webhook=webhook_id), body)


def remove_webhook(project_id: str, webhook_id: str) -> Flow[Webhook]:
    """Remove a webhook; what waits for it, and its dead letters, are given up."""
    return sent(Webhook, "audit", "DELETE", path_of(ONE, project=project_id, webhook=webhook_id))


def rotate_webhook(project_id: str, webhook_id: str) -> Flow[Webhook]:
    """Make a webhook a new secret, told here and never again; the one before signs, too, for a day."""
    return sent(Webhook, "audit", "POST", path_of(ONE + "/rotation", project=project_id, webhook=webhook_id))


def try_webhook(project_id: str, webhook_id: str) -> Flow[Delivery]:
    """Have a `webhook.test` sent to a webhook."""
    return sent(Delivery, "audit", "POST", path_of(ONE + "/test", project=project_id, webhook=webhook_id))


def deliveries(project_id: str, webhook_id: str, *, status: str = "") -> Flow[list[Delivery]]:
    """Return deliveries that wait, and dead letters, by id; `status`: only `waiting`, or only `dead`."""
    path = path_of(ONE + "/deliveries", project=project_id, webhook=webhook_id)
    found: list[Delivery] = []
    after = ""
    while True:
        page = yield from got(DeliveryPage, "audit", path, query_of(limit=PAGE, status=status, after=after))
        found += page.deliveries
        if page.next is None:
            return found
        after = page.next


def delivery(project_id: str, webhook_id: str, delivery_id: str) -> Flow[Delivery]:
    """Return a delivery, whatever became of it."""
    path = path_of(ONE + "/deliveries/{one}", project=project_id, webhook=webhook_id, one=delivery_id)
    return got(Delivery, "audit", path)


def resend_delivery(project_id: str, webhook_id: str, delivery_id: str) -> Flow[Delivery]:
    """Have a dead letter sent once more, under the same id."""
    path = path_of(ONE + "/deliveries/{one}/resend", project=project_id, webhook=webhook_id, one=delivery_id)
    return sent(Delivery, "audit", "POST", path)
