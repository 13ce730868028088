import pytest

from concord.labels import LabelFault, SchemaFault, Vote, schema_from
from concord.labels.choice import Choice
from concord.labels.schema import CLASS_CHARACTERS_MAX, CLASSES_MAX

TOXIC = Choice(("toxic", "not", "unsure"))


def test_a_class_is_its_own_canonical_form() -> None:
    assert TOXIC.canonical("toxic") == "toxic"


def test_a_class_is_found_however_its_accents_are_composed() -> None:
    assert (
        Choice(("cafe\N{COMBINING ACUTE ACCENT}", "bar")).canonical("caf\N{LATIN SMALL LETTER E WITH ACUTE}") == "café"
    )


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


@pytest.mark.parametrize("weight", [0.0, -1.0, float("nan"), float("inf")])
def test_a_vote_needs_a_weight_that_counts(weight: float) -> None:
    with pytest.raises(ValueError, match="weighs"):
        Vote("toxic", weight)


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"kind": "choice"}, "$.classes"),
        ({"kind": "choice", "classes": ["one"]}, "$.classes"),
        ({"kind": "choice", "classes": ["a", "a"]}, "$.classes[1]"),
        ({"kind": "choice", "classes": ["é", "e\N{COMBINING ACUTE ACCENT}"]}, "$.classes[1]"),
        ({"kind": "choice", "classes": ["a", " b"]}, "$.classes[1]"),
        ({"kind": "choice", "classes": ["a", "b\n"]}, "$.classes[1]"),
        ({"kind": "choice", "classes": ["a", ""]}, "$.classes[1]"),
        ({"kind": "choice", "classes": ["a", 7]}, "$.classes[1]"),
        ({"kind": "choice", "classes": ["a", "b" * (CLASS_CHARACTERS_MAX + 1)]}, "$.classes[1]"),
        ({"kind": "choice", "classes": [str(each) for each in range(CLASSES_MAX + 1)]}, "$.classes"),
        ({"kind": "choice", "classes": "ab"}, "$.classes"),
        ({"kind": "choice", "classes": ["a", "b"], "colour": "red"}, "$"),
        ({"kind": "wish", "classes": ["a", "b"]}, "$.kind"),
        ({"kind": ["choice"]}, "$.kind"),
        ({}, "$.kind"),
        ([], "$.kind"),
        (None, "$.kind"),
    ],
)
def test_a_wrong_spec_is_refused_with_its_path(spec: object, path: str) -> None:
    with pytest.raises(SchemaFault) as refusal:
        schema_from(spec)  # type: ignore[arg-type]  # JSON of any shape is the point
    assert refusal.value.path == path


def test_a_schema_can_be_a_key() -> None:
    assert len({TOXIC, Choice(("toxic", "not", "unsure")), Choice(("not", "toxic"))}) == 2
