"""An annotator's own quality: told in steps of days, so that no figure tells which unit was hidden gold."""

import json
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest

from concord.chassis.clock import SystemClock
from concord.chassis.identity import Role
from concord.contracts.v1.resolutions_pb2 import GoldRuled
from services.ingest.domain.project import Policy
from services.metrics.domain.own import (
    CELL_STEP,
    PERIODS_MAX,
    STEP_MIN,
    GoldAnswer,
    Own,
    Owns,
    confusion,
    right_in_a_row,
    stated,
)
from services.metrics.domain.standing import AS_GIVEN
from services.metrics.domain.unit import Annotation, Unit
from services.metrics.domain.worked import DAY_US
from simulation.house import House, call
from tests.support.upstream import PROJECT
from tests.unit.services.metrics.running import Metrics, start

PATH = f"/v1/projects/{PROJECT}/quality/mine"
LIVE = ("labels", "days", "active_ms_median", "days_in_a_row", "computed_at")
"""What is told as it is now, since it says the same of gold and of work."""


class Noons(SystemClock):
    """A clock that goes from noon of a day to that of a later one when it is told to."""

    def __init__(self) -> None:
        self._ahead_us = 0
        self._ahead_us = DAY_US // 2 - super().now_us() % DAY_US

    def now_us(self) -> int:
        return super().now_us() + self._ahead_us

    def pass_days(self, days: int) -> None:
        self._ahead_us += days * DAY_US


@pytest.fixture
async def metrics(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Metrics]:
    # Else the next walk waits for as long as the machine makes the last one take.
    monkeypatch.setattr("services.metrics.owning.PAUSE", 0.0)
    found = await start(House(clock=Noons()))
    await found.upstream.project(Policy(), classes=["yes", "no"])
    yield found
    await found.stop()


async def own(metrics: Metrics, annotator_id: str = "ann", days: int = 0) -> Any:
    clock = metrics.house.clock
    assert isinstance(clock, Noons)
    clock.pass_days(days)
    await metrics.settle()
    token = metrics.house.token(annotator_id, Role.ANNOTATOR)
    answer = await call(metrics.service.application, "GET", PATH, token)
    assert answer.status == 200, answer.body
    return answer.json()


async def label_gold(metrics: Metrics, begin: int, count: int, annotator_id: str = "ann", right: bool = True) -> None:
    for number in range(begin, begin + count):
        await metrics.upstream.unit(f"k1-g{number}", gold="yes")
        said = "yes" if right else "no"
        await metrics.upstream.annotation(f"k1-g{number}", 1, annotator_id, said, active_ms=4_000)


def about_gold(body: Any) -> Any:
    return {name: value for name, value in body.items() if name not in LIVE}


async def test_gold_is_told_once_the_day_after_is_over_and_with_nine_more(metrics: Metrics) -> None:
    await label_gold(metrics, 0, STEP_MIN - 1)
    assert (await own(metrics))["accuracy"]["reason"] == "not known: no gold unit was labelled"
    assert (await own(metrics, days=1))["gold_units"] == 0
    assert (await own(metrics, days=1))["gold_units"] == 0, "the day is over, and nine would be told"
    await label_gold(metrics, 20, 1, right=False)
    await label_gold(metrics, 21, 2)
    assert [(await own(metrics, days=1))["gold_units"] for _ in range(2)] == [0, 12]
    body = await own(metrics)
    assert (body["gold_correct"], body["right_in_a_row"]) == (11, 2)
    assert body["periods"] == [
        {
            "until": body["stated_until"],
            "gold_units": 12,
            "gold_correct": 11,
            "accuracy": body["accuracy"],
        }
    ]
    assert body["accuracy"]["low"] < body["accuracy"]["value"] < body["accuracy"]["high"]
    pairs = {(cell["known"], cell["given"]): cell["units"] for cell in body["confusion"][0]["cells"]}
    assert (pairs, body["confusion"][0]["others"]) == ({('"yes"', '"yes"'): 9}, 3)
    assert (await own(metrics, "bob"))["gold_units"] == 0


async def test_who_looks_after_every_label_cannot_tell_gold_from_work(metrics: Metrics) -> None:
    await label_gold(metrics, 0, 2 * STEP_MIN)
    before = about_gold(await own(metrics, days=2))
    assert before["gold_units"] == 2 * STEP_MIN
    for number in range(30, 34):  # a wrong one each, right and wrong in turn, on gold and on work in turn
        if number % 2:
            await label_gold(metrics, number, 1, right=False)
        else:
            await metrics.upstream.unit(f"k1-w{number}")
            await metrics.upstream.annotation(f"k1-w{number}", 1, "ann", "no", active_ms=4_000)
        now = await own(metrics)
        assert about_gold(now) == before
        assert now["labels"] == 2 * STEP_MIN + number - 29
    for _ in range(5):
        assert about_gold(await own(metrics, days=1)) == before, "two more are not told alone on any day"


async def test_two_who_did_the_same_on_gold_and_on_work_are_told_the_same(metrics: Metrics) -> None:
    await metrics.upstream.unit("k1-g1", gold="yes")
    await metrics.upstream.unit("k1-w1")
    await metrics.upstream.annotation("k1-g1", 1, "ann", "no", active_ms=4_000)
    await metrics.upstream.annotation("k1-w1", 1, "bob", "no", active_ms=4_000)
    first, second = [await own(metrics, name) for name in ("ann", "bob")]
    assert first.pop("annotator_id") != second.pop("annotator_id")
    assert first.pop("computed_at")
    assert second.pop("computed_at")
    assert first == second
    assert "bob" not in json.dumps(first)
    assert "k1-g1" not in json.dumps(first)


async def test_a_corrected_known_label_is_in_what_was_told_before(metrics: Metrics) -> None:
    await label_gold(metrics, 0, STEP_MIN)
    assert (await own(metrics, days=2))["gold_correct"] == STEP_MIN
    ruled = GoldRuled(unit_id="k1-g3", revision=1, outcome="corrected", known_label=b'"no"', reviewer_id="lee")
    await metrics.upstream.resolution("k1-g3", gold_ruled=ruled)
    body = await own(metrics)
    assert (body["gold_units"], body["gold_correct"]) == (STEP_MIN, STEP_MIN - 1)


async def test_the_others_pace_is_told_when_they_are_five(metrics: Metrics) -> None:
    await metrics.upstream.unit("k1-u1")
    for place, name in enumerate(("ann", "b", "c", "d", "e"), start=1):
        await metrics.upstream.annotation("k1-u1", place, name, "no", active_ms=1_000 * place)
    assert (await own(metrics))["others_active_ms_median"] is None
    await metrics.upstream.annotation("k1-u1", 6, "f", "no", active_ms=6_000)
    body = await own(metrics)
    assert (body["active_ms_median"], body["others_active_ms_median"]) == (1_000, 4_000)
    assert (await own(metrics, "stranger"))["others_active_ms_median"] is None
    assert (body["days"][0]["active_ms"], body["days_in_a_row"]) == (1_000, 1)


async def test_an_operator_is_no_annotator_and_another_clients_project_is_none(metrics: Metrics) -> None:
    assert (await metrics.call(PATH)).status == 403
    stranger = metrics.house.token("ann", Role.ANNOTATOR, client_id="k2")
    assert (await call(metrics.service.application, "GET", PATH, stranger)).status == 404


def answer(day: int, right: bool = True, at: int = 0) -> GoldAnswer:
    return GoldAnswer(day * DAY_US + at, '"yes"', '"yes"' if right else '"no"', right, 0)


def test_what_is_told_follows_from_the_days_whatever_the_order() -> None:
    answers = [answer(day, at=place) for day in range(4) for place in range(4)]
    whole = stated(answers, 9 * DAY_US)
    assert whole == stated(answers[::-1], 9 * DAY_US)
    assert [(period.until_day, period.gold_units) for period in whole.periods] == [(2, 12)]
    assert right_in_a_row(stated([answer(0, at >= 3, at) for at in range(12)], 9 * DAY_US).answers) == 9


def test_every_statement_has_a_step_more_than_the_one_before() -> None:
    answers = [answer(day, at=place) for day in range(60) for place in range(1 + day % 5)]
    told = [len(stated(answers, day * DAY_US).answers) for day in range(63)]
    steps = [after - before for before, after in pairwise(told)]
    assert all(step == 0 or step >= STEP_MIN for step in steps)
    assert sum(step > 0 for step in steps) > 5


def test_old_periods_are_one_and_none_is_lost() -> None:
    found = stated([answer(day, at=place) for day in range(40) for place in range(STEP_MIN)], 99 * DAY_US)
    assert (len(found.periods), found.periods[0].until_day) == (1 + PERIODS_MAX, 39 - PERIODS_MAX)
    assert sum(period.gold_units for period in found.periods) == len(found.answers) == 40 * STEP_MIN


def test_a_pair_of_classes_moves_by_threes_alone() -> None:
    answers = [answer(0, right=False) for _ in range(8)]
    told = [confusion(answers[:count], ['"yes"', '"no"']).cells.get(('"yes"', '"no"'), 0) for count in range(9)]
    assert {after - before for before, after in pairwise(told)} == {0, CELL_STEP}


def test_labels_are_held_against_resolutions_in_tens() -> None:
    owns = Owns({}, AS_GIVEN, lambda known, given: known == given)
    for number in range(25):
        said = '"yes"' if number % 2 else '"no"'
        owns.add(
            Unit(PROJECT, annotations={"a": Annotation("ann", said, at_us=1)}, settlement="consensus", resolved='"yes"')
        )
    assert owns.people["ann"].resolved == (10, 10)
    assert (owns.people["ann"].agreed, owns.people["ann"].differed) == (12, 13)
    assert Own({}).resolved == (0, 0)
