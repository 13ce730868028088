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

from simulation.checkers.judgements import right
from simulation.evidence import Evidence
from simulation.notebook import Notebook

RESOLVING = ("consensus_reached", "adjudicated")
SETTLING = (*RESOLVING, "ruled_unanswerable")
"""A unit that is unanswerable is settled, and has no label."""


def exports_are_certified(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """What left was accepted, says what was resolved or put right, and is what its certificate signs."""
    accepted = evidence.by_id("lot_accepted", "lot_id")
    sealed = {event.content.lot_id: list(event.content.unit_ids) for event in evidence.events("lot_sealed")}
    exported = evidence.by_id("lot_exported", "lot_id")
    unanswerable = {event.content.unit_id for event in evidence.events("ruled_unanswerable")}
    for lot_id, content, certificate, withdrawals in notebook.exported:
        if lot_id not in accepted:
            yield f"lot {lot_id} was exported and never accepted"
            continue
        if hashlib.sha256(certificate).hexdigest() != accepted[lot_id][0].content.certificate_sha256:
            yield f"the certificate of lot {lot_id} is not the one that was told"
            continue
        if lot_id not in exported:
            yield f"lot {lot_id} has left, and that was not told"
        if not all(_signature_holds(each) for each in (certificate, withdrawals) if each):
            yield f"a signature of lot {lot_id} does not hold"
        yield from _is_what_was_certified(lot_id, content, certificate, withdrawals)
        rows = [json.loads(line) for line in content.splitlines()]
        missing = set(sealed.get(lot_id, ())) - {row["unit_id"] for row in rows}
        listed = set(json.loads(certificate)["lots"][0]["unanswerable_units"])
        if not {row["unit_id"] for row in rows} <= set(sealed.get(lot_id, ())) or missing - notebook.erased - listed:
            yield f"the export of lot {lot_id} has other units than were sealed in it"
        if not listed <= unanswerable & (missing | notebook.erased):
            yield f"the certificate of lot {lot_id} lists units as unanswerable that were not ruled so, or leave"
        labels = _labels_that_left(notebook, evidence, lot_id, accepted[lot_id][0].content.rework)
        for row in rows:
            project_id, label = accepted[lot_id][0].metadata.project_id, labels.get(row["unit_id"])
            if notebook.read(project_id, row["label"]) != notebook.read(project_id, label):
                yield f"unit {row['unit_id']} left as {row['label']!r} and is {labels.get(row['unit_id'])!r}"


def _is_what_was_certified(lot_id: str, content: bytes, certificate: bytes, withdrawals: bytes) -> Iterator[str]:
    """The lines that left, with those put back that were erased since, are the lines that were certified."""
    lines = [hashlib.sha256(line).digest() for line in content.splitlines(keepends=True)]
    gone = json.loads(withdrawals)["withdrawn"] if withdrawals else []
    for entry in sorted(gone, key=lambda each: int(each["line"])):
        lines.insert(entry["line"] - 1, bytes.fromhex(entry["sha256"]))
    claims = json.loads(certificate)["files"]
    if hashlib.sha256(b"".join(lines)).hexdigest() not in [claim["rows_sha256"] for claim in claims]:
        yield f"the export of lot {lot_id} is not what its certificate claims"
    if not gone and hashlib.sha256(content).hexdigest() not in [claim["sha256"] for claim in claims]:
        yield f"the file of lot {lot_id} is not what its certificate claims"


def _labels_that_left(notebook: Notebook, evidence: Evidence, lot_id: str, rework: int) -> dict[str, Any]:
    labels = {
        event.content.unit_id: json.loads(event.content.label)
        for kind in RESOLVING
        for event in evidence.events(kind)
        if event.content.rework == rework
    }
    corrected = {
        event.content.unit_id: json.loads(event.content.audited_label)
        for event in evidence.events("unit_audited")
        if event.content.lot_id == lot_id
        and event.content.rework == rework
        and not event.content.late
        and not right(notebook, event)
    }
    return labels | corrected


def _signature_holds(certificate: bytes) -> bool:
    statement = json.loads(certificate)
    signature = statement.pop("signature")
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(statement["key"]["public_key"]))
    try:
        key.verify(base64.b64decode(signature), rfc8785.dumps(statement))
    except InvalidSignature:
        return False
    return True


def lots_hold_each_unit_once(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """Every admitted unit that is no gold is in exactly one lot, no gold unit is in any.

    One that was erased before its lot was sealed is in none, and in that one when ingest heard of it later.
    """
    del notebook
    lots: Counter[str] = Counter()
    for event in evidence.events("lot_sealed"):
        lots.update(event.content.unit_ids)
    erased = {entry.content.unit_id for entry in evidence.events("unit_erased")}
    for admitted in evidence.events("unit_admitted"):
        unit_id = admitted.content.unit_id
        wanted = 0 if admitted.content.HasField("gold_label") else 1
        if (found := lots.pop(unit_id, 0)) != wanted and (found or unit_id not in erased):
            yield f"unit {unit_id} is in {found} lots, and belongs into {wanted}"
    for unit_id in lots:
        yield f"unit {unit_id} is in a lot and was never admitted"
