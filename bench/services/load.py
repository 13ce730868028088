"""The client and the annotators of the bench: what they send, and how long each answer took."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

SLUG = "bench"
ANNOTATORS = 50
OVERLAP = 3
LINES_PER_REQUEST = 1_000
CLASSES = ("contradiction", "entailment", "neutral")
TEXT = (
    "The town council voted on Tuesday to close the old bridge for repairs until the end of the summer, and asked "
    "drivers to take the ring road. Number {} on the list of statements about the sentence before is: the bridge "
    "will be open to cars again in autumn, at the latest when the schools begin."
)
CLAIMS_MAX = 20
EMPTY_CLAIM_SECONDS = 0.1
NDJSON = "application/x-ndjson"


class NothingOffered(Exception):
    """No annotator was offered work though units wait."""


class Door(Protocol):
    """How a service is called; raises when it answers with an error."""

    async def call(
        self, service: str, method: str, path: str, token: str, body: bytes, media_type: str = "application/json"
    ) -> bytes:
        """Return the answer's body."""
        ...


@dataclass(slots=True)
class Calls:
    """The calls of one kind that were made.

    Attributes:
        seconds: how long each took, in the order of their end.
        sent_bytes: of all bodies together.
        answered_bytes: of all answers together.
    """

    seconds: list[float] = field(default_factory=list)
    sent_bytes: int = 0
    answered_bytes: int = 0

    async def timed(self, door: Door, service: str, path: str, token: str, body: bytes, media_type: str) -> bytes:
        """Make a POST and note how long it took."""
        began = time.perf_counter()
        answer = await door.call(service, "POST", path, token, body, media_type)
        self.seconds.append(time.perf_counter() - began)
        self.sent_bytes += len(body)
        self.answered_bytes += len(answer)
        return answer

    def milliseconds(self, share: float) -> float:
        """Return the time within which this share of the calls was answered, 0 when there were none."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1e3 if ordered else 0.0


@dataclass(slots=True)
class Exchange:
    """What a phase sent and was answered.

    Attributes:
        operations: units admitted, or pairs of claim and submission.
        calls: by kind of call.
    """

    operations: int = 0
    calls: dict[str, Calls] = field(default_factory=dict)

    def of(self, kind: str) -> Calls:
        """Return the calls of a kind."""
        return self.calls.setdefault(kind, Calls())


def definition() -> dict[str, Any]:
    """Return the bench's project: nothing hidden, lots as by default, and OVERLAP labels a unit."""
    return {
        "name": "bench",
        "label_schema": {"kind": "choice", "classes": list(CLASSES)},
        "guideline": "Say how the statement follows.",
        "policy": {
            "overlap": {"initial": OVERLAP, "max": OVERLAP},
            "gold": {"rate": 0.0},
            "lease": {"seconds": 3_600},
        },
    }


def lines(first: int, count: int) -> bytes:
    """Return so many units as NDJSON, each with text of its own."""
    units = ({"id": f"n{number}", "content": TEXT.format(number)} for number in range(first, first + count))
    return b"\n".join(map(msgspec.json.encode, units))


async def define(door: Door, client: str, operator: str, annotators: Sequence[str]) -> str:
    """Define the project and the annotators; return the project's id.

    Args:
        door: how the services are called.
        client: the client's credential.
        operator: an operator's credential.
        annotators: the annotators' ids.
    """
    body = msgspec.json.encode(definition())
    project = msgspec.json.decode(await door.call("ingest", "PUT", f"/v1/projects/{SLUG}", client, body))
    for annotator_id in annotators:
        await door.call("assign", "PUT", f"/v1/annotators/{annotator_id}", operator, b"{}")
    project_id: str = project["project_id"]
    return project_id


async def admit(door: Door, client: str, project_id: str, first: int, count: int, exchange: Exchange) -> None:
    """Send so many units from number `first` on, LINES_PER_REQUEST a request, one request after another."""
    calls = exchange.of("import")
    for start in range(first, first + count, LINES_PER_REQUEST):
        body = lines(start, min(LINES_PER_REQUEST, first + count - start))
        path = f"/v1/projects/{project_id}/units"
        answer = msgspec.json.decode(await calls.timed(door, "ingest", path, client, body, NDJSON))
        exchange.operations += answer["admitted"]


async def annotate(
    door: Door, tokens: Sequence[str], project_id: str, pairs: int, units_a_call: int, exchange: Exchange
) -> None:
    """Let all annotators claim and submit at once until so many units are claimed and submitted, or none is left.

    Raises:
        NothingOffered: not one unit was offered.
    """
    orders = _orders(pairs, units_a_call)
    before = exchange.operations

    async def work(token: str) -> None:
        for units in orders:
            claimed = await _claim_some(door, exchange.of("claim"), token, project_id, units)
            if not claimed:
                return
            await _submit(door, exchange.of("submit"), token, claimed, single=units_a_call == 1)
            exchange.operations += len(claimed)

    await asyncio.gather(*[work(token) for token in tokens])
    if exchange.operations == before:
        raise NothingOffered(f"{project_id}: none of {len(tokens)} annotators was offered a unit")


async def go_on(door: Door, tokens: Sequence[str], project_id: str, labels: int, exchange: Exchange) -> None:
    """Let all annotators submit and be given the next unit in one call, until so many labels are in or none is left.

    Raises:
        NothingOffered: not one unit was offered.
    """
    orders = _orders(labels, 1)
    before = exchange.operations
    first = Calls()  # a unit each to begin with: none of the work that is measured

    async def work(token: str) -> None:
        held = await _claim_some(door, first, token, project_id, 1)
        while held:
            if next(orders, None) is None:
                return
            body = msgspec.json.encode({"label": label_of(held[0]["unit_id"]), "active_ms": 4_000, "next": 1})
            path = f"/v1/assignments/{held[0]['assignment_id']}/submission"
            answer = await exchange.of("submit and next").timed(door, "assign", path, token, body, "application/json")
            held = msgspec.json.decode(answer)["next"]["assignments"]
            exchange.operations += 1

    await asyncio.gather(*[work(token) for token in tokens])
    if exchange.operations == before:
        raise NothingOffered(f"{project_id}: none of {len(tokens)} annotators was offered a unit")


async def hold(
    door: Door, tokens: Sequence[str], project_id: str, claims: int, exchange: Exchange
) -> list[tuple[str, dict[str, Any]]]:
    """Let so many annotators claim a unit each, all at once; return who holds which.

    Raises:
        NothingOffered: not one unit was offered.
    """
    held: list[tuple[str, dict[str, Any]]] = []

    async def work(token: str) -> None:
        claimed = await _claim_some(door, exchange.of("claim"), token, project_id, 1)
        held.extend((token, assignment) for assignment in claimed)

    await asyncio.gather(*[work(token) for token in tokens[:claims]])
    if not held:
        raise NothingOffered(f"{project_id}: none of {len(tokens)} annotators was offered a unit")
    exchange.operations += len(held)
    return held


async def submit_held(door: Door, held: Sequence[tuple[str, dict[str, Any]]], exchange: Exchange) -> None:
    """Let all annotators submit what they hold, all at once."""
    calls = exchange.of("submit")
    await asyncio.gather(*[_submit(door, calls, token, [assignment], single=True) for token, assignment in held])
    exchange.operations += len(held)


def _orders(pairs: int, units_a_call: int) -> Iterator[int]:
    """Yield how many units each next claim asks for; all annotators draw from it, so the quick ones do more."""
    for done in range(0, pairs, units_a_call):
        yield min(units_a_call, pairs - done)


async def _claim_some(door: Door, calls: Calls, token: str, project_id: str, units: int) -> list[dict[str, Any]]:
    """Claim, and again while all that waits is in other claims' hands, as where many ask for much of little."""
    for _ in range(CLAIMS_MAX):
        if claimed := await _claim(door, calls, token, project_id, units):
            return claimed
        await asyncio.sleep(EMPTY_CLAIM_SECONDS)
    return []


async def _claim(door: Door, calls: Calls, token: str, project_id: str, units: int) -> list[dict[str, Any]]:
    body = msgspec.json.encode({"units": units})
    path = f"/v1/projects/{project_id}/claims"
    answer = msgspec.json.decode(await calls.timed(door, "assign", path, token, body, "application/json"))
    assignments: list[dict[str, Any]] = answer["assignments"]
    return assignments


async def _submit(door: Door, calls: Calls, token: str, claimed: Sequence[dict[str, Any]], *, single: bool) -> None:
    labels = [
        {"assignment_id": assignment["assignment_id"], "label": label_of(assignment["unit_id"]), "active_ms": 4_000}
        for assignment in claimed
    ]
    if single:
        assignment_id = labels[0].pop("assignment_id")
        path, body = f"/v1/assignments/{assignment_id}/submission", msgspec.json.encode(labels[0])
    else:
        path, body = "/v1/submissions", msgspec.json.encode({"submissions": labels})
    await calls.timed(door, "assign", path, token, body, "application/json")


def label_of(unit_id: str) -> str:
    """Return the label that everybody gives to a unit: the bench's people agree."""
    return CLASSES[sum(unit_id.encode()) % len(CLASSES)]
