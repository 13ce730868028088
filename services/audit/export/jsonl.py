"""JSONL: one accepted unit a line."""

from collections.abc import Mapping

import msgspec

from services.audit.domain.lot import LotState
from services.audit.domain.unit import UnitState

MEDIA_TYPE = "application/x-ndjson"
FORMAT = "jsonl"

_encode = msgspec.json.Encoder().encode


class Row(msgspec.Struct, frozen=True):
    """One unit as it leaves.

    Attributes:
        source_id: the client's own name of the unit.
        label: the accepted label: resolved, or the auditor's where that was found wrong.
        method: posterior, majority, adjudicated, or audited for an auditor's correction.
        confidence: of the consensus; 1 for a person's word.
        annotations: how many stand behind the label.
    """

    unit_id: str
    source_id: str
    label: msgspec.Raw
    method: str
    confidence: float
    annotations: int
    guideline_version: int
    lot_id: str


def rows(lot: LotState, units: Mapping[str, UnitState]) -> tuple[bytes, int]:
    """Return a lot's lines and how many there are: the same bytes for ever once the lot is accepted."""
    corrected = {one.unit_id: one.label for one in lot.corrections}
    lines = []
    for unit_id in lot.unit_ids:
        unit = units[unit_id]
        if unit.withdrawn:
            continue
        correction = corrected.get(unit_id)
        row = Row(
            unit_id,
            unit.source_id,
            msgspec.Raw((correction or unit.label).encode()),
            "audited" if correction else unit.method,
            1.0 if correction else unit.confidence,
            len(unit.evidence),
            unit.guideline_version,
            lot.lot_id,
        )
        lines.append(_encode(row) + b"\n")
    return b"".join(lines), len(lines)
