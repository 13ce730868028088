"""The script of docs/certificates.md: it verifies what audit signs, and imports nothing of ours."""

import json
import subprocess
import sys
from pathlib import Path

from services.audit.domain.signing import Signer
from tests.unit.cli.test_verify import LINES, SIGNER, certificate, withdrawn

__all__ = ["certificate"]

SCRIPT = Path(__file__).resolve().parents[3] / "docs" / "verify_certificate.py"


def run(certificate: Path, *more: str, key: str = SIGNER.public_key) -> subprocess.CompletedProcess[str]:
    export = certificate.with_name("lot.jsonl")
    # -I: neither this folder nor any of ours is where it could import from.
    command = [sys.executable, "-I", str(SCRIPT), str(certificate), str(export), key, *more]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=certificate.parent)


def test_the_script_of_the_docs_verifies_a_certificate_with_nothing_of_ours(certificate: Path) -> None:
    assert "services" not in SCRIPT.read_text()
    assert len([line for line in SCRIPT.read_text().splitlines() if line]) <= 40
    assert run(certificate).stdout == "verified: k1-p 3 lines\n"
    for key in (Signer(b"another").public_key, "bm9uZQ=="):
        refused = run(certificate, key=key)
        assert refused.returncode == 1
        assert refused.stderr.startswith("NOT verified: ")
    certificate.with_name("lot.jsonl").write_bytes(b"".join(LINES).replace(b"yes", b"yet"))
    assert "not what was certified" in run(certificate).stderr


def test_the_script_of_the_docs_verifies_what_another_library_wrote_anew(certificate: Path) -> None:
    signed = certificate.read_bytes()
    for written in (
        json.dumps(json.loads(signed), indent=3, sort_keys=False).encode(),
        json.dumps(dict(reversed(json.loads(signed).items())), ensure_ascii=False).encode(),
    ):
        assert written != signed
        certificate.write_bytes(written)
        assert run(certificate).stdout == "verified: k1-p 3 lines\n"


def test_the_script_of_the_docs_verifies_what_is_left_after_an_erasure(certificate: Path) -> None:
    gone = withdrawn(certificate, [1, 3])
    assert run(certificate).returncode != 0
    assert run(certificate, str(gone)).stdout == "verified: k1-p 3 lines\n"
