"""What was labelled, read from ingest for an export that asks for it: by the very links that people are handed."""

import asyncio
from collections.abc import Sequence

import msgspec

from concord.chassis.clock import MICROSECONDS, Clock
from concord.chassis.errors import Unavailable
from concord.chassis.payload_links import payload_link
from concord.chassis.places.peers import Fetched, Peers, Unreached

AT_ONCE = 16
"""Links that an export follows at the same time."""
LINK_SECONDS = 60
TRIES_MAX = 4
PAUSE_SECONDS_FIRST = 0.2
OK, GONE = 200, (404, 410)


class PayloadsAway(Unavailable):
    """Ingest does not hand over what was labelled."""


class Payloads:
    """Reads payloads.

    Args:
        peers: reaches ingest.
        ingest_url: where it answers, from here.
        secret: what links are signed with.
        clock: tells until when a link holds.
    """

    def __init__(self, peers: Peers, ingest_url: str, secret: bytes, clock: Clock) -> None:
        self._peers = peers
        self._url = ingest_url
        self._secret = secret
        self._clock = clock

    async def of(self, unit_ids: Sequence[str]) -> dict[str, bytes]:
        """Return the JSON of what was labelled in these units, by their ids; what is erased is left out.

        Raises:
            PayloadsAway: ingest does not answer.
        """
        places = asyncio.Semaphore(AT_ONCE)

        async def one(unit_id: str) -> bytes | None:
            async with places:
                return await self._one(unit_id)

        found = await asyncio.gather(*map(one, unit_ids))
        return {unit_id: data for unit_id, data in zip(unit_ids, found, strict=True) if data is not None}

    async def _one(self, unit_id: str) -> bytes | None:
        pause = PAUSE_SECONDS_FIRST
        for last in (*[False] * (TRIES_MAX - 1), True):
            try:
                answer = await self._asked(unit_id)
            except Unreached as fault:
                if last:
                    raise PayloadsAway("Ingest does not answer; ask for the export again.") from fault
            else:
                if answer.status in GONE:
                    return None
                if answer.status == OK:
                    return _json(answer)
                if last:
                    raise PayloadsAway(f"Ingest answers {answer.status}; ask for the export again.")
            await self._clock.sleep(pause)
            pause *= 2
        raise AssertionError("the last try returns or raises")

    async def _asked(self, unit_id: str) -> Fetched:
        until_us = self._clock.now_us() + LINK_SECONDS * MICROSECONDS
        target = payload_link(self._secret, "", unit_id, until_us).encode()
        return await self._peers.fetch(self._url, "GET", target, [], b"")


def _json(answer: Fetched) -> bytes:
    """Return an answer as JSON: a text comes as itself."""
    if answer.media_type.startswith("text/"):
        return msgspec.json.encode(answer.body.decode())
    return answer.body
