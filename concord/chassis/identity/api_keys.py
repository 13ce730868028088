"""API keys `cnc_<id>_<secret>` of machines: stored as a peppered HMAC, several live at once so that they can rotate."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence

import msgspec

from concord.chassis.errors import Unauthenticated
from concord.chassis.identity.caller import Caller, Role

API_KEY = re.compile(r"cnc_([a-z0-9]{8,32})_([A-Za-z0-9-]{32,64})")
API_KEY_PREFIX = "cnc_"
API_KEY_CURE = "send a live API key as `Authorization: Bearer cnc_…`"
_MICROSECONDS = 1_000_000


class ApiKeyRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An API key as the identity file keeps it: never the secret itself.

    Attributes:
        id: names the key in logs and in the key itself.
        secret_hash: HMAC-SHA256 of the secret under the pepper, hex.
        roles: what its holder may be.
        client_id: whose data it may touch; None for operators.
        expires_at: seconds since the epoch, UTC, from which it no longer holds.
    """

    id: str
    secret_hash: str
    roles: tuple[Role, ...]
    expires_at: int
    client_id: str | None = None


def secret_hash(pepper: bytes, secret: str) -> str:
    """Return what is stored of a key's secret.

    >>> len(secret_hash(b"pepper", "secret"))
    64
    """
    return hmac.new(pepper, secret.encode(), hashlib.sha256).hexdigest()


def new_api_key(
    pepper: bytes, roles: Sequence[Role], expires_at: int, client_id: str | None = None
) -> tuple[str, ApiKeyRecord]:
    """Return a new key, to be shown once, and its record for the identity file.

    Args:
        pepper: the deployment's secret, which is not in the identity file.
        roles: what its holder may be.
        expires_at: seconds since the epoch, UTC.
        client_id: whose data it may touch.
    """
    key_id, secret = secrets.token_hex(8), secrets.token_hex(24)
    record = ApiKeyRecord(
        id=key_id,
        secret_hash=secret_hash(pepper, secret),
        roles=tuple(roles),
        expires_at=expires_at,
        client_id=client_id,
    )
    return f"{API_KEY_PREFIX}{key_id}_{secret}", record


class ApiKeys:
    """The keys that are known.

    Args:
        records: from the identity file.
        pepper: what their secrets were hashed with.
        others: with what else they may have been, while the pepper changes.
    """

    def __init__(self, records: Sequence[ApiKeyRecord], pepper: bytes, others: Sequence[bytes] = ()) -> None:
        self._peppers = (pepper, *others)
        self._records = {record.id: record for record in records}
        self._callers = {
            record.id: Caller(f"key:{record.id}", frozenset(record.roles), record.client_id) for record in records
        }

    def caller(self, key: str, now_us: int) -> Caller:
        """Return whose key it is.

        Raises:
            Unauthenticated: malformed, unknown, wrong or expired; only an expired one is told apart.
        """
        parts = API_KEY.fullmatch(key)
        record = self._records.get(parts[1]) if parts else None
        # An unknown id is hashed and compared like a known one, so that time does not tell which ids exist, nor which
        # pepper made a key.
        secret, stored = parts[2] if parts else "", record.secret_hash if record else "0" * 64
        equal = [hmac.compare_digest(secret_hash(pepper, secret), stored) for pepper in self._peppers]
        if not any(equal) or record is None:
            raise Unauthenticated(f"This API key is not known; {API_KEY_CURE}.")
        if record.expires_at * _MICROSECONDS <= now_us:
            raise Unauthenticated(f"The API key {record.id} has expired; ask the operator for a new one.")
        return self._callers[record.id]
