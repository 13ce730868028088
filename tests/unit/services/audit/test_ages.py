"""How long lots have waited for their verdict, as Prometheus is told."""

import dataclasses

import msgspec
import pytest

from concord.chassis.clock import MICROSECONDS, SystemClock
from concord.chassis.telemetry import Telemetry
from concord.chassis.telemetry import by_project as telemetry_by_project
from services.audit.domain.place import OpenLot
from services.audit.handlers import ages
from services.audit.handlers.ages import Ages
from services.audit.telemetry import INSTRUMENTS
from tests.support.audit import INSPECT_ALL, LOT, Audit, lot_id, sealed, unit_ids
from tests.support.radius import AGAIN, OTHER, OTHERS, inspected, reject, settle
from tests.support.upstream import PROJECT


class At(SystemClock):
    """A clock that is set by hand."""

    us = 0

    def now_us(self) -> int:
        return self.us


class Looking:
    """A look at a running audit's lots, with a clock and series of its own."""

    def __init__(self, audit: Audit) -> None:
        self.clock = At()
        self.telemetry = Telemetry("audit")
        instruments = self.telemetry.instruments(INSTRUMENTS)
        means = dataclasses.replace(audit.handlers.means, clock=self.clock, instruments=instruments)
        self.ages = Ages(means)

    async def after(self, at_us: int, seconds: int, name: str = ages.AGE) -> dict[tuple[str, str], float]:
        """Return the ages by project and client, as they are told so long after a moment."""
        self.clock.us = at_us + seconds * MICROSECONDS
        await self.ages.look()
        metrics = self.telemetry.registry.collect()
        samples = [sample for metric in metrics for sample in metric.samples if sample.name == name]
        return {(sample.labels["project"], sample.labels["client"]): sample.value for sample in samples}


async def sealed_at(audit: Audit, which: str) -> int:
    (lot,) = await audit.repository.lots([which])
    assert lot.sealed_at_us
    return lot.sealed_at_us


async def test_the_oldest_lots_age_is_told_from_its_sealing_until_it_is_accepted_whatever_starts_anew() -> None:
    audit = await sealed(INSPECT_ALL)
    first_us = await sealed_at(audit, LOT)
    await audit.more(lot_id(2), unit_ids(3, first=50))
    second_us = await sealed_at(audit, lot_id(2))
    assert await Looking(audit).after(first_us, 90_000) == {(PROJECT, "k1"): 90_000.0}
    audit = await audit.restarted()
    looking = Looking(audit)
    assert await looking.after(first_us, 90_000) == {(PROJECT, "k1"): 90_000.0}, "as of the seal, not of the start"
    assert (await audit.lot())["sealed_at"] is not None

    await audit.resolve()
    await audit.inspect({})
    assert (await audit.lot())["status"] == "accepted"
    assert await looking.after(second_us, 60) == {(PROJECT, "k1"): 60.0}, "the other one is the oldest now"
    await audit.resolve(unit_ids(3, first=50))
    await audit.inspect({})
    assert await looking.after(second_us, 60) == {}, "nothing waits, and no series says so"
    await audit.stop()


async def test_how_long_a_lot_has_been_held_is_told_until_its_units_in_doubt_are_looked_at() -> None:
    audit = await sealed(AGAIN)
    await audit.more(OTHER, OTHERS)
    await settle(audit, OTHERS, {"bad": "yes"})
    looking = Looking(audit)
    assert await looking.after(0, 0, ages.HELD_AGE) == {}
    await reject(audit)
    (held,) = await audit.repository.lots([OTHER])
    assert await looking.after(held.held_at_us, 900, ages.HELD_AGE) == {(PROJECT, "k1"): 900.0}
    audit = await audit.restarted()
    looking = Looking(audit)
    assert await looking.after(held.held_at_us, 900, ages.HELD_AGE) == {(PROJECT, "k1"): 900.0}
    await inspected(audit, OTHERS)
    assert await looking.after(held.held_at_us, 900, ages.HELD_AGE) == {}, "it is looked at, and no series says else"
    await audit.stop()


async def test_of_too_many_projects_those_are_told_whose_lots_have_waited_longest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    audit = await sealed(INSPECT_ALL)
    looking = Looking(audit)
    (lot,) = audit.repository.open_lots(None)
    since_us = lot.state.sealed_at_us
    aged = {"k1-a": 3, "k1-b": 900, "k2-c": 60, "k2-d": 0}
    lots = [
        OpenLot(msgspec.structs.replace(lot.state, project_id=name, sealed_at_us=since_us - seconds * MICROSECONDS))
        for name, seconds in aged.items()
    ]
    # One of before lots told when they were sealed: nothing is known of its age.
    lots.append(OpenLot(msgspec.structs.replace(lot.state, project_id="k3-old", sealed_at_us=0)))
    monkeypatch.setattr(audit.repository, "open_lots", lambda project_id: lots)
    assert {name for name, _ in await looking.after(since_us, 5)} == set(aged)
    monkeypatch.setattr(telemetry_by_project, "PROJECTS_SHOWN_MAX", 2)
    assert await looking.after(since_us, 5) == {("k1-b", "k1"): 905.0, ("k2-c", "k2"): 65.0}
    await audit.stop()
