"""Units as they leave: the accepted label, who said what under a code, and nothing that was erased."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Collection, Mapping, Sequence

from concord.exports import Record, RecordedLabel
from concord.labels import decoded
from concord.labels.versions import Versions
from services.audit.domain.unit import UnitState

CODE_CHARACTERS = 16

Codes = Callable[[str], str]


def annotator_codes(secret: bytes, project_id: str) -> Codes:
    """Return what gives an annotator's code: one for a person in all of a project, and nobody else knows whose it is.

    >>> codes = annotator_codes(b"s", "k1-p")
    >>> codes("ann") == codes("ann") != annotator_codes(b"s", "k1-q")("ann")
    True
    """
    known: dict[str, str] = {}

    def code(annotator_id: str) -> str:
        if annotator_id not in known:
            digest = hmac.new(secret, f"annotator\x00{project_id}\x00{annotator_id}".encode(), hashlib.sha256).digest()
            known[annotator_id] = base64.b32encode(digest).decode().lower()[:CODE_CHARACTERS]
        return known[annotator_id]

    return code


def leaving(
    lot_id: str,
    units: Sequence[UnitState],
    corrected: Collection[str],
    versions: Versions,
    codes: Codes | None = None,
    data: Mapping[str, bytes] | None = None,
) -> list[Record]:
    """Return some units of an accepted lot as they leave, in the order given.

    Args:
        lot_id: the lot.
        units: none of them erased.
        corrected: ids of the units that leave with the auditor's label.
        versions: of the label schema: labels leave in the names of the newest of them.
        codes: gives annotators' codes; None where what they said does not leave.
        data: JSON of what was labelled, by the unit's id; None where it does not leave. Units that have none are left
            out: they were erased meanwhile.
    """
    found = []
    for unit in units:
        if data is not None and unit.unit_id not in data:
            continue
        inspection = unit.inspection if unit.unit_id in corrected else None
        label = versions.text(unit.label if inspection is None else inspection.label)
        found.append(
            Record(
                unit.unit_id,
                unit.source_id,
                label,
                unit.method if inspection is None else "audited",
                unit.confidence if inspection is None else 1.0,
                len(unit.evidence),
                unit.guideline_version,
                lot_id,
                () if codes is None else _said(unit, codes, versions),
                b"" if data is None else data[unit.unit_id],
                unit.media_type,
                schema_version=versions.version_of(decoded(label.encode())) if versions.steps else 1,
            )
        )
    return found


def _said(unit: UnitState, codes: Codes, versions: Versions) -> tuple[RecordedLabel, ...]:
    return tuple(
        RecordedLabel(
            codes(evidence.annotator_id),
            versions.text(evidence.label),
            evidence.guideline_version,
            evidence.schema_version,
        )
        for evidence in unit.evidence
    )
