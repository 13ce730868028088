import numpy as np
import pytest

from concord.quality.responses import Names, Responses, encode, known_classes

ROWS = [("ann", "u1", "yes"), ("bob", "u1", "no"), ("ann", "u2", "no"), ("ann", "u1", "no")]


def indices(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int32)


def test_encode_numbers_in_order_of_appearance_and_sorts_classes() -> None:
    responses, names = encode(ROWS)
    assert names == Names(("u1", "u2"), ("ann", "bob"), ("no", "yes"))
    assert responses.units.tolist() == [0, 0, 1, 0]
    assert responses.annotators.tolist() == [0, 1, 0, 0]
    assert responses.labels.tolist() == [1, 0, 0, 0]


def test_declared_classes_keep_their_order_even_when_never_used() -> None:
    responses, names = encode(ROWS, classes=("yes", "unsure", "no"))
    assert names.classes == ("yes", "unsure", "no")
    assert responses.class_count == 3
    assert responses.labels.tolist() == [0, 2, 2, 2]


def test_label_outside_the_declared_classes_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'yes'"):
        encode(ROWS, classes=("no",))


def test_no_labels_are_refused() -> None:
    with pytest.raises(ValueError, match="not one label"):
        encode([])


def test_latest_keeps_the_last_label_of_a_pair_and_every_other() -> None:
    latest = encode(ROWS)[0].latest()
    assert list(zip(latest.units, latest.annotators, latest.labels, strict=True)) == [(0, 1, 0), (1, 0, 0), (0, 0, 0)]


def test_votes_and_matrix_count_repetitions() -> None:
    responses, _ = encode(ROWS)
    assert responses.votes().tolist() == [[2, 1], [1, 0]]
    assert responses.matrix().toarray().tolist() == [[1, 1, 1, 0], [1, 0, 0, 0]]


def test_gold_of_units_without_labels_is_left_out() -> None:
    _, names = encode(ROWS)
    assert known_classes({"u2": "yes", "u3": "no"}, names).tolist() == [-1, 1]


def test_gold_outside_the_classes_is_refused_by_name() -> None:
    _, names = encode(ROWS)
    with pytest.raises(ValueError, match="'maybe'"):
        known_classes({"u2": "maybe"}, names)


@pytest.mark.parametrize(
    ("units", "annotators", "labels"),
    [
        (indices(0, 2), indices(0, 0), indices(0, 0)),
        (indices(0, 1), indices(0, -1), indices(0, 0)),
        (indices(0, 1), indices(0, 0), indices(0, 2)),
        (indices(0, 1), indices(0), indices(0, 0)),
    ],
)
def test_arrays_that_do_not_belong_together_are_refused(
    units: np.ndarray, annotators: np.ndarray, labels: np.ndarray
) -> None:
    with pytest.raises(ValueError, match="must"):
        Responses(units, annotators, labels, unit_count=2, annotator_count=1, class_count=2)
