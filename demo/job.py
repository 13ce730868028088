"""The job: a client's units go in, people label them, seniors rule, auditors check, certified labels come out."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from rich.console import Console

from concord.chassis.identity.caller import Role
from demo.client import Refused, Services
from demo.dataset import Dataset
from demo.people import Person, Shift
from demo.policy import definition, gold_items, in_turns
from demo.progress import Stage
from deploy.local.issuer import Issuer

LOOK_SECONDS = 0.25
STANDSTILL_SECONDS = 120.0
UNLEARNT_SECONDS = 15.0
"""Without a label or anything learnt, after which the next units go in all the same: a process of adjudicate that was
killed may have taken what it had not kept yet with it."""
NDJSON = "application/x-ndjson"
UNITS_A_REQUEST = 500


class Standstill(Exception):
    """Nothing has moved for STANDSTILL_SECONDS."""


@dataclass
class Outcome:
    """What came of the job, as the services tell it.

    Attributes:
        labels: labels that people submitted and assign acknowledged.
        admitted_at: item -> when its admission was acknowledged, seconds since the epoch.
        resolutions: item -> where adjudicate says that its unit stands.
        lots, quality: as audit and metrics show them.
        certificate, export: the files.
    """

    project_id: str = ""
    public_key: str = ""
    seconds: float = 0.0
    labels: int = 0
    gold: list[str] = field(default_factory=list)
    admitted_at: dict[str, float] = field(default_factory=dict)
    resolutions: dict[str, dict[str, Any]] = field(default_factory=dict)
    lots: list[dict[str, Any]] = field(default_factory=list)
    quality: dict[str, Any] = field(default_factory=dict)
    certificate: Path = Path()
    export: Path = Path()


class Job:
    """One run of the demo over services that are up.

    Args:
        dataset: what the crowd really answered.
        services: where the services are.
        issuer: gives every role its credential.
        console: where progress is shown.
        folder: where certificate and export are left.
        slug: names the project.
        seed: draws the gold units.
        prices: of a label, a ruling and an error; see `demo.policy.definition`.
    """

    def __init__(
        self,
        dataset: Dataset,
        services: Services,
        issuer: Issuer,
        console: Console,
        folder: Path,
        slug: str,
        seed: int,
        prices: Sequence[float] = (),
    ) -> None:
        self.dataset = dataset
        self.services = services
        self.client = issuer.client_key
        people = set(dataset.annotators)
        self.tokens = {
            role: issuer.token(role, _somebody_else(f"demo-{role}", people))
            for role in (Role.ADJUDICATOR, Role.AUDITOR, Role.OPERATOR)
        }
        self.annotator_tokens = {name: issuer.token(Role.ANNOTATOR, name) for name in dataset.annotators}
        self.console = console
        self.folder = folder
        self.slug = slug
        self.seed = seed
        self.prices = prices
        self.outcome = Outcome()
        self._items: dict[str, str] = {}
        self._truth: dict[str, str] = {}
        self._learnt_until_us = 0
        self._answers: dict[str, dict[str, tuple[str, int]]] = {name: {} for name in dataset.annotators}

    async def run(self) -> Outcome:
        """Do the whole job."""
        began = time.monotonic()
        await self._define()
        await self._measure_competence()
        await self._label()
        await self._collect()
        self.outcome.seconds = time.monotonic() - began
        return self.outcome

    async def _define(self) -> None:
        body = definition(self.dataset.classes, self.prices)
        project = await self.services.json("ingest", "PUT", f"/v1/projects/{self.slug}", self.client, body)
        self.outcome.project_id = project["project_id"]
        for name in self.dataset.annotators:
            path = f"/v1/annotators/{quote(name, safe='')}"
            await self.services.json("assign", "PUT", path, self.tokens[Role.OPERATOR], {"kind": "human"})
        await self._heard_of()

    async def _heard_of(self) -> None:
        """Wait until assign has heard of the project: whoever claims before that is told that there is none."""
        until = time.monotonic() + STANDSTILL_SECONDS
        token = next(iter(self.annotator_tokens.values()))
        while True:
            try:
                await self.services.json("assign", "GET", f"/v1/projects/{self.outcome.project_id}/guideline", token)
            except Refused as refused:
                if refused.status != HTTPStatus.NOT_FOUND or time.monotonic() > until:
                    raise
                await asyncio.sleep(LOOK_SECONDS)
            else:
                return

    async def _measure_competence(self) -> None:
        """Hidden gold first: everybody who answered a gold unit is measured on it."""
        self.outcome.gold = gold_items(list(self.dataset.items), self.seed)
        expected = sum(len(self.dataset.answers[item]) for item in self.outcome.gold)
        await self._admit(self.outcome.gold, {}, gold=True)
        with Stage(self.console, "labels on hidden gold", expected) as stage:
            await self._shift(stage, lambda: self._gold_is_counted(expected))

    async def _label(self) -> None:
        """The work itself: the people of each unit in the order of their measured competence."""
        measured = await self._listed("metrics", "annotators")
        accuracy = {annotator["annotator_id"]: annotator["expected_accuracy"] for annotator in measured}
        items = [item for item in self.dataset.items if item not in set(self.outcome.gold)]
        with Stage(self.console, "units accepted", len(items)) as stage:
            await self._shift(None, lambda: self._accepted(stage, len(items)), self._send_in_turns(items, accuracy))

    async def _send_in_turns(self, items: list[str], accuracy: dict[str, float]) -> None:
        """Admit some units after another, each when adjudicate has learnt what those before it tell."""
        for turn in in_turns(items):
            if turn[0] != items[0]:
                await self._learnt()
            self._learnt_until_us = (await self._weights())["learnt_until_us"]
            await self._admit(turn, accuracy, gold=False)
        await self.services.json("ingest", "POST", f"/v1/projects/{self.outcome.project_id}/seal", self.client)

    async def _learnt(self) -> None:
        """Wait until adjudicate has learnt something new of its units, or nothing moves any more."""
        moved_at, before = time.monotonic(), self.outcome.labels
        while (await self._weights())["learnt_until_us"] == self._learnt_until_us:
            await asyncio.sleep(LOOK_SECONDS)
            if self.outcome.labels != before:
                moved_at, before = time.monotonic(), self.outcome.labels
            if time.monotonic() - moved_at > UNLEARNT_SECONDS:
                self.console.print("adjudicate learns nothing of these units; the next go in", style="yellow")
                return

    async def _weights(self) -> dict[str, Any]:
        """Return what adjudicate weighs the project's labels by."""
        path = f"/v1/projects/{self.outcome.project_id}/competence?limit=1"
        return dict(await self.services.json("adjudicate", "GET", path, self.tokens[Role.OPERATOR]))

    async def _admit(self, items: list[str], accuracy: dict[str, float], gold: bool) -> None:
        lines = []
        for item in items:
            people = [answer.annotator for answer in self.dataset.answers[item]]
            unit: dict[str, Any] = {
                "id": item,
                "content": dict(self.dataset.items[item]),
                # Python's sort is stable: among equals the order in which they answered stands.
                "annotators": sorted(people, key=lambda name: -accuracy.get(name, 0.0)),
            }
            lines.append(json.dumps(unit | ({"gold": self.dataset.gold[item]} if gold else {})))
        for start in range(0, len(lines), UNITS_A_REQUEST):
            await self._send(lines[start : start + UNITS_A_REQUEST])

    async def _send(self, lines: list[str]) -> None:
        """Send some units, so few that the answer names every one of them."""
        path = f"/v1/projects/{self.outcome.project_id}/units"
        body = "\n".join(lines).encode()
        report = msgspec.json.decode(await self.services.bytes("ingest", "POST", path, self.client, body, NDJSON))
        if report["refused_count"] or report["admitted"] + report["repeated"] != len(lines):
            raise Refused(f"not every unit was admitted: {report['refused'][:3]}")
        now = time.time()
        for unit in report["units"]:
            unit_id, item = unit["unit_id"], unit["source_id"]
            self._items[unit_id] = item
            self._truth[unit_id] = self.dataset.gold[item]
            for answer in self.dataset.answers[item]:
                self._answers[answer.annotator][unit_id] = (answer.label, round(1000 * (answer.seconds or 0)))
            self.outcome.admitted_at[item] = now

    async def _shift(
        self, stage: Stage | None, done: Callable[[], Awaitable[bool]], more: Coroutine[Any, Any, None] | None = None
    ) -> None:
        """Let everybody work until it is done; raise when something goes wrong or stands still.

        Args:
            stage: shows the labels as they come in.
            done: tells whether it is.
            more: sends in more work meanwhile.
        """

        def on_label() -> None:
            self.outcome.labels += 1
            if stage is not None:
                stage.advance()

        shift = Shift(self.services, self.outcome.project_id, on_label)
        people = [Person(name, self.annotator_tokens[name], self._answers[name]) for name in self.dataset.annotators]
        async with asyncio.TaskGroup() as tasks:
            for person in people:
                tasks.create_task(shift.annotate(person))
            tasks.create_task(shift.adjudicate(self.tokens[Role.ADJUDICATOR], self._truth))
            tasks.create_task(shift.audit(self.tokens[Role.AUDITOR], self._truth))
            tasks.create_task(self._until(done, shift))
            if more is not None:
                tasks.create_task(more)

    async def _until(self, done: Callable[[], Awaitable[bool]], shift: Shift) -> None:
        moved_at, before = time.monotonic(), -1
        while not await done():
            await asyncio.sleep(LOOK_SECONDS)
            now = self.outcome.labels + sum(lot["inspected"] for lot in self.outcome.lots)
            if now != before:
                moved_at, before = time.monotonic(), now
            if time.monotonic() - moved_at > STANDSTILL_SECONDS:
                raise Standstill(f"nothing has moved for {STANDSTILL_SECONDS:g} s: {await self._what_waits()}")
        shift.over.set()

    async def _what_waits(self) -> str:
        """Return in words where the units are that do not move."""
        path = f"/v1/escalations?project_id={self.outcome.project_id}&limit=1"
        escalated = (await self.services.json("adjudicate", "GET", path, self.tokens[Role.ADJUDICATOR]))["escalations"]
        lots = Counter(lot["status"] for lot in self.outcome.lots)
        parts = [f"{self.outcome.labels} labels are in", *(f"{count} lots {status}" for status, count in lots.items())]
        return ", ".join([*parts, "units wait for a ruling" if escalated else "no unit waits for a ruling"])

    async def _gold_is_counted(self, expected: int) -> bool:
        """Return whether all gold labels are in, and adjudicate weighs by all of them."""
        if self.outcome.labels < expected:
            return False
        weights = await self._weights()
        return bool(min(weights["gold_units"], weights["gold_answers"]) >= expected)

    async def _accepted(self, stage: Stage, expected: int) -> bool:
        self.outcome.lots = await self._listed("audit", "lots")
        accepted = sum(lot["units"] for lot in self.outcome.lots if lot["status"] == "accepted")
        stage.reach(accepted, f"{self.outcome.labels} labels in")
        return bool(accepted >= expected)

    async def _collect(self) -> None:
        """Fetch what came of it: resolutions, quality, certificate, export."""
        path = f"/v1/projects/{self.outcome.project_id}/resolutions"
        lines = (await self.services.bytes("adjudicate", "GET", path, self.client)).splitlines()
        for line in map(msgspec.json.decode, lines):
            self.outcome.resolutions[self._items[line["unit_id"]]] = line
        self.outcome.quality = await self._measured()
        key = await self.services.json("audit", "GET", "/v1/keys", self.client)
        self.outcome.public_key = key["public_key"]
        self.folder.mkdir(parents=True, exist_ok=True)
        base = f"/v1/projects/{self.outcome.project_id}"
        certificate = await self.services.bytes("audit", "GET", f"{base}/certificate", self.client)
        issue = msgspec.json.decode(certificate)["issue"]
        export = await self.services.bytes("audit", "GET", f"{base}/export?issue={issue}", self.client)
        self.outcome.certificate = self.folder / f"{self.slug}.certificate.json"
        self.outcome.export = self.folder / f"{self.slug}.jsonl"
        self.outcome.certificate.write_bytes(certificate)
        self.outcome.export.write_bytes(export)

    async def _measured(self) -> dict[str, Any]:
        """Return what metrics shows once all that was done is in it."""
        until = time.monotonic() + STANDSTILL_SECONDS
        settled = sum(
            resolution["status"] in ("consensus", "adjudicated") for resolution in self.outcome.resolutions.values()
        )
        while True:
            quality = await self._get("metrics", "quality")
            counted = (
                quality["annotations"],
                quality["lots"]["accepted"],
                quality["units_consensus"] + quality["units_adjudicated"],
            )
            if counted == (self.outcome.labels, len(self.outcome.lots), settled):
                return dict(quality)
            if time.monotonic() > until:
                raise Standstill(f"metrics has counted {counted} labels, lots and settled units, and not all of them")
            await asyncio.sleep(LOOK_SECONDS)

    async def _get(self, service: str, what: str) -> Any:
        return await self.services.json(service, "GET", f"/v1/projects/{self.outcome.project_id}/{what}", self.client)

    async def _listed(self, service: str, what: str) -> list[dict[str, Any]]:
        return await self.services.listed(service, f"/v1/projects/{self.outcome.project_id}/{what}", self.client, what)


def _somebody_else(name: str, people: set[str]) -> str:
    """Return the name, made longer until none of these people has it: who labels a unit may not review it."""
    while name in people:
        name += "-too"
    return name
