"""Accepting a lot: all that is claimed of it, from its units and the rules that it was judged by, and nothing else.

Whoever has these has the certificate again, to the byte: `replay` does it from the lot's ledger. So whatever a number
rests on is in the `Basis`, whose digest the certificate holds.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import msgspec

from concord.exports import jsonl
from concord.exports.jsonl import JsonlWriter
from concord.labels import LabelSchema, schema_from
from concord.labels.form import Form
from concord.labels.versions import Step, Versions
from concord.quality.auditor_error import with_auditor_error
from concord.quality.calibration import binned
from concord.quality.label_error import Inspection, Pool, leaving_error_rate
from services.audit.domain.certificate import (
    RE_REVIEW,
    REPEATS,
    FileClaim,
    FileDigest,
    LotTally,
    project_claim,
    re_review_claim,
    repeats_claim,
    statement,
)
from services.audit.domain.fields import found_by_field
from services.audit.domain.holding import ReReviewed, re_reviewed
from services.audit.domain.leaving import leaving
from services.audit.domain.lot import LotState, Progress, judged, progress
from services.audit.domain.repeats import repeats_of
from services.audit.domain.signing import Json
from services.audit.domain.unit import Inspection as Verdict
from services.audit.domain.unit import UnitState, line_digest
from services.audit.domain.verdict import CONFIDENCE, FIXED, rate_told

LEDGER = "concord.ledger.v1"
_encode = msgspec.json.Encoder().encode


class Rules(msgspec.Struct, frozen=True):
    """What a lot is judged by.

    Attributes:
        lot: as it stood.
        label_schema: the project's, as JSON: whole, with what earlier versions offered.
        schema_steps: by which it came to be so: labels of all versions are read in its names.
        overlap_initial: for units of which it was not told how many labels were asked for first.
        attempts_max: how often such a lot may be judged by a sample.
        compared: the units whose labels are held against one another; None for all.
        pool: what the project's other lots came to, as far as it was known.
        software: the version that accepted it; empty where that was not told yet.
        by_version: whether agreement is told under each version of the label schema, where there are several.
    """

    client_id: str
    lot: LotState
    label_schema: Any
    overlap_initial: int
    rejections_max: int
    attempts_max: int
    compared: tuple[str, ...] | None
    accepted_at_us: int
    pool: Pool = Pool()
    software: str = ""
    schema_steps: tuple[Step, ...] = ()
    by_version: bool = False


class Head(NamedTuple):
    """How far a unit's ledger was written when its lot was accepted: its entries, and the digest of the last."""

    entries: int
    sha256: str


class Basis(msgspec.Struct, frozen=True):
    """The first line of a lot's ledger: what it was judged by, and the ledgers of its units, in order."""

    rules: Rules
    heads: tuple[Head, ...]
    type: str = LEDGER


class Accepted(NamedTuple):
    """What a lot is accepted with.

    Attributes:
        lot: accepted, but for its certificate's digest.
        statement: what the certificate says.
        basis: the first line of its ledger, without its end.
        rows: digests of the export's lines.
        inspection: where the plan stopped.
        pool: what the lot adds to the project's.
        re_reviewed: what became of the units for which it was held; None where it was not.
    """

    lot: LotState
    statement: Json
    basis: bytes
    rows: bytes
    inspection: Inspection
    pool: Pool
    re_reviewed: ReReviewed | None = None


class Acceptance:
    """Takes the units of a lot that is to be accepted, in the order of the export, in pieces.

    Args:
        rules: what it is judged by.
        basis: the first line of its ledger, where it was written before; a later version would word it otherwise.
    """

    def __init__(self, rules: Rules, basis: bytes = b"") -> None:
        self.rules = rules
        self._basis = basis
        self.schema: LabelSchema = schema_from(rules.label_schema)
        self.versions = Versions(self.schema, rules.schema_steps)
        lot = rules.lot
        picked = frozenset(lot.members if rules.compared is None else rules.compared)
        self._tally = LotTally(self.versions, rules.overlap_initial, picked, by_version=rules.by_version)
        self._digest = FileDigest(f"{lot.lot_id}.jsonl", jsonl.MEDIA_TYPE)
        self._writer = JsonlWriter(jsonl.CERTIFIED, self.schema)
        self._wrong: set[str] = set()
        self._heads: list[Head] = []
        self._inspected: dict[str, UnitState] = {}

    def add(self, units: Sequence[UnitState]) -> None:
        """Take in the next units, none of them erased."""
        lot = self.rules.lot
        for unit in units:
            if unit.wrong:
                self._wrong.add(unit.unit_id)
            inspection = unit.inspection
            if inspection is not None and not inspection.late and inspection.rework >= lot.rework:
                self._inspected[unit.unit_id] = unit
            self._heads.append(Head(len(unit.history), line_digest(unit.history[-1]) if unit.history else ""))
        self._tally.add(units)
        self._digest.add(self._writer.lines(leaving(lot.lot_id, units, self._wrong, self.versions)))

    def made(self) -> Accepted | None:
        """Return what the lot is accepted with; None when the verdicts do not come to that."""
        rules, lot = self.rules, self.rules.lot
        found, looked_at = self._found(), self._re_reviewed()
        if found.verdict != "accept" or (looked_at is not None and looked_at.left):
            return None
        sample = frozenset(lot.sample)
        drawn = [unit for unit_id, unit in self._inspected.items() if unit_id in sample]
        inspection = replace(inspection_of(lot, found, rules.attempts_max), repeats=repeats_of(drawn, lot.rework))
        corrections = [place for place, unit_id in enumerate(lot.unit_ids) if unit_id in self._wrong]
        estimate = leaving_error_rate(inspection, CONFIDENCE)
        # With no other lot that was sampled, the rate of all is this lot's own.
        pool = Pool.of_left(inspection, estimate)
        repeats = rules.pool.repeats + pool.repeats
        rate = with_auditor_error(estimate, inspection.lot_units, inspection.inspected, inspection.errors, repeats)
        after = judged(lot, found, corrections, rate_told(rate), rules.accepted_at_us)
        basis = self._basis or _encode(Basis(rules, tuple(self._heads)))
        basis_sha256 = hashlib.sha256(basis).hexdigest()
        claim = self._tally.claim(after, not inspection.unseen, rules.rejections_max, basis_sha256)
        if repeats.repeated:
            claim[REPEATS] = repeats_claim(pool.repeats, estimate)
        if looked_at is not None:
            claim[RE_REVIEW] = re_review_claim(lot, looked_at)
        file: FileClaim = self._digest.claim()
        together = project_claim(rules.pool + pool)
        at_us, software = rules.accepted_at_us, rules.software
        signed = statement(rules.client_id, lot.project_id, at_us, [claim], [file], together, software)
        after = msgspec.structs.replace(
            after,
            rows_sha256=file.rows_sha256,
            export_sha256=file.sha256,
            basis=basis_sha256,
            schema_version=self.versions.present,
        )
        return Accepted(after, signed, basis, bytes(self._digest.rows), inspection, pool, looked_at)

    def _re_reviewed(self) -> ReReviewed | None:
        lot = self.rules.lot
        if not lot.radius:
            return None
        verdicts = {unit_id: unit.inspection for unit_id, unit in self._inspected.items()}
        right = {unit_id: verdict.correct for unit_id, verdict in verdicts.items() if verdict is not None}
        return re_reviewed(lot.in_radius, lot.radius_first, right.get)

    def _found(self) -> Progress:
        lot = self.rules.lot
        verdicts = {
            unit_id: state.inspection for unit_id, state in self._inspected.items() if state.inspection is not None
        }
        bounds = None if lot.plan is None else lot.plan.bounds()
        found = progress(lot, bounds, {unit_id: inspection.correct for unit_id, inspection in verdicts.items()}.get)
        if found.verdict != "accept":
            return found
        form = self.schema if isinstance(self.schema, Form) else None
        return detailed(found, [verdicts[unit_id] for unit_id in lot.sample[: found.inspected]], form)


def detailed(found: Progress, inspected: Sequence[Verdict], form: Form | None) -> Progress:
    """Return what verdicts come to with what they say of each field, and of the confidences that were stated.

    Args:
        found: a verdict on the lot.
        inspected: the verdicts that it rests on.
        form: the project's schema, where its labels have several fields.
    """
    return found._replace(
        fields=found_by_field(form, (inspection.fields for inspection in inspected)),
        confidences=tuple(
            binned((inspection.stated, inspection.correct) for inspection in inspected if inspection.stated)
        ),
    )


def inspection_of(lot: LotState, found: Progress, attempts_max: int) -> Inspection:
    """Return where the inspection of a lot stopped, for what is claimed of its label error rate.

    A lot that was rejected before it was inspected whole has no end of its plan to rest on, and a fixed sample stops
    nothing: how many are inspected was known beforehand.
    """
    stopped = lot.status == "auditing" and lot.plan is not None and lot.plan.kind not in FIXED
    bounds = lot.plan.bounds() if stopped and lot.plan is not None else None
    return Inspection(len(lot.members), found.inspected, found.errors, bounds, attempts_max)
