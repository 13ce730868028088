from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from concord.quality.agreement import (
    cohen_kappa,
    cohen_kappa_disagreement,
    conger_kappa,
    fleiss_kappa,
    gwet_ac1,
    gwet_ac2,
    krippendorff_alpha,
    percent_agreement,
    randolph_kappa,
    scott_pi,
)
from concord.quality.krippendorff import Metric
from concord.quality.label_counts import contingency, count_labels, counts_of_table
from concord.quality.weights import agreement_weights

few = settings(max_examples=30)

SCALE = [1, 2, 3, 4]
LABEL = st.sampled_from(SCALE)
METRICS: list[Metric] = ["nominal", "ordinal", "interval", "ratio"]


def complete(annotators: int) -> st.SearchStrategy[list[list[int]]]:
    return st.lists(st.lists(LABEL, min_size=annotators, max_size=annotators), min_size=2, max_size=20)


GAPPED = st.lists(st.lists(st.one_of(st.none(), LABEL), min_size=1, max_size=5), max_size=20)


def value(estimate: Any) -> Any:
    return pytest.approx(estimate.value, abs=1e-12)


@few
@given(complete(3))
def test_alpha_is_fleiss_kappa_corrected_for_the_number_of_labels(rows: list[list[int]]) -> None:
    counts = count_labels(rows, SCALE)
    alpha, kappa = krippendorff_alpha(counts).value, fleiss_kappa(counts).value
    if alpha is None or kappa is None:
        assert alpha is kappa is None
    else:
        n = 3 * len(rows)
        assert alpha == pytest.approx(1 - (1 - kappa) * (n - 1) / n, abs=1e-12)


@few
@given(complete(2))
def test_two_annotators_make_the_pairs_of_coefficients_one(rows: list[list[int]]) -> None:
    table = contingency([a for a, _ in rows], [b for _, b in rows], SCALE)[0]
    counts = count_labels(rows, SCALE)
    assert scott_pi(table).value == value(fleiss_kappa(counts))
    assert conger_kappa(rows).value == value(cohen_kappa(table))
    assert percent_agreement(counts).value == value(percent_agreement(counts_of_table(table)))
    assert randolph_kappa(counts).value == value(randolph_kappa(counts_of_table(table)))


@few
@given(complete(2))
def test_weights_of_agreement_and_disagreement_are_one_kappa(rows: list[list[int]]) -> None:
    table = contingency([a for a, _ in rows], [b for _, b in rows], SCALE)[0]
    apart = np.abs(np.subtract.outer(np.arange(4), np.arange(4)))
    assert cohen_kappa(table, "linear").value == value(cohen_kappa_disagreement(table, apart))
    assert cohen_kappa(table, "quadratic").value == value(cohen_kappa_disagreement(table, 7.0 * apart**2))
    assert cohen_kappa(table, agreement_weights("identity", SCALE)).value == value(cohen_kappa(table))


@few
@given(complete(2))
def test_kappa_does_not_care_who_is_first(rows: list[list[int]]) -> None:
    table = contingency([a for a, _ in rows], [b for _, b in rows], SCALE)[0]
    for kind in ("identity", "linear", "quadratic"):
        assert cohen_kappa(table.T, kind).value == value(cohen_kappa(table, kind))


@few
@given(GAPPED, st.randoms(use_true_random=False))
def test_the_order_of_units_and_annotators_does_not_matter(rows: list[list[int | None]], rng: Any) -> None:
    shuffled = [rng.sample(row, len(row)) for row in rng.sample(rows, len(rows))]
    before, after = count_labels(rows, SCALE), count_labels(shuffled, SCALE)
    for statistic in (percent_agreement, fleiss_kappa, randolph_kappa, gwet_ac1):
        assert statistic(after).value == value(statistic(before))
        assert statistic(after).low == pytest.approx(statistic(before).low, abs=1e-9)
    for metric in METRICS:
        first, second = krippendorff_alpha(before, metric), krippendorff_alpha(after, metric)
        assert second.value == value(first)
        assert second.low == pytest.approx(first.low, abs=1e-9)


@few
@given(GAPPED, st.permutations(SCALE))
def test_nominal_coefficients_do_not_care_what_labels_are_called(
    rows: list[list[int | None]], names: list[int]
) -> None:
    renamed = [[None if x is None else f"label {names[x - 1]}" for x in row] for row in rows]
    before, after = count_labels(rows, SCALE), count_labels(renamed, [f"label {x}" for x in SCALE])
    for statistic in (percent_agreement, fleiss_kappa, randolph_kappa, gwet_ac1, krippendorff_alpha):
        assert statistic(after).value == value(statistic(before))
        assert statistic(after).high == pytest.approx(statistic(before).high, abs=1e-9)


@few
@given(GAPPED, st.sampled_from([0.5, 3.0, 1024.0]), st.sampled_from([0.0, -7.5, 1e6]))
def test_interval_alpha_does_not_care_about_unit_and_origin(
    rows: list[list[int | None]], factor: float, shift: float
) -> None:
    moved = [[None if x is None else factor * x + shift for x in row] for row in rows]
    first, second = (krippendorff_alpha(count_labels(r), "interval") for r in (rows, moved))
    assert second.value == pytest.approx(first.value, abs=1e-9)


@few
@given(GAPPED, st.sampled_from([0.5, 3.0, 1024.0]))
def test_ratio_alpha_does_not_care_about_the_unit(rows: list[list[int | None]], factor: float) -> None:
    moved = [[None if x is None else factor * x for x in row] for row in rows]
    first, second = (krippendorff_alpha(count_labels(r), "ratio") for r in (rows, moved))
    assert second.value == value(first)


@few
@given(GAPPED)
def test_ordinal_alpha_cares_about_the_order_only(rows: list[list[int | None]]) -> None:
    bent = [[None if x is None else x**3 for x in row] for row in rows]
    first, second = (krippendorff_alpha(count_labels(r), "ordinal") for r in (rows, bent))
    assert second.value == value(first)


@few
@given(GAPPED)
def test_units_with_one_label_do_not_move_alpha(rows: list[list[int | None]]) -> None:
    counts = count_labels(rows, SCALE)
    padded = count_labels([*rows, [4], [None, 1]], SCALE)
    for metric in METRICS:
        assert krippendorff_alpha(padded, metric).value == value(krippendorff_alpha(counts, metric))


@few
@given(GAPPED)
def test_every_estimate_is_a_number_in_its_range_or_says_why_not(rows: list[list[int | None]]) -> None:
    counts = count_labels(rows, SCALE)
    estimates = [s(counts) for s in (percent_agreement, fleiss_kappa, randolph_kappa, gwet_ac1, gwet_ac2)]
    estimates += [krippendorff_alpha(counts, metric) for metric in METRICS]
    for estimate in estimates:
        if estimate.value is None:
            assert estimate.reason
        else:
            assert estimate.value <= 1 + 1e-12
        if estimate.low is None or estimate.high is None:
            assert estimate.reason
        else:
            assert estimate.value is not None
            assert min(-1, estimate.value) - 1e-12 <= estimate.low <= estimate.value <= estimate.high <= 1 + 1e-12


@few
@given(complete(4))
def test_percent_agreement_is_the_mean_over_pairs_of_annotators(rows: list[list[int]]) -> None:
    pairs = [np.mean([row[a] == row[b] for row in rows]) for a, b in combinations(range(4), 2)]
    assert percent_agreement(count_labels(rows, SCALE)).value == pytest.approx(float(np.mean(pairs)), abs=1e-12)


@few
@given(complete(3), st.integers(2, 5))
def test_repeating_every_unit_leaves_kappa_and_narrows_its_interval(rows: list[list[int]], times: int) -> None:
    once, often = fleiss_kappa(count_labels(rows, SCALE)), fleiss_kappa(count_labels(rows * times, SCALE))
    assert often.value == value(once)
    assume(once.low is not None)
    assert once.low is not None
    assert often.low is not None
    assert often.low >= once.low - 1e-12
