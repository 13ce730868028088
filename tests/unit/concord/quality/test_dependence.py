"""The correlation of errors: found where there is one, and what is then claimed is as often right as it says."""

import random
from collections import Counter

import pytest

from concord.quality.crowd import Crowd, SparseAnswers, class_chances
from concord.quality.dependence import EXPECTED, GOLD_UNITS_MAX, GoldUnit, drawn, fitted

PEOPLE = [f"w{number}" for number in range(20)]
ACCURACY = 0.85


def simulated(
    generator: random.Random, units: int, together: float, rare: float = 0.5, labels: int = 8
) -> list[GoldUnit]:
    """Return units on which, with probability `together`, an error of the unit's own takes each person's place."""
    found = []
    for number in range(units):
        true = int(generator.random() < rare)
        shared = true if generator.random() < ACCURACY else 1 - true
        rows = []
        for who in generator.sample(PEOPLE, labels):
            own = true if generator.random() < ACCURACY else 1 - true
            rows.append((who, shared if generator.random() < together else own))
        found.append(GoldUnit(f"u{number}", true, rows))
    return found


def crowd_of(units: list[GoldUnit], dependence: float) -> Crowd:
    """Return what is known of people by these units."""
    cells: dict[str, Counter[tuple[int, int]]] = {}
    for unit in units:
        for who, label in unit.answers:
            cells.setdefault(who, Counter())[unit.known, label] += 1
    body = {
        who: SparseAnswers.of_cells([(*place, times) for place, times in each.items()]) for who, each in cells.items()
    }
    return Crowd(2, 0.8, body, dependence)


def test_without_gold_a_crowd_is_what_crowds_are() -> None:
    assert fitted([], 2, 0.8).rho == EXPECTED
    alone = [GoldUnit(f"u{number}", 0, [("ann", 0)]) for number in range(50)]
    assert fitted(alone, 2, 0.8) == fitted([], 2, 0.8), "one label a unit says nothing of two"


def test_the_more_people_err_together_the_more_is_found() -> None:
    found = [fitted(simulated(random.Random(3), 200, together), 2, 0.8).rho for together in (0.0, 0.5, 0.8)]
    assert found == sorted(found)
    assert found[0] <= 0.1
    assert found[2] >= 0.4


def test_the_order_of_units_and_of_answers_changes_nothing() -> None:
    units = simulated(random.Random(4), 300, 0.5)
    again = [GoldUnit(unit.unit_id, unit.known, unit.answers[::-1]) for unit in units[::-1]]
    assert fitted(again, 2, 0.8) == fitted(units, 2, 0.8)


def test_gold_units_that_are_weighed_are_bounded_and_always_the_same() -> None:
    units = simulated(random.Random(5), 500, 0.5)
    assert len(drawn(units)) == fitted(units, 2, 0.8).units == GOLD_UNITS_MAX
    assert drawn(units) == drawn(units[::-1])


def test_a_thousand_classes_of_which_few_occur_are_fitted() -> None:
    units = [
        GoldUnit(f"u{n}", n % 900, [("ann", n % 900), ("bob", (n * 7) % 1_000), ("zoe", n % 900)]) for n in range(150)
    ]
    assert 0.0 <= fitted(units, 1_000, 0.8).rho <= 1.0


@pytest.mark.parametrize("together", [0.0, 0.4, 0.7])
def test_what_is_claimed_is_right_as_often_however_far_errors_go_together(together: float) -> None:
    generator = random.Random(7)
    gold = simulated(generator, 200, together)
    found = fitted(gold, 2, 0.8)
    crowd, seen = crowd_of(gold, found.rho), Counter(unit.known for unit in gold)
    independent = crowd_of(gold, 0.0)
    claims: list[tuple[float, bool]] = []
    naive: list[tuple[float, bool]] = []
    for unit in simulated(generator, 6_000, together):
        for crowd_used, kept in ((crowd, claims), (independent, naive)):
            for m in range(2, len(unit.answers) + 1):
                chances = class_chances(unit.answers[:m], crowd_used, seen)
                if max(chances) >= 0.9:
                    kept.append((max(chances), chances.index(max(chances)) == unit.known))
                    break
    gap = sum(value - right for value, right in claims) / len(claims)
    assert abs(gap) < 0.045
    if together > 0.5:
        assert sum(value - right for value, right in naive) / len(naive) > 2 * abs(gap), (
            "counted as independent it is not"
        )


def test_units_settled_as_a_class_of_three_percent_claim_no_more_than_they_are_right() -> None:
    generator = random.Random(9)
    gold = simulated(generator, 200, 0.2, rare=0.03)
    crowd = crowd_of(gold, fitted(gold, 2, 0.8).rho)
    seen = Counter(unit.known for unit in gold)
    claimed, right = 0.0, []
    for unit in simulated(generator, 40_000, 0.2, rare=0.03):
        for m in range(2, len(unit.answers) + 1):
            chances = class_chances(unit.answers[:m], crowd, seen)
            if max(chances) >= 0.93:
                if chances[1] > chances[0]:
                    claimed += chances[1]
                    right.append(unit.known == 1)
                break
    assert len(right) > 200
    assert (claimed - sum(right)) / len(right) < 0.02
