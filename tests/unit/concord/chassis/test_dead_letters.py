"""Dead letters: what was set aside is kept to the byte, with its place and reason, under an id that repeats."""

import random

import pytest

from concord.chassis.broker.memory import MemoryBroker, MemoryCluster
from concord.chassis.broker.port import RECORD_BYTES_MAX, BrokerUnavailable, Incoming, TopicPartition
from concord.chassis.dead_letters import REASON_CHARACTERS_MAX, DeadLetters
from concord.contracts.codec import Undecodable, decode, schema_headers
from concord.contracts.ids import event_id
from concord.contracts.topics import DEAD_LETTERS, UNITS
from concord.contracts.v1.dead_letters_pb2 import DeadLetter
from tests.support.troubled import BrokerTrouble
from tests.unit.concord.chassis.hand_clock import HandClock

CLOCK = HandClock()
HEADERS = (("traceparent", b"00-aa-bb-01"), ("concord-schema", b"1"), ("traceparent", b"\xff"))
RECORD = Incoming(UNITS.name, 3, 41, b"k1-u1", b"\x00\xffrubbish", HEADERS, 7)


class Desk:
    """Dead letters of one service over a cluster of its own."""

    def __init__(self, trouble: BrokerTrouble | None = None) -> None:
        self.cluster = MemoryCluster(CLOCK, random.Random(1))
        self.letters = DeadLetters("assign", MemoryBroker(self.cluster, "assign", trouble), CLOCK)

    def records(self) -> list[Incoming]:
        places = [TopicPartition(DEAD_LETTERS.name, number) for number in range(DEAD_LETTERS.partitions)]
        return [record for place in places for record in self.cluster.log(place)]

    def one(self) -> DeadLetter:
        (record,) = self.records()
        letter = decode(DEAD_LETTERS, record.value)
        assert isinstance(letter, DeadLetter)
        return letter


async def test_a_record_is_kept_to_the_byte_with_its_place_and_reason() -> None:
    desk = Desk()
    await desk.letters.set_aside(RECORD, Undecodable("not a UnitEvent"), attempts=1)
    letter = desk.one()
    assert (letter.service, letter.topic, letter.partition, letter.offset) == ("assign", UNITS.name, 3, 41)
    assert (letter.key, letter.value) == (RECORD.key, RECORD.value)
    assert [(header.name, header.value) for header in letter.headers] == list(HEADERS)
    assert (letter.error, letter.reason, letter.attempts) == ("Undecodable", "not a UnitEvent", 1)
    assert letter.metadata.occurred_at_us == CLOCK.now_us()
    (record,) = desk.records()
    assert (record.key, record.headers) == (RECORD.key, schema_headers())


async def test_setting_aside_twice_says_the_same_and_another_place_or_service_says_another() -> None:
    desk = Desk()
    for _ in range(2):
        await desk.letters.set_aside(RECORD, Undecodable("no"), attempts=1)
    await desk.letters.set_aside(RECORD._replace(offset=42), Undecodable("no"), attempts=1)
    letters = DeadLetters("audit", desk.letters.broker, CLOCK)
    await letters.set_aside(RECORD, Undecodable("no"), attempts=1)
    ids = [DeadLetter.FromString(record.value).metadata.event_id for record in desk.records()]
    assert ids[0] == ids[1] == event_id(f"{UNITS.name}/3/41", "assign", DEAD_LETTERS.name)
    assert len(set(ids)) == 3


async def test_an_endless_reason_is_cut() -> None:
    desk = Desk()
    await desk.letters.set_aside(RECORD, ValueError("é" * 10_000), attempts=5)
    assert desk.one().reason == "é" * REASON_CHARACTERS_MAX


@pytest.mark.parametrize(
    "record",
    [
        RECORD._replace(value=b"v" * RECORD_BYTES_MAX),
        RECORD._replace(key=b"k" * 600_000),
        RECORD._replace(headers=(("h", b"h" * 1_000_000),)),
        RECORD._replace(headers=(("h", b""),) * 250_000),
        RECORD._replace(key=b"k" * 400_000, value=b"v" * 500_000, headers=(("h", b"h" * 900),) * 100),
    ],
    ids=["value", "key", "one header", "many headers", "all"],
)
async def test_a_record_too_large_for_a_letter_is_kept_in_part_and_says_so(record: Incoming) -> None:
    desk = Desk()
    await desk.letters.set_aside(record, Undecodable("not a UnitEvent"), attempts=1)
    letter = desk.one()
    assert record.value.startswith(letter.value)
    assert record.key.startswith(letter.key)
    assert letter.reason.startswith("not a UnitEvent (too large for a letter")
    assert letter.reason.endswith(f"whole at {UNITS.name}/3/41)")


async def test_a_record_that_just_fits_is_kept_whole() -> None:
    desk = Desk()
    record = RECORD._replace(value=b"v" * (RECORD_BYTES_MAX - 1_000))
    await desk.letters.set_aside(record, Undecodable("no"), attempts=1)
    assert (desk.one().value, desk.one().reason) == (record.value, "no")


async def test_without_the_broker_nothing_is_said_to_be_set_aside() -> None:
    desk = Desk(BrokerTrouble(publish=1))
    with pytest.raises(BrokerUnavailable):
        await desk.letters.set_aside(RECORD, Undecodable("no"), attempts=1)
    assert desk.records() == []
