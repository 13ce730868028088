"""Labels of several fields: what is concluded of a field is what would be concluded were it asked alone."""

import random
from dataclasses import replace
from typing import Any, cast

import msgspec
import pytest

from concord.labels import Json, encoded, schema_from
from concord.labels.form import Form
from concord.quality.tally import LabelTally
from services.metrics.domain import fields as of_fields
from services.metrics.domain.agreement import agreement, classes_of
from services.metrics.domain.crowd import crowd_found
from services.metrics.domain.fields import ClosedRows, FieldTallies, close_in_fields, fields_report
from services.metrics.domain.standing import Standing, competences, gold_answers, sameness
from services.metrics.domain.sums import ClosedSums, Sums
from services.metrics.domain.unit import Annotation, LabelRow, Share, Unit, label_row

CHOICE: dict[str, Any] = {"kind": "choice", "classes": ["no", "yes"]}
RATING: dict[str, Any] = {"kind": "rating", "lowest": 1, "highest": 3, "tolerance": 1}
FORM = cast(
    "Form",
    schema_from(
        {
            "kind": "form",
            "fields": [
                {"name": "toxic", "schema": CHOICE},
                {"name": "severity", "schema": RATING, "when": {"field": "toxic", "is": ["yes"]}},
            ],
        }
    ),
)
TOXIC, SEVERITY = FORM.fields


def text(label: Json) -> str:
    return encoded(label).decode()


def drawn(generator: random.Random) -> dict[str, Json]:
    toxic = generator.choice(["no", "yes"])
    return {"toxic": toxic, "severity": generator.randint(1, 3)} if toxic == "yes" else {"toxic": toxic}


def test_competence_in_a_field_is_that_of_its_answers_alone() -> None:
    generator = random.Random(4)
    whole = {name: Standing() for name in ("ann", "bob")}
    alone = {name: {field.name: Standing() for field in FORM.fields} for name in whole}
    for name, standing in whole.items():
        for _ in range(60):
            gold, entry = drawn(generator), drawn(generator)
            standing.answered(text({"answers": gold}), text({"answers": entry}))
            for both in gold.keys() & entry.keys():
                alone[name][both].answered(text(gold[both]), text(entry[both]))
        standing.learnt(7, words=60)
    for field in FORM.fields:
        classes = classes_of(field.schema)
        found = competences(whole, field.schema, field.name)
        expected = competences({name: standings[field.name] for name, standings in alone.items()}, field.schema)
        assert [(competence.revision, competence.answered_at_us) for competence in found] == [(60, 7)] * 2, (
            "as the whole label's"
        )
        assert [replace(competence, revision=0, answered_at_us=0) for competence in found] == expected
        for name, standing in whole.items():
            assert gold_answers(standing.fields[field.name], classes) == gold_answers(alone[name][field.name], classes)
    severe = whole["ann"].fields["severity"]
    assert 0 < severe.gold_correct(sameness(SEVERITY.schema)) < severe.gold_units < 60, "where both were asked it"


def test_an_answer_that_is_taken_back_leaves_nothing_in_any_field() -> None:
    standing = Standing()
    gold = text({"answers": {"toxic": "yes", "severity": 3}})
    for times in (1, -1):
        standing.answered(gold, text({"answers": {"toxic": "yes", "severity": 2}}), times)
    assert standing == Standing()


def test_a_plain_label_has_no_fields() -> None:
    standing = Standing()
    standing.answered('"yes"', '"no"')
    assert standing.fields == {}


def test_what_gold_says_of_a_crowd_in_a_field_is_what_its_answers_say() -> None:
    generator, whole, alone = random.Random(5), Sums(), Sums()
    for number in range(40):
        gold = drawn(generator)
        unit, plain = Unit("k1-p", text({"answers": gold})), Unit("k1-p", text(gold.get("severity")))
        for who in ("ann", "bob", "cyd"):
            body = gold if generator.random() < 0.7 else drawn(generator)
            unit.annotations[who] = Annotation(who, text({"answers": body}))
            if "severity" in body:
                plain.annotations[who] = Annotation(who, text(body["severity"]))
        whole.gold[f"g{number}"] = unit
        if "severity" in gold:
            alone.gold[f"g{number}"] = plain
    classes = classes_of(SEVERITY.schema)
    found = crowd_found(whole, classes, 0.8, "severity")
    assert found == crowd_found(alone, classes, 0.8)
    assert sum(units for _, units in found.gold_units) == len(alone.gold) < 40
    assert found.dependence.units > 0


def rows(count: int, seed: int = 6) -> list[tuple[LabelRow, dict[str, LabelRow]]]:
    """Return rows of units' labels, and what each is in the fields, of those that were answered."""
    generator, found = random.Random(seed), []
    for _ in range(count):
        labels = [drawn(generator) for _ in range(3)]
        whole = label_row(text({"answers": label}) for label in labels)
        found.append(
            (
                whole,
                {
                    field.name: row
                    for field in FORM.fields
                    if (row := label_row(text(label[field.name]) for label in labels if field.name in label))
                },
            )
        )
    return found  # fmt: skip


def tallies(drawn_rows: list[tuple[LabelRow, dict[str, LabelRow]]]) -> dict[str, LabelTally]:
    alone = {field.name: LabelTally() for field in FORM.fields}
    for _, by_field in drawn_rows:
        for name, row in by_field.items():
            alone[name].add(row)
    return alone


def test_agreement_on_a_field_is_that_of_its_answers_alone() -> None:
    sums, given = Sums(), rows(60)
    for row, _ in given:
        sums.replace(Share(), Share(row, labels=3))
    alone = tallies(given)
    assert sums.fields.tallies == alone
    for field, found in zip(FORM.fields, fields_report(FORM, sums.fields, sums.standings), strict=True):
        assert (found.alpha, found.percent_agreement) == agreement(alone[field.name], field.schema)
        assert found.alpha.value is not None


def test_units_that_are_taken_out_leave_nothing_in_any_field() -> None:
    sums, given = Sums(), rows(20)
    for row, _ in given:
        sums.replace(Share(), Share(row, labels=3))
    for row, _ in given:
        sums.replace(Share(row, labels=3), Share())
    assert sums == Sums()


def test_what_is_closed_stays_in_each_field_and_is_taken_up_again() -> None:
    sums, closed, given = Sums(), ClosedSums(), rows(30)
    for row, _ in given:
        sums.replace(Share(), Share(row, labels=3))
        close_in_fields(sums.fields, closed.fields, row, 1)
    again = Sums()
    msgspec.msgpack.decode(msgspec.msgpack.encode(closed), type=ClosedSums).put_into(again)
    assert again.fields == sums.fields
    assert sums.fields.tallies == tallies(given)


def test_a_field_of_too_many_answers_is_let_go_and_the_others_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    given = rows(30)
    room = sum(
        of_fields.ROW_BYTES + len(str(hashable)) for row in {by["toxic"] for _, by in given} for hashable, _ in row
    )
    monkeypatch.setattr(of_fields, "ROWS_BYTES_MAX", room)
    sums, closed = FieldTallies(), dict[str, ClosedRows]()
    for row, _ in given[:20]:
        sums.add(row)
        close_in_fields(sums, closed, row, 1)
    for row, _ in given[20:]:
        sums.add(row)
    assert sums.rows_over == {"severity"}
    assert sums.tallies == {"toxic": tallies(given)["toxic"], "severity": tallies(given[20:])["severity"]}
    severity = fields_report(FORM, sums, {})[1]
    assert severity.alpha.value is None
    assert "not kept" in severity.alpha.reason


def test_a_plain_label_adds_to_no_field() -> None:
    sums = Sums()
    sums.replace(Share(), Share(label_row(['"yes"', '"no"']), labels=2))
    sums.replace(Share(), Share(label_row(['{"spans":[]}']), labels=1))
    assert sums.fields == FieldTallies()
