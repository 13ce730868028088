"""Who may do a project's real work: by what was told of their answers on gold."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.quality.qualification import reached
from services.assign.domain.qualification import (
    Asked,
    Bar,
    QualificationState,
    again,
    hear,
    may_retrain,
    progress,
    retrained,
)

BAR = Bar("once", 0.8, 30, 1)
EACH = Bar("each_version", 0.8, 30, 1)


def told(revision: int, units: int, right: int) -> QualificationState:
    return QualificationState("c1-p", "ann", revision, units, right)


def after(answers: list[bool], bar: Bar = BAR, state: QualificationState | None = None) -> QualificationState | None:
    """Return how somebody stands after answers on gold, each told at once; what was told before stays counted."""
    units, right = (0, 0) if state is None else (state.units, state.right)
    revision = 0 if state is None else state.revision
    for answer in answers:
        units, right, revision = units + 1, right + answer, revision + 1
        state = hear(state, told(revision, units, right), bar) or state
    return state


def test_fourteen_right_answers_qualify_at_four_fifths_and_about_as_many_are_told_before() -> None:
    told_first = progress(None, BAR)
    assert told_first is not None
    assert told_first.about_more == 14
    almost = after([True] * 13)
    so_far = progress(almost, BAR)
    assert so_far is not None
    assert (so_far.standing, so_far.answered, so_far.about_more) == ("qualifying", 13, 1)
    assert progress(after([True] * 14), BAR) is None


def test_who_does_not_reach_the_bar_in_as_many_units_as_there_are_has_failed_and_may_be_let_try_again() -> None:
    failed = after([True, False] * 15)
    assert failed is not None
    assert failed.standing == "failed"
    assert after([True] * 20, state=failed).standing == "failed"  # type: ignore[union-attr]  # it stays one
    once_more = again(failed, BAR)
    assert once_more is not None
    assert (once_more.standing, once_more.attempt, once_more.answered) == ("qualifying", 2, (0, 0))
    assert progress(after([True] * 14, state=once_more), BAR) is None
    assert again(once_more, BAR) is None


def test_a_new_version_of_the_guideline_asks_anew_only_where_the_project_says_so() -> None:
    qualified = after([True] * 14, EACH)
    later = msgspec.structs.replace(EACH, version=2)
    asked = progress(qualified, later)
    assert asked is not None
    assert (asked.standing, asked.answered) == ("qualifying", 0)
    assert progress(qualified, msgspec.structs.replace(BAR, version=2)) is None
    anew = after([True] * 13, later, qualified)
    assert progress(anew, later) is not None, "what was right under the version before does not count"
    assert progress(after([True], later, anew), later) is None


def test_whoever_falls_below_the_bar_qualifies_again_however_good_they_were() -> None:
    good = after([True] * 200)
    assert progress(good, BAR) is None
    worse = after([True, False] * 15, state=good)
    asked = progress(worse, BAR)
    assert asked is not None
    assert asked.standing in ("qualifying", "failed")


@pytest.mark.parametrize("asked", ["no"])
def test_a_project_that_asks_for_nothing_keeps_nothing_and_keeps_nobody_out(asked: Asked) -> None:
    bar = msgspec.structs.replace(BAR, asked=asked)
    assert hear(None, told(1, 5, 0), bar) is None
    assert progress(after([False] * 30), bar) is None


@given(st.lists(st.booleans(), max_size=80), st.data())
def test_telling_again_or_late_changes_nothing(answers: list[bool], data: st.DataObject) -> None:
    sums = [(number, number, sum(answers[:number])) for number in range(1, len(answers) + 1)]
    once, shaken = None, None
    for row in sums:
        once = hear(once, told(*row), BAR) or once
        shaken = hear(shaken, told(*row), BAR) or shaken
        if data.draw(st.booleans()):
            old = sums[data.draw(st.integers(0, row[0] - 1))]
            if shaken is not None and old[0] <= shaken.revision:
                assert hear(shaken, told(*old), BAR) is None
    assert once == shaken


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_nobody_is_qualified_whose_bound_never_reached_the_bar(answers: list[bool]) -> None:
    state = after(answers)
    ever = any(reached(sum(answers[:n]), n, BAR.accuracy) for n in range(1, min(len(answers), BAR.units_max) + 1))
    assert ever or progress(state, BAR) is not None


RETRAINING = msgspec.structs.replace(BAR, retrain_units=5, attempts_max=2)


def test_who_failed_begins_again_once_retrained_as_often_in_a_row_as_the_project_lets_them() -> None:
    state = after([False] * 30, RETRAINING)
    for attempt in (1, 2):
        assert state is not None
        assert (state.standing, state.attempt, may_retrain(state, RETRAINING)) == ("failed", attempt, True)
        assert retrained(state, attempt + 1, RETRAINING) is None, "of another attempt"
        state = retrained(state, attempt, RETRAINING)
        assert retrained(state, attempt, RETRAINING) is None, "told again"
        state = after([False] * 30, RETRAINING, state)
    assert state is not None
    assert (state.failures, may_retrain(state, RETRAINING), retrained(state, 3, RETRAINING)) == (3, False, None)
    let = again(state, RETRAINING)
    assert let is not None
    passed = after([True] * 14, RETRAINING, let)
    assert passed is not None
    assert (passed.standing, passed.failures) == ("qualified", 0)


def test_who_falls_below_the_bar_is_retrained_first_where_the_project_wants_that() -> None:
    good = after([True] * 14, RETRAINING)
    fell = after([False] * 5, RETRAINING, good)
    assert fell is not None
    entry = progress(fell, RETRAINING)
    assert entry is not None
    assert (entry.standing, entry.retraining, fell.failures) == ("failed", True, 0)
    once_more = retrained(fell, fell.attempt, RETRAINING)
    assert once_more is not None
    assert (once_more.standing, once_more.answered) == ("qualifying", (0, 0))
