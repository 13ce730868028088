"""Metrics as a process on a real broker: Faust counts what comes, and nothing twice, whoever is killed when."""

import asyncio
import http
import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from concord.chassis.broker.kafka import KafkaBroker
from concord.chassis.broker.port import Outgoing
from concord.chassis.identity import IdentityFile, Role, SigningKey, mint_token
from concord.chassis.journal.announce import Announcer
from concord.contracts.topics import ANNOTATIONS, DEAD_LETTERS, PROJECTS, UNITS
from concord.contracts.v1.annotations_pb2 import AnnotationEvent, AnnotationSubmitted
from concord.contracts.v1.projects_pb2 import OverlapPolicy, Policy, ProjectDefined, ProjectEvent
from concord.contracts.v1.units_pb2 import UnitAdmitted, UnitEvent
from concord.labels import encoded
from concord.quality.krippendorff import krippendorff_alpha
from deploy.local.listeners import accepts
from deploy.local.ports import free_port
from deploy.local.topics import create_topics
from tests.support.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[2]
KAFKA = "CONCORD_TEST_KAFKA_BOOTSTRAP"
CLASSES = ["no", "yes"]
LIVES = 4


KEY = SigningKey.generate("test")


class Process:
    """One metrics process after another, on one port and one identity."""

    def __init__(self, folder: Path) -> None:
        self.key = KEY
        self.port = free_port()
        identity = folder / "identity.json"
        identity.write_bytes(msgspec.json.encode(IdentityFile("https://issuer.test", "concord", self.key.jwks())))
        self.environment = {
            "PATH": os.environ["PATH"],
            "CONCORD_ENVIRONMENT": "local",
            "CONCORD_KAFKA_BOOTSTRAP": os.environ[KAFKA],
            "CONCORD_MONGODB_URI": "mongodb://127.0.0.1:9",
            "CONCORD_IDENTITY_FILE": str(identity),
            "CONCORD_HTTP_PORT": str(self.port),
            "CONCORD_METRICS_KEEP_SECONDS": "0.3",
        }
        self.log = folder / f"metrics-{self.port}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "services.metrics"], cwd=ROOT, env=self.environment, stdout=log, stderr=log
            )

    async def until_ready(self) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text()[-3_000:]
            assert time.monotonic() < until, self.log.read_text()[-3_000:]
            if accepts(self.port):
                try:
                    await asyncio.to_thread(self._get, "/ready")
                except OSError:
                    pass
                else:
                    return
            await asyncio.sleep(0.2)

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def terminate(self) -> None:
        """Tell it to end, and hold that nothing of it died; a busy machine may not let it end in time."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE_SECONDS) in (0, 1)
        assert '"level": "critical"' not in self.log.read_text()

    async def get(self, path: str) -> Any:
        """Return the answer, asked again while a life that has just begun still counts what was told before it."""
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return json.loads(await asyncio.to_thread(self._get, path))
            except urllib.error.HTTPError as refusal:
                if refusal.code != http.HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > until:
                    raise
            await asyncio.sleep(0.2)

    def _get(self, path: str) -> bytes:
        token = mint_token(
            KEY,
            issuer="https://issuer.test",
            audience="concord",
            subject="operator",
            roles=[Role.OPERATOR],
            now_seconds=int(time.time()),
            lifetime_seconds=3_600,
        )
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", headers={"authorization": f"Bearer {token}"}
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            body: bytes = answer.read()
        return body


class Project:
    """Events of one project that no run before has used, and what must come of them."""

    def __init__(self, seed: int) -> None:
        self.client = f"t{uuid.uuid4().hex[:8]}"
        self.id = f"{self.client}-p"
        self.generator = random.Random(seed)
        self.labels: list[list[str]] = []
        self.records: list[Outgoing] = []
        defined = ProjectDefined(
            name="p",
            revision=1,
            label_schema=encoded({"kind": "choice", "classes": list(CLASSES)}),
            policy=Policy(overlap=OverlapPolicy(initial=2, max=5)),
        )
        self.definition = self._event(PROJECTS, self.id, ProjectEvent(project_defined=defined))

    def _event(self, topic: Any, key: str, envelope: Any) -> Outgoing:
        announcer = Announcer("test", uuid.uuid4().hex, time.time_ns() // 1_000)
        return announcer.event(topic, key, self.client, self.id, envelope)

    def label(self, units: int, gold: int = 0) -> Sequence[Outgoing]:
        """Return events of three annotators on some more units; gold ones first."""
        records = []
        for _ in range(units):
            number = len(self.labels)
            unit_id = f"{self.client}-u{number}"
            known = self.generator.choice(CLASSES)
            is_gold = number < gold
            gold_label = encoded(known) if is_gold else None
            admitted = UnitAdmitted(unit_id=unit_id, gold_label=gold_label, overlap_initial=3)
            records.append(self._event(UNITS, unit_id, UnitEvent(unit_admitted=admitted)))
            labels = [known if self.generator.random() < 0.85 else self.generator.choice(CLASSES) for _ in range(3)]
            self.labels.append(labels)
            for place, label in enumerate(labels, start=1):
                submitted = AnnotationSubmitted(
                    unit_id=unit_id,
                    annotation_id=f"{unit_id}.{place}",
                    annotator_id=f"annotator-{place}",
                    label=encoded(label),
                    active_ms=1_000,
                )
                records.append(self._event(ANNOTATIONS, unit_id, AnnotationEvent(annotation_submitted=submitted)))
        return records

    def alpha(self, gold: int = 0) -> float:
        counts = [[labels.count(class_name) for class_name in CLASSES] for labels in self.labels[gold:]]
        value = krippendorff_alpha(counts).value
        assert value is not None
        return value


@pytest.fixture
async def broker() -> AsyncIterator[KafkaBroker]:
    await create_topics(os.environ[KAFKA])
    found = KafkaBroker(os.environ[KAFKA], "test")
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
def metrics(tmp_path: Path) -> Iterator[Process]:
    found = Process(tmp_path)
    yield found
    found.end()


@pytest.fixture
def another(tmp_path: Path) -> Iterator[Process]:
    found = Process(tmp_path)
    yield found
    found.end()


async def counted(metrics: Process, project: Project, annotations: int, gold: int) -> Any:
    """Return the project's quality when so many annotations are in; more than that is a failure at once.

    Topics are read independently: an annotation counts towards agreement once its unit's admission is in as well.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        quality = await metrics.get(f"/v1/projects/{project.id}/quality")
        assert quality["annotations"] <= annotations, quality
        admitted = quality["alpha"]["units"] == len(project.labels) - gold and quality["gold_annotations"] == 3 * gold
        if quality["annotations"] == annotations and admitted:
            return quality
        assert time.monotonic() < until, (quality, metrics.log.read_text()[-3_000:])
        await asyncio.sleep(0.2)


async def test_what_is_told_is_counted_within_seconds_and_a_poisoned_record_set_aside(
    broker: KafkaBroker, metrics: Process
) -> None:
    project = Project(1)
    await broker.publish([project.definition, *project.label(100, gold=10)])
    metrics.start()
    await metrics.until_ready()
    await broker.publish([Outgoing(ANNOTATIONS.name, b"poison", b"\xff\xff\xff")])
    await broker.publish(project.label(50))
    quality = await counted(metrics, project, 450, gold=10)
    assert quality["alpha"]["value"] == pytest.approx(project.alpha(gold=10))
    assert quality["gold_annotations"] == 30
    annotators = (await metrics.get(f"/v1/projects/{project.id}/annotators"))["annotators"]
    assert {
        annotator["annotator_id"]: (annotator["gold_units"], annotator["annotations"]) for annotator in annotators
    } == {f"annotator-{place}": (10, 150) for place in (1, 2, 3)}
    letters = broker.subscribe([DEAD_LETTERS.name], group=None)
    await letters.start()
    async with asyncio.timeout(PATIENCE_SECONDS):
        # Before it may stand what other tests left on this broker.
        while not any(b"poison" in record.key for record in await letters.poll(1_000, 0.2)):
            pass
    await letters.stop()
    metrics.terminate()


async def test_killed_again_and_again_it_counts_everything_once(broker: KafkaBroker, metrics: Process) -> None:
    project = Project(2)
    await broker.publish([project.definition])
    annotations = 0
    for life in range(LIVES):
        metrics.start()
        await metrics.until_ready()
        for _ in range(5):
            await broker.publish(project.label(200, gold=20))
            annotations += 600
            await asyncio.sleep(0.1)
        if life < LIVES - 1:
            # Somewhere between fetched, counted, kept and committed.
            await asyncio.sleep(project.generator.random())
            metrics.kill()
    quality = await counted(metrics, project, annotations, gold=20)
    assert quality["alpha"]["value"] == pytest.approx(project.alpha(gold=20))
    assert quality["gold_annotations"] == 60
    metrics.terminate()
    metrics.start()
    await metrics.until_ready()
    again = await counted(metrics, project, annotations, gold=20)
    assert again["alpha"] == quality["alpha"]


async def test_two_processes_count_every_project_once_whoever_joins_is_killed_or_leaves(
    broker: KafkaBroker, metrics: Process, another: Process
) -> None:
    projects = [Project(seed) for seed in range(8)]
    annotations = 0

    async def label() -> None:
        nonlocal annotations
        for project in projects:
            await broker.publish(project.label(60))
        annotations += 180

    async def told_alike(*doors: Process) -> None:
        for project in projects:
            for door in doors:
                quality = await counted(door, project, annotations, gold=0)
                assert quality["alpha"]["value"] == pytest.approx(project.alpha(), abs=1e-9)

    await broker.publish([project.definition for project in projects])
    await label()
    metrics.start()
    await metrics.until_ready()
    await told_alike(metrics)
    another.start()
    await label()
    await another.until_ready()
    await told_alike(metrics, another)
    await label()
    metrics.kill()
    await label()
    await told_alike(another)
    metrics.start()
    await label()
    await metrics.until_ready()
    await told_alike(metrics, another)
    another.terminate()
    await label()
    await told_alike(metrics)
    metrics.terminate()
