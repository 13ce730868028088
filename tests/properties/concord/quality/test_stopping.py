"""Prices move labels and rulings the way they should, on every unit or on average as is said."""

import random
from functools import lru_cache
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concord.quality.crowd import Crowd, SparseAnswers, class_chances
from concord.quality.stopping import LOOKAHEAD, Outlook, Prices, is_worth_a_label, outlook_of

UNITS, LABELS_MAX, INITIAL = 400, 10, 2
price = st.sampled_from([0.01, 0.3, 1.0, 4.0, 20.0, 100.0, 1_000.0, 30_000.0])
prices = st.builds(Prices, label=price, decision=price, error=price)
dearer = st.sampled_from([1.0, 1.5, 4.0, 50.0])


class Way(NamedTuple):
    """A unit's way: where it stood after each of its labels, and whether the likeliest class was right then."""

    outlooks: list[Outlook]
    right: list[bool]


@lru_cache
def ways(classes: int, dependence: float) -> list[Way]:
    """Return simulated units under a crowd of .6 to .95 that gold knows by thirty answers each."""
    draw = random.Random(f"{classes}/{dependence}")
    accuracy = {f"w{number}": 0.6 + 0.35 * number / 11 for number in range(12)}

    def labelled(who: str, true: int) -> int:
        return true if draw.random() < accuracy[who] else draw.choice([k for k in range(classes) if k != true])

    answers = {}
    for who in accuracy:
        cells: dict[tuple[int, int], int] = {}
        for true in (number % classes for number in range(30)):
            pair = true, labelled(who, true)
            cells[pair] = cells.get(pair, 0) + 1
        answers[who] = SparseAnswers.of_cells([(*pair, times) for pair, times in cells.items()])
    crowd, found = Crowd(classes, 0.8, answers, dependence), []
    for _ in range(UNITS):
        true, labels = draw.randrange(classes), list[tuple[str, int]]()
        way = Way([], [])
        for who in draw.sample(sorted(accuracy), LABELS_MAX):
            labels.append((who, labelled(who, true)))
            chances = class_chances(labels, crowd, {})
            way.outlooks.append(outlook_of(chances, len(labels), crowd, {}))
            way.right.append(chances[true] == max(chances))
        found.append(way)
    return found


def ended(way: Way, by: Prices) -> tuple[int, bool, bool]:
    """Return after how many labels a unit is left, whether it is settled then, and whether it is right."""
    for labels in range(INITIAL, LABELS_MAX + 1):
        unit = way.outlooks[labels - 1]
        if not is_worth_a_label(unit, by, LABELS_MAX - labels):
            return labels, unit.lead >= by.settled_at, way.right[labels - 1]
    raise AssertionError("the last label is the last")


crowds = pytest.mark.parametrize(("classes", "dependence"), [(2, 0.0), (2, 0.3), (5, 0.15)])


@crowds
@settings(max_examples=40, deadline=None)
@given(by=prices, factor=dearer, whole=st.sampled_from([0.01, 2.0, 1_000.0]))
def test_only_the_ratios_of_prices_matter_and_a_dearer_label_is_never_asked_for_where_a_cheaper_one_is_not(
    classes: int, dependence: float, by: Prices, factor: float, whole: float
) -> None:
    """A label that is dearer beside both of the others is as if both were cheaper: on every unit, not on average."""
    scaled = Prices(by.label * whole, by.decision * whole, by.error * whole)
    dear = Prices(by.label * factor, by.decision, by.error)
    for way in ways(classes, dependence)[:40]:
        assert ended(way, dear)[0] <= ended(way, by)[0]
        assert ended(way, scaled)[1:] == ended(way, by)[1:]


@crowds
@settings(max_examples=15, deadline=None)
@given(by=prices, factor=dearer)
def test_a_dearer_error_is_never_left_more_often_on_average(
    classes: int, dependence: float, by: Prices, factor: float
) -> None:
    """It may mean fewer labels: what will not be settled is ruled at once. The error of a share of 400 is .025."""
    dear = Prices(by.label, by.decision, by.error * factor)
    assert left_wrong(ways(classes, dependence), dear) <= left_wrong(ways(classes, dependence), by) + 0.0251


@crowds
@settings(max_examples=15, deadline=None)
@given(by=prices, factor=dearer)
def test_a_dearer_ruling_is_never_asked_for_more_often_on_average(
    classes: int, dependence: float, by: Prices, factor: float
) -> None:
    dear = Prices(by.label, by.decision * factor, by.error)
    found = ways(classes, dependence)
    assert ruled(found, dear) <= ruled(found, by) + 0.0251


@crowds
def test_an_error_that_costs_more_buys_labels_where_no_ruling_is_to_be_had(classes: int, dependence: float) -> None:
    labels = [
        sum(ended(way, Prices(1.0, 1e6, error))[0] for way in ways(classes, dependence)) / UNITS
        for error in (1.0, 10.0, 50.0, 250.0, 2_000.0)
    ]
    assert labels == sorted(labels)
    assert labels[0] == INITIAL
    assert labels[-1] > INITIAL + 0.5


def left_wrong(found: list[Way], by: Prices) -> float:
    ends = [ended(way, by) for way in found]
    return sum(settled and not right for _, settled, right in ends) / len(ends)


def ruled(found: list[Way], by: Prices) -> float:
    return sum(not ended(way, by)[1] for way in found) / len(found)


def test_one_label_may_change_nothing_where_two_or_three_do() -> None:
    """After two that agree of a crowd of .8 one against them leaves the leader; the worth lies in those after it."""
    unit = Outlook(0.94, 0.06, 0.0, 2.75, 0.0, 2, 0.0, 0.8, 2)
    cheap = Prices(0.01, 1e6, 100.0)
    assert not is_worth_a_label(unit, cheap, 1)
    assert is_worth_a_label(unit, cheap, max(LOOKAHEAD))
