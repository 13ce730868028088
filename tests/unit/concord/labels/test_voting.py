import pytest

from concord.labels.voting import heaviest, medoids, midpoint, passes, share_of, weight_by, weighted_median


def test_sums_do_not_depend_on_the_order_of_their_terms() -> None:
    terms = [("a", 0.1), ("a", 1e9), ("a", 0.2), ("a", 1e-9)]
    assert weight_by(terms) == weight_by(terms[::-1])


def test_weights_apart_by_rounding_only_tie() -> None:
    assert heaviest({"a": 0.1 + 0.2, "b": 0.3}) == ["a", "b"]
    assert heaviest({"a": 0.31, "b": 0.3}) == ["a"]


def test_a_share_is_never_over_one() -> None:
    assert share_of(0.1 + 0.2, 0.3) == 1.0


@pytest.mark.parametrize(
    ("share", "quorum", "stands"),
    [(1.0, 1.0, True), (0.0, 1.0, False), (0.9, 1.0, None), (0.5, 0.5, None), (0.51, 0.5, True), (0.49, 0.5, False)],
)
def test_a_part_stands_falls_or_is_open(share: float, quorum: float, stands: bool | None) -> None:
    assert passes(share, quorum) is stands


@pytest.mark.parametrize(
    ("pairs", "medians"),
    [
        ([(5.0, 1.0)], (5.0, 5.0)),
        ([(1.0, 1.0), (2.0, 1.0)], (1.0, 2.0)),
        ([(1.0, 1.0), (2.0, 3.0)], (2.0, 2.0)),
        ([(1.0, 0.1), (1.0, 0.2), (2.0, 0.3)], (1.0, 2.0)),
        ([(3.0, 1.0), (1.0, 1.0), (2.0, 1.0), (2.0, 1.0)], (2.0, 2.0)),
    ],
)
def test_weighted_medians_by_hand(pairs: list[tuple[float, float]], medians: tuple[float, float]) -> None:
    assert weighted_median(pairs) == medians


def test_the_midpoint_of_one_value_is_that_value() -> None:
    assert midpoint((0.1, 0.1)) == 0.1
    assert midpoint((-1.0, 2.0)) == 0.5


def test_medoids_apart_by_rounding_only_tie() -> None:
    assert medoids({"a": 0.3, "b": 0.1 + 0.2}, [[0.0, 1.0], [1.0, 0.0]]) == ["a", "b"]
