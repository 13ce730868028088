"""The manifest of an export, signed: its files, what is in them, and which certificates vouch for their labels."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from concord.exports import Form
from concord.exports.snapshot import Companion, FileFacts, Snapshot
from concord.labels.versions import Versions
from concord.pages.figures import at_most
from services.audit.domain.lot import LotState
from services.audit.domain.signing import Json
from services.audit.domain.verification import MANIFEST

PART_UNITS = 50_000
"""Units of one part at most, unless a single lot has more: what is fetched again when a transfer breaks off."""


def parts_of(lots: Sequence[LotState]) -> list[list[LotState]]:
    """Return the lots of each part of an export, by how many units they had when they were certified.

    So the same issue has the same parts, whatever was erased since.
    """
    parts: list[list[LotState]] = []
    units = PART_UNITS
    for lot in lots:
        size = len(lot.members)
        if units + size > PART_UNITS:
            parts.append([])
            units = 0
        parts[-1].append(lot)
        units += size
    return parts


def snapshot_of(certificate: Json, certificate_sha256: str) -> Snapshot:
    """Return what a project's certificate says of the snapshot that its issue is."""
    lots = certificate["lots"]
    return Snapshot(
        certificate["project_id"],
        certificate["issue"],
        certificate["issued_at"],
        certificate_sha256,
        sum(lot["units"] - lot["erased_since"] for lot in lots),
        sum(lot["annotations"] for lot in lots),
        len(lots),
        tuple(certificate["guideline_versions"]),
        _quality(lots),
    )


def _quality(lots: Sequence[Any]) -> str:
    inspected, errors = sum(lot["inspected"] for lot in lots), sum(lot["errors_found"] for lot in lots)
    high = [lot["label_error_rate"]["high"] for lot in lots if lot["label_error_rate"]["high"] is not None]
    alphas = [lot["agreement"]["value"] for lot in lots if lot["agreement"]["value"] is not None]
    sentence = (
        f"Auditors inspected {inspected} units of {len(lots)} lots and found {errors} wrong, which were put right"
    )
    if high:
        sentence += (
            f"; the label error rate of what leaves is at most {at_most(max(high), 3):.3f} in every lot, each at 95 %"
        )
    if alphas:
        sentence += f"; Krippendorff's alpha by lot is {min(alphas):.3f} to {max(alphas):.3f}"
    return sentence + "."


def manifest(
    client_id: str,
    snapshot: Snapshot,
    form: Form,
    versions: Versions,
    lots: Sequence[LotState],
    files: Sequence[FileFacts],
    companions: Sequence[Companion],
    left_out: Counter[str],
) -> Json:
    """Return what is said of an export: the same facts, the same statement."""
    erased = [withdrawal.at_us for lot in lots for withdrawal in lot.erased]
    return {
        "type": MANIFEST,
        "issued_at": snapshot.issued_at,
        "client_id": client_id,
        "project_id": snapshot.project_id,
        "issue": snapshot.issue,
        "certificate_sha256": snapshot.certificate_sha256,
        "lots": [
            {
                "lot_id": lot.lot_id,
                "certificate_sha256": lot.certificate,
                "units": len(lot.leaving),
                "schema_version": lot.schema_version,
            }
            for lot in lots
        ],
        "erased": len(erased),
        "form": form._asdict(),
        "label_schema": versions.schema.spec(),
        "schema_version": versions.present,
        "schema_steps": [msgspec.to_builtins(step) for step in versions.steps],
        "guideline_versions": list(snapshot.guideline_versions),
        "schema_versions": sorted({lot.schema_version for lot in lots}),
        "rows": sum(file.rows for file in files),
        "left_out": dict(sorted(left_out.items())),
        "files": [msgspec.to_builtins(file) for file in files],
        "companions": [
            {**msgspec.to_builtins(companion), "sha256": hashlib.sha256(companion.text.encode()).hexdigest()}
            for companion in companions
        ],
    }
