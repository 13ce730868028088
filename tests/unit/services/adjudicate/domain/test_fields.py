"""Consensus on labels of several fields: by field, and as sure of the whole as of all of them at once."""

import random
from collections.abc import Callable, Sequence
from math import sqrt
from typing import Any, cast

import pytest

from concord.labels import ClassedSchema, Json, schema_from
from concord.labels.fields import Field
from concord.labels.form import Form
from concord.quality.crowd import SparseAnswers
from services.adjudicate.domain.consensus import FieldStanding, Weights, leading
from services.adjudicate.domain.fields import Known, leading_form

CHOICE: dict[str, Any] = {"kind": "choice", "classes": ["no", "yes"]}
RATING: dict[str, Any] = {"kind": "rating", "lowest": 1, "highest": 3}
SPANS: dict[str, Any] = {"kind": "spans", "classes": ["name"]}
FORM = cast(
    "Form",
    schema_from(
        {
            "kind": "form",
            "fields": [
                {"name": "toxic", "schema": CHOICE},
                {"name": "severity", "schema": RATING, "when": {"field": "toxic", "is": ["yes"]}},
                {"name": "names", "schema": SPANS, "required": False},
            ],
        }
    ),
)


def answered(**answers: Any) -> Json:
    return {"answers": answers}


def yes(severity: int, **more: Any) -> Json:
    return answered(toxic="yes", severity=severity, **more)


NO = answered(toxic="no")
SPAN = {"spans": [{"start": 0, "end": 3, "class": "name"}]}


def known_as(counts: dict[str, dict[str, SparseAnswers]]) -> Callable[[Field], Known]:
    """Return what is known of annotators by field, of whoever is named; errors are independent."""

    def known(field: Field) -> Known:
        assert field.classed is not None
        return Known(Weights(counts.get(field.name, {}), len(field.classed.classes), 0.8, 0.0), {})

    return known


NOBODY = known_as({})


def of(labels: Sequence[Json]) -> list[tuple[str, Json]]:
    return [(f"w{place}", label) for place, label in enumerate(labels)]


def test_each_field_is_weighed_by_who_is_good_at_it() -> None:
    good, bad = SparseAnswers(200, 196), SparseAnswers(200, 80)
    known = known_as({"toxic": {"w0": good, "w1": good}, "severity": {"w0": bad, "w1": good}})
    found = leading_form(FORM, of([yes(1), yes(3)]), "posterior", known)
    assert found.label == yes(3), "w1 is the one to follow in severity"
    toxic, severity, _ = found.fields
    assert (toxic.field, severity.field) == ("toxic", "severity")
    assert toxic.confidence > 0.99 > severity.confidence


def test_a_field_is_decided_as_if_it_were_asked_alone() -> None:
    labels = of([yes(1), yes(1), yes(2), NO])
    found = leading_form(FORM, labels, "posterior", NOBODY)
    known = NOBODY(FORM.fields[1])
    alone = leading(
        FORM.fields[1].schema,
        cast("ClassedSchema", FORM.fields[1].schema),
        [("w0", 1), ("w1", 1), ("w2", 2)],
        "posterior",
        known.weights,
        known.seen,
    )
    assert found.fields[1] == FieldStanding("severity", alone.confidence, decided=True)
    assert found.label == yes(1)


def test_the_whole_is_as_sure_as_all_posteriors_at_once() -> None:
    found = leading_form(FORM, of([yes(1), yes(1), yes(2)]), "posterior", NOBODY)
    assert found.confidence == pytest.approx(found.fields[0].confidence * found.fields[1].confidence)
    assert found.confidence < min(field.confidence for field in found.fields)


def test_a_share_is_no_probability_and_the_least_one_bounds_the_whole() -> None:
    labels = of([yes(1, names=SPAN), yes(1, names=SPAN), yes(1)])
    found = leading_form(FORM, labels, "posterior", NOBODY)
    assert found.label == yes(1, names=SPAN)
    assert (found.fields[2].field, found.fields[2].decided) == ("names", True)
    assert found.fields[2].confidence == pytest.approx(2 / 3)
    assert found.confidence == pytest.approx(2 / 3)


def test_by_majority_the_whole_is_worth_its_weakest_field() -> None:
    found = leading_form(FORM, of([yes(1), yes(1), NO]), "majority", NOBODY)
    assert found.label == yes(1)
    assert [field.confidence for field in found.fields] == [pytest.approx(2 / 3), 1.0, 1.0]
    assert found.confidence == pytest.approx(2 / 3)


def test_a_tie_in_one_field_leaves_the_whole_open_and_says_in_which() -> None:
    found = leading_form(FORM, of([yes(1), yes(3)]), "majority", NOBODY)
    assert (found.label, found.confidence) == (None, 0.5)
    assert found.fields == (
        FieldStanding("toxic", 1.0, decided=True),
        FieldStanding("severity", 0.5, decided=False),
        FieldStanding("names", 1.0, decided=True),
    )


def test_what_hangs_on_a_tie_is_not_weighed() -> None:
    found = leading_form(FORM, of([yes(1), NO]), "posterior", NOBODY)
    assert [field.field for field in found.fields] == ["toxic", "names"]


def test_the_order_of_labels_changes_nothing() -> None:
    labels = of([yes(1), yes(2), NO, yes(1, names=SPAN)])
    generator = random.Random(3)
    found = leading_form(FORM, labels, "posterior", NOBODY)
    for _ in range(5):
        again = leading_form(FORM, generator.sample(labels, len(labels)), "posterior", NOBODY)
        assert (again.label, again.confidence, again.fields) == (found.label, found.confidence, found.fields)


FOUR = cast(
    "Form", schema_from({"kind": "form", "fields": [{"name": name, "schema": CHOICE} for name in ("a", "b", "c", "d")]})
)
ACCURACY, UNITS = 0.85, 1_500


def crowd(careless: float, seed: int) -> tuple[float, float, float]:
    """Label many units by three people; return the stated confidence, the share right, and its standard deviation.

    Now and then somebody guesses in every field of a unit; ACCURACY is of all that they say together.
    """
    generator = random.Random(seed)
    careful = (ACCURACY - careless * 0.5) / (1 - careless)
    answers = SparseAnswers.of_cells([(k, g, 850 if k == g else 150) for k in range(2) for g in range(2)])
    known = known_as({field.name: dict.fromkeys(("w0", "w1", "w2"), answers) for field in FOUR.fields})
    stated, right, other = 0.0, 0, {"no": "yes", "yes": "no"}
    for _ in range(UNITS):
        truth = {field.name: generator.choice(("no", "yes")) for field in FOUR.fields}
        labels = []
        for _ in range(3):
            chance = 0.5 if generator.random() < careless else careful
            body = {name: true if generator.random() < chance else other[true] for name, true in truth.items()}
            labels.append(answered(**body))
        found = leading_form(FOUR, of(labels), "posterior", known)
        stated += found.confidence / UNITS
        right += found.label == answered(**truth)
    return stated, right / UNITS, sqrt(stated * (1 - stated) / UNITS)


def test_the_stated_confidence_of_the_whole_is_as_often_right_as_it_says() -> None:
    stated, right, deviation = crowd(careless=0.0, seed=11)
    assert 0.6 < stated < 0.95, "or nothing is tried"
    assert right == pytest.approx(stated, abs=3 * deviation)


def test_who_is_careless_with_a_whole_unit_makes_the_stated_confidence_too_low_and_not_too_high() -> None:
    stated, right, deviation = crowd(careless=0.28, seed=12)
    assert right > stated + 3 * deviation
