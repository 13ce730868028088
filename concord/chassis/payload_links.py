"""Signed, expiring links to a unit's payload: ingest honours what assign, adjudicate and audit hand out."""

import hmac
from collections.abc import Sequence

from fastapi import Request

from concord.chassis.clock import MICROSECONDS, Clock
from concord.chassis.errors import Unauthenticated
from concord.chassis.identity import Caller, Guard, Role, keep_place, refuse_unknown_parameters
from concord.contracts.ids import keyed_digest

PATH = "/v1/payloads/"
PARAMETERS = ("expires", "signature")


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
    genuine = hmac.compare_digest(_signature(secret, unit_id, expires).encode(), signature.encode())
    return genuine and now_us < expires * MICROSECONDS


def _signature(secret: bytes, unit_id: str, expires: int) -> str:
    return keyed_digest(secret, unit_id, str(expires)).hex()


class SignedLink(Guard):
    """Guards a route with `{unit_id}` in its path: a link signed for that unit is the credential.

    Args:
        secrets: what the links are signed with; while that changes, each.
        clock: tells which have expired.
    """

    def __init__(self, secrets: Sequence[bytes], clock: Clock) -> None:
        super().__init__(tuple(Role))
        self._secrets = secrets
        self._clock = clock

    async def __call__(self, request: Request) -> Caller:
        """Return whoever holds the link, who needs no other name.

        Raises:
            TooManyRequests, Unavailable: too much is in flight.
            Unauthenticated: not signed by us, for another unit, or expired.
            Invalid: the query holds more than the link has.
        """
        asked = request.query_params
        expires = asked.get("expires", "")
        number = int(expires) if expires.isascii() and expires.isdigit() and len(expires) < 20 else 0
        unit_id = request.path_params["unit_id"]
        signature, now_us = asked.get("signature", ""), self._clock.now_us()
        if not any(link_holds(secret, unit_id, number, signature, now_us) for secret in self._secrets):
            raise Unauthenticated("The link has expired or was not made here; open the assignment again for a new one.")
        keep_place(request.scope, f"link/{unit_id}")
        refuse_unknown_parameters(request, PARAMETERS)
        return Caller("link", frozenset())
