"""What is wrong is refused with the field and the cure, and poison on any topic keeps nobody waiting."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from concord.contracts.topics import DEAD_LETTERS, TOPICS
from concord.contracts.v1.dead_letters_pb2 import DeadLetter
from deploy.local.ports import Ports
from deploy.local.stack import Stack
from tests.support.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.real

POISON = b"\xff\xfe no event of any topic"
DEFINITION = {
    "label_schema": {"kind": "choice", "classes": ["no", "yes"]},
    "policy": {"consensus": {"method": "majority"}, "lease": {"seconds": 1}},
}


class House:
    """A running stack and how its services are called."""

    def __init__(self, stack: Stack, session: aiohttp.ClientSession) -> None:
        self.stack = stack
        self.session = session
        self.client = stack.issuer.client_key
        self.annotator = stack.issuer.token("annotator", "w1")

    async def call(self, service: str, method: str, path: str, token: str, body: Any = None) -> tuple[int, Any]:
        """Return status and body."""
        headers = {"authorization": f"Bearer {token}"}
        url = self.stack.addresses[service] + path
        async with self.session.request(method, url, json=body, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)

    async def refused(self, status: int, field: str, *request: Any) -> None:
        """Hold an answer to be a problem of this status that names the field and a cure."""
        answered, problem = await self.call(*request)
        assert answered == status, (request, problem)
        assert {"type", "title", "status", "detail"} <= problem.keys()
        if field:
            (error, *_) = problem["errors"]
            assert error["field"] == field
            assert error["cure"]
        else:
            assert problem["detail"]

    async def claimed(self, units: int = 1) -> list[dict[str, Any]]:
        """Return what the annotator is offered, once there is something."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                status, body = await self.call(
                    "assign", "POST", "/v1/projects/local-p/claims", self.annotator, {"units": units}
                )
                if status == 200 and body["assignments"]:
                    return list(body["assignments"])
                await asyncio.sleep(0.1)


@pytest.fixture
async def house(folder: Path) -> AsyncIterator[House]:
    async with Stack(folder, Ports.free()) as stack, aiohttp.ClientSession() as session:
        found = House(stack, session)
        assert (await found.call("ingest", "PUT", "/v1/projects/p", found.client, DEFINITION))[0] == 201
        operator = stack.issuer.token("operator", "boss")
        assert (await found.call("assign", "PUT", "/v1/annotators/w1", operator, {"kind": "human"}))[0] == 201
        yield found


async def test_every_wrong_request_names_the_field_and_the_cure(house: House) -> None:
    units = "/v1/projects/local-p/units"
    await house.refused(422, "colour", "ingest", "POST", units, house.client, {"id": "a", "content": "x", "colour": 1})
    await house.refused(422, "id", "ingest", "POST", units, house.client, {"id": "", "content": "x"})
    status, report = await house.call("ingest", "POST", units, house.client, [{"id": "", "content": "x"}])
    assert (status, report["refused"][0]["field"]) == (202, "id")
    await house.refused(
        404, "", "ingest", "POST", "/v1/projects/local-none/units", house.client, {"id": "a", "content": "x"}
    )
    await house.refused(
        401, "", "ingest", "POST", units, "cnc_0000000000000000_" + "0" * 40, {"id": "a", "content": "x"}
    )
    await house.refused(401, "", "ingest", "POST", units, "no.token.at-all", {"id": "a", "content": "x"})
    expired = house.stack.issuer.token("annotator", "w1", seconds=-60)
    await house.refused(401, "", "assign", "GET", "/v1/me", expired)
    await house.refused(403, "", "assign", "GET", "/v1/me", house.stack.issuer.token("auditor", "a1"))
    assert (await house.call("ingest", "POST", units, house.client, {"id": "a", "content": "x"}))[0] == 202
    (offered,) = await house.claimed()
    lease = f"/v1/assignments/{offered['assignment_id']}"
    await house.refused(422, "label", "assign", "POST", f"{lease}/submission", house.annotator, {"label": "perhaps"})
    other = house.stack.issuer.token("annotator", "w2")
    await house.refused(404, "assignment_id", "assign", "POST", f"{lease}/submission", other, {"label": "yes"})
    async with asyncio.timeout(PATIENCE_SECONDS):
        # A lease that has passed is the annotator's until it is ended, and would be renewed.
        while (await house.call("assign", "GET", f"{lease}/draft", house.annotator))[0] != 410:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    await house.refused(410, "assignment_id", "assign", "POST", f"{lease}/renew", house.annotator)


async def test_poison_on_every_topic_lies_in_dead_letters_and_the_way_goes_on(house: House) -> None:
    expected = {(reader, topic.name) for topic in TOPICS for reader in topic.readers}
    producer = AIOKafkaProducer(bootstrap_servers=house.stack.kafka_bootstrap)
    await producer.start()
    for topic in TOPICS:
        if topic is not DEAD_LETTERS:
            for partition in range(topic.partitions):
                await producer.send_and_wait(topic.name, POISON, key=b"poison", partition=partition)
    await producer.stop()
    units = [{"id": f"u{number}", "content": f"text {number}"} for number in range(20)]
    assert (await house.call("ingest", "POST", "/v1/projects/local-p/units", house.client, units))[0] == 202
    for offered in await house.claimed(20):
        path = f"/v1/assignments/{offered['assignment_id']}/submission"
        assert (await house.call("assign", "POST", path, house.annotator, {"label": "yes"}))[0] == 200
    letters = AIOKafkaConsumer(
        DEAD_LETTERS.name, bootstrap_servers=house.stack.kafka_bootstrap, auto_offset_reset="earliest"
    )
    await letters.start()
    found: dict[tuple[str, str], DeadLetter] = {}
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not expected <= found.keys():
                record = await letters.getone()
                letter = DeadLetter.FromString(record.value)
                found[letter.service, letter.topic] = letter
    except TimeoutError:
        pytest.fail(f"no dead letter of {sorted(expected - found.keys())}")
    finally:
        await letters.stop()
    for letter in found.values():
        assert letter.value == POISON
        assert letter.reason
