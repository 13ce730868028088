"""Who has a part in a unit."""

from concord.review import has_part


def test_whoever_had_a_part_in_any_round_has_one_and_nobody_else() -> None:
    participants = ["ann", "bob", "late", "ann"]
    assert [has_part(participants, name) for name in ("ann", "bob", "late")] == [True] * 3
    assert not any(has_part(participants, name) for name in ("eve", "an", "Ann", ""))


def test_nobody_has_a_part_in_what_nobody_touched() -> None:
    assert not has_part([], "ann")
