"""An issuer's public keys by https: fetched when a token names one that is not known, and not too often."""

import logging

import aiohttp

from concord.chassis.clock import Clock
from concord.chassis.identity.tokens import KeySet, read_key_set

log = logging.getLogger(__name__)

FETCH_SECONDS_MAX = 5.0
FETCH_BYTES_MAX = 65_536
FETCHES_APART_SECONDS = 30.0
"""So that tokens with invented key ids cannot make us hammer the issuer."""


class KeySetUrl:
    """A JWKS address.

    Args:
        url: https only; redirects are not followed.
        clock: keeps fetches apart.
    """

    def __init__(self, url: str, clock: Clock) -> None:
        self._url, self._clock = url, clock
        self._fetched_at: float | None = None

    async def fetch(self) -> KeySet | None:
        """Return the keys as they are now; None when it is too early to ask again or there was no good answer."""
        now = self._clock.monotonic()
        if self._fetched_at is not None and now - self._fetched_at < FETCHES_APART_SECONDS:
            return None
        self._fetched_at = now
        try:
            timeout = aiohttp.ClientTimeout(total=FETCH_SECONDS_MAX)
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(self._url, allow_redirects=False, raise_for_status=True) as answer,
            ):
                return read_key_set(await _whole(answer.content))
        except (aiohttp.ClientError, TimeoutError, ValueError) as fault:
            log.warning("the issuer's keys could not be fetched from %s: %s", self._url, fault)
            return None


async def _whole(content: aiohttp.StreamReader) -> bytes:
    """Return the whole body.

    Raises:
        ValueError: it is longer than any key set.
    """
    body = b""
    async for chunk in content.iter_any():
        body += chunk
        if len(body) > FETCH_BYTES_MAX:
            raise ValueError(f"more than {FETCH_BYTES_MAX} bytes")
    return body
