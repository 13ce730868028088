"""Signing in at an issuer: OpenID Connect's authorization code with PKCE (RFC 7636), and no more of it than is used.

Tokens are not read here: whether one holds is decided by the same `Identity` that every service asks.
"""

import base64
import hashlib
import secrets
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlencode

import aiohttp
import msgspec

from concord.chassis.errors import Forbidden, Unavailable
from workbench.session import Errand
from workbench.settings import OidcSettings

ERRAND_SECONDS = 600
ANSWER_BYTES_MAX = 100_000
ASK_SECONDS_MAX = 10.0
DISCOVERY = "/.well-known/openid-configuration"
_TRY_AGAIN = "sign in again"
Told = TypeVar("Told")


class Discovered(msgspec.Struct, frozen=True):
    """What an issuer tells of itself (OpenID Connect Discovery 1.0, section 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str


class Granted(msgspec.Struct, frozen=True):
    """What the issuer gives for a code (RFC 6749, section 5.1)."""

    access_token: str
    id_token: str = ""


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

    async def back(self, errand: Errand | None, state: str, code: str) -> Granted:
        """Return the tokens that the issuer gives for the code that a browser came back with.

        Raises:
            Forbidden: the browser was not sent out by us, or took too long, or the code does not hold.
            Unavailable: the issuer does not answer.
        """
        if errand is None or not secrets.compare_digest(errand.state.encode(), state.encode()):
            raise Forbidden(f"This sign-in was not begun here, or took over {ERRAND_SECONDS // 60} min; {_TRY_AGAIN}.")
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "client_id": self._settings.client_id,
            "code_verifier": errand.verifier,
        }
        if self._settings.client_secret:
            form["client_secret"] = self._settings.client_secret.reveal()
        status, answer = await self._ask("POST", (await self._issuer()).token_endpoint, form)
        if status != 200:
            raise Forbidden(f"The issuer does not take the code it gave; {_TRY_AGAIN}.")
        return _read(answer, Granted)

    async def _issuer(self) -> Discovered:
        if self._discovered is None:
            status, answer = await self._ask("GET", self._settings.issuer.rstrip("/") + DISCOVERY)
            found = _read(answer, Discovered) if status == 200 else None
            # Whoever answers for another issuer could send people to a page of theirs (section 4.3).
            if found is None or found.issuer != self._settings.issuer:
                raise Unavailable(f"The issuer {self._settings.issuer} does not tell of itself; tell the operator.")
            self._discovered = found
        return self._discovered

    async def _ask(self, method: str, url: str, form: dict[str, str] | None = None) -> tuple[int, bytes]:
        timeout = aiohttp.ClientTimeout(total=ASK_SECONDS_MAX)
        headers = {"accept": "application/json"}
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.request(method, url, data=form, headers=headers, allow_redirects=False) as answer,
            ):
                return answer.status, await answer.content.read(ANSWER_BYTES_MAX)
        except (aiohttp.ClientError, TimeoutError) as fault:
            raise Unavailable("The issuer does not answer; try again in a moment.") from fault


def _read(answer: bytes, kind: type[Told]) -> Told:
    try:
        return msgspec.json.decode(answer, type=kind)
    except msgspec.DecodeError as fault:
        raise Unavailable("The issuer answers what nobody can read; tell the operator.") from fault
