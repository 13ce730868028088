"""The series of a project's lots: told of every verdict, asked before every sample."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from concord.chassis.errors import Unavailable
from concord.chassis.journal.announce import Announcer
from concord.chassis.journal.record import Cause, Decision
from concord.chassis.projects import Project
from concord.chassis.telemetry import trace_headers
from concord.quality.label_error import Pool
from services.audit.announcements import SERVICE, inspection_switched, radius_found
from services.audit.domain.lot import LotState, Progress
from services.audit.domain.radius import Finding, Radius
from services.audit.domain.series import (
    Discontinued,
    LotVerdict,
    Series,
    counted,
    is_overtaken,
    resumed,
    telling,
    with_findings,
)
from services.audit.handlers.means import Means
from services.audit.repository import SERIES, series_key

ISO = "iso_2859_1"


class FoundMeanwhile(Unavailable):
    """Somebody with labels in a lot was found at fault for another while it was judged: it is held first."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Keeps the series."""

    means: Means

    async def now(self, project_id: str) -> Series:
        """Return where a project's lots stand, with every verdict that came through."""
        series = await self.means.repository.series(project_id)
        lots = await self.means.repository.lots([verdict.lot_id for verdict in series.told])
        return counted(series, {lot.lot_id: lot for lot in lots})

    async def drawable(self, project: Project) -> Series:
        """Return the series for the next sample to be drawn by.

        Raises:
            Discontinued: none is to be drawn.
        """
        project_id = project.project_id
        series = await self.now(project_id)
        if project.policy.audit.plan == ISO and series.severity == "discontinued":
            raise Discontinued(
                "Inspection is discontinued (ISO 2859-1, 9.4): five lots were rejected on tightened inspection. Put "
                f"right what causes the errors, and say so by POST /v1/projects/{project_id}/inspection/resumption."
            )
        return series

    async def tell(self, lot: LotState, found: Progress, pool: Pool) -> None:
        """Tell the series of a verdict before its lot is decided; said again it changes nothing."""
        first = lot.rejections == 0 and lot.rework == 0 and lot.plan is not None and lot.plan.kind == ISO
        verdict = LotVerdict(
            lot.lot_id,
            lot.judgement,
            lot.rejections,
            found.verdict == "accept",
            pool,
            lot.plan if first else None,
            found.errors,
        )
        cause_id = f"tell/{lot.lot_id}/{lot.judgement}/{lot.status}/{found.verdict}"
        await self._decide(lot.project_id, cause_id, verdict, lot)

    async def count(self, lot: LotState) -> None:
        """Have the verdict that was told of a lot counted if it switches inspection, so that it is told at once."""
        if lot.plan is not None and lot.plan.kind == ISO:
            await self._decide(lot.project_id, f"count/{lot.lot_id}/{lot.judgement}/{lot.rejections}", None)

    async def note(self, lot: LotState, found: Sequence[Finding], radii: Sequence[Radius]) -> None:
        """Note who is at fault for a lot's rejection, and tell what else they labelled; once a rejection.

        It is a record of the series as is what was told of an acceptance: one goes before the other, so a lot is either
        held against this, or is among those that were accepted.
        """
        cause_id, trace = f"fault/{lot.lot_id}/{lot.rejections}", trace_headers()

        def decide(before: Series | None, now_us: int) -> Decision[Series]:
            after = with_findings(before or Series(lot.project_id), found)
            announcer = Announcer(SERVICE, cause_id, now_us, trace)
            return Decision(after, [radius_found(announcer, lot, found, radii)])

        await self.means.journal.decide(SERIES, Cause(series_key(lot.project_id), cause_id, decide), owed=True)

    async def resume(self, project_id: str, reason: str) -> Series:
        """Resume inspection.

        Raises:
            NotDiscontinued: it was not discontinued.
        """
        series = await self.means.repository.series(project_id)
        lots = await self._lots(series)
        # The same said again has the same answer, and inspection is discontinued once by a lot.
        cause_id = f"resume/{series.switched_by}/{hashlib.sha256(reason.encode()).hexdigest()}"
        trace = trace_headers()

        def decide(before: Series | None, now_us: int) -> Decision[Series]:
            known = counted(before or Series(project_id), lots)
            after = resumed(known, reason)
            return Decision(after, [inspection_switched(Announcer(SERVICE, cause_id, now_us, trace), known, after)])

        outcome = await self.means.journal.decide(SERIES, Cause(series_key(project_id), cause_id, decide))
        for lot in self.means.repository.open_lots(project_id):
            self.means.repository.news(project_id, lot.state.lot_id)
        assert outcome.state is not None, "a series that was resumed is there"
        return outcome.state

    async def _decide(
        self, project_id: str, cause_id: str, verdict: LotVerdict | None, lot: LotState | None = None
    ) -> None:
        lots = await self._lots(await self.means.repository.series(project_id))
        trace = trace_headers()

        def decide(before: Series | None, now_us: int) -> Decision[Series] | None:
            known = before or Series(project_id)
            if lot is not None and verdict is not None and verdict.accepted and is_overtaken(known, lot):
                raise FoundMeanwhile(f"Somebody with labels in lot {lot.lot_id} was just found at fault for another.")
            after = counted(known, lots)
            switched = after.severity != known.severity
            if verdict is not None:
                after = telling(after, verdict)
            elif not switched:
                return None
            announcer = Announcer(SERVICE, cause_id, now_us, trace)
            return Decision(after, [inspection_switched(announcer, known, after)] if switched else [])

        await self.means.journal.decide(SERIES, Cause(series_key(project_id), cause_id, decide))

    async def _lots(self, series: Series) -> dict[str, LotState]:
        """Return the lots of which something is told that is not counted, as the store has them."""
        found = await self.means.repository.lots([verdict.lot_id for verdict in series.told], anew=True)
        return {lot.lot_id: lot for lot in found}
