"""Signing in and out: at the issuer, or on the local stack by one button a role."""

import logging
import secrets
from dataclasses import dataclass
from urllib.parse import quote

import msgspec
from fastapi import Request, Response

from concord.chassis.clock import MICROSECONDS, Clock
from concord.chassis.errors import FieldError, Forbidden, Invalid, Unauthenticated
from concord.chassis.identity import Identity, Role, SigningKey, mint_token
from concord.contracts.names import NameRefused, name_from
from workbench.believed import believed, unbelieved, unverified
from workbench.forward import Forwarder
from workbench.issuer import Granted, IssuerDoor, Renewed, Returned
from workbench.layer import session_of
from workbench.renewal import LOCAL_REFRESH, Renewals, ends_in, renew_in
from workbench.session import Cookie, Session, Sessions, cookies_of

SESSION_SECONDS_MAX = 12 * 3_600
"""A session is renewed for so long, and no token is handed on for longer."""
SIGN_IN_PAGE = "/sign-in"

log = logging.getLogger(__name__)


class SignInBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who somebody wants to be on the local stack."""

    role: Role
    subject: str = ""


class SignedOut(msgspec.Struct, frozen=True):
    """What is left for who signs out: `issuer` is where their browser is signed out there, too; empty: nothing."""

    issuer: str


class SessionBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who is signed in, and how one can sign in.

    Attributes:
        csrf: what a page sends with each change.
        ways: `local` for the buttons, `issuer` for the issuer.
        ends_in_seconds: how long the present token still holds.
        renew_in_seconds: when the page asks for another one; 0 where none is given. Seconds from now, for a browser's
            clock may be wrong.
    """

    ways: list[str]
    csrf: str
    subject: str = ""
    roles: list[str] = []
    client_id: str = ""
    ends_in_seconds: int = 0
    renew_in_seconds: int = 0


SIGN_IN = msgspec.json.Decoder(SignInBody)


@dataclass(frozen=True, slots=True)
class LocalIssuer:
    """Makes tokens as the local stack's issuer does; nothing else has its key.

    Attributes:
        key: signs them.
        issuer, audience: as the identity file names them.
        client_id: of whoever signs in as a client.
        token_seconds: how long a token holds; it is renewed as an issuer's is.
    """

    key: SigningKey
    issuer: str
    audience: str
    client_id: str
    token_seconds: int

    def token(self, role: Role, subject: str, now_seconds: int) -> str:
        """Return a token of a person in one role."""
        client_id = self.client_id if role is Role.CLIENT else None
        return mint_token(
            self.key,
            issuer=self.issuer,
            audience=self.audience,
            subject=subject,
            roles=[role],
            now_seconds=now_seconds,
            lifetime_seconds=self.token_seconds,
            client_id=client_id,
        )

    def renew(self, token: str, now_seconds: int) -> Renewed:
        """Return another token of the same person in the same role."""
        claims = unverified(token)
        return Renewed(self.token(Role(claims["roles"][0]), claims["sub"], now_seconds))


class SignIn:
    """The use cases.

    Args:
        sessions: makes cookies.
        identity: decides whether a token holds.
        clock: time.
        forwarder: reaches assign, where an annotator of the local stack is defined when first seen.
        local: the local stack's issuer, if it is one.
        issuer: the real one, if there is one.
        url: where browsers reach the workbench.
        renewals: goes on with sessions.
    """

    def __init__(
        self,
        sessions: Sessions,
        identity: Identity,
        clock: Clock,
        forwarder: Forwarder,
        local: LocalIssuer | None,
        issuer: IssuerDoor | None,
        url: str,
        renewals: Renewals,
    ) -> None:
        self._sessions, self._identity, self._clock, self._forwarder = sessions, identity, clock, forwarder
        self._local, self._issuer, self._url, self._renewals = local, issuer, url, renewals

    async def who(self, request: Request) -> SessionBody:
        """Return who is signed in."""
        return await self._told(session_of(request.scope))

    async def renewed(self, request: Request) -> tuple[SessionBody, list[Cookie]]:
        """Go on with a session: return who it is, and the cookies that hold another token.

        Raises:
            Unauthenticated: there is none.
            NotRenewed: it is renewed no more. It goes on until its token ends, and its cookies stay: another tab may
                have renewed it meanwhile.
            Forbidden: what the issuer gave does not hold.
            Unavailable: the issuer does not answer.
        """
        session = session_of(request.scope)
        if session is None:
            raise Unauthenticated("Nobody is signed in here; sign in again.")
        renewed = await self._renewals.renewed(session)
        return await self._told(renewed), [] if renewed is session else self._written(renewed)

    async def _told(self, session: Session | None) -> SessionBody:
        ways = [*(["local"] if self._local else []), *(["issuer"] if self._issuer else [])]
        if session is None:
            return SessionBody(ways, "")
        csrf, now = self._sessions.csrf(session), self._now()
        again = renew_in(session, now) if session.is_renewable(now) else 0
        try:
            caller = await self._identity.caller(f"Bearer {session.token}")
        except Unauthenticated:
            return SessionBody(ways, csrf, renew_in_seconds=again)
        roles = sorted(map(str, caller.roles))
        left = ends_in(session, now)
        return SessionBody(ways, csrf, caller.subject, roles, caller.client_id or "", left, again)

    async def as_local(self, wish: SignInBody) -> list[Cookie]:
        """Return the cookies of somebody who pressed a role's button.

        Raises:
            Forbidden: this is no local stack.
            Invalid: nobody can be called so.
        """
        if self._local is None:
            raise Forbidden("Only the local stack lets people choose who they are.")
        try:
            subject = name_from(wish.subject or f"{wish.role}-1")
        except NameRefused as refused:
            raise Invalid(str(refused), [FieldError("subject", refused.problem, refused.cure)]) from refused
        now = self._now()
        if wish.role is Role.ANNOTATOR:
            await self._define(subject, self._local.token(Role.OPERATOR, "workbench", now))
        return self._begun(self._local.token(wish.role, subject, now), LOCAL_REFRESH)

    async def leave(self, then: str) -> tuple[str, Cookie]:
        """Return the issuer's address for this browser, and the cookie that remembers why.

        Raises:
            Forbidden: there is no issuer.
            Unavailable: it does not answer.
        """
        if self._issuer is None:
            raise Forbidden("There is no issuer here; use the buttons of the sign-in page.")
        address, errand = await self._issuer.leave(_own_page(then))
        return address, self._sessions.sent_out(errand, errand.until - self._now())

    async def back(self, request: Request) -> tuple[str, list[Cookie]]:
        """Return the page that was wanted and the cookies of somebody who comes back from the issuer.

        Raises:
            NotBegun: they were not sent out by us.
            Forbidden: the issuer refused them, or what it says of them does not hold.
            Unavailable: it does not answer.
        """
        if self._issuer is None:
            raise Forbidden("There is no issuer here.")
        cookies = cookies_of(request.scope["concord.cookies"])
        errand, query = self._sessions.errand(cookies, self._now()), request.query_params
        returned = Returned(*(query.get(name, "") for name in ("state", "code", "error", "iss")))
        granted = await self._issuer.back(errand, returned)
        assert errand is not None, "the issuer's door takes nobody back without"
        token = await self._checked(granted, errand.nonce, self._issuer.client_id)
        if not granted.refresh_token:
            log.info("the issuer gave no refresh token: a session ends with its token (docs/security.md)")
        return errand.then, [*self._begun(token, granted.refresh_token), self.over()]

    def over(self) -> Cookie:
        """Return what takes a sign-in away that is over: it is used once, whatever came of it."""
        return self._sessions.sent_out(None, 0)

    async def out(self, request: Request) -> tuple[str, list[Cookie]]:
        """Return where the issuer signs the browser out, empty for nowhere, and what takes the session away.

        The issuer forgets the refresh token, where it can: whoever kept the cookie goes on with it no longer than its
        token holds.
        """
        session = session_of(request.scope)
        if self._issuer is not None and session is not None and session.refresh:
            await self._issuer.revoke(session.refresh)
        address = await self._issuer.out(self._url + SIGN_IN_PAGE) if self._issuer is not None else ""
        return address, self._sessions.forgotten()

    async def _checked(self, granted: Granted, nonce: str, client_id: str) -> str:
        """Return the token that is forwarded, once the id token says that it was we who sent this person out.

        Raises:
            Forbidden: either does not hold, or they are of two sign-ins.
        """
        try:
            claims = await self._identity.id_claims(granted.id_token, client_id)
        except Unauthenticated as refused:
            raise unbelieved(refused.detail) from refused
        nonce_claimed = claims.get("nonce")
        if not isinstance(nonce_claimed, str) or not secrets.compare_digest(nonce_claimed.encode(), nonce.encode()):
            raise unbelieved("It is of another sign-in.")
        token = await believed(self._identity, granted.access_token, granted.id_token)
        if unverified(token).get("sub") != claims["sub"]:
            raise unbelieved("It is another person's.")
        return token

    def _begun(self, token: str, refresh: str) -> list[Cookie]:
        return self._written(Session.begun(token, refresh, self._now() + SESSION_SECONDS_MAX))

    def _written(self, session: Session) -> list[Cookie]:
        """Return the cookies of a session: as long as it may be renewed, or as its token holds."""
        now = self._now()
        left = min(ends_in(session, now), SESSION_SECONDS_MAX)
        try:
            return self._sessions.written(session, session.until - now if session.is_renewable(now) else left)
        except ValueError:
            if not session.refresh:
                raise
            log.warning("the issuer's refresh token is too long for cookies: a session ends with its token")
            return self._written(msgspec.structs.replace(session, refresh=""))

    async def _define(self, subject: str, operator: str) -> None:
        """Make somebody new an annotator; who is known already stays as they were defined."""
        path, headers = f"v1/annotators/{quote(subject, safe='')}", {"authorization": f"Bearer {operator}"}
        url = self._forwarder.url("assign", path, "")
        known = await self._forwarder.send("assign", "GET", url, headers, None)
        if known.status_code == 404:
            all_headers = {**headers, "content-type": "application/json"}
            await self._forwarder.send("assign", "PUT", url, all_headers, b'{"kind":"human"}')

    def _now(self) -> int:
        return self._clock.now_us() // MICROSECONDS


def _own_page(then: str) -> str:
    """Return the page to go on with: one of ours, whatever a link says.

    >>> _own_page("/audit"), _own_page("//evil.example"), _own_page("https://evil.example")
    ('/audit', '/', '/')
    """
    return then if then.startswith("/") and not then.startswith(("//", "/\\")) and then.isprintable() else "/"


def with_cookies(answer: Response, cookies: list[Cookie]) -> Response:
    """Return the answer with the cookies set."""
    answer.raw_headers.extend(cookie.header() for cookie in cookies)
    answer.headers["cache-control"] = "no-store"
    return answer
