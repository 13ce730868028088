"""Dead letters on a shelf: listed by whoever writes their topic, sent again to where they came from, and told of it."""

import random

import pytest

from concord.chassis import letter_shelf
from concord.chassis.broker.memory import MemoryBroker, MemoryCluster
from concord.chassis.broker.port import RECORD_BYTES_MAX, Incoming, TopicPartition
from concord.chassis.dead_letters import DeadLetters
from concord.chassis.errors import Conflict, Invalid, NotFound
from concord.chassis.http import cursor_of
from concord.chassis.letter_door import number_in
from concord.chassis.letter_shelf import LetterShelf
from concord.contracts.codec import Undecodable
from concord.contracts.topics import DEAD_LETTERS, INTAKE, LOTS, TOPICS, UNITS, replayed_by
from tests.support.troubled import BrokerTrouble
from tests.unit.concord.chassis.hand_clock import HandClock

HEADERS = (("traceparent", b"00-aa-bb-01"), ("concord-schema", b"1"))
RECORD = Incoming(UNITS.name, 3, 41, b"k1-u1", b"\x00\xffrubbish", HEADERS, 7)


class Hall:
    """A cluster with two services that set aside, and the shelves of some."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.cluster = MemoryCluster(self.clock, random.Random(1))
        self.trouble = BrokerTrouble()

    def shelf(self, service: str) -> LetterShelf:
        return LetterShelf(service, MemoryBroker(self.cluster, service, self.trouble), self.clock)

    async def set_aside(self, record: Incoming = RECORD, by: str = "assign", reason: str = "no") -> None:
        letters = DeadLetters(by, MemoryBroker(self.cluster, by), self.clock)
        await letters.set_aside(record, Undecodable(reason), attempts=2)

    def lying(self, topic: str, partition: int) -> list[Incoming]:
        return list(self.cluster.log(TopicPartition(topic, partition)))


def test_every_topic_has_one_service_that_sends_its_letters_again() -> None:
    found = {topic.name: replayed_by(topic) for topic in TOPICS}
    assert found[DEAD_LETTERS.name] is None
    assert found[INTAKE.name] == "ingest"
    assert {topic.name for topic in TOPICS if replayed_by(topic) is None} == {DEAD_LETTERS.name}
    assert all(found[topic.name] == topic.writer for topic in TOPICS if topic not in (INTAKE, DEAD_LETTERS))


async def test_letters_stand_on_the_shelf_of_whoever_writes_their_topic_the_newest_first() -> None:
    hall = Hall()
    ingest, audit = hall.shelf("ingest"), hall.shelf("audit")
    assert await ingest.newest("", None, 10) == []
    for offset in range(3):
        await hall.set_aside(RECORD._replace(offset=offset, key=b"one"), reason=f"reason {offset}")
    await hall.set_aside(RECORD._replace(topic=INTAKE.name, partition=0), by="ingest")
    await hall.set_aside(RECORD._replace(topic=LOTS.name, partition=1), by="adjudicate")
    # What is set aside again after a crash is one letter.
    await hall.set_aside(RECORD._replace(offset=2, key=b"one"), reason="reason 2")
    of_units = await ingest.newest(UNITS.name, None, 10)
    assert [of_unit.letter.reason for of_unit in of_units] == ["reason 2", "reason 1", "reason 0"]
    assert len(await ingest.newest("", None, 10)) == 4
    assert [page.letter.topic for page in await audit.newest("", None, 10)] == [LOTS.name]
    # Page by page, whatever is set aside meanwhile.
    first = await ingest.newest(UNITS.name, None, 2)
    await hall.set_aside(RECORD._replace(offset=9))
    rest = await ingest.newest(UNITS.name, first[-1].number, 2)
    assert [page.letter.offset for page in (*first, *rest)] == [2, 1, 0]


async def test_a_letter_is_sent_to_the_byte_where_it_came_from_and_everybody_knows() -> None:
    hall = Hall()
    shelf = hall.shelf("ingest")
    await hall.set_aside()
    (found,) = await shelf.newest("", None, 10)
    before = len(hall.lying(UNITS.name, 3))
    sent = await shelf.replay(found.letter_id, "operator-1")
    *_, record = hall.lying(UNITS.name, 3)
    assert len(hall.lying(UNITS.name, 3)) == before + 1
    assert (record.key, record.value, record.headers) == (RECORD.key, RECORD.value, HEADERS)
    assert (sent.replayed_by, sent.replayed_at_us) == ("operator-1", hall.clock.now_us())
    # Another process, or this one after a restart, reads the same; the letter is none twice.
    (again,) = await hall.shelf("ingest").newest("", None, 10)
    assert (again.letter_id, again.replayed_by) == (found.letter_id, "operator-1")
    # It may be sent as often as one likes.
    await shelf.replay(found.letter_id, "operator-2")
    assert len(hall.lying(UNITS.name, 3)) == before + 2
    assert [page.replayed_by for page in await hall.shelf("ingest").newest("", None, 10)] == ["operator-2"]


async def test_what_is_not_ours_unknown_or_kept_in_part_is_not_sent() -> None:
    hall = Hall()
    await hall.set_aside(RECORD._replace(value=b"v" * RECORD_BYTES_MAX))
    shelf = hall.shelf("ingest")
    (found,) = await shelf.newest("", None, 10)
    assert not found.is_whole
    with pytest.raises(Conflict, match=f"lies whole at {UNITS.name}/3/41"):
        await shelf.replay(found.letter_id, "operator-1")
    with pytest.raises(NotFound):
        await shelf.replay("nothing", "operator-1")
    with pytest.raises(NotFound, match="writes"):
        await hall.shelf("audit").replay(found.letter_id, "operator-1")
    assert hall.lying(UNITS.name, 3) == []


async def test_the_oldest_make_room_and_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    hall = Hall()
    shelf = hall.shelf("ingest")
    monkeypatch.setattr(letter_shelf, "LETTERS_MAX", 2)
    for offset in range(5):
        await hall.set_aside(RECORD._replace(offset=offset))
    assert [page.letter.offset for page in await shelf.newest("", None, 10)] == [4, 3]
    assert shelf.left_out == 3
    monkeypatch.setattr(letter_shelf, "BYTES_MAX", 1_000)
    await hall.set_aside(RECORD._replace(offset=5, value=b"v" * 900))
    assert [page.letter.offset for page in await shelf.newest("", None, 10)] == [5]


async def test_nothing_is_read_before_somebody_asks_and_stopping_is_in_order_either_way() -> None:
    hall = Hall()
    shelf = hall.shelf("ingest")
    await shelf.stop()
    await hall.set_aside()
    shelf = hall.shelf("ingest")
    assert len(await shelf.newest("", None, 1)) == 1
    await shelf.stop()


@pytest.mark.parametrize("position", [("a",), (1, 2), ()])
def test_a_cursor_that_was_made_up_is_refused_with_its_cure(position: tuple[str | int, ...]) -> None:
    with pytest.raises(Invalid) as refused:
        number_in(cursor_of(*position))
    assert refused.value.errors[0].field == "cursor"
    assert number_in("") is None
    assert number_in(cursor_of(7)) == 7
