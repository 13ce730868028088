"""What becomes of poison, and of a store, a broker or a deployment that is not as it should be: nothing is lost."""

from collections.abc import Sequence

import pytest

from concord.chassis.broker.port import BrokerUnavailable, Outgoing
from concord.chassis.consumer import WATCH_SECONDS, Delivery, Poison
from concord.chassis.consumer.batch import POLL_SECONDS
from concord.chassis.dead_letters import ATTEMPTS_MAX
from concord.chassis.errors import Backlogged
from concord.chassis.journal.journal import Contended
from concord.chassis.store.mongo import StoreRefused
from concord.chassis.store.port import StoreUnavailable
from concord.contracts.codec import SCHEMA_HEADER, UnknownSchemaVersion, schema_headers
from concord.contracts.topics import DEAD_LETTERS, UNITS
from tests.support.service import until
from tests.support.troubled import BrokerTrouble
from tests.unit.concord.chassis.consuming import KEY, Place, event, name_of


async def test_what_is_no_event_is_set_aside_and_its_partition_goes_on() -> None:
    place = Place()
    await place.publish(event("u1"), Outgoing(UNITS.name, KEY, b"\xffrubbish", schema_headers()), event("u3"))
    async with place.running():
        await until(lambda: place.committed() == 3)
        await place.publish(event("u4"))
        await until(lambda: place.committed() == 4)
    assert place.calls == [["u1", "u3"], ["u4"]]
    (letter,) = place.letters()
    assert (letter.value, letter.offset, letter.error, letter.attempts) == (b"\xffrubbish", 1, "Undecodable", 1)
    assert place.counted("concord_dead_letters") == 1


@pytest.mark.parametrize(
    ("fault", "attempts"),
    [(Poison("source: there is no project"), 1), (ValueError("no such thing"), ATTEMPTS_MAX)],
    ids=["poison at once", "anything else after some tries"],
)
async def test_a_record_that_its_handler_refuses_is_found_and_set_aside(
    fault: Exception, attempts: int, caplog: pytest.LogCaptureFixture
) -> None:
    place = Place()

    async def decide(deliveries: Sequence[Delivery]) -> None:
        if any(name_of(delivery) == "bad" for delivery in deliveries):
            raise fault

    place.decide = decide
    await place.publish(event("u1"), event("bad"), event("u3"))
    async with place.running():
        await until(lambda: place.committed() == 3)
    assert place.calls == [["u1", "bad", "u3"], ["u1"], ["bad", "u3"], *[["bad"]] * attempts, ["u3"]]
    (letter,) = place.letters()
    assert (letter.error, letter.reason, letter.attempts) == (type(fault).__name__, str(fault), attempts)
    assert f"dead letter: {letter.topic}[" in caplog.text
    assert (str(fault) in caplog.text) != isinstance(fault, Poison), "what poison quotes is a client's"


async def test_a_fault_that_passes_by_sets_nothing_aside() -> None:
    place = Place()

    async def decide(deliveries: Sequence[Delivery]) -> None:
        if len(place.calls) < ATTEMPTS_MAX:
            raise RuntimeError("not yet")

    place.decide = decide
    await place.publish(event("u1"))
    async with place.running():
        await until(lambda: place.committed() == 1)
    assert place.letters() == []


async def test_one_bad_record_in_a_thousand_is_found_in_few_calls_and_in_order() -> None:
    place = Place()

    async def decide(deliveries: Sequence[Delivery]) -> None:
        if any(name_of(delivery) == "u700" for delivery in deliveries):
            raise Poison("bad")

    place.decide = decide
    await place.publish(*(event(f"u{number}") for number in range(1_000)))
    async with place.running():
        await until(lambda: place.committed() == 1_000)
    assert len(place.calls) <= 22
    served = [name for call in place.calls if "u700" not in call for name in call]
    assert served == [f"u{number}" for number in range(1_000) if number != 700]
    assert [letter.offset for letter in place.letters()] == [700]


@pytest.mark.parametrize(
    "fault",
    [StoreUnavailable("away"), BrokerUnavailable("away"), Backlogged("full"), Contended("others were faster")],
    ids=lambda fault: type(fault).__name__,
)
async def test_unavailability_is_waited_out_however_long_and_nothing_is_lost(fault: Exception) -> None:
    place = Place()

    async def decide(deliveries: Sequence[Delivery]) -> None:
        if len(place.calls) <= 4 * ATTEMPTS_MAX:
            assert place.committed() == 0
            raise fault

    place.decide = decide
    await place.publish(event("u1"), event("u2"))
    async with place.running():
        await until(lambda: place.committed() == 2)
    assert place.calls == [["u1", "u2"]] * (4 * ATTEMPTS_MAX + 1)
    assert place.letters() == []
    waited = [pause for pause in place.hand.slept if pause not in (POLL_SECONDS, WATCH_SECONDS)]
    assert len(waited) == 4 * ATTEMPTS_MAX
    assert max(waited) <= 5.0 < 4 * ATTEMPTS_MAX * 5.0 / 2 < sum(waited)


async def test_what_the_deployment_must_mend_ends_the_consumer_with_nothing_committed_or_set_aside() -> None:
    """A right that was taken away for half a second made dead letters of a thousand good events."""
    place = Place()

    async def decide(deliveries: Sequence[Delivery]) -> None:
        raise StoreRefused("find journal: not authorized (code 13)")

    place.decide = decide
    await place.publish(*(event(f"u{number}") for number in range(50)))
    consumer = place.consumer()
    await consumer.start()
    with pytest.raises(StoreRefused):
        await consumer.run()
    assert (len(place.calls), place.committed(), place.letters()) == (1, 0, [])


async def test_an_error_nobody_foresaw_sets_nothing_aside_while_something_is_away() -> None:
    place, asked = Place(), 0

    async def needs() -> None:
        nonlocal asked
        asked += 1
        if asked < 4:
            raise StoreUnavailable("away")

    async def decide(deliveries: Sequence[Delivery]) -> None:
        if asked < 4:
            raise AttributeError("half an answer")

    place.decide = decide
    await place.publish(event("u1"))
    async with place.running(place.consumer(needs=needs)):
        await until(lambda: place.committed() == 1)
    assert (asked, place.letters()) == (4, [])


async def test_poison_is_not_passed_over_while_dead_letters_cannot_be_written() -> None:
    place = Place(BrokerTrouble(publish=4))
    await place.publish(Outgoing(UNITS.name, KEY, b"\xff", schema_headers()), event("u2"))
    async with place.running():
        await until(lambda: place.committed() == 2)
    assert len(place.letters()) == 1
    letters = [number for number, text in enumerate(place.trouble.called) if text == f"publish {DEAD_LETTERS.name}"]
    assert len(letters) == 5
    assert place.trouble.called.index("commit") > letters[-1]


async def test_polls_and_commits_that_fail_cost_repeats_and_no_record() -> None:
    place = Place(BrokerTrouble(poll=2, commit=1))
    await place.publish(event("u1"))
    async with place.running():
        await until(lambda: place.calls == [["u1"]])
        await place.publish(event("u2"))
        await until(lambda: place.committed() == 2)
    assert not +place.trouble.failures
    assert [name for call in place.calls for name in call][-1] == "u2"


async def test_a_newer_contract_ends_the_consumer_with_nothing_committed_or_set_aside() -> None:
    place = Place()
    record = event("u2")
    await place.publish(event("u1"), Outgoing(record.topic, record.key, record.value, ((SCHEMA_HEADER, b"2"),)))
    consumer = place.consumer()
    await consumer.start()
    with pytest.raises(UnknownSchemaVersion, match="b'2'"):
        await consumer.run()
    assert (place.committed(), place.letters()) == (0, [])


async def test_offsets_are_committed_again_when_the_broker_did_not_answer() -> None:
    place = Place(BrokerTrouble(commit=1))
    await place.publish(event("u1"))
    async with place.running():
        await until(lambda: place.committed() == 1)
