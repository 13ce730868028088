import pytest

from concord.labels import Json, LabelFault, Vote
from concord.labels.preference import Preference, is_swapped, shuffled, unshuffled

SCALE = Preference(strengths=3)
SEEDS = [f"secret:unit-{unit}:ann" for unit in range(400)]


def _prefers(side: str, strength: int) -> dict[str, Json]:
    return {"prefer": side, "strength": strength}


def test_strength_may_be_left_out_where_it_says_nothing() -> None:
    assert Preference().canonical({"prefer": "b"}) == _prefers("b", 1)
    assert SCALE.canonical({"prefer": "tie"}) == _prefers("tie", 0)


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ("a", "$"),
        ({}, "$.prefer"),
        ({"prefer": "c", "strength": 1}, "$.prefer"),
        ({"prefer": ["a"], "strength": 1}, "$.prefer"),
        ({"prefer": "a"}, "$.strength"),
        ({"prefer": "a", "strength": 0}, "$.strength"),
        ({"prefer": "a", "strength": 4}, "$.strength"),
        ({"prefer": "tie", "strength": 1}, "$.strength"),
        ({"prefer": "a", "strength": 1, "why": ""}, "$"),
    ],
)
def test_a_wrong_preference_is_refused_with_its_path(wrong: Json, path: str) -> None:
    with pytest.raises(LabelFault) as refusal:
        SCALE.canonical(wrong)
    assert refusal.value.path == path


def test_ties_can_be_ruled_out() -> None:
    with pytest.raises(LabelFault):
        Preference(ties=False).canonical({"prefer": "tie"})
    assert Preference(ties=False).classes == (_prefers("a", 1), _prefers("b", 1))


def test_the_scale_runs_from_a_to_b() -> None:
    assert [SCALE.index(each) for each in SCALE.classes] == list(range(7))
    assert SCALE.classes[0] == _prefers("a", 3)
    assert SCALE.distance(_prefers("a", 3), _prefers("b", 3)) == 1.0
    assert SCALE.distance(_prefers("a", 1), _prefers("b", 1)) == pytest.approx((2 / 6) ** 2)


def test_the_side_is_settled_first_and_then_its_strength() -> None:
    votes = [Vote(_prefers("a", 1)), Vote(_prefers("a", 3)), Vote(_prefers("a", 3)), Vote(_prefers("b", 3))]
    merged = SCALE.merge(votes)
    assert merged.label == _prefers("a", 3)
    assert merged.support == 0.75


def test_a_against_b_is_escalated_and_no_tie() -> None:
    assert SCALE.merge([Vote(_prefers("a", 2)), Vote(_prefers("b", 2))]).label is None


def test_what_is_shuffled_on_the_way_out_is_turned_back_on_the_way_in() -> None:
    for seed in SEEDS:
        first, _ = shuffled(("the good one", "the bad one"), seed)
        seen = _prefers("a" if first == "the good one" else "b", 2)
        assert unshuffled(seen, seed) == _prefers("a", 2)
        assert unshuffled(unshuffled(seen, seed), seed) == seen


def test_ties_and_what_is_no_preference_are_left_alone() -> None:
    swapped = next(seed for seed in SEEDS if is_swapped(seed))
    for label in (_prefers("tie", 0), "a", None, {"prefer": 3}, {"prefer": "c"}, {}):
        assert unshuffled(label, swapped) == label  # type: ignore[arg-type]  # JSON of any shape is the point


def test_about_half_the_annotators_see_b_first() -> None:
    assert 160 <= sum(map(is_swapped, SEEDS)) <= 240
