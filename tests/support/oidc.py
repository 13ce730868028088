"""An OpenID Connect provider: it signs real tokens, takes each code once, and checks PKCE, secrets and addresses."""

import base64
import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlencode

import jwt
from aiohttp import web

from concord.chassis.identity import SigningKey

CLIENT, SECRET = "workbench", "of the workbench: 100 %"
"""Who the workbench is there, and by what it shows it."""
LIFETIME_SECONDS = 600
Claims = dict[str, Any]


@dataclass
class _Family:
    """All refresh tokens of one sign-in."""

    is_over: bool = False


@dataclass
class _Refresh:
    """One refresh token: whose it is, and how often it was used."""

    subject: str
    family: _Family
    uses: int = 0


@dataclass
class Provider:
    """A provider and what it knows.

    Attributes:
        audience: of access tokens.
        key: signs; another one is a rotation.
        subject, roles: of whoever signs in.
        id_twist, access_twist: change what a token says before it is signed.
        signed: signs it.
        codes: those that were given out, with what they stand for.
        renews: gives refresh tokens.
        rotates: a refresh token is used once, and another takes its place; a second use ends the session it is of.
        leeway_uses: how often one that was used is taken once more without that.
        withdrawn: who is renewed no more.
        revoked: the refresh tokens that it was told to forget.
        ahead_seconds: how far its clock is before ours.
        status: of every answer to whoever renews, where it is none of its own.
    """

    audience: str = "concord"
    key: SigningKey = field(default_factory=lambda: SigningKey.generate("first"))
    subject: str = "auth0|7"
    roles: list[str] = field(default_factory=lambda: ["labels-audit"])
    id_twist: Callable[[Claims], Claims] = dict
    access_twist: Callable[[Claims], Claims] = dict
    is_opaque: bool = False
    methods: list[str] = field(default_factory=lambda: ["client_secret_basic"])
    signed: Callable[[Claims, SigningKey], str] = lambda claims, key: jwt.encode(
        claims, key.private, algorithm="EdDSA", headers={"kid": key.key_id}
    )
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    renews: bool = True
    rotates: bool = True
    leeway_uses: int = 0
    withdrawn: set[str] = field(default_factory=set)
    revoked: list[str] = field(default_factory=list)
    ahead_seconds: int = 0
    status: int = 0
    address: str = ""
    _refresh: dict[str, "_Refresh"] = field(default_factory=dict)

    async def discovery(self, _request: web.Request) -> web.Response:
        """Tell of itself."""
        body = {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize?tenant=1",
            "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/keys",
            "end_session_endpoint": f"{self.address}/logout",
            "revocation_endpoint": f"{self.address}/revoke",
            "token_endpoint_auth_methods_supported": self.methods,
            "authorization_response_iss_parameter_supported": True,
        }
        return web.json_response(body)

    async def keys(self, _request: web.Request) -> web.Response:
        """Tell the public keys."""
        return web.json_response(self.key.jwks())

    async def authorize(self, request: web.Request) -> web.Response:
        """Send a browser back with a code, as if its person had signed in."""
        body = dict(request.query)
        assert (body["response_type"], body["client_id"], body["code_challenge_method"]) == ("code", CLIENT, "S256")
        assert "openid" in body["scope"].split()
        code = secrets.token_urlsafe(16)
        self.codes[code] = body
        back = urlencode({"code": code, "state": body["state"], "iss": self.address})
        raise web.HTTPFound(f"{body['redirect_uri']}?{back}")

    async def token(self, request: web.Request) -> web.Response:
        """Give tokens for a code, or for a refresh token."""
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.asked.append(form)
        if not self._is_client(request, form):
            return web.json_response({"error": "invalid_client"}, status=401)
        if form["grant_type"] == "refresh_token":
            return self._renewed(form["refresh_token"])
        body = self.codes.pop(form["code"], None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode()
        if body is None or challenge.rstrip("=") != body["code_challenge"]:
            return web.json_response({"error": "invalid_grant"}, status=400)
        if form["redirect_uri"] != body["redirect_uri"]:
            return web.json_response({"error": "invalid_client"}, status=401)
        given = self._tokens(self.subject, {"nonce": body["nonce"]})
        if self.renews:
            family = _Family()
            given["refresh_token"] = self._issued(_Refresh(self.subject, family))
        return web.json_response(given)

    async def revoke(self, request: web.Request) -> web.Response:
        """Forget a refresh token and all of its session (RFC 7009)."""
        form = {name: str(value) for name, value in (await request.post()).items()}
        assert self._is_client(request, form)
        self.revoked.append(form["token"])
        if (refresh := self._refresh.get(form["token"])) is not None:
            refresh.family.is_over = True
        return web.Response()

    def _renewed(self, refresh: str) -> web.Response:
        entry = self._refresh.get(refresh)
        if self.status:
            return web.json_response({"error": "temporarily_unavailable"}, status=self.status)
        if entry is not None and self.rotates and entry.uses > self.leeway_uses:
            entry.family.is_over = True
        if entry is None or entry.family.is_over or entry.subject in self.withdrawn:
            return web.json_response({"error": "invalid_grant"}, status=400)
        entry.uses += 1
        given = self._tokens(entry.subject, {})
        if self.rotates:
            given["refresh_token"] = self._issued(_Refresh(entry.subject, entry.family))
        return web.json_response(given)

    def _issued(self, entry: "_Refresh") -> str:
        refresh = secrets.token_urlsafe(32)
        self._refresh[refresh] = entry
        return refresh

    def _tokens(self, subject: str, more: Claims) -> dict[str, str]:
        now = int(time.time()) + self.ahead_seconds
        common: Claims = {"iss": self.address, "sub": subject, "iat": now, "exp": now + LIFETIME_SECONDS}
        access = {**common, "aud": self.audience, "client_id": CLIENT, "realm_access": {"roles": self.roles}}
        access_token = self.signed(self.access_twist(access), self.key)
        return {
            "access_token": "opaque" if self.is_opaque else access_token,
            "id_token": self.signed(self.id_twist({**common, "aud": CLIENT, **more}), self.key),
            "token_type": "Bearer",
        }

    def _is_client(self, request: web.Request, form: dict[str, str]) -> bool:
        if "client_secret_post" in self.methods:
            return (form["client_id"], form.get("client_secret")) == (CLIENT, SECRET)
        kind, _, both = request.headers.get("authorization", "").partition(" ")
        name, _, secret = base64.b64decode(both).decode().partition(":")
        return (kind, unquote(name), unquote(secret)) == ("Basic", CLIENT, SECRET) and "client_secret" not in form


@asynccontextmanager
async def provider() -> AsyncIterator[Provider]:
    """Run a provider on a free port."""
    entry = Provider()
    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", entry.discovery)
    app.router.add_get("/keys", entry.keys)
    app.router.add_get("/authorize", entry.authorize)
    app.router.add_post("/token", entry.token)
    app.router.add_post("/revoke", entry.revoke)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    entry.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield entry
    await runner.cleanup()
