"""From an Authorization header to a caller."""

from collections.abc import Hashable, Mapping
from typing import Any, Protocol

from concord.chassis.clock import Clock
from concord.chassis.errors import Unauthenticated
from concord.chassis.identity.api_keys import API_KEY_PREFIX, ApiKeys
from concord.chassis.identity.caller import Caller
from concord.chassis.identity.tokens import Tokens

_CURE = "send `Authorization: Bearer` with a token of the issuer (people) or an API key `cnc_…` (machines)"


class Described(Protocol):
    """What an identity was read from, as far as it matters here."""

    @property
    def issuing(self) -> Hashable:
        """Return what it says of the issuer: two that are equal believe the same tokens."""
        ...


class Identity:
    """Who is believed: API keys and one issuer's tokens.

    Args:
        api_keys: those that are known.
        tokens: the issuer's.
        clock: tells what has expired.
        file: what they were read from.
    """

    def __init__(self, api_keys: ApiKeys, tokens: Tokens, clock: Clock, file: Described | None = None) -> None:
        self._api_keys, self._tokens, self._clock, self.file = api_keys, tokens, clock, file

    def take_over(self, other: "Identity") -> None:
        """Believe from now on whom another does; an issuer that is the same goes on with the keys that were fetched."""
        if self.file is None or other.file is None or self.file.issuing != other.file.issuing:
            self._tokens = other._tokens
        self._api_keys, self.file = other._api_keys, other.file

    def known(self, authorization: str) -> Caller | None:
        """Return who sent this Authorization header, if that can be told at once: a key's or a known token's holder.

        None says nothing: `caller` finds out, and tells what is wrong.
        """
        scheme, _, credential = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return None
        if not credential.startswith(API_KEY_PREFIX):
            return self._tokens.known(credential)
        try:
            return self._api_keys.caller(credential, self._clock.now_us())
        except Unauthenticated:
            return None

    async def caller(self, authorization: str | None) -> Caller:
        """Return who sent this Authorization header.

        Raises:
            Unauthenticated: there is none, or its credential does not hold.
        """
        if not authorization:
            raise Unauthenticated(f"No credential was sent; {_CURE}.")
        scheme, _, credential = authorization.partition(" ")
        if scheme.lower() != "bearer" or not credential:
            raise Unauthenticated(f"The Authorization header is no Bearer credential; {_CURE}.")
        if credential.startswith(API_KEY_PREFIX):
            return self._api_keys.caller(credential, self._clock.now_us())
        return await self._tokens.caller(credential)

    async def id_claims(self, token: str, client_id: str) -> Mapping[str, Any]:
        """Return what an id token of the issuer says to an application (OpenID Connect Core 1.0, section 3.1.3.7).

        Args:
            token: made for the application itself, not for the services.
            client_id: the application's id at the issuer.

        Raises:
            Unauthenticated: it does not hold, or was made for another.
        """
        claims = await self._tokens.claims(token, client_id)
        others = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if others else client_id) != client_id:
            raise Unauthenticated("The token was made for another application; sign in again.")
        return claims
