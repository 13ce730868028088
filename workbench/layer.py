"""The layer in front of the door: a cookie becomes the person's credential, and nobody else's page can use it."""

from collections.abc import Sequence
from typing import cast
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from concord.chassis.errors import ConcordError, Forbidden, Unauthenticated
from concord.chassis.http import refusal
from workbench.session import Session, Sessions, cookies_of

SESSION_KEY = "workbench.session"
SAFE_METHODS = frozenset({"GET", "HEAD"})
CSRF_HEADER = b"x-concord-csrf"
SIGN_IN = "sign-in"
"""What a page sends in that header before anybody has signed in: no other site may send it without being asked."""
API = "/api/"


def policy_of(media_origins: Sequence[str]) -> str:
    """Return the content security policy of every page: our own files and nothing written into a page.

    >>> "unsafe" in policy_of([])
    False
    """
    media = "".join(f" {origin}" for origin in media_origins)
    directives = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": f"'self' blob: data:{media}",
        "media-src": f"'self' blob: data:{media}",
        "connect-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
        "object-src": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    return "; ".join(f"{name} {sources}" for name, sources in directives.items())


OF_OTHERS = "sandbox; default-src 'none'"
"""What a service hands over was written by others: opened as a page of its own, it may do nothing."""


class SessionLayer:
    """Hands a request on with its person's bearer token, and every answer with the headers that bind a browser.

    Args:
        app: the door.
        sessions: reads cookies.
        media_origins: see `policy_of`.
        over_https: whether browsers are told never to come by http.
    """

    def __init__(self, app: ASGIApp, sessions: Sessions, media_origins: Sequence[str], *, over_https: bool) -> None:
        self._app, self._sessions = app, sessions
        own = [
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"same-origin"),
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"cross-origin-resource-policy", b"same-origin"),
            (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
        ]
        if over_https:
            own.append((b"strict-transport-security", b"max-age=31536000"))
        self._of_pages = [*own, (b"content-security-policy", policy_of(media_origins).encode())]
        self._of_others = [*own, (b"content-security-policy", OF_OTHERS.encode())]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        session = self._sessions.read(cookies_of(scope["headers"]))
        # A credential comes by the cookie alone: a page cannot be made to send another's.
        headers = [(name, value) for name, value in scope["headers"] if name not in (b"authorization", b"cookie")]
        if session is not None:
            headers.append((b"authorization", f"Bearer {session.token}".encode()))
        known = {**scope, SESSION_KEY: session, "concord.cookies": scope["headers"], "headers": headers}
        added = self._of_others if scope["path"].startswith(API) else self._of_pages
        names = {name for name, _ in added}

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [(name, value) for name, value in message["headers"] if name.lower() not in names]
                message = {**message, "headers": [*kept, *added]}
            await send(message)

        if scope["method"] not in SAFE_METHODS and (problem := self._foreign(scope, session)) is not None:
            await refusal(problem, scope["path"])(known, receive, told)
            return
        await self._app(known, receive, told)

    def _foreign(self, scope: Scope, session: Session | None) -> ConcordError | None:
        """Return why a change was not asked for by a page of ours; None when it was."""
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        if headers.get(b"sec-fetch-site", "same-origin") != "same-origin":
            return Forbidden("Another site asked for this; open the workbench itself.")
        origin = headers.get(b"origin")
        if origin is not None and _host_of(origin) != headers.get(b"host"):
            return Forbidden(f"{origin[:100]} asked for this; open the workbench itself.")
        word = headers.get(CSRF_HEADER, "")
        if not (word == SIGN_IN if session is None else self._sessions.is_csrf(session, word)):
            if session is None and scope["path"].startswith(API):
                # A page whose session has ended: what it sends is kept there, and sent again after the next sign-in.
                return Unauthenticated("Your session has ended; sign in again, and send this again.")
            return Forbidden("The page is of another session; load it again.")
        return None


def _host_of(origin: str) -> str:
    """Return the host and port that an origin names; empty where it is none at all."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def session_of(scope: Scope) -> Session | None:
    """Return the session that a request came with, whether its token still holds or not."""
    return cast("Session | None", scope[SESSION_KEY])
