"""What left, held against what was accepted, resolved and signed."""

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from simulation.evidence import Evidence
from simulation.notebook import Notebook

RESOLVING = ("consensus_reached", "adjudicated")


def exports_are_certified(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """What left was accepted, says what was resolved or put right, and is what its certificate signs."""
    accepted = evidence.by_id("lot_accepted", "lot_id")
    sealed = {one.content.lot_id: list(one.content.unit_ids) for one in evidence.events("lot_sealed")}
    told = {one.content.lot_id: one.content.sha256 for one in evidence.events("lot_exported")}
    for lot_id, content, certificate in notebook.exported:
        if lot_id not in accepted:
            yield f"lot {lot_id} was exported and never accepted"
            continue
        if hashlib.sha256(certificate).hexdigest() != accepted[lot_id][0].content.certificate_sha256:
            yield f"the certificate of lot {lot_id} is not the one that was told"
            continue
        digest = hashlib.sha256(content).hexdigest()
        said = json.loads(certificate)
        if digest not in [one["sha256"] for one in said["files"]] or told.get(lot_id) != digest:
            yield f"the export of lot {lot_id} is not what its certificate claims"
        if not _signature_holds(certificate):
            yield f"the signature of lot {lot_id}'s certificate does not hold"
        rows = [json.loads(line) for line in content.splitlines()]
        if sorted(row["unit_id"] for row in rows) != sorted(sealed.get(lot_id, ())):
            yield f"the export of lot {lot_id} has other units than were sealed in it"
        labels = _labels_that_left(evidence, lot_id, accepted[lot_id][0].content.rework)
        for row in rows:
            if row["label"] != labels.get(row["unit_id"]):
                yield f"unit {row['unit_id']} left as {row['label']!r} and is {labels.get(row['unit_id'])!r}"


def _labels_that_left(evidence: Evidence, lot_id: str, rework: int) -> dict[str, Any]:
    labels = {
        one.content.unit_id: json.loads(one.content.label)
        for kind in RESOLVING
        for one in evidence.events(kind)
        if one.content.rework == rework
    }
    audited = {
        one.content.unit_id: json.loads(one.content.audited_label)
        for one in evidence.events("unit_audited")
        if one.content.lot_id == lot_id and one.content.rework == rework and not one.content.late
    }
    return labels | audited


def _signature_holds(certificate: bytes) -> bool:
    said = json.loads(certificate)
    signature = said.pop("signature")
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(said["key"]["public_key"]))
    try:
        key.verify(base64.b64decode(signature), rfc8785.dumps(said))
    except InvalidSignature:
        return False
    return True


def lots_hold_each_unit_once(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """Every admitted unit that is no gold is in exactly one lot, and no gold unit is in any."""
    del notebook
    lots: Counter[str] = Counter()
    for one in evidence.events("lot_sealed"):
        lots.update(one.content.unit_ids)
    for admitted in evidence.events("unit_admitted"):
        unit_id = admitted.content.unit_id
        wanted = 0 if admitted.content.HasField("gold_label") else 1
        if (found := lots.pop(unit_id, 0)) != wanted:
            yield f"unit {unit_id} is in {found} lots, and belongs into {wanted}"
    for unit_id in lots:
        yield f"unit {unit_id} is in a lot and was never admitted"
