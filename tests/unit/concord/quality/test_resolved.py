"""What resolved units tell of annotators: by the others' labels or a ruling, in no order, and not more than is so."""

import random
from collections.abc import Sequence

import pytest

from concord.quality.crowd import RESOLVED_WORTH, Crowd, SparseAnswers
from concord.quality.resolved import Learnt, ResolvedUnit, added, learnt_of

CROWD = Crowd(2, 0.8, {}, 0.15)


def times(found: Sequence[Learnt], annotator_id: str, true: int) -> float:
    return sum(learnt.times for learnt in found if (learnt.annotator_id, learnt.true) == (annotator_id, true))


def test_nobody_is_judged_by_their_own_label() -> None:
    """Two against one: who is alone is likely wrong, and each of the two is as likely wrong as right."""
    found = learnt_of([ResolvedUnit([("ann", 0), ("bob", 0), ("cyd", 1)])], CROWD, {})
    assert times(found, "cyd", 0) == pytest.approx(0.93, abs=0.02)
    assert times(found, "ann", 0) == times(found, "bob", 0) == pytest.approx(0.5)
    assert learnt_of([ResolvedUnit([("ann", 0)])], CROWD, {}) == [], "one label alone tells nothing"


def test_what_a_person_ruled_is_what_it_is_whatever_the_labels_say() -> None:
    found = learnt_of([ResolvedUnit([("ann", 0), ("bob", 0)], ruled=1)], CROWD, {})
    assert found == [Learnt("ann", 1, 0, 1.0), Learnt("bob", 1, 0, 1.0)]


def test_neither_the_order_of_units_nor_that_of_parts_moves_the_last_bit() -> None:
    draw = random.Random(5)
    units = [
        ResolvedUnit([(f"w{w}", int(draw.random() < 0.3)) for w in draw.sample(range(9), 4)], draw.choice([None, 1]))
        for _ in range(80)
    ]
    mixed = draw.sample(units, len(units))
    assert learnt_of(units, CROWD, {0: 7, 1: 3}) == learnt_of(mixed, CROWD, {0: 7, 1: 3})
    parts = [learnt_of(units[start : start + 20], CROWD, {}) for start in range(0, 80, 20)]
    assert added(parts) == added(reversed(parts))


def test_a_resolved_unit_counts_less_than_gold_and_moves_no_newcomer() -> None:
    gold = {"ann": SparseAnswers.of_cells([(0, 0, 5), (1, 1, 5)])}
    learnt = {"ann": SparseAnswers.of_cells([(0, 1, 10.0), (1, 0, 10.0)])}
    before, after = Crowd(2, 0.8, gold), Crowd(2, 0.8, gold, learnt=learnt)
    wrong = RESOLVED_WORTH * 20
    assert after.own_accuracy("ann") == pytest.approx((10 + 20 * after.accuracy) / (30 + wrong))
    assert after.own_accuracy("new") == before.own_accuracy("new")
    assert after.gold_units == 10
    assert after.gold_share == pytest.approx(10 / (10 + wrong))
    assert Crowd(2, 0.8, {}).gold_share is None


@pytest.mark.parametrize("seed", range(3))
def test_people_whom_gold_does_not_know_are_told_apart_and_not_held_to_be_better_than_they_are(seed: int) -> None:
    """Thirty people of .6 to .95 who met no gold; the error of their mean accuracy over 600 units is some .01."""
    draw = random.Random(seed)
    right = {f"w{number}": 0.6 + 0.35 * number / 29 for number in range(30)}
    crowd, parts = Crowd(2, 0.775, {}), []
    for _ in range(6):
        units = []
        for _ in range(100):
            true = draw.randrange(2)
            people = draw.sample(sorted(right), 4)
            units.append(ResolvedUnit([(who, true ^ (draw.random() > right[who])) for who in people]))
        parts.append(learnt_of(units, crowd, {}))
        crowd = Crowd(2, 0.775, {}, learnt=added(parts))
    found = {who: crowd.own_accuracy(who) for who in right}
    best, worst = [f"w{number}" for number in range(20, 30)], [f"w{number}" for number in range(10)]
    assert sum(found[name] for name in best) - sum(found[name] for name in worst) > 10 * 0.05
    learnt = added(parts)
    mean = sum(sparse_answers.correct for sparse_answers in learnt.values()) / sum(
        sparse_answers.units for sparse_answers in learnt.values()
    )
    assert mean < sum(right.values()) / 30 + 0.03
