"""Every kind of label goes the whole way on real parts, a project each in one run: to a certificate that holds."""

import asyncio
import json
import shutil
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from concord.labels import KINDS, Json, schema_from
from demo.client import Services
from deploy.local.ports import Ports
from deploy.local.stack import Stack
from services.audit.domain.verification import verify
from tests.end_to_end import changing, guide
from tests.end_to_end.conftest import a_folder
from tests.support.known import until_known
from tests.support.label_kinds import FIELDS, OF_KIND, POLICY, TEXT, Kind
from tests.support.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.real

PAUSE_SECONDS = 0.1
PEOPLE = ("ann-1", "ann-2", "ann-3")
ANNOTATIONS = 5
"""Of a walk, without those of gold: two of each unit, and a third of the one that is disputed."""
Found = TypeVar("Found")


async def until(ask: Callable[[], Awaitable[Found]], enough: Callable[[Found], object]) -> Found:
    """Ask again until the answer is enough."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not enough(found := await ask()):  # noqa: ASYNC110 - services have no event for us
            await asyncio.sleep(PAUSE_SECONDS)
        return found


class Walk:
    """One project's way on a running stack.

    Args:
        stack: where it goes on.
        services: how they are called.
        name: of the project.
        kind: its labels.
    """

    def __init__(self, stack: Stack, services: Services, name: str, kind: Kind) -> None:
        self.services = services
        self.operator = stack.issuer.token("operator", "boss")
        self.name = name
        self.kind = kind
        self.project = f"/v1/projects/local-{name}"
        self.client = stack.issuer.client_key
        self.people = {who: stack.issuer.token("annotator", who) for who in PEOPLE}
        self.adjudicator = stack.issuer.token("adjudicator", "adj-1")
        self.auditor = stack.issuer.token("auditor", "aud-1")
        self.units: dict[str, str] = {}

    async def define(self) -> None:
        """Define the project and let two units and one of gold in."""
        body = {"label_schema": {"kind": self.name, **self.kind.schema}, "guideline": "g", "policy": POLICY}
        await self.services.json("ingest", "PUT", f"/v1/projects/{self.name}", self.client, body)
        await until_known(self.services, f"local-{self.name}", self.operator)
        sent: list[dict[str, Json]] = [{"id": name, "content": f"{name}. {TEXT}"} for name in ("agreed", "disputed")]
        sent.append({"id": "gold", "content": f"gold. {TEXT}", "gold": self.kind.good})
        answer = await self.services.json("ingest", "POST", f"{self.project}/units", self.client, sent)
        self.units = {unit["unit_id"]: unit["source_id"] for unit in answer["units"]}

    async def label(self, person: str) -> None:
        """Label both units; ann-2 alone is wrong about the disputed one."""
        token, left = self.people[person], {"agreed", "disputed"} if person != "ann-3" else {"disputed"}

        async def claim() -> list[Any]:
            body = await self.services.json("assign", "POST", f"{self.project}/claims", token, {"units": 9})
            for offer in body["assignments"]:
                name = self.units[offer["unit_id"]]
                wrong = name == "disputed" and person == "ann-2"
                path = f"/v1/assignments/{offer['assignment_id']}/submission"
                label = {"label": self.kind.bad if wrong else self.kind.good}
                answer = await self.services.json("assign", "POST", path, token, label)
                assert answer["status"] == "accepted"
                left.discard(name)
            return list(body["assignments"])

        await until(claim, lambda _: not left)

    async def rule(self) -> dict[str, Any]:
        """Rule the unit that was disputed; return it as it was escalated."""
        path = f"/v1/escalations?project_id=local-{self.name}"

        async def waiting() -> list[dict[str, Any]]:
            return list((await self.services.json("adjudicate", "GET", path, self.adjudicator))["escalations"])

        (escalated,) = await until(waiting, bool)
        ruling = {"label": self.kind.good, "reason": "the other is wrong"}
        at = f"/v1/escalations/{escalated['unit_id']}/ruling"
        await self.services.json("adjudicate", "POST", at, self.adjudicator, ruling)
        return dict(escalated)

    async def inspect(self) -> None:
        """Find the agreed unit right, within the schema's tolerance, and the disputed one wrong."""
        seen: set[str] = set()
        own = {"agreed": self.kind.near, "disputed": self.kind.bad}

        async def look() -> None:
            path = f"/v1/inspections?project_id=local-{self.name}"
            for inspection in (await self.services.json("audit", "GET", path, self.auditor))["inspections"]:
                verdict = {"unit_id": inspection["unit_id"], "label": own[self.units[inspection["unit_id"]]]}
                body = await self.services.json(
                    "audit", "POST", "/v1/inspections", self.auditor, {"verdicts": [verdict]}
                )
                seen.update(result["unit_id"] for result in body["results"] if result["status"] == "taken")

        await until(look, lambda _: len(seen) == 2)

    async def leave(self) -> tuple[dict[str, Any], dict[str, Json]]:
        """Fetch and verify what leaves; return the claim on the lot, and the labels by the units' names."""

        async def accepted() -> list[Any]:
            body = await self.services.json("audit", "GET", f"{self.project}/lots", self.client)
            return [lot for lot in body["lots"] if lot["status"] == "accepted"]

        await until(accepted, bool)
        certificate = await self.services.bytes("audit", "GET", f"{self.project}/certificate", self.client)
        export = await self.services.bytes("audit", "GET", f"{self.project}/export", self.client)
        key = (await self.services.json("audit", "GET", "/v1/keys", self.client))["public_key"]
        (claim,) = verify(certificate, [export], [key]).statement["lots"]
        rows = map(json.loads, export.splitlines())
        return claim, {row["source_id"]: row["label"] for row in rows}

    async def quality(self) -> dict[str, Any]:
        """Return the live quality, once both units with all their labels and the gold are in it."""

        async def live() -> dict[str, Any]:
            return dict(await self.services.json("metrics", "GET", f"{self.project}/quality", self.client))

        def is_whole(entry: dict[str, Any]) -> bool:
            given = entry["annotations"] - entry["gold_annotations"]
            return bool(entry["gold_annotations"]) and (
                (given, entry["units_adjudicated"], entry["units_consensus"]) == (ANNOTATIONS, 1, 1)
            )

        return await until(live, is_whole)

    async def go(self) -> tuple[dict[str, Any], dict[str, Any], dict[str, Json]]:
        """Go the whole way; return the unit as it was escalated, the claim on its lot, and the labels that left."""
        await self.define()
        await self.label("ann-1")
        await self.label("ann-2")
        await self.label("ann-3")
        escalated = await self.rule()
        await self.inspect()
        return escalated, *await self.leave()


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """One stack for what goes the whole way and needs no other: a project each."""
    with a_folder() as folder, Stack(folder, Ports.free()) as found:
        yield found


@pytest.mark.skipif(not (shutil.which("jq") and shutil.which("curl")), reason="the guide calls curl and jq")
def test_the_guide_leads_from_a_csv_of_ones_own_to_a_certificate_by_its_very_commands(
    stack: Stack, tmp_path: Path
) -> None:
    guide.check(stack, tmp_path)


async def test_every_kind_goes_from_the_project_to_the_verified_export(stack: Stack) -> None:
    assert set(OF_KIND) == set(KINDS)
    async with Services(stack.addresses) as services:
        operator = stack.issuer.token("operator", "boss")
        for person in PEOPLE:
            await services.json("assign", "PUT", f"/v1/annotators/{person}", operator, {"kind": "human"})
        walks = {name: Walk(stack, services, name, kind) for name, kind in OF_KIND.items()}
        found = dict(zip(walks, await asyncio.gather(*(walk.go() for walk in walks.values())), strict=True))
        quality = await walks["form"].quality()
    for name, (escalated, claim, labels) in found.items():
        walk = walks[name]
        schema = schema_from({"kind": walk.name, **walk.kind.schema})
        good, bad = schema.canonical(walk.kind.good), schema.canonical(walk.kind.bad)
        assert walk.units[escalated["unit_id"]] == "disputed", walk.name
        assert sorted(side["annotations"] for side in escalated["sides"]) == [1, 2], walk.name
        assert labels == {"agreed": good, "disputed": bad}, "as audited"
        counts = [claim[name] for name in ("units", "inspected", "errors_found", "errors_corrected")]
        assert counts == [2, 2, 1, 1], walk.name
    _is_told_by_field(found["form"][0], found["form"][1], quality)


async def test_classes_are_renamed_and_split_while_people_label_and_every_service_follows(
    stack: Stack, record_property: Callable[[str, object], None], capsys: pytest.CaptureFixture[str]
) -> None:
    async with Services(stack.addresses) as services:
        operator = stack.issuer.token("operator", "boss")
        for person in PEOPLE:
            await services.json("assign", "PUT", f"/v1/annotators/{person}", operator, {"kind": "human"})
        walk = changing.Changing(stack, services, until)
        found = await walk.go()
    body = {name: round(seconds, 2) for name, seconds in walk.seconds.items()}
    late = [name for name, seconds in body.items() if seconds > changing.FOLLOWS_SECONDS]
    with capsys.disabled():
        sys.stdout.write(f"\nseconds until a change of classes is followed: {body}; too late: {late or 'none'}\n")
    record_property("schema_change_seconds", body)
    assert found["labels"] == {"renamed": ("advert", 2), "split": ("scam", 2)}
    assert found["claim"]["schema_versions"] == [1, 2]
    assert found["claim"]["agreement_by_schema_version"].keys() == {"1", "2"}
    assert found["quality"]["units_of_several_versions"] == 2, "each was begun before the change"


def _is_told_by_field(escalated: dict[str, Any], claim: dict[str, Any], quality: dict[str, Any]) -> None:
    """Five fields, of which people disagree in one: everybody is told in which."""
    assert {field["field"]: field["agreed"] for field in escalated["fields"]} == {
        field: field != "severity" for field in FIELDS
    }
    (severity,) = (field for field in escalated["fields"] if field["field"] == "severity")
    assert sorted((answer["answer"], answer["annotations"]) for answer in severity["answers"]) == [(1, 1), (4, 2)]
    errors = {name: (entry["inspected"], entry["errors_found"]) for name, entry in claim["fields"].items()}
    assert errors == {field: (2, int(field == "severity")) for field in FIELDS}
    assert [field["field"] for field in quality["fields"]] == list(FIELDS)
    for field in quality["fields"]:
        body = claim["fields"][field["field"]]["agreement"]
        assert (field["alpha"]["value"], field["alpha"]["units"]) == (pytest.approx(body["value"]), body["units"])
        assert field["gold_correct"] == field["gold_annotations"] == quality["gold_annotations"] > 0
