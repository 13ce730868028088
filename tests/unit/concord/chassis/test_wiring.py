"""What every bootstrap does alike: real ports from settings, and parts in an order that loses nothing."""

import asyncio
import json
from pathlib import Path

import msgspec
import pytest

from concord.chassis.broker.kafka import KafkaBroker
from concord.chassis.consumer import BatchConsumer
from concord.chassis.identity import SigningKey
from concord.chassis.journal.record import COLLECTIONS, Cause, Decision, Kind
from concord.chassis.places.keeper import PlaceKeeper
from concord.chassis.places.owner import Owner
from concord.chassis.runtime import BrokerPart, Dependencies, Hook, Loop, StorePart, TelemetryPart
from concord.chassis.settings import ServiceSettings, SettingsRefused
from concord.chassis.store.mongo import MongoStore
from concord.chassis.store.port import Collection
from concord.chassis.wiring import Placed, address_of, consumer_part, journal_part, ordered, real_ports
from concord.contracts.ids import placed_id, slot_of_project
from concord.contracts.topics import PLACES_LOCAL, UNITS
from simulation.house import ENVIRONMENT, House


async def nothing(*_: object) -> None: ...


def test_parts_start_world_first_and_doors_last() -> None:
    ports = House().ports("audit")
    journal = journal_part(ports)
    consumer = consumer_part("audit", ports, journal, {UNITS: nothing})
    table, loop = Hook("a table"), Loop("a timer", nothing)
    parts = ordered(
        ports, journal, consumer, collections=[Collection("more")], tables=[table], rebuild=nothing, loops=[loop]
    )
    kinds = [type(part) for part in parts[:4]]
    assert kinds == [TelemetryPart, Dependencies, StorePart, BrokerPart]
    names = [part.name for part in parts[4:]]
    assert names == ["journal", "a table", "read models", "consumer", "a timer"]
    store = parts[2]
    assert isinstance(store, StorePart)
    assert store.collections == (*COLLECTIONS, Collection("more"))


async def test_a_consumer_commits_when_its_journal_has_published() -> None:
    ports = House().ports("audit")
    journal = journal_part(ports)
    consumer = consumer_part("audit", ports, journal, {UNITS: nothing})
    assert isinstance(consumer, BatchConsumer)
    assert consumer.flushed == journal.publisher.flushed
    assert (consumer.serving.dead_letters.service, consumer.subscription.topics) == ("audit", (UNITS.name,))  # type: ignore[attr-defined] # the memory subscription's own


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """What a process on a local stack is told; none of the addresses is called."""
    file = tmp_path / "identity.json"
    jwks = SigningKey.generate("one").jwks()
    file.write_text(json.dumps({"issuer": "https://issuer.test", "audience": "concord", "jwks": jwks}))
    return {
        **ENVIRONMENT,
        "CONCORD_KAFKA_BOOTSTRAP": "127.0.0.1:9",
        "CONCORD_MONGODB_URI": "mongodb://127.0.0.1:9",
        "CONCORD_IDENTITY_FILE": str(file),
    }


async def test_each_life_of_a_process_has_real_ports_and_a_name_of_its_own(environment: dict[str, str]) -> None:
    settings = ServiceSettings.from_environment(environment)
    entry, other = (real_ports("audit", settings, environment) for _ in range(2))
    assert isinstance(entry.store, MongoStore)
    assert isinstance(entry.broker, KafkaBroker)
    assert entry.writer.startswith("audit-")
    assert entry.writer != other.writer
    assert "/" not in entry.writer, "it is a part of journal keys"
    for ports in (entry, other):
        await ports.store.close()


async def test_an_identity_file_that_cannot_be_used_is_refused_with_its_setting(environment: dict[str, str]) -> None:
    environment["CONCORD_IDENTITY_FILE"] += ".not-there"
    settings = ServiceSettings.from_environment(environment)
    with pytest.raises(SettingsRefused, match="CONCORD_IDENTITY_FILE"):
        real_ports("audit", settings, environment)


class Models:
    """Read models that are none, and what was asked of them."""

    def __init__(self) -> None:
        self.loaded: list[int] = []

    async def load(self, place: int) -> None:
        self.loaded.append(place)

    async def drop(self, place: int) -> None: ...


def test_a_service_whose_read_models_are_kept_by_place_has_a_keeper_for_them() -> None:
    ports = House().ports("audit")
    journal = journal_part(ports)
    owner = Owner(PLACES_LOCAL, "http://127.0.0.1:1")
    consumer = consumer_part("audit", ports, journal, {UNITS: nothing}, owner=owner)
    parts = ordered(ports, journal, consumer, places=Placed(owner, Models()))
    names = [part.name for part in parts[4:]]
    assert names == ["peers", "journal", "places", "consumer"]
    assert isinstance(parts[6], PlaceKeeper)
    assert not consumer.watch.loading()
    parts[6].loading = True
    assert consumer.watch.loading()
    assert consumer.regrouped is None


class Tally(msgspec.Struct, frozen=True):
    """How often something was decided."""

    total: int


async def test_what_is_cached_of_gained_places_is_read_anew_and_of_kept_ones_is_not() -> None:
    house = House()
    ports, others = house.ports("audit"), house.ports("audit")
    journal, other = journal_part(ports), journal_part(others)
    owner = Owner(PLACES_LOCAL, "http://127.0.0.1:1")
    consumer = consumer_part("audit", ports, journal, {UNITS: nothing}, owner=owner)
    (keeper,) = [
        part
        for part in ordered(ports, journal, consumer, places=Placed(owner, Models()))
        if isinstance(part, PlaceKeeper)
    ]
    kind = Kind("unit", Tally)
    by_place = {
        slot_of_project(project_id) % PLACES_LOCAL: kind.key("k7q2", placed_id("u", project_id, "a"))
        for project_id in (f"k7q2-project-{number}" for number in range(50))
    }
    keys = [by_place[3], by_place[5], Kind("annotator", Tally).key("vendor", "zoe")]

    def add(key: str, cause: str) -> Cause[Tally]:
        return Cause(key, cause, lambda state, _: Decision(Tally((state.total if state else 0) + 1)))

    await ports.store.prepare(COLLECTIONS)
    tasks = [asyncio.create_task(part.run()) for part in (journal, other)]
    await journal.journal.apply(kind, [add(key, "ours") for key in keys])
    await other.journal.apply(kind, [add(key, "theirs") for key in keys])
    await keeper.forget([3])
    found = await journal.journal.states(kind, keys)
    assert [found[key].total for key in keys] == [2, 1, 2], "the second lies in a place that nobody else has had"
    for task in tasks:
        task.cancel()


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ({}, "http://127.0.0.1:8000"),
        ({"CONCORD_HTTP_HOST": "fd00::7", "CONCORD_HTTP_PORT": "1"}, "http://[fd00::7]:1"),
        ({"CONCORD_HTTP_HOST": "0.0.0.0", "CONCORD_ADVERTISED_URL": "http://10.0.0.7:1"}, "http://10.0.0.7:1"),
        ({"CONCORD_HTTP_HOST": "0.0.0.0"}, None),
        ({"CONCORD_HTTP_HOST": "::"}, None),
        ({"CONCORD_HTTP_PORT": "0"}, None),
    ],
)
def test_a_process_says_where_the_others_reach_it_or_does_not_start(
    environment: dict[str, str], said: dict[str, str], address: str | None
) -> None:
    settings = ServiceSettings.from_environment(environment | said)
    if address is None:
        with pytest.raises(SettingsRefused, match="CONCORD_ADVERTISED_URL is needed"):
            address_of(settings)
    else:
        assert address_of(settings) == address
