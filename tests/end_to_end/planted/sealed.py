"""Canaries where nothing is replaced: they lie sealed, in no file, and once erased there is nothing left to open."""

import asyncio
import secrets
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from pymongo import MongoClient

from concord.contracts.topics import INTAKE
from tests.end_to_end.planted import places
from tests.end_to_end.planted.doors import CLIENT, Doors, Unit
from tests.end_to_end.planted.house import House
from tests.end_to_end.planted.people import People
from tests.end_to_end.planted.search import Hit, Searcher

if TYPE_CHECKING:
    from tests.end_to_end.planted.run import Outcome

PROJECT, SUBJECT = "sealed", "person 7"
LABELLED = 10
ERASED_A_REQUEST = 500
SEALED_BYTES = 64
"""Of what lies sealed, so many are looked for afterwards: its key, wrapped, and more."""
FILES_SECONDS_MAX = 900.0
LOOK_SECONDS = 10.0


class Sealed:
    """Sends canaries, has them labelled and erased, and looks for them before and after.

    Args:
        house: where.
        producer: writes to the intake.
        count: how many.
    """

    def __init__(self, house: House, producer: AIOKafkaProducer, count: int) -> None:
        self.house = house
        self.canaries = [f"canary-{secrets.token_hex(12)}" for _ in range(count)]
        self.doors = Doors(house, producer, f"local-{PROJECT}")
        self._searcher = Searcher(self.canaries)
        self._sealed: list[bytes] = []

    async def send(self) -> None:
        """Send them, every other as a subject's, by lines, the intake and a file; each with a model's word on it."""
        definition = {"label_schema": {"kind": "text"}, "policy": {"consensus": {"method": "majority"}}}
        client = self.house.stack.issuer.client_key
        await self.house.json(CLIENT, "ingest", "PUT", f"/v1/projects/{PROJECT}", definition, token=client)
        units = [self._unit(number, canary) for number, canary in enumerate(self.canaries)]
        await self.doors.lines(units[0::3])
        await self.doors.intake(units[1::3])
        await self.doors.file([{"id": unit["id"], "content": unit["content"]} for unit in units[2::3]])

        async def known() -> int:
            return len([unit for unit in await self._found() if unit["status"] == "admitted"])

        await self.house.until(known, lambda count: count == len(units))

    def _unit(self, number: int, canary: str) -> Unit:
        unit: Unit = {"id": f"c{number}", "content": f"number {number} says {canary}, and more"}
        if number % 2:
            unit["subject"] = SUBJECT
        if number % 4 > 1:
            unit["suggestion"] = {"label": "it says so", "model": "m-1"}
        return unit

    async def _found(self) -> list[dict[str, Any]]:
        client, found = self.house.stack.issuer.client_key, []
        names = [f"c{number}" for number in range(len(self.canaries))]
        for begin in range(0, len(names), ERASED_A_REQUEST):
            body = {"ids": names[begin : begin + ERASED_A_REQUEST]}
            path = f"{self.doors.base}/units/find"
            answer = await self.house.json(CLIENT, "ingest", "POST", path, body, token=client, keep=False)
            found += answer["units"]
        return found

    async def label(self) -> None:
        """Have somebody open some of them."""
        people = People(self.house, f"local-{PROJECT}", ["w1"])
        await people.see(min(LABELLED, len(self.canaries)))
        assert any(self._searcher.find([("shown", content) for content in people.shown.values()])), "they are shown"

    async def check_before(self, outcome: "Outcome") -> None:
        """Look for them while they can be opened."""
        outcome.leaks += [hit async for hit in self._look("before erasure")]
        self._sealed = list(self._contents())
        outcome.figures["sealed_before"] = len(self._sealed)

    async def erase(self) -> None:
        """Erase every other by its id, and the others by their subject."""
        client, path = self.house.stack.issuer.client_key, f"{self.doors.base}/erasures"
        # A file has no column for subjects: those are erased by their ids, too.
        by_id = [f"c{number}" for number in range(len(self.canaries)) if number % 2 == 0 or number % 3 == 2]
        for begin in range(0, len(by_id), ERASED_A_REQUEST):
            body = {"reason": "asked for", "ids": by_id[begin : begin + ERASED_A_REQUEST]}
            await self.house.json(CLIENT, "ingest", "POST", path, body, token=client)
        while (
            await self.house.json(
                CLIENT, "ingest", "POST", path, {"reason": "asked for", "subject": SUBJECT}, token=client
            )
        ).get("more"):
            pass

    async def check_after(self, outcome: "Outcome", *, intake_too: bool) -> None:
        """Look for them, and for what could still be opened, after they were erased.

        Args:
            outcome: is told.
            intake_too: whether to wait until the broker has dropped what the intake held.
        """
        left = [unit for unit in await self._found() if unit["status"] != "erased"]
        outcome.leaks += [Hit("ingest's answer", unit["source_id"], "not erased") for unit in left]
        outcome.leaks += [Hit("store ingest", "a sealed content", "with its key") for _ in self._contents()]
        outcome.leaks += [hit async for hit in self._look("after erasure")]
        parts = {content[:SEALED_BYTES] for content in self._sealed}
        old = {part for _, content in places.files(self.house.stack) for part in parts if part in content}
        outcome.figures["sealed_in_old_blocks_after"] = len(old)
        if intake_too:
            await self._roll_intake()
            outcome.figures["intake_files_seconds"] = round(await self._dropped(outcome), 0)

    async def _look(self, when: str) -> Any:
        house = self.house
        for things in (
            await places.records(house.stack.kafka_bootstrap),
            places.documents(house.stack.mongodb_uri),
            places.logs(house.stack),
            [("trace or metric", body) for body in house.collector.bodies],
            [("webhook", body) for body in house.hooked],
            [reply for reply in house.replies if "a payload" not in reply[0] and "a suggestion" not in reply[0]],
            places.files(house.stack),
        ):
            for hit in self._searcher.find(things):
                if not hit.place.startswith("intake's file"):
                    yield hit._replace(place=f"{hit.place} {when}")

    def _contents(self) -> Iterator[bytes]:
        """Yield what lies sealed of the project in ingest's store."""
        client: MongoClient[Any] = MongoClient(self.house.stack.mongodb_uri)
        try:
            for name in client.list_database_names():
                if "ingest" in name:
                    for document in client[name]["units"].find():
                        if f"{PROJECT}" in str(document.get("told", b"")):
                            yield from (
                                bytes(document[part])
                                for part in ("content", "originals", "suggestion")
                                if part in document
                            )
        finally:
            client.close()

    async def _roll_intake(self) -> None:
        """Have the broker begin new files of the intake soon, and write to each of its partitions."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.house.stack.kafka_bootstrap)
        await admin.start()
        settings = {
            "cleanup.policy": "delete",
            "retention.ms": str(INTAKE.retention_seconds * 1000),  # type: ignore[operator]  # it is no table
            "segment.ms": "2000",
            "file.delete.delay.ms": "1000",
        }
        try:
            await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, INTAKE.name, settings)])
        finally:
            await admin.close()

    async def _dropped(self, outcome: "Outcome") -> float:
        """Wait until no file of the intake has any, writing on now and then; return for how long."""
        began = time.monotonic()
        producer = AIOKafkaProducer(bootstrap_servers=self.house.stack.kafka_bootstrap)
        await producer.start()
        try:
            while True:
                for number in range(INTAKE.partitions):
                    await producer.send_and_wait(INTAKE.name, b"no event", partition=number)
                left = list(self._searcher.find(places.files(self.house.stack)))
                if not left or time.monotonic() - began > FILES_SECONDS_MAX:
                    outcome.leaks += [hit._replace(place=f"{hit.place} at the end") for hit in left]
                    return time.monotonic() - began
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            await producer.stop()
