"""Going on with a session: another token before the present one ends, so that nobody is sent away from their work.

A refresh token may be used once, and an issuer takes its second use for a theft. So a browser asks from one tab at a
time, and what was asked here is asked of the issuer once, however often a browser repeats it within a minute.
"""

import asyncio
import hashlib
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Protocol

import msgspec

from concord.chassis.clock import MICROSECONDS, Clock
from concord.chassis.errors import ConcordError, Unauthenticated, Unavailable
from concord.chassis.identity import Identity
from concord.chassis.telemetry import Instruments
from workbench.believed import believed, unbelieved, unverified
from workbench.issuer import IssuerDoor, NotRenewed, Renewed
from workbench.session import Session

AHEAD_SECONDS = 120.0
"""How long before a token's end another is asked for; of a short one in its last quarter."""
APART_SECONDS = 10
"""Shortest time between two renewals of a page, were tokens ever so short."""
LOCAL_REFRESH = "local"
"""Stands for a refresh token where the local stack's own issuer renews."""
KEPT_SECONDS = 60.0
KEPT_MAX = 1_000
"""Renewals that are remembered for whoever asks again; the oldest makes room."""


class Local(Protocol):
    """The local stack's issuer."""

    def renew(self, token: str, now_seconds: int) -> Renewed:
        """Return another token of the same person in the same role."""
        ...


class Renewals:
    """Renews sessions.

    Args:
        identity: decides whether a token holds.
        clock: time.
        issuer: the real issuer, if there is one.
        local: the local stack's, if it is one.
        instruments: counts what comes of it.
    """

    def __init__(
        self,
        identity: Identity,
        clock: Clock,
        issuer: IssuerDoor | None,
        local: Local | None,
        instruments: Instruments,
    ) -> None:
        self._identity, self._clock, self._issuer, self._local = identity, clock, issuer, local
        self._instruments = instruments
        self._asked: dict[bytes, tuple[float, asyncio.Task[Session]]] = {}

    async def renewed(self, session: Session) -> Session:
        """Return the session with another token; as it is while its token has more than half of its time.

        Raises:
            NotRenewed: it is renewed no more, and goes on until its token ends.
            Forbidden: what the issuer gave does not hold.
            Unavailable: the issuer does not answer.
        """
        if not _is_due(session, self._now()):
            return session
        if not session.is_renewable(self._now()):
            raise NotRenewed("This session is renewed no more; sign in again.")
        return await self._once(session, self._counted)

    async def _once(self, session: Session, renew: Callable[[Session], Coroutine[Any, Any, Session]]) -> Session:
        """Ask once for whoever asks the same: also for a browser that never heard the answer."""
        now = self._now()
        stale = [key for key, (until, _) in self._asked.items() if now >= until]
        oldest = list(self._asked)[: max(0, len(self._asked) - KEPT_MAX + 1)]
        for key in stale or oldest:
            del self._asked[key]
        key = hashlib.sha256(f"{session.id} {session.refresh} {session.token}".encode()).digest()
        if key not in self._asked:
            task = asyncio.create_task(renew(session))
            self._asked[key] = (now + KEPT_SECONDS, task)
            task.add_done_callback(partial(self._forget_failed, key))
        # Whoever hangs up ends no renewal: the issuer may have taken the refresh token already.
        return await asyncio.shield(self._asked[key][1])

    def _forget_failed(self, key: bytes, task: asyncio.Task[Session]) -> None:
        """Keep no failure, whatever it is and whether or not anybody still waits: who asks again is asked for anew."""
        if (task.cancelled() or task.exception() is not None) and self._asked.get(key, (0.0, None))[1] is task:
            del self._asked[key]

    async def _counted(self, session: Session) -> Session:
        try:
            renewed = await self._ask(session)
        except ConcordError as fault:
            result = "away" if isinstance(fault, Unavailable) else "refused"
            self._instruments.counter("concord_workbench_renewals", result).inc()
            raise
        self._instruments.counter("concord_workbench_renewals", "renewed").inc()
        return renewed

    async def _ask(self, session: Session) -> Session:
        if self._local is not None and session.refresh == LOCAL_REFRESH:
            given = self._local.renew(session.token, int(self._now()))
        elif self._issuer is not None:
            given = await self._issuer.renew(session.refresh)
        else:
            raise NotRenewed("There is no issuer here.")
        subject = unverified(session.token).get("sub")
        if given.id_token and self._issuer is not None:
            try:
                claims = await self._identity.id_claims(given.id_token, self._issuer.client_id)
            except Unauthenticated as refused:
                raise unbelieved(refused.detail) from refused
            if claims["sub"] != subject:
                raise unbelieved("It is another person's.")
        token = await believed(self._identity, given.access_token, given.id_token)
        if unverified(token).get("sub") != subject:
            raise unbelieved("It is another person's.")
        return msgspec.structs.replace(session, token=token, refresh=given.refresh_token or session.refresh)

    def _now(self) -> float:
        return self._clock.now_us() / MICROSECONDS


def ends_in(session: Session, now_seconds: float) -> int:
    """Return how many seconds the token still holds, by our clock; none once it has ended."""
    return max(0, int(float(unverified(session.token)["exp"]) - now_seconds))


def renew_in(session: Session, now_seconds: float) -> int:
    """Return in how many seconds a page asks for another token.

    >>> import jwt
    >>> hour = Session(jwt.encode({"iat": 0, "exp": 3_600}, "k" * 32), "id", "refresh", 9_000)
    >>> renew_in(hour, 0), renew_in(hour, 3_590)
    (3480, 10)
    """
    left, lifetime = ends_in(session, now_seconds), _lifetime(session)
    return max(APART_SECONDS, int(left - min(AHEAD_SECONDS, lifetime / 4)))


def _is_due(session: Session, now_seconds: float) -> bool:
    return ends_in(session, now_seconds) <= _lifetime(session) / 2


def _lifetime(session: Session) -> float:
    """Return how long the token holds in all, by the issuer's clock alone."""
    claims = unverified(session.token)
    return max(0.0, float(claims["exp"]) - float(claims["iat"]))
