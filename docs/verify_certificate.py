"""Verify by nothing of ours: CERTIFICATE EXPORT PUBLIC_KEY_BASE64 [WITHDRAWALS].

It needs two libraries: pip install cryptography rfc8785
"""

import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def hold(it_holds: bool, otherwise: str) -> None:
    if not it_holds:
        sys.exit(f"NOT verified: {otherwise}")


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    hold(len(dict(pairs)) == len(pairs), "a name twice in one object")
    return dict(pairs)


def opened(path: str, trusted: str) -> tuple[dict[str, Any], str]:
    entry = json.loads(Path(path).read_bytes(), object_pairs_hook=once)
    digest, signature = hashlib.sha256(rfc8785.dumps(entry)).hexdigest(), base64.b64decode(entry.pop("signature"))
    try:
        Ed25519PublicKey.from_public_bytes(base64.b64decode(trusted)).verify(signature, rfc8785.dumps(entry))
    except InvalidSignature:
        hold(False, f"{path} was changed, or another key than the one given signed it")
    except ValueError as fault:
        hold(False, f"the key given is none ({fault})")
    return entry, digest


certificate, digest = opened(sys.argv[1], sys.argv[3])
rows = [hashlib.sha256(line).digest() for line in Path(sys.argv[2]).read_bytes().splitlines(keepends=True)]
nothing: dict[str, Any] = {"certificate_sha256": digest, "withdrawn": []}
gone = opened(sys.argv[4], sys.argv[3])[0] if sys.argv[4:] else nothing
hold(gone["certificate_sha256"] == digest, "these are the withdrawals of another certificate")
for one in gone["withdrawn"]:
    place, erased = one["line"] - 1, bytes.fromhex(one["sha256"])
    if rows[place : place + 1] != [erased]:  # else the export was fetched before it was erased
        rows.insert(place, erased)
found = hashlib.sha256(b"".join(rows)).hexdigest()
hold(found in [file["rows_sha256"] for file in certificate["files"]], "the export is not what was certified")
print("verified:", certificate["project_id"], len(rows), "lines")
