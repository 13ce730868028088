"""Claims that wait: somebody for whom nothing is there is answered when something is, or after a while with why not."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

from concord.chassis.clock import Clock
from concord.chassis.errors import Unavailable
from concord.chassis.shares import may_hold_another
from services.assign.domain.reasons import Why, not_given, why_nothing
from services.assign.handlers.annotators import Annotators
from services.assign.handlers.claims import Claims, Leased
from services.assign.repository import Repository

WAIT_SECONDS_MAX = 20
"""Below what proxies and the process that hands a request on allow for an answer."""
WAITERS_MAX = 500
"""Claims of this process that wait; any more is answered at once. Half of what a door serves at once: whoever waits
keeps nobody from sending a label. Those of one project leave room for others' (`may_hold_another`)."""
WAITERS_PER_ANNOTATOR_MAX = 8
"""Of somebody's windows; whoever sends more claims than that takes no place from others who wait."""
LOOK_SECONDS = 1.0
"""How often somebody who waits looks whether the project is still served here, if nobody has told them."""
LOOKS_APART_SECONDS = 0.25
"""How long somebody who waits and was given nothing rests at least, however often the bell rings: while units come and
go by the hundred, most are not for most of those who wait."""


class Waiting:
    """Claims of those who would rather wait than ask again.

    Args:
        repository: where facts are found.
        annotators: who asks.
        claims: what they are given.
        clock: time.
    """

    def __init__(self, repository: Repository, annotators: Annotators, claims: Claims, clock: Clock) -> None:
        self.repository = repository
        self.annotators = annotators
        self.claims = claims
        self.clock = clock
        self._waiting = Counter[str]()
        self._by_project = Counter[str]()

    @property
    def waiters(self) -> int:
        """Return how many claims wait now."""
        return self._waiting.total()

    async def claim(
        self,
        annotator_id: str,
        project_id: str,
        units_max: int,
        wait_seconds: int,
        left: Callable[[], Awaitable[None]],
    ) -> list[Leased]:
        """Return what `Claims.claim` does, once that is something, or nothing after so many seconds.

        Whoever hangs up while they wait is given nothing: a lease that nobody hears of would keep a unit from others.

        Args:
            annotator_id: who asks.
            project_id: where.
            units_max: how many units they would hold.
            wait_seconds: how long they would wait for the first.
            left: returns when the caller has hung up; it is cancelled before.

        Who waits where the project goes to another process is given nothing, sooner: asked again, they wait there.

        Raises:
            as `Claims.claim` does.
        """
        deadline = self.clock.monotonic() + wait_seconds
        while True:
            bell = self.repository.bell(project_id)  # before it is looked: what comes meanwhile is heard of
            next_at = self.clock.monotonic() + LOOKS_APART_SECONDS
            try:
                leases = await self.claims.claim(annotator_id, project_id, units_max)
            except Unavailable:
                if wait_seconds and not self.repository.serves(project_id):
                    return []
                raise
            if leases or not wait_seconds or not self._may_wait(annotator_id, project_id):
                return leases
            self._waiting[annotator_id] += 1
            self._by_project[project_id] += 1
            try:
                if not await self._rung(bell, left, project_id, next_at, deadline):
                    return leases
            finally:
                self._waiting -= Counter([annotator_id])
                self._by_project -= Counter([project_id])

    def _may_wait(self, annotator_id: str, project_id: str) -> bool:
        has_room = may_hold_another(self._by_project[project_id], self.waiters, WAITERS_MAX)
        return has_room and self._waiting[annotator_id] < WAITERS_PER_ANNOTATOR_MAX

    async def _rung(
        self, bell: asyncio.Event, left: Callable[[], Awaitable[None]], project_id: str, next_at: float, deadline: float
    ) -> bool:
        """Return whether something came before the deadline, somebody is still there to have it, and we to give it."""
        rings, leaves = asyncio.ensure_future(bell.wait()), asyncio.ensure_future(left())
        try:
            while (rest := deadline - self.clock.monotonic()) > 0:
                if not self.repository.serves(project_id):
                    return False
                pause = next_at - self.clock.monotonic() if rings.done() else LOOK_SECONDS
                if pause <= 0:
                    return True
                heard = (leaves,) if rings.done() else (rings, leaves)
                await asyncio.wait(heard, timeout=min(rest, pause), return_when="FIRST_COMPLETED")
                if leaves.done():
                    return False
            return False
        finally:
            rings.cancel()
            leaves.cancel()

    async def why_nothing(self, annotator_id: str, project_id: str) -> Why:
        """Return why there is nothing in a project for somebody now; of one that has just gone elsewhere no more."""
        try:
            return await self._why_nothing(annotator_id, project_id)
        except Unavailable:
            if self.repository.serves(project_id):
                raise
            return Why("nothing_waits")

    async def _why_nothing(self, annotator_id: str, project_id: str) -> Why:
        annotator = await self.annotators.get(annotator_id)
        waiting = self.repository.place(project_id).queue.skills_wanted(project_id)
        project = self.claims.projects.known(project_id)
        if not project.gives_work:
            return not_given(project.life, project.life_reason)
        if await self.claims.acknowledging.lacks(annotator_id, project):
            return Why("not_acknowledged", version=project.guideline_version)
        on_break = self.claims.on_break(annotator_id, project_id)
        capped = await self.claims.capped(annotator_id, project)
        progress = self.claims.qualifying.progress(project, annotator_id)
        left = await self.claims.gold_left(annotator_id, project_id)
        stopped = self.claims.conduct.stopped(project, annotator_id)
        return why_nothing(annotator, waiting, self.clock.now_us(), on_break, progress, capped, left, stopped)
