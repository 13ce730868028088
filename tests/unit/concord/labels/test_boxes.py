import pytest

from concord.labels import Json, LabelFault, Vote
from concord.labels.boxes import BOXES_MAX, Boxes

STREET = Boxes(("car", "truck"))

Edges = tuple[float, float, float, float]


def _label(*boxes: Edges, name: str = "car") -> dict[str, Json]:
    return {
        "boxes": [
            {"left": float(left), "top": float(top), "right": float(right), "bottom": float(bottom), "class": name}
            for left, top, right, bottom in boxes
        ]
    }


def _one(field: str, value: object) -> Json:
    box: dict[str, object] = {"left": 0, "top": 0, "right": 4, "bottom": 4, "class": "car", field: value}
    return {"boxes": [box]}  # type: ignore[list-item]  # JSON of any shape is the point


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"boxes": {}}, "$.boxes"),
        (_one("left", "0"), "$.boxes[0].left"),
        (_one("top", float("nan")), "$.boxes[0].top"),
        (_one("right", 0), "$.boxes[0].right"),
        (_one("right", -3), "$.boxes[0].right"),
        (_one("bottom", 2e6), "$.boxes[0].bottom"),
        (_one("bottom", 10**400), "$.boxes[0].bottom"),
        (_one("class", "bike"), "$.boxes[0].class"),
        (_one("angle", 30), "$.boxes[0]"),
        (_label((0, 0, 4, 4), (0, 0, 4, 4)), "$.boxes[1]"),
        (_label(*((each, 0, each + 1, 1) for each in range(BOXES_MAX + 1))), "$.boxes"),
    ],
)
def test_wrong_boxes_are_refused_with_their_path(wrong: Json, path: str) -> None:
    with pytest.raises(LabelFault) as refusal:
        STREET.canonical(wrong)
    assert refusal.value.path == path


def test_boxes_have_one_order_and_float_edges() -> None:
    shuffled: Json = {
        "boxes": [
            {"class": "car", "right": 9, "left": 5, "top": 0, "bottom": 1},
            {"class": "car", "right": 1, "left": 0, "top": 0, "bottom": 1},
        ]
    }
    assert STREET.canonical(shuffled) == _label((0, 0, 1, 1), (5, 0, 9, 1))


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [
        (_label(), _label(), 0.0),
        (_label(), _label((0, 0, 4, 4)), 1.0),
        (_label((0, 0, 4, 4)), _label((0, 0, 4, 4), name="truck"), 1.0),
        (_label((0, 0, 4, 4)), _label((0, 0, 4, 2)), 0.5),
        (_label((0, 0, 4, 4)), _label((0, 0, 4, 4), (9, 9, 10, 10)), 0.5),
        (_label((0, 0, 4, 4), (10, 0, 14, 4)), _label((10, 0, 14, 2), (0, 0, 4, 4)), 0.25),
    ],
)
def test_one_minus_mean_overlap_by_hand(one: Json, other: Json, distance: float) -> None:
    assert STREET.distance(one, other) == STREET.distance(other, one) == pytest.approx(distance)


def test_every_edge_is_the_weighted_median() -> None:
    votes = [Vote(_label((0, 0, 10, 10))), Vote(_label((1, 0, 11, 12))), Vote(_label((2, 1, 10, 11)))]
    assert STREET.merge(votes).label == _label((1, 0, 10, 11))
    assert STREET.merge([votes[0], votes[1]]).label == _label((0.5, 0, 10.5, 11))
    assert STREET.merge([votes[0], Vote(votes[1].label, 3.0)]).label == votes[1].label


def test_support_is_told_box_by_box() -> None:
    sure, seen_by_two = (0, 0, 10, 10), (20, 0, 30, 10)
    merged = STREET.merge([Vote(_label(sure, seen_by_two)), Vote(_label(sure, seen_by_two)), Vote(_label(sure))])
    assert merged.label == _label(sure, seen_by_two)
    assert merged.parts == pytest.approx((1.0, 2 / 3))
    assert merged.support == pytest.approx(2 / 3)


def test_two_boxes_of_one_annotator_are_never_taken_for_one() -> None:
    twins = _label((0, 0, 10, 10), (1, 0, 11, 10))
    assert STREET.merge([Vote(twins), Vote(twins), Vote(_label((0, 0, 10, 10)))]).label == twins


def test_boxes_chain_only_as_long_as_all_of_them_overlap() -> None:
    steps = [Vote(_label((each, 0, each + 10, 10))) for each in (0, 3, 6)]
    assert STREET.merge(steps).label is not None, "0 and 6 overlap by 4/16 and may not be one, but 2 of 3 are"
    assert STREET.merge(steps).parts == pytest.approx((2 / 3,))


def test_overlap_below_the_bar_makes_two_boxes_without_a_quorum() -> None:
    merged = STREET.merge([Vote(_label((0, 0, 10, 10))), Vote(_label((6, 0, 16, 10)))])
    assert merged.label is None
    assert "no quorum for or against" in merged.reason
