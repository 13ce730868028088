import pytest

from concord.labels import Json, LabelFault, SchemaFault, Vote
from concord.labels.rating import RATING_POINTS_MAX, Rating

STARS = Rating(1, 5)


def _merged(*ratings: int) -> Json:
    return STARS.merge([Vote(each) for each in ratings]).label


def test_a_rating_is_an_integer_however_json_wrote_it() -> None:
    assert type(STARS.canonical(4.0)) is int


@pytest.mark.parametrize("wrong", [0, 6, 3.5, "3", True, None, float("nan"), float("inf"), 10**400])
def test_what_is_not_on_the_scale_is_refused(wrong: Json) -> None:
    with pytest.raises(LabelFault):
        STARS.canonical(wrong)


def test_the_distance_grows_with_the_square_of_the_steps() -> None:
    assert [STARS.distance(1, each) for each in STARS.classes] == [0.0, 1 / 16, 4 / 16, 9 / 16, 1.0]


def test_the_most_frequent_rating_wins() -> None:
    assert _merged(1, 1, 4, 5) == 1


def test_a_tie_falls_to_the_median_and_a_halved_median_is_escalated() -> None:
    assert _merged(2, 3, 5) == 3
    assert _merged(2, 2, 3, 5, 5) == 3
    assert _merged(3, 4) is None


def test_scales_below_zero_work() -> None:
    mood = Rating(-2, 2)
    assert mood.classes == (-2, -1, 0, 1, 2)
    assert mood.index(-2) == 0
    assert mood.merge([Vote(-2), Vote(-2), Vote(2)]).label == -2


@pytest.mark.parametrize(
    ("lowest", "highest"), [(5, 5), (5, 1), (0, RATING_POINTS_MAX), ("1", 5), (0.5, 5), (10**9, 5)]
)
def test_a_scale_has_two_points_or_more_and_not_too_many(lowest: object, highest: object) -> None:
    with pytest.raises(SchemaFault):
        Rating(lowest, highest)  # type: ignore[arg-type]  # what a spec may hold
