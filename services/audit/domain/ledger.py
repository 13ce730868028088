"""A unit's ledger: one line for whatever became of it, each with the digest of the line before it.

A line is JSON and is kept, handed over and hashed as the very text that it was written as. It says who, under a code;
when; and under which guideline. Of labels it holds commitments, SHA-256 of a salt of the unit's own and the canonical
label: whoever is given salt and label can hold them against it, and when the unit is erased salt and label go, and what
is left tells nobody what the label was.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from itertools import pairwise, takewhile
from typing import Any, NamedTuple

import msgspec

from services.audit.domain.leaving import Codes, annotator_codes
from services.audit.domain.times import timestamp
from services.audit.domain.unit import Evidence, Inspection, Resolution, UnitState, line_digest

SALT_CHARACTERS = 32
_encode = msgspec.json.Encoder().encode


class LedgerBroken(ValueError):
    """A ledger is not what was written; the reason names the unit and the entry, as a sentence."""


class Line(msgspec.Struct):
    """What every line says.

    Attributes:
        entry: its number in the unit's ledger, from 1.
        what: admitted, resolved, joined, inspected, repeated, closed, reidentified or erased.
        previous: SHA-256 of the line before it; empty for the first.
    """

    unit_id: str
    entry: int
    at: str
    what: str
    previous: str


class Settlers(NamedTuple):
    """Who settled a unit: who ruled it, and who closed its escalation with others; empty for nobody."""

    adjudicator: str = ""
    closed_by: str = ""


NOBODY = Settlers()


class Ledger:
    """Writes units' ledgers.

    Args:
        secret: of the deployment; codes and salts follow from it.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._codes: dict[str, Codes] = {}

    def codes(self, project_id: str) -> Codes:
        """Return what gives the codes of a project's people."""
        if project_id not in self._codes:
            self._codes[project_id] = annotator_codes(self._secret, project_id)
        return self._codes[project_id]

    def salt(self, unit_id: str) -> str:
        """Return a unit's salt, which nobody foresees."""
        return hmac.digest(self._secret, f"ledger\x00{unit_id}".encode(), "sha256").hex()[:SALT_CHARACTERS]

    def admitted(self, before: UnitState | None, after: UnitState, at_us: int, cause: str) -> UnitState:
        """Return the unit with the line that it was let in."""
        return self._written(before, after, at_us, "admitted", {"cause": cause, "media_type": after.media_type})

    def resolved(
        self,
        before: UnitState | None,
        after: UnitState,
        at_us: int,
        cause: str,
        by: Settlers = NOBODY,
        resolution: Resolution | None = None,
    ) -> UnitState:
        """Return the unit with the line of its label: who said what, and how it was settled.

        Args:
            before: the unit.
            after: as it is settled.
            at_us: when.
            cause: the event that told it.
            by: who ruled, or closed its escalation.
            resolution: where the regions of a ruled label come from, if it has any.
        """
        salt, codes = self.salt(after.unit_id), self.codes(after.project_id)
        # Most who labelled it said what it was settled with.
        given = {after.label, *[evidence.label for evidence in (*after.evidence, *after.set_aside)]}
        commitments = {label: committed(salt, label) for label in given}
        facts = {
            "cause": cause,
            "rework": after.rework,
            "method": after.method,
            "confidence": after.confidence,
            "label": commitments[after.label],
            "guideline_version": after.guideline_version,
            **_schema(after.schema_version),
            "overlap_initial": after.overlap_initial,
            "annotations": _annotations(after.evidence, codes, commitments),
        }
        if by.adjudicator:
            facts["adjudicator"] = codes(by.adjudicator)
        if by.closed_by:
            facts["closed_by"] = codes(by.closed_by)
        if resolution is not None and resolution.regions_ruled is not None:
            facts |= _regions(resolution)
        if resolution is not None and resolution.referrals:
            facts["referrals"] = [
                {"adjudicator": codes(each.adjudicator_id), "to": each.to, "at": timestamp(each.at_us)}
                for each in resolution.referrals
            ]
            facts["set_aside"] = _annotations(after.set_aside, codes, commitments)
        return self._written(before, after, at_us, "resolved", facts)

    def joined(self, before: UnitState | None, after: UnitState, at_us: int, cause: str, participant: str) -> UnitState:
        """Return the unit with the line that somebody has a part in it by a late label."""
        facts = {"cause": cause, "participant": self.codes(after.project_id)(participant)}
        return self._written(before, after, at_us, "joined", facts)

    def inspected(self, before: UnitState | None, after: UnitState, at_us: int, inspection: Inspection) -> UnitState:
        """Return the unit with the line of an auditor's verdict."""
        facts: dict[str, Any] = {
            "auditor": self.codes(after.project_id)(inspection.auditor_id),
            "rework": inspection.rework,
            "label": committed(self.salt(after.unit_id), inspection.label),
            "correct": inspection.correct,
            "late": inspection.late,
        }
        if inspection.fields:
            facts["fields"] = dict(inspection.fields)
        return self._written(before, after, at_us, "inspected", facts)

    def repeated(self, before: UnitState | None, after: UnitState, at_us: int, inspection: Inspection) -> UnitState:
        """Return the unit with the line of a second auditor's label."""
        facts = {
            "auditor": self.codes(after.project_id)(inspection.auditor_id),
            "rework": inspection.rework,
            "label": committed(self.salt(after.unit_id), inspection.label),
            "correct": inspection.correct,
            "same": inspection.same,
        }
        return self._written(before, after, at_us, "repeated", facts)

    def closed(self, before: UnitState | None, after: UnitState, at_us: int) -> UnitState:
        """Return the unit with the line that its lot is judged without a verdict on it."""
        return self._written(before, after, at_us, "closed", {"judgement": after.closed})

    def reidentified(
        self, before: UnitState | None, after: UnitState, at_us: int, cause: str, details: Mapping[str, Any]
    ) -> UnitState:
        """Return the unit with the line that somebody was told who is behind its data: who, why, and of what kinds.

        They stand there by name and not under a code: they answer for it.

        Args:
            before: the unit.
            after: as it is.
            at_us: when.
            cause: the event that told it.
            details: `by`, `reason`, `how` and `kinds`.
        """
        return self._written(before, after, at_us, "reidentified", {"cause": cause, **details})

    def erased(self, before: UnitState | None, after: UnitState, at_us: int, cause: str) -> UnitState:
        """Return the unit with the line that it was erased."""
        return self._written(before, after, at_us, "erased", {"cause": cause})

    def check_values(self, unit: UnitState) -> None:
        """Hold the label that a unit has now, and those behind it, against the line that commits to them.

        Raises:
            LedgerBroken: one was changed, or there is no such line.
        """
        if unit.withdrawn or not unit.method:
            return
        salt = self.salt(unit.unit_id)
        resolution = next(
            (record for record in reversed(list(map(_resolution, unit.history))) if record.what == "resolved"), None
        )
        given = (*unit.evidence, *unit.set_aside)
        wanted = [committed(salt, label) for label in (unit.label, *(evidence.label for evidence in given))]
        if resolution is None or [resolution.label, *(each.label for each in resolution.given)] != wanted:
            raise LedgerBroken(f"A label of unit {unit.unit_id} was changed: no entry commits to it.")

    def _written(
        self, before: UnitState | None, after: UnitState, at_us: int, what: str, facts: dict[str, Any]
    ) -> UnitState:
        history = () if before is None else before.history
        line = {
            "unit_id": after.unit_id,
            "entry": len(history) + 1,
            "at": timestamp(at_us),
            "what": what,
            **facts,
            "previous": line_digest(history[-1]) if history else "",
        }
        return msgspec.structs.replace(after, history=(*history, _encode(line).decode()))


def _regions(resolution: Resolution) -> dict[str, Any]:
    """Return what a line says of drawn regions: of each, by field and in order, its origin and the annotations."""
    regions: dict[str, list[list[str | int]]] = {}
    for region in resolution.regions:
        regions.setdefault(region.field, []).append([region.origin, *region.evidence])
    return {"regions": regions, "regions_dropped": resolution.regions_dropped}


def _annotations(
    given: Sequence[Evidence], codes: Codes, commitments: Mapping[str, str]
) -> list[dict[str, str | int | bool]]:
    return [
        {
            "annotation_id": evidence.annotation_id,
            "annotator": codes(evidence.annotator_id),
            "label": commitments[evidence.label],
            "guideline_version": evidence.guideline_version,
            **_schema(evidence.schema_version),
            **({"by_model": True} if evidence.model else {}),
            **({"revision": evidence.revision} if evidence.revision else {}),
            **({"referral": evidence.referral} if evidence.referral else {}),
        }
        for evidence in given
    ]


def _schema(version: int) -> dict[str, int]:
    """Return what a line says of the label schema's version; of the first, nothing."""
    return {} if version == 1 else {"schema_version": version}


class _Annotation(msgspec.Struct):
    label: str


class _Resolution(msgspec.Struct):
    what: str
    label: str = ""
    annotations: list[_Annotation] = []
    set_aside: list[_Annotation] = []

    @property
    def given(self) -> list[_Annotation]:
        return [*self.annotations, *self.set_aside]


def _resolution(line: str) -> _Resolution:
    return msgspec.json.decode(line, type=_Resolution)


def check_records(unit_id: str, records: Mapping[int, Sequence[str]]) -> None:
    """Hold the ledgers in a unit's records against one another: each goes on from the one before it.

    Args:
        unit_id: the unit.
        records: its ledger as each record of the store has it, by the record's number.

    Raises:
        LedgerBroken: a record is missing, or one tells otherwise than a later one; it is named.
    """
    numbers = sorted(records)
    for before, number in pairwise([min(numbers, default=1) - 1, *numbers]):
        if number != before + 1:
            raise LedgerBroken(f"Record {before + 1} of unit {unit_id} is missing in the store.")
    for before, number in pairwise(numbers):
        first, other = list(records[before]), list(records[number])
        if other[: len(first)] != first:
            same = takewhile(lambda pair: pair[0] == pair[1], zip(first, other, strict=False))
            entry = 1 + sum(1 for _ in same)
            raise LedgerBroken(f"Record {before} or {number} of unit {unit_id} was changed: entry {entry} differs.")


def committed(salt: str, label: str) -> str:
    """Return the commitment to a label; empty for one that was not told.

    >>> committed("", "")
    ''
    """
    return hashlib.sha256(f"{salt}{label}".encode()).hexdigest() if label else ""


def check_lines(unit_id: str, lines: Sequence[str]) -> None:
    """Hold a unit's ledger against itself.

    Raises:
        LedgerBroken: the first line that is not what was written, or that one is missing before it.
    """
    previous = ""
    for number, text in enumerate(lines, start=1):
        try:
            line = msgspec.json.decode(text, type=Line)
        except (msgspec.MsgspecError, RecursionError) as fault:
            raise LedgerBroken(f"Entry {number} of unit {unit_id} is no line of a ledger: {fault}.") from fault
        if line.unit_id != unit_id:
            raise LedgerBroken(f"Entry {number} of unit {unit_id} is one of unit {line.unit_id}.")
        if line.entry != number:
            raise LedgerBroken(f"Entry {number} of unit {unit_id} is missing: entry {line.entry} stands in its place.")
        if line.previous != previous:
            raise LedgerBroken(f"Entry {number - 1} of unit {unit_id} was changed: entry {number} is built on another.")
        previous = line_digest(text)


def check_head(unit_id: str, lines: Sequence[str], entries: int, head: str) -> None:
    """Hold a unit's ledger against what was signed of it: its entries then, and the digest of the last of them.

    Raises:
        LedgerBroken: it is not what was signed; what is wrong in it is named as far as it shows.
    """
    check_lines(unit_id, lines)
    if len(lines) < entries:
        raise LedgerBroken(f"Entry {len(lines) + 1} of unit {unit_id} is missing: {entries} were signed.")
    if entries and line_digest(lines[entries - 1]) != head:
        raise LedgerBroken(f"Entry {entries} of unit {unit_id} was changed: it is not the one that was signed.")
