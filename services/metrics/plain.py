"""What is told plainly of units while their place is behind is noted in columns, past any row.

Each returns whether it was noted. What was not is heard of as in a place that is served, and its unit has a row then.
"""

from concord.chassis.consumer import Poison
from concord.contracts.v1.annotations_pb2 import AnnotationSubmitted
from concord.contracts.v1.metadata_pb2 import Metadata
from concord.contracts.v1.resolutions_pb2 import Adjudicated, ConsensusReached, Escalated, RuledUnanswerable
from concord.contracts.v1.units_pb2 import UnitAdmitted
from services.metrics.domain.columns import Columns
from services.metrics.domain.traits import Traits, traits_of
from services.metrics.domain.unit import LABELLED, Settlement
from services.metrics.repository import Rows

Settled = ConsensusReached | Escalated | Adjudicated | RuledUnanswerable


def admitted_plain(rows: Rows, columns: Columns, admitted: UnitAdmitted, about: Metadata) -> bool:
    """Hear that a unit came in that is not gold."""
    if admitted.HasField("gold_label"):
        return False
    number = _number(rows, columns, admitted.unit_id, about)
    if number is None:
        return False
    return columns.admit(number, about.occurred_at_us, admitted.overlap_initial, known_by(admitted))


def given_plain(rows: Rows, columns: Columns, submitted: AnnotationSubmitted, about: Metadata) -> bool:
    """Hear of a label that counts, of a person, in the unit's first round."""
    if submitted.rework or submitted.late or submitted.by_model or submitted.referral or submitted.shown_first:
        return False
    label = submitted.label
    label_number = columns.label_known(label)
    if label_number is None:
        label_number = columns.label(label_text(label))
        if label_number is None:
            return False
    unit_id = submitted.unit_id
    number = columns.find(unit_id)
    if number is None or not about.project_id:
        number = _number(rows, columns, unit_id, about)
        if number is None:
            return False
    if columns.aside and columns.project[number] in columns.aside:
        return False
    columns.noted(unit_id)
    return columns.give(
        number,
        submitted.annotation_id,
        submitted.annotator_id,
        label_number,
        about.occurred_at_us,
        submitted.active_ms,
        submitted.schema_version or 1,
        submitted.guideline_version,
    )


def settled_plain(rows: Rows, columns: Columns, content: Settled, settlement: Settlement, about: Metadata) -> bool:
    """Hear how a unit stands after its first round."""
    referred = content.referral if isinstance(content, Escalated) else content.referrals
    if content.rework or referred:
        return False
    label_number = 0
    if settlement in LABELLED:
        assert isinstance(content, ConsensusReached | Adjudicated)
        known = _label(columns, content.label)
        if known is None:
            return False
        label_number = known
    number = _number(rows, columns, content.unit_id, about)
    if number is None:
        return False
    columns.settle(number, settlement, content.overlap_initial, label_number)
    return True


def _label(columns: Columns, label: bytes) -> int | None:
    """Return the number of a label; None of one that no column takes."""
    known = columns.label_known(label)
    return columns.label(label_text(label)) if known is None else known


def _number(rows: Rows, columns: Columns, unit_id: str, about: Metadata) -> int | None:
    """Return the number of a unit in the columns, dealt at first; None where it has a row, is closed or has no id."""
    project_id = about.project_id
    if not project_id or not unit_id:
        return None
    number = columns.find(unit_id)
    if number is None:
        return rows.put_plain(unit_id, project_id, about.occurred_at_us)
    columns.noted(unit_id)
    return number


def known_by(admitted: UnitAdmitted) -> Traits:
    """Return what a unit is known by."""
    return traits_of(
        admitted.stratum,
        admitted.media_type,
        admitted.content_length if admitted.HasField("content_length") else None,
        admitted.uncertainty if admitted.HasField("uncertainty") else None,
        label_text(admitted.suggested_label) if admitted.HasField("suggested_label") else "",
        hidden=admitted.suggestion_hidden,
    )


def label_text(label: bytes) -> str:
    """Return a label as it was given; it is poison where it is no text."""
    try:
        return label.decode()
    except UnicodeDecodeError as fault:
        raise Poison(f"a label is no UTF-8: {fault}") from fault
