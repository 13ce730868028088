"""What a client may do: register endpoints, change and remove them, renew secrets, try them, send letters again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from concord.chassis.journal.record import Cause, Decision
from concord.contracts.ids import placed_id
from services.audit.domain.addresses import check_url
from services.audit.domain.delivery import OPEN_MAX, DeliveryDoesNotExist, DeliveryState, TooManyOpen, sent_again
from services.audit.domain.endpoint import TEST, Endpoint, EndpointsState, rotated, secret_of
from services.audit.webhooks.book import DELIVERY, ENDPOINTS, delivery_key, endpoints_key
from services.audit.webhooks.means import HookMeans
from services.audit.webhooks.telling import Made, Notice, made

ID_BYTES = 13
SALT_BYTES = 24


@dataclass(frozen=True, slots=True)
class Registering:
    """The use cases of clients; whose project it is was seen to at the door."""

    means: HookMeans

    async def endpoints(self, project_id: str) -> EndpointsState:
        """Return a project's endpoints."""
        return await self.means.book.endpoints(project_id)

    async def register(self, project_id: str, url: str, events: Sequence[str]) -> tuple[Endpoint, str]:
        """Register an endpoint; return it and its secret, which nobody is told again.

        Raises:
            UrlRefused, UrlTaken, TooManyEndpoints: see there.
        """
        check_url(url, inside=self.means.inside)
        endpoint_id = placed_id("w", project_id, self._random(ID_BYTES))
        salt = self._random(SALT_BYTES)

        def registered(state: EndpointsState, now_us: int) -> EndpointsState:
            return state.registered(Endpoint(endpoint_id, url, tuple(events), salt, now_us))

        state = await self._decide(project_id, registered)
        return state.endpoint(endpoint_id), secret_of(self.means.secret, endpoint_id, salt)

    async def change(
        self, project_id: str, endpoint_id: str, url: str | None, events: Sequence[str] | None
    ) -> Endpoint:
        """Change where an endpoint is or what it is told; what waits goes to the new address.

        Raises:
            EndpointDoesNotExist, UrlRefused, UrlTaken: see there.
        """
        if url is not None:
            check_url(url, inside=self.means.inside)

        def changed(state: EndpointsState, now_us: int) -> EndpointsState:
            del now_us
            before = state.endpoint(endpoint_id)
            wanted = before.events if events is None else tuple(events)
            return state.changed(msgspec.structs.replace(before, url=before.url if url is None else url, events=wanted))

        return (await self._decide(project_id, changed)).endpoint(endpoint_id)

    async def remove(self, project_id: str, endpoint_id: str) -> Endpoint:
        """Remove an endpoint; what waits for it, and its dead letters, are given up. Return it as it was.

        Raises:
            EndpointDoesNotExist: see there.
        """
        gone: list[Endpoint] = []

        def removed(state: EndpointsState, now_us: int) -> EndpointsState:
            del now_us
            gone[:] = [state.endpoint(endpoint_id)]
            return state.removed(endpoint_id)

        await self._decide(project_id, removed)
        return gone[0]

    async def rotate(self, project_id: str, endpoint_id: str) -> tuple[Endpoint, str]:
        """Make an endpoint a new secret, which nobody is told again; the one before signs, too, for a day.

        Raises:
            EndpointDoesNotExist: see there.
        """
        salt = self._random(SALT_BYTES)

        def anew(state: EndpointsState, now_us: int) -> EndpointsState:
            return state.changed(rotated(state.endpoint(endpoint_id), salt, now_us))

        endpoint = (await self._decide(project_id, anew)).endpoint(endpoint_id)
        return endpoint, secret_of(self.means.secret, endpoint_id, salt)

    async def attempt(self, project_id: str, endpoint_id: str) -> DeliveryState:
        """Have something sent to an endpoint for a try, whatever types of events it asked for.

        Raises:
            EndpointDoesNotExist, TooManyOpen: see there.
        """
        (await self.endpoints(project_id)).endpoint(endpoint_id)
        hooks = self.means.book.hooks(project_id)
        if hooks is not None and len(hooks.queue(endpoint_id).open) >= OPEN_MAX:
            raise TooManyOpen(f"{OPEN_MAX} deliveries of webhook {endpoint_id} wait or are dead; it takes no more.")
        now_us = self.means.clock.now_us()
        notice = Notice(TEST, TEST, {"webhook_id": endpoint_id})
        cause = made(Made(self._random(ID_BYTES), project_id, now_us, notice), endpoint_id, now_us)
        outcome = await self.means.journal.decide(DELIVERY, cause)
        assert outcome.state is not None, "a new delivery has a state"
        return outcome.state

    async def listed(
        self, project_id: str, endpoint_id: str, status: str | None, after: str, limit: int
    ) -> tuple[list[DeliveryState], str | None]:
        """Return deliveries of an endpoint that wait or are dead, by id, and where the rest begins.

        Raises:
            EndpointDoesNotExist: see there.
        """
        (await self.endpoints(project_id)).endpoint(endpoint_id)
        hooks = self.means.book.hooks(project_id)
        known = hooks.queue(endpoint_id).open if hooks is not None else {}
        found = sorted(
            delivery_id
            for delivery_id, state in known.items()
            if delivery_id > after and status in (None, state.status)
        )
        page = [known[delivery_id] for delivery_id in found[:limit]]
        return page, found[limit - 1] if len(found) > limit else None

    async def delivery(self, project_id: str, endpoint_id: str, delivery_id: str) -> DeliveryState:
        """Return a delivery of an endpoint, whatever became of it.

        Raises:
            EndpointDoesNotExist, DeliveryDoesNotExist: see there.
        """
        (await self.endpoints(project_id)).endpoint(endpoint_id)
        state = await self.means.book.delivery(delivery_id)
        if state is None or (state.project_id, state.endpoint_id) != (project_id, endpoint_id):
            raise DeliveryDoesNotExist(f"There is no delivery {delivery_id} of webhook {endpoint_id}.")
        return state

    async def send_again(self, project_id: str, endpoint_id: str, delivery_id: str) -> DeliveryState:
        """Have a dead letter sent again, under the same id.

        Raises:
            EndpointDoesNotExist, DeliveryDoesNotExist, NotDead: see there.
        """
        dead = await self.delivery(project_id, endpoint_id, delivery_id)

        def decide(state: DeliveryState | None, now_us: int) -> Decision[DeliveryState] | None:
            return None if state is None else Decision(sent_again(state, now_us))

        cause: Cause[DeliveryState] = Cause(delivery_key(delivery_id), f"again/{dead.again + 1}", decide)
        outcome = await self.means.journal.decide(DELIVERY, cause)
        assert outcome.state is not None, "it was there"
        return outcome.state

    async def _decide(self, project_id: str, change: Callable[[EndpointsState, int], EndpointsState]) -> EndpointsState:
        def decide(state: EndpointsState | None, now_us: int) -> Decision[EndpointsState]:
            return Decision(change(state or EndpointsState(project_id), now_us))

        # Every call is a cause of its own: a secret that was made anew twice is another one.
        cause: Cause[EndpointsState] = Cause(endpoints_key(project_id), f"asked/{self._random(ID_BYTES)}", decide)
        outcome = await self.means.journal.decide(ENDPOINTS, cause)
        assert outcome.state is not None, "it was just decided"
        return outcome.state

    def _random(self, count: int) -> str:
        return self.means.random(count).hex()
