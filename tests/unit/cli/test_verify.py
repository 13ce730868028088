"""`concord verify`: exit status and reason."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from concord.quality.auditor_error import Repeats
from concord.quality.label_error import Inspection, Pool
from services.audit.domain.certificate import FileDigest, project_claim, statement, withdrawals
from services.audit.domain.corrections import CorrectedLine, corrections
from services.audit.domain.signing import Signer

LINES = [
    b'{"unit_id":"k1-u1","label":"yes"}\n',
    b'{"unit_id":"k1-u2","label":"no"}\n',
    b'{"unit_id":"k1-u3","label":"no"}\n',
]
SIGNER = Signer(b"seed of a test")
RATE = {"value": 1e-7, "low": 0.0, "high": 1.0, "units": 2**53 - 1, "method": "été\u2028 \U0001f600", "reason": ""}
LOT = {
    "lot_id": "k1-l1", "units": 3, "inspected": 3, "errors_found": 0, "annotators": 2, "guideline_versions": [1],
    "label_error_rate": RATE, "agreement": {"value": None, "low": 5e-324, "high": 1e21}, "\ufb33": 1, "\U0001f600": 2,
}  # fmt: skip
NODE = "process.stdout.write(JSON.stringify(JSON.parse(require('fs').readFileSync(0, 'utf8')), null, 1))"


def said(**more: Any) -> dict[str, Any]:
    digest = FileDigest("lot.jsonl", "application/x-ndjson")
    digest.add(LINES)
    return {**statement("k1", "k1-p", 0, [LOT], [digest.claim()], project_claim(Pool()), "9.9.9"), **more}


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    path = tmp_path / "certificate.json"
    path.write_bytes(SIGNER.signed(said()))
    (tmp_path / "lot.jsonl").write_bytes(b"".join(LINES))
    return path


def verified(certificate: Path, *more: str) -> Result:
    export = certificate.with_name("lot.jsonl")
    return CliRunner().invoke(main, ["verify", str(certificate), str(export), *more])


def by_key(certificate: Path, *more: str) -> Result:
    return verified(certificate, "--public-key", SIGNER.public_key, *more)


def test_what_a_trusted_key_signed_is_verified(certificate: Path) -> None:
    result = by_key(certificate)
    assert (result.exit_code, "VERIFIED: project k1-p" in result.output) == (0, True)
    assert SIGNER.key_id in result.output


def test_lots_are_named_whole(certificate: Path) -> None:
    rows = [row for row in by_key(certificate).output.splitlines() if row.startswith("│")]
    assert said()["lots"][0]["lot_id"] in "".join(row.split("│")[1].strip() for row in rows)


def test_how_far_auditors_agreed_is_told_where_inspections_were_repeated(certificate: Path) -> None:
    assert "auditors agreed" not in by_key(certificate).output
    pool = Pool.of_left(Inspection(200, 60, 1, repeats=Repeats(60, 1, 1, 1, 9, 1)))
    certificate.write_bytes(SIGNER.signed(said(project=project_claim(pool))))
    assert "auditors agreed on 9 of 10 blind repeats" in by_key(certificate).output
    certificate.write_bytes(SIGNER.signed(said(project=None)))
    assert by_key(certificate).exit_code == 0


def test_without_a_trusted_key_nobody_vouches_and_the_status_is_its_own(certificate: Path) -> None:
    result = verified(certificate)
    assert result.exit_code == 3
    assert "NOBODY VOUCHES FOR IT" in result.output
    assert not result.output.startswith("VERIFIED")
    assert verified(certificate, "--json").exit_code == 3


def test_a_changed_byte_is_told_with_the_reason(certificate: Path) -> None:
    export = certificate.with_name("lot.jsonl")
    export.write_bytes(export.read_bytes().replace(b"yes", b"yet"))
    result = by_key(certificate)
    assert (result.exit_code, "NOT VERIFIED: The export was changed" in result.output) == (1, True)
    export.write_bytes(b"".join(LINES)[:-1])
    assert by_key(certificate).exit_code == 1


def test_a_key_that_is_not_the_trusted_one_is_told(certificate: Path) -> None:
    other = Signer(b"seed of another").public_key
    result = verified(certificate, "--public-key", other)
    assert (result.exit_code, "another key" in result.output) == (1, True)
    assert verified(certificate, "--public-key", other, "--public-key", SIGNER.public_key).exit_code == 0


def test_the_page_of_what_verifies_is_written_and_says_who_vouches(certificate: Path) -> None:
    page = certificate.with_name("page.html")
    assert by_key(certificate, "--page", str(page)).exit_code == 0
    assert "Verified: a key that was named signed this certificate" in page.read_text()
    assert "k1-l1" in page.read_text()
    assert verified(certificate, "--page", str(page)).exit_code == 3
    assert "Nobody vouches for it" in page.read_text()


def test_no_page_is_written_of_what_does_not_verify(certificate: Path) -> None:
    page = certificate.with_name("page.html")
    certificate.with_name("lot.jsonl").write_bytes(b"".join(LINES[:2]))
    assert by_key(certificate, "--page", str(page)).exit_code == 1
    certificate.with_name("lot.jsonl").write_bytes(b"".join(LINES))
    certificate.write_bytes(SIGNER.signed(said(lots=[{**LOT, "annotators": 2, "guideline_versions": ["<b>"]}])))
    refused = by_key(certificate, "--page", str(page))
    assert (refused.exit_code, "No page can be made" in refused.output) == (1, True)
    assert not page.exists()


def test_the_statement_is_had_as_json(certificate: Path) -> None:
    assert json.loads(by_key(certificate, "--json").output)["files"][0]["rows"] == 3


def test_a_certificate_that_another_json_library_wrote_anew_still_verifies(certificate: Path) -> None:
    written = json.dumps(json.loads(certificate.read_text()), indent=2, ensure_ascii=True)
    assert written.encode() != certificate.read_bytes()
    certificate.write_text(written)
    assert by_key(certificate).exit_code == 0


@pytest.mark.parametrize("command", [["node", "-e", NODE], ["jq", "."]], ids=["node", "jq"])
def test_a_certificate_that_another_language_wrote_anew_still_verifies(certificate: Path, command: list[str]) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not on this machine")
    written = subprocess.run(command, input=certificate.read_bytes(), capture_output=True, check=True).stdout
    assert written != certificate.read_bytes()
    certificate.write_bytes(written)
    assert by_key(certificate).exit_code == 0


def test_a_name_twice_in_one_object_is_refused(certificate: Path) -> None:
    whole = certificate.read_bytes()
    assert b'"errors_found":0,' in whole
    certificate.write_bytes(whole.replace(b'"errors_found":0,', b'"errors_found":9,"errors_found":0,', 1))
    result = by_key(certificate)
    assert (result.exit_code, "names 'errors_found' twice" in result.output) == (1, True)


@pytest.mark.parametrize("more", ['"\\ud800"', '{"\\ud800":1}', '{"a":[{"b\\udfff":"x"}]}', "NaN", "9007199254740993"])
def test_what_has_no_canonical_form_is_told_in_a_sentence(certificate: Path, more: str) -> None:
    whole = certificate.read_text()
    certificate.write_text(f'{whole[:-1]},"more":{more}}}')
    result = by_key(certificate)
    assert (result.exit_code, "no canonical form" in result.output) == (1, True)


@pytest.mark.parametrize(
    "more",
    [{"files": 5}, {"files": [{}]}, {"project_id": 7}, {"lots": [{"lot_id": "l"}]},
     {"lots": [{**LOT, "label_error_rate": None}]}],
)  # fmt: skip
def test_a_signed_statement_that_is_malformed_is_told_in_a_sentence(certificate: Path, more: dict[str, Any]) -> None:
    certificate.write_bytes(SIGNER.signed(said(**more)))
    result = by_key(certificate)
    assert (result.exit_code, "malformed" in result.output) == (1, True)


@pytest.mark.parametrize(
    "written",
    [b"", b"[]", b"{", b"\xff", b'{"type":"concord.certificate.v1"}', b"[" * 100_000, b'{"type":"x","key":1e999}',
     b'{"type":"concord.certificate.v1","signature":"!","key":{"algorithm":"Ed25519","public_key":"!"}}',
     b'{"type":"concord.certificate.v1","n":1e999}', b'{"type":"concord.certificate.v1","n":12345678901234567890}',
     b'{"type":"concord.certificate.v1","n":"\\ud800"}'],
)  # fmt: skip
def test_what_is_no_certificate_is_told_in_a_sentence(certificate: Path, written: bytes) -> None:
    certificate.write_bytes(written)
    result = by_key(certificate)
    assert (result.exit_code, "NOT VERIFIED: " in result.output) == (1, True), result.output


def withdrawn(certificate: Path, lines: list[int], digest: str = "") -> Path:
    """Erase lines, numbered from 1, and return the signed list of them."""
    left = FileDigest("lot.jsonl", "application/x-ndjson")
    left.add([line for number, line in enumerate(LINES, start=1) if number not in lines])
    file_digest = FileDigest("", "")
    file_digest.add(LINES)
    gone = {line: file_digest.rows[32 * line - 32 : 32 * line].hex() for line in lines}
    one_digest = digest or hashlib.sha256(SIGNER.signed(said())).hexdigest()
    path = certificate.with_name("gone.json")
    path.write_bytes(SIGNER.signed(withdrawals("k1", "k1-p", 1, one_digest, gone, left.claim())))
    export = certificate.with_name("lot.jsonl")
    export.write_bytes(b"".join(line for number, line in enumerate(LINES, start=1) if number not in lines))
    return path


@pytest.mark.parametrize("lines", [[1], [2], [3], [1, 3], [1, 2, 3]])
def test_an_export_less_what_was_erased_verifies_with_the_signed_list_of_it(
    certificate: Path, lines: list[int]
) -> None:
    gone = withdrawn(certificate, lines)
    without = by_key(certificate)
    assert (without.exit_code, "withdrawals" in without.output) == (1, True)
    result = by_key(certificate, "--withdrawals", str(gone))
    assert (result.exit_code, f"{len(lines)} units were erased since" in result.output) == (0, True), result.output


def test_more_than_was_erased_is_not_excused_by_the_list(certificate: Path) -> None:
    gone = withdrawn(certificate, [2])
    certificate.with_name("lot.jsonl").write_bytes(LINES[0])
    assert by_key(certificate, "--withdrawals", str(gone)).exit_code == 1
    gone = withdrawn(certificate, [2], digest="0" * 64)
    result = by_key(certificate, "--withdrawals", str(gone))
    assert (result.exit_code, "of another certificate" in result.output) == (1, True)


RIGHT = b'{"unit_id":"k1-u2","label":"yes"}\n'


def found_wrong(certificate: Path, of: str = "", signer: Signer = SIGNER, **more: Any) -> Path:
    """Return the signed list that says of the second line that it was found wrong since."""
    wrong = CorrectedLine(2, "k1-u2", hashlib.sha256(LINES[1]).hexdigest(), RIGHT)
    of = of or hashlib.sha256(certificate.read_bytes()).hexdigest()
    document = corrections("k1", "k1-p", "k1-l1", 1, of, [wrong])
    document["corrected"][0] |= more
    path = certificate.with_name("wrong.json")
    path.write_bytes(signer.signed(document))
    return path


def test_what_was_found_wrong_since_is_told_by_line_and_put_right_in_a_copy(certificate: Path) -> None:
    wrong, copy = found_wrong(certificate), certificate.with_name("right.jsonl")
    result = by_key(certificate, "--corrections", str(wrong), "--corrected", str(copy))
    assert (result.exit_code, "1 were found wrong since (line 2)" in result.output) == (0, True), result.output
    assert copy.read_bytes() == LINES[0] + RIGHT + LINES[2]
    assert certificate.with_name("lot.jsonl").read_bytes() == b"".join(LINES), "what is certified stays"


def test_a_projects_certificate_takes_the_corrections_of_the_lots_that_it_names(certificate: Path) -> None:
    wrong = found_wrong(certificate)
    own = hashlib.sha256(certificate.read_bytes()).hexdigest()
    certificate.write_bytes(SIGNER.signed(said(lots=[{**LOT, "certificate_sha256": own}])))
    result = by_key(certificate, "--corrections", str(wrong))
    assert (result.exit_code, "line 2" in result.output) == (0, True), result.output


def test_lines_are_found_also_where_others_were_erased_and_those_erased_are_passed_over(certificate: Path) -> None:
    wrong, copy = found_wrong(certificate), certificate.with_name("right.jsonl")
    more = ("--corrections", str(wrong), "--corrected", str(copy))
    gone = withdrawn(certificate, [1])
    assert "(line 1)" in by_key(certificate, "--withdrawals", str(gone), *more).output
    assert copy.read_bytes() == RIGHT + LINES[2]
    gone = withdrawn(certificate, [2])
    result = by_key(certificate, "--withdrawals", str(gone), *more)
    assert (result.exit_code, "found wrong" in result.output) == (0, False), result.output
    assert copy.read_bytes() == LINES[0] + LINES[2]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"of": "0" * 64}, "those of another certificate"),
        ({"signer": Signer(b"seed of another")}, "another key"),
        ({"certified_sha256": "0" * 64}, "in none of the files"),
        ({"certified_sha256": "?"}, "no SHA-256"),
        ({"row": LINES[2].decode().strip()}, "not what its digest says"),
        ({"row": 5}, "malformed"),
    ],
)
def test_corrections_that_are_not_of_it_are_refused_and_nothing_is_written(
    certificate: Path, changes: dict[str, Any], reason: str
) -> None:
    wrong, copy = found_wrong(certificate, **changes), certificate.with_name("right.jsonl")
    result = by_key(certificate, "--corrections", str(wrong), "--corrected", str(copy))
    assert (result.exit_code, reason in result.output, copy.exists()) == (1, True, False), result.output


def test_a_copy_is_made_of_one_export_and_its_corrections(certificate: Path) -> None:
    assert by_key(certificate, "--corrected", "right.jsonl").exit_code == 2
