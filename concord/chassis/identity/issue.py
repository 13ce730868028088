"""Making credentials, for the local stack, tests and the simulation: production has an issuer of its own."""

import json
from collections.abc import Sequence
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from concord.chassis.identity.caller import Role


class SigningKey:
    """An Ed25519 key that signs tokens.

    Args:
        private: the key.
        key_id: its name in the JWKS and in every token's header.
    """

    def __init__(self, private: Ed25519PrivateKey, key_id: str) -> None:
        self.private, self.key_id = private, key_id

    @classmethod
    def generate(cls, key_id: str) -> "SigningKey":
        """Return a new key."""
        return cls(Ed25519PrivateKey.generate(), key_id)

    @classmethod
    def from_pem(cls, pem: bytes, key_id: str) -> "SigningKey":
        """Return the key in this PEM.

        Raises:
            ValueError: it is no unencrypted key.
            TypeError: it is a key of another kind.
        """
        private = load_pem_private_key(pem, password=None)
        if not isinstance(private, Ed25519PrivateKey):
            raise TypeError("the signing key must be an Ed25519 key")
        return cls(private, key_id)

    def to_pem(self) -> bytes:
        """Return the key unencrypted, for a file that only its owner can read."""
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def jwks(self) -> dict[str, Any]:
        """Return the JWKS that holds the public key."""
        public = json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(self.private.public_key()))
        return {"keys": [{**public, "kid": self.key_id, "use": "sig", "alg": "EdDSA"}]}


def mint_token(
    key: SigningKey,
    *,
    issuer: str,
    audience: str,
    subject: str,
    roles: Sequence[Role],
    now_seconds: int,
    lifetime_seconds: int,
    client_id: str | None = None,
) -> str:
    """Return a signed token.

    Args:
        key: signs it.
        issuer: its `iss`, as the identity file has it.
        audience: its `aud`.
        subject: whose it is.
        roles: what they may be.
        now_seconds: seconds since the epoch, UTC.
        lifetime_seconds: how long it holds.
        client_id: the client whose data they may touch.
    """
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": audience,
        "sub": subject,
        "roles": [str(role) for role in roles],
        "iat": now_seconds,
        "exp": now_seconds + lifetime_seconds,
    }
    if client_id is not None:
        claims["client_id"] = client_id
    return jwt.encode(claims, key.private, algorithm="EdDSA", headers={"kid": key.key_id})
