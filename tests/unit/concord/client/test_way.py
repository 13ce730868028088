"""The client against all five services on sockets: from a file of one's own to a verified export."""

import asyncio
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from concord.client import (
    AsyncConcord,
    Away,
    Columns,
    Concord,
    NotAllowed,
    NotFound,
    NotSignedIn,
    NotYet,
    Patience,
    Problem,
    Refused,
    Unit,
    read_resolutions,
)
from services.audit.domain.verification import verify
from tests.support import walk
from tests.support.served import Served, served_five

QUICK = Patience(seconds=20)


@pytest.fixture(scope="module")
def five() -> Iterator[Served]:
    with served_five() as found:
        yield found


class Blocked:
    """The awaited client, each of whose operations is carried out to its end; so one test walks with both."""

    loop = asyncio.new_event_loop()

    def __init__(self, *arguments: Any, **more: Any) -> None:
        self._concord = AsyncConcord(*arguments, **more)

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments, **more: self.loop.run_until_complete(getattr(self._concord, name)(*arguments, **more))


@pytest.mark.parametrize(("kind", "slug"), [(Concord, "blocking"), (Blocked, "awaited")])
def test_a_file_of_ones_own_goes_to_a_verified_export(five: Served, tmp_path: Path, kind: Any, slug: str) -> None:
    def of(role: str, subject: str = "") -> Any:
        client = "k1" if role == "client" else ""
        return kind(five.token(role, subject, client), five.addresses, patience=QUICK)

    client, operator = of("client"), of("operator")
    project = client.define_project(slug, walk.DEFINITION)
    assert (project.revision, project.policy["overlap"]["max"]) == (1, 3)
    stands = msgspec.structs.replace(project, changed=None)
    assert client.project(project.project_id) == stands
    assert stands in client.projects()
    assert client.alerts() == []
    for person in walk.PEOPLE:
        assert operator.define_annotator(person, languages=["en"]).languages == ["en"]
    assert operator.annotator("ann-1").annotator_id == "ann-1"
    (tmp_path / "mine.csv").write_text(walk.csv())
    seen: list[int] = []
    file: dict[str, Any] = {"form": "csv", "columns": Columns(id="id", content="message")}
    body = client.import_file(
        project.project_id, tmp_path / "mine.csv", on_progress=lambda at: seen.append(at.offset), **file
    )
    assert (body.admitted, body.complete, seen) == (walk.UNITS, True, [len(walk.csv())])
    assert client.import_state(body.import_id) == body
    assert client.seal(project.project_id).lots == 1
    with pytest.raises(NotYet, match=f"0 of {walk.UNITS} units are in accepted lots"):
        client.wait_for_lots(project.project_id, units=walk.UNITS, seconds_max=0)

    people = {person: of("annotator", person) for person in walk.PEOPLE}
    looked_at: list[str] = []

    def claim(person: str) -> list[dict[str, Any]]:
        found = people[person].claim(project.project_id, units=5, wait_seconds=20)
        texts = [people[person].payload(assignment.payload_url) for assignment in found.assignments]
        return [
            {"id": assignment.assignment_id, "content": text}
            for assignment, text in zip(found.assignments, texts, strict=True)
        ]

    def give(person: str, entry: Any, label: str) -> None:
        assert people[person].submit(entry["id"], label, active_ms=1_000).status == "accepted"
        if person == walk.PEOPLE[0] and not looked_at:
            looked_at.append(entry["id"])
            assert people[person].own_label(entry["id"]).label == label
            assert people[person].revise(entry["id"], 1, label, flag="").status == "accepted"
            assert people[person].revise(entry["id"], 1, label, flag="").status == "repeated"
            assert entry["id"] in {given.annotation_id for given in people[person].own_labels(project.project_id)}

    walk.annotated(claim, give)
    adjudicator, auditor = of("adjudicator"), of("auditor")
    (escalated,) = walk.until(lambda: adjudicator.escalations(project.project_id))
    assert adjudicator.payload(escalated.payload_url) == walk.content(4)
    assert sorted(side.annotations for side in escalated.sides) == [1, 2]
    assert adjudicator.rule(escalated.unit_id, "ham", "nothing is for sale").status == "ruled"
    assert client.wait_for_resolutions(project.project_id, walk.UNITS, seconds_max=20).units == walk.UNITS

    def accepted() -> bool:
        for inspection in auditor.inspections(project.project_id).inspections:
            assert (
                auditor.inspect(inspection.unit_id, walk.label(auditor.payload(inspection.payload_url))).status
                == "taken"
            )
        return all(entry.status == "accepted" for entry in client.lots(project.project_id))

    walk.until(accepted)
    (lot,) = client.wait_for_lots(project.project_id, units=walk.UNITS, seconds_max=20)
    assert (lot.status, lot.units, lot.errors, client.lot(lot.lot_id)) == ("accepted", walk.UNITS, 0, lot)
    _leaves(client, project.project_id, lot.lot_id, tmp_path)


def _leaves(client: Any, project_id: str, lot_id: str, folder: Path) -> None:
    exported = client.export(project_id, folder / "out")
    assert (exported.manifest.rows, exported.fetched) == (walk.UNITS, 1)
    assert client.export(project_id, folder / "out").fetched == 0
    (file,), key = exported.files, client.keys().public_key
    statement = verify((folder / "out/certificate.json").read_bytes(), [file.read_bytes()], [key]).statement
    assert statement["project_id"] == project_id
    assert client.certificate(project_id, exported.manifest.issue) == (folder / "out/certificate.json").read_bytes()
    assert lot_id.encode() in client.lot_certificate(lot_id)
    assert client.lot_ledger(lot_id, folder / "ledger.jsonl").stat().st_size > 0
    resolved = list(read_resolutions(client.resolutions(project_id, folder / "resolutions.jsonl")))
    labels = {resolution.source_id: resolution.label for resolution in resolved}
    assert labels == {f"m{number}": walk.label(walk.content(number)) for number in range(walk.UNITS)}
    lineage = client.lineage(resolved[0].unit_id)
    assert (lineage.holds, lineage.lot_id) == (True, lot_id)
    walk.until(lambda: client.quality(project_id).lots.accepted == 1)
    assert client.quality(project_id).units_adjudicated == 1
    (parts,) = client.agreement(project_id)
    assert {part.by for part in parts.parts} >= {"class", "time"}
    apart = client.units_apart(project_id, *walk.PEOPLE[:2])
    assert apart.disagreed == len(apart.units) <= apart.both
    assert [annotator.annotator_id for annotator in client.annotators(project_id).annotators] == list(walk.PEOPLE)
    assert client.stranded(project_id).units == []
    gone = client.erase(project_id, "asked for", ids=["m1"])
    assert [(unit.source_id, unit.status) for unit in gone.units] == [("m1", "erased")]
    with pytest.raises(NotFound):
        client.withdrawals(project_id, 99)


def test_any_number_of_units_is_sent_in_batches_and_lines_count_from_the_first(five: Served) -> None:
    with Concord(five.token("client", client="k1"), five.addresses) as client:
        project = client.define_project("batches", walk.DEFINITION).project_id
        units: list[Any] = [Unit(id=f"u{number}", content=f"text {number}") for number in range(1_100)]
        units[1_050] = {"id": "u1050", "content": ""}
        seen: list[int] = []
        report = client.send(project, iter(units), on_report=lambda whole: seen.append(whole.admitted))
        assert (report.admitted, report.refused_count, seen) == (1_099, 1, [1_000, 1_099])
        assert [(refusal.line, refusal.field) for refusal in report.refused] == [(1_051, "content")]
        assert client.admit(project, units[:2]).repeated == 2
        found = client.find(project, [f"u{number}" for number in range(1_100)])
        assert [admitted_unit.source_id for admitted_unit in found] == [f"u{number}" for number in range(1_100)]
        assert {admitted_unit.status for admitted_unit in found} == {"admitted", "unknown"}


def test_a_refusal_has_its_kind_and_tells_field_and_cure(five: Served) -> None:
    with Concord(five.token("client", client="k1"), five.addresses) as client:
        with pytest.raises(Refused) as refused:
            client.define_project("odd", {**walk.DEFINITION, "policy": {"overlap": {"initial": 0}}})
        (fault,) = refused.value.faults
        assert (refused.value.status, fault.field) == (422, "policy.overlap.initial")
        assert fault.cure in str(refused.value)
        with pytest.raises(NotFound):
            client.project("k2-p")
        with pytest.raises(NotAllowed):
            client.define_annotator("ann-9")
    with Concord("invented", five.addresses) as stranger, pytest.raises(NotSignedIn):
        stranger.projects()


def test_who_does_not_answer_is_said_to_be_away(five: Served) -> None:
    nowhere = type(five.addresses)(ingest="http://127.0.0.1:9")
    with Concord("any", nowhere, patience=Patience(seconds=0)) as client, pytest.raises(Away, match="ConnectError"):
        client.projects()


def test_both_clients_have_the_same_operations_with_the_same_arguments() -> None:
    def operations(kind: type) -> dict[str, Any]:
        own = {name: entry for name, entry in inspect.getmembers(kind) if hasattr(entry, "__wrapped__")}
        return {name: inspect.signature(entry) for name, entry in own.items()}

    assert operations(Concord) == operations(AsyncConcord)
    assert len(operations(Concord)) > 50
    assert issubclass(NotYet, Problem)
