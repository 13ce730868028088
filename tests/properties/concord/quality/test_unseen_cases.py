import warnings
from math import isfinite
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concord.quality.check import FUNCTIONS

few = settings(max_examples=60)

LABELS: st.SearchStrategy[list[Any]] = st.sampled_from(
    [[1, 2, 3], ["a", "b"], [-1, 0, 1], [1], [0.5, 1.5], [None, 1], [None, "a", "b"], [None]]
)
NUMBERS: st.SearchStrategy[list[Any]] = st.sampled_from([[1, 2, 3], [-1, 0, 1], [1], [0.1, 0.7], [None, 1, 2], [None]])


@st.composite
def matrices(draw: st.DrawFn, kinds: st.SearchStrategy[list[Any]] = LABELS) -> list[list[Any]]:
    label = st.sampled_from(draw(kinds))
    width = draw(st.integers(0, 4))
    return draw(st.lists(st.lists(label, min_size=width, max_size=width), max_size=6))


@st.composite
def tables(draw: st.DrawFn) -> list[list[int]]:
    size = draw(st.integers(0, 4))
    row = st.lists(st.sampled_from([0, 0, 1, 2, 9]), min_size=size, max_size=size)
    return draw(st.lists(row, min_size=size, max_size=size))


def numbers_in(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [number for inner in value.values() for number in numbers_in(inner)]
    if isinstance(value, list):
        return [number for inner in value for number in numbers_in(inner)]
    return [] if value is None else [float(value)]


def gives_only_numbers(function: str, **case: Any) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return all(isfinite(number) for number in numbers_in(FUNCTIONS[function](case)))


@few
@given(matrices())
def test_whatever_the_labels_agreement_is_a_number_or_nothing(labels: list[list[Any]]) -> None:
    assert gives_only_numbers("gwet_ac1_ac2_multi", ratings_by_item=labels)
    assert gives_only_numbers("krippendorff_alpha", ratings_by_item=labels)
    assert gives_only_numbers("krippendorff_alpha", ratings_by_annotator=labels)


@few
@given(matrices(NUMBERS))
def test_whatever_the_numbers_the_intraclass_correlation_is_a_number_or_nothing(labels: list[list[Any]]) -> None:
    assert gives_only_numbers("icc", ratings_by_item=labels)


@pytest.mark.parametrize("function", ["cohen_kappa", "cohen_kappa_ci", "scott_pi", "gwet_ac1"])
@few
@given(tables())
def test_whatever_the_table_kappa_is_a_number_or_nothing(function: str, table: list[list[int]]) -> None:
    assert gives_only_numbers(function, table=table)


@few
@given(tables())
def test_whatever_the_counts_kappa_is_a_number_or_nothing(counts: list[list[int]]) -> None:
    assert gives_only_numbers("fleiss_kappa", counts=counts)
    assert gives_only_numbers("randolph_kappa", counts=counts)


@few
@given(st.integers(0, 30).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_whatever_the_counts_an_interval_is_two_numbers_or_nothing(counts: tuple[int, int]) -> None:
    assert gives_only_numbers("binomial_ci", k=counts[0], n=counts[1])
    assert gives_only_numbers("hypergeometric_ci", k=counts[0], n=counts[1], N=30)
