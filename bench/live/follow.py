"""What alerts and dashboards see of a project, looked at several times a second, and what that says of each label."""

import asyncio
import re
import time
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import aiohttp

LOOK_SECONDS = 0.2
COUNTED_SECONDS_MAX = 120.0
ANSWER_SECONDS_MAX = 30.0


_SHOWN = re.compile(r'^concord_annotations\{[^}]*project="([^"]*)"[^}]*\} (\S+)$', re.MULTILINE)


class NotCounted(Exception):
    """Of the labels that were given not all were counted, or more than there were."""


@dataclass(frozen=True, slots=True)
class Look:
    """How many labels Prometheus would have been told of at a moment of the monotonic clock."""

    at: float
    labels: int


async def shown(session: aiohttp.ClientSession, address: str) -> dict[str, int]:
    """Return how many labels of each project the series of metrics at this address show."""
    async with session.get(f"{address}/metrics") as answer:
        answer.raise_for_status()
        return {project_id: int(float(labels)) for project_id, labels in _SHOWN.findall(await answer.text())}


def session() -> aiohttp.ClientSession:
    """Return what looks are taken with."""
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS_MAX))


class Follower:
    """Looks at metrics' series while the block runs; a context.

    Args:
        address: of metrics, a base URL.
        project_id: whose labels.
    """

    def __init__(self, address: str, project_id: str) -> None:
        self._address, self._project_id = address, project_id
        self.looks: list[Look] = []
        self._session: aiohttp.ClientSession
        self._looking: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        """Begin."""
        self._session = session()
        self._looking = asyncio.create_task(self._look())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""
        self._looking.cancel()
        await asyncio.wait({self._looking})
        await self._session.close()

    async def counted(self, labels: int) -> None:
        """Return when so many labels are shown.

        Raises:
            NotCounted: they are not within COUNTED_SECONDS_MAX, or there are more.
        """
        deadline = time.monotonic() + COUNTED_SECONDS_MAX
        while (shown := self.looks[-1].labels if self.looks else 0) != labels:
            if self._looking.done():
                self._looking.result()
            if shown > labels or time.monotonic() > deadline:
                raise NotCounted(f"{shown:,} labels are counted, and {labels:,} were given")
            await asyncio.sleep(LOOK_SECONDS / 2)

    async def _look(self) -> None:
        while True:
            begun = time.monotonic()
            found = await shown(self._session, self._address)
            # What is shown was so when it was read, or before; who sees it has it when it is here.
            self.looks.append(Look(time.monotonic(), found.get(self._project_id, 0)))
            await asyncio.sleep(max(0.0, LOOK_SECONDS - (time.monotonic() - begun)))


def waited(given: Sequence[float], looks: Sequence[Look]) -> list[float]:
    """Return how many seconds passed from each label's being given to its being seen in the series; shortest first.

    The nth label that is counted is the nth that was given, for they are read in their order.

    Args:
        given: moments, in order.
        looks: in order, the last with all of them.

    >>> waited([10.0, 10.1, 11.0], [Look(10.05, 0), Look(10.5, 2), Look(12.0, 3)])
    [0.4, 0.5, 1.0]
    """
    shown = [look.labels for look in looks]
    return sorted(
        round(max(0.0, looks[bisect_left(shown, number)].at - at), 3) for number, at in enumerate(given, start=1)
    )


def lag(given: Sequence[float], looks: Sequence[Look]) -> list[tuple[float, int]]:
    """Return at each look, seconds after the first label, how many labels were given and not shown.

    >>> lag([10.0, 10.1, 11.0], [Look(10.05, 0), Look(10.5, 2), Look(12.0, 3)])
    [(0.05, 1), (0.5, 0), (2.0, 0)]
    """
    return [
        (round(look.at - given[0], 3), max(0, bisect_left(given, look.at) - look.labels))
        for look in looks
        if look.at >= given[0]
    ]


def longest_pause(given: Sequence[float], looks: Sequence[Look]) -> float:
    """Return the longest time in which nothing more was shown although something was waiting, seconds.

    >>> longest_pause([10.0, 10.1, 11.0], [Look(10.05, 0), Look(10.5, 2), Look(12.0, 3)])
    1.0
    """
    longest, since, before = 0.0, given[0], 0
    for look in looks:
        if look.labels > before:
            longest = max(longest, look.at - max(since, given[before]))
            since, before = look.at, look.labels
    return round(longest, 3)


def share(ordered: Sequence[float], part: float) -> float:
    """Return the value within which this part of them lies."""
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]
