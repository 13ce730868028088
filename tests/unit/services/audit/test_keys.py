"""The signing key is changed: what was signed before still verifies by the published history of keys."""

import base64
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import main
from concord.chassis.settings import SettingsRefused
from services.audit.domain.signing import CertificateBroken, Signer, key_id, keys_in
from services.audit.settings import AuditSettings
from simulation.house import ENVIRONMENT
from tests.support import audit as support
from tests.support.audit import LOT, RELABEL, lot_id, sealed, unit_ids

RETIRED = "CONCORD_CERTIFICATE_KEYS_RETIRED"
SEED = "CONCORD_CERTIFICATE_SEED"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the next life of audit is told."""
    body = dict(ENVIRONMENT)
    monkeypatch.setattr(support, "ENVIRONMENT", body)
    return body


async def test_what_was_signed_before_verifies_by_the_history_of_keys(
    environment: dict[str, str], tmp_path: Path
) -> None:
    audit = await sealed(RELABEL)
    await audit.resolve()
    await audit.inspect({})
    before = audit.handlers.means.signer.public_key
    certificate = (await audit.client(f"/v1/lots/{LOT}/certificate")).body
    environment |= {SEED: "another seed, as long as a secret has to be here", RETIRED: before}
    again = await audit.restarted()
    others = unit_ids(20, first=100)
    await again.more(lot_id(2), others)
    await again.resolve(others)
    await again.inspect({})
    after = again.handlers.means.signer.public_key
    assert before != after
    assert (await again.client(f"/v1/lots/{LOT}/certificate")).body == certificate
    answer = await again.client("/v1/keys")
    keys = answer.json()["keys"]
    assert [(key["kid"], key["status"]) for key in keys] == [
        (key_id(base64.b64decode(after)), "current"),
        (key_id(base64.b64decode(before)), "retired"),
    ]
    (tmp_path / "keys.json").write_bytes(answer.body)
    for lot in (LOT, lot_id(2)):
        (tmp_path / "c").write_bytes((await again.client(f"/v1/lots/{lot}/certificate")).body)
        (tmp_path / "e").write_bytes((await again.client(f"/v1/lots/{lot}/export")).body)
        (tmp_path / "l").write_bytes((await again.client(f"/v1/lots/{lot}/ledger")).body)
        for command in (["verify", "c", "e"], ["replay", "c", "l"]):
            arguments = [
                command[0],
                *(str(tmp_path / name) for name in command[1:]),
                "--keys",
                str(tmp_path / "keys.json"),
            ]
            done = CliRunner().invoke(main, arguments)
            assert done.exit_code == 0, done.output
    await again.stop()


def test_a_retired_key_that_is_none_is_refused_at_the_start() -> None:
    with pytest.raises(SettingsRefused, match=RETIRED):
        AuditSettings.from_environment({**ENVIRONMENT, RETIRED: "AAAA"})


@pytest.mark.parametrize("document", ["{}", '{"keys": []}', '{"keys": [{"kty": "RSA"}]}', "[]", '{"keys": 1}'])
def test_what_holds_no_key_is_no_set_of_keys(document: str) -> None:
    with pytest.raises(CertificateBroken):
        keys_in(document.encode())


def test_keys_of_others_in_a_set_are_passed_over() -> None:
    ours = Signer(b"seed")
    x = ours.public_key.replace("+", "-").replace("/", "_").rstrip("=")
    document = {"keys": [{"kty": "RSA", "n": "x"}, {"kty": "OKP", "crv": "Ed25519", "x": x}]}
    assert keys_in(json.dumps(document).encode()) == [ours.public_key]
