import json
from pathlib import Path

import pytest

from concord.chassis.clock import SystemClock
from concord.chassis.errors import Unauthenticated
from concord.chassis.identity.caller import Caller, Role
from concord.chassis.identity.identity import Identity
from concord.chassis.identity.identity_file import read_identity
from concord.chassis.settings import IdentitySettings, Secret
from deploy.local.issuer import CLIENT_ID, Issuer
from deploy.local.verbs import ROLES


def _identity(issuer: Issuer) -> Identity:
    return read_identity(IdentitySettings(file=issuer.identity_file, pepper=Secret(issuer.pepper)), SystemClock())


async def _caller(issuer: Issuer, credential: str) -> Caller:
    return await _identity(issuer).caller(f"Bearer {credential}")


async def test_every_role_has_a_credential_that_the_services_believe(tmp_path: Path) -> None:
    issuer = Issuer(tmp_path)
    credentials = issuer.credentials()
    assert set(credentials) == set(Role) == set(ROLES)
    for role, credential in credentials.items():
        caller = await _caller(issuer, credential)
        assert caller.roles == {Role(role)}
        assert caller.client_id == (CLIENT_ID if role == Role.CLIENT else None)
    assert json.loads(issuer.tokens_file.read_text()) == credentials


async def test_a_token_names_its_subject_and_its_client(tmp_path: Path) -> None:
    issuer = Issuer(tmp_path)
    annotator = await _caller(issuer, issuer.token("annotator", "w017"))
    client = await _caller(issuer, issuer.token("client", "someone", "acme"))
    assert (annotator.subject, annotator.client_id) == ("w017", None)
    assert (client.subject, client.client_id) == ("someone", "acme")


async def test_credentials_of_another_stack_and_expired_ones_are_refused(tmp_path: Path) -> None:
    ours, theirs = Issuer(tmp_path / "ours"), Issuer(tmp_path / "theirs")
    for stranger in (theirs.client_key, theirs.token("auditor", "eve"), ours.token("auditor", "late", seconds=-60)):
        with pytest.raises(Unauthenticated):
            await _caller(ours, stranger)


async def test_the_issuer_stays_with_the_data(tmp_path: Path) -> None:
    token, key = Issuer(tmp_path).token("auditor", "a1"), Issuer(tmp_path).client_key
    assert (await _caller(Issuer(tmp_path), token)).subject == "a1"
    assert Issuer(tmp_path).client_key == key


def test_an_unknown_role_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="emperor"):
        Issuer(tmp_path).token("emperor", "e1")


def test_secrets_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    issuer = Issuer(tmp_path)
    issuer.credentials()
    files = list(issuer.identity_file.parent.iterdir())
    assert len(files) == 5
    assert {path.stat().st_mode & 0o077 for path in files} == {0}
