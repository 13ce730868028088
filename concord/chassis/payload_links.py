"""Signed, expiring links to a unit's payload: ingest honours what assign, adjudicate and audit hand out."""

import hashlib
import hmac

from concord.chassis.clock import MICROSECONDS

PATH = "/v1/payloads/"


def payload_link(secret: bytes, ingest_url: str, unit_id: str, expires_at_us: int) -> str:
    """Return a link that shows one unit's payload until a time, to whoever holds it.

    >>> payload_link(b"secret", "http://127.0.0.1:18001", "k7q2-u1", 1_000_000).split("&")[0]
    'http://127.0.0.1:18001/v1/payloads/k7q2-u1?expires=1'
    """
    expires = -(-expires_at_us // MICROSECONDS)
    return f"{ingest_url}{PATH}{unit_id}?expires={expires}&signature={_signature(secret, unit_id, expires)}"


def link_holds(secret: bytes, unit_id: str, expires: int, signature: str, now_us: int) -> bool:
    """Return whether a link was signed by us for this unit and has not expired.

    >>> link_holds(b"secret", "k7q2-u1", 2, _signature(b"secret", "k7q2-u1", 2), now_us=1_000_000)
    True
    >>> link_holds(b"secret", "k7q2-u2", 2, _signature(b"secret", "k7q2-u1", 2), now_us=1_000_000)
    False
    """
    genuine = hmac.compare_digest(_signature(secret, unit_id, expires), signature)
    return genuine and now_us < expires * MICROSECONDS


def _signature(secret: bytes, unit_id: str, expires: int) -> str:
    return hmac.new(secret, f"{unit_id}\x00{expires}".encode(), hashlib.sha256).hexdigest()
