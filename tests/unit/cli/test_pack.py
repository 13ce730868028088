"""`concord pack`: every statement rests on figures that are where it says; of what was changed nothing is written."""

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from cli.pack import PROVENANCE
from cli.session import TOKEN
from concord.chassis.identity import Role
from concord.version import VERSION
from services.audit.domain import record as domain
from services.audit.domain.record import CERTIFICATE, MANIFEST, Document, looked_up, pointer, record_of
from services.audit.domain.signing import Signer
from tests.support.audit import RELABEL, UNITS, Audit, lot_id, sealed, unit_ids
from tests.support.upstream import PROJECT
from tests.unit.cli.test_export import concord, parts, served
from tests.unit.services.audit.test_page import HOSTILE, Seen

OTHERS = unit_ids(20, first=100)


@pytest.fixture
async def audit(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Audit]:
    found = await sealed(RELABEL)
    await found.more(lot_id(2), OTHERS)
    await found.resolve([*UNITS, *OTHERS])
    await found.inspect({UNITS[0]: "no"})
    await found.erase(OTHERS[3])
    monkeypatch.setenv(TOKEN, found.house.token("client", Role.CLIENT, client_id="k1"))
    yield found
    await found.stop()


async def exported(audit: Audit, folder: Path, *more: str) -> None:
    async with served(audit) as url:
        result = await concord("export", PROJECT, str(folder), "--url", url, *more)
    assert result.exit_code == 0, result.output


async def packed(audit: Audit, folder: Path, *, key: str | None = None) -> Result:
    return await concord("pack", str(folder), "--public-key", key or audit.handlers.means.signer.public_key)


def record(folder: Path) -> Any:
    return json.loads((folder / "record.json").read_text())


def test_labels_of_two_versions_of_a_schema_are_not_told_as_of_one() -> None:
    certificate = domain._Source(CERTIFICATE, {"schema_versions": [1, 3], "guideline_versions": [1]})
    manifest = domain._Source(MANIFEST, {"label_schema": {"kind": "choice"}})
    first, *_ = domain._requirements(certificate, manifest)
    assert first.says == "Labels are of the kind choice, given under the versions 1, 3 of the schema."


async def test_every_statement_rests_on_figures_that_are_where_it_says(audit: Audit, tmp_path: Path) -> None:
    await exported(audit, tmp_path, "--format", "parquet")
    result = await packed(audit, tmp_path)
    assert (result.exit_code, "statements" in result.output) == (0, True), result.output
    body = record(tmp_path)
    documents = {document["name"]: document["sha256"] for document in body["documents"]}
    assert {CERTIFICATE, MANIFEST, "croissant.json"} <= set(documents)
    for name, digest in documents.items():
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == digest
    read = {name: json.loads((tmp_path / name).read_text()) for name in (CERTIFICATE, MANIFEST)}
    assert len(body["statements"]) >= 10
    for statement in body["statements"]:
        assert statement["rests_on"], statement["says"]
        for figure in statement["rests_on"]:
            assert looked_up(read[figure["document"]], figure["at"]) == figure["value"], statement["says"]
    stated = " ".join(entry["says"] for entry in body["statements"])
    lots = read[CERTIFICATE]["lots"]
    inspected, wrong = (sum(lot[name] for lot in lots) for name in ("inspected", "errors_found"))
    assert f"labelled {inspected} of the units again and found {wrong} labels wrong" in stated
    assert "40 units were accepted in 2 lots; this export has 39 rows" in stated
    assert "and 1 after it" in stated
    assert "by one schema throughout" in stated
    assert {open_question["article"] for open_question in body["open_questions"]} >= {"10(2)(b)", "10(2)(f)", "10(3)"}
    page = Seen((tmp_path / "record.html").read_bytes())
    assert all(entry["says"] in page.text for entry in body["statements"])
    assert all(open_question["asks"] in page.text for open_question in body["open_questions"])
    assert "/lots/0/inspected" in page.text
    assert f"worked out by concord {VERSION}" in stated
    again = [(tmp_path / name).read_bytes() for name in ("record.json", PROVENANCE)]
    await packed(audit, tmp_path)
    assert [(tmp_path / name).read_bytes() for name in ("record.json", PROVENANCE)] == again


async def test_a_versions_provenance_names_its_files_lots_certificates_and_guideline(
    audit: Audit, tmp_path: Path
) -> None:
    await exported(audit, tmp_path)
    await packed(audit, tmp_path)
    body = json.loads((tmp_path / PROVENANCE).read_text())
    certificate, manifest = (json.loads((tmp_path / name).read_text()) for name in (CERTIFICATE, MANIFEST))
    files = {entry["c:sha256"] for name, entry in body["entity"].items() if name.startswith("c:file/")}
    assert files == {file["sha256"] for file in manifest["files"]}
    assert body["entity"][f"c:dataset/{PROJECT}/1"]["c:rows"] == manifest["rows"]
    derived = [entry["prov:usedEntity"] for entry in body["wasDerivedFrom"].values()]
    for lot in certificate["lots"]:
        assert {f"c:lot/{lot['lot_id']}", f"c:certificate/{lot['certificate_sha256']}"} <= set(derived)
        assert body["entity"][f"c:lot/{lot['lot_id']}"]["c:inspected"] == lot["inspected"]
        assert body["agent"][f"c:annotators/{lot['lot_id']}"]["c:number"] == lot["annotators"]
        assert body["activity"][f"c:auditing/{lot['lot_id']}"]["prov:endTime"] == lot["accepted_at"]
    assert {entry.get("prov:plan") for entry in body["wasAssociatedWith"].values()} == {None, "c:guideline/1"}
    assert body["agent"][f"c:software/concord-{VERSION}"]["c:kid"] == certificate["key"]["kid"]
    ends = {
        value
        for kind in body
        if kind.startswith(("was", "used", "had"))
        for entry in body[kind].values()
        for value in entry.values()
    }
    assert ends <= {name for kind in ("entity", "activity", "agent") for name in body[kind]}, (
        "nothing is named that is not told of"
    )


async def test_of_what_was_changed_or_is_missing_nothing_is_written(audit: Audit, tmp_path: Path) -> None:
    await exported(audit, tmp_path)
    (part,) = parts(tmp_path, "jsonl")
    for path, spoilt in (
        (part, "was changed"),
        (tmp_path / CERTIFICATE, "signature"),
        (tmp_path / MANIFEST, "signature"),
    ):
        honest = path.read_bytes()
        path.write_bytes(honest.replace(b"yes", b"yez", 1) if path == part else honest.replace(b'"k1', b'"k2', 1))
        broken = await packed(audit, tmp_path)
        assert (broken.exit_code, spoilt in broken.output) == (1, True), broken.output
        path.unlink()
        missing = await packed(audit, tmp_path)
        assert (missing.exit_code, f"{path.name} is not in" in missing.output) == (1, True), missing.output
        path.write_bytes(honest)
    assert not (tmp_path / "record.json").exists()
    assert (await packed(audit, tmp_path)).exit_code == 0


async def test_a_certificate_of_another_issue_is_not_packed_with_the_manifest(audit: Audit, tmp_path: Path) -> None:
    await exported(audit, tmp_path)
    other = (await audit.client(f"/v1/lots/{lot_id(2)}/certificate")).body
    (tmp_path / CERTIFICATE).write_bytes(other)
    result = await packed(audit, tmp_path)
    assert (result.exit_code, "is not the one that manifest.json names" in result.output) == (1, True), result.output


async def test_who_vouches_for_a_record_is_said(audit: Audit, tmp_path: Path) -> None:
    await exported(audit, tmp_path)
    nobody = await concord("pack", str(tmp_path))
    assert (nobody.exit_code, record(tmp_path)["vouched"]) == (3, False), nobody.output
    assert "Nobody vouches for it" in Seen((tmp_path / "record.html").read_bytes()).text
    other = await packed(audit, tmp_path, key=Signer(b"seed of another").public_key)
    assert (other.exit_code, "another key" in other.output) == (1, True)


def test_a_pointer_leads_back_whatever_a_member_is_called() -> None:
    content = {"a/b~1": [{"": 1, "~": {"0": 2}}]}
    assert looked_up(content, pointer(["a/b~1", 0, ""])) == 1
    assert looked_up(content, pointer(["a/b~1", 0, "~", "0"])) == 2


def test_what_a_certificate_does_not_say_is_not_stated() -> None:
    rate = {"value": None, "low": None, "high": None, "reason": "no label"}
    lot = {
        "units": 3, "withdrawn": 0, "rejections": 0, "inspected": 3, "errors_found": 0, "errors_corrected": 0,
        "agreement": rate,
    }  # fmt: skip
    certificate = {
        "project_id": HOSTILE, "issued_at": "t", "lots": [lot], "guideline_versions": [], "key": {"kid": "k"},
    }  # fmt: skip
    manifest = {
        "issue": 1, "rows": 3, "erased": 0, "label_schema": {"kind": "choice"}, "files": [], "left_out": {"tie": 2},
        "form": {"format": "jsonl"}, "key": {"kid": "k"}, "certificate_sha256": "d",
    }  # fmt: skip
    found = record_of(certificate, manifest, [Document(CERTIFICATE, "d")], vouched=True)
    stated = " ".join(statement.says for statement in found.statements)
    assert not any(word in stated for word in ("alpha", "adjudicator", "annotations stand", "confidence"))
    limits = [limit.says for limit in found.limits]
    assert "2 rows are left out of the files: tie." in limits
    assert "Agreement is not defined in 1 lots; each says why." in limits
