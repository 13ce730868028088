"""`concord verify`: exit status and reason."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import main
from services.audit.domain.certificate import Signer, file_claim, statement

EXPORT = b'{"unit_id":"k1-u1","label":"yes"}\n'


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    signer = Signer(b"seed of a test")
    claims = [file_claim("lot.jsonl", "application/x-ndjson", EXPORT, 1)]
    said = statement("k1", "k1-p", 0, [], claims)
    certificate, export = tmp_path / "certificate.json", tmp_path / "lot.jsonl"
    certificate.write_text(signer.signed(said))
    export.write_bytes(EXPORT)
    return certificate, export


def test_what_was_signed_is_verified(files: tuple[Path, Path]) -> None:
    result = CliRunner().invoke(main, ["verify", *map(str, files)])
    assert result.exit_code == 0
    assert "VERIFIED: project k1-p" in result.output


def test_a_changed_byte_is_told_with_the_reason(files: tuple[Path, Path]) -> None:
    files[1].write_bytes(EXPORT.replace(b"yes", b"yet"))
    result = CliRunner().invoke(main, ["verify", *map(str, files)])
    assert result.exit_code == 1
    assert "NOT VERIFIED: The export was changed" in result.output


def test_a_key_that_is_not_the_trusted_one_is_told(files: tuple[Path, Path]) -> None:
    other = Signer(b"seed of another").public_key
    result = CliRunner().invoke(main, ["verify", *map(str, files), "--public-key", other])
    assert result.exit_code == 1
    assert "another key" in result.output


def test_the_statement_is_had_as_json(files: tuple[Path, Path]) -> None:
    result = CliRunner().invoke(main, ["verify", *map(str, files), "--json"])
    assert json.loads(result.output)["files"][0]["rows"] == 1
