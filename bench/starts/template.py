"""A few units' whole lives in memory, and what they leave in each service's database: `python template.py FILE`.

It is run as a program with a checkout first on its path, and uses only what every revision of Concord has, so that
revisions are started on the same journal, each in its own words.
"""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import bson

from concord.chassis.clock import LoopClock
from concord.chassis.identity import Role
from concord.contracts.topics import PROJECTS
from simulation.house import ENVIRONMENT, House, call
from simulation.lives import SERVICES
from simulation.virtual_time import VirtualTimeLoop

NOW_US = 1_790_000_000_000_000
SETTLE_SECONDS = 30.0
LOT_UNITS = 20
PEOPLE = ("ann-1", "ann-2")
CLIENT, CLIENT_ID = "client/key", "local"
DEFINITION = {
    "label_schema": {"kind": "choice", "classes": ["no", "yes"]},
    "guideline": "Say yes or no.",
    "policy": {
        "overlap": {"initial": 2, "max": 2},
        "consensus": {"method": "majority"},
        "gold": {"rate": 0.0},
        "lot": {"size": LOT_UNITS, "seal_after_seconds": 86_400},
        "lease": {"seconds": 28_800},
        "audit": {"plan": "fraction", "fraction": 0.1},
    },
}

KINDS = ("closed", "to audit", "begun")
Documents = dict[tuple[str, str, str], Mapping[str, Any]]
"""By service, collection and id."""


class World:
    """The five services in memory, and one project in them."""

    def __init__(self) -> None:
        self.house = House(clock=LoopClock(NOW_US))
        self.services: dict[str, Any] = {}
        self.project_id = ""
        self.sent = 0

    async def begin(self) -> None:
        """Start everything, and define the project and its people."""
        for name, (settings, wire) in SERVICES.items():
            self.services[name] = wire(settings.from_environment(ENVIRONMENT), self.house.ports(name))
        await asyncio.gather(*(service.runtime.start() for service in self.services.values()))
        self.project_id = (await self.told("ingest", "PUT", "/v1/projects/starts", "client/key", DEFINITION))[
            "project_id"
        ]
        for person in PEOPLE:
            await self.told("assign", "PUT", f"/v1/annotators/{person}", "operator/op", {})
        await asyncio.sleep(SETTLE_SECONDS)

    async def told(self, service: str, method: str, path: str, who: str, body: Any = None) -> Any:
        """Call a route that must succeed."""
        role, subject = who.split("/")
        client_id = CLIENT_ID if role == "client" else None
        token = self.house.token(subject, Role(role), client_id=client_id)
        path, _, query = path.partition("?")
        answer = await call(self.services[service].application, method, path, token, body, query=query)
        assert answer.status < 300, (service, method, path, answer.status, answer.body)
        return answer.json()

    async def admit(self, count: int) -> list[str]:
        """Return the ids of so many fresh units."""
        names = [f"source-{number:06}" for number in range(self.sent, self.sent + count)]
        self.sent += count
        units = [{"id": name, "content": f"the text of {name}"} for name in names]
        report = await self.told("ingest", "POST", f"/v1/projects/{self.project_id}/units", CLIENT, units)
        await asyncio.sleep(SETTLE_SECONDS)
        return [unit["unit_id"] for unit in report["units"]]

    async def label(self, who: str, count: int) -> None:
        """Let somebody label so many units."""
        claim = {"units": count}
        path = f"/v1/projects/{self.project_id}/claims"
        offers = (await self.told("assign", "POST", path, f"annotator/{who}", claim))["assignments"]
        assert len(offers) == count
        for offer in offers:
            path = f"/v1/assignments/{offer['assignment_id']}/submission"
            await self.told("assign", "POST", path, f"annotator/{who}", {"label": "yes", "active_ms": 9_000})
        await asyncio.sleep(SETTLE_SECONDS)

    async def inspect(self) -> None:
        """Let an auditor say the same of all that is drawn."""
        while True:
            path = f"/v1/inspections?project_id={self.project_id}&limit=20"
            drawn = (await self.told("audit", "GET", path, "auditor/aud-1"))["inspections"]
            if not drawn:
                return
            verdicts = [{"unit_id": unit["unit_id"], "label": "yes"} for unit in drawn]
            await self.told("audit", "POST", "/v1/inspections", "auditor/aud-1", {"verdicts": verdicts})
            await asyncio.sleep(SETTLE_SECONDS)

    async def lots(self) -> list[dict[str, Any]]:
        """Return the project's lots."""
        path = f"/v1/projects/{self.project_id}/lots?limit=100"
        found: list[dict[str, Any]] = (await self.told("audit", "GET", path, CLIENT))["lots"]
        return found

    def documents(self) -> Documents:
        """Return everything that is in a database now."""
        return {
            (service, collection, document["_id"]): document
            for service, database in self.house.databases.items()
            for collection in database.collections()
            for document in database.dump(collection)
        }


async def lives() -> dict[str, Any]:
    """Return what stands in the databases beside the lives, and what each kind of life adds to it.

    A life is told with its ids: whoever copies it puts others of the same length in their places.
    """
    world = World()
    await world.begin()
    journal: dict[str, Any] = {
        "projects": [
            {"key": record.key, "value": record.value, "headers": [list(pair) for pair in record.headers]}
            for record in world.house.records(PROJECTS)
        ]
    }
    before = world.documents()
    closed = await world.admit(LOT_UNITS)
    for person in PEOPLE:
        await world.label(person, LOT_UNITS)
    await world.inspect()
    (lot,) = await world.lots()
    assert lot["status"] == "accepted", lot
    journal["closed"] = _life(world, before, [*closed, lot["lot_id"]])
    before = world.documents()
    resolved = await world.admit(LOT_UNITS)
    for name in PEOPLE:
        await world.label(name, LOT_UNITS)
    (waiting,) = [entry for entry in await world.lots() if entry["lot_id"] != lot["lot_id"]]
    journal["to audit"] = _life(world, before, [*resolved, waiting["lot_id"]])
    before = world.documents()
    begun = await world.admit(LOT_UNITS // 2)
    await world.label(PEOPLE[0], LOT_UNITS // 2)
    journal["begun"] = _life(world, before, begun)
    # What is no unit's or lot's own stands as it does in the end: that all of this was said, for one.
    ids = [identifier for kind in KINDS for identifier in journal[kind]["ids"]]
    after = world.documents()
    journal["basis"] = _listed(
        {key: entry for key, entry in after.items() if not any(which in key[2] for which in ids)}
    )
    return journal


def _life(world: World, before: Documents, ids: list[str]) -> dict[str, Any]:
    after = world.documents()
    return {"ids": ids, "documents": _listed({key: entry for key, entry in after.items() if before.get(key) != entry})}


def _listed(documents: Documents) -> list[dict[str, Any]]:
    return [
        {"service": service, "collection": collection, "document": document}
        for (service, collection, _), document in documents.items()
    ]


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        Path(sys.argv[1]).write_bytes(bson.encode(runner.run(lives())))
