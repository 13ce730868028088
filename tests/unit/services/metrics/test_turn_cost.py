"""What a turn costs where a crowd is large: it is concluded upon who did something, and others get to run meanwhile."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from concord.chassis.broker.port import Outgoing
from concord.contracts.topics import QUALITY
from concord.quality.competence import accuracy
from concord.quality.estimate import Estimate
from services.ingest.domain.project import Policy
from services.metrics.announcements import competence_estimated
from services.metrics.domain.standing import Standing
from services.metrics.estimates import ESTIMATES_MAX
from services.metrics.measure import CONCLUDED_MAX, Measure
from services.metrics.repository import Rows
from simulation.house import House, call
from tests.support.service import until
from tests.support.upstream import PROJECT
from tests.unit.services.metrics.running import Metrics, measure_of, start

PEOPLE = 3 * CONCLUDED_MAX + 7


@pytest.fixture
async def metrics(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Metrics]:
    monkeypatch.setattr("services.metrics.bootstrap.MEASURE_SECONDS", 0.05)
    running = await start(House())
    await running.upstream.project(Policy())
    await running.label()
    await running.quality()
    yield running
    await running.stop()


def breathing(measure: Measure, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that gets a zero whenever others get to run; what is done meanwhile is added to its last."""
    at_once, clock = [0], measure.clock

    class Breathing:
        """The clock, which notes its pauses."""

        def __getattr__(self, name: str) -> object:
            return getattr(clock, name)

        async def sleep(self, seconds: float) -> None:
            at_once.append(0)
            await clock.sleep(seconds)

    monkeypatch.setattr(measure, "clock", Breathing())
    return at_once


def crowd_answers(rows: Rows) -> list[str]:
    """Have PEOPLE answer a gold unit each, and return who they are."""
    people = [f"w{number:04d}" for number in range(PEOPLE)]
    for number, annotator_id in enumerate(people):
        standing = rows.sums[PROJECT].standings[annotator_id] = Standing()
        standing.answered('"yes"', '"yes"' if number % 3 else '"no"')
    return people


async def test_of_a_large_crowd_only_who_did_something_is_concluded_upon_and_others_run_between(
    metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = measure_of(metrics.service)
    project = measure.projects.rows[PROJECT]
    rows = measure.repository.rows_of(PROJECT)
    assert rows is not None
    concluded, at_once = [0], breathing(measure, monkeypatch)

    def counting(correct: int, units: int) -> Estimate:
        concluded[0] += 1
        at_once[-1] += 1
        return accuracy(correct, units)

    monkeypatch.setattr("services.metrics.domain.standing._accuracy", counting)
    crowd_answers(rows)
    rows.changed.add(PROJECT)
    found = await measure.now(project)
    assert len(found.competences) == PEOPLE + 2
    assert concluded[0] == PEOPLE
    assert max(at_once) <= CONCLUDED_MAX
    rows.sums[PROJECT].standings["w0001"].answered('"no"', '"no"')
    rows.changed.add(PROJECT)
    again = await measure.now(project)
    assert concluded[0] == PEOPLE + 1, "nothing was learnt of the others"
    assert again.competences["w0001"].gold_units == 2
    assert again.competences["w0002"] is found.competences["w0002"]
    await until(lambda: measure.measured[PROJECT].competences.keys() == again.competences.keys())
    assert {row["gold_units"] for entry, row in (await metrics.annotators()).items() if entry == "w0001"} == {2}
    shown = (await call(metrics.service.application, "GET", "/metrics")).body.decode()
    assert 'annotator="w0001"' in shown, "shown, though whoever asked was the first to learn it"


async def test_of_a_large_crowd_all_is_told_and_others_run_between(
    metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = measure_of(metrics.service)
    rows = measure.repository.rows_of(PROJECT)
    assert rows is not None
    before, at_once = len(metrics.house.records(QUALITY)), breathing(measure, monkeypatch)

    def counting(*arguments: Any) -> Outgoing:
        at_once[-1] += 1
        return competence_estimated(*arguments)

    monkeypatch.setattr("services.metrics.estimates.competence_estimated", counting)
    people = crowd_answers(rows)
    rows.estimated[PROJECT] = set(people)
    rows.changed.add(PROJECT)
    await until(lambda: len(metrics.house.records(QUALITY)) >= before + PEOPLE)
    events = [event.competence_estimated for event in metrics.house.events(QUALITY)[before:]]
    assert sorted(event.annotator_id for event in events if event.annotator_id) == people, "each once"
    assert max(at_once) <= ESTIMATES_MAX


async def test_who_asks_while_a_project_is_being_measured_is_told_what_is_known_by_then(
    metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = measure_of(metrics.service)
    project, clock = measure.projects.rows[PROJECT], measure.clock
    rows = measure.repository.rows_of(PROJECT)
    assert rows is not None
    before = (await measure.now(project)).competences["ann"].gold_units
    asked, changed = list[int](), rows.changed

    class Asking:
        """The clock; at the first pause of a turn somebody asks."""

        def __getattr__(self, name: str) -> object:
            return getattr(clock, name)

        async def sleep(self, seconds: float) -> None:
            if not asked and PROJECT not in changed:
                asked.append(0)
                asked.append((await measure.now(project)).competences["ann"].gold_units)
            await clock.sleep(seconds)

    rows.sums[PROJECT].standings["ann"].answered('"yes"', '"yes"')
    rows.changed.add(PROJECT)
    monkeypatch.setattr(measure, "clock", Asking())
    await until(lambda: len(asked) == 2)
    assert asked == [0, before + 1]
