"""One run: people label on a real stack, half of it gold, and all that they were answered is looked through."""

import asyncio
import json
import math
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import msgspec
import numpy as np

from concord.chassis.identity.caller import Role
from deploy.local.ports import Ports
from deploy.local.stack import Stack
from tests.support.blindness import WAVES, Area, area, scored

OVERLAP, GOLD_SHARE = 3, 0.5
UNITS_A_CLAIM, UNITS_A_REQUEST, AT_ONCE = 5, 500, 4
REPLIES_A_UNIT = 2 + 1 / UNITS_A_CLAIM
"""Its payload, the answer to its label, and its part of a claim's."""
PAUSE_SECONDS = 0.2
EMPTY_CLAIMS_MAX = 50
ID_LETTERS, SIGNATURE_LETTERS = 24, 24
CLIENTS_NAME, KNOWN, MARK = "Nordwind Versicherung", "known-7731-label", "zq"
TEXT = "Is this claim covered? Number {:06d} of many, in words that say nothing of what it is for."
AUC_MAX = 0.55
NONE = Area(0.0, 0.0, 0.0)
LONG = re.compile(rb"[A-Za-z0-9_.=-]{28,}")
"""Ids and signatures: by chance some hold any word of four letters."""


class Reply(NamedTuple):
    """An answer: its body and headers' size, and how long it took."""

    body: bytes
    headers: int
    seconds: float


class Seen(NamedTuple):
    """One unit as somebody saw it."""

    unit_id: str
    features: tuple[float, ...]
    gold: bool


@dataclass
class Outcome:
    """What it came to.

    Attributes:
        replies: how many were looked through.
        leaks: what stood in one that may not, as sentences.
        seen: every unit as each person saw it.
        straight, bent: the areas of a linear classifier, and of one that sees bends.
        planted: of the linear one where gold is one byte longer in half of the cases, so that it is known to look.
    """

    replies: int = 0
    leaks: list[str] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    straight: Area = NONE
    bent: Area = NONE
    planted: float = 0.0

    def faults(self) -> list[str]:
        """Return what an annotator could tell by, as sentences."""
        names = list(self.leaks)
        for name, entry in (("a line", self.straight), ("a bent line", self.bent)):
            if max(entry.area, 1.0 - entry.area) >= AUC_MAX:
                names.append(f"gold is told from work by {name}: {entry.area:.3f}")
        if self.planted < AUC_MAX:
            names.append(f"one byte more in half of all gold is not seen: {self.planted:.3f}")
        return names


class Blind:
    """People who label, and everything that they were answered."""

    def __init__(self, stack: Stack, session: aiohttp.ClientSession, replies: int, people: int) -> None:
        self.stack = stack
        self.session = session
        self.outcome = Outcome()
        self._wanted = round(replies / REPLIES_A_UNIT / people)
        self._people = [f"person-{number:03}" for number in range(people)]
        self._known: dict[str, bool] = {}
        self._project_id = ""
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def prepare(self) -> None:
        """Define the project and its people, and send as much gold as work for everybody."""
        issuer = self.stack.issuer
        client, operator = issuer.client_key, issuer.token(Role.OPERATOR, "operator")
        definition = {
            "name": CLIENTS_NAME,
            "label_schema": {"kind": "text"},
            "policy": {"overlap": {"initial": OVERLAP, "max": OVERLAP}, "gold": {"rate": GOLD_SHARE}},
        }
        self._project_id = (await self._told("ingest", "PUT", "/v1/projects/blind", client, definition))["project_id"]
        gold = round(self._wanted * GOLD_SHARE) + UNITS_A_CLAIM
        work = math.ceil(self._wanted * len(self._people) / OVERLAP) + UNITS_A_CLAIM
        # Sent in turns, so that neither is the older one.
        order = sorted(
            [(place / gold, True) for place in range(gold)] + [(place / work, False) for place in range(work)]
        )
        wishes: list[dict[str, Any]] = [
            {"id": f"u{number}", "content": TEXT.format(number)} | ({"gold": KNOWN} if is_gold else {})
            for number, (_, is_gold) in enumerate(order)
        ]
        for begin in range(0, len(wishes), UNITS_A_REQUEST):
            some = wishes[begin : begin + UNITS_A_REQUEST]
            body = await self._told("ingest", "POST", f"/v1/projects/{self._project_id}/units", client, some)
            self._known |= {unit["unit_id"]: "gold" in wish for unit, wish in zip(body["units"], some, strict=True)}
        for name in self._people:
            await self._told("assign", "PUT", f"/v1/annotators/{name}", operator, {})

    async def run(self) -> None:
        """Let everybody label their share, some at a time."""
        async with asyncio.TaskGroup() as people:
            for name in self._people:
                people.create_task(self._work(name))

    async def _work(self, name: str) -> None:
        token, mark = self.stack.issuer.token(Role.ANNOTATOR, name), f"{MARK}{name}"
        place = empty = 0
        while place < self._wanted and empty < EMPTY_CLAIMS_MAX:
            async with self._turns:
                body = {"units": UNITS_A_CLAIM}
                claimed = await self._ask("POST", f"/v1/projects/{self._project_id}/claims", token, name, body)
                offers = json.loads(claimed.body).get("assignments", [])
                for number, offer in enumerate(offers):
                    await self._label(name, token, mark, claimed, offer, (place, number))
                    place += 1
            empty = 0 if offers else empty + 1
            if not offers:
                await asyncio.sleep(PAUSE_SECONDS)

    async def _label(
        self, name: str, token: str, mark: str, claimed: Reply, offer: dict[str, Any], places: tuple[int, int]
    ) -> None:
        payload = await self._ask("GET", offer["payload_url"], "", name)
        path = f"/v1/assignments/{offer['assignment_id']}/submission"
        answer = await self._ask("POST", path, token, name, {"label": f"{mark} says so", "active_ms": 900})
        result = json.loads(answer.body)
        assert result["status"] == "accepted", result
        rows = tuple(_features(offer, claimed, payload, answer, places))
        self.outcome.seen.append(Seen(offer["unit_id"], rows, self._known[offer["unit_id"]]))

    async def _ask(self, method: str, path: str, token: str, name: str, body: Any = None) -> Reply:
        """Ask assign, or a link's own address, as an annotator; note what stands in the answer that may not."""
        data = None if body is None else msgspec.json.encode(body)
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"} if token else {}
        url = path if path.startswith("http") else self.stack.addresses["assign"] + path
        began = time.perf_counter()
        async with self.session.request(method, url, data=data, headers=headers) as answer:
            content = await answer.read()
        seconds = time.perf_counter() - began
        assert answer.status in (200, 404), (path, answer.status, content[:300])
        # When it was answered is the same for all, and how long a number is in words is not.
        encoded = b" ".join(key + b" " + value for key, value in answer.raw_headers if key.lower() != b"date")
        self.outcome.replies += 1
        self.outcome.leaks += _leaks(content + b" " + encoded, name, path)
        return Reply(content, len(encoded), seconds)

    async def _told(self, service: str, method: str, path: str, token: str, body: Any) -> Any:
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        url = self.stack.addresses[service] + path
        async with self.session.request(method, url, data=msgspec.json.encode(body), headers=headers) as answer:
            content = await answer.read()
            assert answer.status < 300, content
            return json.loads(content)


def _leaks(encoded: bytes, name: str, path: str) -> Iterator[str]:
    """Yield what an answer to an annotator may not hold."""
    for what, word in (("a mark of gold", b"gold"), ("the known label", KNOWN.encode()), ("a client", b"nordwind")):
        if word in LONG.sub(b"", encoded).lower():
            yield f"{what} stands in the answer to {path}"
    if MARK.encode() + b"person-" in encoded:
        yield f"a label stands in the answer to {path} of {name}"
    if encoded.replace(name.encode(), b"").find(b"person-") >= 0:
        yield f"somebody else's name stands in the answer to {path} of {name}"


def _features(
    offer: dict[str, Any], claimed: Reply, payload: Reply, answer: Reply, places: tuple[int, int]
) -> Iterator[float]:
    """Yield all that one can read off: sizes, times, letters of ids and signatures, ends, and the order."""
    yield from (float(len(reply.body)) for reply in (payload, answer))
    yield from (float(reply.headers) for reply in (payload, answer))
    yield from (math.log(reply.seconds) for reply in (claimed, payload, answer))
    yield float(len(json.dumps(offer)))
    yield from (float(len(str(offer[name]))) for name in sorted(offer))
    for letters, count in (
        (offer["unit_id"], ID_LETTERS),
        (offer["assignment_id"], ID_LETTERS),
        (offer["payload_url"], SIGNATURE_LETTERS),
    ):
        yield from (float(ord(letter)) for letter in letters[-count:].rjust(count))
    yield datetime.fromisoformat(offer["lease_until"]).timestamp() % 1
    place, number = places
    yield from (float(place), float(number), float(place % 2), float(place % 10))


async def run(replies: int, people: int, folder: Path, say: Callable[[str], None]) -> Outcome:
    """Run it on a stack of its own, which is stopped again."""
    stack = Stack(folder, Ports.free(), services=("ingest", "assign"))
    async with stack, aiohttp.ClientSession() as session:
        blind = Blind(stack, session, replies, people)
        await blind.prepare()
        say(f"{people} people begin, who are to be answered {replies} times")
        await blind.run()
    outcome = blind.outcome
    say(f"{outcome.replies} replies to {len(outcome.seen)} labels are looked through")
    judge(outcome)
    return outcome


def judge(outcome: Outcome) -> None:
    """Teach the classifiers on half of the units, and see how they do on the other."""
    rows = np.array([seen.features for seen in outcome.seen])
    gold = np.array([seen.gold for seen in outcome.seen])
    units = [seen.unit_id for seen in outcome.seen]
    outcome.straight = area(scored(rows, gold, units), gold, units)
    outcome.bent = area(scored(rows, gold, units, waves=WAVES), gold, units)
    longer = rows.copy()
    longer[:, 0] += gold & (np.random.default_rng(1).random(len(gold)) < 0.5)
    scores = scored(longer, gold, units)
    outcome.planted = area(scores, gold, units).area
