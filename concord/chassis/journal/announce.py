"""How an event is worded: metadata filled in, id derived from its cause, bytes frozen."""

from google.protobuf.message import Message

from concord.chassis.broker.port import Outgoing
from concord.contracts.codec import Headers, encode, schema_headers
from concord.contracts.ids import event_id, slot_of_project
from concord.contracts.topics import Topic

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
        self.headers = (*SCHEMA_HEADERS, *_carried(trace))
        self._count = first

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
        metadata = envelope.metadata  # type: ignore[attr-defined] # every catalogued message has one; a test holds it
        metadata.event_id = event_id(self.cause, self.service, topic.name, self._count)
        metadata.client_id = client_id
        metadata.project_id = project_id
        metadata.occurred_at_us = self.at_us
        metadata.causation_id = self.cause
        self._count += 1
        headers = (*SCHEMA_HEADERS, *_carried(trace)) if trace else self.headers
        slot = slot_of_project(project_id) if topic.placed else None
        return Outgoing(topic.name, key.encode(), encode(envelope), headers, slot)


def _carried(trace: Headers) -> Headers:
    """Return the trace headers that can be passed on; a trace is a hint, and no event is held up by it."""
    return tuple((name, value) for name, value in trace if value and len(value) <= TRACE_HEADER_BYTES_MAX)
