"""Tokens are believed only as their issuer's key, our audience and the clock say."""

import base64
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from concord.chassis.errors import Unauthenticated
from concord.chassis.identity import KeySet, Role, SigningKey, Tokens, mint_token
from concord.chassis.identity.tokens import KEYS_SECONDS_MAX, LEEWAY_SECONDS, VERIFIED_SECONDS_MAX, read_key_set
from tests.unit.concord.chassis.hand_clock import HandClock

ISSUER, AUDIENCE = "https://issuer.example", "concord"
KEY = SigningKey.generate("one")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def tokens(clock: HandClock) -> Tokens:
    return Tokens(ISSUER, AUDIENCE, KeySet(KEY.jwks()), clock)


def minted(clock: HandClock, **changes: Any) -> str:
    body: dict[str, Any] = {
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "subject": "ann-1",
        "roles": [Role.ANNOTATOR],
        "now_seconds": int(clock.seconds),
        "lifetime_seconds": 600,
    }
    return mint_token(changes.pop("key", KEY), **body | changes)


def claims(clock: HandClock, **changes: Any) -> dict[str, Any]:
    now = int(clock.seconds)
    body = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann-1", "roles": ["annotator"], "iat": now, "exp": now + 600}
    return {name: value for name, value in (body | changes).items() if value is not None}


def signed(payload: dict[str, Any], **header: Any) -> str:
    return jwt.encode(payload, KEY.private, algorithm="EdDSA", headers={"kid": "one"} | header)


async def test_a_token_names_its_subject_roles_and_tenant(clock: HandClock, tokens: Tokens) -> None:
    person = await tokens.caller(minted(clock, roles=[Role.ANNOTATOR, Role.AUDITOR]))
    assert (person.subject, person.roles, person.client_id) == (
        "ann-1",
        frozenset({Role.ANNOTATOR, Role.AUDITOR}),
        None,
    )
    client = await tokens.caller(minted(clock, roles=[Role.CLIENT], client_id="k7q2"))
    assert client.tenant == "k7q2"


async def test_roles_we_do_not_know_are_left_out(clock: HandClock, tokens: Tokens) -> None:
    caller = await tokens.caller(signed(claims(clock, roles=["annotator", "root", 7])))
    assert caller.roles == {Role.ANNOTATOR}
    assert (await tokens.caller(signed(claims(clock, roles="operator")))).roles == frozenset()


@pytest.mark.parametrize("missing", ["exp", "iat", "aud", "iss", "sub"])
async def test_every_required_claim_is_required(clock: HandClock, tokens: Tokens, missing: str) -> None:
    await tokens.caller(signed(claims(clock)))
    with pytest.raises(Unauthenticated):
        await tokens.caller(signed(claims(clock, **{missing: None})))


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://issuer.example/"},
        {"aud": "another"},
        {"exp": "soon"},
        {"sub": "a\nb"},
        {"sub": " a"},
        {"sub": "Zoe\u0308"},
        {"sub": 7},
        {"sub": ""},
        {"sub": "x" * 129},
        {"roles": ["client"]},
        {"roles": ["client"], "client_id": "K7Q2/../x"},
        {"client_id": ["k7q2"]},
        {"client_id": []},
        {"client_id": {}},
        {"client_id": 0},
        {"client_id": False},
        {"client_id": ""},
        {"client_id": "k7q2\n"},
        {"exp": 1e400},
        {"exp": 10**400},
    ],
)
async def test_claims_that_cannot_be_are_refused(clock: HandClock, tokens: Tokens, changes: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        await tokens.caller(signed(claims(clock, **changes)))


async def test_an_expired_token_ends_after_the_leeway_also_when_it_was_verified_before(
    clock: HandClock, tokens: Tokens
) -> None:
    token = minted(clock, lifetime_seconds=60)
    await tokens.caller(token)
    clock.seconds += 60 + LEEWAY_SECONDS - 1
    await tokens.caller(token)
    clock.seconds += 1
    with pytest.raises(Unauthenticated, match="expired"):
        await tokens.caller(token)


async def test_a_token_from_the_future_does_not_hold_yet(clock: HandClock, tokens: Tokens) -> None:
    with pytest.raises(Unauthenticated, match="not hold yet"):
        await tokens.caller(minted(clock, now_seconds=int(clock.seconds) + LEEWAY_SECONDS + 1))
    with pytest.raises(Unauthenticated, match="not hold yet"):
        await tokens.caller(signed(claims(clock, nbf=clock.seconds + LEEWAY_SECONDS + 1)))


async def test_another_key_under_the_same_name_is_refused(clock: HandClock, tokens: Tokens) -> None:
    with pytest.raises(Unauthenticated, match="does not hold"):
        await tokens.caller(minted(clock, key=SigningKey.generate("one")))
    with pytest.raises(Unauthenticated, match="do not know"):
        await tokens.caller(minted(clock, key=SigningKey.generate("two")))


async def test_the_token_does_not_choose_the_algorithm(clock: HandClock, tokens: Tokens) -> None:
    public = KEY.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    mac = jwt.encode(claims(clock), public, algorithm="HS256", headers={"kid": "one"})
    none = jwt.encode(claims(clock), "", algorithm="none", headers={"kid": "one"})
    curve = jwt.encode(
        claims(clock), ec.generate_private_key(ec.SECP256R1()), algorithm="ES256", headers={"kid": "one"}
    )
    for token in (mac, none, curve):
        with pytest.raises(Unauthenticated):
            await tokens.caller(token)


async def test_keys_of_three_kinds_verify_each_its_own_algorithm(clock: HandClock) -> None:
    curve, modulus = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)
    jwks = [
        {**json.loads(jwt.algorithms.ECAlgorithm.to_jwk(curve.public_key())), "kid": "ec"},
        {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(modulus.public_key())), "kid": "rsa"},
    ]
    tokens = Tokens(ISSUER, AUDIENCE, KeySet({"keys": jwks}), clock)
    for private, algorithm, key_id in ((curve, "ES256", "ec"), (modulus, "RS256", "rsa")):
        token = jwt.encode(claims(clock), private, algorithm=algorithm, headers={"kid": key_id})
        assert (await tokens.caller(token)).subject == "ann-1"
    wrong = jwt.encode(claims(clock), modulus, algorithm="PS256", headers={"kid": "rsa"})
    with pytest.raises(Unauthenticated):
        await tokens.caller(wrong)


def test_weak_symmetric_unnamed_and_encryption_keys_are_left_out() -> None:
    weak = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 1024).public_key()))
    good = KEY.jwks()["keys"][0]
    unnamed = {name: value for name, value in good.items() if name != "kid"}
    others = [
        {**weak, "kid": "weak"},
        {"kty": "oct", "k": base64.urlsafe_b64encode(b"k" * 32).decode(), "kid": "oct"},
        unnamed,
        {**good, "kid": "enc", "use": "enc"},
        {**good, "kid": "alg", "alg": "HS256"},
        {**good, "kid": "broken", "x": "!"},
        "no key",
    ]
    assert len(KeySet({"keys": others})) == 0
    assert len(KeySet({"keys": [*others, good]})) == 1
    with pytest.raises(ValueError, match="no Ed25519"):
        read_key_set(json.dumps({"keys": others}).encode())


@pytest.mark.parametrize("token", ["", "a.b.c", "é", "x" * 9_000, "." * 50, "bnVsbA.bnVsbA.bnVsbA"])
async def test_what_is_no_token_is_refused(tokens: Tokens, token: str) -> None:
    with pytest.raises(Unauthenticated):
        await tokens.caller(token)


async def test_verified_tokens_are_remembered_and_forgotten(
    clock: HandClock, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified = 0
    decode = jwt.decode

    def counting(*arguments: Any, **named: Any) -> Any:
        nonlocal verified
        verified += 1
        return decode(*arguments, **named)

    monkeypatch.setattr(jwt, "decode", counting)
    monkeypatch.setattr("concord.chassis.identity.tokens.VERIFIED_TOKENS_MAX", 2)
    first = minted(clock, lifetime_seconds=10_000)
    for _ in range(5):
        await tokens.caller(first)
    assert verified == 1
    clock.seconds += VERIFIED_SECONDS_MAX
    await tokens.caller(first)
    assert verified == 2
    for number in range(2):
        await tokens.caller(minted(clock, subject=f"ann-{number}"))
    await tokens.caller(first)
    assert verified == 5


async def test_fetched_keys_are_renewed_when_unknown_or_old_and_kept_when_the_issuer_is_silent(
    clock: HandClock,
) -> None:
    answers: list[KeySet | None] = [KeySet(KEY.jwks()), None, KeySet(SigningKey.generate("two").jwks())]
    asked = 0

    async def refresh() -> KeySet | None:
        nonlocal asked
        asked += 1
        return answers[asked - 1]

    tokens = Tokens(ISSUER, AUDIENCE, KeySet({}), clock, refresh)
    await tokens.caller(minted(clock))
    await tokens.caller(minted(clock, subject="ann-2"))
    assert asked == 1
    clock.seconds += KEYS_SECONDS_MAX
    await tokens.caller(minted(clock))
    assert asked == 2
    with pytest.raises(Unauthenticated, match="do not know"):
        await tokens.caller(minted(clock, subject="ann-3"))
    assert asked == 3
