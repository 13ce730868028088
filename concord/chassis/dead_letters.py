"""Dead letters: what a service could not take, kept to the byte with the reason, so that its partition goes on."""

from concord.chassis.broker.port import Broker, Incoming, Outgoing
from concord.chassis.clock import Clock
from concord.contracts.codec import encode, schema_headers
from concord.contracts.ids import event_id
from concord.contracts.topics import DEAD_LETTERS
from concord.contracts.v1.dead_letters_pb2 import DeadLetter, Header
from concord.contracts.v1.metadata_pb2 import Metadata

ATTEMPTS_MAX = 5
REASON_CHARACTERS_MAX = 2_000
NO_CLIENT = "unknown"


class DeadLetters:
    """Sets records aside on the dead-letter topic."""

    def __init__(self, service: str, broker: Broker, clock: Clock) -> None:
        self.service = service
        self.broker = broker
        self.clock = clock

    async def set_aside(self, record: Incoming, error: Exception, attempts: int) -> None:
        """Return when the record lies in dead letters; only then may its offset be committed.

        The letter's id follows from the record's place, so that setting it aside twice is told as one.

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
        await self.broker.publish([Outgoing(DEAD_LETTERS.name, record.key, encode(letter), schema_headers())])
