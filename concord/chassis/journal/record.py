"""What the journal stores: one record a decision, and the words in which a decision is told."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import msgspec

from concord.chassis.broker.port import Outgoing
from concord.chassis.store.port import Collection, Document

JOURNAL = Collection("journal", indexed=("aggregate", "commit"))
WRITERS = Collection("writers")
MARKS = Collection("marks", indexed=("writer",))
SAID = Collection("said")
PARKED = Collection("parked")
"""Events of the journal that no broker takes, kept for a person to look at."""
OPEN = Collection("open", indexed=("slot",))
COLLECTIONS = (JOURNAL, WRITERS, MARKS, SAID, PARKED, OPEN)
"""All that a journal keeps."""

REASON_CHARACTERS_MAX = 1_000
PARKED_BYTES_MAX = 3_900_000
"""Of an event that is kept beside its record; a larger one lies in its record alone."""

State = TypeVar("State", bound=msgspec.Struct)

# What is made with every request is a msgspec.Struct: a frozen dataclass takes ten times as long to make.
_encode_events = msgspec.msgpack.Encoder().encode
_decode_events = msgspec.msgpack.Decoder(list[Outgoing]).decode
_decode_event = msgspec.msgpack.Decoder(Outgoing).decode
_decode_parts = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
_encode_state = msgspec.json.Encoder().encode


class Kind(Generic[State]):
    """One kind of aggregate: its name in keys and the type of its state.

    Args:
        name: stands in its keys.
        state: the type of its state.
        is_open: whether an aggregate is not done with, from its state; then it has open markers, and
            `Journal.rebuild_open` finds it. None: its kind has none.
        slot: the slot of its project, from its state; goes with `is_open`, and with what its decisions open.
        last_alone: its state tells by itself what was answered before, its decisions take that for nothing new and say
            nothing. Then of what it was its last record alone is read and kept, however long its line is.
        may_be_row: whether an aggregate that began as this may wait without a record; see `rows`. None: none may.
    """

    def __init__(
        self,
        name: str,
        state: type[State],
        *,
        is_open: Callable[[State], bool] | None = None,
        slot: Callable[[State], int] | None = None,
        last_alone: bool = False,
        may_be_row: Callable[[State], bool] | None = None,
    ) -> None:
        assert is_open is None or slot is not None, "what is open lies in a slot"
        self.name = name
        self.is_open = is_open
        self.slot = slot
        self.last_alone = last_alone
        self.may_be_row = may_be_row
        self.decode: Callable[[bytes], State] = msgspec.json.Decoder(state).decode

    def key(self, client_id: str, any_id: str) -> str:
        """Return the aggregate's key: the tenant first, so that no tenant's key is another's."""
        return f"{client_id}/{self.name}/{any_id}"


class Commit(NamedTuple):
    """Which process inserted a record, and in which of its group commits, counted from 1."""

    writer: str
    number: int

    def __str__(self) -> str:
        return f"{self.writer}/{self.number}"

    @classmethod
    def parse(cls, text: str) -> "Commit":
        """Return the commit that `str` wrote."""
        writer, _, number = text.rpartition("/")
        return cls(writer, int(number))


class Decision(msgspec.Struct, Generic[State], frozen=True):
    """What a cause leads to: the aggregate's new state and the events that tell of it.

    Attributes:
        opens: keys of what is open from now on though it has no record of its own: it has markers as if its first had
            opened it, which are over when that is said of it (`OpenMarkers.closed`).
    """

    state: State
    events: Sequence[Outgoing] = ()
    opens: Sequence[str] = ()


class Cause(msgspec.Struct, Generic[State], frozen=True):
    """An event or request that asks an aggregate for a decision.

    Attributes:
        key: the aggregate's key, from `Kind.key`.
        id: what tells a repetition of this cause: the event's id, the request's key.
        decide: pure; takes the state (None before the first record) and the time of the decision in microseconds;
            returns None when nothing follows, and raises what the caller is to be told.
        creates: the aggregate is most likely new, so that its head is not read before the insert is tried.
    """

    key: str
    id: str
    decide: Callable[[State | None, int], Decision[State] | None]
    creates: bool = False


class Outcome(msgspec.Struct, Generic[State], frozen=True):
    """What became of a cause.

    Attributes:
        state: the aggregate's state after it; None when it has none yet.
        repeated: the cause was answered before, and nothing was done now.
        error: what `decide` raised, in a batch; nothing was done for this cause.
    """

    state: State | None
    repeated: bool = False
    error: Exception | None = None


HEAD_BYTES = 600
CAUSE_BYTES = 100
STATE_BYTES_FACTOR = 2.32
"""What a head takes in memory beside its parts, a cause beside its characters, and a state for a byte of its record:
measured on units of assign with 0 to 12 labels, to which the sum is close from above."""


@dataclass(slots=True)
class Head(Generic[State]):
    """Where an aggregate stands.

    Attributes:
        seq: its newest sequence number; 0: no record.
        state: its state then; of what waits as a row, what it began as.
        causes: all that were answered; of a kind of which the last record is read alone, those of that.
        size: the bytes that all this takes in memory, nearly.
        opened: the number of the record that opened it, for a kind with open markers; 0: it is closed.
        known_at: when it was read or stored, by the monotonic clock.
    """

    seq: int
    state: State | None
    causes: frozenset[str]
    size: int = 0
    opened: int = 0
    known_at: float = 0.0


def head_bytes(state_bytes: int, causes: frozenset[str]) -> int:
    """Return what a head takes in memory, nearly, from the bytes that its state takes in a record."""
    return HEAD_BYTES + int(STATE_BYTES_FACTOR * state_bytes) + CAUSE_BYTES * len(causes) + sum(map(len, causes))


def record_id(key: str, seq: int) -> str:
    """Return the key under which the store has an aggregate's record of a number."""
    return f"{key}/{seq:06d}"


def line_of(record: str) -> tuple[str, int]:
    """Return the aggregate of a record, and its number, by the record's key.

    >>> line_of(record_id("c1/unit/u-1", 12))
    ('c1/unit/u-1', 12)
    """
    key, _, seq = record.rpartition("/")
    return key, int(seq)


class Entry(msgspec.Struct, Generic[State], frozen=True):
    """A record about to be stored.

    Attributes:
        state_bytes: the state as `encoded_state` has it.
        events_bytes: what the events need, nearly.
        opened: the number of the record that opened the aggregate, for a kind with open markers; 0: it is closed.
        slot: in which its open marker lies.
        closes: the openings whose markers are to go once this is stored.
        opens: what it opens beside its own aggregate; see `Decision`.
        last_alone: see `Kind`.
    """

    key: str
    seq: int
    causes: Sequence[str]
    at_us: int
    state: State
    events: Sequence[Outgoing]
    state_bytes: bytes
    events_bytes: int = 0
    opened: int = 0
    slot: int = 0
    closes: Sequence[int] = ()
    opens: Sequence[str] = ()
    last_alone: bool = False

    @property
    def size(self) -> int:
        """The bytes that it holds of state and events, nearly."""
        return len(self.state_bytes) + self.events_bytes

    def document(self, commit: Commit, place: int = 0) -> Document:
        """Return the record as the store takes it, `place` being where in its commit it stands."""
        return {
            "_id": record_id(self.key, self.seq),
            "aggregate": self.key,
            "seq": self.seq,
            "causes": list(self.causes),
            "commit": str(commit),
            "place": place,
            "at_us": self.at_us,
            "opened": self.opened,
            "state": self.state_bytes,
            "events": _encode_events(self.events),
        }


def encoded_state(state: msgspec.Struct) -> bytes:
    """Return a state as a record keeps it."""
    return _encode_state(state)


def events_of(document: Document) -> list[Outgoing]:
    """Return the events frozen in a record; one that cannot be read comes as its bytes without a topic."""
    try:
        return _decode_events(document["events"])
    except msgspec.MsgspecError:
        return _readable(document["events"])


def _readable(frozen: bytes) -> list[Outgoing]:
    try:
        parts = [bytes(part) for part in _decode_parts(frozen)]
    except msgspec.MsgspecError:
        return [Outgoing("", b"", frozen)]
    events = []
    for part in parts:
        try:
            events.append(_decode_event(part))
        except msgspec.MsgspecError:
            events.append(Outgoing("", b"", part))
    return events


def parked(event: Outgoing, reason: str, at_us: int) -> Document:
    """Return what is kept of an event that no broker takes: itself, and why; twice the same has the same key."""
    frozen = _encode_events([event])
    return {
        "_id": hashlib.sha256(frozen).hexdigest(),
        "topic": event.topic,
        "reason": reason[:REASON_CHARACTERS_MAX],
        "at_us": at_us,
        "event": frozen if len(frozen) <= PARKED_BYTES_MAX else b"",
    }
