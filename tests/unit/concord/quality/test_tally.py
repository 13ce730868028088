import json

import numpy as np
import pytest

from concord.quality.agreement import (
    cohen_kappa,
    fleiss_kappa,
    gwet_ac1,
    krippendorff_alpha,
    percent_agreement,
    randolph_kappa,
)
from concord.quality.label_counts import count_labels
from concord.quality.tally import AnnotationTally, LabelTally, OpenUnit, PairTally, label_row


def test_a_replayed_assignment_counts_once() -> None:
    tally = AnnotationTally()
    assert tally.put("u", "a1", "ann", "yes")
    assert tally.put("u", "a2", "bob", "no")
    before = dict(tally.labels.rows)
    assert not tally.put("u", "a1", "ann", "yes")
    assert tally.labels.rows == before == {(("no", 1), ("yes", 1)): 1}


def test_a_revision_replaces_what_it_revises_even_when_it_comes_first() -> None:
    tally = AnnotationTally()
    assert tally.put("u", "a1", "ann", "no", revision=1)
    assert not tally.put("u", "a1", "ann", "yes", revision=0)
    assert tally.labels.rows == {(("no", 1),): 1}


def test_what_was_taken_back_leaves_no_trace_and_does_not_return_by_replay() -> None:
    tally = AnnotationTally()
    tally.put("u", "a1", "ann", "yes")
    tally.put("u", "a2", "bob", "no")
    assert tally.take_back("u", "a2", "bob")
    assert not tally.take_back("u", "a2", "bob")
    assert not tally.put("u", "a2", "bob", "no")
    assert tally.labels.rows == {(("yes", 1),): 1}
    assert tally.pairs.cells == {}


def test_an_annotator_has_one_voice_whatever_comes_first() -> None:
    tallies = [AnnotationTally(), AnnotationTally()]
    words = [("a1", "yes"), ("a2", "no")]
    for tally, order in zip(tallies, (words, words[::-1]), strict=True):
        for assignment, label in order:
            tally.put("u", assignment, "ann", label)
    assert tallies[0].labels.rows == tallies[1].labels.rows == {(("no", 1),): 1}


def test_a_unit_without_labels_is_in_no_sum() -> None:
    tally = AnnotationTally()
    tally.put("u", "a1", "ann", "yes")
    tally.take_back("u", "a1", "ann")
    assert tally.labels.rows == {}
    assert krippendorff_alpha(tally.labels.label_counts()).value is None


def test_a_closed_unit_stays_in_the_sums() -> None:
    tally = AnnotationTally()
    tally.put("u", "a1", "ann", "yes")
    assert tally.close("u").voices() == {"ann": "yes"}
    assert tally.units == {}
    assert tally.labels.rows == {(("yes", 1),): 1}
    with pytest.raises(KeyError):
        tally.close("u")


def test_partitions_that_share_a_unit_merge_to_the_whole_unit() -> None:
    left, right = AnnotationTally(), AnnotationTally()
    left.put("u", "a1", "ann", "yes")
    left.put("u", "a2", "bob", "no")
    right.put("u", "a2", "bob", "no")
    right.put("u", "a3", "eve", "no")
    left.merge(right)
    assert left.labels.rows == {(("no", 2), ("yes", 1)): 1}
    assert left.pairs.pairs() == [("ann", "bob"), ("ann", "eve"), ("bob", "eve")]


def test_all_of_it_survives_json() -> None:
    tally = AnnotationTally()
    tally.put("u", "1", "ann", 3)
    tally.put("u", "2", "bob", 4)
    tally.put("v", "3", "ann", 3)
    assert LabelTally.from_json(json.loads(json.dumps(tally.labels.to_json()))) == tally.labels
    assert PairTally.from_json(json.loads(json.dumps(tally.pairs.to_json()))) == tally.pairs
    unit = tally.units["u"]
    assert OpenUnit.from_json(json.loads(json.dumps(unit.to_json()))) == unit


def test_taking_out_more_than_was_put_in_is_refused() -> None:
    tally = LabelTally()
    tally.add((("a", 2),))
    tally.add((("a", 2),), -1)
    assert tally.rows == {}
    with pytest.raises(ValueError, match="taken out more often"):
        tally.add((("a", 2),), -1)
    with pytest.raises(ValueError, match="taken out more often"):
        PairTally().add({"ann": "x", "bob": "y"}, -1)


def test_a_label_beyond_the_declared_scale_is_named() -> None:
    tally = AnnotationTally()
    tally.put("u", "1", "ann", "x")
    tally.put("u", "2", "bob", "z")
    with pytest.raises(ValueError, match="'z' is not on the declared scale"):
        tally.labels.label_counts(["x", "y"])
    with pytest.raises(ValueError, match="'z' is not on the declared scale"):
        tally.pairs.table("ann", "bob", ["x", "y"])
    assert tally.labels.label_counts(["z", "y", "x"]).counts.tolist() == [[1.0, 0.0, 1.0]]


def test_labels_of_different_kinds_live_in_one_row() -> None:
    assert label_row([1, "1", 1]) == ((1, 2), ("1", 1))
    assert label_row([10, 9]) == ((9, 1), (10, 1))


def test_a_pair_has_the_table_that_its_labels_make() -> None:
    tally = AnnotationTally()
    for unit, a, b in [("1", "x", "x"), ("2", "x", "y"), ("3", "y", "y"), ("4", "y", "y")]:
        tally.put(unit, f"{unit} ann", "ann", a)
        tally.put(unit, f"{unit} bob", "bob", b)
    table, labels = tally.pairs.table("ann", "bob")
    assert (table.tolist(), labels) == ([[1.0, 1.0], [0.0, 2.0]], ("x", "y"))
    assert cohen_kappa(table).value == pytest.approx(0.5)
    assert tally.pairs.table("ann", "nobody")[0].shape == (0, 0)


def test_a_table_of_units_is_tallied_in_one_go() -> None:
    rows: list[list[str | None]] = [["b", "a"], ["a", "b"], ["a", None], [None, None], ["b", "b"]]
    one_by_one = LabelTally()
    for row in rows:
        one_by_one.add(label_row(label for label in row if label is not None))
    assert LabelTally.of(count_labels(rows)) == one_by_one
    assert LabelTally.of(count_labels(rows, ["b", "a"])) == one_by_one


def test_many_distinct_labels_are_tallied_and_measured_without_a_table_of_them_all() -> None:
    numbers = np.random.default_rng(1).integers(0, 10**6, size=(20_000, 2))
    numbers[:9000, 1] = numbers[:9000, 0]
    counts = count_labels(numbers)
    tally = LabelTally.of(counts)
    assert sum(tally.rows.values()) == 20_000
    table = tally.label_counts()
    for statistic in (krippendorff_alpha, fleiss_kappa, gwet_ac1, randolph_kappa, percent_agreement):
        assert statistic(table).value == pytest.approx(0.45, abs=1e-3)
    whole, tallied = krippendorff_alpha(counts, "interval"), krippendorff_alpha(table, "interval")
    assert tallied.value == pytest.approx(whole.value, abs=1e-12)
    assert "linearised" in krippendorff_alpha(counts, "ordinal").method


def test_mixed_labels_make_the_same_row_alone_and_in_a_table() -> None:
    rows: list[list[object]] = [[9, 10], ["a", 9]]
    tally = LabelTally.of(count_labels(rows))
    assert set(tally.rows) == {label_row(row) for row in rows}
