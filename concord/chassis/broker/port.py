"""What Concord asks of a broker: publish a batch, poll a batch, commit offsets.

Order holds within a partition. Delivery is at least once: a record may come again after a rebalance, a restart
or a producer's retry, and whoever consumes tells repeats by their event id.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

from concord.chassis.errors import Passing
from concord.contracts.codec import Headers

RECORD_BYTES_MAX = 1_000_000
"""Of key, value and headers together; a broker takes 1,048,588 with what it adds, unless set otherwise."""
POLL_RECORDS_MAX = 1_000


class BrokerUnavailable(Passing):
    """The broker did not answer in time. A publish's outcome is then unknown: publish again."""


class NeverTaken(ValueError):
    """A broker will never take this record; the reason is a clause. Records beside it may be in or not."""


class TopicPartition(NamedTuple):
    """One partition of a topic."""

    topic: str
    partition: int


class Outgoing(msgspec.Struct, frozen=True, gc=False):
    """A record to be published. A struct, for each event is one: a tenth of what a frozen dataclass takes to make.

    Attributes:
        slot: its project's, of SLOTS, which names its partition whatever the key; None: the partition follows from the
            key as Kafka's default partitioner has it. A slot and not a partition, for it outlives a cluster's number
            of places.
    """

    topic: str
    key: bytes
    value: bytes
    headers: Headers = ()
    slot: int | None = None


def record_bytes(record: Outgoing) -> int:
    """Return the bytes of key, value and headers together."""
    size = len(record.key) + len(record.value)
    for name, value in record.headers:
        size += len(name) + len(value)
    return size


def _whole_header_bytes(headers: Headers) -> int | None:
    """Return the bytes of names and values together, None where a value is no bytes."""
    size = 0
    for name, value in headers:
        content: object = value
        if not isinstance(content, bytes):
            return None
        size += len(name) + len(content)
    return size


def bytes_to_publish(record: Outgoing) -> int | None:
    """Return the bytes of key, value and headers together; None where no broker would ever take the record.

    Every event goes through here more than once.
    """
    key: object = record.key
    value: object = record.value
    headers = _whole_header_bytes(record.headers)
    if headers is None or not record.topic or not isinstance(key, bytes) or not isinstance(value, bytes):
        return None
    size = len(key) + len(value) + headers
    return size if size <= RECORD_BYTES_MAX else None


def why_never_taken(record: Outgoing) -> str | None:
    """Return why no broker would ever take the record, as a clause; None when one would.

    What is no bytes is looked for, too: a client's record may carry a header without a value, and what is kept in a
    journal was written by older code.
    """
    if bytes_to_publish(record) is not None:
        return None
    if not record.topic:
        return "an event has no topic: it could not be read from its record"
    parts: tuple[object, ...] = (record.key, record.value)
    if not all(isinstance(part, bytes) for part in parts) or _whole_header_bytes(record.headers) is None:
        return f"key, value or a header of a record of {record.topic} is no bytes"
    return f"a record of {record.topic} has {record_bytes(record)} bytes; at most {RECORD_BYTES_MAX}"


def check_record(record: Outgoing) -> None:
    """Raise NeverTaken when no broker would ever take the record."""
    if bytes_to_publish(record) is None:
        raise NeverTaken(why_never_taken(record))


class Incoming(NamedTuple):
    """A record as it came. A named tuple, for a million of them are made: a third of a frozen dataclass's cost.

    Attributes:
        key: empty where a client wrote none.
        headers: a value that a client left out is empty.
        timestamp_us: when the producer made it, microseconds since the epoch, UTC.
    """

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: Headers
    timestamp_us: int


NEVER_DEALT = -1

Table = Mapping[str, frozenset[int]]
"""The address of each member of a group, and its places. A member that told no address is left out."""


class Claim(NamedTuple):
    """What a member of a group says of itself when the group is dealt anew.

    Attributes:
        address: where the service's other processes reach it; empty when it did not say so.
        owned: the places that it had, those first that it had for longest.
        generation: of the group, when it had them; NEVER_DEALT for a new member.
    """

    address: str
    owned: tuple[int, ...] = ()
    generation: int = NEVER_DEALT


class Deal(NamedTuple):
    """How a group's places are dealt, as one member is told. A place is the same partition of every topic.

    Attributes:
        mine: the places of this member.
        kept: those of them that nobody else can have had since this member was told the last time.
        table: who has which.
    """

    mine: frozenset[int]
    kept: frozenset[int]
    table: Table


class Seat(Protocol):
    """A seat in a group that deals whole places, each to one member, and tells all who has which."""

    @property
    def address(self) -> str:
        """Where the service's other processes reach this one."""
        ...

    @property
    def places(self) -> int:
        """How many places there are."""
        ...

    def dealt(self, deal: Deal) -> None:
        """Take what the group was told, at once; called whenever it is dealt anew."""
        ...


class Subscription(Protocol):
    """A consumer's view of some topics: one member of a group, or a lone reader of everything."""

    async def start(self) -> None:
        """Join and begin to be assigned partitions.

        Raises:
            BrokerUnavailable: no answer.
        """
        ...

    async def poll(self, records_max: int, wait_seconds: float) -> Sequence[Incoming]:
        """Return the next records, in order within each partition; empty when none came within the wait.

        Raises:
            BrokerUnavailable: no answer.
        """
        ...

    def interrupt(self) -> None:
        """Let a poll that waits return at once, with nothing; without effect when none waits."""
        ...

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> bool:
        """Record that everything below these offsets is done; False when the group has moved on without us.

        After False the caller drops what it has in hand: others have it now.

        Raises:
            BrokerUnavailable: no answer; the records may come again.
        """
        ...

    async def lag(self) -> int:
        """Return how many records of the assigned partitions are not done.

        Done is committed; for a lone reader, who commits nothing, it is polled.

        Raises:
            BrokerUnavailable: no answer.
        """
        ...

    def assigned(self) -> frozenset[TopicPartition]:
        """Return the partitions that are this member's now; empty before the first assignment."""
        ...

    def release(self, place: int) -> None:
        """Hand out the records of a place from now on: with a seat those of a gained place are held back until then."""
        ...

    def generation(self) -> int:
        """Return a number that changes when partitions are assigned anew: offsets before and after are unrelated."""
        ...

    async def stop(self) -> None:
        """Leave the group, at once and in order; committed offsets stay."""
        ...


class Broker(Protocol):
    """A connection to the broker."""

    async def start(self) -> None:
        """Connect the producer.

        Raises:
            BrokerUnavailable: no answer.
        """
        ...

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Return when every record is acknowledged by all in-sync replicas; order holds within a partition.

        Raises:
            BrokerUnavailable: some may not be in; publish all of them again.
            NeverTaken: one of them will never be in; publish the others without it.
        """
        ...

    async def ping(self) -> None:
        """Return when the broker answers, asked on a connection that nothing else uses.

        Raises:
            BrokerUnavailable: it does not.
        """
        ...

    async def committed(self, group: str, topic: str) -> Mapping[TopicPartition, int]:
        """Return how far a group is done with a topic, by partition; those of which it committed nothing are absent.

        Raises:
            BrokerUnavailable: no answer.
        """
        ...

    async def delete_before(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Have the records below these offsets deleted: no reader gets them any more, and soon no file has them.

        How soon, the broker's segments decide: a file goes when all of its records are deleted and it is not the one
        that is written. Said again it changes nothing.

        Raises:
            BrokerUnavailable: no answer, or not allowed; some may be deleted.
        """
        ...

    def subscribe(self, topics: Sequence[str], group: str | None, seat: Seat | None = None) -> Subscription:
        """Return a subscription, not yet started.

        Args:
            topics: which topics; all exist.
            group: the consumer group, which starts at the earliest record when it has no committed offset; None
                for a lone reader of all partitions from their beginning, which commits nothing.
            seat: for a member of a group whose places are dealt whole; every member of the group has one then.
        """
        ...

    async def stop(self) -> None:
        """Flush and disconnect."""
        ...
