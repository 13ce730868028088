"""Signing in at an issuer: OpenID Connect's authorization code with PKCE (RFC 7636), and no more of it than is used.

Tokens are not read here: whether one holds is decided by the same `Identity` that every service asks, by keys that are
fetched anew when the issuer has changed them.
"""

import asyncio
import base64
import hashlib
import logging
import secrets
from collections.abc import Callable, Mapping
from typing import TypeVar
from urllib.parse import quote, urlencode

import aiohttp
import msgspec

from concord.chassis.errors import Forbidden, Unavailable
from workbench.session import Errand
from workbench.settings import OidcSettings

ERRAND_SECONDS = 600
ANSWER_BYTES_MAX = 100_000
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What reading an answer raises that is no JSON of the kind."""
ASK_SECONDS_MAX = 10.0
REVOKE_SECONDS_MAX = 3.0
"""How long somebody who signs out waits for the issuer."""
DISCOVERED_SECONDS_MAX = 3_600.0
"""How long what an issuer told of itself is believed."""
BASIC, POST = "client_secret_basic", "client_secret_post"
DISCOVERY = "/.well-known/openid-configuration"
_TRY_AGAIN = "sign in again"
Told = TypeVar("Told")

log = logging.getLogger(__name__)


class NotRenewed(Forbidden):
    """The issuer gives no other token: the person is withdrawn, or left, or what is asked with was used before."""


class NotBegun(Forbidden):
    """A browser comes back from the issuer that we did not send there, or a while ago."""


class Discovered(msgspec.Struct, frozen=True):
    """What an issuer tells of itself (OpenID Connect Discovery 1.0, 3; RFC 8414, 9207; RP-Initiated Logout 1.0)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    end_session_endpoint: str = ""
    revocation_endpoint: str = ""
    token_endpoint_auth_methods_supported: tuple[str, ...] = (BASIC,)
    authorization_response_iss_parameter_supported: bool = False


class Granted(msgspec.Struct, frozen=True):
    """What the issuer gives for a code (RFC 6749, section 5.1; OpenID Connect Core 1.0, section 3.1.3.3)."""

    access_token: str
    id_token: str
    refresh_token: str = ""


class Renewed(msgspec.Struct, frozen=True):
    """What the issuer gives for a refresh token (RFC 6749, section 6; OpenID Connect Core 1.0, section 12.2).

    Attributes:
        id_token: empty where it says nothing anew of who it is.
        refresh_token: takes the place of the one that was used; empty where that one is used again.
    """

    access_token: str
    id_token: str = ""
    refresh_token: str = ""


class Returned(msgspec.Struct, frozen=True):
    """What a browser comes back with: the code, or why there is none; `iss` is who sends it (RFC 9207)."""

    state: str = ""
    code: str = ""
    error: str = ""
    iss: str = ""


class IssuerDoor:
    """Sends browsers to the issuer and takes them back.

    Args:
        settings: the issuer, and who we are there.
        redirect_uri: where it sends browsers back to.
        now_seconds: tells the time.
    """

    def __init__(self, settings: OidcSettings, redirect_uri: str, now_seconds: Callable[[], float]) -> None:
        self._settings, self._redirect_uri, self._now_seconds = settings, redirect_uri, now_seconds
        self._discovered: Discovered | None = None
        self._discovered_until = 0.0

    @property
    def client_id(self) -> str:
        """Return who we are at the issuer."""
        return self._settings.client_id

    async def leave(self, then: str) -> tuple[str, Errand]:
        """Return where the browser is sent, and what is remembered until it comes back.

        Args:
            then: the page that was wanted.

        Raises:
            Unavailable: the issuer does not answer.
        """
        until = int(self._now_seconds()) + ERRAND_SECONDS
        drawn = [secrets.token_urlsafe(32) for _ in range(3)]
        errand = Errand(state=drawn[0], nonce=drawn[1], verifier=drawn[2], then=then, until=until)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(errand.verifier.encode()).digest()).decode().rstrip("=")
        query = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._redirect_uri,
            "scope": self._settings.scope,
            "state": errand.state,
            "nonce": errand.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        door = (await self._issuer()).authorization_endpoint
        return f"{door}{'&' if '?' in door else '?'}{urlencode(query)}", errand

    async def back(self, errand: Errand | None, returned: Returned) -> Granted:
        """Return the tokens that the issuer gives for the code that a browser came back with.

        Raises:
            NotBegun: the browser was not sent out by us, or took too long.
            Forbidden: the issuer refused, or another one sends the browser, or the code does not hold.
            Unavailable: the issuer does not answer.
        """
        if errand is None or not secrets.compare_digest(errand.state.encode(), returned.state.encode()):
            raise NotBegun(f"This sign-in was not begun here, or took over {ERRAND_SECONDS // 60} min; {_TRY_AGAIN}.")
        issuer = await self._issuer()
        if returned.iss != issuer.issuer and (returned.iss or issuer.authorization_response_iss_parameter_supported):
            raise Forbidden(f"Another issuer than {issuer.issuer} answers this sign-in; {_TRY_AGAIN}.")
        if not returned.code:
            raise Forbidden(f"The issuer refused to sign you in ({returned.error[:100] or 'no reason'}).")
        form = {
            "grant_type": "authorization_code",
            "code": returned.code,
            "redirect_uri": self._redirect_uri,
            "client_id": self._settings.client_id,
            "code_verifier": errand.verifier,
        }
        status, answer = await self._ask("POST", issuer.token_endpoint, form, *self._secret(issuer))
        if status != 200:
            raise Forbidden(f"The issuer does not take the code it gave ({_error(answer)}); {_TRY_AGAIN}.")
        return _read(answer, Granted)

    async def renew(self, refresh: str) -> Renewed:
        """Return the tokens that the issuer gives for a refresh token, which it may take once alone.

        Raises:
            NotRenewed: it gives none.
            Forbidden: it does not take us for the workbench.
            Unavailable: it does not answer; whether it has taken the refresh token is not known then.
        """
        issuer = await self._issuer()
        form = {"grant_type": "refresh_token", "refresh_token": refresh, "client_id": self._settings.client_id}
        status, answer = await self._ask("POST", issuer.token_endpoint, form, *self._secret(issuer))
        if status == 200:
            return _read(answer, Renewed)
        if status == 429 or status >= 500:
            raise Unavailable("The issuer renews nothing at the moment; try again.", retry_after_seconds=5)
        error = _error(answer)
        if error == "invalid_grant":
            raise NotRenewed(f"The issuer does not renew this session; {_TRY_AGAIN}.")
        raise Forbidden(f"The issuer does not take what the workbench asks it ({error}); tell the operator.")

    async def revoke(self, refresh: str) -> None:
        """Have the issuer forget a refresh token (RFC 7009), where it can; who leaves is not kept for it."""
        try:
            async with asyncio.timeout(REVOKE_SECONDS_MAX):
                issuer = await self._issuer()
                if not issuer.revocation_endpoint:
                    return
                form = {"token": refresh, "token_type_hint": "refresh_token", "client_id": self._settings.client_id}
                status, _ = await self._ask("POST", issuer.revocation_endpoint, form, *self._secret(issuer))
        except (Unavailable, TimeoutError):
            status = 0
        if status != 200:
            log.warning("the issuer did not revoke a session that was ended (status %d)", status)

    def _secret(self, issuer: Discovered) -> tuple[dict[str, str], dict[str, str]]:
        """Return what of a form and of headers shows that it is us, as the issuer wants it (RFC 6749, 2.3.1)."""
        if not self._settings.client_secret:
            return {}, {}
        secret = self._settings.client_secret.reveal()
        if POST in issuer.token_endpoint_auth_methods_supported:
            return {"client_secret": secret}, {}
        both = f"{quote(self._settings.client_id, safe='')}:{quote(secret, safe='')}"
        return {}, {"authorization": f"Basic {base64.b64encode(both.encode()).decode()}"}

    async def out(self, page: str) -> str:
        """Return where a browser is sent that is to be signed out at the issuer, too; empty where it takes nobody.

        Args:
            page: where the issuer sends it afterwards.
        """
        try:
            door = (await self._issuer()).end_session_endpoint
        except Unavailable:
            return ""  # who wants to leave is not kept for it
        query = urlencode({"client_id": self._settings.client_id, "post_logout_redirect_uri": page})
        return f"{door}{'&' if '?' in door else '?'}{query}" if door else ""

    async def _issuer(self) -> Discovered:
        if self._discovered is None or self._now_seconds() >= self._discovered_until:
            status, answer = await self._ask("GET", self._settings.issuer.rstrip("/") + DISCOVERY)
            found = _read(answer, Discovered) if status == 200 else None
            # Whoever answers for another issuer could send people to a page of theirs (section 4.3).
            if found is None or found.issuer != self._settings.issuer:
                raise Unavailable(f"The issuer {self._settings.issuer} does not tell of itself; tell the operator.")
            self._discovered, self._discovered_until = found, self._now_seconds() + DISCOVERED_SECONDS_MAX
        return self._discovered

    async def _ask(
        self,
        method: str,
        url: str,
        form: Mapping[str, str] | None = None,
        more: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, bytes]:
        timeout = aiohttp.ClientTimeout(total=ASK_SECONDS_MAX)
        data = None if form is None else {**form, **(more or {})}
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.request(
                    method,
                    url,
                    data=data,
                    headers={"accept": "application/json", **(headers or {})},
                    allow_redirects=False,
                ) as answer,
            ):
                return answer.status, await answer.content.read(ANSWER_BYTES_MAX)
        except (aiohttp.ClientError, TimeoutError) as fault:
            raise Unavailable("The issuer does not answer; try again in a moment.") from fault


def _error(answer: bytes) -> str:
    """Return the error that an issuer names (RFC 6749, section 5.2)."""
    try:
        return msgspec.json.decode(answer, type=_Refusal).error[:100]
    except UNREADABLE:
        return "no reason"


class _Refusal(msgspec.Struct):
    error: str


def _read(answer: bytes, kind: type[Told]) -> Told:
    try:
        return msgspec.json.decode(answer, type=kind)
    except UNREADABLE as fault:
        raise Unavailable("The issuer answers what nobody can read; tell the operator.") from fault
