import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concord.quality.agreement import (
    cohen_kappa,
    fleiss_kappa,
    gwet_ac1,
    krippendorff_alpha,
    percent_agreement,
    randolph_kappa,
)
from concord.quality.estimate import Estimate
from concord.quality.label_counts import LabelCounts, contingency, count_labels
from concord.quality.tally import AnnotationTally, LabelTally, OpenUnit

few = settings(max_examples=30)

SCALE = [1, 2, 3, 4]
WORDS = st.lists(
    st.tuples(
        st.integers(0, 7).map("u{}".format),
        st.integers(0, 3).map("ann{}".format),
        st.sampled_from(SCALE),
        st.integers(0, 2),
    ),
    max_size=60,
)
"""Unit, annotator, label and revision; the assignment is the pair of unit and annotator."""

Word = tuple[str, str, int, int]


def told(words: list[Word]) -> AnnotationTally:
    tally = AnnotationTally()
    for unit, annotator, label, revision in words:
        tally.put(unit, f"{unit} {annotator}", annotator, label, revision)
    return tally


def standing(words: list[Word]) -> dict[str, dict[str, int]]:
    """What holds in the end, worked out without a tally: of each assignment the greatest revision, then label."""
    newest: dict[tuple[str, str], tuple[int, int]] = {}
    for unit, annotator, label, revision in words:
        newest[unit, annotator] = max(newest.get((unit, annotator), (-1, 0)), (revision, label))
    units: dict[str, dict[str, int]] = {}
    for (unit, annotator), (_, label) in newest.items():
        units.setdefault(unit, {})[annotator] = label
    return units


def batch(words: list[Word]) -> LabelCounts:
    return count_labels([list(voices.values()) for voices in standing(words).values()], SCALE)


def close_to(estimate: Estimate) -> Any:
    return pytest.approx((estimate.value, estimate.low, estimate.high), abs=1e-12)


def parts(estimate: Estimate) -> tuple[float | None, float | None, float | None]:
    return estimate.value, estimate.low, estimate.high


@few
@given(WORDS, st.integers(1, 4), st.randoms(use_true_random=False))
def test_any_partition_in_any_order_with_any_replay_gives_the_same_tally(
    words: list[Word], partitions: int, rng: random.Random
) -> None:
    whole = told(words)
    scattered = words + rng.sample(words, len(words) // 2)
    rng.shuffle(scattered)
    pieces = [told(scattered[start::partitions]) for start in range(partitions)]
    rng.shuffle(pieces)
    merged = AnnotationTally()
    for piece in pieces:
        merged.merge(piece)
    assert merged.labels == whole.labels
    assert merged.pairs == whole.pairs
    assert krippendorff_alpha(merged.labels.label_counts()) == krippendorff_alpha(whole.labels.label_counts())


@few
@given(WORDS, st.integers(1, 4))
def test_sums_of_partitions_by_unit_add_up_without_the_units(words: list[Word], partitions: int) -> None:
    pieces = [told([word for word in words if hash_of(word[0]) % partitions == p]) for p in range(partitions)]
    labels, pairs = LabelTally(), told([]).pairs
    for piece in pieces:
        labels.merge(LabelTally.from_json(piece.labels.to_json()))
        pairs.merge(piece.pairs)
    assert (labels, pairs) == (told(words).labels, told(words).pairs)


def hash_of(unit: str) -> int:
    return int(unit[1:])


@few
@given(WORDS)
def test_statistics_of_the_tally_equal_those_of_the_batch(words: list[Word]) -> None:
    tallied, whole = told(words).labels.label_counts(SCALE), batch(words)
    for statistic in (percent_agreement, fleiss_kappa, randolph_kappa, gwet_ac1):
        assert parts(statistic(tallied)) == close_to(statistic(whole))
    for distance in ("nominal", "ordinal", "interval", "ratio"):
        assert parts(krippendorff_alpha(tallied, distance)) == close_to(krippendorff_alpha(whole, distance))
        linearised = krippendorff_alpha(whole, distance, interval="linearised")
        assert parts(krippendorff_alpha(tallied, distance, interval="linearised")) == close_to(linearised)


@few
@given(WORDS)
def test_kappa_of_a_pair_in_the_tally_equals_that_of_the_batch(words: list[Word]) -> None:
    pairs, units = told(words).pairs, list(standing(words).values())
    for first in ("ann0", "ann1"):
        for second in ("ann2", "ann3"):
            ours = [unit.get(first) for unit in units]
            table = contingency(ours, [unit.get(second) for unit in units], SCALE)[0]
            assert cohen_kappa(pairs.table(first, second, SCALE)[0]) == cohen_kappa(table)
            assert pairs.table(second, first, SCALE)[0].tolist() == table.T.tolist()


@few
@given(WORDS, st.randoms(use_true_random=False))
def test_taking_back_everything_leaves_nothing(words: list[Word], rng: random.Random) -> None:
    tally = told(words)
    rng.shuffle(words)
    for unit, annotator, _, _ in words:
        tally.take_back(unit, f"{unit} {annotator}", annotator, revision=9)
    assert tally.labels.rows == {}
    assert tally.pairs.cells == {}


@few
@given(WORDS)
def test_an_open_unit_and_the_sums_do_as_well_without_the_whole(words: list[Word]) -> None:
    """The way of a stream processor: a row a unit in its table, and one small set of sums."""
    rows: dict[str, OpenUnit] = {}
    sums = LabelTally()
    for unit, annotator, label, revision in words:
        row = OpenUnit.from_json(rows[unit].to_json()) if unit in rows else OpenUnit()
        before = row.label_row()
        row.put(f"{unit} {annotator}", annotator, label, revision)
        sums.replace(before, row.label_row())
        rows[unit] = row
    assert sums == told(words).labels
