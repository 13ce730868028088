"""The blast radius of a rejection: who is at fault for it, and what else they labelled since their labels last held.

At fault is whose labels are shown to be wrong more often than is acceptable: by the inspected units alone, with an
exact interval, and only where the unit would have left wrong. Who labelled in a bad lot is not at fault for that.
"""

from collections.abc import Callable, Iterable, Mapping

import msgspec

from concord.quality.intervals import clopper_pearson
from services.audit.domain.unit import UnitState

CONFIDENCE = 0.95
WRONG_MIN = 2
"""Of somebody's labels, below which nobody is at fault: a single one is no habit."""
CLEAN_LABELS_MIN = 5
"""Inspected labels of somebody, none of them wrong, by which a lot says that theirs held: fewer say little."""
LOOK_BACK_DAYS = 91
"""How far back a clean point is looked for; what is older than that is in no radius."""
RADIUS_LOTS_MAX = 200
"""Accepted lots of one annotator's radius, the newest: no more are looked through."""
FINDINGS_MAX = 1_000
"""Annotators of a project whose radius is kept, those found at fault last: at most one each."""
DAY_US = 86_400 * 1_000_000


class Fault(msgspec.Struct, frozen=True, gc=False):
    """What the inspected units of a rejected lot say of an annotator.

    Attributes:
        inspected: units with a label of theirs.
        wrong: of these, where the unit's label was wrong and theirs was, too.
        low, high: the exact 95 % interval of that share.
    """

    annotator_id: str
    inspected: int
    wrong: int
    low: float
    high: float


class Hand(msgspec.Struct, frozen=True, gc=False):
    """What an accepted lot holds of an annotator.

    Attributes:
        units: with a label of theirs.
        newest_us: when the last of them was settled.
        inspected, wrong: as of `Fault`.
        held_us: when the last of those was settled that were inspected and found right.
    """

    lot_id: str
    annotator_id: str
    accepted_at_us: int
    units: int = 0
    newest_us: int = 0
    inspected: int = 0
    wrong: int = 0
    held_us: int = 0

    @property
    def clean(self) -> bool:
        """Whether their labels held in the lot."""
        return self.inspected >= CLEAN_LABELS_MIN and not self.wrong


class Finding(msgspec.Struct, frozen=True, gc=False):
    """That an annotator's units of some time are in doubt.

    Attributes:
        lot_id: the rejected lot, the last one if there are several.
        at_us: when it was rejected: lots that were sealed later are inspected as ever.
        since_us: units that were settled later are in doubt.
        clean_lot_id: in which their labels held until then; empty: looked back as far as is looked.
        number: of the project's findings, from 1; those of one rejection share it.
    """

    fault: Fault
    lot_id: str
    at_us: int
    since_us: int
    clean_lot_id: str = ""
    number: int = 0


class Radius(msgspec.Struct, frozen=True, gc=False):
    """What accepted lots hold of somebody's radius; see `Finding` for the first two.

    Attributes:
        accepted: lots with units of theirs that were settled since then, the newest first.
    """

    since_us: int
    clean_lot_id: str
    accepted: tuple[Hand, ...]


def at_fault(units: Iterable[UnitState], says_same: Callable[[str, str], bool], rate_max: float) -> tuple[Fault, ...]:
    """Return who is at fault for the errors among inspected units, those with the surest evidence first.

    Args:
        units: all inspected.
        says_same: of two labels, as canonical JSON, whether they say the same.
        rate_max: the share of wrong labels that is acceptable, the plan's aql: at fault is whose interval is over it.
    """
    counts: dict[str, tuple[int, int]] = {}
    for unit in units:
        for annotator_id, wrong in judged(unit, says_same).items():
            inspected, errors = counts.get(annotator_id, (0, 0))
            counts[annotator_id] = inspected + 1, errors + wrong
    faults = []
    for annotator_id, (inspected, errors) in counts.items():
        if errors < WRONG_MIN:
            continue
        rate = clopper_pearson(errors, inspected, CONFIDENCE)
        if rate.low is not None and rate.high is not None and rate.low > rate_max:
            faults.append(Fault(annotator_id, inspected, errors, rate.low, rate.high))
    return tuple(sorted(faults, key=lambda fault: (-fault.low, fault.annotator_id)))


def judged(unit: UnitState, says_same: Callable[[str, str], bool]) -> dict[str, bool]:
    """Return whose label of an inspected unit is wrong in it; whose label was told by its digest alone is left out.

    A label that was outvoted by a right one has done no harm, and one that agrees with the auditor is right whatever
    the unit was settled as.
    """
    inspection = unit.inspection
    if inspection is None:
        return {}
    return {
        given.annotator_id: not inspection.correct and not says_same(given.label, inspection.label)
        for given in unit.evidence
        if given.label
    }


class Hands:
    """Takes the units of a lot that is accepted, in pieces, and says what it holds of each annotator."""

    def __init__(self, lot_id: str, accepted_at_us: int, says_same: Callable[[str, str], bool]) -> None:
        self.lot_id = lot_id
        self.accepted_at_us = accepted_at_us
        self.says_same = says_same
        self._hands: dict[str, Hand] = {}

    def add(self, units: Iterable[UnitState], rework: int) -> None:
        """Take in the next units; those inspected in this rework count as such."""
        for unit in units:
            in_time = unit.inspected(rework) and unit.inspection is not None and not unit.inspection.late
            verdicts = judged(unit, self.says_same) if in_time else {}
            for annotator_id in {given.annotator_id for given in unit.evidence}:
                hand = self._hands.get(annotator_id) or Hand(self.lot_id, annotator_id, self.accepted_at_us)
                wrong = verdicts.get(annotator_id)
                settled_us = unit.resolved_at_us
                self._hands[annotator_id] = msgspec.structs.replace(
                    hand,
                    units=hand.units + 1,
                    newest_us=max(hand.newest_us, settled_us),
                    inspected=hand.inspected + (wrong is not None),
                    wrong=hand.wrong + bool(wrong),
                    held_us=max(hand.held_us, settled_us if wrong is False else 0),
                )

    def all(self) -> list[Hand]:
        """Return what the lot holds of each annotator, by id."""
        return [self._hands[annotator_id] for annotator_id in sorted(self._hands)]


def radius(newest_first: Iterable[Hand], rejected_lot_id: str, at_us: int) -> Radius:
    """Return what accepted lots hold of somebody's labels since these last held.

    Args:
        newest_first: what lots hold of them, by acceptance; no more of it is taken than up to the clean point.
        rejected_lot_id: left out: it is judged already.
        at_us: when it was rejected.
    """
    since_us, clean_lot_id, accepted = at_us - LOOK_BACK_DAYS * DAY_US, "", list[Hand]()
    for hand in newest_first:
        if hand.accepted_at_us <= since_us:
            break  # nothing in it, or in what was accepted before it, was settled later
        if hand.lot_id == rejected_lot_id:
            continue
        accepted.append(hand)
        if hand.clean and since_us < hand.held_us <= at_us:
            since_us, clean_lot_id = hand.held_us, hand.lot_id
    # A clean lot may hold units that were settled after those that were looked at.
    left = [hand for hand in accepted if not hand.newest_us or hand.newest_us > since_us]
    return Radius(since_us, clean_lot_id, tuple(left[:RADIUS_LOTS_MAX]))


def noted(findings: Iterable[Finding], found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return a project's findings with some more, one an annotator: in doubt is what any of them says.

    Of more than FINDINGS_MAX annotators those found at fault last are kept.
    """
    known = {finding.fault.annotator_id: finding for finding in findings}
    for finding in found:
        before = known.pop(finding.fault.annotator_id, None)
        if before is not None and before.since_us < finding.since_us:
            known[finding.fault.annotator_id] = msgspec.structs.replace(
                finding, since_us=before.since_us, clean_lot_id=before.clean_lot_id
            )
        else:
            known[finding.fault.annotator_id] = finding
    return tuple(known.values())[-FINDINGS_MAX:]


def concerning(findings: Iterable[Finding], lot_id: str, sealed_at_us: int) -> dict[str, Finding]:
    """Return the findings that a lot may hold units of, by annotator: those after it was sealed, of other lots."""
    return {
        finding.fault.annotator_id: finding
        for finding in findings
        if finding.lot_id != lot_id and sealed_at_us <= finding.at_us
    }


def newest(findings: Iterable[Finding]) -> int:
    """Return the number of the newest of some findings; 0 for none."""
    return max((finding.number for finding in findings), default=0)


def in_radius(unit: UnitState, findings: Mapping[str, Finding]) -> list[Finding]:
    """Return the findings in whose radius a unit is; of when it was settled nothing may be known: then it is."""
    if not findings or unit.withdrawn or unit.gold or not unit.label:
        return []
    settled_us = unit.resolved_at_us
    return [
        found
        for given in unit.evidence
        if (found := findings.get(given.annotator_id)) is not None and (not settled_us or settled_us > found.since_us)
    ]
