"""Verification: a certificate, its export and what was erased since, held against each other, offline."""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from concord.exports.snapshot import FileFacts
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
    """

    statement: Json
    trusted: bool
    withdrawn: int
    kept: tuple[int, ...] = ()


def rows_digest(rows: Sequence[bytes]) -> bytes:
    """Return the SHA-256 of each line, one after the other; the SHA-256 of that is a file's `rows_sha256`.

    So a line can be taken out later, and what is left still shown to be what was certified.
    """
    return b"".join(hashlib.sha256(row).digest() for row in rows)


def verify(
    certificate: bytes, files: Sequence[bytes], trusted: Sequence[str] = (), withdrawals: bytes | None = None
) -> Verified:
    """Return the certificate's statement when it and every file are what was signed.

    Args:
        certificate: as it was handed over, or as any JSON library wrote it anew.
        files: the export's files; each must be claimed in the certificate.
        trusted: public keys, base64. Without any, what is returned is not `trusted`: anybody can sign with a key of
            their own.
        withdrawals: the signed list of what was erased since, where the files are shorter by that, or by a part of it.

    Raises:
        CertificateBroken: something was changed, is missing or was signed with another key than the trusted ones.
    """
    statement, digest = opened(certificate, CERTIFICATE)
    _trusted(statement, trusted)
    claims = _shaped(statement, _Certificate, "certificate").files
    gone: _Withdrawals | None = None
    if withdrawals is not None:
        supplement, _ = opened(withdrawals, WITHDRAWALS)
        _trusted(supplement, trusted)
        if supplement["key"] != statement["key"] and not trusted:
            raise CertificateBroken("Certificate and withdrawals were signed with two keys, and neither is trusted.")
        gone = _shaped(supplement, _Withdrawals, "list of withdrawals")
        if gone.certificate_sha256 != digest:
            raise CertificateBroken("The withdrawals are those of another certificate.")
    kept = tuple(line for content in files for line in _held_against(content, claims, gone))
    return Verified(statement, bool(trusted), len(gone.withdrawn) if gone is not None else 0, kept)


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


def _held_against(content: bytes, claims: Sequence[_File], gone: _Withdrawals | None) -> list[int]:
    """Hold a file against what was certified, with the lines put in that were erased since.

    Returns:
        The lines of the file that were erased since, from 1.
    """
    lines = content.split(b"\n")
    if lines.pop():
        raise CertificateBroken("The export was changed: its last line has no end.")
    rows = [hashlib.sha256(line + b"\n").digest() for line in lines]
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
