"""The intake topic: a CloudEvent is a unit, in structured or binary mode of the Kafka binding.

`source` is the project (`/projects/<project_id>`, or an address that ends so), `id` the client's name of the unit, and
`data` what the HTTP door takes beside the id. Only these, the type and the version are read: other attributes and
headers may hold anything, or nothing. A record without a content type whose value says `specversion` is taken as
structured. See CloudEvents 1.0, Kafka Protocol Binding, sections 3.2 and 3.3; it has no batches.
"""

import base64
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from concord.chassis.broker.port import Broker, Incoming, TopicPartition
from concord.chassis.consumer import Delivery, Poison
from concord.chassis.dead_letters import DeadLetters
from concord.chassis.errors import BadRequest
from concord.chassis.http import JSON_DEPTH_MAX, check_depth
from concord.chassis.store.port import READ_IDS_MAX
from concord.contracts.topics import INTAKE
from services.ingest.domain.admission import UnitWish, shown
from services.ingest.domain.project import ProjectDoesNotExist, ProjectNotOpen, ProjectState
from services.ingest.handlers import Handlers
from services.ingest.handlers.lots import Mine
from services.ingest.handlers.waiting import WAITING_RECORDS_MAX

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
SOURCE = "/projects/"
TYPE = "concord.unit.v1"
TOO_MANY_WAIT = (
    f"source: the project has as many open units as it allows, and {WAITING_RECORDS_MAX} of its records wait already; "
    "send this one again when some are settled"
)


class CloudEvent(msgspec.Struct, frozen=True):
    """What is read of a CloudEvent; other attributes may be there and are not looked at."""

    specversion: str
    id: str
    source: str
    type: str
    data: dict[str, Any] | None = None
    data_base64: str | None = None


ATTRIBUTES = ("specversion", "id", "source", "type")

_event = msgspec.json.Decoder(CloudEvent).decode
_data = msgspec.json.Decoder(dict[str, Any]).decode


class Sent(NamedTuple):
    """A record, and the unit that it tells."""

    delivery: Delivery
    wish: UnitWish


class Intake:
    """Admits the units that clients publish; what cannot be taken becomes a dead letter with the reason.

    What a project has no room for waits in the store, so that nothing of other projects waits behind it on the topic.

    Args:
        handlers: take units in.
        letters: take what can never be served.
    """

    def __init__(self, handlers: Handlers, letters: DeadLetters) -> None:
        self.handlers = handlers
        self.letters = letters

    async def admit(self, deliveries: Sequence[Delivery]) -> None:
        """Admit a batch, project by project, each unit under its record's own trace.

        Raises:
            Poison: a record is no unit of a project; the consumer then finds out which by trying each alone.
        """
        sent: dict[str, list[Sent]] = defaultdict(list)
        for delivery in deliveries:
            event = cloud_event(delivery.record)
            sent[project_of(event)].append(Sent(delivery, wish_of(event)))
        for project_id, units in sent.items():
            try:
                project = await self.handlers.projects.one(project_id, client_id=None)
            except ProjectDoesNotExist as fault:
                raise Poison(f"source: there is no project {shown(project_id)}; define it first") from fault
            # Who waits came first. While a project is not open nothing waits: its records are dead letters.
            queue = project.life == "open" and await self.handlers.waiting.any(project)
            begin = 0 if queue else await self._admit(project, units)
            if begin < len(units):
                await self._wait(project, units[begin:])

    async def _admit(self, project: ProjectState, units: Sequence[Sent]) -> int:
        """Admit units up to the first for which there is no room, and return its position.

        Raises:
            Poison: see `admit`.
        """
        wishes, traces = [unit.wish for unit in units], [unit.delivery.trace for unit in units]
        try:
            admission = await self.handlers.admissions.admit(project, wishes, traces)
        except ProjectNotOpen as fault:
            raise Poison(f"source: {fault}; {fault.cure}") from fault
        if admission.refused:
            raise Poison(str(next(iter(admission.refused.values()))))
        return len(units) if admission.later is None else admission.later

    async def _wait(self, project: ProjectState, units: Sequence[Sent]) -> None:
        """Let records wait; what there is no place for becomes a dead letter, which can be sent again."""
        over = await self.handlers.waiting.wait(project, [(unit.delivery.record, unit.wish) for unit in units])
        for record in over:
            await self.letters.set_aside(record, Poison(TOO_MANY_WAIT), attempts=1)

    async def take_waiting(self) -> None:
        """Admit what waits of our projects that have a bound, the oldest first, as far as there is room by now."""
        for project, keys in await self.handlers.waiting.due():
            await self._take(project, keys)

    async def look_after(self) -> None:
        """Admit what waits of any of our projects, and show how many units are open."""
        for project, keys in await self.handlers.waiting.due(all_projects=True):
            await self._take(project, keys)
        await self.handlers.waiting.show()

    async def _take(self, project: ProjectState, keys: Sequence[str]) -> None:
        for start in range(0, len(keys), READ_IDS_MAX):
            records = await self.handlers.waiting.records(project, keys[start : start + READ_IDS_MAX])
            taken = await self._take_page(project, records)
            await self.handlers.waiting.done(records[:taken])
            if taken < len(records):
                return

    async def _take_page(self, project: ProjectState, records: Sequence[Incoming]) -> int:
        """Admit records up to the first for which there is no room; what can be served no more is set aside."""
        try:
            return await self._admit(project, [_sent(record) for record in records])
        except Poison as fault:
            if len(records) == 1:
                await self.letters.set_aside(records[0], fault, attempts=1)
                return 1
        for place, record in enumerate(records):
            if not await self._take_page(project, [record]):
                return place
        return len(records)


class Forgetting:
    """Has records of the intake deleted that all of its readers are done with: they say what was sent, in the clear.

    Args:
        broker: has them.
        mine: which places are this process's own: partitions of the topic have their numbers.
    """

    def __init__(self, broker: Broker, mine: Mine) -> None:
        self.broker = broker
        self.mine = mine
        self._deleted: dict[TopicPartition, int] = {}

    async def forget(self) -> None:
        """Delete what is below the committed offsets of all readers: what it says is admitted, waits, or is set aside.

        Raises:
            BrokerUnavailable: some may not be deleted; the next turn tries again.
        """
        done = [await self.broker.committed(reader, INTAKE.name) for reader in INTAKE.readers]
        mine = self.mine.open()
        ends = {place: min(ends_of.get(place, 0) for ends_of in done) for place in done[0] if place.partition in mine}
        new = {place: end for place, end in ends.items() if end > self._deleted.get(place, 0)}
        if new:
            await self.broker.delete_before(new)
            self._deleted.update(new)


def _sent(record: Incoming) -> Sent:
    return Sent(Delivery(record, None), wish_of(cloud_event(record)))


def cloud_event(record: Incoming) -> CloudEvent:
    """Return the CloudEvent that a record carries.

    Raises:
        Poison: it carries none.
    """
    headers = {name.lower(): value for name, value in record.headers}
    kind = headers.get("content-type", b"").decode("latin-1").split(";", 1)[0].strip().lower()
    if kind == STRUCTURED or (not kind and "ce_specversion" not in headers):
        return structured_event(record.value)
    if kind.startswith(BATCH):
        raise Poison("content-type: is a batch, which the Kafka binding does not have; send one event a record")
    try:
        attributes = {name: headers[f"ce_{name}"].decode() for name in ATTRIBUTES if f"ce_{name}" in headers}
    except UnicodeDecodeError as fault:
        raise _no_event(fault) from fault
    return event_of_headers(attributes, record.value)


def structured_event(value: bytes) -> CloudEvent:
    """Return the event that a JSON text is (CloudEvents 1.0, JSON Event Format).

    Raises:
        Poison: it is none.
    """
    try:
        return _event(_flat(value.removeprefix(BYTE_ORDER_MARK)))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise _no_event(fault) from fault


def event_of_headers(attributes: Mapping[str, str], value: bytes) -> CloudEvent:
    """Return the event whose attributes came beside its data, which is JSON.

    Raises:
        Poison: an attribute is missing, or the data is no JSON object.
    """
    present = {name: attributes[name] for name in ATTRIBUTES if name in attributes}
    try:
        return msgspec.convert({**present, "data": _data(_flat(value.removeprefix(BYTE_ORDER_MARK)))}, CloudEvent)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise _no_event(fault) from fault


def _flat(text: bytes) -> bytes:
    """Return a text of JSON that is nested no deeper than the other doors take it."""
    try:
        check_depth(text)
    except BadRequest as fault:
        raise Poison(f"data: is nested more than {JSON_DEPTH_MAX} levels deep; flatten it") from fault
    return text


def _no_event(fault: Exception) -> Poison:
    return Poison(f"no CloudEvent with JSON data: {fault}")


def project_of(event: CloudEvent) -> str:
    """Return the project that an event is of.

    Raises:
        Poison: it is no event that tells a unit, or its source is no project.
    """
    if event.specversion != "1.0":
        raise Poison(f"specversion: is {shown(event.specversion)}; send 1.0")
    if event.type != TYPE:
        raise Poison(f"type: is {shown(event.type)}; send {TYPE!r}")
    path = _path(event.source)
    if not path.startswith(SOURCE):
        raise Poison(f"source: is {shown(event.source)}; send '{SOURCE}<project_id>'")
    return path.removeprefix(SOURCE)


def _path(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return "" if parts.query or parts.fragment else parts.path


def wish_of(event: CloudEvent) -> UnitWish:
    """Return the unit that an event tells.

    Raises:
        Poison: its data is none.
    """
    try:
        data = (
            event.data
            if event.data_base64 is None
            else _data(_flat(base64.b64decode(event.data_base64, validate=True)))
        )
        return msgspec.convert({**(data or {}), "id": event.id}, UnitWish)
    except (msgspec.MsgspecError, ValueError, RecursionError) as fault:
        raise Poison(f"data: {fault}") from fault
