"""`concord recount` against metrics' own door: what is live is what the topics hold, and what is not is named."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import uvicorn
from click.testing import CliRunner, Result

from cli import recount, recounting, statuses
from cli.main import main
from cli.session import TOKEN
from concord.chassis.broker.memory import MemoryBroker
from concord.chassis.broker.port import Outgoing
from concord.chassis.identity import Role
from concord.chassis.journal.record import JOURNAL, Commit, Entry
from concord.chassis.store.memory import MemoryStore
from concord.chassis.store.mongo import MongoStore
from concord.contracts.v1.lots_pb2 import LotAccepted, LotRejected
from concord.contracts.v1.resolutions_pb2 import Adjudicated, ConsensusReached, Escalated, GoldFlagged, GoldRuled
from concord.labels import encoded
from services.ingest.domain.project import Overlap, Policy
from services.metrics.recount import Recount
from simulation.house import House
from tests.support.service import until
from tests.support.upstream import CLIENT, PROJECT
from tests.unit.services.metrics.running import Metrics, measure_of, start

CLASSES = ["maybe", "no", "yes"]
FORM = {
    "kind": "form",
    "fields": [
        {"name": "toxic", "schema": {"kind": "choice", "classes": ["no", "yes"]}},
        {"name": "severity", "schema": {"kind": "rating", "lowest": 1, "highest": 5}},
    ],
}
UNITS = 40


class Empty(msgspec.Struct):
    """What a record says of its aggregate, which no recount looks at."""


@pytest.fixture
async def metrics(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Metrics]:
    monkeypatch.setattr("services.metrics.bootstrap.MEASURE_SECONDS", 0.05)
    running = await start(House())
    yield running
    await running.stop()


@asynccontextmanager
async def served(metrics: Metrics, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    listening = socket.create_server(("127.0.0.1", 0))
    # The runtime is started already, and a door of a test says nothing to the log.
    server = uvicorn.Server(uvicorn.Config(metrics.service.application, log_level="critical", lifespan="off"))
    task = asyncio.create_task(server.serve([listening]))
    monkeypatch.setenv("CONCORD_METRICS_URL", f"http://127.0.0.1:{listening.getsockname()[1]}")
    monkeypatch.setenv("CONCORD_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    monkeypatch.setenv(TOKEN, metrics.house.token("client", Role.CLIENT, client_id=CLIENT))
    # The broker alone is another: in this process there is none to connect to.
    monkeypatch.setattr(recount, "KafkaBroker", lambda *_, **__: MemoryBroker(metrics.house.cluster, "recount"))
    monkeypatch.setattr(recount, "WAIT_SECONDS", 0.05)
    monkeypatch.setattr(recounting, "WAIT_SECONDS", 0.05)
    monkeypatch.setenv("CONCORD_MONGODB_URI", "mongodb://127.0.0.1:1")
    monkeypatch.setattr(MongoStore, "connect", lambda _, name, *__: MemoryStore(metrics.house.database(name)))
    yield
    server.should_exit = True
    await task


async def concord(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, main, list(arguments))


async def labelled(metrics: Metrics, answer: Any) -> None:
    """Tell of everything that there is: gold, revisions, late labels, rework, lots that leave and that do not."""
    generator, upstream = random.Random(9), metrics.upstream
    ids = [f"k1-u{number}" for number in range(UNITS)]
    for number, unit_id in enumerate(ids):
        gold = answer(generator) if number % 5 == 0 else None
        await upstream.unit(unit_id, gold=gold, times=generator.choice([1, 2]))
        for place in range(generator.choice([1, 2, 3])):
            late = generator.random() < 0.1
            who = generator.choice(["ann", "bob", "cem"])
            times = generator.choice([1, 1, 2])
            await upstream.annotation(unit_id, place, who, answer(generator), late=late, times=times)
        label = encoded(answer(generator))
        if gold is None and number % 3 == 0:
            reached = ConsensusReached(unit_id=unit_id, label=label, overlap_initial=2)
            await upstream.resolution(unit_id, consensus_reached=reached)
        elif gold is None and number % 3 == 1:
            await upstream.resolution(unit_id, escalated=Escalated(unit_id=unit_id, overlap_initial=2))
            if number % 2:
                await upstream.resolution(unit_id, adjudicated=Adjudicated(unit_id=unit_id, label=label))
    # Of gold: one corrected, told twice and out of order, one in doubt, one retired, and of one nothing.
    ruled = GoldRuled(unit_id=ids[0], revision=2, outcome="corrected", known_label=encoded(answer(generator)))
    await upstream.resolution(ids[0], gold_ruled=ruled)
    for unit_id in (ids[0], ids[5], ids[10]):
        await upstream.resolution(unit_id, gold_flagged=GoldFlagged(unit_id=unit_id, revision=1))
    await upstream.resolution(ids[10], gold_ruled=GoldRuled(unit_id=ids[10], revision=2, outcome="retired"))
    await upstream.erased(ids[7])
    for number, lot_id in enumerate(("k1-l1", "k1-l2")):
        await upstream.lot(lot_id, ids[20 * number : 20 * number + 20])
    rejected = LotRejected(lot_id="k1-l1", unit_ids=ids[:10], on_reject="relabel", inspected=10, errors=3)
    await upstream.lots("k1-l1", lot_rejected=rejected)
    for unit_id in ids[:4]:
        for place, who in enumerate(("ann", "bob"), start=5):
            await upstream.annotation(unit_id, place, who, answer(generator), rework=1)
    await upstream.lots("k1-l2", lot_accepted=LotAccepted(lot_id="k1-l2", inspected=12, errors=1, lot_units=20))


def choice(generator: random.Random) -> Any:
    return generator.choice(CLASSES)


def form(generator: random.Random) -> Any:
    answers = {"toxic": generator.choice(["no", "yes"]), "severity": generator.choice([1, 3, 5])}
    return {"answers": answers}


@pytest.mark.parametrize(("schema", "answer"), [({"kind": "choice", "classes": CLASSES}, choice), (FORM, form)])
async def test_what_is_live_is_what_the_topics_hold_to_the_ninth_digit(
    metrics: Metrics, monkeypatch: pytest.MonkeyPatch, schema: Any, answer: Any
) -> None:
    await metrics.upstream.project(Policy(overlap=Overlap(initial=2, max=5)), schema=schema)
    await labelled(metrics, answer)
    async with served(metrics, monkeypatch):
        result = await concord("recount", PROJECT)
        assert (result.exit_code, "EQUAL" in result.output) == (statuses.OK, True), result.output
        for figure in ("alpha.low", "gwet_ac1", "units_escalated", "lots.errors", "kappa of ann and bob"):
            assert figure in result.output
        assert "severity: alpha" in result.output or schema is not FORM


async def into_journals(metrics: Metrics) -> None:
    """Write what was told into the journals of its writers, some of it twice, as it is where it was said in doubt."""
    for topic in recounting.TOPICS.values():
        store = MemoryStore(metrics.house.database(f"concord_{topic.writer}"))
        await store.prepare([JOURNAL])
        for number, record in enumerate(metrics.house.records(topic)):
            events = [Outgoing(topic.name, record.key, record.value, record.headers)] * (1 + number % 2)
            for client in (CLIENT, "k2"):
                entry = Entry(f"{client}/any/{topic.name}{number}", 1, [str(number)], 1, Empty(), events, b"")
                await store.insert(JOURNAL.name, [entry.document(Commit("one", number))])


async def test_what_is_live_is_what_the_journals_hold_though_the_topics_are_gone(
    metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    await metrics.upstream.project(Policy(overlap=Overlap(initial=2, max=5)), classes=CLASSES)
    await labelled(metrics, choice)
    await into_journals(metrics)
    async with served(metrics, monkeypatch):
        monkeypatch.setattr(recount, "KafkaBroker", None)  # none is asked
        result = await concord("recount", PROJECT, "--journals")
    assert (result.exit_code, "EQUAL" in result.output) == (statuses.OK, True), result.output
    assert "kappa of ann and bob" in result.output


async def test_a_figure_that_is_not_what_the_topics_hold_is_named(
    metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recount, "LOOKS_MAX", 2)
    await metrics.upstream.project(Policy(overlap=Overlap(initial=2, max=5)), classes=CLASSES)
    await labelled(metrics, choice)
    await metrics.settle()
    rows = measure_of(metrics.service).repository.rows_of(PROJECT)
    assert rows is not None
    await until(lambda: PROJECT not in rows.changed)
    rows.sums_of(PROJECT).labels += 1
    async with served(metrics, monkeypatch):
        result = await concord("recount", PROJECT)
    assert result.exit_code == statuses.BROKEN
    assert result.output.rstrip().endswith("DIFFERENT: annotations_counted")


def test_a_project_that_the_topics_do_not_hold_is_not_called_equal() -> None:
    with pytest.raises(ValueError, match="k1-p is not defined in what was read"):
        Recount(PROJECT).figures()
