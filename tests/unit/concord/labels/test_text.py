import pytest

from concord.labels import Json, LabelFault, SchemaFault, Vote
from concord.labels.text import TEXT_CHARACTERS_MAX, Text

FREE = Text()


def test_the_same_text_has_one_form() -> None:
    assert FREE.canonical("cafe\N{COMBINING ACUTE ACCENT}\r\nbar\rend") == "café\nbar\nend"


@pytest.mark.parametrize(
    "wrong", ["", None, 3, ["text"], "\ud800", "a\x00b", "\x1b[31m", "x" * (TEXT_CHARACTERS_MAX + 1)], ids=ascii
)
def test_what_is_no_text_is_refused(wrong: Json) -> None:
    with pytest.raises(LabelFault):
        FREE.canonical(wrong)


def test_an_empty_text_is_taken_where_the_schema_allows_it() -> None:
    assert Text(characters_min=0).canonical("") == ""


def test_the_distance_is_edits_over_the_longer_length() -> None:
    assert FREE.distance("kitten", "sitting") == pytest.approx(3 / 7)
    assert FREE.distance("", "abc") == 1.0
    assert FREE.distance("", "") == 0.0


def test_the_medoid_is_somebodys_own_text() -> None:
    merged = FREE.merge([Vote("the cat sat"), Vote("the cat sat."), Vote("the cats sat."), Vote("?" * 20)])
    assert merged.label == "the cat sat."
    assert merged.support == 0.75


def test_texts_too_far_apart_are_escalated() -> None:
    merged = FREE.merge([Vote("one thing"), Vote("another matter"), Vote("quite different", 1.1)])
    assert merged.label is None
    assert merged.reason == "too few texts are near the one that is nearest to all"
    assert merged.support == pytest.approx(1.1 / 3.1)


def test_two_different_texts_of_equal_weight_are_a_tie() -> None:
    merged = FREE.merge([Vote("colour"), Vote("color")])
    assert merged.label is None
    assert "2 texts" in merged.reason
    assert FREE.merge([Vote("colour", 2.0), Vote("color")]).label == "colour"


@pytest.mark.parametrize(
    ("field", "value"),
    [("characters_max", 0), ("characters_max", TEXT_CHARACTERS_MAX + 1), ("characters_min", -1), ("distance_max", 1.1)],
)
def test_wrong_settings_are_refused_by_name(field: str, value: float) -> None:
    with pytest.raises(SchemaFault) as refusal:
        Text(**{field: value})  # type: ignore[arg-type]  # what a spec may hold
    assert refusal.value.path == f"$.{field}"
