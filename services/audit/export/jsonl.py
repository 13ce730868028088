"""JSONL: one accepted unit a line."""

import re
from collections.abc import Collection, Sequence

import msgspec

from services.audit.domain.unit import UnitState

MEDIA_TYPE = "application/x-ndjson"
FORMAT = "jsonl"

_encode = msgspec.json.Encoder().encode
_LINE_ENDS = re.compile("|".join("\u0085\u2028\u2029").encode())


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


def rows(lot_id: str, units: Sequence[UnitState], corrected: Collection[str]) -> list[bytes]:
    """Return the lines of some units of an accepted lot, in the order given: the same bytes for ever.

    Args:
        lot_id: the lot.
        units: none of them erased.
        corrected: ids of the units that leave with the auditor's label.
    """
    return [_line(lot_id, unit, unit.unit_id in corrected) for unit in units]


def _line(lot_id: str, unit: UnitState, corrected: bool) -> bytes:
    inspection = unit.inspection if corrected else None
    row = Row(
        unit.unit_id,
        unit.source_id,
        msgspec.Raw((inspection.label if inspection is not None else unit.label).encode()),
        "audited" if corrected else unit.method,
        1.0 if corrected else unit.confidence,
        len(unit.evidence),
        unit.guideline_version,
        lot_id,
    )
    return _LINE_ENDS.sub(_escaped, _encode(row)) + b"\n"


def _escaped(found: re.Match[bytes]) -> bytes:
    r"""Return \\uXXXX for a character at which some readers end a line; outside of strings JSON has none of them."""
    return f"\\u{ord(found.group().decode()):04x}".encode()
