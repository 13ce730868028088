"""What gold says of a crowd as a whole."""

from services.metrics.domain.crowd import crowd_found
from services.metrics.domain.unit import Annotation
from services.metrics.handlers import Handlers
from services.metrics.repository import Rows

CLASSES = ('"no"', '"yes"')


def filled() -> Rows:
    """Return the rows of thirty gold units that three people answered, the fifth of them wrong together."""
    rows = Rows()
    for number in range(30):
        unit_id = f"k1-g{number}"
        unit = rows.unit(unit_id, "k1-p", 1)
        assert unit is not None
        unit.gold, unit.admitted_at_us = CLASSES[number % 3 == 0], 5
        rows.gold_known(unit_id, unit, "", 1, anew=True)
        for place, who in enumerate(("ann", "bob", "cyd")):
            annotation = Annotation(who, unit.gold if number % 5 else CLASSES[0], at_us=10 + place)
            unit.annotations[f"{unit_id}.{who}"] = annotation
            rows.worked(unit, annotation, None)
    return rows


def test_the_same_is_found_in_whatever_order_gold_was_answered() -> None:
    forth, back = filled(), Rows()
    back.load_units(dict(reversed(list(filled().open.walk()))))
    found = [crowd_found(rows.sums["k1-p"], CLASSES, 0.8) for rows in (forth, back)]
    assert found[0].gold_units == found[1].gold_units == ((0, 20), (1, 10))
    assert found[0].gold_answers == found[1].gold_answers == 90
    assert found[0].dependence == found[1].dependence
    assert forth.crowds == back.crowds == {"k1-p"}
    assert found[0].revision == found[1].revision == 120, "a new life counts what was learnt as the one before did"


def test_gold_that_is_erased_is_in_nothing_and_outranks_what_was_told_before() -> None:
    rows = filled()
    before = crowd_found(rows.sums["k1-p"], CLASSES, 0.8)
    unit = rows.unit("k1-g0", "k1-p", 1)
    assert unit is not None
    Handlers(rows)._erased("k1-g0", unit)
    after = crowd_found(rows.sums["k1-p"], CLASSES, 0.8)
    assert after.gold_units == ((0, 20), (1, 9))
    assert after.gold_answers == 87
    assert after.revision > before.revision


def test_without_gold_a_crowd_is_what_crowds_are() -> None:
    rows = Rows()
    found = crowd_found(rows.sums_of("k1-p"), CLASSES, 0.8)
    assert (found.dependence.units, found.gold_units, found.revision) == (0, (), 0)
