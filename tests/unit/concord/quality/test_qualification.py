"""Qualification by a bound: the chances that the module states, reckoned exactly answer by answer."""

from collections.abc import Callable
from functools import cache

import pytest

from concord.quality.qualification import about_more, fallen, reached, units_least

BAR, UNITS_MAX = 0.8, 30


def chance(accuracy: float, ends: Callable[[int, int, float], bool]) -> float:
    """Return the chance that the rule ends it within UNITS_MAX answers, looked at after each."""
    under_way, ended = {0: 1.0}, 0.0
    for units in range(1, UNITS_MAX + 1):
        after: dict[int, float] = {}
        for right, weight in under_way.items():
            for now, share in ((right + 1, accuracy), (right, 1 - accuracy)):
                if ends(now, units, BAR):
                    ended += weight * share
                else:
                    after[now] = after.get(now, 0.0) + weight * share
        under_way = after
    return ended


@pytest.mark.parametrize(("accuracy", "stated"), [(0.7, 0.010), (0.8, 0.086), (0.9, 0.49), (0.95, 0.85)])
def test_somebody_passes_with_the_stated_chance(accuracy: float, stated: float) -> None:
    assert chance(accuracy, cache(reached)) == pytest.approx(stated, rel=0.02, abs=0.0005)


@pytest.mark.parametrize(("accuracy", "stated"), [(0.9, 0.0015), (0.8, 0.033), (0.6, 0.64)])
def test_somebody_is_found_below_with_the_stated_chance(accuracy: float, stated: float) -> None:
    assert chance(accuracy, cache(fallen)) == pytest.approx(stated, rel=0.02, abs=0.0005)


@pytest.mark.parametrize("bar", [0.0, 0.04, 0.5, 0.8, 0.926, 0.99])
def test_no_fewer_answers_reach_the_bar_than_are_said(bar: float) -> None:
    least = units_least(bar)
    assert reached(least, least, bar)
    assert least == 1 or not reached(least - 1, least - 1, bar)


def test_so_many_more_as_are_said_reach_the_bar_when_they_are_all_right() -> None:
    for done in range(20):
        more = about_more(done, done, BAR, UNITS_MAX)
        assert more == 1 or (
            reached(done + more, done + more, BAR) and not reached(done + more - 1, done + more - 1, BAR)
        )
