"""The identity file is read whole or refused with the cure."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from concord.chassis.errors import Unauthenticated
from concord.chassis.identity import IdentityFile, Role, SigningKey, mint_token, new_api_key, read_identity
from concord.chassis.settings import IdentitySettings, Secret, SettingsRefused
from tests.unit.concord.chassis.hand_clock import HandClock

PEPPER = Secret("pepper")
KEY = SigningKey.generate("one")


def settings(folder: Path, content: bytes) -> IdentitySettings:
    path = folder / "identity.json"
    path.write_bytes(content)
    return IdentitySettings(file=path, pepper=PEPPER)


async def test_keys_and_tokens_of_the_file_are_believed(tmp_path: Path) -> None:
    clock = HandClock()
    now = int(clock.seconds)
    key, record = new_api_key(PEPPER.key(), [Role.CLIENT], now + 1, "k7q2")
    file = IdentityFile(issuer="iss", audience="aud", jwks=KEY.jwks(), api_keys=(record,))
    identity = read_identity(settings(tmp_path, msgspec.json.encode(file)), clock)
    token = mint_token(
        KEY, issuer="iss", audience="aud", subject="op", roles=[Role.OPERATOR], now_seconds=now, lifetime_seconds=9
    )
    assert (await identity.caller(f"Bearer {key}")).client_id == "k7q2"
    assert (await identity.caller(f"bearer {token}")).roles == {Role.OPERATOR}


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic YTpi", "cnc_x_y"])
async def test_no_credential_is_told_how_to_send_one(tmp_path: Path, header: str | None) -> None:
    file = IdentityFile(issuer="iss", audience="aud", jwks=KEY.jwks())
    identity = read_identity(settings(tmp_path, msgspec.json.encode(file)), HandClock())
    with pytest.raises(Unauthenticated, match="send `Authorization: Bearer`") as exception_info:
        await identity.caller(header)
    assert exception_info.value.headers()["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"jwks": {"keys": []}}, "no Ed25519"),
        ({"jwks": None}, "no Ed25519"),
        ({"jwks_url": "http://issuer.example/keys"}, "no https address"),
        ({"secret": "x"}, "unknown field `secret`"),
        ({"api_keys": [{"id": "a"}]}, "api_keys"),
        (
            {"api_keys": [{"id": "a", "secret_hash": "b", "roles": ["client"], "expires_at": 1}]},
            "needs a client_id",
        ),
    ],
)
def test_a_file_that_cannot_be_is_refused(tmp_path: Path, change: dict[str, Any], problem: str) -> None:
    content = {"issuer": "iss", "audience": "aud", "jwks": KEY.jwks()} | change
    with pytest.raises(SettingsRefused, match=problem):
        read_identity(settings(tmp_path, msgspec.json.encode(content)), HandClock())


def test_an_absent_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused, match="nowhere, which cannot be read"):
        read_identity(IdentitySettings(file=tmp_path / "nowhere", pepper=PEPPER), HandClock())
    for content in (b"{", b'{"issuer":"\xb0"}'):
        with pytest.raises(SettingsRefused, match="no identity file"):
            read_identity(settings(tmp_path, content), HandClock())


def test_a_signing_key_survives_its_file() -> None:
    assert SigningKey.from_pem(KEY.to_pem(), "one").jwks() == KEY.jwks()
    assert "d" not in KEY.jwks()["keys"][0]


OLD, NEW = "an-old-pepper-of-forty-characters-or-more", "the-new-pepper-of-forty-characters-or-more"


@pytest.mark.parametrize(
    ("peppers", "held"), [(OLD, True), (f"{NEW},{OLD}", True), (f"{OLD}, {NEW}", True), (NEW, False)]
)
async def test_a_pepper_changes_in_steps_and_no_key_is_void_before_the_last(
    tmp_path: Path, peppers: str, held: bool
) -> None:
    clock = HandClock()
    key, record = new_api_key(OLD.encode(), [Role.CLIENT], int(clock.seconds) + 9, "k7q2")
    file = IdentityFile(issuer="iss", audience="aud", jwks=KEY.jwks(), api_keys=(record,))
    found = settings(tmp_path, msgspec.json.encode(file))
    identity = read_identity(IdentitySettings(file=found.file, pepper=Secret(peppers)), clock)
    assert (identity.known(f"Bearer {key}") is not None) == held


@pytest.mark.parametrize(
    ("peppers", "refused"),
    [(OLD, False), (f"{NEW},{OLD}", False), (f"{NEW},short", True), (f"{NEW},", True), (f"{OLD},{NEW},{OLD}", True)],
)
def test_a_pepper_of_parts_is_two_secrets_at_most(tmp_path: Path, peppers: str, refused: bool) -> None:
    found = list(IdentitySettings(file=tmp_path, pepper=Secret(peppers)).problems())
    assert bool(found) == refused
    assert not any("pepper-of-forty" in str(problem) for problem in found), "a secret shows itself nowhere"
