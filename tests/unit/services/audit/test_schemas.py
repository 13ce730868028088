"""Label schemas that change between a unit's label and its leaving: asked as it was, sent in the names of one."""

import csv
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from concord.contracts.v1.resolutions_pb2 import ConsensusReached, Evidence
from concord.labels import encoded
from concord.labels.versions import Step
from services.audit.domain.replay import replay
from services.ingest.domain.project import Policy
from tests.support.audit import INSPECT_ALL, LOT, Audit, sealed, unit_ids
from tests.support.service import until

TWO = unit_ids(2)
OLD, NEW = TWO
RENAMED = (Step(2, "rename", "", "yes", ("surely",)), Step(2, "retire", "", "no"), Step(2, "add", "", "unsure"))
LATER = (*RENAMED, Step(3, "rename", "", "surely", ("certain",)))

pytestmark = pytest.mark.usefixtures("lives")


@pytest.fixture
async def audit(lives: int) -> AsyncIterator[Audit]:
    del lives
    found = await sealed(INSPECT_ALL, units=TWO)
    yield found
    await found.stop()


async def resolved(audit: Audit, unit: str, label: str, version: int, *given: tuple[str, int]) -> None:
    evidence = [
        Evidence(annotation_id=f"{unit}.{n}", annotator_id=f"w{n}", label=encoded(text), schema_version=under)
        for n, (text, under) in enumerate(given)
    ]
    reached = ConsensusReached(
        unit_id=unit, label=encoded(label), confidence=0.97, method="posterior", evidence=evidence,
        overlap_initial=2, schema_version=version,
    )  # fmt: skip
    await audit.upstream.resolution(unit, consensus_reached=reached)
    await audit.settle()


async def defined(audit: Audit, revision: int, classes: list[str], *steps: Step) -> None:
    await audit.upstream.project(Policy(audit=INSPECT_ALL), classes, revision=revision, steps=steps)
    tables = [life.handlers.means.projects for life in audit.lives]
    await until(lambda: all(table.rows[audit.upstream.project_id].revision == revision for table in tables))


async def works(audit: Audit) -> dict[str, Any]:
    found = (await audit.call("GET", "/v1/inspections")).json()["inspections"]
    return {unit["unit_id"]: (unit["schema_version"], unit["label_schema"]["classes"]) for unit in found}


async def accepted(audit: Audit) -> None:
    """Have a unit resolved before a change and one after, and the lot accepted."""
    await resolved(audit, OLD, "no", 1, ("no", 1), ("no", 1))
    await defined(audit, 2, ["no", "surely", "unsure"], *RENAMED)
    await resolved(audit, NEW, "surely", 2, ("yes", 1), ("surely", 2))
    assert await works(audit) == {OLD: (1, ["no", "yes"]), NEW: (2, ["surely", "unsure"])}, (
        "each as its label could be given"
    )
    assert await audit.verdicts([OLD], "no") == ["taken"]
    assert await audit.verdicts([NEW], "no") == ["refused"]
    assert await audit.verdicts([NEW], "surely") == ["taken"]


async def test_a_certificate_says_the_versions_and_compares_labels_of_all_of_them(audit: Audit) -> None:
    await accepted(audit)
    certificate = (await audit.client(f"/v1/lots/{LOT}/certificate")).body
    (claim,) = json.loads(certificate)["lots"]
    assert (claim["schema_versions"], claim["errors_found"]) == ([1, 2], 0)
    assert claim["agreement"]["value"] == 1.0, "yes and surely are one class"
    ledger = (await audit.client(f"/v1/lots/{LOT}/ledger")).body.splitlines(keepends=True)
    assert replay(certificate, ledger).differing == ()
    rows = [(row["label"], row["schema_version"]) for row in await audit.rows(LOT)]
    assert rows == [("no", 1), ("surely", 2)], "what was retired leaves as it was given"


async def test_a_certificate_says_how_far_annotators_agree_under_each_version_of_the_schema(lives: int) -> None:
    del lives
    units = unit_ids(5)
    audit = await sealed(INSPECT_ALL, units=units)
    try:
        await resolved(audit, units[0], "no", 1, ("no", 1), ("yes", 1))
        await resolved(audit, units[1], "yes", 1, ("yes", 1), ("yes", 1))
        await defined(audit, 2, ["no", "surely", "unsure"], *RENAMED)
        await resolved(audit, units[2], "surely", 2, ("surely", 2), ("surely", 2))
        await resolved(audit, units[3], "unsure", 2, ("unsure", 2), ("unsure", 2))
        await resolved(audit, units[4], "surely", 2, ("yes", 1), ("surely", 2))
        given = {units[0]: "no", units[1]: "yes", units[3]: "unsure"}
        while wanted := await works(audit):
            assert await audit.verdicts([min(wanted)], given.get(min(wanted), "surely")) == ["taken"]
        certificate = (await audit.client(f"/v1/lots/{LOT}/certificate")).body
        (claim,) = json.loads(certificate)["lots"]
        found = {
            version: (entry["units"], entry["value"]) for version, entry in claim["agreement_by_schema_version"].items()
        }
        assert found == {"1": (2, 0.0), "2": (2, 1.0)}, "the unit of both is under neither"
        assert claim["agreement"]["units"] == 5
        ledger = (await audit.client(f"/v1/lots/{LOT}/ledger")).body.splitlines(keepends=True)
        assert replay(certificate, ledger).differing == ()
        (together,) = (await audit.client("/v1/projects/k1-p/certificate")).json()["lots"]
        assert together["agreement_by_schema_version"] == claim["agreement_by_schema_version"]
    finally:
        await audit.stop()


async def test_what_was_certified_leaves_so_for_ever_and_every_file_says_by_which_steps_it_reads(audit: Audit) -> None:
    await accepted(audit)
    before = (await audit.client(f"/v1/lots/{LOT}/export")).body
    await defined(audit, 3, ["no", "certain", "unsure"], *LATER)
    assert (await audit.client(f"/v1/lots/{LOT}/export")).body == before
    table = (await audit.client(f"/v1/lots/{LOT}/export", query="format=csv&rows=annotations")).body.decode()
    rows = [(unit["unit_id"], unit["label"], unit["schema_version"]) for unit in csv.DictReader(io.StringIO(table))]
    assert rows == [(OLD, "no", "1"), (OLD, "no", "1"), (NEW, "surely", "1"), (NEW, "surely", "2")]
    manifest = (await audit.client("/v1/projects/k1-p/export/manifest")).json()
    assert (manifest["schema_version"], manifest["schema_versions"]) == (2, [2])
    assert [schema_step["what"] for schema_step in manifest["schema_steps"]] == ["rename", "retire", "add"]
    assert manifest["label_schema"]["classes"] == ["no", "surely", "unsure"]
