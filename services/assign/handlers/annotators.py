"""Who annotates: the roster."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from concord.chassis.journal.record import Cause, Decision
from concord.chassis.telemetry import trace_headers
from services.assign import announcements
from services.assign.announcements import announcer
from services.assign.domain import eligibility, roster
from services.assign.domain.eligibility import AnnotatorState, AtWork
from services.assign.domain.refusals import AnnotatorUnknown
from services.assign.domain.roster import Sought
from services.assign.handlers.deciding import Requests
from services.assign.repository import ANNOTATOR, Repository, annotator_key

Change = Callable[[AnnotatorState | None, int], AnnotatorState | None]
"""Makes an annotator's next revision of their state, None before the first, and the time; None: nothing changes."""


class Entry(NamedTuple):
    """What is said of one annotator in a list.

    Attributes:
        said: what is to be other than it is, by the names of `AnnotatorState`.
        at_work: the state in which they are to be; None: as before, or active.
    """

    annotator_id: str
    said: dict[str, object]
    at_work: AtWork | None = None


class Annotators:
    """The people and models who annotate.

    Args:
        repository: where facts are found.
        requests: names requests.
    """

    def __init__(self, repository: Repository, requests: Requests) -> None:
        self.repository = repository
        self.requests = requests

    async def define(self, wanted: AnnotatorState, at_work: AtWork | None = None) -> tuple[AnnotatorState, bool]:
        """Say who an annotator is; return the state and whether the annotator is new.

        Args:
            wanted: who they are and what they are able to do.
            at_work: the state in which they are to be; None: as before, or active.

        Raises:
            StateRefused: nobody comes from their state to that one.
        """
        known = await self.repository.annotator_stored(wanted.annotator_id)

        def change(state: AnnotatorState | None, now_us: int) -> AnnotatorState | None:
            after = eligibility.define(state, wanted)
            return after if at_work is None else _at_work(state, after or state or wanted, at_work, now_us)

        return await self._decide(wanted.annotator_id, change), known is None

    async def enlist(self, entries: Sequence[Entry]) -> list[bool | Exception]:
        """Say who some annotators are, in one read and one insert; return of each whether anything changed, or why not.

        Raises:
            Backlogged: the broker takes no events.
        """
        self.repository.refuse_backlog()
        changed = [False] * len(entries)

        def cause(place: int, entry: Entry) -> Cause[AnnotatorState]:
            def change(state: AnnotatorState | None, now_us: int) -> AnnotatorState | None:
                now = msgspec.structs.replace(state or AnnotatorState(entry.annotator_id), **entry.said)
                after = eligibility.revised(state, now)
                if entry.at_work is not None:
                    after = _at_work(state, after or now, entry.at_work, now_us)
                changed[place] = after is not None
                return after

            return self._cause(entry.annotator_id, change)

        causes = [cause(place, entry) for place, entry in enumerate(entries)]
        outcomes = await self.repository.journal.apply(ANNOTATOR, causes)
        return [outcome.error or changed[place] for place, outcome in enumerate(outcomes)]

    async def put(
        self, annotator_id: str, at_work: AtWork, reason: str = "", until_us: int | None = None
    ) -> AnnotatorState:
        """Have an annotator in a state: see `roster.changed`.

        Raises:
            AnnotatorUnknown: nobody has defined them.
            StateRefused: nobody comes from their state to that one, or the end is none.
        """
        await self.defined(annotator_id)

        def change(state: AnnotatorState | None, now_us: int) -> AnnotatorState | None:
            assert state is not None, "who was defined once stays so"
            return eligibility.revised(state, roster.changed(state, at_work, now_us, reason, until_us))

        return await self._decide(annotator_id, change)

    async def arrived(self, annotator_id: str) -> AnnotatorState:
        """Have somebody who was invited, and came, be active; return them."""

        def change(state: AnnotatorState | None, now_us: int) -> AnnotatorState | None:
            assert state is not None, "who was invited was defined"
            return roster.arrived(state, now_us)

        return await self._decide(annotator_id, change)

    def page(self, sought: Sought, after: str, size: int) -> tuple[list[AnnotatorState], str]:
        """Return annotators as last told, by name; see `Pool.page`."""
        return self.repository.pool.page(sought, after, self.repository.journal.clock.now_us(), size)

    async def _decide(self, annotator_id: str, change: Change) -> AnnotatorState:
        outcome = await self.repository.journal.decide(ANNOTATOR, self._cause(annotator_id, change))
        assert outcome.state is not None, "a definition leaves a state"
        return outcome.state

    def _cause(self, annotator_id: str, change: Change) -> Cause[AnnotatorState]:
        cause_id, trace = self.requests.next(), trace_headers()

        def decide(state: AnnotatorState | None, now_us: int) -> Decision[AnnotatorState] | None:
            after = change(state, now_us)
            if after is None:
                return None
            return Decision(after, [announcements.defined(announcer(cause_id, now_us, trace), after)])

        return Cause(annotator_key(annotator_id), cause_id, decide)

    async def get(self, annotator_id: str) -> AnnotatorState:
        """Return an annotator as last told: what another process defines is known here within seconds.

        Raises:
            AnnotatorUnknown: nobody has.
        """
        return _known(annotator_id, await self.repository.annotator(annotator_id))

    async def defined(self, annotator_id: str) -> AnnotatorState:
        """Return an annotator as last defined, by whichever process.

        Raises:
            AnnotatorUnknown: nobody has.
        """
        return _known(annotator_id, await self.repository.annotator_stored(annotator_id))


def _at_work(state: AnnotatorState | None, now: AnnotatorState, at_work: AtWork, now_us: int) -> AnnotatorState | None:
    """Return the next revision, in the state that is wanted; whoever is new may begin in any."""
    if state is None:
        return eligibility.revised(None, msgspec.structs.replace(now, state=at_work, since_us=now_us))
    return eligibility.revised(state, roster.changed(now, at_work, now_us, now.reason, now.until_us))


def _known(annotator_id: str, found: AnnotatorState | None) -> AnnotatorState:
    if found is None:
        raise AnnotatorUnknown(f"Nobody has defined annotator {annotator_id[:120]!r}.")
    return found
