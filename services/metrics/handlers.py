"""Metrics' use cases: count what is told, and measure what has changed."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from concord.chassis.consumer import Poison
from concord.contracts.v1.annotations_pb2 import AnnotationEvent, AnnotationRevised, AnnotationSubmitted
from concord.contracts.v1.assignments_pb2 import AssignmentEvent
from concord.contracts.v1.lots_pb2 import InspectionRepeats, LotAccepted, LotEvent, LotRejected
from concord.contracts.v1.metadata_pb2 import Metadata
from concord.contracts.v1.resolutions_pb2 import GoldFlagged, GoldRuled, ResolutionEvent
from concord.contracts.v1.units_pb2 import LotSealed, UnitAdmitted, UnitEvent
from concord.quality.calibration import Bin
from services.metrics.domain.columns import Columns
from services.metrics.domain.lot import Acceptance, Inspected, Lot, Plan, rejected
from services.metrics.domain.unit import (
    LABELLED,
    Annotation,
    Settlement,
    Unit,
    accepted,
    annotated,
    is_too_late,
    known_label,
    sent_back,
    settled,
)
from services.metrics.plain import admitted_plain, given_plain, known_by, label_text, settled_plain
from services.metrics.repository import Rows

SETTLEMENTS: dict[str, Settlement] = {
    "escalated": "escalated",
    "consensus_reached": "consensus",
    "adjudicated": "adjudicated",
    "ruled_unanswerable": "unanswerable",
}
OF_GOLD = frozenset({"gold_flagged", "gold_ruled"})
RETIRED = "retired"
"""Of a ruling on gold: it measures nobody any more."""


class Handlers:
    """One place's handlers, one method a topic. All return at once: what is counted is in memory.

    Each takes its events one by one, so that an event is decoded, counted and gone before the next. A batch ends with a
    recount of the units it touched, whatever it was that touched them, or leaves it to a later one: see `Rows.done`.
    """

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def units(self, events: Iterable[UnitEvent]) -> None:
        """Hear of admitted and withdrawn units, and of which units make a lot."""
        with self._recounted() as plain:
            for event in events:
                about = event.metadata
                kind = event.WhichOneof("event")
                if kind == "unit_admitted":
                    if plain is not None and admitted_plain(self.rows, plain, event.unit_admitted, about):
                        continue
                    if (unit := self._unit(event.unit_admitted.unit_id, about)) is not None:
                        self._admitted(unit, event.unit_admitted, about.occurred_at_us)
                elif kind == "unit_erased":
                    if (unit := self._unit(event.unit_erased.unit_id, about)) is not None:
                        self._erased(event.unit_erased.unit_id, unit)
                elif kind == "lot_sealed":
                    self._sealed(event.lot_sealed, about)

    def annotations(self, events: Iterable[AnnotationEvent]) -> None:
        """Count labels, and their revisions."""
        with self._recounted() as plain:
            for event in events:
                about = event.metadata
                if event.HasField("annotation_submitted"):
                    if plain is not None and given_plain(self.rows, plain, event.annotation_submitted, about):
                        continue
                    annotation: AnnotationSubmitted | AnnotationRevised = event.annotation_submitted
                    entry = _submitted(event.annotation_submitted, about.occurred_at_us)
                elif event.HasField("annotation_revised"):
                    annotation = event.annotation_revised
                    entry = _revised(event.annotation_revised, about.occurred_at_us)
                else:
                    continue
                unit = self._unit(annotation.unit_id, about)
                if unit is None or (unit.accepted_at_us and is_too_late(unit, entry)):
                    continue
                news, before = annotated(unit, annotation.annotation_id, entry)
                if news is not None:
                    self.rows.worked(unit, news, before)

    def assignments(self, events: Iterable[AssignmentEvent]) -> None:
        """Hear when a unit is labelled anew."""
        with self._recounted():
            for event in events:
                if event.HasField("assignment_issued") and event.assignment_issued.rework:
                    issued = event.assignment_issued
                    self._sent_back(issued.unit_id, event.metadata, issued.rework)

    def resolutions(self, events: Iterable[ResolutionEvent]) -> None:
        """Hear how units stand."""
        with self._recounted() as plain:
            for event in events:
                kind = event.WhichOneof("event") or ""
                settlement = SETTLEMENTS.get(kind)
                if settlement is None:
                    if kind in OF_GOLD:
                        self._of_gold(getattr(event, kind), event.metadata)
                    elif kind == "referred_back":
                        back = event.referred_back
                        self._sent_back(back.unit_id, event.metadata, back.rework, back.referral)
                    continue
                content = getattr(event, kind)
                if plain is not None and settled_plain(self.rows, plain, content, settlement, event.metadata):
                    continue
                if (unit := self._unit(content.unit_id, event.metadata)) is not None:
                    label = label_text(content.label) if settlement in LABELLED else ""
                    referral = content.referral if settlement == "escalated" else len(content.referrals)
                    settled(unit, settlement, content.rework, content.overlap_initial, label, referral)

    def lots(self, events: Iterable[LotEvent]) -> None:
        """Hear what became of lots."""
        with self._recounted():
            for event in events:
                if event.HasField("lot_accepted"):
                    self._accepted(event.lot_accepted, event.metadata)
                elif event.HasField("lot_rejected"):
                    self._rejected(event.lot_rejected, event.metadata)

    @contextmanager
    def _recounted(self) -> Iterator[Columns | None]:
        """Yield where plain things are noted, None where they are not; have what is touched recounted at the end.

        Also when an event turns out to be poison: for then the events are told once more one by one, and what was taken
        in already is no news.
        """
        try:
            yield self.rows.plain()
        finally:
            self.rows.done()

    def _unit(self, unit_id: str, about: Metadata) -> Unit | None:
        """Return the unit to be changed, None when it is closed: then whatever is told of it is told late."""
        project_id = about.project_id
        if not unit_id or not project_id:
            raise Poison(f"an event names no {'unit_id' if not unit_id else 'metadata.project_id'}")
        return self.rows.unit(unit_id, project_id, about.occurred_at_us)

    def _admitted(self, unit: Unit, admitted: UnitAdmitted, occurred_at_us: int) -> None:
        if unit.admitted_at_us:
            return
        unit.admitted_at_us, unit.asked = occurred_at_us, admitted.overlap_initial
        unit.traits = known_by(admitted)
        if admitted.HasField("gold_label"):
            unit.gold = label_text(admitted.gold_label)
            if not unit.erased:
                self.rows.gold_known(admitted.unit_id, unit, "", 1 + unit.gold_revision, anew=True)

    def _sealed(self, sealed: LotSealed, about: Metadata) -> None:
        lot = self._lot(sealed.lot_id, about)
        if lot is None or lot.units:
            return
        lot.units, lot.unit_ids = len(sealed.unit_ids), tuple(sealed.unit_ids)
        self.rows.recount_lot(lot)
        if lot.acceptance is not None:
            self._units_accepted(sealed.lot_id, lot, about)

    def _accepted(self, entry: LotAccepted, about: Metadata) -> None:
        lot = self._lot(entry.lot_id, about)
        if lot is None or lot.acceptance is not None:
            return
        found = _inspected(entry, entry.lot_units, entry.attempts_max or 1)
        lot.acceptance = Acceptance(about.occurred_at_us, entry.rework, found)
        self.rows.recount_lot(lot)
        if lot.unit_ids:
            self._units_accepted(entry.lot_id, lot, about)

    def _lot(self, lot_id: str, about: Metadata) -> Lot | None:
        """Return the lot to be changed, None when it is closed."""
        if not lot_id or not about.project_id:
            raise Poison(f"an event names no {'lot_id' if not lot_id else 'metadata.project_id'}")
        return self.rows.lot(lot_id, about.project_id, about.occurred_at_us)

    def _units_accepted(self, lot_id: str, lot: Lot, about: Metadata) -> None:
        assert lot.acceptance is not None
        for unit_id in lot.unit_ids:
            if unit_id and self.rows.accept_plain(unit_id, lot.acceptance.at_us):
                continue
            if (unit := self._unit(unit_id, about)) is not None:
                for annotation in accepted(unit, lot.acceptance.at_us):
                    self.rows.unworked(unit, annotation)
        self.rows.accepted(lot_id, lot)

    def _rejected(self, entry: LotRejected, about: Metadata) -> None:
        lot = self._lot(entry.lot_id, about)
        if lot is not None:
            rejected(lot, entry.rework, _inspected(entry, len(entry.unit_ids)))
            self.rows.recount_lot(lot)
        if entry.on_reject == "relabel":
            for unit_id in entry.unit_ids:
                self._sent_back(unit_id, about, entry.rework + 1)

    def _sent_back(self, unit_id: str, about: Metadata, rework: int, referral: int = 0) -> None:
        if (unit := self._unit(unit_id, about)) is not None:
            sent_back(unit, rework, referral)

    def _erased(self, unit_id: str, unit: Unit) -> None:
        before = known_label(unit)
        was_gold = bool(unit.gold) and not unit.erased
        unit.erased = True
        if was_gold:
            self.rows.gold_known(unit_id, unit, before, 1)

    def _of_gold(self, gold: GoldFlagged | GoldRuled, about: Metadata) -> None:
        """Hear that the known label of a gold unit is in doubt, or what was ruled on it; the newest word prevails."""
        unit = self._unit(gold.unit_id, about)
        if unit is None or (words := gold.revision - unit.gold_revision) <= 0:
            return
        before, since, unit.gold_revision = known_label(unit), unit.gold_since, gold.revision
        unit.gold_held = isinstance(gold, GoldFlagged) or gold.outcome == RETIRED
        if isinstance(gold, GoldRuled):
            unit.gold_ruled, unit.gold_since = label_text(gold.known_label), gold.schema_version
        if unit.gold:
            self.rows.gold_known(gold.unit_id, unit, before, words, since=since)


def _submitted(submitted: AnnotationSubmitted, at_us: int) -> Annotation:
    shown_first = submitted.shown_first
    return Annotation(
        submitted.annotator_id,
        label_text(submitted.label),
        submitted.rework,
        submitted.late,
        submitted.active_ms,
        0,
        at_us,
        submitted.schema_version or 1,
        submitted.by_model,
        tuple(sorted(shown_first.items())) if shown_first else (),  # which few labels have
        submitted.guideline_version,
        submitted.referral,
    )


def _revised(annotation_revised: AnnotationRevised, at_us: int) -> Annotation:
    return Annotation(
        annotation_revised.annotator_id,
        label_text(annotation_revised.label),
        annotation_revised.rework,
        False,
        annotation_revised.active_ms,
        annotation_revised.revision,
        annotation_revised.submitted_at_us or at_us,
        annotation_revised.schema_version or 1,
        annotation_revised.by_model,
        guideline_version=annotation_revised.guideline_version,
        referral=annotation_revised.referral,
    )


def _inspected(verdict: LotAccepted | LotRejected, units: int, attempts_max: int = 1) -> Inspected:
    plan = verdict.plan
    confidences = tuple(
        Bin(confidence.bin, confidence.units, confidence.stated, confidence.right) for confidence in verdict.confidences
    )
    repeats = _repeats(verdict.repeats) if verdict.HasField("repeats") else ()
    if not verdict.HasField("plan"):
        return Inspected(units, verdict.inspected, verdict.errors, None, confidences, attempts_max, repeats)
    limits = plan.log_ratio_accept, plan.log_ratio_reject
    rates = plan.aql, plan.alpha, plan.ltpd, plan.beta
    stopped_by = Plan(plan.lot_units, *rates, plan.sample_size, plan.accept_max, *limits)
    return Inspected(units, verdict.inspected, verdict.errors, stopped_by, confidences, attempts_max, repeats)


def _repeats(repeats: InspectionRepeats) -> tuple[int, ...]:
    return repeats.inspected, repeats.found, repeats.wrong, repeats.confirmed, repeats.right, repeats.overturned
