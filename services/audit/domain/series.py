"""The series: a project's lots one after another, what they add up to, and how severely the next one is inspected.

A verdict is told to the series before its lot is decided, and counted once its lot shows that it came through: so a
verdict of which the lot's record is missing, for its process died or a unit was erased meanwhile, is not counted, and
none that came through is lost. What is told and not yet counted is of the lots that are being decided just now.
"""

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from concord.quality.iso_2859 import StandardPlan
from concord.quality.iso_2859_switching import SwitchingState, after_lot, resume
from concord.quality.label_error import Pool
from services.audit.domain.lot import LotState
from services.audit.domain.radius import Finding, concerning, newest, noted
from services.audit.domain.verdict import Plan

Severity = Literal["normal", "tightened", "reduced", "discontinued"]


class Discontinued(ValueError):
    """Nothing is drawn while inspection is discontinued."""


class NotDiscontinued(ValueError):
    """Inspection goes on: there is nothing to resume."""


class LotVerdict(msgspec.Struct, frozen=True, gc=False):
    """A verdict on a lot, as it was about to be decided.

    Attributes:
        judgement: the lot's, see `LotState.judgement`.
        rejections: how often the lot had been rejected before.
        pool: what the inspection adds to the project's.
        plan: of ISO 2859-1, where this was the lot's first inspection; None for others, which switch nothing.
        errors: in the whole sample.
    """

    lot_id: str
    judgement: tuple[int, int]
    rejections: int
    accepted: bool
    pool: Pool
    plan: Plan | None = None
    errors: int = 0


class Series(msgspec.Struct, frozen=True, gc=False):
    """Where a project's lots stand together.

    Attributes:
        pool: all inspections that came through.
        switching: by the rules of ISO 2859-1, where the project's plan is one of its.
        told: verdicts that are not counted yet, at most one a lot.
        findings: annotators at fault for rejected lots, and since when their labels are in doubt.
        rejections_noted: how many rejections these are of; the number of the newest.
        switched_by: the lot whose verdict changed the severity last; empty while it is normal from the start.
        reason: why inspection was resumed last; empty if it never was.
    """

    project_id: str
    pool: Pool = Pool()
    switching: SwitchingState = SwitchingState()
    told: tuple[LotVerdict, ...] = ()
    switched_by: str = ""
    reason: str = ""
    findings: tuple[Finding, ...] = ()
    rejections_noted: int = 0

    @property
    def severity(self) -> Severity:
        """How the next lot is inspected."""
        return "discontinued" if self.switching.discontinued else self.switching.inspection


def counted(series: Series, lots: Mapping[str, LotState]) -> Series:
    """Return the series with what was told counted as far as it is known what became of it.

    Args:
        series: before.
        lots: as they are now, by id; what was told of others stays told.
    """
    left = []
    for verdict in series.told:
        lot = lots.get(verdict.lot_id)
        if lot is None or _undecided(verdict, lot):
            left.append(verdict)
        elif _came_through(verdict, lot):
            series = _with(series, verdict)
    return msgspec.structs.replace(series, told=tuple(left))


def telling(series: Series, verdict: LotVerdict) -> Series:
    """Return the series that was told of one more verdict; another on the same lot takes its place."""
    others = tuple(other for other in series.told if other.lot_id != verdict.lot_id)
    return msgspec.structs.replace(series, told=(*others, verdict))


def with_findings(series: Series, found: Iterable[Finding]) -> Series:
    """Return the series once the annotators at fault for one more rejection are known."""
    number = series.rejections_noted + 1
    numbered = [msgspec.structs.replace(finding, number=number) for finding in found]
    return msgspec.structs.replace(series, findings=noted(series.findings, numbered), rejections_noted=number)


def findings_on(series: Series, lot: LotState) -> dict[str, Finding]:
    """Return the findings that a lot may hold units of, by annotator."""
    return concerning(series.findings, lot.lot_id, lot.sealed_at_us)


def is_overtaken(series: Series, lot: LotState) -> bool:
    """Return whether something was found that a lot under inspection was not held against yet."""
    return lot.status == "auditing" and newest(findings_on(series, lot).values()) > lot.findings_seen


def resumed(series: Series, reason: str) -> Series:
    """Return the series once the cause of the rejections was put right: tightened inspection, from its beginning.

    Raises:
        NotDiscontinued: nothing was discontinued.
    """
    if not series.switching.discontinued:
        raise NotDiscontinued(f"Inspection of this project is {series.severity}, and goes on.")
    return msgspec.structs.replace(series, switching=resume(series.switching), reason=reason)


def _came_through(verdict: LotVerdict, lot: LotState) -> bool:
    if verdict.accepted:
        return lot.status == "accepted" and lot.judgement == verdict.judgement
    return lot.rejections > verdict.rejections


def _undecided(verdict: LotVerdict, lot: LotState) -> bool:
    return lot.status != "accepted" and (lot.judgement, lot.rejections) == (verdict.judgement, verdict.rejections)


def _with(series: Series, verdict: LotVerdict) -> Series:
    """Return the series with a verdict counted.

    A lot whose sample was drawn before the severity changed says nothing of the present one, which is judged by lots
    that were inspected under it.
    """
    after = msgspec.structs.replace(series, pool=series.pool + verdict.pool)
    plan, before = verdict.plan, series.switching
    if plan is None or plan.standard is None or before.discontinued or plan.standard.inspection != before.inspection:
        return after
    standard = plan.standard
    table = StandardPlan(
        standard.lot_letter, standard.plan_letter, plan.sample_size, plan.accept_max, plan.accept_max + 1
    )
    aql_percent, allowed = round(100 * plan.aql, 9), standard.reduction
    switching = after_lot(before, table, aql_percent, verdict.errors, reduction_allowed=allowed)
    after = msgspec.structs.replace(after, switching=switching)
    return after if after.severity == series.severity else msgspec.structs.replace(after, switched_by=verdict.lot_id)
