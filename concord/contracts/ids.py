"""Ids: how they are made, and how the owner is read off them.

Every id that people see starts with the client's opaque code, so that whoever is handed an id knows which
aggregate it means without a look-up: `k7q2-rte` is a project of client `k7q2`, `k7q2-u-…` one of its units.
What follows is keyed with a secret where it must not be guessed.
"""

import base64
import hashlib
import hmac
import re
import uuid

CLIENT_ID = re.compile(r"[a-z0-9]{1,24}")
NAMESPACE = uuid.UUID("5f0d7c1e-8f0c-5b57-9d35-3c1d8e6a2b90")
DIGEST_CHARACTERS = 26


def event_id(cause: str, service: str, kind: str, index: int = 0) -> str:
    """Return the id of the event that `service` derives from `cause`: the same cause, the same id.

    >>> event_id("c1", "ingest", "UnitAdmitted") == event_id("c1", "ingest", "UnitAdmitted")
    True
    """
    return str(uuid.uuid5(NAMESPACE, f"{cause}/{service}/{kind}/{index}"))


def keyed(secret: bytes, *parts: str) -> str:
    """Return a digest of the parts that nobody without the secret can compute: 26 characters, 130 bits.

    >>> keyed(b"secret", "k7q2-rte", "item-1") == keyed(b"secret", "k7q2-rte", "item-1")
    True
    """
    digest = hmac.new(secret, "\x00".join(parts).encode(), hashlib.sha256).digest()
    return base64.b32encode(digest).decode().lower()[:DIGEST_CHARACTERS]


def client_of(any_id: str) -> str:
    """Return the client code that an id starts with; empty when it has none.

    >>> client_of("k7q2-u-abc.3")
    'k7q2'
    """
    client, separator, _ = any_id.partition("-")
    return client if separator and CLIENT_ID.fullmatch(client) else ""
