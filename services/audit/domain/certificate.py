"""The certificate: what is claimed of accepted lots and of the export that goes with it.

A lot's certificate is issued once, when the lot is accepted. A project's stands over a numbered issue, which is a set
of accepted lots: it sums up each lot and names the lot's own certificate by its digest. Neither is ever changed: what
was erased afterwards is told by a signed list of withdrawals beside it.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from concord.labels import LabelSchema
from concord.labels.form import Form
from concord.labels.versions import Versions
from concord.quality.auditor_error import Repeats
from concord.quality.estimate import Estimate
from concord.quality.first_asked import first_asked
from concord.quality.label_error import Pool
from services.audit.domain.agreement import agreement, agreement_by_field
from services.audit.domain.holding import ReReviewed
from services.audit.domain.lot import LotState
from services.audit.domain.signing import Json
from services.audit.domain.times import timestamp
from services.audit.domain.unit import Evidence, RegionsRuled, UnitState
from services.audit.domain.verdict import CONFIDENCE
from services.audit.domain.verification import CERTIFICATE, DIGEST_BYTES, WITHDRAWALS, rows_digest

SUMMED_UP = (
    "lot_id", "units", "withdrawn", "unanswerable", "adjudicated", "rework", "rejections", "inspected", "errors_found",
    "errors_corrected",
    "label_error_rate", "agreement", "annotators", "annotations", "guideline_versions", "schema_versions",
    "accepted_at",
)  # fmt: skip
"""Of a lot's claims, what a project's certificate repeats; the rest is in the lot's own."""
ADJUDICATED = "adjudicated"
"""How a unit was resolved of which a person ruled."""
FIELDS = "fields"
"""And this, of labels that have several."""
REPEATS = "repeats"
"""And this, where inspections were repeated."""
RE_REVIEW = "re_review"
"""And this, of a lot that was held for annotators who are at fault for another."""
BY_VERSION = "agreement_by_schema_version"
"""And this, of labels that were given under several versions of their schema."""


class FileClaim(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is claimed of a file.

    Attributes:
        rows_sha256: SHA-256 of the SHA-256 of each line, one after the other: so that what is left can be verified
            when lines are taken out.
        sha256, bytes: of the file as a whole; of a project's file, which is made of those of its lots, not told.
    """

    name: str
    media_type: str
    rows: int
    rows_sha256: str
    sha256: str = ""
    bytes: int = 0


class FileDigest:
    """Takes a file in pieces of whole lines and says what can be claimed of it."""

    def __init__(self, name: str, media_type: str) -> None:
        self.name = name
        self.media_type = media_type
        self.rows = bytearray()
        self._whole = hashlib.sha256()
        self._bytes = 0

    def add(self, lines: Sequence[bytes]) -> None:
        """Take in the next lines, each with its end."""
        for line in lines:
            self._whole.update(line)
            self._bytes += len(line)
        self.rows += rows_digest(lines)

    def claim(self) -> FileClaim:
        """Return what is claimed of all that was taken in."""
        claim = claim_of_rows(self.name, self.media_type, bytes(self.rows))
        return msgspec.structs.replace(claim, sha256=self._whole.hexdigest(), bytes=self._bytes)


def claim_of_rows(name: str, media_type: str, rows: bytes | bytearray) -> FileClaim:
    """Return what is claimed of a file of which the digests of the lines are known."""
    return FileClaim(name, media_type, len(rows) // DIGEST_BYTES, hashlib.sha256(rows).hexdigest())


def without_lines(rows: bytes, lines: Collection[int]) -> bytes:
    """Return the digests of a file's lines without some of them, numbered from 0.

    >>> without_lines(b"a" * 32 + b"b" * 32, [0]) == b"b" * 32
    True
    """
    kept = (rows[place * DIGEST_BYTES : (place + 1) * DIGEST_BYTES] for place in range(len(rows) // DIGEST_BYTES))
    return b"".join(digest for place, digest in enumerate(kept) if place not in lines)


def statement(
    client_id: str,
    project_id: str,
    at_us: int,
    lots: Sequence[Json],
    files: Sequence[FileClaim],
    project: Json,
    software: str,
) -> Json:
    """Return what a certificate says: the claims on each lot, the files they are made of, and `project_claim`.

    `software` is the version that worked it out; empty where none was told when it was.
    """
    document = {
        "type": CERTIFICATE,
        "issued_at": timestamp(at_us),
        "client_id": client_id,
        "project_id": project_id,
        "guideline_versions": sorted({version for lot in lots for version in lot["guideline_versions"]}),
        "schema_versions": sorted({version for lot in lots for version in lot.get("schema_versions", [1])}),
        "lots": list(lots),
        "files": [msgspec.to_builtins(file) for file in files],
        "project": project,
    }
    return {**document, "software": {"name": "concord", "version": software}} if software else document


def project_claim(pool: Pool) -> Json:
    """Return what is claimed of all lots of a project that had left by then: see `pooled_leaving_error_rate`."""
    claim_of_all = {
        "lots": pool.lots,
        "units": pool.units,
        "inspected": pool.inspected,
        "errors_found": pool.errors,
        "rejections": pool.rejections,
        "label_error_rate": _estimate(pool.leaving_error_rate(CONFIDENCE)),
    }
    if not pool.repeats.repeated:
        return claim_of_all
    return {**claim_of_all, REPEATS: repeats_claim(pool.repeats, pool.by_their_word(CONFIDENCE))}


def repeats_claim(repeats: Repeats, by_their_word: Estimate) -> Json:
    """Return what is claimed of auditors: how far two agreed who did not see each other.

    Args:
        repeats: of their inspections.
        by_their_word: the label error rate as it would be if they did not err.
    """
    return {
        "repeated": repeats.repeated,
        "agreed": repeats.agreed,
        "found_wrong": repeats.wrong,
        "confirmed": repeats.confirmed,
        "found_right": repeats.right,
        "overturned": repeats.overturned,
        "label_error_rate_by_their_word": _estimate(by_their_word),
    }


def re_review_claim(lot: LotState, found: ReReviewed) -> Json:
    """Return what is claimed of units of annotators at fault for the rejection of other lots, before it was accepted.

    Args:
        lot: as it was held.
        found: how far they were looked at.
    """
    return {
        "units": found.units,
        "inspected": found.inspected,
        "errors_found": found.errors,
        "rejected_lots": list(lot.held_for),
    }


def withdrawals(
    client_id: str, project_id: str, at_us: int, certificate_sha256: str, gone: Mapping[int, str], file: FileClaim
) -> Json:
    """Return what is said of lines that were erased after a certificate was issued.

    Args:
        client_id: whose it is.
        project_id: whose it is.
        at_us: when the last of them was erased.
        certificate_sha256: the certificate that they were certified in.
        gone: SHA-256 of each erased line, by its number in the certified file, from 1.
        file: what is left.
    """
    return {
        "type": WITHDRAWALS,
        "issued_at": timestamp(at_us),
        "client_id": client_id,
        "project_id": project_id,
        "certificate_sha256": certificate_sha256,
        "withdrawn": [{"line": line, "sha256": gone[line]} for line in sorted(gone)],
        "file": msgspec.to_builtins(file),
    }


class LotTally:
    """Takes a lot's units in pieces and says what is claimed of it; where each number comes from stands in the docs.

    Args:
        versions: of the label schema: labels of all of them are compared in the names of the newest.
        overlap_initial: the policy's, for units of which it was not told how many labels were asked for first.
        picked: the units whose labels are compared; see `agreement.compared`.
        by_version: whether agreement is told under each version, too, where there are several.
    """

    def __init__(
        self, versions: Versions, overlap_initial: int, picked: Collection[str], *, by_version: bool = False
    ) -> None:
        self._offered = versions.offered
        self._by_version = by_version
        self._given: list[list[Evidence]] = []
        self._text = versions.text
        self._schema: LabelSchema = versions.schema
        self._overlap_initial = overlap_initial
        self._compared = picked
        self._entries = 0
        self._asked: list[list[str]] = []
        self._left_out = 0
        self._annotators: set[str] = set()
        self._versions: set[int] = set()
        self._schema_versions: set[int] = set()
        self._annotations = self._by_models = self._revised = 0
        self._set_aside = self._referred = 0
        self._adjudicated = 0
        self._ruled_by_object = 0
        self._regions = RegionsRuled()

    def add(self, units: Iterable[UnitState]) -> None:
        """Take in the next units."""
        for unit in units:
            self._annotations += len(unit.evidence)
            self._by_models += sum(evidence.model for evidence in unit.evidence)
            self._revised += sum(evidence.revision > 0 for evidence in unit.evidence)
            self._set_aside += len(unit.set_aside)
            self._referred += bool(unit.set_aside)
            self._adjudicated += unit.method == ADJUDICATED
            if unit.regions is not None:
                self._ruled_by_object += 1
                self._regions += unit.regions
            self._entries += len(unit.history)
            self._annotators.update(evidence.annotator_id for evidence in unit.evidence)
            self._versions.update(evidence.guideline_version for evidence in unit.evidence)
            self._schema_versions |= unit.schema_versions
            if unit.unit_id in self._compared:
                first = first_asked(unit.unseen, unit.overlap_initial or self._overlap_initial)
                if not all(evidence.label for evidence in first):
                    first = []  # it was told without its labels
                given = [
                    evidence for evidence in first if not evidence.model
                ]  # how people agree is told without models
                self._left_out += not given
                self._asked.append([self._text(evidence.label) for evidence in given])
                self._given.append(given)

    def claim(self, lot: LotState, whole: bool, rejections_max: int, basis_sha256: str) -> Json:
        """Return what is claimed of the lot as accepted.

        Args:
            lot: with its counts, rate, corrections and time of acceptance.
            whole: whether every unit that leaves was inspected.
            rejections_max: how often the policy lets a lot be sent back.
            basis_sha256: digest of the first line of the lot's ledger; see `replay`.
        """
        assert lot.rate is not None, "a lot has its rate when it is accepted"
        agreed = agreement(self._asked, self._schema)
        claim = {
            "lot_id": lot.lot_id,
            "units": len(lot.members),
            "withdrawn": len(lot.withdrawn),
            "unanswerable": len(lot.unanswerable),
            "unanswerable_units": [lot.unit_ids[place] for place in lot.unanswerable],
            "adjudicated": self._adjudicated,
            "rework": lot.rework,
            "rejections": lot.rejections,
            "rejections_max": rejections_max,
            "plan": None if lot.plan is None else msgspec.to_builtins(lot.plan),
            "inspected_whole": whole,
            "consumers_risk": consumers_risk(lot, whole),
            "sample": lot.in_order[: lot.inspected],
            "inspected": lot.inspected,
            "errors_found": lot.errors,
            "errors_corrected": len(lot.corrections),
            "label_error_rate": {**msgspec.to_builtins(lot.rate), "confidence": CONFIDENCE},
            "agreement": {**_estimate(agreed), "units_left_out": self._left_out},
            "annotators": len(self._annotators),
            "annotations": self._annotations,
            "guideline_versions": sorted(self._versions),
            "schema_versions": sorted(self._schema_versions),
            "accepted_at": timestamp(lot.accepted_at_us),
            "ledger": {"entries": self._entries, "basis_sha256": basis_sha256},
        }
        if self._ruled_by_object:
            claim["regions_ruled"] = {"units": self._ruled_by_object, **msgspec.structs.asdict(self._regions)}
        if self._by_models:
            claim["annotations_by_models"] = self._by_models
        if self._revised:
            claim["annotations_revised"] = self._revised
        if self._referred:
            claim["units_referred_back"] = self._referred
            claim["annotations_set_aside"] = self._set_aside
        if lot.seed:
            claim["seed"] = lot.seed
        if isinstance(self._schema, Form):
            claim[FIELDS] = self._by_field(lot, self._schema)
        if self._by_version and len(self._schema_versions) > 1:
            claim[BY_VERSION] = self._under_versions()
        return claim

    def _under_versions(self) -> Json:
        """Return agreement by version: of the units whose labels were all given under it, as they were given."""
        versions, found = sorted(self._schema_versions), {}
        for version in versions:
            units = [unit for unit in self._given if {evidence.schema_version for evidence in unit} == {version}]
            labels = [[evidence.label for evidence in unit] for unit in units]
            found[str(version)] = _estimate(agreement(labels, self._offered(version), len(versions)))
        return found

    def _by_field(self, lot: LotState, form: Form) -> Json:
        """Return by field what was found up to the verdict, and how far annotators agree."""
        agreed = agreement_by_field(self._asked, form)
        return {
            field.field: {
                "inspected": field.inspected,
                "errors_found": field.errors,
                "agreement": _estimate(agreed[field.field]),
            }
            for field in lot.fields
        }


def consumers_risk(lot: LotState, whole: bool) -> float | None:
    """Return the probability at most with which a lot at the plan's ltpd is accepted, over all its samples.

    One was drawn `rejections` + 1 times. Inspected whole, nothing wrong is left by the auditors' word; a percentage
    promises nothing. See `Plan.consumers_risk`.
    """
    if whole:
        return 0.0
    return None if lot.plan is None else lot.plan.consumers_risk(lot.rejections + 1)


def summed_up(claim: Json, certificate_sha256: str, erased: int) -> Json:
    """Return what a project's certificate says of a lot.

    Args:
        claim: the lot's own.
        certificate_sha256: of the lot's own certificate.
        erased: units that were erased between the lot's certificate and this one.
    """
    summary = {name: claim[name] for name in (*SUMMED_UP, FIELDS, REPEATS, RE_REVIEW, BY_VERSION) if name in claim}
    return {**summary, "erased_since": erased, "certificate_sha256": certificate_sha256}


def _estimate(estimate: Estimate) -> Json:
    shown = {"value": estimate.value, "low": estimate.low, "high": estimate.high, "confidence": CONFIDENCE}
    return {**shown, "units": estimate.units, "method": estimate.method, "reason": estimate.reason}
