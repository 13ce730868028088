"""Who tires is asked for a break, and for other work the next time; who is steady or learns is left alone."""

import math
import random
from collections.abc import AsyncIterator, Iterable
from operator import eq as equal
from typing import Any

import pytest

from concord.chassis.clock import SystemClock
from concord.contracts.topics import QUALITY
from concord.contracts.v1.annotations_pb2 import AnnotationEvent, AnnotationSubmitted
from concord.contracts.v1.metadata_pb2 import Metadata
from services.ingest.domain.project import Fatigue, Policy
from services.metrics.domain.fatigue import ROTATION_US, SESSION_PAUSE_US, Breaks, Person, Watch
from services.metrics.domain.unit import Annotation
from services.metrics.handlers import Handlers
from services.metrics.repository import Rows
from simulation.house import House
from tests.support.book import MemoryParts
from tests.support.service import until
from tests.unit.concord.quality.test_fatigue import times_by_annotator
from tests.unit.services.metrics.running import Metrics, start
from tests.unit.services.metrics.test_book import book

BREAKS = Breaks(asked=True, false_alarm_units=465, break_seconds=30, session_minutes_max=90)
SECOND_US = 1_000_000


class Work:
    """Somebody's work, unit after unit."""

    def __init__(self, breaks: Breaks = BREAKS) -> None:
        self.person = Person()
        self.breaks = breaks
        self.at_us = SECOND_US * 1_000_000
        self.generator = random.Random(3)

    def usual(self, units: int, times: float = 1.0) -> list[float]:
        return [times * self.generator.lognormvariate(2.3, 0.4) for _ in range(units)]

    def do(self, seconds: Iterable[float], wrong: bool | None = None) -> list[tuple[str, int]]:
        """Return the breaks that fell due: of which kind, after how many units."""
        found: list[tuple[str, int]] = []
        before = self.person.due
        for number, value in enumerate(seconds, start=1):
            self.at_us += int(value * SECOND_US)
            self.person.worked(Annotation("ann", '"yes"', active_ms=int(value * 1_000), at_us=self.at_us), wrong)
            self.person.judged(self.breaks)
            if self.person.due != before:
                before = self.person.due
                found.append((before.kind, number))
        return found


def test_who_tires_is_asked_for_a_short_break_and_if_it_goes_on_for_other_work() -> None:
    work = Work()
    assert not work.do(work.usual(60))
    ((kind, units),) = work.do(work.usual(12, times=2.5))
    assert (kind, work.person.due.until_us - work.person.due.at_us) == ("break", 30 * SECOND_US)
    assert units <= 12
    assert work.person.due.reason.startswith("Your last ")
    work.at_us += 60 * SECOND_US
    again = work.do(work.usual(30, times=6.0))
    assert [kind for kind, _ in again] == ["rotation"]
    assert work.person.due.until_us - work.person.due.at_us == ROTATION_US


def test_after_a_long_pause_a_session_begins_rested_with_short_breaks_again() -> None:
    work = Work()
    work.do(work.usual(60))
    assert work.do(work.usual(12, times=2.5))
    work.at_us += SESSION_PAUSE_US + SECOND_US
    assert not work.do(work.usual(60))
    assert next(kind for kind, _ in work.do(work.usual(15, times=3.0))) == "break"


def test_who_gets_faster_is_never_asked_and_who_is_steady_no_more_often_than_stated() -> None:
    learning = Work(Breaks(True, 465, 30, 100_000))
    assert not learning.do(seconds * (0.4 + 0.6 * 0.97**number) for number, seconds in enumerate(learning.usual(600)))
    asked = units = 0
    for number in range(40):
        steady = Work(Breaks(True, 465, 1, 100_000))
        steady.generator = random.Random(number)
        asked += len(steady.do(steady.usual(300)))
        units += 300
    assert asked <= units / 465 + 3 * (units / 465) ** 0.5


@pytest.mark.parametrize("name", ["weather_sentiment", "person_video"])
def test_of_honest_people_on_real_timings_no_larger_share_is_ever_asked_than_is_stated(name: str) -> None:
    people = times_by_annotator(name)
    asked, chance = 0, []
    for times in people.values():
        asked += bool(Work(Breaks(True, 465, 30, 100_000)).do(times))
        chance.append(1 - math.exp(-len(times) / 465))
    expected = sum(chance)
    spread = sum(value * (1 - value) for value in chance) ** 0.5
    assert len(people) > 20
    assert asked <= expected + 2.33 * spread, "what the stated rate explains at 1 in 100"


def test_of_people_on_real_timings_those_are_asked_whom_the_record_names_and_with_which_unit() -> None:
    """Decision 0038 and the docstring of `concord.quality.fatigue` state these figures."""
    asked = {
        (name, who): found
        for name in ("weather_sentiment", "person_video")
        for who, times in times_by_annotator(name).items()
        if (found := Work(Breaks(True, 465, 30, 100_000)).do(times))
    }
    assert asked == {("person_video", "w012"): [("break", 39)], ("person_video", "w019"): [("break", 50)]}
    people = times_by_annotator("person_video")
    judged = sum(max(0, len(times) - 10) for times in people.values())
    assert (judged, len(people["w019"])) == (753, 50), "w019's falls due with the last unit of all"
    # Both took far longer than they had: one four of five times, the other from the half on.
    for who, first, last in (("w012", 34, 39), ("w019", 26, 50)):
        before, after = sorted(people[who][:first]), sorted(people[who][first:last])
        assert after[len(after) // 2] > 2 * before[len(before) // 2]


def test_a_session_as_long_as_the_project_allows_ends_in_a_break() -> None:
    work = Work(Breaks(True, 100_000, 30, 2))
    found = work.do([10.0] * 40)
    assert [kind for kind, _ in found] == ["break", "break", "break"]
    assert work.person.due.reason == "You have worked for 2 minutes without a pause."


def test_gold_answered_wrong_far_more_often_than_usual_is_a_reason_too() -> None:
    work = Work()
    work.do([10.0] * 60, wrong=False)
    work.at_us += SESSION_PAUSE_US + SECOND_US
    assert not work.do([10.0] * 20, wrong=False)
    assert work.do([10.0] * 20, wrong=True)
    assert work.person.due.reason == "Your latest labels were right less often than is usual for you."


def test_nobody_is_asked_where_the_project_asks_for_no_breaks_and_what_is_told_again_changes_nothing() -> None:
    work = Work(Breaks(False, 465, 30, 90))
    work.do(work.usual(60))
    assert not work.do(work.usual(60, times=5.0))
    before = work.person.units
    work.person.worked(Annotation("ann", '"yes"', active_ms=9_000, at_us=work.at_us), None)
    work.person.worked(Annotation("ann", '"yes"', active_ms=9_000, at_us=work.at_us - 5), None)
    assert work.person.units == before


@pytest.mark.parametrize("chunk", [1, 7, 1_000])
def test_a_break_falls_due_with_the_label_that_showed_it_however_many_are_counted_at_once(chunk: int) -> None:
    """What is counted anew, or late, comes to the breaks that were told."""
    work = Work()
    seconds = [*work.usual(60), *work.usual(15, times=3.0)]
    found = work.do(seconds)
    assert found
    assert all(60 < units < len(seconds) for _, units in found), "the last label is not the one that shows it"
    rows = Rows(lambda _: Watch(equal, BREAKS))
    at_us, events = SECOND_US * 1_000_000, []
    for number, value in enumerate(seconds):
        at_us += int(value * SECOND_US)
        about = Metadata(client_id="k1", project_id="k1-p", occurred_at_us=at_us)
        submitted = AnnotationSubmitted(
            unit_id=f"k1-u{number}",
            annotation_id=str(number),
            annotator_id="ann",
            label=b'"yes"',
            active_ms=int(value * 1_000),
        )
        events.append(AnnotationEvent(metadata=about, annotation_submitted=submitted))
    served = Handlers(rows)
    for begins in range(0, len(events), chunk):
        served.annotations(events[begins : begins + chunk])
    assert rows.people["k1-p"]["ann"].due == work.person.due


async def test_people_are_in_the_book() -> None:
    parts, work = MemoryParts(), Work()
    work.do(work.usual(60))
    work.do(work.usual(12, times=2.5))
    kept, served = book(parts)
    served.rows.people["k1-p"] = {"ann": work.person}
    served.rows.judged("k1-p")
    await kept.keep({})
    again, heir = book(parts, "two")
    await again.take_up()
    assert heir.rows.people == {"k1-p": {"ann": work.person}}
    heir.rows.begin()
    assert heir.rows.timed == {"k1-p": {"ann"}}, "who was asked is asked again by the new owner, in the same words"


@pytest.fixture(params=[1, 2], ids=["one life", "two lives"])
async def metrics(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Metrics]:
    monkeypatch.setattr("services.metrics.bootstrap.MEASURE_SECONDS", 0.05)
    found = await start(House(), lives=request.param)
    await found.upstream.project(Policy(fatigue=Fatigue(breaks=True, break_seconds=600)))
    await found.settle()
    yield found
    await found.stop()


class YearsAhead(SystemClock):
    """The clock of a machine that was set wrong."""

    def now_us(self) -> int:
        """Return a time eighty years from now."""
        return super().now_us() + 80 * 365 * 86_400 * SECOND_US


def asked(metrics: Metrics) -> list[Any]:
    return [
        event
        for event in metrics.house.events(QUALITY)
        if event.WhichOneof("event") in ("break_required", "standing_changed")
    ]


async def test_a_tired_annotator_is_asked_once_and_a_rested_one_never(metrics: Metrics) -> None:
    generator = random.Random(5)
    for number in range(75):
        for place, who in enumerate(("ann", "bob")):
            seconds = generator.lognormvariate(2.3, 0.4) * (3.0 if who == "ann" and number >= 60 else 1.0)
            await metrics.upstream.annotation(f"k1-u{number}", place, who, "yes", active_ms=int(1_000 * seconds))
    await metrics.settle()
    await until(lambda: bool(asked(metrics)))
    await metrics.settle()
    (event,) = asked(metrics)
    annotator = event.break_required
    assert annotator.annotator_id == "ann"
    assert annotator.until_us - event.metadata.occurred_at_us == 600 * SECOND_US
    people = await metrics.annotators()
    assert (people["ann"]["fatigue"]["break_kind"], people["ann"]["fatigue"]["break_reason"]) == (
        "break",
        annotator.reason,
    )
    assert people["bob"]["fatigue"]["break_kind"] == ""
    await metrics.stop()
    again = await start(metrics.house)
    await again.settle()
    assert {entry.metadata.event_id for entry in asked(again)} == {event.metadata.event_id}, "the same in every life"
    await again.stop()


@pytest.mark.parametrize("metrics", [1], indirect=True)
async def test_a_label_dated_years_ahead_does_not_keep_a_tired_annotator_from_a_break(metrics: Metrics) -> None:
    generator, clock, upstream = random.Random(5), metrics.house.clock, metrics.upstream
    for number in range(75):
        seconds = generator.lognormvariate(2.3, 0.4) * (3.0 if number >= 60 else 1.0)
        upstream.clock = YearsAhead() if number == 30 else clock
        await upstream.annotation(f"k1-u{number}", 1, "ann", "yes", active_ms=int(1_000 * seconds))
    await until(lambda: bool(asked(metrics)))
    (event,) = asked(metrics)
    assert event.break_required.until_us < clock.now_us() + 1_000 * SECOND_US, "and not years from now"
    assert (await metrics.quality())["newest_at"] < "2100"
