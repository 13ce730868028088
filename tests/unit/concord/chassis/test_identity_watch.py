"""The identity file counts while the process runs: keys come and go, and a bad file changes nothing but a series."""

from pathlib import Path

import msgspec
import pytest

from concord.chassis.errors import Unauthenticated
from concord.chassis.identity import (
    ApiKeyRecord,
    IdentityFile,
    Role,
    SigningKey,
    mint_token,
    new_api_key,
    read_identity,
)
from concord.chassis.identity_watch import REFUSED, IdentityWatch
from concord.chassis.settings import IdentitySettings, Secret
from concord.chassis.telemetry import Telemetry, exposition
from tests.unit.concord.chassis.hand_clock import HandClock

PEPPER = b"pepper"
OLD_KEY, NEW_KEY = SigningKey.generate("old"), SigningKey.generate("new")


class Watched:
    """A process's identity, and the file that it looks at."""

    def __init__(self, folder: Path) -> None:
        self.clock = HandClock()
        self.path = folder / "identity.json"
        self.write()
        settings = IdentitySettings(file=self.path, pepper=Secret(PEPPER.decode()))
        self.identity = read_identity(settings, self.clock)
        self.telemetry = Telemetry("assign")
        self.watch = IdentityWatch(settings, self.identity, self.telemetry, self.clock)

    def write(self, *records: ApiKeyRecord, key: SigningKey = OLD_KEY) -> None:
        file = IdentityFile(issuer="iss", audience="aud", jwks=key.jwks(), api_keys=records)
        self.path.write_bytes(msgspec.json.encode(file))

    def new_key(self) -> tuple[str, ApiKeyRecord]:
        return new_api_key(PEPPER, [Role.CLIENT], int(self.clock.seconds) + 9, "k7q2")

    def token(self, key: SigningKey) -> str:
        now = int(self.clock.seconds)
        return mint_token(
            key, issuer="iss", audience="aud", subject="op", roles=[Role.OPERATOR], now_seconds=now, lifetime_seconds=9
        )

    def refused(self) -> bool:
        return f"{REFUSED} 1.0" in exposition(self.telemetry.registry)[0].decode()


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


async def test_a_key_that_is_added_holds_and_one_that_is_withdrawn_does_not_without_a_restart(watched: Watched) -> None:
    key, record = watched.new_key()
    with pytest.raises(Unauthenticated):
        await watched.identity.caller(f"Bearer {key}")
    watched.write(record)
    await watched.watch.look()
    assert (await watched.identity.caller(f"Bearer {key}")).client_id == "k7q2"
    watched.write()
    await watched.watch.look()
    with pytest.raises(Unauthenticated, match="not known"):
        await watched.identity.caller(f"Bearer {key}")


async def test_another_issuers_keys_count_and_the_old_ones_no_more(watched: Watched) -> None:
    assert (await watched.identity.caller(f"Bearer {watched.token(OLD_KEY)}")).may(Role.OPERATOR)
    watched.write(key=NEW_KEY)
    await watched.watch.look()
    assert (await watched.identity.caller(f"Bearer {watched.token(NEW_KEY)}")).may(Role.OPERATOR)
    with pytest.raises(Unauthenticated):
        await watched.identity.caller(f"Bearer {watched.token(OLD_KEY)}")


async def test_while_the_issuer_stays_tokens_that_held_are_still_known(watched: Watched) -> None:
    token = watched.token(OLD_KEY)
    await watched.identity.caller(f"Bearer {token}")
    watched.write(watched.new_key()[1])
    await watched.watch.look()
    assert watched.identity.known(f"Bearer {token}") is not None


@pytest.mark.parametrize("content", [None, b"", b"{", b'{"issuer": "iss"}', b'{"issuer":"iss","audience":"aud"}'])
async def test_a_file_that_cannot_be_used_changes_nothing_and_is_told_until_it_is_mended(
    watched: Watched, content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    key, record = watched.new_key()
    watched.write(record)
    await watched.watch.look()
    assert not watched.refused()
    caplog.clear()
    if content is None:
        watched.path.unlink()
    else:
        watched.path.write_bytes(content)
    for _ in range(3):
        await watched.watch.look()
    assert watched.refused()
    assert len([line for line in caplog.records if "cannot be used" in line.message]) == 1, "said once, not each time"
    assert (await watched.identity.caller(f"Bearer {key}")).client_id == "k7q2"
    watched.write(record)
    await watched.watch.look()
    assert not watched.refused()
