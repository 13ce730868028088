"""Projects as the services see them: rows of the projects topic, whole and checked."""

import random
from typing import Any

import pytest

from concord.chassis.broker.memory import MemoryBroker, MemoryCluster
from concord.chassis.broker.port import Outgoing
from concord.chassis.projects import project_from, project_table
from concord.contracts.codec import decode, encode, schema_headers
from concord.contracts.topics import PROJECTS
from tests.support.golden import FOLDER
from tests.unit.concord.chassis.hand_clock import HandClock


def golden() -> Any:
    return decode(PROJECTS, (FOLDER / f"{PROJECTS.name}.ProjectDefined.binpb").read_bytes())


def test_a_project_has_all_that_its_event_tells() -> None:
    event = golden()
    project = project_from(event)
    body = event.project_defined
    assert (project.project_id, project.client_id, project.revision) == ("k7q2-rte", "k7q2", body.revision)
    assert (project.guideline_version, project.guideline_text) == (body.guideline_version, body.guideline_text)
    assert project.schema.spec() == {"kind": "choice", "classes": ["no", "yes"]}
    assert (project.policy, project.targets) == (body.policy, body.targets)


@pytest.mark.parametrize(
    "schema", [b"", b"{", b"[]", b'{"kind":"ghost"}', b'{"kind":"choice","classes":[]}', b"\xff", b"[" * 10_000]
)
def test_a_label_schema_that_is_none_is_told_as_a_value_that_cannot_be(schema: bytes) -> None:
    event = golden()
    event.project_defined.label_schema = schema
    with pytest.raises(ValueError, match=r"^\$"):
        project_from(event)


def test_an_event_of_another_kind_defines_no_project() -> None:
    event = golden()
    event.ClearField("project_defined")
    with pytest.raises(ValueError, match="defines no project"):
        project_from(event)


async def test_the_table_finds_a_project_by_its_id() -> None:
    clock = HandClock()
    broker = MemoryBroker(MemoryCluster(clock, random.Random(1)), "tested")
    event = golden()
    await broker.publish([Outgoing(PROJECTS.name, b"k7q2-rte", encode(event), schema_headers())])
    table = project_table(broker, clock)
    await table.start()
    assert (await table.get("k7q2-rte")).guideline_version == event.project_defined.guideline_version
    await table.stop()
