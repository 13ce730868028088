"""Signing in at a provider that signs real tokens: what comes back holds, or nobody comes in."""

import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest

from concord.chassis.clock import SystemClock
from concord.chassis.errors import Unavailable
from concord.chassis.identity import ClaimMapping, Identity, IdentityFile, Role, SigningKey, Tokens, key_set_url
from concord.chassis.identity.api_keys import ApiKeys
from concord.chassis.identity.key_set_url import KeySetUrl
from concord.chassis.identity.tokens import KeySet
from concord.chassis.settings_loading import SettingsRefused
from tests.support.oidc import CLIENT, SECRET, Claims, Provider, provider
from tests.support.workbench import Front, front
from workbench.issuer import _error, _read, _Refusal

MAPPING = ClaimMapping(
    roles=("realm_access", "roles"), client_id=("tenant",), role_names={"labels-audit": Role.AUDITOR}
)
"""As Keycloak has it: roles of its own, and an id of the application in `client_id`, which is no client of ours."""


@pytest.fixture
async def there() -> AsyncIterator[Provider]:
    async with provider() as entry:
        yield entry


def believing(entry: Provider) -> Identity:
    """Return an identity that fetches the provider's keys."""
    clock = SystemClock()
    keys = KeySetUrl(f"{entry.address}/keys", clock)
    tokens = Tokens(entry.address, entry.audience, KeySet({}), clock, keys.fetch, MAPPING)
    return Identity(ApiKeys((), b"nobody's"), tokens, clock)


@pytest.fixture
async def away(tmp_path: Path, there: Provider, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Front]:
    monkeypatch.setattr(key_set_url, "FETCHES_APART_SECONDS", 0)
    file = IdentityFile(issuer=there.address, audience=there.audience, jwks=there.key.jwks(), claims=MAPPING)
    changes = {
        "CONCORD_OIDC_ISSUER": there.address,
        "CONCORD_OIDC_CLIENT_ID": CLIENT,
        "CONCORD_OIDC_CLIENT_SECRET": SECRET,
        "CONCORD_WORKBENCH_URL": "http://127.0.0.1:18080",
    }
    async with front(tmp_path, file=file, identity=believing(there), clock=None, **changes) as entry:
        yield entry


async def sent_out(entry: Front, then: str = "/audit") -> str:
    """Return the way back to the workbench that the provider sends a browser on."""
    left = await entry.client.get("/sign-in/issuer", params={"then": then})
    assert left.status_code == 303
    async with httpx.AsyncClient() as browser:
        answer = await browser.get(left.headers["location"])
    back = urlsplit(answer.headers["location"])
    assert f"{back.scheme}://{back.netloc}{back.path}" == "http://127.0.0.1:18080/sign-in/back"
    return f"{back.path}?{back.query}"


async def told(entry: Front) -> dict[str, Any]:
    found: dict[str, Any] = (await entry.client.get("/session")).json()
    return found


async def is_refused(entry: Front, back: str, why: str) -> None:
    answer = await entry.client.get(back)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in?why={why}")
    assert "subject" not in await told(entry)


async def test_who_signs_in_comes_back_to_the_page_they_wanted_with_the_roles_they_have(
    away: Front, there: Provider
) -> None:
    back = await away.client.get(await sent_out(away))
    assert (back.status_code, back.headers["location"]) == (303, "/audit")
    found = await told(away)
    assert (found["subject"], found["roles"], found.get("client_id")) == ("auth0|7", ["auditor"], None)
    assert len(there.asked[0]["code_verifier"]) >= 43
    answer = await away.client.get("/api/audit/v1/inspections")
    forwarded = answer.json()["authorization"].removeprefix("Bearer ")
    assert jwt.decode(forwarded, options={"verify_signature": False})["aud"] == "concord"


async def test_the_secret_is_shown_as_the_issuer_wants_it(away: Front, there: Provider) -> None:
    there.methods = ["client_secret_post"]
    await away.client.get(await sent_out(away))
    assert there.asked[0]["client_secret"] == SECRET
    assert (await told(away))["subject"] == "auth0|7"


async def test_an_opaque_access_token_leaves_the_id_token_to_be_believed(away: Front, there: Provider) -> None:
    there.is_opaque = True
    there.id_twist = lambda claims: claims | {
        "aud": [CLIENT, "concord"], "azp": CLIENT, "realm_access": {"roles": ["labels-audit"]}
    }  # fmt: skip
    await away.client.get(await sent_out(away))
    assert (await told(away))["roles"] == ["auditor"]


async def test_keys_that_the_issuer_has_changed_are_fetched_anew(away: Front, there: Provider) -> None:
    await away.client.get(await sent_out(away))
    assert (await told(away))["subject"] == "auth0|7"
    there.key, there.subject = SigningKey.generate("second"), "auth0|8"
    await away.client.get(await sent_out(away))
    assert (await told(away))["subject"] == "auth0|8"


async def test_a_sign_in_is_used_once_and_by_the_browser_that_began_it(away: Front, there: Provider) -> None:
    back = await sent_out(away)
    async with httpx.AsyncClient(transport=away.client._transport, base_url=away.client.base_url) as other:
        assert (await other.get(back)).headers["location"] == "/sign-in?why=not_begun"
    errand = dict(away.client.cookies)
    assert (await away.client.get(back)).headers["location"] == "/audit"
    await away.client.post("/sign-out", headers={"x-concord-csrf": (await told(away))["csrf"]})
    await is_refused(away, back, "not_begun")
    # Whoever kept the cookie of the sign-in finds its code used at the issuer.
    away.client.cookies.update(errand)
    await is_refused(away, back, "refused")
    assert len(there.asked) == 2


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"state": "another"}, "not_begun"), ({"state": ""}, "not_begun"), ({"code": "invented"}, "refused"),
        ({"iss": ""}, "refused"), ({"iss": "https://other.example"}, "refused"),
        ({"code": "", "error": "access_denied"}, "refused"),
    ],
)  # fmt: skip
async def test_what_a_browser_brings_back_must_be_what_it_was_given(
    changed: dict[str, str], why: str, away: Front
) -> None:
    back = urlsplit(await sent_out(away))
    body = {name: values[0] for name, values in parse_qs(back.query).items()} | changed
    await is_refused(away, f"{back.path}?{httpx.QueryParams(body)}", why)
    # It was used up by that: the right answer comes too late.
    await is_refused(away, f"{back.path}?{back.query}", "not_begun")


def without(name: str) -> Callable[[Claims], Claims]:
    return lambda claims: {text: value for text, value in claims.items() if text != name}


def from_now(name: str, seconds: int) -> Callable[[Claims], Claims]:
    """Return what sets a time when the token is made: these tests may run long after they were collected."""
    return lambda claims: claims | {name: int(time.time()) + seconds}


def saying(**more: Any) -> Callable[[Claims], Claims]:
    return lambda claims: claims | more


@pytest.mark.parametrize(
    "twist",
    [
        saying(nonce="another"), without("nonce"), saying(nonce=7), saying(aud="another"), saying(aud=["concord"]),
        saying(aud=[CLIENT, "concord"]), saying(aud=[CLIENT, "concord"], azp="another"), saying(azp="another"),
        saying(iss="https://other.example"), from_now("exp", -60), without("exp"),
        from_now("iat", 600), saying(sub="somebody else"), without("sub"),
    ],
)  # fmt: skip
async def test_an_id_token_that_does_not_hold_lets_nobody_in(
    twist: Callable[[Claims], Claims], away: Front, there: Provider
) -> None:
    there.id_twist = twist
    await is_refused(away, await sent_out(away), "refused")


@pytest.mark.parametrize(
    "twist",
    [
        saying(aud="another"), saying(iss="https://other.example"), from_now("exp", -60),
        saying(tenant=7), saying(sub="a\u202eb"), saying(sub="somebody else"),
    ],
)  # fmt: skip
async def test_an_access_token_that_the_services_would_not_believe_is_no_session(
    twist: Callable[[Claims], Claims], away: Front, there: Provider
) -> None:
    there.access_twist = twist
    await is_refused(away, await sent_out(away), "refused")


def unsigned(claims: Claims, key: SigningKey) -> str:
    return jwt.encode(claims, "", algorithm="none", headers={"kid": key.key_id})


def by_the_public_key(claims: Claims, key: SigningKey) -> str:
    return jwt.encode(claims, key.jwks()["keys"][0]["x"], algorithm="HS256", headers={"kid": key.key_id})


def by_another(claims: Claims, key: SigningKey) -> str:
    other = SigningKey.generate(key.key_id)
    return jwt.encode(claims, other.private, algorithm="EdDSA", headers={"kid": key.key_id})


@pytest.mark.parametrize("signed", [unsigned, by_the_public_key, by_another])
async def test_a_token_that_the_issuers_key_has_not_signed_by_its_own_algorithm_holds_for_nothing(
    signed: Callable[[Claims, SigningKey], str], away: Front, there: Provider
) -> None:
    there.signed = signed
    await is_refused(away, await sent_out(away), "refused")


async def test_roles_that_are_not_named_are_none(away: Front, there: Provider) -> None:
    there.roles = ["auditor", "operator", "offline_access"]
    await away.client.get(await sent_out(away))
    assert ((await told(away))["subject"], (await told(away)).get("roles", [])) == ("auth0|7", [])


async def test_who_signs_out_is_signed_out_at_the_issuer_too(away: Front, there: Provider) -> None:
    await away.client.get(await sent_out(away))
    answer = await away.client.post("/sign-out", headers={"x-concord-csrf": (await told(away))["csrf"]})
    leave = urlsplit(answer.json()["issuer"])
    assert f"{leave.scheme}://{leave.netloc}{leave.path}" == f"{there.address}/logout"
    assert parse_qs(leave.query) == {
        "client_id": [CLIENT], "post_logout_redirect_uri": ["http://127.0.0.1:18080/sign-in"]
    }  # fmt: skip
    assert "subject" not in await told(away)


@pytest.mark.parametrize("then", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:ran()"])
async def test_a_link_cannot_send_people_elsewhere_after_they_signed_in(then: str, away: Front) -> None:
    assert (await away.client.get(await sent_out(away, then))).headers["location"] == "/"


async def test_an_issuer_that_is_away_or_tells_of_another_is_said_on_the_page(away: Front, there: Provider) -> None:
    address, there.address = there.address, "https://other.example"
    left = await away.client.get("/sign-in/issuer")
    assert (left.status_code, left.headers["location"]) == (303, "/sign-in?why=away")
    there.address = address
    assert (await away.client.get("/sign-in/issuer")).headers["location"].startswith(f"{address}/authorize?tenant=1&")


def test_an_answer_of_an_issuer_that_is_no_text_is_one_that_nobody_can_read() -> None:
    assert _error(b'{"error":"\xb0"}') == "no reason"
    with pytest.raises(Unavailable, match="what nobody can read"):
        _read(b'{"error":"\xb0"}', _Refusal)


async def test_an_issuer_whose_tokens_no_service_believes_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused, match="CONCORD_OIDC_ISSUER"):
        async with front(tmp_path, CONCORD_OIDC_ISSUER="http://127.0.0.1:1", CONCORD_OIDC_CLIENT_ID=CLIENT):
            pass
