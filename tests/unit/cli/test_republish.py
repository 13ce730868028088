"""`concord republish`: what it refuses before it says anything, and how far it came in a file."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from cli import statuses
from cli.main import main
from cli.republish import Kept, republished
from concord.chassis.broker.memory import MemoryBroker
from concord.chassis.broker.port import BrokerUnavailable
from concord.chassis.journal.republishing import Wanted
from concord.chassis.store.memory import MemoryStore
from concord.contracts.topics import PLACES_LOCAL, UNITS
from tests.support.patience import PATIENCE_SECONDS
from tests.support.tallies import TALLY, Deaf, House, add

WANTED = Wanted(topics=frozenset({UNITS.name}), places=PLACES_LOCAL)


@pytest.fixture(autouse=True)
def reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONCORD_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    monkeypatch.setenv("CONCORD_MONGODB_URI", "mongodb://127.0.0.1:1")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["republish", *arguments])


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["metrics"], "'metrics' is not one of"),
        (["audit", "--topic", UNITS.name], f"audit does not write {UNITS.name}; it writes concord.lots.v1"),
        (["audit", "--place", "8"], "there is no place 8 of 8"),
        (["audit", "--since", "yesterday"], "does not match the format"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(arguments: list[str], reason: str) -> None:
    result = run(*arguments)
    assert result.exit_code == statuses.USAGE
    assert reason in " ".join(result.output.split())


def test_a_store_or_broker_that_it_is_not_told_of_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONCORD_MONGODB_URI")
    result = run("audit")
    assert result.exit_code == statuses.USAGE
    assert "CONCORD_MONGODB_URI" in result.output


@pytest.mark.parametrize(
    ("kept", "reason"),
    [
        (Kept("ingest", WANTED, {}), "keeps the progress of ingest with other options"),
        (Kept("audit", WANTED, {}), "with other options"),
        (b"{}", "keeps no progress"),
    ],
)
def test_it_does_not_go_on_from_what_was_kept_of_something_else(tmp_path: Path, kept: object, reason: str) -> None:
    file = tmp_path / "progress.json"
    file.write_bytes(kept if isinstance(kept, bytes) else msgspec.json.encode(kept))
    result = run("audit", "--progress", str(file))
    assert result.exit_code == statuses.USAGE
    assert reason in " ".join(result.output.split())


async def worked(house: House) -> None:
    async with house.process() as part:
        for number in range(5):
            await part.journal.decide(TALLY, add(f"cause-{number}"))


async def test_how_far_it_came_is_kept_and_gone_on_from(tmp_path: Path) -> None:
    house, file = House(), tmp_path / "progress.json"
    await worked(house)
    store, broker = MemoryStore(house.database), MemoryBroker(house.cluster, "again")
    await broker.start()
    end = await republished(store, broker, Kept("ingest", WANTED, {}), file)
    kept = msgspec.json.decode(file.read_bytes(), type=Kept)
    assert (end.events, kept.is_done, kept.positions) == (5, True, end.positions)
    assert len(house.said()) == 10
    assert (await republished(store, broker, kept, file)).events == 0, "there is nothing left"


async def test_a_broker_that_does_not_answer_leaves_what_was_kept_before(tmp_path: Path) -> None:
    house, file = House(), tmp_path / "progress.json"
    await worked(house)
    deaf = Deaf(house.cluster, "again")
    with pytest.raises(BrokerUnavailable):
        await asyncio.wait_for(
            republished(MemoryStore(house.database), deaf, Kept("ingest", WANTED, {}), file), PATIENCE_SECONDS
        )
    assert not file.exists()
