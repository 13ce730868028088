"""The intake topic: a CloudEvent is a unit, in structured or binary mode of the Kafka binding.

`source` is the project (`/projects/<project_id>`), `id` the client's name of the unit, and `data` what the HTTP
door takes beside the id. See CloudEvents 1.0, Kafka Protocol Binding, sections 3.2 and 3.3.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec

from concord.chassis.broker.port import Incoming
from concord.chassis.consumer import Delivery, Poison
from services.ingest.domain.admission import UnitWish
from services.ingest.domain.project import ProjectDoesNotExist
from services.ingest.handlers import Handlers

STRUCTURED = "application/cloudevents+json"
SOURCE = "/projects/"
TYPE = "concord.unit.v1"


class CloudEvent(msgspec.Struct, frozen=True):
    """What is read of a CloudEvent; other attributes may be there and are not looked at."""

    specversion: str
    id: str
    source: str
    type: str
    data: dict[str, Any]


_event = msgspec.json.Decoder(CloudEvent).decode
_data = msgspec.json.Decoder(dict[str, Any]).decode


class Intake:
    """Admits the units that clients publish; what cannot be taken becomes a dead letter with the reason."""

    def __init__(self, handlers: Handlers) -> None:
        self.handlers = handlers

    async def admit(self, deliveries: Sequence[Delivery]) -> None:
        """Admit a batch, project by project.

        Raises:
            Poison: a record is no unit of a project; the consumer then finds out which by trying each alone.
        """
        wishes: dict[str, list[UnitWish]] = defaultdict(list)
        for delivery in deliveries:
            event = cloud_event(delivery.record)
            wishes[_project_id(event)].append(_wish(event))
        for project_id, units in wishes.items():
            try:
                project = await self.handlers.repository.project(project_id, client_id=None)
            except ProjectDoesNotExist as fault:
                raise Poison(f"source: there is no project {project_id!r}; define it first") from fault
            admission = await self.handlers.admit(project, units, deliveries[0].trace)
            if admission.refused:
                raise Poison(str(admission.refused[0][1]))


def cloud_event(record: Incoming) -> CloudEvent:
    """Return the CloudEvent that a record carries.

    Raises:
        Poison: it carries none.
    """
    headers = {name.lower(): value for name, value in record.headers}
    kind = headers.get("content-type", b"").decode("latin-1").split(";", 1)[0].strip()
    try:
        if kind == STRUCTURED:
            return _event(record.value)
        attributes = {
            name.removeprefix("ce_"): value.decode() for name, value in headers.items() if name.startswith("ce_")
        }
        return msgspec.convert({**attributes, "data": _data(record.value)}, CloudEvent)
    except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
        raise Poison(f"no CloudEvent with JSON data: {fault}") from fault


def _project_id(event: CloudEvent) -> str:
    if event.specversion != "1.0":
        raise Poison(f"specversion: is {event.specversion!r}; send 1.0")
    if event.type != TYPE:
        raise Poison(f"type: is {event.type!r}; send {TYPE!r}")
    if not event.source.startswith(SOURCE):
        raise Poison(f"source: is {event.source!r}; send '{SOURCE}<project_id>'")
    return event.source.removeprefix(SOURCE)


def _wish(event: CloudEvent) -> UnitWish:
    try:
        return msgspec.convert({**event.data, "id": event.id}, UnitWish)
    except msgspec.ValidationError as fault:
        raise Poison(f"data: {fault}") from fault
