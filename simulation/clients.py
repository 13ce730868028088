"""Clients: they define a project, send units through every door, send again what was not acknowledged, and export."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from concord.chassis.broker.memory import MemoryBroker
from concord.chassis.broker.port import BrokerUnavailable, Outgoing
from concord.chassis.identity import Role
from concord.contracts.topics import INTAKE
from simulation.faults import BrokerFaults, Passage
from simulation.notebook import Admitted, Exported, Unit
from simulation.town import LABELS, Person, Town, canonical

UNSEEN_NAME = "Nightingale"
"""Stands in every project's name and in every source id: no annotator may ever see it."""
BATCH_UNITS_MAX = 5
BETWEEN_BATCHES_SECONDS = 6.0
LOOK_SECONDS = 10.0
NDJSON = (("content-type", "application/x-ndjson"),)
DOORS = ("json", "ndjson", "structured", "binary")


class Client(Person):
    """One client with one project.

    Args:
        town: where it lives.
        number: tells it from others.
        units: how many units it has.
        annotators: whom it may name.
    """

    def __init__(self, town: Town, number: int, units: int, annotators: Sequence[str]) -> None:
        self.client_id = f"k{number}"
        super().__init__(town, f"key-{number}", Role.CLIENT, client_id=self.client_id)
        self.project_id = f"{self.client_id}-p"
        self.annotators = annotators
        self.definition = self._definition()
        passage = Passage(town.network.weather, self.generator, crash=None)
        self.broker = MemoryBroker(town.house.cluster, self.name, BrokerFaults(passage))
        self.units = [self._unit(place) for place in range(units)]
        self.exported: set[str] = set()

    def _definition(self) -> dict[str, Any]:
        draw = self.generator
        classes = list(LABELS[:: draw.choice((1, 2))])
        initial = draw.randint(1, 3)
        policy = {
            "overlap": {"initial": initial, "max": draw.randint(initial, 5)},
            "consensus": {
                "method": draw.choice(("posterior", "majority")),
                "confidence": draw.choice((0.55, 0.7, 0.95)),
            },
            "gold": {"rate": draw.choice((0.0, 0.1, 0.3))},
            "sampling": {"rate": draw.choice((1.0, 1.0, 0.8))},
            "lot": {"size": draw.randint(3, 12), "seal_after_seconds": draw.randint(5, 60)},
            "lease": {"seconds": draw.choice((0, 15, 40)), "renewals_max": 1},
            "audit": {
                "plan": draw.choice(("sequential", "single", "fraction")),
                "fraction": 0.5,
                "aql": 0.1,
                "ltpd": 0.4,
                "on_reject": draw.choice(("relabel", "inspect_all")),
            },
        }
        schema = {"kind": "choice", "classes": classes}
        return {"name": f"{UNSEEN_NAME} {self.client_id}", "label_schema": schema, "policy": policy}

    def _unit(self, place: int) -> dict[str, Any]:
        draw = self.generator
        text = f"text {place} of project {self.project_id}"
        content: Any = text if draw.random() < 0.5 else {"premise": text, "hypothesis": [place, text]}
        truth = draw.choice(self.definition["label_schema"]["classes"])
        self.town.truths[canonical(content)] = truth
        sent: dict[str, Any] = {"id": f"{UNSEEN_NAME}/{place}", "content": content}
        if draw.random() < 0.15:
            sent["gold"] = truth
        if draw.random() < 0.1:
            sent["annotators"] = draw.sample(list(self.annotators), len(self.annotators))
        elif draw.random() < 0.1:
            sent["skills"] = ["law"]
        if draw.random() < 0.2:
            sent["priority"] = draw.randint(-5, 5)
        unit = Unit(self.project_id, sent["id"], content, truth, "gold" in sent, tuple(sent.get("annotators", ())))
        self.town.notebook.units[self.project_id, sent["id"]] = unit
        return sent

    async def live(self) -> None:
        """Do what a client does, to the end."""
        self.town.sending.add(self.name)
        await self._define()
        waiting = list(self.units)
        while waiting:
            size = self.generator.randint(1, BATCH_UNITS_MAX)
            batch, waiting = waiting[:size], waiting[size:]
            await self._send(batch)
            if self.chance(0.3):
                await self._send(batch)
            if self.chance(0.2):
                await self._misbehave(batch[0])
            if self.chance(0.1):
                self.definition["guideline"] = f"Say what holds ({self.generator.random()})."
                await self._define()
            await asyncio.sleep(self.generator.expovariate(1 / BETWEEN_BATCHES_SECONDS))
        while unacknowledged := [sent for sent in self.units if not self._acknowledged(sent["id"])]:
            await self._send(unacknowledged)
        self.town.sending.discard(self.name)
        if self.chance(0.5):
            await self.insist("ingest", "POST", f"/v1/projects/{self.project_id}/seal")
        await self._follow()

    def _acknowledged(self, source_id: str) -> bool:
        key = (self.project_id, source_id)
        told = {(one.project_id, one.source_id) for one in self.town.notebook.admitted}
        return key in told or key in self.town.notebook.published

    async def _define(self) -> None:
        wrong = {**self.definition, "policy": {"overlap": {"initial": 3, "max": 2}}}
        refused = await self.insist("ingest", "PUT", "/v1/projects/p", wrong)
        if refused is not None and refused.status != 422:
            self.town.notebook.wrongs.append(f"a policy out of range was answered {refused.status}")
        answer = None
        while answer is None:
            answer = await self.insist("ingest", "PUT", "/v1/projects/p", self.definition)
        if answer.status not in (200, 201):
            self.town.notebook.wrongs.append(f"{self.project_id} was refused: {answer.body!r}")
        self.town.notebook.projects[self.project_id] = answer.json()

    async def _send(self, batch: Sequence[dict[str, Any]]) -> None:
        """Send a batch through one of the doors."""
        door = self.generator.choice(DOORS)
        if door in ("structured", "binary"):
            await self._publish([self._cloud_event(sent, door) for sent in batch])
            self.town.notebook.published.update((self.project_id, sent["id"]) for sent in batch)
            return
        path = f"/v1/projects/{self.project_id}/units"
        if door == "json":
            answer = await self.insist("ingest", "POST", path, list(batch))
        else:
            lines = b"\n".join(json.dumps(sent).encode() for sent in batch)
            answer = await self.insist(
                "ingest", "POST", path, lines, headers=[("content-type", "application/x-ndjson")]
            )
        if answer is not None:
            self._note_report(batch, answer.status, answer.json())

    def _note_report(self, batch: Sequence[dict[str, Any]], status: int, report: dict[str, Any]) -> None:
        wrongs = self.town.notebook.wrongs
        if status != 202:
            wrongs.append(f"units of {self.project_id} were answered {status}: {report}")
            return
        counted = sum(report[name] for name in ("admitted", "repeated", "left_out", "refused_count"))
        if counted != len(batch) or report["refused_count"]:
            wrongs.append(f"of {len(batch)} good units of {self.project_id} the report says {report}")
        for told in report["units"]:
            if told["status"] == "left_out":
                self.town.notebook.left_out.add(told["unit_id"])
            self.town.notebook.admitted.append(
                Admitted(self.project_id, told["source_id"], told["unit_id"], told["status"])
            )

    def _cloud_event(self, sent: dict[str, Any], mode: str) -> Outgoing:
        data = {name: value for name, value in sent.items() if name != "id"}
        attributes = {
            "specversion": "1.0",
            "id": sent["id"],
            "source": f"/projects/{self.project_id}",
            "type": "concord.unit.v1",
        }
        key = str(sent["id"]).encode()
        if mode == "structured":
            value = json.dumps({**attributes, "data": data}).encode()
            return Outgoing(INTAKE.name, key, value, (("content-type", b"application/cloudevents+json"),))
        headers = tuple((f"ce_{name}", text.encode()) for name, text in attributes.items())
        return Outgoing(INTAKE.name, key, json.dumps(data).encode(), (("content-type", b"application/json"), *headers))

    async def _publish(self, records: Sequence[Outgoing]) -> None:
        while True:
            try:
                await self.broker.publish(records)
            except BrokerUnavailable:
                await asyncio.sleep(1.0)
            else:
                return

    async def _misbehave(self, good: dict[str, Any]) -> None:
        """Send what must be refused: without content, under an unknown field, under a taken name, to nowhere."""
        name = f"{UNSEEN_NAME}/bad-{self.generator.random()}"
        self.town.notebook.unwanted.add((self.project_id, name))
        wrongs: list[dict[str, Any]] = [
            {"id": name, "content": ""},
            {"id": name, "content": "good", "gold": "no such class"},
            {"id": name, "content": "good", "annotators": ["a", "a"]},
        ]
        bad = self.generator.choice(wrongs)
        if self.chance(0.5):
            record = self._cloud_event(bad, self.generator.choice(("structured", "binary")))
            self.town.notebook.poison.append(record.value)
            await self._publish([record])
            return
        other = {**good, "content": f"other content {self.generator.random()}"}
        path = f"/v1/projects/{self.project_id}/units"
        for sent in (bad, other) if self._acknowledged_by_http(good["id"]) else (bad,):
            answer = await self.insist("ingest", "POST", path, [sent])
            if answer is not None and (answer.status != 202 or answer.json()["refused_count"] != 1):
                self.town.notebook.wrongs.append(f"bad unit {sent} was answered {answer.status} {answer.body!r}")

    def _acknowledged_by_http(self, source_id: str) -> bool:
        told = self.town.notebook.admitted
        return any((self.project_id, source_id) == one[:2] and one.status != "left_out" for one in told)

    async def _follow(self) -> None:
        """Look at the lots, take what is accepted, and be refused what is not, until all is settled and taken."""
        while True:
            settled = self.town.settled
            answer = await self.insist("audit", "GET", f"/v1/projects/{self.project_id}/lots", query="limit=500")
            lots = answer.json()["lots"] if answer is not None and answer.status == 200 else []
            for lot in lots:
                await self._take(lot["lot_id"], lot["status"])
            if settled and lots and all(lot["lot_id"] in self.exported for lot in lots):
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def _take(self, lot_id: str, status: str) -> None:
        if lot_id in self.exported or (status != "accepted" and not self.chance(0.1)):
            return
        export = await self.insist("audit", "GET", f"/v1/lots/{lot_id}/export")
        certificate = await self.insist("audit", "GET", f"/v1/lots/{lot_id}/certificate")
        if export is None or certificate is None or {export.status, certificate.status} != {200}:
            return
        self.exported.add(lot_id)
        self.town.notebook.exported.append(Exported(lot_id, export.body, certificate.body))
