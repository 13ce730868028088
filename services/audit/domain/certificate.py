"""The certificate: what is claimed of lots and their export, signed, and verifiable offline with the public key.

A certificate is a JSON object: the statement, the public key under `key`, and under `signature` an Ed25519
signature (RFC 8032) over the canonical bytes of all the rest: keys sorted, no spaces, UTF-8. Numbers are signed as they
are written, so who verifies without this code cuts `,"signature":"..."` out of the bytes as they came, and does not
word the rest anew.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from concord.labels import LabelSchema
from concord.quality.estimate import Estimate
from concord.quality.krippendorff import krippendorff_alpha
from concord.quality.label_counts import LabelCounts, count_labels
from services.audit.domain.lot import LotState
from services.audit.domain.unit import UnitState
from services.audit.domain.verdict import leaving_error_rate

TYPE = "concord.certificate.v1"
ALGORITHM = "Ed25519"
CERTIFICATE_BYTES_MAX = 10_000_000

_canonical = msgspec.json.Encoder(order="sorted").encode

Json = dict[str, Any]


class CertificateBroken(ValueError):
    """The certificate, or what it is held against, is not what was signed; the reason is a sentence."""


class Signer:
    """Signs certificates with one key.

    Args:
        seed: a secret of the deployment from which the key follows.
    """

    def __init__(self, seed: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(seed).digest())
        self.public_key = base64.b64encode(self._private.public_key().public_bytes_raw()).decode()

    def signed(self, statement: Json) -> str:
        """Return the statement as a certificate, JSON text."""
        certificate = {**statement, "key": {"algorithm": ALGORITHM, "public_key": self.public_key}}
        signature = self._private.sign(_canonical(certificate))
        return _canonical({**certificate, "signature": base64.b64encode(signature).decode()}).decode()


def statement(client_id: str, project_id: str, at_us: int, lots: Sequence[Json], files: Sequence[Json]) -> Json:
    """Return what a certificate says: the claims on each lot, and the files they are made of."""
    return {
        "type": TYPE,
        "issued_at": timestamp(at_us),
        "client_id": client_id,
        "project_id": project_id,
        "guideline_versions": sorted({version for lot in lots for version in lot["guideline_versions"]}),
        "lots": list(lots),
        "files": list(files),
    }


def file_claim(name: str, media_type: str, content: bytes, rows: int) -> Json:
    """Return what is claimed of a file."""
    return {
        "name": name,
        "media_type": media_type,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "rows": rows,
    }


def lot_claim(lot: LotState, units: Mapping[str, UnitState], schema: LabelSchema) -> Json:
    """Return what is claimed of one accepted lot."""
    members = [units[unit_id] for unit_id in lot.unit_ids if not units[unit_id].withdrawn]
    evidence = [one for unit in members for one in unit.evidence]
    return {
        "lot_id": lot.lot_id,
        "units": len(members),
        "withdrawn": len(lot.unit_ids) - len(members),
        "rework": lot.rework,
        "rejections": lot.rejections,
        "plan": None if lot.plan is None else msgspec.to_builtins(lot.plan),
        "sample": list(lot.sample[: lot.inspected]),
        "inspected": lot.inspected,
        "errors_found": lot.errors,
        "errors_corrected": len(lot.corrections),
        "label_error_rate": _estimate(leaving_error_rate(lot.errors, lot.inspected, max(1, len(members)))),
        "agreement": _estimate(agreement(members, schema)),
        "annotators": len({one.annotator_id for one in evidence}),
        "annotations": len(evidence),
        "guideline_versions": sorted({one.guideline_version for one in evidence}),
        "accepted_at": timestamp(lot.accepted_at_us),
    }


def agreement(units: Sequence[UnitState], schema: LabelSchema) -> Estimate:
    """Return Krippendorff's alpha of the annotations behind these units' labels."""
    labels = [[msgspec.json.decode(one.label) for one in unit.evidence] for unit in units]
    if schema.alpha_metric is not None:
        return krippendorff_alpha(count_labels(labels), schema.alpha_metric)
    texts = [[one.label for one in unit.evidence] for unit in units]
    counts: LabelCounts = count_labels(texts)
    return krippendorff_alpha(
        counts, lambda one, other: schema.distance(msgspec.json.decode(one), msgspec.json.decode(other))
    )


def verify(certificate: bytes, files: Sequence[bytes], public_key: str = "") -> Json:
    """Return the certificate's statement when it and every file are what was signed.

    Args:
        certificate: as it was handed over.
        files: the export's files; each must be claimed in the certificate.
        public_key: base64 of the key that is trusted; empty: the certificate's own, which proves that nothing was
            changed since signing and not who signed.

    Raises:
        CertificateBroken: something was changed, is missing or is not trusted.
    """
    said = _parsed(certificate)
    key, signature = said.get("key"), said.pop("signature", None)
    if not isinstance(key, dict) or key.get("algorithm") != ALGORITHM or not isinstance(signature, str):
        raise CertificateBroken(f"The certificate carries no {ALGORITHM} key and signature.")
    if public_key and key.get("public_key") != public_key:
        raise CertificateBroken("The certificate was signed with another key than the one that is trusted.")
    try:
        signer = Ed25519PublicKey.from_public_bytes(base64.b64decode(str(key.get("public_key")), validate=True))
        signer.verify(base64.b64decode(signature, validate=True), _canonical(said))
    except (InvalidSignature, ValueError, binascii.Error) as fault:
        raise CertificateBroken(
            "The certificate was changed after it was signed: its signature does not hold."
        ) from fault
    claims = {claim["sha256"]: claim for claim in said["files"]}
    for content in files:
        digest = hashlib.sha256(content).hexdigest()
        if digest not in claims:
            wanted = ", ".join(f"{claim['name']} {claim['sha256']}" for claim in said["files"])
            raise CertificateBroken(
                f"The export was changed, or is another's: its SHA-256 is {digest}, and {wanted} is claimed."
            )
    return said


def _parsed(certificate: bytes) -> Json:
    if len(certificate) > CERTIFICATE_BYTES_MAX:
        raise CertificateBroken(f"The certificate has {len(certificate)} bytes; none has over {CERTIFICATE_BYTES_MAX}.")
    try:
        said = msgspec.json.decode(certificate)
    except (msgspec.DecodeError, RecursionError) as fault:
        raise CertificateBroken(f"The certificate is no JSON: {fault}.") from fault
    if not isinstance(said, dict) or said.get("type") != TYPE:
        raise CertificateBroken(f"This is no certificate of type {TYPE}.")
    return said


def timestamp(at_us: int) -> str:
    """Return a time as RFC 3339, UTC.

    >>> timestamp(0)
    '1970-01-01T00:00:00.000000+00:00'
    """
    return datetime.fromtimestamp(at_us / 1_000_000, UTC).isoformat(timespec="microseconds")


def _estimate(estimate: Estimate) -> Json:
    said = {"value": estimate.value, "low": estimate.low, "high": estimate.high, "confidence": 0.95}
    return {**said, "units": estimate.units, "method": estimate.method, "reason": estimate.reason}
