"""What every bootstrap does alike: real ports from settings, and parts in an order that loses nothing."""

import json
from pathlib import Path

import pytest

from concord.chassis.broker.kafka import KafkaBroker
from concord.chassis.consumer import BatchConsumer
from concord.chassis.identity import SigningKey
from concord.chassis.journal.record import COLLECTIONS
from concord.chassis.runtime import BrokerPart, Hook, Loop, StorePart, TelemetryPart
from concord.chassis.settings import ServiceSettings, SettingsRefused
from concord.chassis.store.mongo import MongoStore
from concord.chassis.store.port import Collection
from concord.chassis.wiring import consumer_part, journal_part, ordered, real_ports
from concord.contracts.topics import UNITS
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
    kinds = [type(part) for part in parts[:3]]
    assert kinds == [TelemetryPart, StorePart, BrokerPart]
    names = [part.name for part in parts[3:]]
    assert names == ["journal", "a table", "read models", "consumer", "a timer"]
    store = parts[1]
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
    one, other = (real_ports("audit", settings, environment) for _ in range(2))
    assert isinstance(one.store, MongoStore)
    assert isinstance(one.broker, KafkaBroker)
    assert one.writer.startswith("audit-")
    assert one.writer != other.writer
    assert "/" not in one.writer, "it is a part of journal keys"
    for ports in (one, other):
        await ports.store.close()


async def test_an_identity_file_that_cannot_be_used_is_refused_with_its_setting(environment: dict[str, str]) -> None:
    environment["CONCORD_IDENTITY_FILE"] += ".not-there"
    settings = ServiceSettings.from_environment(environment)
    with pytest.raises(SettingsRefused, match="CONCORD_IDENTITY_FILE"):
        real_ports("audit", settings, environment)
