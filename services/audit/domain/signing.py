"""Signing: how a statement becomes a document that anyone can hold against the key, whatever library wrote it anew.

A signed document is a JSON object: the statement's own members, the public key under `key`, and under `signature` an
Ed25519 signature (RFC 8032), base64, over the canonical form (RFC 8785) of all the rest. The canonical form is made of
values and not of bytes, so that a document that was read and written by another JSON library still verifies. We hand it
over in that very form.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable
from typing import Any

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ALGORITHM = "Ed25519"
DOCUMENT_BYTES_MAX = 16_000_000
"""Of a signed document; more is not read."""
KEY_BYTES = 32

Json = dict[str, Any]


class CertificateBroken(ValueError):
    """The certificate, or what it is held against, is not what was signed; the reason is a sentence."""


def key_id(public_key: bytes) -> str:
    """Return the name of an Ed25519 key: its thumbprint, base64url of a SHA-256 of its JSON Web Key.

    Source: RFC 7638; the example is the one of RFC 8037, appendix A.3.

    >>> key_id(base64.urlsafe_b64decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo="))
    'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k'
    """
    named = {"crv": ALGORITHM, "kty": "OKP", "x": _base64url(public_key)}
    return _base64url(hashlib.sha256(rfc8785.dumps(named)).digest())


def key_set(current: str, retired: Iterable[str]) -> list[Json]:
    """Return the keys that certificates were ever signed with, as JSON Web Keys; the one in use comes first.

    Source: RFC 7517 and RFC 8037.

    Args:
        current: the public key in use, base64.
        retired: those before it.

    >>> key_set("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", [])[0]["x"]
    '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'
    """
    named = [(current, "current"), *((key, "retired") for key in retired if key != current)]
    return [
        {
            "kty": "OKP",
            "crv": ALGORITHM,
            "x": _base64url(key_bytes(key)),
            "kid": key_id(key_bytes(key)),
            "alg": "EdDSA",
            "use": "sig",
            "status": status,
        }
        for key, status in named
    ]


def keys_in(document: bytes) -> list[str]:
    """Return the public keys, base64, of a JSON Web Key Set; keys of other kinds are passed over.

    Raises:
        CertificateBroken: it is none, or has no key of ours.
    """
    found = _parsed(document).get("keys")
    if not isinstance(found, list):
        raise CertificateBroken("This is no set of keys: it has no `keys`.")
    ours = [key for key in found if isinstance(key, dict) and key.get("crv") == ALGORITHM]
    texts = [str(key.get("x")).replace("-", "+").replace("_", "/") for key in ours]
    keys = [text + "=" * (-len(text) % 4) for text in texts]
    for text in keys:
        key_bytes(text)
    if not keys:
        raise CertificateBroken(f"The set of keys has none for {ALGORITHM}.")
    return keys


class Signer:
    """Signs documents with one key.

    Args:
        seed: a secret of the deployment from which the key follows.
    """

    def __init__(self, seed: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(seed).digest())
        public_key = self._private.public_key().public_bytes_raw()
        self.public_key = base64.b64encode(public_key).decode()
        self.key_id = key_id(public_key)

    def signed(self, statement: Json) -> bytes:
        """Return the statement as a signed document, in canonical form: the same statement, the same bytes."""
        key = {"algorithm": ALGORITHM, "kid": self.key_id, "public_key": self.public_key}
        document = {**statement, "key": key}
        signature = self._private.sign(rfc8785.dumps(document))
        return rfc8785.dumps({**document, "signature": base64.b64encode(signature).decode()})


def opened(document: bytes, wanted: str) -> tuple[Json, str]:
    """Return the statement of a document whose signature holds, and the SHA-256 of its canonical form.

    Who signed is not looked at: see the statement's `key`.

    Args:
        document: JSON, as it was handed over or as any JSON library wrote it anew.
        wanted: the `type` that the statement must have.

    Raises:
        CertificateBroken: it is no such document, it names a member twice, or its signature does not hold.
    """
    statement = _parsed(document)
    if statement.get("type") != wanted:
        raise CertificateBroken(f"This is no document of type {wanted}.")
    digest = hashlib.sha256(_canonical(statement)).hexdigest()
    key, signature = statement.get("key"), statement.pop("signature", None)
    if not isinstance(key, dict) or key.get("algorithm") != ALGORITHM or not isinstance(signature, str):
        raise CertificateBroken(f"The document carries no {ALGORITHM} key and signature.")
    public_key = key_bytes(str(key.get("public_key")))
    if key.get("kid") != key_id(public_key):
        raise CertificateBroken("The document names its key by another key's id.")
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(_decoded(signature), _canonical(statement))
    except InvalidSignature as fault:
        raise CertificateBroken("The document was changed after it was signed: its signature does not hold.") from fault
    return statement, digest


def key_bytes(public_key: str) -> bytes:
    """Return a public key from its base64.

    Raises:
        CertificateBroken: it is no such key.
    """
    found = _decoded(public_key)
    if len(found) != KEY_BYTES:
        raise CertificateBroken(
            f"An {ALGORITHM} public key is base64 of {KEY_BYTES} bytes; this is one of {len(found)}."
        )
    return found


def _decoded(text: str) -> bytes:
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as fault:
        raise CertificateBroken(f"A key or signature is no base64: {fault}.") from fault
    if base64.b64encode(found).decode() != text:
        # The last character has bits that decoders pass over: they too would be other than what was signed.
        raise CertificateBroken("A key or signature was changed: its base64 is not in the one form that there is.")
    return found


def _canonical(statement: Json) -> bytes:
    try:
        return rfc8785.dumps(statement)
    except (rfc8785.CanonicalizationError, RecursionError, UnicodeEncodeError) as fault:
        raise CertificateBroken(f"The document has no canonical form (RFC 8785): {fault}.") from fault


def _parsed(document: bytes) -> Json:
    if len(document) > DOCUMENT_BYTES_MAX:
        raise CertificateBroken(f"The document has {len(document)} bytes; none has over {DOCUMENT_BYTES_MAX}.")
    try:
        statement = json.loads(document.decode(), object_pairs_hook=_members)
    except CertificateBroken:
        raise
    except (ValueError, RecursionError) as fault:
        raise CertificateBroken(f"The document is no JSON in UTF-8: {fault}.") from fault
    if not isinstance(statement, dict):
        raise CertificateBroken("The document is no JSON object.")
    return statement


def _members(pairs: list[tuple[str, Any]]) -> Json:
    """Return an object that names nothing twice: readers differ in which of two members they believe."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise CertificateBroken(f"The document names {twice!r} twice in one object; nothing says which is meant.")
    return found


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
