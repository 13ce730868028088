"""A class that is renamed while a project is half labelled: nobody disagrees by it, at whichever door one asks."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from concord.chassis.identity import Role
from concord.labels import encoded, schema_from
from concord.labels.versions import Step, Versions
from services.ingest.domain.project import Overlap, Policy
from services.metrics.domain.standing import names_of
from services.metrics.domain.survey import Reading, Survey
from services.metrics.domain.traits import Traits
from services.metrics.domain.unit import Annotation, Unit
from simulation.house import House
from tests.support.service import until
from tests.support.upstream import PROJECT
from tests.unit.services.adjudicate.running import Adjudicate, voting
from tests.unit.services.adjudicate.running import start as start_adjudicate
from tests.unit.services.metrics.running import Metrics, measure_of, start

BEFORE: Any = {"kind": "choice", "classes": ["bug", "idea"]}
AFTER: Any = {"kind": "choice", "classes": ["defect", "idea"]}
RENAMED = Step(2, "rename", "", "bug", ("defect",))
UNITS = 8
DOORS = (
    "quality",
    "quality/agreement",
    "quality/pairs",
    "quality/pairs/units?first=ann&second=bob",
    "quality/drift",
    "quality/bias",
    "annotators",
    "report.html",
)


@pytest.fixture
async def metrics(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Metrics]:
    """Return metrics with units that both annotators called the same, one of them under the name from before."""
    monkeypatch.setattr("concord.chassis.table.POLL_SECONDS", 0.02)
    found = await start(House())
    policy, upstream = Policy(overlap=Overlap(2, 2)), found.upstream
    await upstream.project(policy, schema=BEFORE)
    for number in range(UNITS):
        label = ("bug", "idea")[number % 2]
        await upstream.unit(f"k1-u{number}")
        await upstream.annotation(f"k1-u{number}", 1, "ann", label)
    await upstream.project(policy, revision=2, schema=AFTER, steps=(RENAMED,))
    projects = measure_of(found.service).projects.rows
    await until(lambda: projects[PROJECT].revision == 2)
    for number in range(UNITS):
        label = ("defect", "idea")[number % 2]
        await upstream.annotation(f"k1-u{number}", 2, "bob", label, schema_version=2)
    await found.settle()
    yield found
    await found.stop()


async def asked(metrics: Metrics, door: str) -> Any:
    answer = await metrics.call(f"/v1/projects/{PROJECT}/{door}", Role.OPERATOR)
    return answer.json()


async def test_nobody_disagrees_by_a_rename_at_any_door(metrics: Metrics) -> None:
    quality = await asked(metrics, "quality")
    assert (quality["alpha"]["value"], quality["percent_agreement"]["value"]) == (1.0, 1.0)
    (parts,) = (await asked(metrics, "quality/agreement"))["fields"]
    body = {(part["by"], part["part"]): part["alpha"]["value"] for part in parts["parts"]}
    assert body.keys() >= {("class", '"defect"'), ("class", '"idea"'), ("time", "")}
    assert ("class", '"bug"') not in body
    assert set(body.values()) == {1.0}
    (pairs,) = (await asked(metrics, "quality/pairs"))["fields"]
    (pair,) = pairs["pairs"]
    assert (pair["kappa"]["value"], pair["agreement"]["value"]) == (1.0, 1.0)
    apart = await asked(metrics, "quality/pairs/units?first=ann&second=bob")
    assert (apart["both"], apart["disagreed"], apart["listed"], apart["units"]) == (UNITS, 0, 0, [])


@pytest.mark.parametrize("door", DOORS)
async def test_no_door_speaks_of_the_name_from_before(metrics: Metrics, door: str) -> None:
    answer = await metrics.call(f"/v1/projects/{PROJECT}/{door}")
    assert answer.status == 200
    assert "bug" not in answer.body.decode()


@pytest.fixture
async def adjudicate(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Adjudicate]:
    monkeypatch.setattr("concord.chassis.table.POLL_SECONDS", 0.02)
    found = await start_adjudicate(House())
    await found.upstream.project(voting(2, 3), schema=BEFORE)
    yield found
    await found.stop()


async def half_labelled(adjudicate: Adjudicate, *, agree: bool) -> None:
    """Let annotators say the same of units, or another thing, before a class is renamed and after it."""
    for number in range(UNITS):
        await adjudicate.upstream.unit(f"k1-utb{number}")
        await adjudicate.upstream.annotation(f"k1-utb{number}", 1, "ann", "bug", overlap_wanted=2)
    await adjudicate.redefined(voting(2, 3), 2, schema=AFTER, steps=(RENAMED,))
    for number in range(UNITS):
        unit = f"k1-utb{number}"
        if not agree:
            await adjudicate.upstream.annotation(unit, 2, "cem", "idea", overlap_wanted=3, schema_version=2)
        await adjudicate.upstream.annotation(unit, 3, "bob", "defect", overlap_wanted=3, schema_version=2)
    await adjudicate.settle()


async def told(adjudicate: Adjudicate, door: str) -> Any:
    path = f"/v1/projects/{PROJECT}/{door}"
    return (await adjudicate.call("GET", path, role=Role.CLIENT, client_id="k1")).json()


async def test_nobody_is_asked_about_two_names_of_one_class_and_who_said_both_agreed(adjudicate: Adjudicate) -> None:
    await half_labelled(adjudicate, agree=True)
    assert {kind for _, kind in await adjudicate.decisions()} == {"consensus_reached"}
    assert (await told(adjudicate, "questions"))["questions"] == []
    spent = (await told(adjudicate, "spending"))["reasons"]
    assert [(entry["reason"], entry["units"]) for entry in spent] == [("agreed", UNITS)]


async def test_labels_confused_before_a_rename_and_after_it_are_one_question_in_the_newest_names(
    adjudicate: Adjudicate,
) -> None:
    for number in range(UNITS):
        unit = f"k1-uta{number}"
        await adjudicate.upstream.unit(unit)
        for nth, (who, label) in enumerate((("ann", "bug"), ("bob", "bug"), ("cem", "idea")), start=1):
            await adjudicate.upstream.annotation(unit, nth, who, label, overlap_wanted=3)
    await adjudicate.settle()
    await half_labelled(adjudicate, agree=False)
    (question,) = (await told(adjudicate, "questions"))["questions"]
    assert question["labels"] == ["defect", "idea"]
    assert question["units_confused"] == UNITS


FIELDS: Any = [{"name": "kind", "schema": AFTER}, {"name": "mood", "schema": BEFORE, "required": False}]
FORM = Versions(schema_from({"kind": "form", "fields": FIELDS}), (Step(2, "rename", "kind", "bug", ("defect",)),))
FIELD = Versions(schema_from({"kind": "form", "fields": FIELDS}), (Step(2, "rename", "sort", "", ("kind",)),))
PLAIN = Versions(schema_from(AFTER), (RENAMED,))


def form(**answers: str) -> str:
    body: Any = {"answers": answers}
    return encoded(body).decode()


@pytest.mark.parametrize(
    ("versions", "before", "after", "field"),
    [
        (PLAIN, '"bug"', '"defect"', ""),
        (FORM, form(kind="bug"), form(kind="defect"), "kind"),
        (FIELD, form(sort="idea"), form(kind="idea"), "kind"),
    ],
    ids=["a class", "a class of a field", "a field"],
)
@pytest.mark.parametrize("known", [True, False], ids=["closed after the change", "closed before"])
def test_what_was_counted_of_closed_units_reads_as_what_is_counted_now(
    versions: Versions, before: str, after: str, field: str, known: bool
) -> None:
    names, closed, now = names_of(versions), Survey(), Survey()
    for place, (given, suggested) in enumerate(((before, before), (before, before), (after, after))):
        for survey, labels, read in (
            (closed, (given, given), names.text if known else str),
            (now, (after, after), str),
        ):
            body = {str(n): Annotation(who, labels[n], at_us=n + 1) for n, who in enumerate(("ann", "bob"))}
            traits = Traits(suggested=suggested if survey is closed else after)
            survey.add([Unit(PROJECT, admitted_at_us=1 + place, annotations=body, asked=2, traits=traits)], read)
    texts = Reading(versions.field_name, lambda name: names.of_field(name).text if name else names.text)
    *_, read_now = closed.reading(texts)
    assert read_now == now
    assert list(read_now.aspects) == [field]
    *_, twice = read_now.reading(texts)
    assert twice == now
