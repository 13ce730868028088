"""What is told: a delivery of an event for each endpoint that asked for its type, once, however often it is heard."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import msgspec
from google.protobuf.message import Message

from concord.chassis.consumer import Delivery
from concord.chassis.journal.record import Cause, Decision
from concord.contracts.ids import event_id, placed_id
from concord.contracts.topics import LOTS, QUALITY, UNITS, Topic
from concord.contracts.v1.lots_pb2 import LotAccepted, LotEvent, LotRejected
from concord.contracts.v1.quality_pb2 import QualityEvent, TargetBreached, TargetRecovered
from concord.contracts.v1.units_pb2 import UnitEvent
from services.audit.domain.delivery import OPEN_MAX, DeliveryState
from services.audit.domain.endpoint import (
    CERTIFICATE_ISSUED,
    LABEL_ERROR_FOUND,
    LOT_ACCEPTED,
    LOT_CORRECTED,
    LOT_HELD,
    LOT_REJECTED,
    MICROSECONDS,
    RADIUS_FOUND,
    RECHECK_CONCLUDED,
    TARGET_BREACHED,
    TARGET_RECOVERED,
    UNIT_ERASED,
    UNIT_REIDENTIFIED,
    Endpoint,
    EndpointsState,
)
from services.audit.domain.times import timestamp
from services.audit.webhooks.book import DELIVERY, ENDPOINTS, Hooks, delivery_key, endpoints_key
from services.audit.webhooks.means import HookMeans

CLOCKS_DIFFER_SECONDS = 300
"""How far an event's time may lie before the time when an endpoint was registered and still be told to it."""
AT_ONCE = 200
"""Deliveries that are made in one go."""
HOUR_US = 3_600 * MICROSECONDS


class Notice(NamedTuple):
    """What endpoints are told of one event.

    Attributes:
        line: what must stay in order.
        data: ids and numbers; never labels, nor what units hold.
    """

    event_type: str
    line: str
    data: Mapping[str, Any]


class Made(NamedTuple):
    """One event as deliveries are made of it."""

    event_id: str
    project_id: str
    occurred_at_us: int
    told: Notice
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class Telling:
    """Makes deliveries of what comes by the topics."""

    means: HookMeans

    def handler(self, topic: Topic) -> Callable[[Sequence[Delivery]], Any]:
        """Return who makes the deliveries of a topic's records."""
        read = _READ[topic]

        async def tell(deliveries: Sequence[Delivery]) -> None:
            await self.tell(
                Made(
                    (about := cast("Any", delivery.event).metadata).event_id,
                    about.project_id,
                    about.occurred_at_us,
                    notice,
                    self.means.tracing.recorded(delivery.record.headers),
                )
                for delivery in deliveries
                for notice in read(cast("Message", delivery.event))
            )

        return tell

    async def tell(self, events: Iterator[Made]) -> None:
        """Make the deliveries of these events, in their order in each line.

        Raises:
            NotHere: a project's place is another process's by now.
        """
        causes: dict[str, Cause[DeliveryState]] = {}
        numbers: dict[tuple[str, str], int] = {}
        for event in events:
            hooks = self.means.book.hooks(event.project_id)
            for endpoint in list(hooks.endpoints.values()) if hooks is not None else ():
                if hooks is None or not _wants(endpoint, event):
                    continue
                if _waiting(hooks, endpoint, causes) >= OPEN_MAX:
                    await self._leave_out(event.project_id, endpoint.endpoint_id)
                    continue
                line = (endpoint.endpoint_id, event.told.line)
                number = hooks.queue(endpoint.endpoint_id).number_after(event.told.line, event.occurred_at_us)
                numbers[line] = max(number, numbers.get(line, -1) + 1)
                cause = made(event, endpoint.endpoint_id, numbers[line])
                causes[cause.key] = cause
                if len(causes) >= AT_ONCE:
                    await self._apply(list(causes.values()))
                    causes.clear()
        await self._apply(list(causes.values()))

    async def _apply(self, causes: Sequence[Cause[DeliveryState]]) -> None:
        for outcome in await self.means.journal.apply(DELIVERY, causes) if causes else ():
            if outcome.error is not None:
                raise outcome.error

    async def _leave_out(self, project_id: str, endpoint_id: str) -> None:
        """Note at the endpoint, once an hour, that an event was left out."""
        self.means.instruments.counter("concord_audit_webhooks_left_out").inc()
        hour = self.means.clock.now_us() // HOUR_US

        def decide(state: EndpointsState | None, now_us: int) -> Decision[EndpointsState] | None:
            del now_us
            known = {endpoint.endpoint_id: endpoint for endpoint in state.endpoints} if state is not None else {}
            if state is None or endpoint_id not in known:
                return None
            return Decision(state.changed(msgspec.structs.replace(known[endpoint_id], left_out_at_us=hour * HOUR_US)))

        cause: Cause[EndpointsState] = Cause(endpoints_key(project_id), f"left out/{endpoint_id}/{hour}", decide)
        await self.means.journal.apply(ENDPOINTS, [cause])


def _wants(endpoint: Endpoint, event: Made) -> bool:
    since_us = endpoint.registered_at_us - CLOCKS_DIFFER_SECONDS * MICROSECONDS
    return event.told.event_type in endpoint.events and event.occurred_at_us >= since_us


def _waiting(hooks: Hooks, endpoint: Endpoint, causes: Mapping[str, object]) -> int:
    """Return how many deliveries of an endpoint are open, with those about to be made, of which some may be others'."""
    return len(hooks.queue(endpoint.endpoint_id).open) + len(causes)


def made(event: Made, endpoint_id: str, number: int) -> Cause[DeliveryState]:
    """Return the cause that makes a delivery, the same for the same event and endpoint."""
    notice = event.told
    # Of an event id and an endpoint's id, which tell nothing: nothing is to be guessed here.
    digest = event_id(f"{event.event_id}/{notice.event_type}", endpoint_id, "delivery").replace("-", "")
    delivery_id = placed_id("d", event.project_id, digest)
    data = {"project_id": event.project_id, "event_id": event.event_id, **notice.data}
    body = {"type": notice.event_type, "timestamp": timestamp(event.occurred_at_us), "data": data}
    text = msgspec.json.encode(body).decode()

    def decide(state: DeliveryState | None, now_us: int) -> Decision[DeliveryState] | None:
        if state is not None:
            return None
        return Decision(
            DeliveryState(
                delivery_id=delivery_id,
                project_id=event.project_id,
                endpoint_id=endpoint_id,
                event_type=notice.event_type,
                line=notice.line,
                number=number,
                body=text,
                made_at_us=now_us,
                since_us=now_us,
                next_at_us=now_us,
                traceparent=event.traceparent,
            )
        )

    return Cause(delivery_key(delivery_id), "made", decide, creates=True)


def _lots(event: Message) -> Iterator[Notice]:
    """Yield what is told of an event of lots; of those at fault how many they are, and not who."""
    entry = cast("LotEvent", event)
    if entry.HasField("radius_found"):
        radius = entry.radius_found
        lots = dict.fromkeys(lot_id for each in radius.annotators for lot_id in each.accepted_lot_ids)
        counts = {"annotators": len(radius.annotators), "accepted_lots": len(lots), "rejections": radius.rejections}
        yield Notice(RADIUS_FOUND, radius.lot_id, {"lot_id": radius.lot_id, **counts})
    elif entry.HasField("lot_held"):
        held = entry.lot_held
        units = {"units": len(held.unit_ids), "first": held.first, "rework": held.rework}
        yield Notice(LOT_HELD, held.lot_id, {"lot_id": held.lot_id, "held_for": list(held.rejected_lot_ids), **units})
    elif entry.HasField("lot_corrected"):
        wrong = entry.lot_corrected
        by = {"recheck_lot_id": wrong.recheck_lot_id, "certificate_sha256": wrong.certificate_sha256}
        where = {"lot_id": wrong.lot_id, **by, "path": f"/v1/lots/{wrong.lot_id}/corrections"}
        yield Notice(LOT_CORRECTED, wrong.lot_id, {**where, "units": len(wrong.unit_ids)})
    elif entry.HasField("lot_accepted"):
        lot = entry.lot_accepted
        certificate = {"certificate_sha256": lot.certificate_sha256}
        yield Notice(LOT_ACCEPTED, lot.lot_id, {**_judged(lot), "units": lot.lot_units, **certificate})
        where = {"lot_id": lot.lot_id, **certificate, "path": f"/v1/lots/{lot.lot_id}/certificate"}
        yield Notice(CERTIFICATE_ISSUED, lot.lot_id, where)
    elif entry.HasField("lot_rejected"):
        rejected = entry.lot_rejected
        more = {"units": len(rejected.unit_ids), "on_reject": rejected.on_reject}
        yield Notice(LOT_REJECTED, rejected.lot_id, {**_judged(rejected), **more})
    elif entry.HasField("label_error_found"):
        found = entry.label_error_found
        where = {"lot_id": found.lot_id, "unit_id": found.unit_id}
        yield Notice(LABEL_ERROR_FOUND, found.lot_id, {**where, "model_right": found.model_right})
    elif entry.HasField("recheck_concluded"):
        yield Notice(RECHECK_CONCLUDED, entry.recheck_concluded.lot_id, _rechecked(entry))


def _rechecked(event: LotEvent) -> dict[str, Any]:
    found = event.recheck_concluded
    return {
        "lot_id": found.lot_id,
        "measure": found.measure,
        "rejected_lot_id": found.rejected_lot_id,
        "units": found.units,
        "changed": found.changed,
        "among": found.among_units,
        "changed_rate": {
            "value": found.changed_rate,
            "low": found.changed_rate_low,
            "high": found.changed_rate_high,
        },
        "path": f"/v1/projects/{event.metadata.project_id}/rechecks",
    }


def _judged(lot: LotAccepted | LotRejected) -> dict[str, Any]:
    rate = {"value": lot.label_error_rate, "low": lot.label_error_rate_low, "high": lot.label_error_rate_high}
    return {
        "lot_id": lot.lot_id,
        "rework": lot.rework,
        "inspected": lot.inspected,
        "errors": lot.errors,
        "label_error_rate": rate,
    }


def _quality(event: Message) -> Iterator[Notice]:
    quality = cast("QualityEvent", event)
    if quality.HasField("target_breached"):
        yield Notice(TARGET_BREACHED, f"target/{quality.target_breached.target}", _measured(quality.target_breached))
    elif quality.HasField("target_recovered"):
        yield Notice(TARGET_RECOVERED, f"target/{quality.target_recovered.target}", _measured(quality.target_recovered))


def _measured(target: TargetBreached | TargetRecovered) -> dict[str, Any]:
    return {
        "target": target.target,
        "limit": target.limit,
        "value": target.value,
        "low": target.interval.low,
        "high": target.interval.high,
        "units": target.units,
    }


def _units(event: Message) -> Iterator[Notice]:
    entry = cast("UnitEvent", event)
    if entry.HasField("unit_erased"):
        yield Notice(UNIT_ERASED, entry.unit_erased.unit_id, {"unit_id": entry.unit_erased.unit_id})
    elif entry.HasField("unit_reidentified"):
        asked = entry.unit_reidentified
        kinds = {kind.kind: kind.told for kind in asked.kinds}
        yield Notice(UNIT_REIDENTIFIED, asked.unit_id, {"unit_id": asked.unit_id, "how": asked.how, "kinds": kinds})


_READ: Mapping[Topic, Callable[[Message], Iterator[Notice]]] = {LOTS: _lots, QUALITY: _quality, UNITS: _units}
