"""One record, decoded, as a handler gets it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from google.protobuf.message import Message

from concord.chassis.broker.port import Incoming
from concord.chassis.telemetry import carried_trace, trace_headers
from concord.contracts.codec import Headers, check_schema, decode
from concord.contracts.topics import BY_NAME


class Delivery(NamedTuple):
    """One record, decoded. `event` is the topic's envelope; for a topic without one it is None."""

    record: Incoming
    event: Message | None

    @property
    def trace(self) -> Headers:
        """The trace context for what this record causes, as record headers.

        The current span's where it belongs to the record's own trace, else what the record carried: so a unit's
        trace stays one trace also through batches of many.
        """
        carried = carried_trace(self.record.headers)
        if not carried:
            return carried
        current = trace_headers()
        same = current and current[0][1][:35] == carried[0][1][:35]
        return current if same else carried

    @property
    def project_id(self) -> str:
        """The project that the event names; empty where it names none."""
        # Every catalogued message has metadata; a test holds it.
        return "" if self.event is None else self.event.metadata.project_id  # type: ignore[attr-defined]


Handler = Callable[[Sequence[Delivery]], Awaitable[None]]
"""Serves a batch of one topic, in order within each key. What becomes of the batch when it raises follows from the
error's kind (`concord.chassis.errors.kind_of`): it is waited, or the process ends, or the records are tried alone."""


def decoded(record: Incoming) -> Delivery:
    """Return the record with its event.

    Raises:
        Undecodable: no event of its topic.
        UnknownSchemaVersion: written by one of ours under a contract that this code does not know.
    """
    topic = BY_NAME[record.topic]
    if topic.message is None:
        return Delivery(record, None)  # a client's record: what it says of schemas is not said of ours
    check_schema(record.headers)
    return Delivery(record, decode(topic, record.value))
