"""Dead letters: what a service could not take, kept to the byte with the reason, so that its partition goes on."""

from concord.chassis.broker.port import RECORD_BYTES_MAX, Broker, Incoming, Outgoing, record_bytes
from concord.chassis.clock import Clock
from concord.contracts.codec import encode, schema_headers
from concord.contracts.ids import event_id
from concord.contracts.topics import DEAD_LETTERS
from concord.contracts.v1.dead_letters_pb2 import DeadLetter, Header
from concord.contracts.v1.metadata_pb2 import Metadata

ATTEMPTS_MAX = 5
REASON_CHARACTERS_MAX = 2_000
NO_CLIENT = "unknown"
KEY_BYTES_KEPT = 100_000
VALUE_BYTES_KEPT = 600_000
HEADERS_KEPT = 100
HEADER_BYTES_KEPT = 1_000
"""How much of an origin is kept that fills its record so far that no letter can hold it whole."""


class DeadLetters:
    """Sets records aside on the dead-letter topic."""

    def __init__(self, service: str, broker: Broker, clock: Clock) -> None:
        self.service = service
        self.broker = broker
        self.clock = clock

    async def set_aside(self, record: Incoming, error: Exception, attempts: int) -> None:
        """Return when the record lies in dead letters; only then may its offset be committed.

        The letter's id follows from the record's place, so that setting it aside twice is told as one. A record so
        large that no letter can hold it is kept as far as it goes: what was left out still lies at its place.

        Raises:
            BrokerUnavailable: not set aside; the record must not be passed over.
        """
        place = f"{record.topic}/{record.partition}/{record.offset}"
        letter = DeadLetter(
            metadata=Metadata(
                event_id=event_id(place, self.service, DEAD_LETTERS.name),
                client_id=NO_CLIENT,
                occurred_at_us=self.clock.now_us(),
                causation_id=place,
            ),
            service=self.service,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            key=record.key,
            value=record.value,
            headers=[Header(name=name, value=value) for name, value in record.headers],
            error=type(error).__name__,
            reason=str(error)[:REASON_CHARACTERS_MAX],
            attempts=attempts,
        )
        await self.broker.publish([_fitting(letter)])


def _fitting(letter: DeadLetter) -> Outgoing:
    """Return the letter as a record; of an origin too large for that, key, headers and value are kept in part."""
    record = Outgoing(DEAD_LETTERS.name, letter.key, encode(letter), schema_headers())
    if record_bytes(record) <= RECORD_BYTES_MAX:
        return record
    letter.kept_in_part = True
    letter.key = letter.key[:KEY_BYTES_KEPT]
    letter.value = letter.value[:VALUE_BYTES_KEPT]
    kept = [header for header in letter.headers[:HEADERS_KEPT] if len(header.value) <= HEADER_BYTES_KEPT]
    del letter.headers[:]
    letter.headers.extend(kept)
    letter.reason += f" (too large for a letter: kept in part, and whole at {letter.metadata.causation_id})"
    return Outgoing(DEAD_LETTERS.name, letter.key, encode(letter), schema_headers())
