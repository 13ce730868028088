"""Replay: a lot's certificate made again from its ledger, offline, and held against the one that was signed.

A lot's ledger is lines of JSON. The first is the `Basis`, whose digest the certificate holds; each other one is of a
unit: its lines as they were written, and the values that they commit to. Units that were erased since have lines and no
values: that they are what was signed can be told, and what rests on their labels cannot be made again.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Any

import msgspec
import rfc8785

from services.audit.domain.acceptance import Acceptance, Basis, Head
from services.audit.domain.ledger import LedgerBroken, check_head, committed
from services.audit.domain.lot import LotState
from services.audit.domain.sampling import inspection_order
from services.audit.domain.signing import CertificateBroken, Json, opened
from services.audit.domain.unit import (
    Evidence,
    Inspection,
    RegionsRuled,
    RuledRegion,
    UnitState,
    regions_ruled,
)
from services.audit.domain.verification import CERTIFICATE

CHUNK_UNITS = 200
MISSING = object()
BASIS = msgspec.json.Decoder(Basis)
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What reading JSON that anybody may have changed raises."""
NO_LOT = (ValueError, LookupError, ArithmeticError, TypeError, AssertionError, RecursionError)
"""What is raised where a basis says what no lot can be, as a plan for more units than it has."""


class UnitLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """A unit in its lot's ledger.

    Attributes:
        lines: its ledger, up to now.
        salt: with which it commits to labels; empty when it is erased.
        label, said, audited, repeated: canonical JSON of the resolved label, of the annotations behind it, in order, of
            the auditor's and of the second auditor's; empty where there is none.
        set_aside: of those that an adjudicator had set aside, in order.
    """

    unit_id: str
    lines: tuple[str, ...]
    erased: bool = False
    salt: str = ""
    source_id: str = ""
    label: str = ""
    said: tuple[str, ...] = ()
    audited: str = ""
    repeated: str = ""
    set_aside: tuple[str, ...] = ()


class _LedgerClaim(msgspec.Struct):
    basis_sha256: str


class _Lot(msgspec.Struct):
    ledger: _LedgerClaim | None = None


class _Certificate(msgspec.Struct):
    lots: list[_Lot]


class _Annotation(msgspec.Struct):
    annotator: str
    label: str
    guideline_version: int
    schema_version: int = 1
    by_model: bool = False
    revision: int = 0
    referral: int = 0


class _Resolved(msgspec.Struct):
    rework: int
    method: str
    confidence: float
    label: str
    guideline_version: int
    overlap_initial: int
    annotations: list[_Annotation]
    schema_version: int = 1
    regions: dict[str, list[list[str | int]]] = {}
    regions_dropped: int = 0
    set_aside: list[_Annotation] = []


class _Inspected(msgspec.Struct):
    auditor: str
    rework: int
    label: str
    correct: bool
    late: bool
    fields: dict[str, bool] = {}


class _Repeated(msgspec.Struct):
    auditor: str
    rework: int
    label: str
    correct: bool
    same: bool


class _What(msgspec.Struct):
    what: str


class Replayed(msgspec.Struct, frozen=True):
    """What a replay came to.

    Attributes:
        statement: the certificate's, as signed.
        units, entries: whose ledgers hold, and how many entries of theirs were signed.
        erased: units whose values are gone: their ledgers hold, and nothing could be made again.
        differing: paths of the members that come out otherwise, with both values; none: the same to the byte.
    """

    statement: Json
    trusted: bool
    units: int
    entries: int
    erased: int
    differing: tuple[str, ...] = ()


def replay(certificate: bytes, ledger: Iterable[bytes], trusted: Iterable[str] = ()) -> Replayed:
    """Return what a lot's certificate comes to when it is made again from the lot's ledger.

    Args:
        certificate: as it was handed over, or as any JSON library wrote it anew.
        ledger: its lines.
        trusted: public keys, base64.

    Raises:
        CertificateBroken: its signature does not hold, or it is none of a lot.
        LedgerBroken: an entry was changed or is missing; the sentence names unit and entry.
    """
    statement, _ = opened(certificate, CERTIFICATE)
    keys = set(trusted)
    if keys and statement["key"]["public_key"] not in keys:
        raise CertificateBroken("This was signed with another key than the one that is trusted.")
    claim = _ledger_claimed(statement)
    lines = iter(ledger)
    first = next(lines, b"").rstrip(b"\n")
    basis = _basis(first, claim.basis_sha256)
    try:
        return _replayed(statement, bool(keys), first, basis, lines)
    except (CertificateBroken, LedgerBroken):
        raise
    except NO_LOT as fault:
        # What is signed is what somebody signed: nobody trusted need have been it.
        raise LedgerBroken(f"What the ledger says of the lot cannot be, and nothing is made of it: {fault}.") from fault


def _ledger_claimed(statement: Json) -> _LedgerClaim:
    try:
        lots = msgspec.convert(statement, _Certificate).lots
    except msgspec.ValidationError as fault:
        raise CertificateBroken(f"The signature holds, but the certificate is malformed: {fault}.") from fault
    claim = lots[0].ledger if len(lots) == 1 else None
    if claim is None:
        raise CertificateBroken("Only a lot's own certificate is made from a ledger; a project's sums up those.")
    return claim


def _replayed(statement: Json, trusted: bool, first: bytes, basis: Basis, lines: Iterator[bytes]) -> Replayed:
    acceptance = Acceptance(basis.rules, first)
    erased = 0
    chunk: list[UnitState] = []
    for line, head in _units(lines, basis):
        check_head(line.unit_id, line.lines, head.entries, head.sha256)
        if line.erased:
            _check_erased(line)
            erased += 1
            continue
        chunk.append(_state(line, head, basis))
        if len(chunk) == CHUNK_UNITS and not erased:
            acceptance.add(chunk)
            chunk = []
    entries = sum(head.entries for head in basis.heads)
    replayed = Replayed(statement, trusted, len(basis.heads), entries, erased)
    if erased:
        return replayed
    acceptance.add(chunk)
    made = acceptance.made()
    if made is None:
        return msgspec.structs.replace(replayed, differing=("the verdicts do not come to an acceptance",))
    signed = {name: value for name, value in statement.items() if name not in {"key", "signature"}}
    if not _drawn_by_seed(basis.rules.lot):
        return msgspec.structs.replace(replayed, differing=("the sample is not the one that the seed draws",))
    if rfc8785.dumps(made.statement) == rfc8785.dumps(signed):
        return replayed
    return msgspec.structs.replace(
        replayed, differing=tuple(_differing(signed, msgspec.to_builtins(made.statement), "$"))
    )


def _basis(text: bytes, sha256: str) -> Basis:
    if hashlib.sha256(text).hexdigest() != sha256:
        raise LedgerBroken("The first line of the ledger is not the one that was signed: what the lot was judged by.")
    try:
        return BASIS.decode(text)
    except UNREADABLE as fault:
        raise LedgerBroken(f"The first line of the ledger cannot be read: {fault}.") from fault


def _check_erased(line: UnitLine) -> None:
    """Hold it against a unit's entries that it was erased, where its values are not told."""
    if not any(msgspec.json.decode(text, type=_What).what == "erased" for text in line.lines):
        raise LedgerBroken(f"Unit {line.unit_id} is told without its labels, and no entry says that it was erased.")


def _drawn_by_seed(lot: LotState) -> bool:
    """Return whether the lot's units are in the order that its seed gives; one that was drawn without is as it is."""
    seed = bytes.fromhex(lot.seed)
    return not seed or lot.order == inspection_order(seed, lot.lot_id, lot.rework, lot.unit_ids)


def _units(lines: Iterator[bytes], basis: Basis) -> Iterator[tuple[UnitLine, Head]]:
    members = basis.rules.lot.members
    wanted = zip(members, basis.heads, strict=True)
    for unit, text in zip_longest(wanted, lines, fillvalue=None):
        if unit is None:
            raise LedgerBroken(f"The ledger has more units than the {len(members)} that were signed.")
        unit_id, head = unit
        if text is None:
            raise LedgerBroken(f"Unit {unit_id} is missing: the ledger ends before it.")
        try:
            line = msgspec.json.decode(text, type=UnitLine)
        except UNREADABLE as fault:
            raise LedgerBroken(f"The line of unit {unit_id} cannot be read: {fault}.") from fault
        if line.unit_id != unit_id:
            raise LedgerBroken(f"Unit {unit_id} is missing: unit {line.unit_id} stands in its place.")
        yield line, head


def _state(line: UnitLine, head: Head, basis: Basis) -> UnitState:
    """Return a unit as it was when its lot was accepted, from its ledger; each value is held against its commitment."""
    state = UnitState(line.unit_id, basis.rules.lot.project_id, line.source_id, admitted=True)
    for number, text in enumerate(line.lines[: head.entries], start=1):
        what = msgspec.json.decode(text, type=_What).what
        if what == "resolved":
            state = _resolved(state, line, number, msgspec.json.decode(text, type=_Resolved))
        elif what == "inspected":
            state = _inspected(state, line, number, msgspec.json.decode(text, type=_Inspected))
        elif what == "repeated":
            state = _repeated(state, line, number, msgspec.json.decode(text, type=_Repeated))
    return msgspec.structs.replace(state, history=line.lines[: head.entries])


def _resolved(state: UnitState, line: UnitLine, number: int, resolution: _Resolved) -> UnitState:
    later = any(msgspec.json.decode(text, type=_What).what == "resolved" for text in line.lines[number:])
    if later:
        return state  # labelled anew since: what was said before is committed to and told no more
    _hold(line, number, resolution.label, line.label)
    evidence = _evidence(line, number, resolution.annotations, line.said)
    set_aside = _evidence(line, number, resolution.set_aside, line.set_aside)
    return msgspec.structs.replace(
        state,
        label=line.label,
        rework=resolution.rework,
        method=resolution.method,
        confidence=resolution.confidence,
        guideline_version=resolution.guideline_version,
        schema_version=resolution.schema_version,
        overlap_initial=resolution.overlap_initial,
        evidence=evidence,
        set_aside=set_aside,
        regions=_regions(resolution),
    )


def _evidence(
    line: UnitLine, number: int, signed: Sequence[_Annotation], labels: Sequence[str]
) -> tuple[Evidence, ...]:
    if len(signed) != len(labels):
        raise LedgerBroken(f"Unit {line.unit_id} has {len(labels)} annotations; {len(signed)} were signed.")
    for annotation, label in zip(signed, labels, strict=True):
        _hold(line, number, annotation.label, label)
    return tuple(
        Evidence(
            voice.annotator,
            label,
            voice.guideline_version,
            schema_version=voice.schema_version,
            model=voice.by_model,
            revision=voice.revision,
            referral=voice.referral,
        )
        for voice, label in zip(signed, labels, strict=True)
    )


def _regions(resolution: _Resolved) -> RegionsRuled | None:
    if not resolution.regions and not resolution.regions_dropped:
        return None
    each = (
        RuledRegion(field, str(region[0]), ()) for field, regions in resolution.regions.items() for region in regions
    )
    return regions_ruled(each, resolution.regions_dropped)


def _inspected(state: UnitState, line: UnitLine, number: int, inspection: _Inspected) -> UnitState:
    if not state.label or inspection.rework != state.rework:
        return state
    _hold(line, number, inspection.label, line.audited)
    fields = tuple(inspection.fields.items())
    verdict = Inspection(
        inspection.auditor,
        line.audited,
        inspection.rework,
        inspection.correct,
        late=inspection.late,
        fields=fields,
        stated=state.stated,
    )
    return msgspec.structs.replace(state, inspection=verdict)


def _repeated(state: UnitState, line: UnitLine, number: int, repeat: _Repeated) -> UnitState:
    if not state.label or repeat.rework != state.rework:
        return state
    _hold(line, number, repeat.label, line.repeated)
    second = Inspection(repeat.auditor, line.repeated, repeat.rework, repeat.correct, same=repeat.same)
    return msgspec.structs.replace(state, repeat=second)


def _hold(line: UnitLine, number: int, commitment: str, label: str) -> None:
    if committed(line.salt, label) != commitment:
        raise LedgerBroken(f"A label of unit {line.unit_id} was changed: it is not the one of entry {number}.")


def _differing(signed: Any, made: Any, path: str) -> Iterator[str]:
    """Yield the members that differ, with both values."""
    if isinstance(signed, dict) and isinstance(made, dict):
        for name in sorted({*signed, *made}):
            yield from _differing(signed.get(name, MISSING), made.get(name, MISSING), f"{path}.{name}")
    elif isinstance(signed, list) and isinstance(made, list) and len(signed) == len(made):
        for place, (first, other) in enumerate(zip(signed, made, strict=True)):
            yield from _differing(first, other, f"{path}[{place}]")
    elif signed != made:
        yield f"{path} was signed as {_shown(signed)}, and comes out as {_shown(made)}"


def _shown(value: Any) -> str:
    return "nothing" if value is MISSING else str(value)[:80]
