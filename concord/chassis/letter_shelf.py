"""Dead letters on a shelf: those of the topics that a service writes, to be looked at and sent once more.

A letter is sent again by the one writer of its topic, to the partition that it came from: so no service gets a right
that it had not, and every reader hears of it, of whom those that had served it know it by its id. That it was sent
again is said on the dead-letter topic itself, under the letter's own key and so behind it: whoever reads the topic from
its beginning knows what was done about each.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from concord.chassis.broker.port import POLL_RECORDS_MAX, Broker, Incoming, Outgoing, Subscription
from concord.chassis.clock import Clock
from concord.chassis.errors import Conflict, NotFound, Unavailable
from concord.contracts.codec import Undecodable, decode, encode, schema_headers
from concord.contracts.ids import event_id
from concord.contracts.topics import DEAD_LETTERS, TOPICS, replayed_by
from concord.contracts.v1.dead_letters_pb2 import DeadLetter
from concord.contracts.v1.metadata_pb2 import Metadata

LETTERS_MAX = 5_000
BYTES_MAX = 100_000_000
"""Of letters in memory; the oldest make room, and how many did is told. On the topic they lie for a year."""
POLL_SECONDS = 0.2
READ_SECONDS_MAX = 15.0
"""How long one request reads; the next goes on from there."""
REPLAYED = "replayed"


@dataclass(frozen=True, slots=True)
class Shelved:
    """A letter, and what was done about it.

    Attributes:
        number: in the order in which the shelf came to know of it; later ones are higher.
        is_whole: whether the record is in it to the last byte; else it cannot be sent from here.
        replayed_at_us: when it was last sent again; zero for never.
        replayed_by: who had it sent.
    """

    number: int
    letter: DeadLetter
    is_whole: bool
    replayed_at_us: int = 0
    replayed_by: str = ""

    @property
    def letter_id(self) -> str:
        """Return its id."""
        return self.letter.metadata.event_id


class LetterShelf:
    """The dead letters of the topics that a service writes; nothing is read before somebody asks.

    Args:
        service: whose topics.
        broker: where.
        clock: for when a letter was sent again.
    """

    name = "dead letters"

    def __init__(self, service: str, broker: Broker, clock: Clock) -> None:
        self.service = service
        self.topics = frozenset(topic.name for topic in TOPICS if replayed_by(topic) == service)
        self.left_out = 0
        self._broker = broker
        self._clock = clock
        self._letters: OrderedDict[str, Shelved] = OrderedDict()
        self._bytes = 0
        self._numbers = 0
        self._subscription: Subscription | None = None
        self._reading = asyncio.Lock()

    async def start(self) -> None:
        """Do nothing yet."""

    async def stop(self) -> None:
        """Stop reading; a request that reads meanwhile is done first."""
        async with self._reading:
            if self._subscription is not None:
                await self._subscription.stop()

    async def newest(self, topic: str, before: int | None, most: int) -> Sequence[Shelved]:
        """Return letters, the newest first.

        Args:
            topic: of this topic alone; "" for all.
            before: only what the shelf came to know before the letter of this number; None for all.
            most: how many.

        Raises:
            Unavailable: there are more than can be read in one request; the next goes on.
            BrokerUnavailable: no answer.
        """
        await self._read()
        found = []
        for letter in reversed(self._letters.values()):
            if (before is None or letter.number < before) and topic in ("", letter.letter.topic):
                found.append(letter)
                if len(found) == most:
                    break
        return found

    async def replay(self, letter_id: str, by: str) -> Shelved:
        """Send a letter's record to its topic once more and say so; return the letter as it stands then.

        Raises:
            NotFound: there is no such letter of a topic of ours.
            Conflict: the letter holds its record in part.
            Unavailable, BrokerUnavailable: as `newest`; whether it was sent is then unknown, and it may be sent again.
        """
        await self._read()
        found = self._letters.get(letter_id)
        if found is None:
            raise NotFound("There is no such dead letter of a topic that this service writes.")
        letter = found.letter
        if not found.is_whole:
            raise Conflict(f"The letter holds its record in part; it lies whole at {letter.metadata.causation_id}.")
        now_us = self._clock.now_us()
        headers = tuple((header.name, header.value) for header in letter.headers)
        # A slot names its partition whatever the number of places: any number below that is its own remainder.
        again = Outgoing(letter.topic, letter.key, letter.value, headers, letter.partition)
        await self._broker.publish([again])
        await self._broker.publish([self._told(letter, by, now_us)])
        await self._read()
        return self._letters.get(letter_id) or replace(found, replayed_at_us=now_us, replayed_by=by)

    def _told(self, letter: DeadLetter, by: str, now_us: int) -> Outgoing:
        dead_letter = DeadLetter(
            metadata=Metadata(
                event_id=event_id(f"{letter.metadata.event_id}/{now_us}", self.service, REPLAYED),
                client_id=letter.metadata.client_id,
                occurred_at_us=now_us,
                causation_id=letter.metadata.event_id,
            ),
            service=letter.service,
            topic=letter.topic,
            partition=letter.partition,
            offset=letter.offset,
            key=letter.key,
            replayed_by=by,
        )
        return Outgoing(DEAD_LETTERS.name, letter.key, encode(dead_letter), schema_headers())

    async def _read(self) -> None:
        """Read what is new."""
        async with self._reading:
            if self._subscription is None:
                subscription = self._broker.subscribe([DEAD_LETTERS.name], group=None)
                await subscription.start()
                self._subscription = subscription
            until = self._clock.monotonic() + READ_SECONDS_MAX
            while await self._subscription.lag():
                if self._clock.monotonic() > until:
                    raise Unavailable("Dead letters are still being read.", retry_after_seconds=1)
                for record in await self._subscription.poll(POLL_RECORDS_MAX, POLL_SECONDS):
                    self._take(record)

    def _take(self, record: Incoming) -> None:
        try:
            letter = cast("DeadLetter", decode(DEAD_LETTERS, record.value))
        except Undecodable:
            return  # whatever else lies there is no letter of ours
        if letter.topic not in self.topics:
            return
        if letter.replayed_by:
            if (before := self._letters.get(letter.metadata.causation_id)) is not None:
                page = replace(before, replayed_at_us=letter.metadata.occurred_at_us, replayed_by=letter.replayed_by)
                self._letters[before.letter_id] = page
            return
        if letter.metadata.event_id in self._letters:
            return  # set aside twice is told as one
        self._numbers += 1
        self._letters[letter.metadata.event_id] = Shelved(self._numbers, letter, _is_whole(letter))
        self._bytes += letter.ByteSize()
        while len(self._letters) > 1 and (len(self._letters) > LETTERS_MAX or self._bytes > BYTES_MAX):
            _, oldest = self._letters.popitem(last=False)
            self._bytes -= oldest.letter.ByteSize()
            self.left_out += 1


def _is_whole(letter: DeadLetter) -> bool:
    return not letter.kept_in_part
