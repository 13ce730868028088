import pytest

from concord.labels import Json, LabelFault, SchemaFault, Vote, encoded
from concord.labels.number import Number

SCORE = Number(0, 100)


def test_integers_and_negative_zero_have_one_form() -> None:
    assert encoded(SCORE.canonical(7)) == encoded(SCORE.canonical(7.0)) == b"7.0"
    assert encoded(SCORE.canonical(-0.0)) == b"0.0"


@pytest.mark.parametrize("wrong", [-1, 100.1, "7", True, None, float("nan"), float("-inf"), 10**400])
def test_what_is_out_of_range_is_refused(wrong: Json) -> None:
    with pytest.raises(LabelFault):
        SCORE.canonical(wrong)


def test_the_distance_is_the_squared_share_of_the_range() -> None:
    assert SCORE.distance(20.0, 70.0) == SCORE.distance(70.0, 20.0) == 0.25


def test_one_wild_number_does_not_move_the_mean_of_the_others() -> None:
    merged = SCORE.merge([Vote(50.0), Vote(52.0), Vote(100.0)])
    assert merged.label == pytest.approx(51.0)
    assert merged.support == pytest.approx(2 / 3)


def test_weights_pull_the_mean() -> None:
    assert SCORE.merge([Vote(50.0, 3.0), Vote(54.0, 1.0)]).label == pytest.approx(51.0)


def test_two_camps_are_escalated() -> None:
    assert SCORE.merge([Vote(10.0), Vote(10.0), Vote(90.0), Vote(90.0)]).label is None


def test_half_the_weight_is_not_most_of_it() -> None:
    merged = SCORE.merge([Vote(10.0), Vote(50.0), Vote(50.0), Vote(90.0)])
    assert merged.label is None
    assert merged.support == 0.5


def test_no_tolerance_wants_equal_numbers() -> None:
    exact = Number(0, 100, tolerance=0)
    assert exact.merge([Vote(10.0), Vote(10.0), Vote(11.0)]).label == 10.0
    assert exact.merge([Vote(10.0), Vote(11.0), Vote(12.0)]).label is None


@pytest.mark.parametrize(
    ("low", "high", "tolerance", "path"),
    [
        (0, 0, None, "$.high"),
        (1, 0, None, "$.high"),
        (0, 1e13, None, "$.high"),
        (None, 1, None, "$.low"),
        (0, 1, 2, "$.tolerance"),
    ],
)
def test_a_wrong_range_is_refused(low: object, high: object, tolerance: object, path: str) -> None:
    with pytest.raises(SchemaFault) as refusal:
        Number(low, high, tolerance)  # type: ignore[arg-type]  # what a spec may hold
    assert refusal.value.path == path
