"""Rechecks: some units that have left are labelled once more, blind.

One is raised when a project's data or labels have moved, or when units that have left are in the radius of a rejection.
It is a lot of its own, of units that other lots were accepted with. A certified lot stays as it was certified, and to
it such a verdict is a late one; what is found wrong is told beside it, as a correction.
"""

from collections.abc import Collection, Iterable, Mapping

import msgspec

from concord.labels.form import answers_in
from concord.quality.acceptance import zero_acceptance_size
from services.audit.domain.lot import Correction, LotState, Progress
from services.audit.domain.radius import Finding, in_radius
from services.audit.domain.unit import UnitState
from services.audit.domain.verdict import CONFIDENCE, Rate

LABELS, RADIUS = "labels", "radius"
"""Of `Recheck.measure`: what drift begins with that is of labels, and a recheck of the radius of a rejection."""
REMEMBERED_MAX = 50
"""Rechecks of a project that are listed: those that go on, and the newest of the others. No more go on at a time."""
RADIUS_UNITS_MAX = 500
"""Units of a radius that are inspected once more, at most, where some of the first are wrong."""
ANNOTATORS_MAX = 20
"""Annotators whose radius one recheck is of: those with the surest evidence."""
SHARE = 0.05
"""Where a project raises none by itself, what one that is asked for is sized by; see `Recheck`."""
HOUR_US = 3_600 * 1_000_000


class Recheck(msgspec.Struct, frozen=True, gc=False):
    """One recheck, as it was raised.

    Attributes:
        measure: what has drifted: "labels" or "labels/<field>"; else something of incoming units. Or RADIUS.
        category: of labels, the one that is given more often than before, canonical JSON; empty: any.
        from_us: since when, event time.
        wanted: how many units are to be labelled anew; of a radius so many first, known once they are drawn.
        raised_at_us: when the drift was told, or the lot rejected.
        among: of how many units these are a random part; 0 before they are drawn.
        rejected_lot_id: of a radius: the lot for whose rejection it was raised.
        findings: of a radius: whose labels, and since when.
        share: of a radius: that none of those first inspected is wrong shows, with 95 %, that no such share of all is.
        done: whether it is concluded, or just about to be.
    """

    lot_id: str
    measure: str
    category: str
    from_us: int
    wanted: int
    raised_at_us: int
    among: int = 0
    rejected_lot_id: str = ""
    findings: tuple[Finding, ...] = ()
    share: float = 0.0
    done: bool = False


class RechecksState(msgspec.Struct, frozen=True, gc=False):
    """A project's rechecks, the newest last."""

    project_id: str
    raised: tuple[Recheck, ...] = ()

    @property
    def newest(self) -> Recheck | None:
        """The last one that drift has raised."""
        return next((recheck for recheck in self.raised[::-1] if recheck.measure != RADIUS), None)

    def of_rejection(self, lot_id: str, at_us: int) -> list[Recheck]:
        """Return those that were raised for a lot's rejection at that time, the newest last."""
        of_lot = [recheck for recheck in self.raised if recheck.rejected_lot_id == lot_id]
        return [recheck for recheck in of_lot if recheck.raised_at_us == at_us]

    def of_lot(self, lot_id: str) -> Recheck | None:
        """Return the one whose lot this is."""
        return next((recheck for recheck in self.raised if recheck.lot_id == lot_id), None)


def raised(state: RechecksState, recheck: Recheck, pause_hours: int = 0) -> RechecksState | None:
    """Return the project's rechecks with one more; None where as many go on as may.

    Of those of drift none is raised within the pause after the one before.
    """
    before = state.newest
    if (
        recheck.measure != RADIUS
        and before is not None
        and recheck.raised_at_us < before.raised_at_us + pause_hours * HOUR_US
    ):
        return None
    going_on = [known for known in state.raised if not known.done]
    if len(going_on) >= REMEMBERED_MAX:
        return None
    left = REMEMBERED_MAX - len(going_on) - 1
    done = [known.lot_id for known in state.raised if known.done]
    dropped = frozenset(done[: len(done) - left]) if len(done) > left else frozenset()
    kept = tuple(known for known in state.raised if known.lot_id not in dropped)
    return msgspec.structs.replace(state, raised=(*kept, recheck))


def among(state: RechecksState, lot_id: str, units: int, wanted: int) -> RechecksState:
    """Return the project's rechecks once it is known of how many units one lot's are a part, and how many these are."""
    return _with(state, lot_id, among=units, wanted=wanted)


def done(state: RechecksState, lot_id: str) -> RechecksState:
    """Return the project's rechecks once one is about to be concluded."""
    return _with(state, lot_id, done=True)


def first_of(recheck: Recheck, units: int) -> int:
    """Return how many of so many units in doubt are inspected first; where one of these is wrong all are.

    It is the smallest sample of them that holds a wrong one with 95 % wherever the share of wrong ones is that of the
    recheck or more.

    >>> first_of(Recheck("r", RADIUS, "", 0, 0, 0, share=0.05), 200)
    51
    """
    return min(RADIUS_UNITS_MAX, zero_acceptance_size(CONFIDENCE, 1 - recheck.share, units)) if units else 0


def confidence_of(recheck: Recheck, drawn: int) -> float:
    """Return the confidence at which the interval of what was found is made.

    A radius is inspected to one of two ends. Where the later one is not all of it, each has half of the risk.
    """
    if recheck.measure == RADIUS and drawn < recheck.among:
        return 1 - (1 - CONFIDENCE) / 2
    return CONFIDENCE


def _with(state: RechecksState, lot_id: str, **changed: int) -> RechecksState:
    rechecks = tuple(
        msgspec.structs.replace(recheck, **changed) if recheck.lot_id == lot_id else recheck for recheck in state.raised
    )
    return msgspec.structs.replace(state, raised=rechecks)


def is_candidate(unit: UnitState, recheck: Recheck) -> bool:
    """Return whether a unit of an accepted lot is one of those that it is about, and nobody has inspected it.

    Where labels have moved these are the units settled since, with the label that is given more often; where incoming
    units have, those that came in since.
    """
    if unit.withdrawn or unit.gold or not unit.label or unit.inspected(unit.rework):
        return False
    if recheck.measure == RADIUS:
        return bool(in_radius(unit, {finding.fault.annotator_id: finding for finding in recheck.findings}))
    if not recheck.measure.startswith(LABELS):
        return unit.admitted_at_us >= recheck.from_us
    if unit.resolved_at_us < recheck.from_us:
        return False
    _, _, field = recheck.measure.partition("/")
    label = (answers_in(unit.label) or {}).get(field, "") if field else unit.label
    return not recheck.category or label == recheck.category


def may_hold(lot: LotState, recheck: Recheck) -> bool:
    """Return whether a lot may hold units that a recheck is about.

    Of a radius, one that was sealed after the rejection holds none, and one that was held for it was looked at.
    """
    if lot.status != "accepted" or lot.accepted_at_us < recheck.from_us:
        return False
    if recheck.measure != RADIUS:
        return True
    return lot.sealed_at_us <= recheck.raised_at_us and recheck.rejected_lot_id not in lot.held_for


def drawn(state: LotState | None, unit_ids: Iterable[str], first: int | None, at_us: int) -> LotState | None:
    """Return a recheck's lot with its units; None if it has them.

    Args:
        state: before.
        unit_ids: in the order in which they are to be inspected.
        first: of a radius: so many of them, and all where one of these is wrong. None: all.
        at_us: the time.
    """
    if state is None or state.status != "gathering":
        return None
    units = tuple(unit_ids)
    order = tuple(range(len(units)))
    ready = msgspec.structs.replace(state, status="rechecking", unit_ids=units, order=order, sealed_at_us=at_us)
    if first is None:
        return ready
    return msgspec.structs.replace(ready, order=order[:first], radius=order, radius_first=first)


def corrected(state: LotState | None, unit_ids: Collection[str], at_us: int) -> LotState | None:
    """Return an accepted lot once some of its units were found wrong; None where that is known, or they are gone."""
    if state is None or state.status != "accepted":
        return None
    known = {correction.place for correction in state.corrected_since}
    there = frozenset(unit_ids).intersection(state.leaving)
    found = [place for place, unit_id in enumerate(state.unit_ids) if unit_id in there and place not in known]
    if not found:
        return None
    more = (Correction(place, at_us) for place in found)
    return msgspec.structs.replace(state, corrected_since=(*state.corrected_since, *more))


def by_lot(unit_ids: Iterable[str], lots: Mapping[str, str]) -> dict[str, list[str]]:
    """Return units by the lot that they are in; units in none are left out."""
    found: dict[str, list[str]] = {}
    for unit_id in unit_ids:
        if unit_id in lots:
            found.setdefault(lots[unit_id], []).append(unit_id)
    return found


def concluded(state: LotState | None, found: Progress, changed: Iterable[int], rate: Rate) -> LotState | None:
    """Return a recheck's lot with its result; None if it has one.

    Args:
        state: before.
        found: how many were inspected, and how many of them have another label now.
        changed: the places of these.
        rate: their share among the units that these are a random part of.
    """
    if state is None or state.status != "rechecking":
        return None
    return msgspec.structs.replace(
        state,
        status="rechecked",
        inspected=found.inspected,
        errors=found.errors,
        corrections=tuple(changed),
        rate=rate,
    )
