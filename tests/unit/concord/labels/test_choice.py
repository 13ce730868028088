import pytest

from concord.labels import LabelFault, SchemaFault, Vote, decoded, encoded, schema_from
from concord.labels.choice import Choice

TOXIC = Choice(("toxic", "not", "unsure"))


def test_a_class_is_its_own_canonical_form() -> None:
    assert TOXIC.canonical("toxic") == "toxic"


@pytest.mark.parametrize("wrong", ["Toxic", "", None, True, 1, ["toxic"], {"toxic": 1}, "\ud800"])
def test_what_is_no_class_is_refused_at_the_root(wrong: object) -> None:
    with pytest.raises(LabelFault) as refusal:
        TOXIC.canonical(wrong)  # type: ignore[arg-type]  # JSON of any shape is the point
    assert refusal.value.path == "$"
    assert refusal.value.cure


def test_the_heaviest_class_wins_and_not_the_most_frequent() -> None:
    merged = TOXIC.merge([Vote("toxic", 0.4), Vote("toxic", 0.4), Vote("not", 1.0)])
    assert merged.label == "not"
    assert merged.support == pytest.approx(1.0 / 1.8)


def test_a_tie_is_escalated_whatever_the_rounding_of_its_weights() -> None:
    merged = TOXIC.merge([Vote("toxic", 0.1), Vote("toxic", 0.2), Vote("not", 0.3)])
    assert merged.label is None
    assert "toxic, not" in merged.reason


def test_no_labels_merge_to_nothing() -> None:
    assert TOXIC.merge([]).label is None


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"kind": "choice"}, "$.classes"),
        ({"kind": "choice", "classes": ["one"]}, "$.classes"),
        ({"kind": "choice", "classes": ["a", "a"]}, "$.classes[1]"),
        ({"kind": "choice", "classes": ["a", " b"]}, "$.classes[1]"),
        ({"kind": "choice", "classes": ["a", 7]}, "$.classes[1]"),
        ({"kind": "choice", "classes": ["a", "b"], "colour": "red"}, "$"),
        ({"kind": "wish", "classes": ["a", "b"]}, "$.kind"),
        ({}, "$.kind"),
        ([], "$.kind"),
        (None, "$.kind"),
    ],
)
def test_a_wrong_spec_is_refused_with_its_path(spec: object, path: str) -> None:
    with pytest.raises(SchemaFault) as refusal:
        schema_from(spec)  # type: ignore[arg-type]  # JSON of any shape is the point
    assert refusal.value.path == path


def test_a_spec_round_trips() -> None:
    assert schema_from(TOXIC.spec()) == TOXIC


def test_an_encoded_label_is_the_same_whatever_the_order_of_its_keys() -> None:
    assert encoded({"b": 1, "a": "é"}) == encoded({"a": "é", "b": 1}) == '{"a":"é","b":1}'.encode()


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), "\ud800", 10**5_000, {"a": {1, 2}}], ids=type)
def test_what_is_not_json_is_not_encoded(wrong: object) -> None:
    with pytest.raises(LabelFault):
        encoded(wrong)  # type: ignore[arg-type]  # the wrong type is the point


@pytest.mark.parametrize("wrong", [b"", b"NaN", b"\xff", b'{"a":1,"a":2}', b"[" * 50 + b"]" * 50, b"[" * 100_000])
def test_bytes_that_hold_no_label_are_not_decoded(wrong: bytes) -> None:
    with pytest.raises(LabelFault):
        decoded(wrong)
