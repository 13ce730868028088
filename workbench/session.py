"""Who is signed in, sealed in the browser's own cookie: the process keeps nothing, so any process can go on with it."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

T = TypeVar("T")
NONCE_BYTES = 12
PIECE_CHARACTERS = 3_500
PIECES_MAX = 4
"""Browsers keep 4,096 bytes a cookie, and a token may have 8,192: a long one is cut into pieces."""


class Session(msgspec.Struct, frozen=True):
    """What the cookie holds.

    Attributes:
        token: the person's own bearer token.
        id: drawn when they signed in; what is derived from it holds for this session alone.
        refresh: for what the issuer gives another token when this one ends; empty where it gives none.
        until: seconds since the epoch after which it is renewed no more.
    """

    token: str
    id: str
    refresh: str = ""
    until: int = 0

    @classmethod
    def begun(cls, token: str, refresh: str = "", until: int = 0) -> "Session":
        """Return a new session."""
        return cls(token, secrets.token_urlsafe(16), refresh, until)

    def is_renewable(self, now_seconds: float) -> bool:
        """Return whether another token may be asked for."""
        return bool(self.refresh) and now_seconds < self.until


class Errand(msgspec.Struct, frozen=True):
    """What a sign-in at the issuer is remembered by until the browser comes back.

    Attributes:
        state, nonce, verifier: as OpenID Connect and PKCE (RFC 7636) have them.
        then: the page that was wanted.
        until: seconds since the epoch after which it is forgotten.
    """

    state: str
    nonce: str
    verifier: str
    then: str
    until: int


_SESSION, _ERRAND = msgspec.json.Decoder(Session), msgspec.json.Decoder(Errand)


class Seal:
    """Seals texts so that nobody else can read or make one: AES-GCM under a key from a secret and the purpose.

    Args:
        keys: the first one seals, each opens.
        purpose: what is sealed; nothing that was sealed for another is opened.
    """

    def __init__(self, keys: Sequence[bytes], purpose: str) -> None:
        self._purpose = purpose.encode()
        self._ciphers = [AESGCM(hmac.digest(key, b"seal:" + self._purpose, hashlib.sha256)) for key in keys]

    def close(self, content: bytes) -> str:
        """Return the sealed text."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = nonce + self._ciphers[0].encrypt(nonce, content, self._purpose)
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def open(self, text: str) -> bytes | None:
        """Return the content; None where it was not sealed by one of these secrets for this purpose."""
        try:
            sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except ValueError:
            return None
        for cipher in self._ciphers:
            with suppress(ValueError, InvalidTag):
                return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], self._purpose)
        return None


@dataclass(frozen=True, slots=True)
class Cookie:
    """One `Set-Cookie`, always for this host, all paths and no script."""

    name: str
    value: str
    seconds: int
    secure: bool

    def header(self) -> tuple[bytes, bytes]:
        """Return it as a header. `Lax`, for a person comes back from the issuer by a link."""
        parts = [f"{self.name}={self.value}", "Path=/", "HttpOnly", "SameSite=Lax", f"Max-Age={self.seconds}"]
        return b"set-cookie", "; ".join(parts + (["Secure"] if self.secure else [])).encode()


class Sessions:
    """Makes and reads the cookies.

    Args:
        keys: the first one seals them, each opens them: one may follow another while both are known everywhere.
        over_https: binds them to https and, by their name, to this host.
    """

    def __init__(self, keys: Sequence[bytes], *, over_https: bool) -> None:
        prefix = "__Host-" if over_https else ""
        self._secure = over_https
        self._name, self._errand = f"{prefix}concord-session", f"{prefix}concord-sign-in"
        self._seal, self._errand_seal = Seal(keys, "session"), Seal(keys, "sign-in")
        self._csrf_keys = [hmac.digest(key, b"csrf", hashlib.sha256) for key in keys]

    def read(self, cookies: Mapping[str, str]) -> Session | None:
        """Return the session that a browser's cookies hold."""
        pieces = [cookies.get(name, "") for name in self._names()]
        content = self._seal.open("".join(pieces)) if pieces[0] else None
        return _decoded(_SESSION, content)

    def written(self, session: Session, seconds: int) -> list[Cookie]:
        """Return the cookies of a session; what a longer one left is taken away.

        Raises:
            ValueError: what it holds is too long for cookies.
        """
        text = self._seal.close(msgspec.json.encode(session))
        pieces = [text[start : start + PIECE_CHARACTERS] for start in range(0, len(text), PIECE_CHARACTERS)]
        if len(pieces) > PIECES_MAX:
            raise ValueError(f"the token is too long for {PIECES_MAX} cookies")
        pieces += [""] * (PIECES_MAX - len(pieces))
        named = zip(self._names(), pieces, strict=True)
        return [self._cookie(name, piece, seconds if piece else 0) for name, piece in named]

    def forgotten(self) -> list[Cookie]:
        """Return what takes the session's cookies away."""
        return [self._cookie(name, "", 0) for name in self._names()]

    def csrf(self, session: Session) -> str:
        """Return what a page of this session sends with each change, and what no other site can know."""
        return _csrf(self._csrf_keys[0], session)

    def is_csrf(self, session: Session, token: str) -> bool:
        """Return whether a change was sent by a page of this session, whichever of the secrets it was told under."""
        matches = [hmac.compare_digest(_csrf(key, session).encode(), token.encode()) for key in self._csrf_keys]
        return any(matches)

    def errand(self, cookies: Mapping[str, str], now_seconds: float) -> Errand | None:
        """Return the sign-in that this browser is on, unless it took too long."""
        content = self._errand_seal.open(cookies[self._errand]) if self._errand in cookies else None
        errand = _decoded(_ERRAND, content)
        return errand if errand is not None and now_seconds < errand.until else None

    def sent_out(self, errand: Errand | None, seconds: int) -> Cookie:
        """Return the cookie of a sign-in; with None what takes it away."""
        value = "" if errand is None else self._errand_seal.close(msgspec.json.encode(errand))
        return self._cookie(self._errand, value, seconds if errand is not None else 0)

    def _names(self) -> list[str]:
        return [self._name, *(f"{self._name}.{place}" for place in range(1, PIECES_MAX))]

    def _cookie(self, name: str, value: str, seconds: int) -> Cookie:
        return Cookie(name, value, seconds, self._secure)


def _csrf(key: bytes, session: Session) -> str:
    return hmac.new(key, session.id.encode(), hashlib.sha256).hexdigest()


def _decoded(decoder: "msgspec.json.Decoder[T]", content: bytes | None) -> T | None:
    try:
        return decoder.decode(content) if content is not None else None
    except msgspec.DecodeError:
        return None


def cookies_of(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the cookies that a request brings, by name; of a name that comes twice the first.

    >>> cookies_of([(b"cookie", b"a=1; b=2; a=3")])
    {'a': '1', 'b': '2'}
    """
    found: dict[str, str] = {}
    for name, value in _pairs(headers):
        found.setdefault(name, value)
    return found


def _pairs(headers: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[str, str]]:
    for header, value in headers:
        if header == b"cookie":
            for pair in value.decode("latin-1").split(";"):
                name, _, text = pair.strip().partition("=")
                yield name, text
