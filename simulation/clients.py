"""Clients: they define a project, send units through every door, send again what was not acknowledged, and export."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from concord.chassis.broker.memory import MemoryBroker
from concord.chassis.broker.port import BrokerUnavailable, Outgoing
from concord.chassis.identity import Role
from concord.contracts.topics import INTAKE
from simulation import wishes
from simulation.bounds import RECORD_BYTES_MAX
from simulation.erasing import erase
from simulation.faults import BrokerFaults, Fault, Passage
from simulation.notebook import Admitted, Exported, Unit
from simulation.town import FOLLOWS_SECONDS, Person, Town
from simulation.wishes import canonical
from simulation.wording import Wording

UNSEEN_NAME = "Nightingale"
"""Stands in every project's name and in every source id: no annotator may ever see it."""
BATCH_UNITS_MAX = 5
BOUNDED_CLIENT, OPEN_UNITS_MAX = 2, 6
"""Whose project takes no more than so many units that are not settled: fewer than it has."""
SPARING_CLIENT, GOLD_EXPOSURES_MAX = 1, 2
"""Whose gold is shown to no more annotators than so many each."""
BETWEEN_BATCHES_SECONDS = 6.0
LEAVING = ("export", "certificate", "certificate.html", "ledger", "withdrawals")
"""What is handed over of an accepted lot, and of no other."""
LOOK_SECONDS = 10.0
DOORS = ("json", "ndjson", "structured", "binary")
HTTP_DOORS = ("json", "ndjson")
COUNTS = ("admitted", "repeated", "duplicate_of", "left_out", "refused_count")


class Client(Person):
    """One client with one project.

    Args:
        town: where it lives.
        number: tells it from others.
        units: how many units it has.
        annotators: whom it may name.
    """

    def __init__(self, town: Town, number: int, units: int, annotators: Sequence[str]) -> None:
        client_id = f"k{number}"
        super().__init__(town, f"key-{number}", Role.CLIENT, client_id=client_id)
        self.project_id = f"{client_id}-p"
        self.annotators = annotators
        draw = self.generator
        self.definition: dict[str, Any] = {
            "name": f"{UNSEEN_NAME} {client_id}",
            "label_schema": wishes.schema(draw),
            "policy": wishes.policy(draw),
        }
        self.schema = schema = self.definition["label_schema"]
        if schema["kind"] == "choice":
            town.notebook.wordings[self.project_id] = Wording.of(schema["classes"])
        self.worded: set[str] = set()
        """Names of units whose known label is in the names of some version, and stays so when they are sent again."""
        if number == SPARING_CLIENT:
            self.definition["policy"]["gold"] |= {"rate": 0.3, "exposures_max": GOLD_EXPOSURES_MAX}
        if number == BOUNDED_CLIENT:
            self.definition["policy"]["max_open_units"] = OPEN_UNITS_MAX
        passage = Passage(town.network.weather, self.generator, crash=None)
        self.broker = MemoryBroker(town.house.cluster, self.name, BrokerFaults(passage))
        self.units = [self.unit(str(place), f"text {place} of {self.project_id}") for place in range(units)]
        self.exported: set[str] = set()
        self.begun = asyncio.Event()

    def unit(self, name: str, text: str, *, plain: bool = False) -> dict[str, Any]:
        """Return a unit of this client as it is sent, and note what is true of it."""
        draw = self.generator
        true = self.town.truths.setdefault(canonical(text), wishes.truth(draw, self.schema))
        sent = wishes.unit(draw, f"{UNSEEN_NAME}/{name}", text, true, self.annotators, plain=plain)
        self.town.truths[canonical(sent["content"])] = true
        self.note(sent)
        return sent

    def note(self, sent: dict[str, Any]) -> None:
        """Note that a unit is sent like this."""
        true = self.town.truths[canonical(sent["content"])]
        named = tuple(sent.get("annotators", ()))
        unit = Unit(self.project_id, sent["id"], sent["content"], true, "gold" in sent, named)
        self.town.notebook.units.setdefault((self.project_id, sent["id"]), []).append(unit)

    async def live(self) -> None:
        """Do what a client does, to the end."""
        self.town.sending.add(self.name)
        await self.define()
        self.begun.set()
        waiting = list(self.units)
        while waiting:
            size = self.generator.randint(1, BATCH_UNITS_MAX)
            batch, waiting = waiting[:size], waiting[size:]
            await self.send(batch)
            if self.chance(0.3):
                await self.send(batch)
            if self.chance(0.2):
                await self._misbehave(batch[0])
            if self.chance(0.1):
                self.definition["guideline"] = f"Say what holds ({self.generator.random()})."
                await self.define()
            await asyncio.sleep(self.generator.expovariate(1 / BETWEEN_BATCHES_SECONDS))
        while unacknowledged := [sent for sent in self.units if not self._acknowledged(sent["id"])]:
            await self.send(unacknowledged)
            await asyncio.sleep(1.0)
        self.town.sending.discard(self.name)
        if self.chance(0.5):
            await self.insist("ingest", "POST", f"/v1/projects/{self.project_id}/seal")
        await self._follow()

    def _acknowledged(self, source_id: str) -> bool:
        key = (self.project_id, source_id)
        known = {(admitted.project_id, admitted.source_id) for admitted in self.town.notebook.admitted}
        return key in known or key in self.town.notebook.published

    async def define(self) -> None:
        """Define the project as it is wished for now, after an attempt that must be refused."""
        notebook = self.town.notebook
        for what, wrong in (
            ("a policy out of range", {"policy": {"overlap": {"initial": 3, "max": 2}}}),
            ("a guideline that cannot be told", {"guideline": "x" * 2 * RECORD_BYTES_MAX}),
        ):
            refused = await self.insist("ingest", "PUT", "/v1/projects/p", {**self.definition, **wrong})
            if refused is not None and refused.status != 422:
                notebook.wrongs.append(f"{what} was answered {refused.status}")
        notebook.definitions.setdefault(self.project_id, []).append(json.loads(json.dumps(self.definition)))
        answer = None
        while answer is None:
            sent = dict(self.definition)
            answer = await self.insist("ingest", "PUT", "/v1/projects/p", sent)
            if answer is not None and answer.status == 422 and sent["label_schema"] != self.definition["label_schema"]:
                answer = None  # another hand has changed the classes meanwhile
        if answer.status not in (200, 201):
            notebook.wrongs.append(f"{self.project_id} was refused: {answer.body!r}")
        notebook.projects[self.project_id] = answer.json()

    async def send(self, batch: Sequence[dict[str, Any]], door: str = "", refused: int = 0) -> None:
        """Send a batch through one of the doors; over HTTP so many of it at least must be refused, or may be."""
        door = door or self.generator.choice(DOORS)
        if known := [sent for sent in batch if isinstance(sent.get("gold"), str)]:
            self._word_known(known)
            if Fault.CLASSES_CHANGE in self.town.network.weather.faults and door not in HTTP_DOORS:
                door = self.generator.choice(HTTP_DOORS)  # a class may be closed while a record waits to be read
        if door in ("structured", "binary"):
            await self._publish([self._cloud_event(sent, door) for sent in batch])
            self.town.notebook.published.update((self.project_id, sent["id"]) for sent in batch)
            return
        path = f"/v1/projects/{self.project_id}/units"
        were_in = {sent["id"] for sent in batch if self.is_in(sent["id"])}
        if door == "json":
            answer = await self.insist("ingest", "POST", path, list(batch))
        else:
            lines = b"\n".join(json.dumps(sent).encode() for sent in batch)
            answer = await self.insist(
                "ingest", "POST", path, lines, headers=[("content-type", "application/x-ndjson")]
            )
        if answer is not None:
            self._note_report(batch, answer.status, answer.json(), refused, were_in)

    def _word_known(self, known: Sequence[dict[str, Any]]) -> None:
        """Give the known label of what is sent first in today's names; what is sent again says what it said."""
        for sent in known:
            if sent["id"] not in self.worded:
                self.worded.add(sent["id"])
                true = self.town.truths[canonical(sent["content"])]
                sent["gold"] = self.town.notebook.said(
                    self.project_id, true, self.town.notebook.version(self.project_id)
                )

    def _unsayable(self, batch: Sequence[dict[str, Any]]) -> int:
        """Return of how many units the known label may not be sayable yet, or no more, where it is read.

        Who reads it may know of a change later than who made it, or before a class is closed; what is refused for
        that is sent again, in the names of then.
        """
        wording = self.town.notebook.wordings.get(self.project_id)
        if wording is None or wording.version == 1:
            return 0
        return sum(isinstance(sent.get("gold"), str) for sent in batch)

    def _note_report(
        self, batch: Sequence[dict[str, Any]], status: int, report: dict[str, Any], refused: int, were_in: set[str]
    ) -> None:
        wrongs = self.town.notebook.wrongs
        if status != 202:
            wrongs.append(f"units of {self.project_id} were answered {status}: {report}")
            return
        if (stopped := report["stopped"]) is not None:
            # Nothing is told of what there was no room for; it is sent again in the end.
            batch = batch[: stopped["line"] - 1]
        erased = sum((self.project_id, sent["id"]) in self.town.notebook.erased_names for sent in batch)
        if sum(report[name] for name in COUNTS) != len(batch) or report["refused_count"] > (
            refused + erased + self._unsayable(batch)
        ):
            wrongs.append(
                f"of {len(batch)} units of {self.project_id}, {refused} of them bad, the report says {report}"
            )
        for entry in report["refused"]:
            if entry["field"] == "gold":
                source_id = batch[entry["line"] - 1]["id"]
                self.worded.discard(source_id)
                if source_id in were_in and self.is_in(source_id):
                    wrongs.append(
                        f"{source_id} of {self.project_id} is in, and was refused when it was sent again: {entry}"
                    )
        taken = [sent for line, sent in enumerate(batch, 1) if line not in {row["line"] for row in report["refused"]}]
        for sent, unit in zip(taken, report["units"], strict=True):
            if unit["source_id"] != sent["id"]:
                wrongs.append(f"{sent['id']} of {self.project_id} was answered as {unit['source_id']}")
            if unit["status"] == "left_out":
                self.town.notebook.left_out.add(unit["unit_id"])
            first = unit.get("duplicate_of", {}).get("unit_id", "")
            content = canonical(sent["content"])
            self.town.notebook.admitted.append(
                Admitted(self.project_id, unit["source_id"], unit["unit_id"], unit["status"], content, first)
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
        for sent in (bad, other) if self.is_in(good["id"]) else (bad,):
            answer = await self.insist("ingest", "POST", path, [sent])
            if answer is not None and (answer.status != 202 or answer.json()["refused_count"] != 1):
                self.town.notebook.wrongs.append(f"bad unit {sent} was answered {answer.status} {answer.body!r}")

    def is_in(self, source_id: str) -> bool:
        """Return whether a service has answered that a unit is in, and nobody has it erased."""
        admitteds = self.town.notebook.admitted
        name = (self.project_id, source_id)
        return name not in self.town.notebook.erased_names and any(
            name == admitted[:2] and admitted.status != "left_out" for admitted in admitteds
        )

    async def _follow(self) -> None:
        """Look at the lots, take what is accepted, and be refused what is not, until all is settled and taken."""
        while True:
            settled = self.town.settled
            answer = await self.insist("audit", "GET", f"/v1/projects/{self.project_id}/lots", query="limit=500")
            lots = answer.json()["lots"] if answer is not None and answer.status == 200 else []
            for lot in lots:
                await self._take(lot["lot_id"], lot["status"])
            if settled and lots and all(lot["lot_id"] in self.exported for lot in lots):
                if self.town.erases_what_left:
                    await self._erase_what_left()
                for lot in lots:
                    await self._take(lot["lot_id"], lot["status"], again=True)
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def _take(self, lot_id: str, status: str, again: bool = False) -> None:
        """Take a lot once, and `again` in the end, when more of it may have been erased."""
        if lot_id in self.exported and not again:
            return
        if status != "accepted":
            if self.chance(0.1):
                await self._take_too_early(lot_id)
            return
        replies = []
        # What is erased while all this is fetched would make two stories of it.
        for what in ("withdrawals", "export", "certificate", "withdrawals"):
            answer = await self.insist("audit", "GET", f"/v1/lots/{lot_id}/{what}")
            if answer is None or answer.status not in ((200, 404) if what == "withdrawals" else (200,)):
                return
            replies.append(answer.body if answer.status == 200 else b"")
        before, export, certificate, after = replies
        if before != after:
            return
        self.exported.add(lot_id)
        self.town.notebook.exported.append(Exported(lot_id, export, certificate, after))
        if again:
            left = {json.loads(line)["unit_id"] for line in export.splitlines()}
            if gone := sorted(left & self.town.notebook.erased):
                self.town.notebook.wrongs.append(f"{gone} of lot {lot_id} left long after they were erased")

    async def _erase_what_left(self) -> None:
        """Have a unit erased of the last lot that was taken with any, and give everybody time to hear of it."""
        mine = [entry for entry in self.town.notebook.exported if entry.lot_id in self.exported and entry.content]
        if mine:
            row = json.loads(mine[-1].content.splitlines()[-1])
            await erase(self, self.project_id, row["source_id"], row["unit_id"])
            await asyncio.sleep(FOLLOWS_SECONDS)

    async def _take_too_early(self, lot_id: str) -> None:
        """Ask for what nobody gets of a lot before it is accepted; what is accepted once, stays so."""
        for what in LEAVING:
            answer = await self.insist("audit", "GET", f"/v1/lots/{lot_id}/{what}")
            if answer is None or answer.status != 200:
                continue
            lot = await self.insist("audit", "GET", f"/v1/lots/{lot_id}")
            if lot is not None and lot.status == 200 and lot.json()["status"] != "accepted":
                self.town.notebook.wrongs.append(f"the {what} of lot {lot_id} was handed over before it was accepted")
