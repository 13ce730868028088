"""Bearer tokens of people: JWTs of the configured issuer, each key pinned to one asymmetric algorithm."""

import asyncio
import json
import logging
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import jwt

from concord.chassis.clock import Clock
from concord.chassis.errors import Unauthenticated
from concord.chassis.identity.caller import Caller
from concord.chassis.identity.claims import ClaimMapping

log = logging.getLogger(__name__)

ALGORITHM_OF_KEY: Mapping[tuple[object, object], str] = {
    ("OKP", "Ed25519"): "EdDSA",
    ("EC", "P-256"): "ES256",
    ("RSA", None): "RS256",
}
"""The one algorithm a key may verify, by its type and curve: a token never chooses."""
TOKEN_BYTES_MAX = 8_192
VERIFIED_TOKENS_MAX = 10_000
VERIFIED_SECONDS_MAX = 300
"""A verified token is believed this long without another look, and never past its own end."""
LEEWAY_SECONDS = 30
KEYS_MAX = 32
KEYS_SECONDS_MAX = 3_600.0
"""Fetched keys are asked for again after this long, so that one the issuer has withdrawn is not believed for ever."""
RSA_BITS_MIN = 2_048
TOKEN_CURE = "sign in again and send the new token as `Authorization: Bearer …`"  # noqa: S105  # a sentence
_REQUIRED = ["exp", "iat", "aud", "iss", "sub"]


class KeySet:
    """Public keys of an issuer, by key id.

    Args:
        document: a JWKS (RFC 7517); keys of other types, without a key id, for encryption or malformed are left out.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._keys: dict[str, tuple[jwt.PyJWK, str]] = {}
        entries = document.get("keys")
        for entry in entries[:KEYS_MAX] if isinstance(entries, list) else []:
            if isinstance(entry, dict) and (usable := _usable(entry)) is not None:
                self._keys[entry["kid"]] = usable

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, key_id: object) -> tuple[jwt.PyJWK, str] | None:
        """Return the key with this id and the algorithm it may verify."""
        return self._keys.get(key_id) if isinstance(key_id, str) else None


def _usable(entry: Mapping[str, Any]) -> tuple[jwt.PyJWK, str] | None:
    """Return the key and its algorithm, or None for one that may not verify tokens here."""
    algorithm = ALGORITHM_OF_KEY.get((entry.get("kty"), entry.get("crv")))
    if algorithm is None or not isinstance(entry.get("kid"), str):
        return None
    if entry.get("use", "sig") != "sig" or entry.get("alg", algorithm) != algorithm:
        return None
    try:
        key = jwt.PyJWK(dict(entry), algorithm)
    except jwt.PyJWTError as fault:
        log.warning("the issuer's key %s is left out: %s", entry["kid"], fault)
        return None
    if algorithm == "RS256" and key.key.key_size < RSA_BITS_MIN:
        return None
    return key, algorithm


class Tokens:
    """The issuer whose tokens are believed.

    Args:
        issuer: its exact `iss`.
        audience: our `aud`.
        keys: its public keys.
        clock: tells what has expired.
        refresh: fetches the keys again when a token names one that is not known; None when they are fixed.
        mapping: which claims say who a caller is.
    """

    def __init__(
        self,
        issuer: str,
        audience: str,
        keys: KeySet,
        clock: Clock,
        refresh: Callable[[], Awaitable[KeySet | None]] | None = None,
        mapping: ClaimMapping | None = None,
    ) -> None:
        self._issuer, self._audience, self._keys, self._clock, self._refresh = issuer, audience, keys, clock, refresh
        self._mapping = mapping or ClaimMapping()
        self._verified: OrderedDict[str, tuple[Caller, float]] = OrderedDict()
        self._refreshing = asyncio.Lock()
        self._keys_until = 0.0

    def known(self, token: str) -> Caller | None:
        """Return whose token it is, if it was verified a moment ago and still holds."""
        found = self._verified.get(token)
        return found[0] if found is not None and self._clock.now_us() / 1e6 < found[1] else None

    async def caller(self, token: str) -> Caller:
        """Return whose token it is.

        Raises:
            Unauthenticated: it does not hold; says whether it has expired, and no more.
        """
        known = self.known(token)
        if known is not None:
            return known
        claims = await self.claims(token, self._audience)
        try:
            caller = self._mapping.caller(claims)
        except ValueError as fault:
            raise Unauthenticated(f"The token does not hold: {fault}; ask the issuer's operator.") from fault
        until = min(float(claims["exp"]), self._clock.now_us() / 1e6 + VERIFIED_SECONDS_MAX)
        self._verified[token] = (caller, until)
        while len(self._verified) > VERIFIED_TOKENS_MAX:
            self._verified.popitem(last=False)
        return caller

    async def claims(self, token: str, audience: str) -> Mapping[str, Any]:
        """Return what a token of the issuer says that was made for an audience.

        Raises:
            Unauthenticated: as `caller`.
        """
        if len(token) > TOKEN_BYTES_MAX:
            raise Unauthenticated(f"The token is longer than {TOKEN_BYTES_MAX} bytes; {TOKEN_CURE}.")
        return self._verify(token, audience, await self._key_of(token), self._clock.now_us() / 1e6)

    async def _key_of(self, token: str) -> tuple[jwt.PyJWK, str]:
        try:
            header = jwt.get_unverified_header(token)
        except jwt.InvalidTokenError as fault:
            raise Unauthenticated(f"This is no token of ours; {TOKEN_CURE}.") from fault
        key_id = header.get("kid")
        if self._refresh is not None and self._keys_are_stale(key_id):
            async with self._refreshing:
                # Whoever waited here may find it done.
                if self._keys_are_stale(key_id) and (fetched := await self._refresh()) is not None:
                    self._keys, self._keys_until = fetched, self._clock.monotonic() + KEYS_SECONDS_MAX
        found = self._keys.find(key_id)
        if found is None:
            raise Unauthenticated(f"The token is signed with a key we do not know; {TOKEN_CURE}.")
        return found

    def _keys_are_stale(self, key_id: object) -> bool:
        return self._clock.monotonic() >= self._keys_until or self._keys.find(key_id) is None

    def _verify(self, token: str, audience: str, key: tuple[jwt.PyJWK, str], now: float) -> Mapping[str, Any]:
        try:
            claims: Mapping[str, Any] = jwt.decode(
                token,
                key[0],
                algorithms=[key[1]],
                audience=audience,
                issuer=self._issuer,
                # Times are checked below against the clock that is handed in.
                options={"require": _REQUIRED, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
            expires, issued = float(claims["exp"]), float(claims["iat"])
            starts = float(claims.get("nbf", issued))
        except (jwt.InvalidTokenError, TypeError, ValueError, OverflowError) as fault:
            raise Unauthenticated(f"The token does not hold; {TOKEN_CURE}.") from fault
        if not math.isfinite(expires + issued + starts):
            raise Unauthenticated(f"The token does not hold; {TOKEN_CURE}.")
        if now >= expires + LEEWAY_SECONDS:
            raise Unauthenticated(f"The token has expired; {TOKEN_CURE}.")
        if max(issued, starts) > now + LEEWAY_SECONDS:
            raise Unauthenticated(f"The token does not hold yet; {TOKEN_CURE}.")
        return claims


def read_key_set(text: bytes) -> KeySet:
    """Return the keys of a JWKS document.

    Raises:
        ValueError: it is no JWKS or holds no key that may be used.
    """
    document = json.loads(text)
    keys = KeySet(document if isinstance(document, dict) else {})
    if not len(keys):
        raise ValueError("no Ed25519, P-256 or RSA signing key with a kid in it")
    return keys
