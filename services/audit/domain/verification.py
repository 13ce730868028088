"""Verification: a certificate, its export, what was erased and what was found wrong since, held together, offline."""

import hashlib
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TypeVar

import msgspec

from concord.exports.snapshot import FileFacts
from services.audit.domain.corrections import CORRECTIONS
from services.audit.domain.signing import CertificateBroken, Json, opened

CERTIFICATE = "concord.certificate.v1"
WITHDRAWALS = "concord.withdrawals.v1"
MANIFEST = "concord.manifest.v1"
DIGEST_BYTES = 32


class _Typed(msgspec.Struct):
    type: str = ""


Shape = TypeVar("Shape", bound=msgspec.Struct)


class _Rate(msgspec.Struct):
    value: float | None
    low: float | None
    high: float | None


class _Lot(msgspec.Struct):
    """What of a lot's claims must be there for them to be read."""

    lot_id: str
    units: int
    inspected: int
    errors_found: int
    annotators: int
    label_error_rate: _Rate
    agreement: _Rate


class _File(msgspec.Struct):
    name: str
    rows: int
    rows_sha256: str


class _Repeats(msgspec.Struct):
    repeated: int
    agreed: int


class _Project(msgspec.Struct):
    repeats: _Repeats | None = None


class _Certificate(msgspec.Struct):
    client_id: str
    project_id: str
    issued_at: str
    lots: list[_Lot]
    files: list[_File]
    project: _Project | None = None


class _Withdrawn(msgspec.Struct):
    line: int
    sha256: str


class _Withdrawals(msgspec.Struct):
    certificate_sha256: str
    file: _File
    withdrawn: list[_Withdrawn]


class _Corrected(msgspec.Struct):
    certified_sha256: str
    sha256: str
    row: str


class _Corrections(msgspec.Struct):
    lot_id: str
    certificate_sha256: str
    corrected: list[_Corrected]


class _Named(msgspec.Struct):
    """A lot of a project's certificate, which names the lot's own."""

    certificate_sha256: str = ""


class _Lots(msgspec.Struct):
    lots: list[_Named]


class _Form(msgspec.Struct):
    format: str


class _Manifest(msgspec.Struct):
    project_id: str
    issue: int
    issued_at: str
    certificate_sha256: str
    form: _Form
    files: list[FileFacts]


class Verified(msgspec.Struct, frozen=True):
    """What was found to hold.

    Attributes:
        statement: the certificate's, as signed.
        trusted: whether the key that signed is one that the caller trusts; otherwise nobody vouches for anything.
        withdrawn: units that were certified and are erased since.
        kept: lines of the files, from 1 in each, of units that are erased since: the file was handed over before.
        corrected: of each file, by line from 1, how those read with the auditor's label that were found wrong since;
            with their line feeds.
    """

    statement: Json
    trusted: bool
    withdrawn: int
    kept: tuple[int, ...] = ()
    corrected: tuple[Mapping[int, bytes], ...] = ()


def rows_digest(rows: Sequence[bytes]) -> bytes:
    """Return the SHA-256 of each line, one after the other; the SHA-256 of that is a file's `rows_sha256`.

    So a line can be taken out later, and what is left still shown to be what was certified.
    """
    return b"".join(hashlib.sha256(row).digest() for row in rows)


def verify(
    certificate: bytes,
    files: Sequence[bytes],
    trusted: Sequence[str] = (),
    withdrawals: bytes | None = None,
    corrections: Sequence[bytes] = (),
) -> Verified:
    """Return the certificate's statement when it and every file are what was signed.

    Args:
        certificate: as it was handed over, or as any JSON library wrote it anew.
        files: the export's files; each must be claimed in the certificate.
        trusted: public keys, base64. Without any, what is returned is not `trusted`: anybody can sign with a key of
            their own.
        withdrawals: the signed list of what was erased since, where the files are shorter by that, or by a part of it.
        corrections: the signed lists of what was found wrong since, each of one lot: the certificate is that lot's, or
            a project's that names it.

    Raises:
        CertificateBroken: something was changed, is missing or was signed with another key than the trusted ones.
    """
    statement, digest = opened(certificate, CERTIFICATE)
    _trusted(statement, trusted)
    claims = _shaped(statement, _Certificate, "certificate").files
    gone: _Withdrawals | None = None
    if withdrawals is not None:
        gone = _shaped(_supplement(withdrawals, WITHDRAWALS, statement, trusted), _Withdrawals, "list of withdrawals")
        if gone.certificate_sha256 != digest:
            raise CertificateBroken("The withdrawals are those of another certificate.")
    rows = [_digests_of(content) for content in files]
    kept = tuple(line for digests in rows for line in _held_against(digests, claims, gone))
    erased = gone.withdrawn if gone is not None else []
    wrong = _wrong(corrections, statement, digest, trusted)
    if lost := wrong.keys() - {*chain(*rows), *(_digest(each.sha256) for each in erased)}:
        raise CertificateBroken(f"{len(lost)} of the lines that were found wrong are in none of the files.")
    corrected = tuple(
        {line: wrong[found] for line, found in enumerate(digests, start=1) if found in wrong} for digests in rows
    )
    return Verified(statement, bool(trusted), len(erased), kept, corrected)


def _supplement(document: bytes, kind: str, statement: Json, trusted: Sequence[str]) -> Json:
    """Return what is said beside a certificate by who signed it."""
    found, _ = opened(document, kind)
    _trusted(found, trusted)
    if found["key"] != statement["key"] and not trusted:
        raise CertificateBroken(
            f"Certificate and {kind.split('.')[1]} were signed with two keys, and neither is trusted."
        )
    return found


def _wrong(documents: Sequence[bytes], statement: Json, digest: str, trusted: Sequence[str]) -> dict[bytes, bytes]:
    """Return what takes the place of lines that were found wrong, by the digests of these."""
    named = {digest, *(lot.certificate_sha256 for lot in _shaped(statement, _Lots, "certificate").lots)} - {""}
    wrong: dict[bytes, bytes] = {}
    for document in documents:
        found = _shaped(_supplement(document, CORRECTIONS, statement, trusted), _Corrections, "list of corrections")
        if found.certificate_sha256 not in named:
            raise CertificateBroken(f"The corrections of {found.lot_id} are those of another certificate.")
        for each in found.corrected:
            row = each.row.encode() + b"\n"
            if hashlib.sha256(row).digest() != _digest(each.sha256) or row.count(b"\n") > 1:
                raise CertificateBroken(f"A line in the corrections of {found.lot_id} is not what its digest says.")
            wrong[_digest(each.certified_sha256)] = row
    return wrong


def statement_of(certificate: bytes) -> Json:
    """Return what a certificate says whose signature holds; whose key it is, is another question.

    Raises:
        CertificateBroken: it is none, or was changed.
    """
    statement, _ = opened(certificate, CERTIFICATE)
    return statement


def canonical_digest(document: bytes) -> str:
    """Return the SHA-256 by which other documents name a certificate, whatever library wrote it anew.

    Raises:
        CertificateBroken: it is none, or was changed.
    """
    return opened(document, CERTIFICATE)[1]


def is_manifest(document: bytes) -> bool:
    """Return whether a document is a manifest by its own word; whether its signature holds is another question."""
    try:
        return bool(msgspec.json.decode(document, type=_Typed).type == MANIFEST)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False


def verify_manifest(document: bytes, files: Sequence[FileFacts], trusted: Sequence[str] = ()) -> Verified:
    """Return a manifest's statement when it and every file are what was signed.

    Args:
        document: the manifest, as it was handed over or as any JSON library wrote it anew.
        files: what was found of the files, from `FileTally`, under the names that they lie under.
        trusted: as of `verify`.

    Raises:
        CertificateBroken: something was changed, is missing or was signed with another key; the sentence names the file
            and where in it.
    """
    statement, _ = opened(document, MANIFEST)
    _trusted(statement, trusted)
    claims = _shaped(statement, _Manifest, "manifest").files
    for found in files:
        if not any(found.sha256 == claim.sha256 and found.bytes == claim.bytes for claim in claims):
            raise CertificateBroken(_where_changed(found, claims))
    return Verified(statement, bool(trusted), 0)


def _where_changed(found: FileFacts, claims: Sequence[FileFacts]) -> str:
    name = found.name.rpartition("/")[2]
    file_facts = next((claim for claim in claims if claim.name.rpartition("/")[2] == name), None)
    if file_facts is None:
        return f"{found.name} is none of the {len(claims)} files that the manifest claims, by its name or its content."
    for place, (there, claimed) in enumerate(zip(found.blocks, file_facts.blocks, strict=False)):
        if there != claimed:
            first = place * file_facts.block_bytes
            last = min(first + file_facts.block_bytes, file_facts.bytes) - 1
            return f"{found.name} was changed: bytes {first} to {last} are not what was signed."
    more = "more" if found.bytes > file_facts.bytes else "fewer"
    return f"{found.name} was changed: it has {abs(found.bytes - file_facts.bytes)} bytes {more} than what was signed."


def _trusted(statement: Json, trusted: Sequence[str]) -> None:
    if trusted and statement["key"]["public_key"] not in trusted:
        raise CertificateBroken(
            f"This was signed with another key ({statement['key']['kid']}) than the one that is trusted."
        )


def _digests_of(content: bytes) -> list[bytes]:
    lines = content.split(b"\n")
    if lines.pop():
        raise CertificateBroken("The export was changed: its last line has no end.")
    return [hashlib.sha256(line + b"\n").digest() for line in lines]


def _held_against(digests: Sequence[bytes], claims: Sequence[_File], gone: _Withdrawals | None) -> list[int]:
    """Hold a file's lines against what was certified, with those put in that were erased since.

    Returns:
        The lines of the file that were erased since, from 1.
    """
    rows = list(digests)
    found, wanted, kept = _of_rows(rows), [claim.rows_sha256 for claim in claims], []
    if gone is None and found not in wanted:
        names = ", ".join(f"{claim.name} with {claim.rows} lines" for claim in claims) or "nothing"
        raise CertificateBroken(
            f"The export was changed, is another's, or units were erased since: the digest of its {len(rows)} lines is "
            f"{found}, and what is claimed is {names}. If units were erased, give the list of withdrawals too."
        )
    missing = 0
    for withdrawn in sorted(gone.withdrawn, key=lambda each: each.line) if gone is not None else ():
        place, digest = withdrawn.line - 1, _digest(withdrawn.sha256)
        if rows[place : place + 1] == [digest]:
            kept.append(withdrawn.line - missing)
        else:
            rows.insert(place, digest)
            missing += 1
    if _of_rows(rows) not in wanted:
        raise CertificateBroken(
            "The export was changed: with the lines that were withdrawn put in it is not what was certified."
        )
    return kept


def _of_rows(rows: Sequence[bytes]) -> str:
    return hashlib.sha256(b"".join(rows)).hexdigest()


def _digest(text: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != DIGEST_BYTES:
        raise CertificateBroken(f"{text[:80]!r} is no SHA-256.")
    return found


def _shaped(statement: Json, shape: type[Shape], what: str) -> Shape:
    try:
        return msgspec.convert(statement, shape)
    except msgspec.ValidationError as fault:
        raise CertificateBroken(f"The signature holds, but the {what} is malformed: {fault}.") from fault
