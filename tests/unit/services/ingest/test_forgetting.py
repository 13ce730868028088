"""What came by the intake topic does not stay there in the clear."""

import json

from concord.chassis.broker.memory import MemoryBroker
from concord.chassis.broker.port import Outgoing, TopicPartition
from concord.contracts.topics import INTAKE, TOPICS
from services.ingest.intake import Forgetting
from tests.support.ingest import Ingest
from tests.support.settled import settled

CANARY = "canary in a tunnel"


def everything(ingest: Ingest) -> str:
    """Return all that could be read of the house's store and topics."""
    database, cluster = ingest.house.database("ingest"), ingest.house.cluster
    stored = [database.dump(collection) for collection in database.collections()]
    places = [TopicPartition(topic.name, number) for topic in TOPICS for number in range(topic.partitions)]
    return repr(stored) + repr([cluster.readable(place) for place in places])


async def publish(ingest: Ingest, name: str, content: str) -> None:
    event = {"specversion": "1.0", "id": name, "source": "/projects/k1-p", "type": "concord.unit.v1"}
    value = json.dumps({**event, "data": {"content": content, "subject": "somebody"}}).encode()
    await MemoryBroker(ingest.house.cluster, "client").publish([Outgoing(INTAKE.name, b"k", value)])


async def test_what_is_admitted_is_deleted_from_the_topic_and_what_is_erased_is_nowhere_then(project: Ingest) -> None:
    forgetting = Forgetting(MemoryBroker(project.house.cluster, "ingest"), project.handlers.lots.mine)
    await publish(project, "u1", CANARY)
    await settled(project.house, "ingest", project.service)
    assert CANARY in everything(project), "the topic has it"
    await forgetting.forget()
    assert CANARY not in everything(project)
    assert [entry["status"] for entry in await project.find("u1")] == ["admitted"]
    erased = await project.call("POST", "/v1/projects/k1-p/erasures", {"subject": "somebody", "reason": "asked"})
    assert erased.json()["erased"] == 1
    assert CANARY not in everything(project)
    await publish(project, "u2", "what comes later")
    await settled(project.house, "ingest", project.service)
    assert [entry["status"] for entry in await project.find("u1", "u2")] == ["erased", "admitted"]


async def test_what_is_not_read_yet_stays_and_other_processes_leave_it_to_who_has_the_place(project: Ingest) -> None:
    house, mine = project.house, project.handlers.lots.mine
    await publish(project, "u1", CANARY)
    await settled(house, "ingest", project.service)
    await project.kill()
    await publish(project, "u2", "not read yet")

    class Elsewhere:
        def open(self) -> tuple[int, ...]:
            return ()

    await Forgetting(MemoryBroker(house.cluster, "other"), Elsewhere()).forget()
    assert CANARY in everything(project)
    await Forgetting(MemoryBroker(house.cluster, "ingest"), mine).forget()
    assert CANARY not in everything(project)
    assert "not read yet" in everything(project)
