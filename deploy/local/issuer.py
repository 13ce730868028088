"""The local stack's own issuer of credentials: made once with the stack's data, and worth nothing anywhere else."""

import json
import secrets
import time
from pathlib import Path

import msgspec

from concord.chassis.identity.api_keys import new_api_key
from concord.chassis.identity.caller import Role
from concord.chassis.identity.identity_file import IdentityFile
from concord.chassis.identity.issue import SigningKey, mint_token
from deploy.local import places

ISSUER = "https://issuer.concord.localhost"
AUDIENCE = "concord"
CLIENT_ID = "local"
_DAY_SECONDS = 86_400
TOKEN_SECONDS = 30 * _DAY_SECONDS
_API_KEY_SECONDS = 3_650 * _DAY_SECONDS
_KEY_ID = "local"
_PEOPLE = (Role.ANNOTATOR, Role.ADJUDICATOR, Role.AUDITOR, Role.OPERATOR, Role.PRIVACY)


class Issuer:
    """Who hands out credentials for one stack: API keys for machines, tokens for people."""

    def __init__(self, folder: Path) -> None:
        """Use the issuer of the stack in `folder`, made now when there is none."""
        self._folder = places.data(folder) / "identity"
        self.key_file = self._folder / "issuer.pem"
        self._client_key_file = self._folder / "client.key"
        self.identity_file = self._folder / "identity.json"
        self.pepper_file = self._folder / "pepper"
        self.tokens_file = self._folder / "tokens.json"
        # The identity file is written last: while it is not there, nothing else counts.
        if not self.identity_file.exists():
            self._make()

    @property
    def pepper(self) -> str:
        """The secret that API keys are hashed with."""
        return self.pepper_file.read_text()

    @property
    def client_key(self) -> str:
        """The API key of the client `CLIENT_ID`."""
        return self._client_key_file.read_text()

    def token(self, role: str, subject: str, client_id: str | None = None, seconds: int = TOKEN_SECONDS) -> str:
        """Return a bearer token.

        Args:
            role: What its holder may be; ValueError when there is no such role.
            subject: Who it is, such as an annotator's id.
            client_id: Whose data it may touch, for tokens of a client.
            seconds: How long it holds from now; a negative number gives an expired one.
        """
        key = SigningKey.from_pem(self.key_file.read_bytes(), _KEY_ID)
        return mint_token(
            key,
            issuer=ISSUER,
            audience=AUDIENCE,
            subject=subject,
            roles=[Role(role)],
            now_seconds=int(time.time()),
            lifetime_seconds=seconds,
            client_id=client_id,
        )

    def credentials(self) -> dict[str, str]:
        """Return one fresh credential a role, and write them all where people and scripts find them.

        The subject of a role's token is the role's name and 1, such as ``annotator-1``.
        """
        found = {str(Role.CLIENT): self.client_key}
        found |= {str(role): self.token(role, f"{role}-1") for role in _PEOPLE}
        _write(self.tokens_file, json.dumps(found, indent=2).encode())
        return found

    def _make(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        signing = SigningKey.generate(_KEY_ID)
        _write(self.key_file, signing.to_pem())
        pepper = secrets.token_urlsafe(48).encode()
        _write(self.pepper_file, pepper)
        key, record = new_api_key(pepper, [Role.CLIENT], int(time.time()) + _API_KEY_SECONDS, CLIENT_ID)
        _write(self._client_key_file, key.encode())
        identity = IdentityFile(issuer=ISSUER, audience=AUDIENCE, jwks=signing.jwks(), api_keys=(record,))
        _write(self.identity_file, msgspec.json.format(msgspec.json.encode(identity)))


def _write(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_bytes(content)
    fresh.replace(path)
