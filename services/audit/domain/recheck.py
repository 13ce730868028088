"""Rechecks: when a project's data or labels have moved, some units that have left are labelled once more, blind.

A recheck is a lot of its own, of units that other lots were accepted with. What auditors say of these is evidence and
nothing else: a certified lot stays as it was certified, and to it such a verdict is a late one.
"""

from collections.abc import Iterable

import msgspec

from concord.labels.form import answers_in
from services.audit.domain.lot import LotState, Progress
from services.audit.domain.unit import UnitState
from services.audit.domain.verdict import Rate

LABELS = "labels"
REMEMBERED_MAX = 50
"""Rechecks of a project that are listed: the newest."""
HOUR_US = 3_600 * 1_000_000


class Recheck(msgspec.Struct, frozen=True, gc=False):
    """One recheck, as it was raised.

    Attributes:
        measure: what has drifted: "labels" or "labels/<field>"; else something of incoming units.
        category: of labels, the one that is given more often than before, canonical JSON; empty: any.
        from_us: since when, event time.
        wanted: how many units are to be labelled anew.
        raised_at_us: when the drift was told.
        among: of how many units these are a random part; 0 before they are drawn.
    """

    lot_id: str
    measure: str
    category: str
    from_us: int
    wanted: int
    raised_at_us: int
    among: int = 0


class RechecksState(msgspec.Struct, frozen=True, gc=False):
    """A project's rechecks, the newest last."""

    project_id: str
    raised: tuple[Recheck, ...] = ()

    @property
    def newest(self) -> Recheck | None:
        """The last one that was raised."""
        return self.raised[-1] if self.raised else None

    def of_lot(self, lot_id: str) -> Recheck | None:
        """Return the one whose lot this is."""
        return next((recheck for recheck in self.raised if recheck.lot_id == lot_id), None)


def raised(state: RechecksState, recheck: Recheck, pause_hours: int) -> RechecksState | None:
    """Return the project's rechecks with one more; None within the pause after the one before."""
    before = state.newest
    if before is not None and recheck.raised_at_us < before.raised_at_us + pause_hours * HOUR_US:
        return None
    return msgspec.structs.replace(state, raised=(*state.raised, recheck)[-REMEMBERED_MAX:])


def among(state: RechecksState, lot_id: str, units: int) -> RechecksState:
    """Return the project's rechecks once it is known of how many units one lot's are a part."""
    rechecks = tuple(
        msgspec.structs.replace(recheck, among=units) if recheck.lot_id == lot_id else recheck
        for recheck in state.raised
    )
    return msgspec.structs.replace(state, raised=rechecks)


def is_candidate(unit: UnitState, recheck: Recheck) -> bool:
    """Return whether a unit of an accepted lot is one of those that the drift is about, and nobody has inspected it.

    Where labels have moved these are the units settled since, with the label that is given more often; where incoming
    units have, those that came in since.
    """
    if unit.withdrawn or unit.gold or not unit.label or unit.inspection is not None:
        return False
    if not recheck.measure.startswith(LABELS):
        return unit.admitted_at_us >= recheck.from_us
    if unit.resolved_at_us < recheck.from_us:
        return False
    _, _, field = recheck.measure.partition("/")
    label = (answers_in(unit.label) or {}).get(field, "") if field else unit.label
    return not recheck.category or label == recheck.category


def drawn(state: LotState | None, unit_ids: Iterable[str], at_us: int) -> LotState | None:
    """Return a recheck's lot with its units, in the order in which they are to be inspected; None if it has them."""
    if state is None or state.status != "gathering":
        return None
    units = tuple(unit_ids)
    order = tuple(range(len(units)))
    return msgspec.structs.replace(state, status="rechecking", unit_ids=units, order=order, sealed_at_us=at_us)


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
