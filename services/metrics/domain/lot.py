"""One lot as metrics sees it: which units are in it, and what became of it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

import msgspec

from concord.quality.acceptance import Bounds, Guarantee, stored_bounds
from concord.quality.auditor_error import Repeats
from concord.quality.calibration import AuditedLot, Bin, added, confidence_gap
from concord.quality.estimate import Estimate
from concord.quality.intervals import clopper_pearson
from concord.quality.label_error import Inspection, pooled_leaving_error_rate


class Plan(msgspec.Struct, frozen=True, array_like=True):
    """The plan that stopped an inspection, by the numbers that audit tells of it."""

    lot_units: int
    aql: float
    alpha: float
    ltpd: float
    beta: float
    sample_size: int
    accept_max: int
    log_ratio_accept: float
    log_ratio_reject: float

    def bounds(self) -> Bounds:
        """Return its accept and reject numbers."""
        guarantee = Guarantee(self.aql, self.alpha, self.ltpd, self.beta, self.lot_units)
        limits = self.log_ratio_accept, self.log_ratio_reject
        return stored_bounds(guarantee, self.sample_size, self.accept_max, *limits)


class Inspected(msgspec.Struct, frozen=True, array_like=True):
    """One inspection of a lot that ended in a verdict.

    Attributes:
        units: of the lot then, without those that were erased.
        plan: what stopped it; None where the lot was inspected whole.
        confidences: what was stated of those inspected that consensus had settled, and how many of them are right.
        attempts_max: how often such a lot may be judged by a sample.
        repeats: what second auditors said of it, blind: the counts of `Repeats`; empty where none did.
    """

    units: int
    inspected: int
    errors: int
    plan: Plan | None = None
    confidences: tuple[Bin, ...] = ()
    attempts_max: int = 1
    repeats: tuple[int, ...] = ()


class Acceptance(msgspec.Struct, frozen=True, array_like=True):
    """What a lot was accepted on."""

    at_us: int
    rework: int
    found: Inspected


class LotShare(msgspec.Struct, frozen=True, array_like=True):
    """What a lot adds to those of its project.

    Attributes:
        left: the inspection on which it left; None before it has.
        rejected: those on which it was rejected.
        audited: those by which what was stated of its labels is judged: each label once.
    """

    sealed: bool = False
    left: Inspected | None = None
    rejected: tuple[Inspected, ...] = ()
    audited: tuple[Inspected, ...] = ()


class Lots:
    """What the lots of a project add up to.

    Attributes:
        rejections: a lot that is rejected twice counts twice.
        inspected, errors: of the accepted lots.
    """

    __slots__ = ("_audited", "_left", "_rejected", "accepted", "errors", "inspected", "rejections", "sealed")

    def __init__(self) -> None:
        self.sealed = self.accepted = self.rejections = self.inspected = self.errors = 0
        self._left: Counter[Inspected] = Counter()
        self._rejected: Counter[Inspected] = Counter()
        self._audited: Counter[Inspected] = Counter()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Lots) and all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    __hash__ = None  # type: ignore[assignment] # it changes

    def replace(self, before: LotShare, after: LotShare) -> None:
        """Let a lot that added `before` add `after`."""
        self.add(before, -1)
        self.add(after, 1)

    def add(self, share: LotShare, times: int) -> None:
        """Count so many lots that add this; a negative number takes them out."""
        self.sealed += times * share.sealed
        self.rejections += times * len(share.rejected)
        for inspection in share.rejected:
            _count(self._rejected, inspection, times)
        for unit_id in share.audited:
            _count(self._audited, unit_id, times)
        if share.left is not None:
            self.accepted += times
            self.inspected += times * share.left.inspected
            self.errors += times * share.left.errors
            _count(self._left, share.left, times)

    def pass_rate(self) -> Estimate:
        """Return the share of verdicts that let a lot leave; a lot that is rejected twice is two of the others."""
        verdicts = self.accepted + self.rejections
        found = clopper_pearson(self.accepted, verdicts)
        return found if verdicts else replace(found, reason="no lot was judged yet")

    def label_error_rate(self) -> Estimate:
        """Return the share of wrong labels in all that was accepted, as `pooled_leaving_error_rate` says.

        >>> lots = Lots()
        >>> for found in (Inspected(500, 500, 50), Inspected(500, 60, 0)):
        ...     lots.replace(LotShare(), LotShare(True, found))
        >>> lots.label_error_rate().value
        0.0
        """
        made: dict[Plan, Bounds] = {}
        return pooled_leaving_error_rate(list(_inspections(self._left, made)), _inspections(self._rejected, made))

    def confidence_gap(self) -> Estimate:
        """Return stated confidence less the share that auditors found right: see `calibration.confidence_gap`."""
        return confidence_gap(
            AuditedLot(max(inspection.units, inspection.inspected), inspection.inspected, inspection.confidences)
            for inspection, times in self._audited.items()
            for _ in range(times)
        )

    def confidence_bins(self) -> list[Bin]:
        """Return the reliability curve: of the units that auditors saw, by what was stated of them."""
        return added(inspection.confidences for inspection, times in self._audited.items() for _ in range(times))


def _count(counter: Counter[Inspected], inspection: Inspected, times: int) -> None:
    counter[inspection] += times
    if not counter[inspection]:
        del counter[inspection]


def _inspections(counter: Mapping[Inspected, int], made: dict[Plan, Bounds]) -> Iterator[Inspection]:
    for inspection, times in counter.items():
        if inspection.plan is not None and inspection.plan not in made:
            made[inspection.plan] = inspection.plan.bounds()
        bounds = None if inspection.plan is None else made[inspection.plan]
        for _ in range(times):
            units, repeats = max(inspection.units, inspection.inspected), Repeats(*inspection.repeats)
            yield Inspection(units, inspection.inspected, inspection.errors, bounds, inspection.attempts_max, repeats)


class Lot(msgspec.Struct, array_like=True):
    """One lot's row; changed in place.

    Attributes:
        units: how many are in it; known once it is sealed.
        unit_ids: which; those that are closed are forgotten, and the lot's row with the last of them.
        rejections: the inspections on which it was rejected, by rework.
        counted: what it adds to the sums now; the bookkeeper's own mark, and no part of the facts.
    """

    project_id: str = ""
    units: int = 0
    unit_ids: tuple[str, ...] = ()
    rejections: dict[int, Inspected] = msgspec.field(default_factory=dict)
    acceptance: Acceptance | None = None
    counted: LotShare = LotShare()


def rejected(lot: Lot, rework: int, found: Inspected) -> None:
    """Hear that the lot was rejected."""
    lot.rejections.setdefault(rework, found)


def lot_share(lot: Lot) -> LotShare:
    """Return what the lot adds."""
    found = None if lot.acceptance is None else lot.acceptance.found
    if found is not None and not found.units:
        # An older audit did not say how many leave: as many as were sealed, once that is heard of.
        found = msgspec.structs.replace(found, units=lot.units)
    rejections = {rework: lot.rejections[rework] for rework in sorted(lot.rejections)}
    return LotShare(lot.units > 0, found, tuple(rejections.values()), _audited(lot, found, rejections))


def _audited(lot: Lot, left: Inspected | None, rejections: Mapping[int, Inspected]) -> tuple[Inspected, ...]:
    # A lot that was inspected whole after a rejection was seen with the labels that were rejected, all of them now.
    whole = lot.acceptance.rework if lot.acceptance is not None else None
    before = [inspection for rework, inspection in rejections.items() if rework != whole]
    found = [*before, *([left] if left is not None else [])]
    return tuple(inspection for inspection in found if inspection.confidences)
