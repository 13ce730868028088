"""Who gives labels, and when each is due."""

import asyncio
import itertools
import time
from collections.abc import Iterator

import msgspec

from bench.services.door import HttpDoor
from bench.services.load import EMPTY_CLAIM_SECONDS, NothingOffered, label_of

CLAIMS_MAX = 50


class Pace:
    """When each label is due: the first now, the others at the rate.

    Attributes:
        begun: of the monotonic clock.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self.begun = time.monotonic()
        self._at_zero = time.time() - self.begun

    def moment(self, number: int) -> float:
        """Return when a label is due, of the monotonic clock."""
        return self.begun + number / self._rate

    def due(self, first: int, end: int) -> Iterator[float]:
        """Yield the moments, seconds since 1970, of labels that are due by now: from `first` on, none from `end` on."""
        now = time.monotonic()
        for number in itertools.takewhile(lambda entry: self.moment(entry) <= now, range(first, end)):
            yield self.moment(number) + self._at_zero


class Person:
    """An annotator who holds one unit at a time and is given the next with each label."""

    def __init__(self, door: HttpDoor, token: str, project_id: str) -> None:
        self._door, self._token, self._project_id = door, token, project_id
        self.held: list[dict[str, str]] = []

    async def claim(self) -> None:
        """Be offered a unit; NothingOffered when there is none after a while."""
        path = f"/v1/projects/{self._project_id}/claims"
        for _ in range(CLAIMS_MAX):
            answer = await self._door.call("assign", "POST", path, self._token, b'{"units":1}')
            self.held = msgspec.json.decode(answer)["assignments"]
            if self.held:
                return
            await asyncio.sleep(EMPTY_CLAIM_SECONDS)
        raise NothingOffered(f"{self._project_id}: an annotator was offered nothing, {CLAIMS_MAX} times in a row")

    async def submit(self) -> None:
        """Give a label, and take the next unit."""
        (held,) = self.held
        body = msgspec.json.encode({"label": label_of(held["unit_id"]), "active_ms": 4_000, "next": 1})
        path = f"/v1/assignments/{held['assignment_id']}/submission"
        answer = await self._door.call("assign", "POST", path, self._token, body)
        self.held = msgspec.json.decode(answer)["next"]["assignments"]
