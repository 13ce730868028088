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
Claims = dict[str, Any]


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
    address: str = ""

    async def discovery(self, _request: web.Request) -> web.Response:
        """Tell of itself."""
        told = {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize?tenant=1",
            "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/keys",
            "end_session_endpoint": f"{self.address}/logout",
            "token_endpoint_auth_methods_supported": self.methods,
            "authorization_response_iss_parameter_supported": True,
        }
        return web.json_response(told)

    async def keys(self, _request: web.Request) -> web.Response:
        """Tell the public keys."""
        return web.json_response(self.key.jwks())

    async def authorize(self, request: web.Request) -> web.Response:
        """Send a browser back with a code, as if its person had signed in."""
        said = dict(request.query)
        assert (said["response_type"], said["client_id"], said["code_challenge_method"]) == ("code", CLIENT, "S256")
        assert "openid" in said["scope"].split()
        code = secrets.token_urlsafe(16)
        self.codes[code] = said
        back = urlencode({"code": code, "state": said["state"], "iss": self.address})
        raise web.HTTPFound(f"{said['redirect_uri']}?{back}")

    async def token(self, request: web.Request) -> web.Response:
        """Give tokens for a code."""
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.asked.append(form)
        said = self.codes.pop(form["code"], None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode()
        if said is None or challenge.rstrip("=") != said["code_challenge"]:
            return web.json_response({"error": "invalid_grant"}, status=400)
        if form["redirect_uri"] != said["redirect_uri"] or not self._is_client(request, form):
            return web.json_response({"error": "invalid_client"}, status=401)
        now = int(time.time())
        common: Claims = {"iss": self.address, "sub": self.subject, "iat": now, "exp": now + 600}
        id_claims = {**common, "aud": CLIENT, "nonce": said["nonce"]}
        access = {**common, "aud": self.audience, "client_id": CLIENT, "realm_access": {"roles": self.roles}}
        access_token = self.signed(self.access_twist(access), self.key)
        return web.json_response(
            {
                "access_token": "opaque" if self.is_opaque else access_token,
                "id_token": self.signed(self.id_twist(id_claims), self.key),
                "token_type": "Bearer",
            }
        )

    def _is_client(self, request: web.Request, form: dict[str, str]) -> bool:
        if "client_secret_post" in self.methods:
            return (form["client_id"], form.get("client_secret")) == (CLIENT, SECRET)
        kind, _, both = request.headers.get("authorization", "").partition(" ")
        name, _, secret = base64.b64decode(both).decode().partition(":")
        return (kind, unquote(name), unquote(secret)) == ("Basic", CLIENT, SECRET) and "client_secret" not in form


@asynccontextmanager
async def provider() -> AsyncIterator[Provider]:
    """Run a provider on a free port."""
    one = Provider()
    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", one.discovery)
    app.router.add_get("/keys", one.keys)
    app.router.add_get("/authorize", one.authorize)
    app.router.add_post("/token", one.token)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    one.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield one
    await runner.cleanup()
