import pytest

from concord.labels import Json, LabelFault, SchemaFault, Vote
from concord.labels.choices import Choices

TAGS = Choices(("insult", "threat", "spam", "other"))


def test_the_order_of_tags_is_the_schemas() -> None:
    assert TAGS.canonical(["spam", "insult"]) == TAGS.canonical(["insult", "spam"]) == ["insult", "spam"]


@pytest.mark.parametrize(
    ("one", "other", "masi", "jaccard"),
    [
        ([], [], 0.0, 0.0),
        ([], ["spam"], 1.0, 1.0),
        (["insult"], ["spam"], 1.0, 1.0),
        (["insult", "spam"], ["insult"], 1 - 1 / 2 * 2 / 3, 1 / 2),
        (["insult", "spam"], ["insult", "threat"], 1 - 1 / 3 * 1 / 3, 2 / 3),
    ],
)
def test_masi_and_jaccard_by_hand(one: Json, other: Json, masi: float, jaccard: float) -> None:
    assert TAGS.distance(one, other) == pytest.approx(masi)
    assert Choices(TAGS.classes, metric="jaccard").distance(one, other) == pytest.approx(jaccard)


def test_each_tag_is_settled_by_itself() -> None:
    merged = TAGS.merge([Vote(["insult", "spam"]), Vote(["insult", "threat"]), Vote(["insult", "spam"])])
    assert merged.label == ["insult", "spam"]
    assert merged.parts == pytest.approx((1.0, 2 / 3))
    assert merged.support == pytest.approx(2 / 3)


def test_a_higher_quorum_leaves_more_tags_open() -> None:
    votes = [Vote(["insult"]), Vote(["insult"]), Vote([])]
    assert TAGS.merge(votes).label == ["insult"]
    open_tags = Choices(TAGS.classes, quorum=0.8).merge(votes)
    assert open_tags.label is None
    assert "insult" in open_tags.reason


def test_agreed_tags_that_the_schema_does_not_allow_together_are_escalated() -> None:
    single = Choices(TAGS.classes, count_max=1)
    merged = single.merge([Vote(["insult"], 0.3), Vote(["threat"], 0.3), Vote(["spam"], 0.4)])
    assert merged.label == []
    assert Choices(TAGS.classes, count_min=1).merge([Vote(["insult"]), Vote(["threat"]), Vote(["spam"])]).label is None


@pytest.mark.parametrize(
    ("wrong", "path"),
    [("insult", "$"), (["insult", "insult"], "$[1]"), (["insult", 3], "$[1]"), (["insult"] * 5, "$"), (None, "$")],
)
def test_wrong_tags_are_refused_with_their_path(wrong: Json, path: str) -> None:
    with pytest.raises(LabelFault) as refusal:
        TAGS.canonical(wrong)
    assert refusal.value.path == path


@pytest.mark.parametrize(
    ("field", "value"), [("count_min", 5), ("count_max", 0), ("metric", "cosine"), ("quorum", 0.4), ("quorum", True)]
)
def test_wrong_settings_are_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(SchemaFault) as refusal:
        Choices(TAGS.classes, **{field: value})  # type: ignore[arg-type]  # what a spec may hold
    assert refusal.value.path == f"$.{field}"
