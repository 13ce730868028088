"""Two processes of a service on a real broker: one leaves in order, one is killed; nobody is told anything wrong."""

import asyncio
import os
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from concord.chassis.identity import IdentityFile, Role, SigningKey, mint_token
from concord.contracts.ids import slot_of_project
from concord.contracts.topics import PLACES_LOCAL, TOPICS
from deploy.local.listeners import accepts
from deploy.local.ports import free_port
from deploy.local.topics import create_topics
from tests.support.patience import PATIENCE_SECONDS
from tests.support.placed_service import GROUP_VARIABLE

KAFKA = os.environ.get("CONCORD_TEST_KAFKA_BOOTSTRAP", "")
ROOT = Path(__file__).parents[4]
PAUSE_SECONDS = 0.02

pytestmark = [pytest.mark.real, pytest.mark.skipif(not KAFKA, reason="needs a broker; `make test` starts one")]

PROJECTS = {
    slot_of_project(project_id) % PLACES_LOCAL: project_id
    for project_id in (f"k7q2-project-{number}" for number in range(200))
}
"""One project in every place."""


class Processes:
    """Processes of one service, and a caller of any of them.

    Attributes:
        answers: what each place's project was answered, in order: when, by which door, and by which process; None: 503.
    """

    def __init__(self, folder: Path) -> None:
        key = SigningKey.generate("test")
        self.folder = folder
        identity = folder / "identity.json"
        identity.write_bytes(msgspec.json.encode(IdentityFile("https://issuer.test", "concord", jwks=key.jwks())))
        self.environment = {
            "PATH": os.environ["PATH"],
            "CONCORD_ENVIRONMENT": "local",
            "CONCORD_KAFKA_BOOTSTRAP": KAFKA,
            "CONCORD_MONGODB_URI": "mongodb://127.0.0.1:9",
            "CONCORD_IDENTITY_FILE": str(identity),
            "CONCORD_PLACES": str(PLACES_LOCAL),
            GROUP_VARIABLE: f"placed-{uuid.uuid4().hex[:8]}",
        }
        token = mint_token(
            key,
            issuer="https://issuer.test",
            audience="concord",
            subject="operator",
            roles=[Role.OPERATOR],
            now_seconds=int(time.time()),
            lifetime_seconds=3_600,
        )
        self.headers = {"authorization": f"Bearer {token}"}
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.answers: dict[int, list[tuple[float, str, str | None]]] = {place: [] for place in PROJECTS}
        self.wrong: list[str] = []

    async def begin(self) -> str:
        """Start one more process and return its address once it is ready."""
        port = free_port()
        address = f"http://127.0.0.1:{port}"
        self._start(address, port)
        async with aiohttp.ClientSession() as session, asyncio.timeout(PATIENCE_SECONDS):
            while True:
                assert self.running[address].poll() is None, (self.folder / f"{port}.log").read_text()[-3_000:]
                if accepts(port):
                    async with session.get(f"{address}/ready") as answer:
                        if answer.status == 200:
                            return address
                await asyncio.sleep(PAUSE_SECONDS)

    def _start(self, address: str, port: int) -> None:
        with (self.folder / f"{port}.log").open("ab") as log:
            self.running[address] = subprocess.Popen(
                [sys.executable, "-m", "tests.support.placed_service"],
                cwd=ROOT,
                env={**self.environment, "CONCORD_HTTP_PORT": str(port)},
                stdout=log,
                stderr=log,
            )

    def end(self, address: str, how: signal.Signals) -> None:
        self.running[address].send_signal(how)

    async def call(self, doors: Sequence[str]) -> None:
        """Ask for every place's project, at one door after another, until cancelled."""
        async with aiohttp.ClientSession(headers=self.headers) as session:
            turn = 0
            while True:
                for place, project_id in PROJECTS.items():
                    turn += 1
                    await self._ask(session, doors[turn % len(doors)], place, project_id)
                await asyncio.sleep(PAUSE_SECONDS)

    async def _ask(self, session: aiohttp.ClientSession, door: str, place: int, project_id: str) -> None:
        async with session.get(f"{door}/v1/projects/{project_id}/units") as answer:
            at: str | None = None
            if answer.status == 200:
                at = (await answer.json())["at"]
            elif (answer.status, answer.headers.get("retry-after")) != (503, "1"):
                self.wrong.append(f"{answer.status}: {await answer.text()}")
            self.answers[place].append((time.monotonic(), door, at))

    def owners(self) -> dict[int, str | None]:
        """Return who served each place the last time."""
        return {place: answers[-1][2] if answers else None for place, answers in self.answers.items()}

    async def asked_anew(self, door: str) -> None:
        """Return when each place's project was asked for at this door twice more: whatever else was begun has ended."""
        before = {place: len(answers) for place, answers in self.answers.items()}

        def asked() -> bool:
            new = (answers[before[place] :] for place, answers in self.answers.items())
            return all(sum(at == door for _, at, _ in answers) > 1 for answers in new)

        await until(asked)

    def gap(self, place: int, since: float) -> float:
        """Return for how long a place was not served, after this moment; where it always was, between two answers."""
        times = [since, *(at for at, _, owner in self.answers[place] if owner is not None and at >= since)]
        return max(later - earlier for earlier, later in pairwise(times))


@pytest.fixture
async def processes(tmp_path: Path) -> AsyncIterator[Processes]:
    await create_topics(KAFKA, TOPICS)
    found = Processes(tmp_path)
    yield found
    for process in found.running.values():
        process.kill()
        process.wait()


async def until(holds: Any) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not holds():  # noqa: ASYNC110  # what is waited for has no event to set
            await asyncio.sleep(PAUSE_SECONDS)


def shared(found: Processes, *addresses: str) -> bool:
    """Return whether the processes serve as many places each."""
    share = len(PROJECTS) // len(addresses)
    return Counter(found.owners().values()) == dict.fromkeys(addresses, share)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_the_projects_of_a_process_that_ends_go_on_at_the_other_and_its_own_never_stop(
    processes: Processes, how: signal.Signals, record_property: Any
) -> None:
    text, two = await processes.begin(), await processes.begin()
    both = asyncio.create_task(processes.call([text, two]))
    await until(lambda: shared(processes, text, two))
    both.cancel()
    calling = asyncio.create_task(processes.call([text]))
    await processes.asked_anew(text)
    before = processes.owners()
    assert shared(processes, text, two)
    ended = time.monotonic()
    processes.end(two, how)
    await until(lambda: shared(processes, text))
    await processes.asked_anew(text)
    calling.cancel()
    assert processes.wrong == [], "whatever happens, a request is answered by its owner or told 503 for a second"
    kept = [place for place, address in before.items() if address == text]
    for place in kept:
        unserved = [at for at, _, owner in processes.answers[place] if at >= ended and owner is None]
        assert not unserved, "who keeps a place never stops serving it"
    gaps = [processes.gap(place, ended) for place in PROJECTS if place not in kept]
    record_property("seconds_without_an_answer_max", max(gaps))
    if how is signal.SIGTERM:
        assert processes.running[two].wait(PATIENCE_SECONDS) == 0


async def test_a_process_that_joins_takes_its_share_and_every_door_finds_every_owner(
    processes: Processes, record_property: Any
) -> None:
    text = await processes.begin()
    calling = asyncio.create_task(processes.call([text]))
    await until(lambda: shared(processes, text))
    began = time.monotonic()
    two = await processes.begin()
    await until(lambda: shared(processes, text, two))
    calling.cancel()
    calling = asyncio.create_task(processes.call([two]))
    await processes.asked_anew(two)
    await until(lambda: shared(processes, text, two))
    calling.cancel()
    assert processes.wrong == []
    gaps = [processes.gap(place, began) for place in PROJECTS]
    record_property("seconds_without_an_answer_max", max(gaps))
