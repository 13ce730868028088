"""Telling: the other services hear of units that came in, by one record for all that came together.

A unit is in by its own insert, and told of by its arrival's record. Who is about to answer for a unit, or to erase it,
has it told first, whoever took it in: whether it was is said by that record.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from concord.chassis.journal.announce import Announcer
from concord.chassis.journal.record import Cause, Decision
from concord.contracts.codec import Headers
from services.ingest.announcements import SERVICE, Admitted, unit_duplicated
from services.ingest.domain.identity import ArrivalState, Claim, waits_for_lot
from services.ingest.domain.project import ProjectState
from services.ingest.repository import ARRIVAL, UNIT, Repository

ARRIVALS_TOGETHER = 10
"""Of other processes, whose records are read at once: each may have a megabyte."""
ARRIVALS_REMEMBERED_MAX = 10_000
"""Arrivals of this process of which all was told."""


class Telling:
    """Tells of units.

    Args:
        repository: where facts are found.
    """

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self._told: OrderedDict[str, None] = OrderedDict()
        self._asked = 0

    async def tell(
        self,
        project: ProjectState,
        units: Iterable[Claim],
        own: Collection[str] = (),
        traces: Mapping[str, Headers] | None = None,
    ) -> None:
        """Have told of units what was not; erased ones were.

        Args:
            project: whose.
            units: as they are stored.
            own: the arrivals among theirs that this process has begun, of which these are all.
            traces: by unit, the traces that they belong to.

        Raises:
            StoreUnavailable: some may be told; the same may be asked again.
        """
        by_arrival: defaultdict[str, list[Claim]] = defaultdict(list)
        for unit in units:
            if not unit.unit.erased_at_us:
                by_arrival[unit.unit.arrival].append(unit)
        ours = [arrival for arrival in by_arrival if arrival in own]
        others = [arrival for arrival in by_arrival if arrival not in own and arrival not in self._told]
        # What others took in comes first: ours may be duplicates of it.
        for start in range(0, len(others), ARRIVALS_TOGETHER):
            some = others[start : start + ARRIVALS_TOGETHER]
            await self._apply(project, {arrival: by_arrival[arrival] for arrival in some}, traces or {}, new=False)
        if ours:
            keys = await self._apply(
                project, {arrival: by_arrival[arrival] for arrival in ours}, traces or {}, new=True
            )
            # Nobody asks for these again soon, and they are large.
            self.repository.journal.forget(keys)
            self._remember(ours)

    async def _apply(
        self,
        project: ProjectState,
        arrivals: Mapping[str, Sequence[Claim]],
        traces: Mapping[str, Headers],
        *,
        new: bool,
    ) -> list[str]:
        self._asked += 1
        cause_id = f"tell/{self.repository.journal.commits.writer}/{self._asked}"
        causes = [_telling(project, cause_id, arrival_id, units, traces, new) for arrival_id, units in arrivals.items()]
        for outcome in await self.repository.journal.apply(ARRIVAL, causes):
            if outcome.error is not None:
                raise outcome.error  # the bounds of an arrival leave room for its events
        return [cause.key for cause in causes]

    def _remember(self, arrivals: Iterable[str]) -> None:
        self._told.update(dict.fromkeys(arrivals))
        while len(self._told) > ARRIVALS_REMEMBERED_MAX:
            self._told.popitem(last=False)


def _telling(
    project: ProjectState,
    cause_id: str,
    arrival: str,
    units: Sequence[Claim],
    traces: Mapping[str, Headers],
    new: bool,
) -> Cause[ArrivalState]:
    def decide(state: ArrivalState | None, now_us: int) -> Decision[ArrivalState] | None:
        earlier = () if state is None else state.unit_ids
        known = frozenset(earlier)
        fresh = [claim for claim in units if claim.unit.unit_id not in known]
        if not fresh:
            return None
        announcer = Announcer(SERVICE, arrival, now_us, first=len(earlier))
        admitted, events, opens = Admitted(announcer, project), [], []
        for claim in fresh:
            unit_id = claim.unit.unit_id
            trace = traces.get(unit_id, ())
            if claim.unit.duplicate_of:
                events.append(unit_duplicated(announcer, project, claim, trace))
            else:
                events.append(admitted.event(claim, trace))
            if waits_for_lot(claim.unit):
                opens.append(UNIT.key(project.client_id, unit_id))
        after = ArrivalState(project.project_id, (*earlier, *(entering.unit.unit_id for entering in fresh)))
        return Decision(after, events, opens)

    return Cause(ARRIVAL.key(project.client_id, arrival), cause_id, decide, creates=new)
