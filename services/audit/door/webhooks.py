"""Webhooks of a project, and what became of their deliveries."""

from typing import Annotated

from fastapi import Query, Request, Response

from concord.chassis.http import AnyId, Limit, json_answer, page_size, read_json
from concord.chassis.identity import Caller, Role, require
from concord.chassis.projects import visible
from services.audit.domain.delivery import DeliveryState
from services.audit.domain.endpoint import Endpoint
from services.audit.domain.times import timestamp
from services.audit.door.means import ClientOrOperator, Door, door_of
from services.audit.schemas import (
    WEBHOOK_CHANGE,
    WEBHOOK_WISH,
    DeliveryBody,
    DeliveryList,
    WebhookBody,
    WebhookList,
)

Client = Annotated[Caller, require(Role.CLIENT)]
Status = Annotated[str | None, Query(pattern="^(waiting|dead)$", description="`waiting` or `dead`; both if left out.")]


async def register(request: Request, project_id: AnyId, caller: Client) -> Response:
    """Register a webhook; its secret is in this answer and in none after it."""
    door = _door(request, project_id, caller)
    wish = await read_json(request, WEBHOOK_WISH)
    endpoint, secret = await door.webhooks.registering.register(project_id, wish.url, _once(wish.events))
    return json_answer(_shown(door, endpoint, secret), 201)


async def list_webhooks(request: Request, project_id: AnyId, caller: ClientOrOperator) -> Response:
    """List a project's webhooks, without their secrets."""
    door = _door(request, project_id, caller)
    state = await door.webhooks.registering.endpoints(project_id)
    return json_answer(WebhookList([_shown(door, endpoint) for endpoint in state.endpoints]))


async def change(request: Request, project_id: AnyId, webhook_id: AnyId, caller: Client) -> Response:
    """Change a webhook's address, or what it is told; what waits goes to the new address."""
    door = _door(request, project_id, caller)
    wish = await read_json(request, WEBHOOK_CHANGE)
    events = None if wish.events is None else _once(wish.events)
    return json_answer(_shown(door, await door.webhooks.registering.change(project_id, webhook_id, wish.url, events)))


async def remove(request: Request, project_id: AnyId, webhook_id: AnyId, caller: Client) -> Response:
    """Remove a webhook; what waits for it, and its dead letters, are given up."""
    door = _door(request, project_id, caller)
    return json_answer(_shown(door, await door.webhooks.registering.remove(project_id, webhook_id)))


async def rotate(request: Request, project_id: AnyId, webhook_id: AnyId, caller: Client) -> Response:
    """Make a webhook a new secret, told here and never again; for a day both sign."""
    door = _door(request, project_id, caller)
    endpoint, secret = await door.webhooks.registering.rotate(project_id, webhook_id)
    return json_answer(_shown(door, endpoint, secret))


async def attempt(request: Request, project_id: AnyId, webhook_id: AnyId, caller: Client) -> Response:
    """Have a `webhook.test` sent to a webhook."""
    door = _door(request, project_id, caller)
    return json_answer(_delivery(await door.webhooks.registering.attempt(project_id, webhook_id)), 202)


async def list_deliveries(
    request: Request,
    project_id: AnyId,
    webhook_id: AnyId,
    caller: ClientOrOperator,
    status: Status = None,
    limit: Limit = None,
    after: str = "",
) -> Response:
    """List deliveries that wait, and dead letters, by id, a page at a time; `after` is the page's `next`."""
    door = _door(request, project_id, caller)
    found, rest = await door.webhooks.registering.listed(project_id, webhook_id, status, after, page_size(limit))
    return json_answer(DeliveryList([_delivery(delivery) for delivery in found], rest))


async def show_delivery(
    request: Request, project_id: AnyId, webhook_id: AnyId, delivery_id: AnyId, caller: ClientOrOperator
) -> Response:
    """Show what became of a delivery."""
    door = _door(request, project_id, caller)
    return json_answer(_delivery(await door.webhooks.registering.delivery(project_id, webhook_id, delivery_id)))


async def send_again(
    request: Request, project_id: AnyId, webhook_id: AnyId, delivery_id: AnyId, caller: Client
) -> Response:
    """Have a dead letter sent again, under the same id."""
    door = _door(request, project_id, caller)
    state = await door.webhooks.registering.send_again(project_id, webhook_id, delivery_id)
    return json_answer(_delivery(state), 202)


def _door(request: Request, project_id: str, caller: Caller) -> Door:
    """Return what the routes reach, if the caller may see the project.

    Raises:
        NotFound: see `visible`.
    """
    door = door_of(request)
    visible(door.handlers.means.projects, project_id, caller)
    return door


def _once(events: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(events))


def _shown(door: Door, endpoint: Endpoint, secret: str | None = None) -> WebhookBody:
    both = len(endpoint.salts(door.handlers.means.clock.now_us())) > 1
    return WebhookBody(
        endpoint.endpoint_id,
        endpoint.url,
        endpoint.events,
        timestamp(endpoint.registered_at_us),
        secret,
        timestamp(endpoint.before_until_us) if both else None,
        timestamp(endpoint.left_out_at_us) if endpoint.left_out_at_us else None,
    )


def _delivery(state: DeliveryState) -> DeliveryBody:
    return DeliveryBody(
        state.delivery_id,
        state.event_type,
        state.status,
        timestamp(state.made_at_us),
        state.attempts,
        timestamp(state.last_at_us) if state.last_at_us else None,
        state.last,
        timestamp(state.next_at_us) if state.is_open else None,
    )
