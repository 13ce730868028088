"""Labels of several fields: a verdict is on the whole label, and says of each field whether it is wrong."""

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from concord.labels import Json, schema_from
from concord.labels.form import Form
from services.audit.domain.agreement import agreement, agreement_by_field
from services.audit.domain.fields import FieldErrors, compared_by_field, found_by_field
from tests.support.audit import LOT, RELABEL, UNITS, Audit, sealed

SCHEMA: dict[str, Any] = {
    "kind": "form",
    "fields": [
        {"name": "toxic", "schema": {"kind": "choice", "classes": ["no", "yes"]}},
        {
            "name": "severity",
            "schema": {"kind": "rating", "lowest": 1, "highest": 5, "tolerance": 1},
            "when": {"field": "toxic", "is": ["yes"]},
        },
        {"name": "note", "schema": {"kind": "text"}, "required": False},
    ],
}
FORM = cast("Form", schema_from(SCHEMA))


def label(**answers: Any) -> Json:
    return {"answers": answers}


YES, NO = label(toxic="yes", severity=3), label(toxic="no")


@pytest.mark.parametrize(
    ("audited", "right"),
    [
        (YES, {"toxic": True, "severity": True}),
        (label(toxic="yes", severity=4), {"toxic": True, "severity": True}),
        (label(toxic="yes", severity=5), {"toxic": True, "severity": False}),
        (NO, {"toxic": False, "severity": False}),
        (label(toxic="yes", severity=3, note="x"), {"toxic": True, "severity": True, "note": False}),
    ],
)
def test_a_label_is_wrong_in_the_fields_in_which_it_does_not_say_the_same(audited: Json, right: Any) -> None:
    found = dict(compared_by_field(FORM, YES, audited))
    assert found == right
    assert all(found.values()) == FORM.says_same(YES, audited)


def test_errors_are_counted_where_a_field_was_answered() -> None:
    verdicts = [compared_by_field(FORM, YES, entry) for entry in (YES, NO, label(toxic="yes", severity=1))]
    verdicts.append(compared_by_field(FORM, NO, NO))
    expected = FieldErrors("toxic", 4, 1), FieldErrors("severity", 3, 2), FieldErrors("note", 0, 0)
    assert found_by_field(FORM, verdicts) == expected


def test_a_plain_label_has_no_fields() -> None:
    assert compared_by_field(None, "yes", "no") == ()
    assert found_by_field(None, [()]) == ()


def test_agreement_on_a_field_is_that_of_its_answers_alone() -> None:
    severe = '{"answers":{"severity":%d,"toxic":"yes"}}'
    no = '{"answers":{"toxic":"no"}}'
    units = [[severe % 2, severe % 2], [severe % 4, severe % 5], [no, no], [no, severe % 1], [severe % 1, severe % 1]]
    found = agreement_by_field(units, FORM)
    toxic = [['"yes"', '"yes"'], ['"yes"', '"yes"'], ['"no"', '"no"'], ['"no"', '"yes"'], ['"yes"', '"yes"']]
    assert found["toxic"] == agreement(toxic, FORM.fields[0].schema)
    assert found["severity"] == agreement([["2", "2"], ["4", "5"], ["1", "1"]], FORM.fields[1].schema)
    assert (found["severity"].units, found["note"].value) == (3, None)


@pytest.fixture
async def audit(lives: int) -> AsyncIterator[Audit]:
    del lives
    found = await sealed(RELABEL, SCHEMA)
    yield found
    await found.stop()


async def test_a_certificate_and_its_event_tell_the_errors_by_field(audit: Audit) -> None:
    await audit.resolve(UNITS[:12], label=YES)
    await audit.resolve(UNITS[12:], label=NO)
    first = next(unit for unit in await audit.work() if unit in UNITS[:12])
    wrong: dict[str, Any] = {**dict.fromkeys(UNITS[12:], NO), first: label(toxic="yes", severity=5)}
    await audit.inspect(wrong, default=label(toxic="yes", severity=2))
    claim = (await audit.client(f"/v1/lots/{LOT}/certificate")).json()["lots"][0]
    toxic = sum(unit in UNITS[:12] for unit in claim["sample"])
    expected = {"toxic": (claim["inspected"], 0), "severity": (toxic, 1), "note": (0, 0)}
    found = {name: (entry["inspected"], entry["errors_found"]) for name, entry in claim["fields"].items()}
    assert (found, claim["errors_found"]) == (expected, 1)
    assert claim["fields"]["toxic"]["agreement"]["units"] == len(UNITS)
    (entry,) = await audit.events("lot_accepted")
    assert {field.field: (field.inspected, field.errors) for field in entry.fields} == expected
    body = {
        event.unit_id: list(event.wrong_fields) for event in await audit.events("unit_audited") if event.wrong_fields
    }
    assert body == {first: ["severity"]}
    summary = (await audit.client("/v1/projects/k1-p/certificate")).json()["lots"][0]
    assert summary["fields"] == claim["fields"]


async def test_a_rejection_tells_in_which_fields_labels_were_wrong(audit: Audit) -> None:
    await audit.resolve(label=YES)
    await audit.inspect({}, default=NO)
    body = (await audit.events("lot_rejected"))[0]
    assert [(field.field, field.errors) for field in body.fields] == [
        ("toxic", body.errors),
        ("severity", body.errors),
        ("note", 0),
    ]
