"""Message to bytes and back: the only serializer of events."""

from collections.abc import Iterable
from functools import lru_cache

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError, Message

from concord.contracts.topics import Topic
from concord.contracts.v1.metadata_pb2 import Metadata

SCHEMA_HEADER = "concord-schema"
SCHEMA_VERSION = b"1"
MESSAGES_REMEMBERED_MAX = 1_000

Headers = tuple[tuple[str, bytes], ...]

_OURS_ALONE: Headers = ((SCHEMA_HEADER, SCHEMA_VERSION),)


class Undecodable(ValueError):
    """The bytes are no event of this topic; the reason is a sentence."""


class UnknownSchemaVersion(Exception):
    """The record was written under a newer contract: a deploy fault, not poison. Stop, and deploy the reader."""


def encode(event: Message) -> bytes:
    """Return the event's bytes; the same event gives the same bytes."""
    # Fields are written in their order in any case, a map's entries only if asked for, which nearly doubles the cost.
    return event.SerializeToString(deterministic=has_map(event.DESCRIPTOR))


@lru_cache(maxsize=MESSAGES_REMEMBERED_MAX)
def has_map(message: Descriptor) -> bool:
    """Return whether a message has a map, in itself or in a message that it holds."""
    found, left = {message.full_name}, [message]
    while left:
        kind = left.pop()
        if kind.GetOptions().map_entry:
            return True
        held = [field.message_type for field in kind.fields if field.message_type is not None]
        left += [each for each in held if each.full_name not in found]
        found.update(each.full_name for each in held)
    return False


def schema_headers() -> Headers:
    """Return the headers that tell a reader under which contract a record was written."""
    return ((SCHEMA_HEADER, SCHEMA_VERSION),)


def check_schema(headers: Iterable[tuple[str, bytes]]) -> None:
    """Raise UnknownSchemaVersion when the headers name a contract this code does not know."""
    if headers == _OURS_ALONE:  # as most records have them
        return
    for name, value in headers:
        if name == SCHEMA_HEADER and value != SCHEMA_VERSION:
            raise UnknownSchemaVersion(
                f"a record was written under contract version {value!r}; this service reads {SCHEMA_VERSION!r}"
            )


def decode(topic: Topic, value: bytes) -> Message:
    """Return the topic's message from a record's value; see `opened`."""
    return opened(topic, value)[0]


def opened(topic: Topic, value: bytes) -> tuple[Message, Metadata]:
    """Return the topic's message from a record's value, and its metadata, which cost more to ask for twice.

    Unknown fields are kept, so that a reader one release behind passes on what it does not know.

    Raises:
        Undecodable: not this topic's message, or one without an event id, project or client.
    """
    if topic.message is None:
        raise Undecodable(f"{topic.name} carries CloudEvents, which no protobuf message decodes")
    try:
        event = topic.message.FromString(value)
    except DecodeError as fault:
        raise Undecodable(f"not a {topic.message.DESCRIPTOR.name}: {fault}") from fault
    metadata: Metadata = event.metadata  # type: ignore[attr-defined]  # every catalogued message has one; a test holds it
    # Every record of every topic passes here: the two fields are looked at, and the words made only if need be.
    if not (metadata.event_id and metadata.client_id):
        missing = [name for name in ("event_id", "client_id") if not getattr(metadata, name)]
        name = topic.message.DESCRIPTOR.name
        raise Undecodable(f"{name} without metadata.{' and metadata.'.join(missing)}")
    return event, metadata
