from typing import Any, cast

import pytest

from concord.labels import Json, LabelFault, SchemaFault, Vote, encoded, label_of, schema_from
from concord.labels.form import FIELDS_MAX, Form, answers_of, fields_of

CHOICE: dict[str, Json] = {"kind": "choice", "classes": ["yes", "no"]}
RATING: dict[str, Json] = {"kind": "rating", "lowest": 1, "highest": 5}
TREE: dict[str, Json] = {
    "kind": "taxonomy",
    "nodes": [{"id": "animal"}, {"id": "dog", "parent": "animal"}, {"id": "cat", "parent": "animal"}, {"id": "car"}],
}
FIELDS: list[Any] = [
    {"name": "toxic", "title": "Is it toxic?", "schema": CHOICE},
    {"name": "severity", "schema": RATING, "when": {"field": "toxic", "is": ["yes"]}},
    {"name": "subject", "schema": TREE},
    {"name": "breed", "schema": {"kind": "text"}, "when": {"field": "subject", "is": ["animal"]}, "required": False},
    {"name": "names", "schema": {"kind": "spans", "classes": ["person", "place"]}},
    {"name": "who", "schema": {"kind": "text"}, "when": {"field": "names", "has": ["person"]}},
]


def form(*fields: Any) -> Form:
    return cast("Form", schema_from({"kind": "form", "fields": [*fields] or FIELDS}))


def answered(**answers: Any) -> Json:
    return {"answers": answers}


def span(start: int, class_name: str = "place") -> dict[str, Any]:
    return {"spans": [{"start": start, "end": start + 3, "class": class_name}]}


LEAST: dict[str, Any] = {"toxic": "no", "subject": "car", "names": {"spans": []}}


def test_what_is_asked_follows_from_the_answers() -> None:
    asked = form().canonical(
        answered(who="Ada", names=span(0, "person"), breed="poodle", subject="dog", severity=3.0, toxic="yes")
    )
    assert encoded(asked).decode() == (
        '{"answers":{"breed":"poodle","names":{"spans":[{"class":"person","end":3,"start":0}]},"severity":3,'
        '"subject":"dog","toxic":"yes","who":"Ada"}}'
    )
    assert form().canonical(answered(**LEAST)) == answered(**LEAST)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"toxic": "yes"}, "$.answers.severity: this field is missing; answer it"),
        ({"severity": 2}, "$.answers.severity: it is not asked after the answer to 'toxic'; leave it out"),
        ({"breed": "x"}, "$.answers.breed: it is not asked after the answer to 'subject'; leave it out"),
        ({"names": span(0, "person")}, "$.answers.who: this field is missing; answer it"),
        ({"toxic": "yes", "severity": 9}, "$.answers.severity: 9 is out of range; send an integer from 1 to 5"),
        ({"names": span(-1)}, "$.answers.names.spans[0].start: -1 is out of range; send an integer from 0 to 9999999"),
        ({"toxic": None}, "$.answers.toxic: null is not a string; send a string"),
        (
            {"colour": "red"},
            "$.answers: there is no field 'colour' here; use only toxic, severity, subject, breed, names, who",
        ),
    ],
)
def test_an_answer_that_is_wrong_missing_or_not_asked_is_refused_with_its_field(change: Any, fault: str) -> None:
    with pytest.raises(LabelFault) as refusal:
        form().canonical(answered(**{**LEAST, **change}))
    assert str(refusal.value) == fault


@pytest.mark.parametrize(
    ("label", "path"), [("yes", "$"), ({}, "$.answers"), ({"answers": []}, "$.answers"), ({"answers": {}, "x": 1}, "$")]
)
def test_what_is_no_form_is_refused(label: Json, path: str) -> None:
    with pytest.raises(LabelFault) as refusal:
        form().canonical(label)
    assert refusal.value.path == path


def test_a_field_after_one_that_was_not_asked_is_not_asked_either() -> None:
    chain = form(
        {"name": "a", "schema": CHOICE},
        {"name": "b", "schema": CHOICE, "when": {"field": "a", "is": ["yes"]}},
        {"name": "c", "schema": CHOICE, "when": {"field": "b", "is": ["yes", "no"]}},
    )
    assert chain.canonical(answered(a="no")) == answered(a="no")
    with pytest.raises(LabelFault, match=r"\$\.answers\.c: it is not asked after no answer to 'b'; leave it out"):
        chain.canonical(answered(a="no", c="yes"))


def field(**change: Any) -> dict[str, Any]:
    return {"name": "next", "schema": CHOICE, **change}


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        (field(name=""), ".name: '' is no name of a field"),
        (field(name="a b"), ".name: 'a b' is no name of a field"),
        (field(name="x" * 65), ".name: 'xxx"),
        (field(name="toxic"), ".name: 'toxic' stands before already; name each field once"),
        (field(schema={"kind": "form", "fields": []}), ".schema.kind: a form holds no form"),
        (field(schema={"kind": "choice", "classes": ["a", 3]}), ".schema.classes[1]: 3 is not a string"),
        (field(schema=[]), ".schema: a list of 0 is not an object; send an object with kind"),
        (field(schema={}), ".schema.kind: this field is missing; give it"),
        (field(title=3), ".title: 3 is not a string; send a string"),
        (field(required="yes"), ".required: 'yes' is neither true nor false"),
        (field(colour=1), ": there is no field 'colour' here; use only name, schema, title, when, required"),
        (field(when={"field": "next", "is": ["yes"]}), ".when.field: 'next' is no field before this one; name"),
        (field(when={"field": "breed", "is": ["x"]}), ".when.field: 'breed' is a field of text, which has no classes"),
        (field(when={"field": "toxic"}), ".when.is: this field is missing; give it"),
        (field(when={"field": "toxic", "has": ["yes"]}), ".when.has: an answer to this field is one of its classes"),
        (field(when={"field": "names", "is": ["x"]}), ".when.is: an answer to this field is any number of its"),
        (field(when={"field": "toxic", "is": []}), ".when.is: a list of 0 is not allowed; send from 1 to 1000"),
        (field(when={"field": "toxic", "is": ["no", "perhaps"]}), ".when.is[1]: 'perhaps' is no class of this project"),
        (field(when={"field": "toxic", "is": ["no", "no"]}), ".when.is[1]: it stands at 0 already; give each"),
        (field(when={"field": "severity", "is": [6]}), ".when.is[0]: 6 is out of range; send an integer from 1 to 5"),
        (field(when={"field": "subject", "is": ["horse"]}), ".when.is[0]: 'horse' is no class of this project"),
        (field(when={"field": "names", "has": ["thing"]}), ".when.has[0]: 'thing' is no class of this project"),
        (field(when={"field": "names", "has": ["place", "place"]}), ".when.has[1]: 'place' stands at 0 already"),
        (3, ": 3 is not an object; send an object with name, schema"),
    ],
)  # fmt: skip
def test_a_field_that_cannot_be_is_refused_with_its_place(wrong: Any, fault: str) -> None:
    with pytest.raises(SchemaFault) as refusal:
        form(*FIELDS, wrong)
    assert str(refusal.value).startswith(f"$.fields[6]{fault}")
    assert refusal.value.cure


@pytest.mark.parametrize("count", [0, FIELDS_MAX + 1])
def test_a_form_has_one_to_twenty_fields(count: int) -> None:
    with pytest.raises(SchemaFault, match=r"\$\.fields: .*send from 1 to 20"):
        schema_from({"kind": "form", "fields": [field(name=f"f{place}") for place in range(count)]})


def test_twenty_fields_each_after_the_one_before_are_a_form() -> None:
    fields = [field(name="f0")]
    fields += [field(name=f"f{at}", when={"field": f"f{at - 1}", "is": ["yes"]}) for at in range(1, FIELDS_MAX)]
    deep = form(*fields)
    label = answered(**{f"f{at}": "yes" for at in range(FIELDS_MAX)})
    assert deep.canonical(label) == label
    assert deep.merge([Vote(label), Vote(label)]).label == label


def test_a_span_past_the_text_is_found_in_its_field() -> None:
    with pytest.raises(LabelFault) as refusal:
        label_of(form(), answered(**{**LEAST, "names": span(6)}), 8)
    assert refusal.value.path == "$.answers.names.spans[0].end"
    assert label_of(form(), answered(**{**LEAST, "names": span(5)}), 8)


def test_a_field_that_one_of_two_was_asked_is_wholly_apart() -> None:
    entry = form().canonical(answered(**{**LEAST, "toxic": "yes", "severity": 3}))
    assert form().distance(entry, answered(**LEAST)) == pytest.approx(2 / 4)  # toxic, severity; subject and names agree
    assert form().distance(entry, form().canonical(answered(**{**LEAST, "toxic": "yes", "severity": 5}))) == 0.25 / 4


def test_fields_that_neither_answered_are_not_apart() -> None:
    left_out = answered(**{**LEAST, "subject": "dog"})
    assert form().distance(left_out, left_out) == 0.0
    assert form().distance(left_out, answered(**{**LEAST, "subject": "dog", "breed": "x"})) == pytest.approx(1 / 4)


def test_labels_say_the_same_when_every_answer_does() -> None:
    schema = form(
        {"name": "a", "schema": {**RATING, "tolerance": 1}}, {"name": "b", "schema": CHOICE, "required": False}
    )
    assert schema.says_same(answered(a=3, b="yes"), answered(a=4, b="yes"))
    assert not schema.says_same(answered(a=3, b="yes"), answered(a=5, b="yes"))
    assert not schema.says_same(answered(a=3, b="yes"), answered(a=3))


def test_fields_are_merged_by_those_who_were_asked_them() -> None:
    votes = [
        Vote(form().canonical(answered(**{**LEAST, **own})))
        for own in ({"toxic": "yes", "severity": 4}, {"toxic": "yes", "severity": 4}, {"subject": "dog"})
    ]
    found = form().merge(votes)
    assert found.label == answered(toxic="yes", severity=4, subject="car", names={"spans": []})
    assert found.support == pytest.approx(2 / 3)
    assert found.parts == pytest.approx((2 / 3, 1.0, 2 / 3, 1.0))


def test_a_field_that_the_merged_answers_do_not_ask_is_left_out() -> None:
    votes = [
        Vote(answered(**LEAST)),
        Vote(answered(**LEAST)),
        Vote(answered(**{**LEAST, "toxic": "yes", "severity": 1})),
    ]
    assert form().merge(votes).label == answered(**LEAST)


def test_what_hangs_on_an_undecided_field_is_not_guessed() -> None:
    votes = [Vote(answered(**LEAST)), Vote(answered(**{**LEAST, "toxic": "yes", "severity": 1}))]
    found = form().merge(votes)
    assert (found.label, found.reason) == (None, "toxic: these classes tie: yes, no")


def test_every_undecided_field_is_named() -> None:
    fields = [{"name": name, "schema": CHOICE} for name in "abcde"]
    votes = [Vote(answered(**dict.fromkeys("abcde", each))) for each in ("yes", "no")]
    tie = "these classes tie: yes, no"
    assert form(*fields).merge(votes).reason == f"a: {tie}; b: {tie}; c: {tie}; and 2 more"


@pytest.mark.parametrize(("given", "label"), [(2, {"a": "yes"}), (1, {}), (0, {})])
def test_an_answer_that_is_not_required_is_left_out_by_most(given: int, label: Json) -> None:
    schema = form({"name": "a", "schema": CHOICE, "required": False})
    votes = [Vote(answered(a="yes"))] * given + [Vote(answered())] * (3 - given)
    found = schema.merge(votes)
    assert found.label == {"answers": label}
    assert found.support == pytest.approx(max(given, 3 - given) / 3)


def test_as_many_for_an_answer_as_for_none_is_undecided() -> None:
    schema = form({"name": "a", "schema": CHOICE, "required": False})
    assert schema.merge([Vote(answered(a="yes")), Vote(answered())]).reason == "a: as many left it out as answered it"


def test_what_is_merged_and_too_large_is_not_settled() -> None:
    schema = form(
        {"name": "a", "schema": {"kind": "text"}}, *({"name": f"f{at}", "schema": {"kind": "text"}} for at in range(12))
    )
    label = answered(a="x", **{f"f{at}": "é" * 9_000 for at in range(12)})
    assert schema.merge([Vote(label)]).reason == "what was merged takes over 200000 bytes"


def test_a_plain_kind_is_one_field_without_a_name() -> None:
    plain = schema_from(CHOICE)
    (only,) = fields_of(plain)
    assert (only.name, only.schema, only.asked({})) == ("", plain, True)
    assert answers_of(plain, "yes") == {"": "yes"}
    assert [entry.name for entry in fields_of(form())] == ["toxic", "severity", "subject", "breed", "names", "who"]
    assert answers_of(form(), answered(**LEAST)) == LEAST


def test_a_form_reads_its_own_spec_back() -> None:
    assert schema_from(form().spec()) == form()
    fields = cast("list[dict[str, Json]]", form().spec()["fields"])
    assert fields[0]["when"] is None
    assert fields[3]["when"] == {"field": "subject", "is": ["animal"]}
