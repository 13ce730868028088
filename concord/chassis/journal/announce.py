"""How an event is worded: metadata filled in, id derived from its cause, bytes frozen."""

from google.protobuf.message import Message

from concord.chassis.broker.port import Outgoing
from concord.contracts.codec import Headers, encode, schema_headers
from concord.contracts.ids import event_id, event_ids, slot_of_project
from concord.contracts.topics import Topic
from concord.contracts.v1.metadata_pb2 import Metadata

SCHEMA_HEADERS = schema_headers()
TRACE_HEADER_BYTES_MAX = 1_024
"""W3C's traceparent has 55 bytes, its tracestate 512 that must be passed on; what a client sends may be anything."""


class Announcer:
    """Words one service's events that follow from one cause.

    Args:
        service: the writer of the topics.
        cause: the id of the event or request that they follow from.
        at_us: the time of the decision, microseconds since the epoch, UTC.
        trace: W3C trace context of what is being served, as record headers.
        first: how many events of this cause were worded before.
    """

    def __init__(self, service: str, cause: str, at_us: int, trace: Headers = (), first: int = 0) -> None:
        self.service = service
        self.cause = cause
        self.at_us = at_us
        self.headers = (*SCHEMA_HEADERS, *_carried(trace)) if trace else SCHEMA_HEADERS
        self._count = first
        self._lately: tuple[Headers, Headers] = (trace, self.headers)

    def event(
        self, topic: Topic, key: str, client_id: str, project_id: str, envelope: Message, trace: Headers = ()
    ) -> Outgoing:
        """Return the record that tells `envelope`, with its metadata set.

        `trace` is the trace that the event belongs to where that is not the one of what is being served: a unit's
        own, so that its way is one trace, whoever's request takes it a step further.

        It lies in the project's place where the topic's records do.

        The id follows from the cause, the service, the topic and the event's place among those of this cause, so
        whoever decides the same again says the same.
        """
        metadata = self.date(envelope, client_id, project_id)
        metadata.event_id = event_id(self.cause, self.service, topic.name, self.next())
        slot = slot_of_project(project_id) if topic.placed else None
        return Outgoing(topic.name, key.encode(), encode(envelope), self.carrying(trace), slot)

    def date(self, envelope: Message, client_id: str, project_id: str) -> Metadata:
        """Set what all events of this cause have in their metadata, and return that."""
        metadata: Metadata = envelope.metadata  # type: ignore[attr-defined] # every catalogued message has one; a test holds it
        metadata.client_id = client_id
        metadata.project_id = project_id
        metadata.occurred_at_us = self.at_us
        metadata.causation_id = self.cause
        return metadata

    def next(self) -> int:
        """Return the place of the next event among those of this cause."""
        self._count += 1
        return self._count - 1

    def carrying(self, trace: Headers) -> Headers:
        """Return the headers of an event of a trace; those that came by one request have one trace, and one answer."""
        if not trace:
            return self.headers
        if trace is not self._lately[0]:
            self._lately = (trace, (*SCHEMA_HEADERS, *_carried(trace)))
        return self._lately[1]


class Series:
    """Words many events that one cause leads to, of one kind and project: in one message, each changing what differs.

    To make a message, and to tell it its metadata, costs more than all else of an event.

    Args:
        announcer: of the cause.
        topic: of the events.
        client_id: whose they are.
        project_id: whose.
        envelope: is changed by whoever words an event, and by this.
    """

    def __init__(self, announcer: Announcer, topic: Topic, client_id: str, project_id: str, envelope: Message) -> None:
        self._metadata = announcer.date(envelope, client_id, project_id)
        self._announcer = announcer
        self._topic = topic
        self._slot = slot_of_project(project_id) if topic.placed else None
        self._envelope = envelope
        self._id_at = event_ids(announcer.cause, announcer.service, topic.name)

    def event(self, key: str, trace: Headers = ()) -> Outgoing:
        """Return the record that tells the message as it is now; see `Announcer.event`."""
        self._metadata.event_id = self._id_at(self._announcer.next())
        headers = self._announcer.carrying(trace)
        return Outgoing(self._topic.name, key.encode(), encode(self._envelope), headers, self._slot)


def _carried(trace: Headers) -> Headers:
    """Return the trace headers that can be passed on; a trace is a hint, and no event is held up by it."""
    return tuple((name, value) for name, value in trace if value and len(value) <= TRACE_HEADER_BYTES_MAX)
